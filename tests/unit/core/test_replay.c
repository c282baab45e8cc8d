/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/rating_fixture.h"
#include "tests/unit/unit.h"

#include "core/replay.h"
#include "core/replay_report.h"

#include <string.h>

enum { PLAN = 1 };

struct months {
    struct fixture fixture;
    struct ts_replay_month month;
    struct ts_allowance world;
    struct ts_allowance any;
};

static int set_up(void **state)
{
    static struct months m;
    struct ts_error err = {0};
    fixture_init(&m.fixture, NULL);
    assert_true(fixture_plan(&m.fixture, PLAN, "plan", ""));
    m.fixture.catalog = ts_catalog_build_finish(m.fixture.build, 1, &err);
    assert_non_null(m.fixture.catalog);
    ts_replay_month_init(&m.month);
    m.world = (struct ts_allowance){.units = 100, .name = "world", .name_size = 5};
    m.any = (struct ts_allowance){.units = 50, .name = "any", .name_size = 3};
    *state = &m;
    return 0;
}

static int tear_down(void **state)
{
    struct months *m = *state;
    ts_replay_month_finish(&m->month);
    fixture_finish(&m->fixture);
    return 0;
}

/* A call of so many seconds, at 10 micro-units a second as it was settled. */
struct told {
    int64_t billed;
    int64_t world; /* drawn when it was settled */
    int64_t any;
    int64_t new_billed;
    int64_t price; /* a second, now */
};

static struct ts_replay_change rate(struct months *m, struct told told)
{
    const struct ts_adjustment_units units[] = {{TS_LITERAL("world"), told.world},
                                                {TS_LITERAL("any"), told.any}};
    const struct ts_replay_settled settled = {.charge_micros =
                                                  10 * (told.billed - told.world - told.any),
                                              .billed = told.billed,
                                              .units = units,
                                              .unit_count = 2};
    const struct ts_replay_rated rated = {.price_micros = told.price * told.new_billed,
                                          .billed = told.new_billed,
                                          .fitting = {&m->world, &m->any},
                                          .fitting_count = 2};
    struct ts_replay_change change;
    struct ts_error err = {0};
    assert_true(
        ts_replay_month_rate(&m->month, m->fixture.catalog, PLAN, &settled, &rated, &change, &err));
    assert_int_equal(change.amount_micros, settled.charge_micros - change.charge_micros);
    return change;
}

static int64_t units_of(const struct ts_replay_change *change, const char *name)
{
    for (size_t i = 0; i < change->unit_count; i++) {
        if (ts_bytes_equal_text(change->units[i].allowance, name)) {
            return change->units[i].units;
        }
    }
    return 0;
}

static void keep(struct months *m, const char *name, int64_t units)
{
    const struct ts_adjustment_units kept = {ts_bytes_of(name), units};
    struct ts_error err = {0};
    assert_true(ts_replay_month_keep(&m->month, &kept, 1, &err));
}

static void test_what_did_not_change_stays(void **state)
{
    struct months *m = *state;
    /* drawn in another order than that of movements: the second call came before the first */
    const struct told calls[] = {{60, 20, 40, 60, 10}, {80, 80, 0, 80, 10}, {30, 0, 10, 30, 10}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct ts_replay_change change = rate(m, calls[i]);
        assert_false(ts_replay_changes(&change));
    }
}

static void test_a_price_changes_what_is_paid(void **state)
{
    struct months *m = *state;
    struct ts_replay_change change = rate(m, (struct told){120, 100, 20, 120, 11});
    assert_false(ts_replay_changes(&change)); /* all of it is included */
    change = rate(m, (struct told){60, 0, 30, 60, 11});
    assert_int_equal(change.charge_micros, 330);
    assert_int_equal(change.amount_micros, -30);
    assert_int_equal(change.unit_count, 0);
    change = rate(m, (struct told){60, 0, 0, 60, 9});
    assert_int_equal(change.amount_micros, 60);
}

/* What an allowance is by now is for calls whose units change. */
static void test_another_rate_moves_money_alone(void **state)
{
    struct months *m = *state;
    const struct ts_adjustment_units units = {TS_LITERAL("world"), 20};
    struct ts_replay_settled settled = {
        .charge_micros = 400, .billed = 60, .units = &units, .unit_count = 1, .alike = true};
    const struct ts_replay_rated rated = {
        .price_micros = 660, .billed = 60, .fitting = {&m->world}, .fitting_count = 1};
    struct ts_replay_change change;
    struct ts_error err = {0};
    m->world.units = 1000;
    assert_true(
        ts_replay_month_rate(&m->month, m->fixture.catalog, PLAN, &settled, &rated, &change, &err));
    assert_int_equal(change.unit_count, 0);
    assert_int_equal(change.charge_micros, 440);
    assert_int_equal(change.amount_micros, -40);
    /* of another kind, it draws anew */
    settled.alike = false;
    assert_true(
        ts_replay_month_rate(&m->month, m->fixture.catalog, PLAN, &settled, &rated, &change, &err));
    assert_int_equal(units_of(&change, "world"), 40);
    assert_int_equal(change.charge_micros, 0);
    /* and so it does when the one before it did */
    settled.alike = true;
    assert_true(
        ts_replay_month_rate(&m->month, m->fixture.catalog, PLAN, &settled, &rated, &change, &err));
    assert_int_equal(units_of(&change, "world"), 40);
}

static void test_units_move_on(void **state)
{
    struct months *m = *state;
    /* billed 90 instead of 120: 10 of world and all of any are left for the next */
    struct ts_replay_change change = rate(m, (struct told){120, 100, 20, 90, 10});
    assert_int_equal(units_of(&change, "world"), -10);
    assert_int_equal(units_of(&change, "any"), -20);
    assert_int_equal(change.amount_micros, 0);
    change = rate(m, (struct told){60, 0, 30, 60, 10});
    assert_int_equal(units_of(&change, "world"), 10);
    assert_int_equal(units_of(&change, "any"), 20);
    assert_int_equal(change.charge_micros, 0);
    assert_int_equal(change.amount_micros, 300);
    /* nothing is left over: the third is as it was */
    change = rate(m, (struct told){60, 0, 0, 60, 10});
    assert_false(ts_replay_changes(&change));
}

static void test_calls_outside_keep_what_they_use(void **state)
{
    struct months *m = *state;
    keep(m, "world", 90);
    keep(m, "other", 5);
    struct ts_replay_change change = rate(m, (struct told){60, 10, 50, 60, 20});
    assert_int_equal(change.amount_micros, 0);
    keep(m, "any", 50); /* more than there is: as the books have it */
    change = rate(m, (struct told){60, 0, 0, 30, 10});
    assert_int_equal(change.charge_micros, 300);
    assert_int_equal(change.unit_count, 0);
    ts_replay_month_clear(&m->month);
    change = rate(m, (struct told){60, 0, 0, 30, 10});
    assert_int_equal(units_of(&change, "world"), 30);
    assert_int_equal(change.charge_micros, 0);
}

static void test_an_adjusted_call(void **state)
{
    struct months *m = *state;
    const struct ts_adjustment_units units[] = {
        {TS_LITERAL("world"), 60}, {TS_LITERAL("world"), -20}, {TS_LITERAL("gone"), 3}};
    const struct ts_replay_settled settled = {
        .charge_micros = 170, .billed = TS_REPLAY_BILLED_UNKNOWN, .units = units, .unit_count = 3};
    struct ts_replay_rated rated = {
        .price_micros = 600, .billed = 60, .fitting = {&m->world}, .fitting_count = 1};
    struct ts_replay_change change;
    struct ts_error err = {0};
    assert_true(
        ts_replay_month_rate(&m->month, m->fixture.catalog, PLAN, &settled, &rated, &change, &err));
    assert_false(ts_replay_changes(&change)); /* 43 of 60 are included: 170 */
    rated.price_micros = 660;
    assert_true(
        ts_replay_month_rate(&m->month, m->fixture.catalog, PLAN, &settled, &rated, &change, &err));
    assert_int_equal(units_of(&change, "gone"), -3);
    assert_int_equal(units_of(&change, "world"), 20);
    assert_int_equal(change.charge_micros, 0);
}

/* All that the call drew on were taken away, and as many others given. */
static void test_all_allowances_replaced(void **state)
{
    struct months *m = *state;
    struct ts_adjustment_units units[TS_ALLOWANCES_MAX];
    struct ts_allowance given[TS_ALLOWANCES_MAX];
    char names[TS_ALLOWANCES_MAX][4];
    struct ts_replay_rated rated = {
        .price_micros = 600, .billed = 60, .fitting_count = TS_ALLOWANCES_MAX};
    for (int i = 0; i < TS_ALLOWANCES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        units[i] = (struct ts_adjustment_units){ts_bytes_of(names[i]), 1};
        given[i] = (struct ts_allowance){.units = 2, .name = "g0", .name_size = 2};
        given[i].name[1] = (char)('0' + i);
        rated.fitting[i] = &given[i];
    }
    const struct ts_replay_settled settled = {
        .billed = 61, .units = units, .unit_count = TS_ALLOWANCES_MAX};
    struct ts_replay_change change;
    struct ts_error err = {0};
    assert_true(
        ts_replay_month_rate(&m->month, m->fixture.catalog, PLAN, &settled, &rated, &change, &err));
    assert_int_equal(change.unit_count, 2 * TS_ALLOWANCES_MAX);
    assert_int_equal(units_of(&change, "n7"), -1);
    assert_int_equal(units_of(&change, "g7"), 2);
}

static void test_too_many_allowances(void **state)
{
    struct months *m = *state;
    struct ts_adjustment_units units[TS_ADJUSTMENT_UNITS_MAX + 1];
    char names[TS_ADJUSTMENT_UNITS_MAX + 1][4];
    for (int i = 0; i <= TS_ADJUSTMENT_UNITS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        units[i] = (struct ts_adjustment_units){ts_bytes_of(names[i]), 1};
    }
    struct ts_replay_settled settled = {
        .billed = 60, .units = units, .unit_count = TS_ADJUSTMENT_UNITS_MAX + 1};
    const struct ts_replay_rated rated = {.price_micros = 600, .billed = 60};
    struct ts_replay_change change;
    struct ts_error err = {0};
    assert_false(
        ts_replay_month_rate(&m->month, m->fixture.catalog, PLAN, &settled, &rated, &change, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
}

/* ---- the report */

static void add(struct ts_replay_report *report, const char *account, int64_t before, int64_t now)
{
    const struct ts_replay_compared call = {.account_id = ts_bytes_of(account),
                                            .category = TS_LITERAL("fax_inbound"),
                                            .prefix = TS_LITERAL("44"),
                                            .settled_micros = before,
                                            .rated_micros = now,
                                            .changed = before != now};
    struct ts_error err = {0};
    assert_true(ts_replay_report_call(report, &call, &err));
}

static void test_report(void **state)
{
    (void)state;
    struct ts_replay_report report;
    ts_replay_report_init(&report);
    add(&report, "same", 7, 7);
    add(&report, "up", 10, 25);
    add(&report, "down", 1000000, 0);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%03d", i);
        add(&report, name, 100, 101);
        add(&report, name, 100, 100 + i);
    }
    assert_int_equal(report.total.calls, 2003);
    assert_int_equal(report.total.up, 2000);
    assert_int_equal(report.total.down, 1);
    assert_int_equal(ts_replay_tally_difference(&report.total), 15 - 1000000 + 1000 + 499500);
    assert_int_equal(report.accounts.count, 1002);
    const struct ts_replay_tally *top[3];
    assert_int_equal(ts_replay_tallies_top(&report.accounts, top, 3), 3);
    assert_true(ts_bytes_equal_text(top[0]->key, "down"));
    assert_int_equal(ts_replay_tally_difference(top[0]), -1000000);
    assert_true(ts_bytes_equal_text(top[1]->key, "a999"));
    assert_int_equal(top[1]->calls, 2);
    assert_true(ts_bytes_equal_text(top[2]->key, "a998"));
    assert_int_equal(ts_replay_tallies_top(&report.accounts, top, 0), 0);
    assert_int_equal(ts_replay_tallies_top(&report.prefixes, top, 3), 1);
    assert_true(ts_bytes_equal_text(top[0]->key, "fax_inbound 44"));
    ts_replay_report_finish(&report);
}

static void test_histogram(void **state)
{
    (void)state;
    const int64_t differences[] = {1, 99, 100, 999, 123456789, INT64_C(9000000000000000), -1, -100};
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        struct ts_replay_report report;
        int64_t low = 0;
        int64_t high = 0;
        size_t cell = 0;
        ts_replay_report_init(&report);
        add(&report, "a", 0, differences[i]);
        while (report.histogram[cell] == 0) {
            cell++;
        }
        ts_replay_histogram_bounds(cell, &low, &high);
        assert_true(low < high);
        assert_true(differences[i] > 0 ? differences[i] >= low && differences[i] < high
                                       : differences[i] > low && differences[i] <= high);
        ts_replay_report_finish(&report);
    }
}

static void test_sums_do_not_wrap(void **state)
{
    (void)state;
    struct ts_replay_report report;
    ts_replay_report_init(&report);
    for (int i = 0; i < 3; i++) {
        add(&report, "a", 0, INT64_MAX / 2);
    }
    assert_int_equal(report.total.rated_micros, INT64_MAX);
    ts_replay_report_finish(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_did_not_change_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_price_changes_what_is_paid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_rate_moves_money_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_units_move_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_calls_outside_keep_what_they_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_adjusted_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_allowances_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_allowances, set_up, tear_down),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_sums_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
