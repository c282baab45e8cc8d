/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to find a call's rate in a deck of 50,000 prefixes, to price it, the longest call
 * with the most changes of price, to rate a CDR as a whole, and to read large decks. */
#include "bench/measure.h"

#include "adapters/csv/deck_csv.h"
#include "adapters/tzdata/zone_file.h"
#include "base/buffer.h"
#include "core/catalog_build.h"
#include "core/deck_find.h"
#include "core/numbering.h"
#include "core/numbering_data.h"
#include "core/trie.h"

enum { NUMBERS = 4096, NUMBER_MAX = 20, DECK_BYTES_MAX = 64 * 1024 * 1024, TIERS = 20 };

#define ANSWER INT64_C(1767225600000)
#define WEEK_S INT64_C(604800)

static const char *const codes[] = {"44", "49", "33", "39", "34", "52", "55", "61", "81", "91"};
static struct ts_numbering *numbering;
static char numbers[NUMBERS][NUMBER_MAX];
static uint64_t seed = 1;

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

/* ---- decks
 * ------------------------------------------------------------------------------------ */

static struct ts_deck *read_deck(const struct ts_buffer *csv)
{
    struct ts_error err = {0};
    struct ts_deck *deck = ts_csv_read_deck(ts_buffer_bytes(csv), numbering, NULL, &err);
    if (deck == NULL) {
        fail(&err);
    }
    return deck;
}

static unsigned long long read_and_drop(void *csv)
{
    struct ts_deck *deck = read_deck(csv);
    unsigned long long rows = ts_deck_row_count(deck);
    ts_deck_destroy(deck);
    return rows;
}

/* Prefixes of six digits after a country code: as many different ones as wanted. */
static void wide_prefix(unsigned i, char out[NUMBER_MAX])
{
    snprintf(out, NUMBER_MAX, "%s%05u", codes[i % 10], i / 10 * 3);
}

static void write_wide(struct ts_buffer *csv, unsigned prefixes)
{
    ts_buffer_init(csv, DECK_BYTES_MAX);
    ts_buffer_append_text(csv,
                          "prefix,rate,interval_1,interval_n,category,description\n*,0.5,,,,\n");
    for (unsigned i = 0; i < prefixes; i++) {
        char prefix[NUMBER_MAX];
        wide_prefix(i, prefix);
        ts_buffer_format(
            csv, "%s,0.%04u,6,6,international_outbound,Place %u\n", prefix, i % 9999, i);
    }
}

/* Another price each hour of the day, in twenty tiers, by the second. */
static void write_busy(struct ts_buffer *csv)
{
    ts_buffer_init(csv, DECK_BYTES_MAX);
    ts_buffer_append_text(
        csv, "prefix,rate,interval_1,interval_n,rate_unit,from_unit,from_time,to_time\n");
    for (unsigned hour = 0; hour < 24; hour++) {
        for (unsigned tier = 0; tier < TIERS; tier++) {
            ts_buffer_format(csv,
                             "*,0.%04u,1,1,%u,%u,%02u:00,%02u:00\n",
                             hour * TIERS + tier + 1,
                             60 + tier % 3,
                             tier * 20000,
                             hour,
                             hour + 1);
        }
    }
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

/* ---- finding
 * ---------------------------------------------------------------------------------- */

static struct ts_trie *wide_trie(unsigned prefixes)
{
    struct ts_error err = {0};
    struct ts_trie *trie = ts_trie_create(&err);
    for (unsigned i = 0; trie != NULL && i < prefixes; i++) {
        char prefix[NUMBER_MAX];
        wide_prefix(i, prefix);
        if (!ts_trie_insert(trie, prefix, strlen(prefix), i, &err)) {
            fail(&err);
        }
    }
    return trie;
}

static unsigned long long find_prefixes(void *trie)
{
    unsigned long long sum = 0;
    for (int round = 0; round < 100; round++) {
        for (int n = 0; n < NUMBERS; n++) {
            sum += ts_trie_longest(trie, numbers[n] + 1, strlen(numbers[n] + 1));
        }
    }
    return sum;
}

static struct ts_deck_query query_of(const char *number)
{
    return (struct ts_deck_query){
        .digits = ts_bytes_of(number + 1),
        .category = TS_CATEGORY_INTERNATIONAL_OUTBOUND,
        .license = TS_LICENSE_TALK,
        .origin = ts_deck_origin_key("US", 2),
        .answer_ms = ANSWER,
    };
}

static unsigned long long find_rates(void *deck)
{
    unsigned long long sum = 0;
    for (int round = 0; round < 100; round++) {
        for (int n = 0; n < NUMBERS; n++) {
            struct ts_deck_query query = query_of(numbers[n]);
            sum += ts_deck_find(deck, &query)->row;
        }
    }
    return sum;
}

/* ---- pricing
 * ---------------------------------------------------------------------------------- */

struct pricing {
    const struct ts_deck *deck;
    const struct ts_zone *zone;
    int64_t seconds;
    int rounds;
};

static unsigned long long price(void *self)
{
    const struct pricing *pricing = self;
    struct ts_deck_query query = query_of(numbers[0]);
    struct ts_price_table table =
        ts_deck_price_table(pricing->deck, ts_deck_find(pricing->deck, &query));
    unsigned long long sum = 0;
    for (int round = 0; round < pricing->rounds; round++) {
        struct ts_price price;
        int64_t answer_ms = ANSWER + (int64_t)round * 7919;
        ts_price_call(
            &table, pricing->zone, answer_ms, pricing->seconds + round % 60, NULL, &price);
        sum += (unsigned long long)price.exact.whole_e8;
    }
    return sum;
}

static void bench_price(const char *what, double target_us, struct pricing pricing)
{
    bench(what, target_us, price, &pricing, pricing.rounds);
}

/* ---- rating
 * ----------------------------------------------------------------------------------- */

static unsigned long long rate(void *catalog)
{
    struct ts_account_profile account = {.country = "US", .rate_plan = 1};
    struct ts_rating rating;
    unsigned long long sum = 0;
    for (int round = 0; round < 50; round++) {
        for (int n = 0; n < NUMBERS; n++) {
            struct ts_cdr cdr = {.from_number = TS_LITERAL("+12125550100"),
                                 .to_number = ts_bytes_of(numbers[n]),
                                 .has_answer = true,
                                 .answer_ms = ANSWER + n * 7919,
                                 .duration_ms = 125000};
            ts_catalog_rate(catalog, &account, &cdr, &rating, NULL);
            sum += (unsigned long long)rating.charge_micros;
        }
    }
    return sum;
}

static void draw_numbers(void)
{
    for (int n = 0; n < NUMBERS; n++) {
        snprintf(numbers[n], NUMBER_MAX, "+%s%05u%05u", codes[draw(10)], draw(15000), draw(100000));
    }
}

int main(void)
{
    struct ts_error err = {0};
    struct ts_buffer csvs[3];
    struct ts_trie *trie = wide_trie(50000);
    numbering = ts_numbering_create(ts_numbering_plan_embedded(), &err);
    struct ts_zone *zone = ts_zone_file_load("America/New_York", &err);
    if (numbering == NULL || zone == NULL || trie == NULL) {
        fail(&err);
    }
    draw_numbers();
    write_wide(&csvs[0], 50000);
    write_wide(&csvs[1], 200000);
    write_busy(&csvs[2]);
    struct ts_deck *plain = read_deck(&csvs[0]);
    struct ts_deck *busy = read_deck(&csvs[2]);
    struct ts_catalog *catalog = catalog_of(plain, zone);
    bench("longest prefix of 50,000", 0, find_prefixes, trie, 100.0 * NUMBERS);
    bench("a rate among 50,000 prefixes", 0, find_rates, plain, 100.0 * NUMBERS);
    bench_price("price of a plain call", 0.3, (struct pricing){plain, zone, 125, 400000});
    bench_price("price of 7 days by the second, 20 tiers, hours",
                20,
                (struct pricing){busy, zone, WEEK_S - 60, 4000});
    bench("rating: category, rate, price", 0, rate, catalog, 50.0 * NUMBERS);
    bench("reading and checking a deck of 50,000 rows", 0, read_and_drop, &csvs[0], 1);
    bench("reading and checking a deck of 200,000 rows", 2e6, read_and_drop, &csvs[1], 1);
    printf("a deck of 50,000 prefixes takes %.1f MiB\n",
           (double)ts_deck_memory_bytes(plain) / (1 << 20));
    ts_catalog_destroy(catalog);
    ts_deck_destroy(plain);
    ts_deck_destroy(busy);
    ts_trie_destroy(trie);
    for (size_t i = 0; i < 3; i++) {
        ts_buffer_finish(&csvs[i]);
    }
    ts_zone_destroy(zone);
    ts_numbering_destroy(numbering);
    return 0;
}
