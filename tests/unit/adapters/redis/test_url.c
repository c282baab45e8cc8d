/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/redis/url.h"

#include <string.h>

static void accepted(void **state)
{
    (void)state;
    const struct {
        const char *text;
        struct ts_redis_url url;
    } cases[] = {
        {"redis://127.0.0.1", {.host = "127.0.0.1", .port = 6379}},
        {"redis://h:1/", {.host = "h", .port = 1}},
        {"redis://h/12", {.host = "h", .port = 6379, .database = 12}},
        {"redis://[::1]:70", {.host = "::1", .port = 70}},
        {"redis://[fe80::1]/2", {.host = "fe80::1", .port = 6379, .database = 2}},
        {"redis://:p@h", {.host = "h", .port = 6379, .password = "p"}},
        {"redis://u:p%40%3A%2f@h:65535/1",
         {.host = "h", .port = 65535, .user = "u", .password = "p@:/", .database = 1}},
        {"redis://u:a:b@c@h", {.host = "h", .port = 6379, .user = "u", .password = "a:b@c"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_redis_url url;
        struct ts_error err = {0};
        if (!ts_redis_url_parse(cases[i].text, &url, &err)) {
            fail_msg("%s: %s", cases[i].text, err.text);
        }
        assert_string_equal(url.host, cases[i].url.host);
        assert_string_equal(url.user, cases[i].url.user);
        assert_string_equal(url.password, cases[i].url.password);
        assert_int_equal(url.port, cases[i].url.port);
        assert_int_equal(url.database, cases[i].url.database);
    }
}

static void refused_without_telling_the_password(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *word;
    } cases[] = {
        {"", "redis://"},
        {"http://h", "redis://"},
        {"rediss://:hunter2@h", "TLS"},
        {"redis://", "host"},
        {"redis://:hunter2@", "host"},
        {"redis://:hunter2@h:", "port"},
        {"redis://:hunter2@h:0", "port"},
        {"redis://:hunter2@h:65536", "port"},
        {"redis://:hunter2@h:99999999999999999999", "port"},
        {"redis://:hunter2@h:6x", "port"},
        {"redis://:hunter2@h/x", "database"},
        {"redis://:hunter2@h/-1", "database"},
        {"redis://:hunter2@[::1", "IPv6"},
        {"redis://:hunter2@[::1]70", "IPv6"},
        {"redis://hunter2@h", "':'"},
        {"redis://:hunter2%@h", "password"},
        {"redis://:hunter2%4@h", "password"},
        {"redis://:hunter2%zz@h", "password"},
        {"redis://:hunter2%00@h", "password"},
        {"redis://%g0:hunter2@h", "user"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_redis_url url;
        struct ts_error err = {0};
        assert_false(ts_redis_url_parse(cases[i].text, &url, &err));
        assert_int_equal(err.class, TS_ERROR_FATAL);
        assert_non_null(strstr(err.text, cases[i].word));
        assert_null(strstr(err.text, "hunter2"));
    }
}

static void too_long(void **state)
{
    (void)state;
    char text[800] = "redis://:";
    struct ts_redis_url url;
    struct ts_error err = {0};
    memset(text + 9, 'p', 256);
    memcpy(text + 9 + 256, "@h", 3);
    assert_false(ts_redis_url_parse(text, &url, &err));
    memcpy(text + 9 + 255, "@h", 3);
    assert_true(ts_redis_url_parse(text, &url, &err));
    assert_int_equal(strlen(url.password), 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused_without_telling_the_password),
        cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
