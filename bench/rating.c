/* SPDX-License-Identifier: Apache-2.0 */
/* What rating a CDR costs (category, look-up in a deck of 50,000 prefixes, price), what the longest
 * call with the most changes of price costs, and how long large decks take to read. */
#include "adapters/csv/deck_csv.h"
#include "adapters/tzdata/zone_file.h"
#include "base/buffer.h"
#include "core/catalog_build.h"
#include "core/numbering.h"
#include "core/numbering_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NUMBERS = 4096, NUMBER_MAX = 20, DECK_BYTES_MAX = 64 * 1024 * 1024, TIERS = 20 };

#define ANSWER INT64_C(1767225600000)
#define WEEK_MS INT64_C(604800000)

static struct ts_numbering *numbering;
static char numbers[NUMBERS][NUMBER_MAX];
static uint64_t seed = 1;

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(seed >> 33) % below;
}

static void fail(const struct ts_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

/* Reads the deck in `csv` and tells how long it took. */
static struct ts_deck *read_deck(const struct ts_buffer *csv)
{
    struct ts_error err = {0};
    double start = now_us();
    struct ts_deck *deck = ts_csv_read_deck(ts_buffer_bytes(csv), numbering, NULL, &err);
    if (deck == NULL) {
        fail(&err);
    }
    printf("%7zu rows: read, checked, compiled in %8.2f ms, %6.1f MiB\n",
           ts_deck_row_count(deck),
           (now_us() - start) / 1e3,
           (double)ts_deck_memory_bytes(deck) / (1 << 20));
    return deck;
}

/* Prefixes of six digits after a country code: as many different ones as wanted. */
static struct ts_deck *wide_deck(unsigned prefixes)
{
    static const char *const codes[] = {"44", "49", "33", "39", "34", "52", "55", "61", "81", "91"};
    struct ts_buffer csv;
    ts_buffer_init(&csv, DECK_BYTES_MAX);
    ts_buffer_append_text(&csv,
                          "prefix,rate,interval_1,interval_n,category,description\n*,0.5,,,,\n");
    for (unsigned i = 0; i < prefixes; i++) {
        ts_buffer_format(&csv,
                         "%s%05u,0.%04u,6,6,international_outbound,Place %u\n",
                         codes[i % 10],
                         i / 10 * 3,
                         i % 9999,
                         i);
    }
    struct ts_deck *deck = read_deck(&csv);
    ts_buffer_finish(&csv);
    return deck;
}

/* Another price each hour of the day, in twenty tiers, by the second. */
static struct ts_deck *busy_deck(void)
{
    struct ts_buffer csv;
    ts_buffer_init(&csv, DECK_BYTES_MAX);
    ts_buffer_append_text(
        &csv, "prefix,rate,interval_1,interval_n,rate_unit,from_unit,from_time,to_time\n");
    for (unsigned hour = 0; hour < 24; hour++) {
        for (unsigned tier = 0; tier < TIERS; tier++) {
            ts_buffer_format(&csv,
                             "*,0.%04u,1,1,%u,%u,%02u:00,%02u:00\n",
                             hour * TIERS + tier + 1,
                             60 + tier % 3,
                             tier * 20000,
                             hour,
                             hour + 1);
        }
    }
    struct ts_deck *deck = read_deck(&csv);
    ts_buffer_finish(&csv);
    return deck;
}

static struct ts_catalog *catalog_of(const struct ts_deck *deck, const struct ts_zone *zone)
{
    struct ts_error err = {0};
    struct ts_rate_plan plan;
    struct ts_deck_version version = {
        .version = 1, .plan_no = 1, .effective_ms = INT64_MIN, .deck = deck};
    struct ts_catalog_build *build = ts_catalog_build_create(numbering, &err);
    ts_rate_plan_init(&plan, "bench");
    if (build == NULL || !ts_catalog_build_plan(build, 1, &plan, zone, &err) ||
        !ts_catalog_build_version(build, &version, &err)) {
        fail(&err);
    }
    struct ts_catalog *catalog = ts_catalog_build_finish(build, 1, &err);
    if (catalog == NULL) {
        fail(&err);
    }
    ts_catalog_build_destroy(build);
    return catalog;
}

static void
measure(const char *what, const struct ts_catalog *catalog, int64_t duration_ms, int rounds)
{
    struct ts_account_profile account = {.country = "US", .rate_plan = 1};
    struct ts_rating rating;
    int64_t sum = 0;
    double start = now_us();
    for (int round = 0; round < rounds; round++) {
        for (int n = 0; n < NUMBERS; n++) {
            struct ts_cdr cdr = {.from_number = TS_LITERAL("+12125550100"),
                                 .to_number = ts_bytes_of(numbers[n]),
                                 .has_answer = true,
                                 .answer_ms = ANSWER + n * 7919,
                                 .duration_ms = duration_ms};
            ts_catalog_rate(catalog, &account, &cdr, &rating, NULL);
            sum += rating.charge_micros;
        }
    }
    printf("%-44s %8.4f us each, sum %lld\n",
           what,
           (now_us() - start) / NUMBERS / rounds,
           (long long)sum);
}

static void draw_numbers(void)
{
    static const char *const codes[] = {"44", "49", "33", "39", "34", "52", "55", "61", "81", "91"};
    for (int n = 0; n < NUMBERS; n++) {
        snprintf(numbers[n], NUMBER_MAX, "+%s%05u%05u", codes[draw(10)], draw(15000), draw(100000));
    }
}

int main(void)
{
    struct ts_error err = {0};
    numbering = ts_numbering_create(ts_numbering_plan_embedded(), &err);
    struct ts_zone *zone = ts_zone_file_load("America/New_York", &err);
    if (numbering == NULL || zone == NULL) {
        fail(&err);
    }
    draw_numbers();
    struct ts_deck *decks[] = {wide_deck(50000), wide_deck(200000), busy_deck()};
    struct ts_catalog *plain = catalog_of(decks[0], zone);
    struct ts_catalog *busy = catalog_of(decks[2], zone);
    measure("a call of 125 s, 50,000 prefixes", plain, 125000, 200);
    measure("7 days by the second, 20 tiers, hourly windows", busy, WEEK_MS, 5);
    ts_catalog_destroy(plain);
    ts_catalog_destroy(busy);
    for (size_t i = 0; i < sizeof decks / sizeof decks[0]; i++) {
        ts_deck_destroy(decks[i]);
    }
    ts_zone_destroy(zone);
    ts_numbering_destroy(numbering);
    return 0;
}
