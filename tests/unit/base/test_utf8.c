/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Encodes any code point, also those that must not be (surrogates, beyond U+10FFFF). */
static size_t encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)((0xf00u >> size & 0xff) | c);
    return size;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x120000; c++) {
        char text[4];
        size_t size = encode(c, text);
        bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
        bool good = !control && !(c >= 0xd800 && c < 0xe000) && c < 0x110000;
        if (ts_utf8_is_text((struct ts_bytes){text, size}) != good) {
            fail_msg("U+%04X", c);
        }
        for (size_t cut = 1; cut < size; cut++) {
            assert_false(ts_utf8_is_text((struct ts_bytes){text, cut}));
        }
    }
}

/* Each byte value at each place of strings of each length up to three words. */
static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    char text[25];
    for (size_t size = 1; size < sizeof text; size++) {
        for (size_t at = 0; at < size; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memset(text, 'a', sizeof text);
                text[at] = (char)byte;
                bool good = byte >= 0x20 && byte < 0x7f;
                assert_true(ts_utf8_is_text((struct ts_bytes){text, size}) == good);
            }
        }
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xe0\x80\xaf",
                                      "\xe0\x9f\xbf",
                                      "\xf0\x80\x80\xaf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf5\x80\x80\x80",
                                      "\x80",
                                      "a\xbf",
                                      "\xc3(",
                                      "\xe2\x82(",
                                      "\xf0\x9f\x98(",
                                      "\xfe",
                                      "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(ts_utf8_is_text(ts_bytes_of(bad[i])));
    }
    assert_false(ts_utf8_is_text((struct ts_bytes){"a\0b", 3}));
    assert_true(ts_utf8_is_text((struct ts_bytes){NULL, 0}));
    assert_true(ts_utf8_is_text(TS_LITERAL("")));
}

static void expect_quoted(struct ts_bytes bytes, size_t size, const char *expected)
{
    char out[64];
    memset(out, '!', sizeof out);
    assert_string_equal(ts_utf8_quote(bytes, out, size), expected);
    assert_true(strlen(out) < size);
    for (size_t i = size; i < sizeof out; i++) {
        assert_int_equal(out[i], '!');
    }
}

static void test_quote(void **state)
{
    (void)state;
    expect_quoted(TS_LITERAL("abc"), 16, "\"abc\"");
    expect_quoted(TS_LITERAL(""), 16, "\"\"");
    expect_quoted((struct ts_bytes){NULL, 0}, 16, "null");
    expect_quoted(TS_LITERAL("a\"b\\c"), 16, "\"a\\\"b\\\\c\"");
    expect_quoted(TS_LITERAL("\x00\x1f\xff"), 16, "\"\\x00\\x1f\\xff\"");
    expect_quoted(TS_LITERAL("\xe2\x82\xac"), 16, "\"\xe2\x82\xac\"");
    expect_quoted(TS_LITERAL("1234567890123"), 16, "\"1234567890123\"");
    expect_quoted(TS_LITERAL("12345678901234"), 16, "\"1234567890...\"");
    expect_quoted(TS_LITERAL("123456789\xe2\x82\xac"
                             "abcdef"),
                  16,
                  "\"123456789...\"");
    expect_quoted(TS_LITERAL("\x01\x02\x03\x04\x05\x06\x07\x08"), 20, "\"\\x01\\x02\\x03...\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
