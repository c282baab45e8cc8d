/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/redis/reply.h"

#include <string.h>

static void errors_by_name(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum ts_error_class class;
        const char *begins;
    } cases[] = {
        {"NOSCRIPT No matching script. Please use EVAL.", TS_ERROR_RETRY, "NOSCRIPT: "},
        {"LOADING Redis is loading the dataset in memory", TS_ERROR_RETRY, "LOADING: "},
        {"READONLY You can't write against a read only replica.", TS_ERROR_RETRY, "READONLY: "},
        {"OOM command not allowed when used memory > 'maxmemory'.", TS_ERROR_RETRY, "OOM: "},
        {"MISCONF Redis is configured to save RDB snapshots", TS_ERROR_RETRY, "MISCONF: "},
        {"BUSY Redis is busy running a script.", TS_ERROR_RETRY, "BUSY: "},
        {"MOVED 3999 127.0.0.1:6381", TS_ERROR_RETRY, "MOVED: "},
        {"ASK 3999 127.0.0.1:6381", TS_ERROR_RETRY, "ASK: "},
        {"TRYAGAIN Multiple keys request during rehashing of slot", TS_ERROR_RETRY, "TRYAGAIN: "},
        {"CLUSTERDOWN Hash slot not served", TS_ERROR_RETRY, "CLUSTERDOWN: "},
        {"MASTERDOWN Link with MASTER is down", TS_ERROR_RETRY, "MASTERDOWN: "},
        {"NOREPLICAS Not enough good replicas to write.", TS_ERROR_RETRY, "NOREPLICAS: "},
        {"NOAUTH Authentication required.", TS_ERROR_FATAL, "NOAUTH: "},
        {"WRONGPASS invalid username-password pair", TS_ERROR_FATAL, "WRONGPASS: "},
        {"NOPERM this user has no permissions", TS_ERROR_FATAL, "NOPERM: "},
        {"WRONGTYPE Operation against a key", TS_ERROR_FATAL, "WRONGTYPE: "},
        /* Before Redis 7 an error inside a script came wrapped. */
        {"ERR Error running script (call to f_6b): @user_script:3: @user_script: 3: -OOM command "
         "not allowed when used memory > 'maxmemory'.",
         TS_ERROR_RETRY,
         "OOM: "},
        {"ERR Error running script (call to f_6b): @user_script:3: WRONGTYPE Operation against",
         TS_ERROR_FATAL,
         "WRONGTYPE: "},
        {"ERR user_script:1: attempt to index nil", TS_ERROR_RETRY, "answered: ERR user_script"},
        {"ERR OOM is not the name here", TS_ERROR_RETRY, "answered: ERR OOM"},
        {"OOMPH", TS_ERROR_RETRY, "answered: OOMPH"},
        {"", TS_ERROR_RETRY, "answered: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_error err = {0};
        assert_false(ts_redis_reply_error(cases[i].text, &err));
        assert_int_equal(err.class, cases[i].class);
        assert_memory_equal(err.text, cases[i].begins, strlen(cases[i].begins));
        assert_non_null(strstr(err.text, cases[i].text));
    }
}

static void secrets_stay_out(void **state)
{
    (void)state;
    const char *cases[] = {"ERR unknown command 'AUTH', with args beginning with: 'hunter2'",
                           "WRONGPASS hunter2 is not it",
                           "LOADING hunter2"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_error err = {0};
        assert_false(ts_redis_reply_error_secret(cases[i], &err));
        assert_int_equal(err.class, i < 2 ? TS_ERROR_FATAL : TS_ERROR_RETRY);
        assert_null(strstr(err.text, "hunter2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_by_name),
        cmocka_unit_test(secrets_stay_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
