/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/deck_text.h"
#include "tests/unit/core/tzif.h"
#include "tests/unit/torture.h"

#include "core/catalog.h"
#include "core/catalog_build.h"
#include "core/numbering.h"
#include "core/trie.h"

#include <string.h>

/* Prefixes enough to make the trie grow. Those that were stored before stay as they were, the one
 * that was refused is not there, and the trie can go on. */
static bool fill_trie(void *context, struct ts_error *err)
{
    (void)context;
    char digits[16];
    uint32_t stored = 0;
    struct ts_trie *trie = ts_trie_create(err);
    if (trie == NULL) {
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < 1000 && good; i++) {
        size_t size = (size_t)snprintf(digits, sizeof digits, "%u", 100000 + i * 37);
        good = ts_trie_insert(trie, digits, size, i, err);
        assert_int_equal(ts_trie_find(trie, digits, size), good ? i : TS_TRIE_NONE);
        stored += good;
    }
    for (uint32_t i = 0; i < stored; i++) {
        size_t size = (size_t)snprintf(digits, sizeof digits, "%u", 100000 + i * 37);
        assert_int_equal(ts_trie_find(trie, digits, size), i);
    }
    ts_trie_destroy(trie);
    return good;
}

static void test_trie(void **state)
{
    (void)state;
    assert_in_range(torture(fill_trie, NULL, TS_ERROR_FATAL), 4, 20);
}

/* Lines enough to make the plan's ranges grow. */
static bool load_numbering(void *context, struct ts_error *err)
{
    struct ts_numbering *plan = ts_numbering_create(*(const struct ts_bytes *)context, err);
    if (plan == NULL) {
        return false;
    }
    struct ts_number_info info = ts_numbering_lookup(plan, TS_LITERAL("+10421"));
    assert_string_equal(info.region, "US");
    ts_numbering_destroy(plan);
    return true;
}

static void test_numbering(void **state)
{
    (void)state;
    static char csv[64 * 1024];
    size_t size = (size_t)snprintf(csv, sizeof csv, "prefix,digits,region,type\n");
    for (int i = 0; i < 3000; i++) {
        size += (size_t)snprintf(csv + size, sizeof csv - size, "1%04d,,US,mobile\n", i);
    }
    struct ts_bytes text = {csv, size};
    assert_in_range(torture(load_numbering, &text, TS_ERROR_FATAL), 4, 40);
}

/* Every sort of row, so that every array of a deck is made. */
static const char deck_text[] =
    "prefix,rate,description,from_unit,days,from_time,to_time,category\n"
    "*,0.01,everywhere,,,,,\n"
    "44,0.02,Britain,,,,,\n"
    "44,0.01,Britain,600,,,,\n"
    "4420,0.9,London,,mon-fri,08:00,18:00,\n"
    "4420,0.3,London,,*,18:00,08:00,\n"
    "4420,0.3,London,,sat-sun,08:00,18:00,\n"
    "4420,0.2,London,60,sat-sun,08:00,18:00,\n"
    "53,blocked,,,,,,\n"
    "1,0.02,,,,,,local_outbound";

static void count_faults(void *self, const struct ts_deck_note *note)
{
    *(unsigned *)self += note->severity == TS_DECK_FAULT;
}

/* As many rows as it takes to make a sheet grow, then those above. Running out of memory is no
 * fault of the deck: a user must not be told that it is, nor may it be refused for ever. */
static bool compile_deck(void *context, struct ts_error *err)
{
    (void)context;
    static char lines[sizeof deck_text + 1];
    unsigned faults = 0;
    struct ts_deck_listener listener = {.note = count_faults, .self = &faults};
    struct ts_deck_sheet *sheet = ts_deck_sheet_create(&listener, err);
    if (sheet == NULL) {
        return false;
    }
    memcpy(lines, deck_text, sizeof deck_text);
    uint32_t line = 1;
    for (char *at = lines; at != NULL; line++) {
        char *end = strchr(at, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        deck_line(sheet, at, line);
        at = end != NULL ? end + 1 : NULL;
    }
    for (int i = 0; i < 500; i++, line++) {
        char row[64];
        snprintf(row, sizeof row, "%d,0.01,a country,,,,,", 700000 + i);
        deck_line(sheet, row, line);
    }
    struct ts_deck *deck = ts_deck_sheet_compile(sheet, NULL, err);
    ts_deck_sheet_destroy(sheet);
    assert_int_equal(faults, 0);
    assert_true(deck == NULL || ts_deck_row_count(deck) == 509);
    ts_deck_destroy(deck);
    return deck != NULL;
}

static void test_deck(void **state)
{
    (void)state;
    assert_in_range(torture(compile_deck, NULL, TS_ERROR_FATAL), 15, 100);
}

/* Plans and versions enough to make both arrays grow. A builder that refused one goes on. */
static bool build_catalog(void *context, struct ts_error *err)
{
    struct ts_deck_version version = {.effective_ms = INT64_MIN, .deck = context};
    struct ts_catalog_build *build = ts_catalog_build_create(NULL, err);
    if (build == NULL) {
        return false;
    }
    bool good = true;
    for (int32_t i = 1; i <= 40 && good; i++) {
        struct ts_rate_plan plan;
        char name[16];
        snprintf(name, sizeof name, "plan %d", i);
        ts_rate_plan_init(&plan, name);
        version.version = version.published = i;
        version.plan_no = i;
        good = ts_catalog_build_plan(build, i, &plan, ts_zone_utc(), err) &&
               ts_catalog_build_version(build, &version, err);
    }
    struct ts_catalog *catalog = good ? ts_catalog_build_finish(build, 3, err) : NULL;
    if (good) {
        assert_non_null(catalog);
        assert_string_equal(ts_catalog_plan(catalog, 40)->name, "plan 40");
        assert_int_equal(ts_catalog_version_at(catalog, 40, 0), 40);
    }
    ts_catalog_build_destroy(build);
    ts_catalog_destroy(catalog);
    return good;
}

static void test_catalog(void **state)
{
    (void)state;
    struct ts_deck *deck = deck_of(deck_text, NULL, NULL);
    assert_non_null(deck);
    assert_in_range(torture(build_catalog, deck, TS_ERROR_FATAL), 4, 20);
    ts_deck_destroy(deck);
}

/* The last allocation of a zone only gives back what is left over: without it the zone is larger
 * and just as good. */
static bool create_zone(void *context, struct ts_error *err)
{
    struct ts_zone *zone = ts_zone_create("Test/Zone", tzif_bytes(context), err);
    if (zone == NULL) {
        return false;
    }
    assert_int_equal(ts_zone_span_at(zone, 1782864000).offset_s, -14400); /* July 2026 */
    assert_string_equal(ts_zone_name(zone), "Test/Zone");
    ts_zone_destroy(zone);
    return true;
}

static void test_zone(void **state)
{
    (void)state;
    struct tzif file = tzif_make(-18000, NULL, 0, "EST5EDT,M3.2.0,M11.1.0");
    assert_int_equal(torture(create_zone, &file, TS_ERROR_FATAL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trie),
        cmocka_unit_test(test_numbering),
        cmocka_unit_test(test_deck),
        cmocka_unit_test(test_catalog),
        cmocka_unit_test(test_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
