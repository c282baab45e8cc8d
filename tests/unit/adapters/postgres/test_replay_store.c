/* SPDX-License-Identifier: Apache-2.0 */
/* Whose dead letters a replay closes: those that were sent under its own name, whatever else the
 * records hold. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/replay_store.h"
#include "base/buffer.h"

static struct fixture fixture;
static struct ts_replay_store *store;

#define SQL(...) fixture_sql(&fixture, __VA_ARGS__)
#define IDENTITY "/00000000000000ab-1767571200000"
#define LONG_NAME "n234567890123456789012345678901234567890123456789012345678901234"

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

static int fill(void **state)
{
    (void)state;
    struct ts_error err = {0};
    fixture_fill(&fixture);
    store = ts_replay_store_open(fixture.server.url, &err);
    assert_non_null(store);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    ts_replay_store_close(store);
    fixture_empty(&fixture);
    return 0;
}

/* --- replays, and records of theirs that were refused */

static struct ts_replay_generation make(const char *name)
{
    struct ts_error err = {0};
    const struct ts_replay_range range = {.from = 10, .to = 50, .next = 50};
    struct ts_replay_generation made = {.topic = "cdrs", .created_ms = NOW_MS};
    snprintf(made.name, sizeof made.name, "%s", name);
    if (!ts_replay_store_create(store, &made, &range, 1, &err) ||
        !ts_replay_store_progress(
            store, made.generation, "applying", &range, 1, "{\"read\": 40}", NOW_MS, &err)) {
        fail_msg("%s", err.text);
    }
    return made;
}

static void hex_string(struct ts_buffer *out, const char *text)
{
    size_t zigzag = 2 * strlen(text);
    for (; zigzag >= 128; zigzag /= 128) {
        ts_buffer_format(out, "%02x", (unsigned)(zigzag % 128 + 128));
    }
    ts_buffer_format(out, "%02x", (unsigned)zigzag);
    for (; *text != '\0'; text++) {
        ts_buffer_format(out, "%02x", (unsigned)(unsigned char)*text);
    }
}

/* As the Avro codec writes an adjustment, but for the numbers between. */
static void refuse(const char *id, const char *note)
{
    static int offset;
    struct ts_buffer value;
    ts_buffer_init(&value, 4096);
    ts_buffer_append_text(&value, "c3010102030405060708");
    hex_string(&value, id);
    hex_string(&value, "office-1");
    hex_string(&value, note);
    ts_buffer_append_char(&value, '\0');
    SQL("INSERT INTO dead_letter (topic, partition, \"offset\", value, reason, message, created_at)"
        " VALUES ('adjustments', 0, %d, '\\x%s', 'adjustment_superseded', '', now())",
        offset++,
        value.data);
    ts_buffer_finish(&value);
}

static int64_t closed_of(const struct ts_replay_generation *generation)
{
    struct ts_error err = {0};
    int64_t count = 0;
    if (!ts_replay_store_superseded(store, generation, "adjustments", NOW_MS, &count, &err)) {
        fail_msg("%s", err.text);
    }
    return count;
}

static int64_t open_letters(void)
{
    return SQL("SELECT count(*) FROM dead_letter WHERE status = 'open'");
}

static void only_letters_of_the_name_are_closed(void **state)
{
    (void)state;
    struct ts_replay_generation a = make("a");
    struct ts_replay_generation ba = make("ba");
    struct ts_replay_generation longest = make(LONG_NAME);
    refuse("a" IDENTITY, "");
    refuse("ba" IDENTITY, "");
    refuse("ba" IDENTITY "0", "the a/b rates were wrong");
    refuse(LONG_NAME IDENTITY, "of a/ba/");
    refuse("a.b" IDENTITY, "");
    assert_int_equal(closed_of(&a), 1);
    assert_int_equal(open_letters(), 4);
    assert_int_equal(closed_of(&ba), 2);
    assert_int_equal(closed_of(&longest), 1);
    assert_int_equal(closed_of(&longest), 0);
    assert_int_equal(open_letters(), 1);
}

/* Where the replay is, as its next offset; its first when nothing is stored. */
static int64_t next_of(const struct ts_replay_generation *generation)
{
    struct ts_error err = {0};
    struct ts_replay_range *ranges = NULL;
    size_t count = 0;
    assert_true(ts_replay_store_ranges(store, generation->generation, &ranges, &count, &err));
    assert_int_equal(count, 1);
    int64_t next = ranges[0].next;
    free(ranges);
    return next;
}

static void a_replay_whose_letters_are_closed_begins_again(void **state)
{
    (void)state;
    struct ts_replay_generation one = make("one");
    struct ts_replay_generation other = make("other");
    assert_int_equal(closed_of(&one), 0);
    assert_int_equal(next_of(&one), 50);
    refuse("one" IDENTITY, "");
    assert_int_equal(closed_of(&one), 1);
    assert_int_equal(next_of(&one), 10);
    assert_int_equal(next_of(&other), 50);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fill, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_letters_of_the_name_are_closed),
        TEST(a_replay_whose_letters_are_closed_begins_again),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
