/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner against a library that is known to read JSON: same texts, same verdicts, same values.
 */
#include "tests/unit/unit.h"

#include "adapters/json/json_scan.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4096, MUTATIONS = 200000 };

static struct ts_buffer decoded;

/* A copy without a NUL, so that reading beyond its end is found. */
static char *copy_of(const char *text, size_t size)
{
    char *copy = malloc(size + (size == 0));
    memcpy(copy, text, size);
    return copy;
}

static bool scans(struct ts_bytes text, struct ts_json_scanned *value)
{
    struct ts_json_scan scan;
    assert_true(ts_json_scan_init(&scan, text, &decoded));
    bool good = ts_json_scan_value(&scan, value);
    good = ts_json_scan_end(&scan) && good;
    assert_int_equal(good, scan.fault == NULL);
    assert_true(ts_json_scan_column(&scan) <= text.size + 1);
    return good;
}

static void expect_same(const struct ts_json_scanned *ours, const json_t *theirs)
{
    switch (json_typeof(theirs)) {
    case JSON_STRING:
        assert_int_equal(ours->type, TS_JSON_TEXT);
        assert_int_equal(ours->text.size, json_string_length(theirs));
        assert_memory_equal(ours->text.data, json_string_value(theirs), ours->text.size);
        break;
    case JSON_INTEGER:
        assert_int_equal(ours->type, TS_JSON_INTEGER);
        assert_int_equal(ours->integer, json_integer_value(theirs));
        break;
    case JSON_REAL:
        assert_int_equal(ours->type, TS_JSON_REAL);
        break;
    case JSON_NULL:
        assert_int_equal(ours->type, TS_JSON_ABSENT);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        assert_int_equal(ours->type, TS_JSON_BOOL);
        break;
    case JSON_ARRAY:
        assert_int_equal(ours->type, TS_JSON_LIST);
        break;
    case JSON_OBJECT:
        assert_int_equal(ours->type, TS_JSON_OBJECT);
        break;
    }
}

/* What the library refuses and JSON does not: numbers that it cannot hold, NUL in a key. */
static bool is_its_own_limit(const json_error_t *error)
{
    return json_error_code(error) == json_error_numeric_overflow ||
           json_error_code(error) == json_error_null_byte_in_key;
}

/* Returns whether it is JSON. */
static bool compare(const char *text, size_t size)
{
    json_error_t error;
    struct ts_json_scanned value;
    char *copy = copy_of(text, size);
    json_t *theirs = json_loadb(copy, size, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    bool good = scans((struct ts_bytes){copy, size}, &value);
    if (theirs != NULL && good) {
        expect_same(&value, theirs);
    } else if (theirs != NULL || (good && !is_its_own_limit(&error))) {
        fail_msg("%s: \"%.*s\"", theirs != NULL ? "refused" : "taken", (int)size, text);
    }
    json_decref(theirs);
    free(copy);
    return good;
}

static const char *const texts[] = {
    "",
    " ",
    "null",
    " true ",
    "false",
    "nul",
    "truex",
    "0",
    "-0",
    "-",
    "01",
    "-01",
    "1.",
    ".5",
    "1.5",
    "1e5",
    "1E+5",
    "1e-5",
    "1e",
    "1e+",
    "+1",
    "9223372036854775807",
    "-9223372036854775808",
    "\"\"",
    "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\u0000\"",
    "\"a\\u0041b\"",
    "\"\\ud83d\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ude00\"",
    "\"\\u12g4\"",
    "\"\\u12",
    "\"\\x\"",
    "\"\\",
    "\"abc",
    "\"\x01\"",
    "\"\x7f\"",
    "\"\t\"",
    "\"12345678\x1f\"",
    "\"\xc3\xa9\"",
    "\"\xc3\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"abcdefgh\xe2\x82\xac\\n\"",
    "[]",
    "[ ]",
    "[1]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1",
    "]",
    "{}",
    "{ }",
    "{\"a\":1}",
    "{\"a\" : 1 , \"b\":[{},{\"c\":null}]}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1",
    "{\"a\":1]",
    "{} {}",
    "{\"a\":1}x",
    "\xef\xbb\xbf{}",
    "{\"cdr_id\":\"c1\",\"duration_ms\":1500,\"attributes\":{\"trunk\":\"t-1\"},\"x\":[1.5,true]}",
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        compare(texts[i], strlen(texts[i]));
    }
    assert_false(compare("\"a\0b\"", 5));
    struct ts_json_scanned value; /* the library takes this for the end */
    assert_false(scans((struct ts_bytes){"1\0", 2}, &value));
}

static void test_numbers_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool out_of_range;
        enum ts_json_type type;
    } cases[] = {
        {"9223372036854775807", false, TS_JSON_INTEGER},
        {"9223372036854775808", true, TS_JSON_INTEGER},
        {"-9223372036854775808", false, TS_JSON_INTEGER},
        {"-9223372036854775809", true, TS_JSON_INTEGER},
        {"99999999999999999999999999999999999", true, TS_JSON_INTEGER},
        {"99999999999999999999999999999999999.0", false, TS_JSON_REAL},
        {"1e999", false, TS_JSON_REAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_json_scanned value;
        assert_true(scans(ts_bytes_of(cases[i].text), &value));
        assert_int_equal(value.type, cases[i].type);
        assert_int_equal(value.out_of_range, cases[i].out_of_range);
    }
}

static void test_depth(void **state)
{
    (void)state;
    static char text[3 * TS_JSON_DEPTH_MAX];
    for (int depth = TS_JSON_DEPTH_MAX; depth <= TS_JSON_DEPTH_MAX + 1; depth++) {
        struct ts_json_scanned value;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        struct ts_bytes whole = {text, 2 * (size_t)depth};
        assert_int_equal(scans(whole, &value), depth == TS_JSON_DEPTH_MAX);
    }
}

static void test_members(void **state)
{
    (void)state;
    struct ts_json_scan scan;
    struct ts_json_scanned value;
    struct ts_bytes key;
    assert_true(ts_json_scan_init(
        &scan, TS_LITERAL(" {\"a\\n\":[1,{\"b\":2}] ,\"c\" :\"\\u0064\"} "), &decoded));
    assert_true(ts_json_scan_enter(&scan));
    assert_true(ts_json_scan_key(&scan, true, &key));
    assert_true(ts_bytes_equal_text(key, "a\n"));
    assert_true(ts_json_scan_value(&scan, &value));
    assert_true(ts_bytes_equal_text(value.text, "[1,{\"b\":2}]"));
    assert_true(ts_json_scan_key(&scan, false, &key));
    assert_true(ts_bytes_equal_text(key, "c"));
    assert_true(ts_json_scan_value(&scan, &value));
    assert_true(ts_bytes_equal_text(value.text, "d"));
    assert_false(ts_json_scan_key(&scan, false, &key));
    assert_true(ts_json_scan_end(&scan));
    assert_true(ts_json_scan_init(&scan, TS_LITERAL("[1]"), &decoded));
    assert_false(ts_json_scan_enter(&scan));
    assert_true(ts_json_scan_value(&scan, &value));
    assert_true(ts_json_scan_end(&scan));
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Good texts with a few bytes changed, taken out or put in: many are still JSON, most hardly not.
 */
static void test_mutations(void **state)
{
    (void)state;
    static const char odd[] = "\"\\{}[]:,0123-+.eEutrfalsn \n\x01\x7f\x80\xc3\xa9\xe2\xf0";
    uint32_t seed = 1;
    int good = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        char text[TEXT_MAX];
        size_t count = sizeof texts / sizeof texts[0];
        const char *from = texts[i % 2 == 0 ? count - 1 : next_random(&seed) % count];
        size_t size = strlen(from);
        memcpy(text, from, size);
        for (uint32_t n = 1 + next_random(&seed) % 3; n > 0 && size > 0; n--) {
            size_t at = next_random(&seed) % size;
            char c = odd[next_random(&seed) % (sizeof odd - 1)];
            switch (next_random(&seed) % 3) {
            case 0:
                text[at] = c;
                break;
            case 1:
                memmove(text + at, text + at + 1, size - at - 1);
                size--;
                break;
            default:
                memmove(text + at + 1, text + at, size - at);
                text[at] = c;
                size++;
                break;
            }
        }
        good += compare(text, size) ? 1 : 0;
    }
    assert_in_range(good, MUTATIONS / 20, MUTATIONS / 2);
}

static int set_up(void **state)
{
    (void)state;
    ts_buffer_init(&decoded, 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ts_buffer_finish(&decoded);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_numbers_out_of_range),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
