/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

static void test_set(void **state)
{
    (void)state;
    struct ts_error err;
    assert_false(ts_error_set(&err, TS_ERROR_REJECT, 7, "line %d", 3));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    assert_int_equal(err.code, 7);
    assert_string_equal(err.text, "line 3");
    assert_false(ts_error_prefix(&err, "deck %s", "x.csv"));
    assert_string_equal(err.text, "deck x.csv: line 3");
    assert_int_equal(err.code, 7);
    assert_false(ts_error_set(NULL, TS_ERROR_FATAL, 0, "nobody listens"));
    assert_false(ts_error_prefix(NULL, "nobody"));
}

/* Wherever the cut falls, in an ASCII character or in one of up to four bytes. */
static void test_cut(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t c = 0; c < 4; c++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char text[1024] = "";
            struct ts_error err;
            memset(text, 'a', shift);
            for (size_t i = shift; i + 5 < sizeof text; i += strlen(characters[c])) {
                memcpy(text + i, characters[c], strlen(characters[c]) + 1);
            }
            ts_error_set(&err, TS_ERROR_RETRY, 0, "%s", text);
            assert_true(ts_utf8_is_text(ts_bytes_of(err.text)));
            size_t size = strlen(err.text);
            assert_in_range(size, TS_ERROR_TEXT_MAX - 4, TS_ERROR_TEXT_MAX - 1);
            assert_string_equal(err.text + size - 3, "...");
            ts_error_prefix(&err, "where");
            assert_true(ts_utf8_is_text(ts_bytes_of(err.text)));
            assert_memory_equal(err.text, "where: ", 7);
            assert_string_equal(err.text + strlen(err.text) - 3, "...");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
