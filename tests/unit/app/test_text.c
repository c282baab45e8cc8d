/* SPDX-License-Identifier: Apache-2.0 */
/* Suggestions, redaction, JSON strings. */
#include "tests/unit/unit.h"

#include "app/json_text.h"
#include "app/redact.h"
#include "app/suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(ts_suggest_distance("", ""), 0);
    assert_int_equal(ts_suggest_distance("abc", ""), 3);
    assert_int_equal(ts_suggest_distance("kitten", "sitting"), 3);
    assert_int_equal(ts_suggest_distance("vresion", "version"), 1);
    assert_int_equal(ts_suggest_distance("Version", "version"), 0);
    char word[200];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_true(ts_suggest_distance(word, "a") == SIZE_MAX);
}

static void test_suggest(void **state)
{
    (void)state;
    static const char *const candidates[] = {"eager", "cooperative", "warning", "rate"};
    static const struct {
        const char *word;
        const char *best;
    } cases[] = {{"egaer", "eager"},
                 {"coperative", "cooperative"},
                 {"warn", "warning"},
                 {"rtae", "rate"},
                 {"xyz", NULL},
                 {"", NULL},
                 {"qqqqqqqqqq", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_suggest suggest;
        ts_suggest_init(&suggest, cases[i].word);
        for (size_t j = 0; j < sizeof candidates / sizeof *candidates; j++) {
            ts_suggest_offer(&suggest, candidates[j]);
        }
        if (cases[i].best == NULL) {
            assert_null(suggest.best);
        } else {
            assert_non_null(suggest.best);
            assert_string_equal(suggest.best, cases[i].best);
        }
    }
}

static void test_redact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *shown;
    } cases[] = {
        {"plain", "plain"},
        {"redis://h:6379/0", "redis://h:6379/0"},
        {"redis://:sesame@h", "redis://:***@h"},
        {"postgresql://u:se@same@h:1/db is away", "postgresql://u:***@h:1/db is away"},
        {"a redis://u:one1@x b http://v:two2@y", "a redis://u:***@x b http://v:***@y"},
        {"host=h password=sesame user=u", "host=h password=*** user=u"},
        {"host=h password = 'open \\' sesame' user=u", "host=h password = '***' user=u"},
        {"postgresql://h/db?password=sesame&x=1", "postgresql://h/db?password=***&x=1"},
        {"sasl.password=sesame,x", "sasl.password=***,x"},
        {"client.secret=abcdef", "client.secret=***"},
        {"password", "password"},
        {"password=", "password="},
        {"password='", "password='"},
        {"password='x\\", "password='**"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i].text);
        ts_redact(text);
        assert_string_equal(text, cases[i].shown);
    }
    assert_true(ts_redact_name("kafka.sasl.password"));
    assert_true(ts_redact_name("kafka.ssl.key.pem"));
    assert_false(ts_redact_name("kafka.brokers"));
}

static void test_json_string(void **state)
{
    (void)state;
    static const struct {
        struct ts_bytes text;
        const char *json;
    } cases[] = {
        {{NULL, 0}, "null"},
        {{"", 0}, "\"\""},
        {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\""},
        {{"\n\x01", 2}, "\"\\u000a\\u0001\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
        {{"gr\xc3\xbc\xc3\x9f", 6}, "\"gr\xc3\xbc\xc3\x9f\""},
        {{"\xff\xc3", 2}, "\"\\ufffd\\ufffd\""},
        {{"\xf0\x9f\x98\x80", 4}, "\"\xf0\x9f\x98\x80\""},
        {{"\xe2\x82", 2}, "\"\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_buffer out;
        ts_buffer_init(&out, 1024);
        ts_json_append_string(&out, cases[i].text);
        ts_buffer_append_char(&out, '\0');
        assert_string_equal(out.data, cases[i].json);
        ts_buffer_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_suggest),
        cmocka_unit_test(test_redact),
        cmocka_unit_test(test_json_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
