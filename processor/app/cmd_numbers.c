/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cmd_numbers.h"

#include "base/error.h"
#include "core/numbering.h"
#include "core/numbering_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "usage: tollstream numbers [FILE]\n"
    "\n"
    "Reads one phone number a line ('+' and digits) from FILE, or from standard input when FILE\n"
    "is absent or '-', and prints number,region,type for each, in order.\n";

/* The line without its end, which may be CRLF. */
static struct ts_bytes number_of(const char *line, size_t size)
{
    if (size > 0 && line[size - 1] == '\n') {
        size--;
    }
    if (size > 0 && line[size - 1] == '\r') {
        size--;
    }
    return (struct ts_bytes){line, size};
}

bool ts_numbers_print(const struct ts_numbering *plan, FILE *in, FILE *out, struct ts_error *err)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    while (!ferror(out) && (size = getline(&line, &capacity, in)) >= 0) {
        struct ts_bytes number = number_of(line, (size_t)size);
        struct ts_number_info info = ts_numbering_lookup(plan, number);
        fwrite(number.data, 1, number.size, out);
        fprintf(out, ",%s,%s\n", info.region, ts_number_type_name(info.type));
    }
    bool read_failed = ferror(in) != 0;
    free(line);
    if (fflush(out) != 0 || ferror(out) != 0) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "cannot write the output: %s", strerror(errno));
    }
    if (read_failed) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "cannot read the numbers: %s", strerror(errno));
    }
    return true;
}

static bool print_file(const char *path, struct ts_error *err)
{
    struct ts_numbering *plan = ts_numbering_create(ts_numbering_plan_embedded(), err);
    if (plan == NULL) {
        return false;
    }
    bool standard_input = strcmp(path, "-") == 0;
    FILE *in = standard_input ? stdin : fopen(path, "r");
    bool done =
        in != NULL
            ? ts_numbers_print(plan, in, stdout, err)
            : ts_error_set(err, TS_ERROR_FATAL, 0, "cannot open %s: %s", path, strerror(errno));
    if (in != NULL && !standard_input) {
        fclose(in);
    }
    ts_numbering_destroy(plan);
    return done;
}

int ts_cmd_numbers(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "-";
    if (argc == 2 && (strcmp(path, "--help") == 0 || strcmp(path, "-h") == 0)) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (argc > 2 || (path[0] == '-' && path[1] != '\0')) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    struct ts_error err = {0};
    if (!print_file(path, &err)) {
        fprintf(stderr, "tollstream numbers: %s\n", err.text);
        return EXIT_USAGE;
    }
    return EXIT_SUCCESS;
}
