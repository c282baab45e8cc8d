/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a fuzzer's corpus where there is no libFuzzer: every file as it is, then cut off at each
 * of its bytes (of long ones, at some), then with a few bytes damaged, by a generator whose seed
 * never changes. Each input lies in memory of exactly its size, so that a sanitizer sees a read
 * beyond its end. An empty corpus fails: it would test nothing. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 1024 * 1024, CUTS_MAX = 256, DAMAGED = 256, DAMAGED_BYTES_MAX = 4 };

static uint64_t seed = 20261101;
static unsigned long runs;

static size_t below(size_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(seed >> 33) % limit;
}

static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    TS_ASSERT(exact != NULL);
    if (size > 0) {
        memcpy(exact, data, size);
    }
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    runs++;
}

static void run_all_forms(const uint8_t *data, size_t size)
{
    static uint8_t damaged[INPUT_MAX];
    run(data, size);
    size_t step = size / CUTS_MAX + 1;
    for (size_t cut = 0; cut < size; cut += step) {
        run(data, cut);
    }
    for (int i = 0; i < DAMAGED && size > 0; i++) {
        memcpy(damaged, data, size);
        for (size_t n = below(DAMAGED_BYTES_MAX) + 1; n > 0; n--) {
            damaged[below(size)] = (uint8_t)below(256);
        }
        run(damaged, size);
    }
}

static bool replay_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    size_t size = fread(data, 1, sizeof data, file);
    bool good = ferror(file) == 0 && size < sizeof data;
    fclose(file);
    if (!good) {
        fprintf(stderr, "%s: cannot be read, or is larger than %d bytes\n", path, INPUT_MAX);
        return false;
    }
    run_all_forms(data, size);
    return true;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    int count = scandir(argv[1], &entries, NULL, alphasort); /* in the same order everywhere */
    unsigned files = 0;
    bool good = count >= 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            good = replay_file(path) && good;
            files++;
        }
        free(entries[i]);
    }
    free(entries);
    if (files == 0) {
        fprintf(stderr, "%s: no files\n", argv[1]);
        return 1;
    }
    printf("%u files, %lu inputs\n", files, runs);
    return good ? 0 : 1;
}
