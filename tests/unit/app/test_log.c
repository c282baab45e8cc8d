/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t now_ms;

static int64_t fake_clock(void)
{
    return now_ms;
}

struct fixture {
    struct ts_log log;
    int read_end;
    char text[1 << 16];
};

static void begin(struct fixture *fixture, enum ts_level level, bool json)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fixture->read_end = ends[0];
    struct ts_log_settings settings = {
        .level = level, .json = json, .fd = ends[1], .mono_ms = fake_clock};
    ts_log_init(&fixture->log, &settings);
}

/* What was written; ends the log. */
static const char *end(struct fixture *fixture)
{
    close(fixture->log.settings.fd);
    ts_log_finish(&fixture->log);
    size_t size = 0;
    for (ssize_t n = 1; n > 0; size += (size_t)n) {
        n = read(fixture->read_end, fixture->text + size, sizeof fixture->text - 1 - size);
        assert_true(n >= 0);
    }
    fixture->text[size] = '\0';
    close(fixture->read_end);
    return fixture->text;
}

static int count(const char *text, const char *needle)
{
    int n = 0;
    for (; (text = strstr(text, needle)) != NULL; text++) {
        n++;
    }
    return n;
}

static void test_logfmt(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, TS_LEVEL_INFO, false);
    struct ts_observer o = ts_log_observer(&fixture.log);
    o.ops->say(o.self, TS_LEVEL_INFO, "lane_claimed", "partition %d of \"%s\"", 7, "cdrs");
    o.ops->say(o.self, TS_LEVEL_DEBUG, "noise", "not shown");
    const char *text = end(&fixture);
    assert_non_null(strstr(text,
                           " level=info event=lane_claimed "
                           "text=\"partition 7 of \\\"cdrs\\\"\"\n"));
    assert_memory_equal(text, "time=2", 6);
    assert_null(strstr(text, "noise"));
}

static void test_json(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, TS_LEVEL_DEBUG, true);
    struct ts_observer o = ts_log_observer(&fixture.log);
    o.ops->say(o.self, TS_LEVEL_ERROR, "x", "a\nb\x01 \\");
    const char *text = end(&fixture);
    assert_memory_equal(text, "{\"time\":\"2", 10);
    assert_non_null(
        strstr(text, ",\"level\":\"error\",\"event\":\"x\",\"text\":\"a\\nb\\u0001 \\\\\"}\n"));
}

static void test_secrets_stay_out(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, TS_LEVEL_DEBUG, false);
    struct ts_observer o = ts_log_observer(&fixture.log);
    o.ops->say(o.self, TS_LEVEL_ERROR, "x", "no answer from redis://u:sesame@h");
    const char *text = end(&fixture);
    assert_null(strstr(text, "sesame"));
    assert_non_null(strstr(text, "redis://u:***@h"));
}

static void test_repeats_are_limited(void **state)
{
    (void)state;
    struct fixture fixture;
    now_ms = 5;
    begin(&fixture, TS_LEVEL_DEBUG, false);
    struct ts_observer o = ts_log_observer(&fixture.log);
    for (int i = 0; i < 1000; i++) {
        o.ops->say(o.self, TS_LEVEL_WARNING, "away", "attempt %d", i);
    }
    o.ops->say(o.self, TS_LEVEL_WARNING, "other", "is not held back by it");
    now_ms += TS_LOG_PERIOD_MS;
    o.ops->say(o.self, TS_LEVEL_WARNING, "away", "attempt again");
    const char *text = end(&fixture);
    assert_int_equal(count(text, "event=away"), TS_LOG_BURST + 1);
    assert_int_equal(count(text, "event=other"), 1);
    assert_non_null(strstr(text, "event=away suppressed=990 text=\"attempt again\""));
}

/* More names than slots: the rest are limited together, none is lost for ever. */
static void test_many_names(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, TS_LEVEL_DEBUG, false);
    struct ts_observer o = ts_log_observer(&fixture.log);
    for (int i = 0; i < 2 * TS_LOG_EVENTS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "name%d", i);
        o.ops->say(o.self, TS_LEVEL_INFO, name, "x");
    }
    assert_int_equal(count(end(&fixture), "event=name"), TS_LOG_EVENTS_MAX - 1 + TS_LOG_BURST);
}

static void test_long_text_is_cut_and_the_line_ends(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, TS_LEVEL_DEBUG, true);
    struct ts_observer o = ts_log_observer(&fixture.log);
    char long_text[3 * TS_LOG_LINE_MAX];
    memset(long_text, '\x02', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    o.ops->say(o.self, TS_LEVEL_INFO, "long", "%s", long_text);
    const char *text = end(&fixture);
    assert_true(strlen(text) < TS_LOG_LINE_MAX);
    assert_string_equal(text + strlen(text) - 3, "\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logfmt),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_secrets_stay_out),
        cmocka_unit_test(test_repeats_are_limited),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_long_text_is_cut_and_the_line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
