/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters as an operator reads them, and the audit: clean books have no findings, and each
 * kind of damage is found and named. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/audit_store.h"
#include "adapters/postgres/dead_letter_store.h"
#include "base/buffer.h"

static struct fixture fixture;
static struct trial trial;
static struct ts_dead_letter_store *letters;

#define SQL(...) fixture_sql(&fixture, __VA_ARGS__)

static int start_server(void **state)
{
    (void)state;
    server_start(&fixture.server);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    server_stop(&fixture.server);
    return 0;
}

/* 20 records settled, of which a duplicate and two dead letters, and opening rows. */
static int fill(void **state)
{
    (void)state;
    struct ts_error err = {0};
    fixture_fill(&fixture);
    letters = ts_dead_letter_store_create(fixture.server.url, &err);
    assert_non_null(letters);
    SQL("INSERT INTO ledger_entry SELECT account_no, 1, 'opening', balance_micros,"
        " balance_micros, '', NULL, NULL, NULL, now() FROM account");
    trial_init(&fixture, &trial, 1, 20);
    trial.records[3].outcome = TS_OUTCOME_DUPLICATE;
    trial.records[4].outcome = TS_OUTCOME_DEAD_LETTER;
    trial.records[4].reason = TS_REASON_NO_RATE;
    trial.records[4].message = TS_LITERAL("no rate for +44");
    trial.records[5].outcome = TS_OUTCOME_DEAD_LETTER;
    trial.records[5].reason = TS_REASON_UNKNOWN_ACCOUNT;
    trial_sum(&fixture, &trial);
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    ts_dead_letter_store_destroy(letters);
    trial_finish(&trial);
    fixture_empty(&fixture);
    return 0;
}

/* --- dead letters */

struct seen {
    int count;
    int64_t last_id;
    bool has_value;
};

static void see(void *self, const struct ts_dead_letter *letter)
{
    struct seen *seen = self;
    seen->count++;
    seen->last_id = letter->id;
    seen->has_value = letter->value.data != NULL;
    assert_true(ts_bytes_equal_text(letter->topic, "cdrs"));
    assert_int_equal(letter->record_ms, NOW_MS);
    assert_int_equal(letter->created_ms, NOW_MS);
    if (letter->offset == 104) {
        assert_true(ts_bytes_equal_text(letter->reason, "no_rate"));
        assert_true(ts_bytes_equal_text(letter->message, "no rate for +44"));
        assert_true(ts_bytes_equal_text(letter->account_id, "office-5"));
        assert_true(ts_bytes_equal_text(letter->key, "office"));
    }
}

static struct seen list(struct ts_dead_letter_filter filter)
{
    struct ts_error err = {0};
    struct seen seen = {0};
    struct ts_dead_letter_visitor visitor = {see, &seen};
    if (!ts_dead_letter_store_list(letters, &filter, &visitor, &err)) {
        fail_msg("%s", err.text);
    }
    return seen;
}

static void letters_are_listed_by_what_is_asked(void **state)
{
    (void)state;
    struct seen all = list((struct ts_dead_letter_filter){0});
    assert_int_equal(all.count, 2);
    assert_false(all.has_value);
    assert_int_equal(list((struct ts_dead_letter_filter){.reason = "no_rate"}).count, 1);
    assert_int_equal(list((struct ts_dead_letter_filter){.reason = "blocked"}).count, 0);
    assert_int_equal(list((struct ts_dead_letter_filter){.account_id = "office-6"}).count, 1);
    assert_int_equal(list((struct ts_dead_letter_filter){.status = "open"}).count, 2);
    assert_int_equal(list((struct ts_dead_letter_filter){.status = "closed"}).count, 0);
    assert_int_equal(list((struct ts_dead_letter_filter){.max = 1}).count, 1);
    assert_int_equal(list((struct ts_dead_letter_filter){.after = all.last_id - 1}).count, 1);
    struct seen one = list((struct ts_dead_letter_filter){.id = all.last_id, .contents = true});
    assert_int_equal(one.count, 1);
    assert_true(one.has_value);
}

static void a_letter_is_marked_once(void **state)
{
    (void)state;
    struct ts_error err = {0};
    int64_t marked = 0;
    int64_t id = list((struct ts_dead_letter_filter){.reason = "no_rate"}).last_id;
    assert_true(ts_dead_letter_store_mark(letters, &id, 1, "requeued", 5, &marked, &err));
    assert_int_equal(marked, 1);
    assert_true(ts_dead_letter_store_mark(letters, &id, 1, "requeued", 6, &marked, &err));
    assert_int_equal(marked, 0);
    assert_int_equal(list((struct ts_dead_letter_filter){.status = "open"}).count, 1);
    assert_int_equal(list((struct ts_dead_letter_filter){.status = "requeued"}).last_id, id);
    assert_false(ts_dead_letter_store_mark(letters, &id, 1, "lost", 6, &marked, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
}

/* --- audit */

struct found {
    struct ts_buffer checks; /* their names, each with a blank behind it */
    char subject[64];
};

static void find(void *self, const struct ts_audit_finding *finding)
{
    struct found *found = self;
    ts_buffer_append_text(&found->checks, finding->check);
    ts_buffer_append_char(&found->checks, ' ');
    snprintf(found->subject, sizeof found->subject, "%.*s", TS_ARGS(finding->subject));
    assert_true(finding->detail.size > 10);
}

static void assert_found(const char *checks, const char *subject)
{
    struct ts_error err = {0};
    struct found found = {0};
    struct ts_audit_totals totals;
    struct ts_audit_visitor visitor = {find, &found};
    ts_buffer_init(&found.checks, 1024);
    if (!ts_audit_run(fixture.server.url, &visitor, &totals, &err)) {
        fail_msg("%s", err.text);
    }
    assert_true(ts_bytes_equal_text(ts_buffer_bytes(&found.checks), checks));
    ts_buffer_finish(&found.checks);
    assert_string_equal(found.subject, subject);
    assert_int_equal(totals.accounts, FIXTURE_ACCOUNTS);
}

static void clean_books_have_no_findings(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct found found = {0};
    struct ts_audit_totals totals;
    struct ts_audit_visitor visitor = {find, &found};
    assert_true(ts_audit_run(fixture.server.url, &visitor, &totals, &err));
    assert_int_equal(totals.findings, 0);
    assert_int_equal(totals.ledger_rows, 17 + FIXTURE_ACCOUNTS);
    assert_int_equal(totals.partitions, 1);
    assert_int_equal(totals.inputs, 20);
}

static void damage_to_an_account_is_found(void **state)
{
    (void)state;
    SQL("UPDATE account SET balance_micros = balance_micros + 1 WHERE account_no = 3");
    assert_found("balance ", "office-3");
    SQL("UPDATE account SET balance_micros = balance_micros - 1 WHERE account_no = 3");
    SQL("UPDATE account SET movements = movements + 1 WHERE account_no = 2");
    assert_found("movements ", "office-2");
    SQL("UPDATE account SET movements = movements - 1 WHERE account_no = 2");
    SQL("UPDATE usage SET balance_after_micros = balance_after_micros + 1"
        " WHERE account_no = 1 AND movement = 2");
    assert_found("balance_after ", "office-1");
    SQL("UPDATE usage SET balance_after_micros = balance_after_micros - 1"
        " WHERE account_no = 1 AND movement = 2");
    SQL("INSERT INTO outbox VALUES ('cdrs', 0, 100, 0, 0, 7, 1, NULL, 'x')");
    assert_found("outbox ", "office-7");
}

static void damage_to_a_partition_is_found(void **state)
{
    (void)state;
    SQL("UPDATE stream_partition SET holes = 1");
    assert_found("counters ", "cdrs/0");
    SQL("UPDATE stream_partition SET holes = 0, duplicates = 0, settled = settled + 1");
    assert_found("inputs ", "cdrs/0");
    SQL("UPDATE stream_partition SET duplicates = 1, settled = settled - 1");
    SQL("UPDATE duplicate SET \"offset\" = 104");
    assert_found("offsets ", "cdrs/0");
    SQL("UPDATE duplicate SET \"offset\" = 120");
    assert_found("offsets ", "cdrs/0");
    SQL("UPDATE duplicate SET \"offset\" = 103");
    assert_found("", "");
}

static void a_lost_row_is_found_from_all_sides(void **state)
{
    (void)state;
    SQL("DELETE FROM usage WHERE account_no = 1 AND movement = 2");
    assert_found("balance movements balance_after inputs ", "cdrs/0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)
    const struct CMUnitTest tests[] = {
        TEST(letters_are_listed_by_what_is_asked),
        TEST(a_letter_is_marked_once),
        TEST(clean_books_have_no_findings),
        TEST(damage_to_an_account_is_found),
        TEST(damage_to_a_partition_is_found),
        TEST(a_lost_row_is_found_from_all_sides),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
