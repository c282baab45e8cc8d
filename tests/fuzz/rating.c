/* SPDX-License-Identifier: Apache-2.0 */
/* The rating half of fuzz.h. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/core/tzif.h"

#include "adapters/csv/deck_csv.h"
#include "core/catalog.h"
#include "core/catalog_build.h"
#include "core/explain.h"
#include "core/rate_plan.h"
#include "core/validate.h"

#include <string.h>

/* Every kind of row there is: tiers, windows that wrap, pages, bounds, a promotion, a block. */
static const char rich_deck[] =
    "prefix,rate,category,license,origin,unit,rate_unit,interval_1,interval_n,connect_fee,grace,"
    "from_unit,days,from_time,to_time,effective_from,effective_to,min_charge,max_charge\n"
    "*,0.01,,,,,,,,,,,,,,,,,\n"
    "*,0.02,toll_free_inbound,,,,,6,6,,,,,,,,,,\n"
    "*,0.005,local_inbound,,,,,,,,,,,,,,,,\n"
    "*,0.05,fax_inbound,,,page,,,,,,,,,,,,,\n"
    "*,0.07,fax_outbound,,,page,,,,0.01,,,,,,,,,0.5\n"
    "44,0.0073,,,,,,30,6,0.15,3,0,,,,,,0.02,9\n"
    "44,0.0051,,,,,7,30,6,,,600,,,,,,,\n"
    "4420,0.9,,talk,US,,,1,1,,,,mon-fri,08:00,18:00,,,,\n"
    "4420,0.3,,talk,US,,,1,1,,,,,18:00,08:00,,,,\n"
    "4420,0.3,,talk,US,,,1,1,,,,sat-sun,08:00,18:00,,,,\n"
    "4420,0.3,,talk,US,,3,1,1,,,120,sat-sun,08:00,18:00,,,,\n"
    "4420,0.2,,sell,,,,,,,,,,,,2026-01-01T00:00:00Z,2026-07-01T00:00:00+02:00,,\n"
    "53,blocked,,,,,,,,,,,,,,,,,\n"
    "900,999999999.99999999,premium_outbound,,,,1,1000000,1000000,,,,,,,,,,\n";

static const struct ts_zone *zone(void)
{
    static struct ts_zone *made;
    if (made == NULL) {
        struct ts_error err;
        struct tzif file = tzif_make(-18000, NULL, 0, "EST5EDT,M3.2.0,M11.1.0");
        made = ts_zone_create("Test/Zone", tzif_bytes(&file), &err);
        TS_ASSERT(made != NULL);
    }
    return made;
}

struct ts_catalog *fuzz_catalog_of(const struct ts_deck *deck)
{
    struct ts_error err;
    struct ts_rate_plan plan;
    struct ts_deck_version version = {
        .version = 1, .plan_no = 1, .effective_ms = INT64_MIN, .published = 1, .deck = deck};
    struct ts_catalog_build *build = ts_catalog_build_create(fuzz_numbering(), &err);
    ts_rate_plan_init(&plan, "fuzz");
    TS_ASSERT(build != NULL && ts_catalog_build_plan(build, 1, &plan, zone(), &err));
    TS_ASSERT(ts_catalog_build_version(build, &version, &err));
    struct ts_catalog *catalog = ts_catalog_build_finish(build, 1, &err);
    TS_ASSERT(catalog != NULL);
    ts_catalog_build_destroy(build);
    return catalog;
}

static void expect_step(void *self, const char *text)
{
    (void)self;
    fuzz_expect_text(text);
    TS_ASSERT(strlen(text) < TS_EXPLAIN_STEP_MAX);
}

static void expect_same_rating(const struct ts_rating *a, const struct ts_rating *b)
{
    TS_ASSERT(a->reason == b->reason && a->category == b->category && a->unit == b->unit);
    TS_ASSERT(a->quantity == b->quantity && a->billed == b->billed);
    TS_ASSERT(a->charge_micros == b->charge_micros && a->deck_version == b->deck_version);
    TS_ASSERT(ts_bytes_equal(a->prefix, b->prefix) && strcmp(a->region, b->region) == 0);
}

void fuzz_rate(const struct ts_catalog *catalog, const struct ts_cdr *cdr)
{
    struct ts_account_profile account = {.account_id = "a",
                                         .account_id_size = 1,
                                         .country = "US",
                                         .timezone = "UTC",
                                         .rate_plan = 1};
    struct ts_explain explain = {.step = expect_step};
    struct ts_rating rating;
    struct ts_rating again;
    char message[TS_RATING_MESSAGE_MAX] = "";
    ts_catalog_rate(catalog, &account, cdr, &rating, message);
    ts_catalog_explain(catalog, &account, cdr, &explain, &again, NULL);
    expect_same_rating(&rating, &again);
    if (rating.reason != TS_REASON_NONE) {
        fuzz_expect_text(message);
        return;
    }
    TS_ASSERT(message[0] == '\0');
    TS_ASSERT(rating.category < TS_CATEGORY_COUNT);
    TS_ASSERT(rating.charge_micros >= 0 && rating.charge_micros <= TS_AMOUNT_MAX);
    TS_ASSERT(rating.billed == 0 || rating.billed >= rating.quantity);
    TS_ASSERT(rating.billed > 0 || rating.charge_micros == 0);
}

/* Made once and never given back. */
static const struct ts_catalog *rich_catalog(void)
{
    static struct ts_deck *deck;
    static struct ts_catalog *catalog;
    if (catalog == NULL) {
        struct ts_error err;
        deck = ts_csv_read_deck(TS_LITERAL(rich_deck), fuzz_numbering(), NULL, &err);
        TS_ASSERT(deck != NULL);
        catalog = fuzz_catalog_of(deck);
    }
    return catalog;
}

void fuzz_validate_and_rate(const struct ts_cdr *cdr)
{
    struct ts_validate_limits limits = {.now_ms = TS_VALIDATE_NO_CLOCK,
                                        .duration_tolerance_ms = TS_DURATION_TOLERANCE_MS_DEFAULT};
    char message[TS_VALIDATE_MESSAGE_MAX] = "";
    enum ts_reason reason = ts_cdr_validate(cdr, &limits, message, sizeof message);
    TS_ASSERT(ts_cdr_validate(cdr, &limits, NULL, 0) == reason);
    if (reason == TS_REASON_NONE) {
        TS_ASSERT(message[0] == '\0');
        fuzz_rate(rich_catalog(), cdr);
    } else {
        TS_ASSERT(reason >= TS_REASON_MISSING_FIELD && reason <= TS_REASON_INVALID_PAGES);
        fuzz_expect_text(message);
    }
}
