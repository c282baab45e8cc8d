/* SPDX-License-Identifier: Apache-2.0 */
/* An import of texts or sample files: what deck comes out, and what report. */
#ifndef TS_TESTS_UNIT_APP_IMPORT_FIXTURE_H
#define TS_TESTS_UNIT_APP_IMPORT_FIXTURE_H

#include "tests/unit/unit.h"

#include "adapters/csv/deck_csv.h"
#include "app/deck_file.h"
#include "app/deck_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_MAX = 16384 };

#define DECK_HEADER                                                                                \
    "prefix,rate,category,origin,description,rate_unit,interval_1,interval_n,connect_fee,grace,"   \
    "from_unit,effective_from,effective_to\n"

struct imported {
    bool good;
    struct ts_buffer deck; /* without its header, NUL behind it */
    char report[REPORT_MAX];
    struct ts_import_counts counts;
    struct ts_error err;
};

static const char *const severity_names[] = {"left out", "cell", "column"};

/* "a.csv:3 Rate left out: text" */
static inline void keep_note(void *self, const struct ts_import_note *note)
{
    char *report = self;
    size_t size = strlen(report);
    snprintf(report + size,
             REPORT_MAX - size,
             "%s:%u %s %s: %s\n",
             note->file,
             note->line,
             note->column,
             severity_names[note->severity],
             note->text);
}

/* Whatever comes out is a deck. Texts are without a NUL behind them, so that reading beyond their
 * end is found. */
static inline void run_import(const struct ts_import_format *format,
                              const struct ts_import_source *sources,
                              struct imported *out)
{
    struct ts_import_source copies[TS_IMPORT_FILES_MAX];
    struct ts_import_listener listener = {.note = keep_note, .self = out->report};
    *out = (struct imported){.good = false};
    ts_buffer_init(&out->deck, 1024 * 1024);
    for (size_t i = 0; i < format->file_count; i++) {
        char *copy = malloc(sources[i].csv.size + 1);
        memcpy(copy, sources[i].csv.data, sources[i].csv.size);
        copies[i] = (struct ts_import_source){sources[i].name, {copy, sources[i].csv.size}};
        copies[i].csv.data = realloc(copy, sources[i].csv.size > 0 ? sources[i].csv.size : 1);
    }
    out->good = ts_import_run(format, copies, &listener, &out->deck, &out->counts, &out->err);
    for (size_t i = 0; i < format->file_count; i++) {
        free((char *)(uintptr_t)copies[i].csv.data);
    }
    if (out->good) {
        struct ts_error err = {0};
        struct ts_deck *deck = ts_csv_read_deck(ts_buffer_bytes(&out->deck), NULL, NULL, &err);
        assert_non_null(deck);
        assert_int_equal(ts_deck_row_count(deck), out->counts.deck_rows);
        ts_deck_destroy(deck);
        assert_memory_equal(out->deck.data, DECK_HEADER, sizeof DECK_HEADER - 1);
    } else {
        assert_int_equal(out->err.class, TS_ERROR_REJECT);
    }
    ts_buffer_append_char(&out->deck, '\0');
}

static inline const char *deck_rows(const struct imported *imported)
{
    return imported->good ? imported->deck.data + sizeof DECK_HEADER - 1 : "";
}

/* A table of rows of one file, each below the same header. `deck` is what the row becomes, `report`
 * a part of what is told about it, NULL: nothing is. */
struct import_case {
    const char *row;
    const char *deck;
    const char *report;
};

static inline void check_cases(const struct ts_import_format *format,
                               const char *header,
                               const struct import_case *cases,
                               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[4096];
        struct imported imported;
        int size = snprintf(text, sizeof text, "%s\n%s\n", header, cases[i].row);
        struct ts_import_source source = {"f", {text, (size_t)size}};
        run_import(format, &source, &imported);
        assert_string_equal(deck_rows(&imported), cases[i].deck);
        assert_int_equal(imported.good, cases[i].deck[0] != '\0');
        const char *told = imported.report;
        while (strstr(told, " column: ") != NULL) {
            told = strchr(strstr(told, " column: "), '\n') + 1;
        }
        if (cases[i].report == NULL) {
            assert_string_equal(told, "");
            assert_int_equal(imported.counts.rows_left_out + imported.counts.cells_not_mapped, 0);
        } else if (strstr(told, cases[i].report) == NULL) {
            fail_msg("%s: no \"%s\" in \"%s\"", cases[i].row, cases[i].report, told);
        }
        ts_buffer_finish(&imported.deck);
    }
}

static inline void expect_file(const char *path, const char *text)
{
    struct ts_buffer wanted;
    struct ts_error err = {0};
    if (getenv("TOLLSTREAM_UPDATE_SAMPLES") != NULL) {
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        fputs(text, out);
        fclose(out);
    }
    ts_buffer_init(&wanted, 1024 * 1024);
    assert_true(ts_file_read(path, &wanted, &err));
    ts_buffer_append_char(&wanted, '\0');
    assert_string_equal(text, wanted.data);
    ts_buffer_finish(&wanted);
}

/* Sample files become NAME.deck.csv with the report NAME.report.txt. */
static inline void
check_sample(const struct ts_import_format *format, const char *const *files, const char *name)
{
    struct ts_buffer texts[TS_IMPORT_FILES_MAX];
    struct ts_import_source sources[TS_IMPORT_FILES_MAX];
    struct ts_error err = {0};
    struct imported imported;
    char path[256];
    for (size_t i = 0; i < format->file_count; i++) {
        snprintf(path, sizeof path, "tests/data/import/%s", files[i]);
        ts_buffer_init(&texts[i], 1024 * 1024);
        assert_true(ts_file_read(path, &texts[i], &err));
        sources[i] = (struct ts_import_source){files[i], ts_buffer_bytes(&texts[i])};
    }
    run_import(format, sources, &imported);
    assert_true(imported.good);
    snprintf(path, sizeof path, "tests/data/import/%s.deck.csv", name);
    expect_file(path, imported.deck.data);
    snprintf(path, sizeof path, "tests/data/import/%s.report.txt", name);
    expect_file(path, imported.report);
    for (size_t i = 0; i < format->file_count; i++) {
        ts_buffer_finish(&texts[i]);
    }
    ts_buffer_finish(&imported.deck);
}

#endif
