/* SPDX-License-Identifier: Apache-2.0 */
/* Rate decks. Whatever the bytes: faults are told in text with lines that exist, and the verdict is
 * the same the second time. A deck that is accepted prices any valid call, and can be compared with
 * itself and with another. */
#include "tests/fuzz/fuzz.h"

#include "adapters/csv/deck_csv.h"
#include "base/utf8.h"
#include "core/catalog_build.h"
#include "core/deck_compile.h"
#include "core/deck_diff.h"
#include "core/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATES_TRIED = 8, NUMBER_SIZE_MAX = 16 };

struct heard {
    uint32_t line_max;
    unsigned faults;
};

static void on_note(void *self, const struct ts_deck_note *note)
{
    struct heard *heard = self;
    TS_ASSERT(note->severity == TS_DECK_FAULT || note->severity == TS_DECK_WARNING);
    TS_ASSERT(note->line >= 1 && note->line <= heard->line_max);
    TS_ASSERT(ts_utf8_is_text(ts_bytes_of(note->column)));
    fuzz_expect_text(note->text);
    heard->faults += note->severity == TS_DECK_FAULT;
}

static struct ts_deck *read_deck(struct ts_bytes csv, struct ts_error *err)
{
    struct heard heard = {.line_max = 1};
    for (size_t i = 0; i < csv.size; i++) {
        heard.line_max += csv.data[i] == '\n';
    }
    struct ts_deck_listener listener = {.note = on_note, .self = &heard};
    struct ts_deck *deck = ts_csv_read_deck(csv, fuzz_numbering(), &listener, err);
    TS_ASSERT((deck == NULL) == (heard.faults > 0));
    if (deck == NULL) {
        fuzz_expect_error(err, TS_ERROR_REJECT);
    }
    return deck;
}

static void rate_call(const struct ts_catalog *catalog, const struct ts_cdr *cdr)
{
    struct ts_validate_limits limits = {.now_ms = TS_VALIDATE_NO_CLOCK};
    TS_ASSERT(ts_cdr_validate(cdr, &limits, NULL, 0) == TS_REASON_NONE);
    fuzz_rate(catalog, cdr);
}

/* Calls to and from one number: short and as long as can be, about the changes of the clock. */
static void rate_number(const struct ts_catalog *catalog, const char *number)
{
    static const int64_t answers_ms[] = {
        946684800000,  /* 2000-01-01, the first that is allowed */
        1772953199000, /* 2026-03-08T06:59:59Z, a second before summer time */
        1793512799500, /* 2026-11-01T05:59:59.500Z, before the repeated hour */
    };
    static const int64_t durations_ms[] = {1, 60000, 125000, 604800000};
    struct ts_cdr cdr = {
        .cdr_id = TS_LITERAL("1"),
        .source = TS_LITERAL("fuzz"),
        .account_id = TS_LITERAL("a"),
        .from_number = TS_LITERAL("+12125550100"),
        .to_number = ts_bytes_of(number),
        .has_answer = true,
    };
    unsigned turn = 0;
    for (size_t a = 0; a < sizeof answers_ms / sizeof answers_ms[0]; a++) {
        for (size_t d = 0; d < sizeof durations_ms / sizeof durations_ms[0]; d++, turn++) {
            cdr.start_ms = cdr.answer_ms = answers_ms[a];
            cdr.duration_ms = durations_ms[d];
            cdr.end_ms = cdr.answer_ms + cdr.duration_ms;
            cdr.service = turn % 3 == 2 ? TS_SERVICE_FAX : TS_SERVICE_VOICE;
            cdr.pages = turn % 3 == 2 ? (int32_t)turn : 0;
            cdr.license = (enum ts_license)(turn % TS_LICENSE_COUNT);
            cdr.direction = turn % 4 == 3 ? TS_DIRECTION_INBOUND : TS_DIRECTION_OUTBOUND;
            rate_call(catalog, &cdr);
        }
    }
}

/* A number that begins with the prefix. */
static void number_of_prefix(const char *prefix, char out[NUMBER_SIZE_MAX + 1])
{
    const char *digits = prefix[0] == '*' ? "" : prefix;
    snprintf(out, NUMBER_SIZE_MAX + 1, "+%s%.*s", digits, (int)(15 - strlen(digits)), "0123456");
}

static void rate_with(const struct ts_deck *deck)
{
    static const char *const numbers[] = {"+442071838750",
                                          "+12125550100",
                                          "+18005550100",
                                          "+19005550100",
                                          "911",
                                          "#31",
                                          "+870123456"};
    struct ts_catalog *catalog = fuzz_catalog_of(deck);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        rate_number(catalog, numbers[i]);
    }
    for (size_t i = 0; i < deck->rate_count && i < RATES_TRIED; i++) {
        char number[NUMBER_SIZE_MAX + 1];
        number_of_prefix(deck->rates[i].prefix, number);
        rate_number(catalog, number);
    }
    ts_catalog_destroy(catalog);
}

static struct ts_deck_sheet *read_sheet(struct ts_bytes csv)
{
    struct ts_error err;
    struct ts_deck_sheet *sheet = ts_csv_read_sheet(csv, NULL, &err);
    TS_ASSERT(sheet != NULL);
    return sheet;
}

static void on_difference(void *self, const struct ts_deck_difference *difference)
{
    int64_t *told = self;
    TS_ASSERT(difference->change < TS_DECK_CHANGE_SAME);
    TS_ASSERT((difference->before == NULL) == (difference->change == TS_DECK_CHANGE_ADDED));
    TS_ASSERT((difference->after == NULL) == (difference->change == TS_DECK_CHANGE_REMOVED));
    TS_ASSERT(difference->change != TS_DECK_CHANGE_UP || difference->rise_e8 >= 0);
    TS_ASSERT(difference->change != TS_DECK_CHANGE_DOWN || difference->rise_e8 <= 0);
    ++*told;
}

static void expect_mirrored(const struct ts_deck_diff *a, const struct ts_deck_diff *b)
{
    static const enum ts_deck_change mirror[TS_DECK_CHANGE_COUNT] = {
        [TS_DECK_CHANGE_ADDED] = TS_DECK_CHANGE_REMOVED,
        [TS_DECK_CHANGE_REMOVED] = TS_DECK_CHANGE_ADDED,
        [TS_DECK_CHANGE_UP] = TS_DECK_CHANGE_DOWN,
        [TS_DECK_CHANGE_DOWN] = TS_DECK_CHANGE_UP,
        [TS_DECK_CHANGE_CHANGED] = TS_DECK_CHANGE_CHANGED,
        [TS_DECK_CHANGE_SAME] = TS_DECK_CHANGE_SAME,
    };
    for (int i = 0; i < TS_DECK_CHANGE_COUNT; i++) {
        TS_ASSERT(a->sums[i].count == b->sums[mirror[i]].count);
    }
}

static void compare(struct ts_bytes csv, size_t rows)
{
    static const char other_csv[] =
        "prefix,rate,rate_unit,category,unit,description\n"
        "*,0.01,,,,x\n44,0.0073,7,,,\n4420,0,,,,\n*,1,,fax_inbound,page,\n"
        "1,blocked,,,,\n53,999999999.99999999,1,,,\n";
    struct ts_deck_sheet *sheet = read_sheet(csv);
    struct ts_deck_sheet *other = read_sheet(TS_LITERAL(other_csv));
    struct ts_deck_diff itself;
    struct ts_deck_diff there;
    struct ts_deck_diff back;
    int64_t told[3] = {0};
    ts_deck_diff(sheet, sheet, on_difference, &told[0], &itself);
    ts_deck_diff(sheet, other, on_difference, &told[1], &there);
    ts_deck_diff(other, sheet, on_difference, &told[2], &back);
    TS_ASSERT(told[0] == 0 && itself.sums[TS_DECK_CHANGE_SAME].count == (int64_t)rows);
    TS_ASSERT(told[1] == told[2]);
    expect_mirrored(&there, &back);
    ts_deck_sheet_destroy(sheet);
    ts_deck_sheet_destroy(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ts_error err = {0};
    struct ts_error again = {0};
    struct ts_deck *deck = read_deck(fuzz_bytes(data, size), &err);
    struct ts_deck *same = read_deck(fuzz_bytes(data, size), &again);
    TS_ASSERT((deck == NULL) == (same == NULL) && strcmp(err.text, again.text) == 0);
    if (deck != NULL) {
        TS_ASSERT(err.class == TS_ERROR_NONE);
        TS_ASSERT(ts_deck_row_count(deck) == ts_deck_row_count(same));
        TS_ASSERT(ts_deck_memory_bytes(deck) == ts_deck_memory_bytes(same));
        rate_with(deck);
        compare(fuzz_bytes(data, size), ts_deck_row_count(deck));
    }
    ts_deck_destroy(deck);
    ts_deck_destroy(same);
    return 0;
}
