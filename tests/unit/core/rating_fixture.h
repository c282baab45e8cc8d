/* SPDX-License-Identifier: Apache-2.0 */
/* A catalog of a few plans and decks, and calls to rate with it. */
#ifndef TS_TESTS_UNIT_CORE_RATING_FIXTURE_H
#define TS_TESTS_UNIT_CORE_RATING_FIXTURE_H

#include "tests/unit/core/deck_text.h"
#include "tests/unit/core/tzif.h"
#include "tests/unit/unit.h"

#include "base/error.h"
#include "core/catalog.h"
#include "core/catalog_build.h"
#include "core/numbering.h"
#include "core/numbering_data.h"
#include "core/timestamp.h"

enum { FIXTURE_DECKS_MAX = 24 };

struct fixture {
    struct ts_numbering *numbering;
    struct ts_catalog_build *build;
    struct ts_catalog *catalog;
    struct ts_zone *zone;
    struct ts_deck *decks[FIXTURE_DECKS_MAX];
    size_t deck_count;
};

static inline int64_t fixture_ms(const char *text)
{
    int64_t ms = 0;
    assert_true(ts_timestamp_parse(ts_bytes_of(text), &ms));
    return ms;
}

/* `rule` of the one zone that is not UTC, or NULL. */
static inline void fixture_init(struct fixture *f, const char *rule)
{
    struct ts_error err = {0};
    *f = (struct fixture){.numbering = ts_numbering_create(ts_numbering_plan_embedded(), &err)};
    assert_non_null(f->numbering);
    f->build = ts_catalog_build_create(f->numbering, &err);
    if (rule != NULL) {
        struct tzif file = tzif_make(0, NULL, 0, rule);
        f->zone = ts_zone_create("Test/Zone", tzif_bytes(&file), &err);
        assert_non_null(f->zone);
    }
}

static inline void fixture_finish(struct fixture *f)
{
    ts_catalog_build_destroy(f->build);
    ts_catalog_destroy(f->catalog);
    for (size_t i = 0; i < f->deck_count; i++) {
        ts_deck_destroy(f->decks[i]);
    }
    ts_zone_destroy(f->zone);
    ts_numbering_destroy(f->numbering);
}

/* `settings`: "key=value key=value". */
static inline bool
fixture_plan(struct fixture *f, int32_t plan_no, const char *name, const char *settings)
{
    struct ts_rate_plan plan;
    struct ts_error err = {0};
    ts_rate_plan_init(&plan, name);
    for (const char *at = settings; *at != '\0';) {
        size_t size = strcspn(at, " ");
        size_t key = strcspn(at, "=");
        assert_true(ts_rate_plan_set(&plan,
                                     (struct ts_bytes){at, key},
                                     (struct ts_bytes){at + key + 1, size - key - 1},
                                     &err));
        at += size + (at[size] == ' ' ? 1 : 0);
    }
    const struct ts_zone *zone = f->zone != NULL ? f->zone : ts_zone_utc();
    return ts_catalog_build_plan(f->build, plan_no, &plan, zone, &err);
}

/* Version numbers count from 1. */
static inline void
fixture_deck(struct fixture *f, int32_t plan_no, int64_t effective_ms, const char *text)
{
    struct ts_error err = {0};
    struct ts_deck *deck = deck_of(text, f->numbering, NULL);
    assert_non_null(deck);
    f->decks[f->deck_count++] = deck;
    struct ts_deck_version version = {.version = (int64_t)f->deck_count,
                                      .plan_no = plan_no,
                                      .effective_ms = effective_ms,
                                      .published = (int64_t)f->deck_count,
                                      .deck = deck};
    assert_true(ts_catalog_build_version(f->build, &version, &err));
}

static inline bool fixture_build(struct fixture *f)
{
    struct ts_error err = {0};
    f->catalog = ts_catalog_build_finish(f->build, 7, &err);
    assert_int_equal(err.class, f->catalog != NULL ? TS_ERROR_NONE : TS_ERROR_REJECT);
    return f->catalog != NULL;
}

/* One plan, one deck, built. */
static inline void
fixture_simple(struct fixture *f, const char *rule, const char *settings, const char *deck)
{
    fixture_init(f, rule);
    assert_true(fixture_plan(f, 1, "standard", settings));
    fixture_deck(f, 1, INT64_MIN, deck);
    assert_true(fixture_build(f));
}

/* An answered outbound voice call to Britain of so many seconds. */
static inline struct ts_cdr fixture_call(int64_t seconds)
{
    return (struct ts_cdr){
        .cdr_id = TS_LITERAL("1"),
        .source = TS_LITERAL("test"),
        .account_id = TS_LITERAL("a"),
        .from_number = TS_LITERAL("+12125550100"),
        .to_number = TS_LITERAL("+442071838750"),
        .has_answer = true,
        .start_ms = 1767312000000, /* 2026-01-02T00:00:00Z, a Friday */
        .answer_ms = 1767312000000,
        .end_ms = 1767312000000 + seconds * 1000,
        .duration_ms = seconds * 1000,
    };
}

static inline struct ts_rating fixture_rate(const struct fixture *f, const struct ts_cdr *cdr)
{
    struct ts_account_profile account = {.account_id = "a",
                                         .account_id_size = 1,
                                         .country = "US",
                                         .timezone = "UTC",
                                         .rate_plan = 1};
    struct ts_rating rating;
    char message[TS_RATING_MESSAGE_MAX] = "";
    ts_catalog_rate(f->catalog, &account, cdr, &rating, message);
    assert_int_equal(message[0] != '\0', rating.reason != TS_REASON_NONE);
    struct ts_rating again;
    ts_catalog_rate(f->catalog, &account, cdr, &again, NULL);
    assert_int_equal(again.charge_micros, rating.charge_micros);
    return rating;
}

#endif
