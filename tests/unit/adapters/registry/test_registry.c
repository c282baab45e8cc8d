/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/adapters/registry/http_stub.h"

#include "adapters/registry/registry.h"
#include "core/reason.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#define FOUND "{\"schema\":\"\\\"long\\\"\"}"
#define NOT_FOUND "{\"error_code\":40403,\"message\":\"Schema 7 not found\"}"

enum { TIMEOUT_MS = 300, RETRY_MS = 50, ABSENT_MS = 600, PATIENCE_MS = 10000 };

static struct ts_registry *registry;
static struct ts_schemas port;
static char warned[512];

static void say(void *self, enum ts_level level, const char *event, const char *format, ...)
{
    (void)self, (void)level, (void)event;
    va_list args;
    va_start(args, format);
    vsnprintf(warned, sizeof warned, format, args);
    va_end(args);
}

static const struct ts_observer_ops observer = {.say = say};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct ts_registry *open_at(const char *url, const char *cache_dir, struct ts_error *err)
{
    struct ts_registry_options options = ts_registry_defaults();
    options.url = url;
    options.cache_dir = cache_dir;
    options.timeout_ms = TIMEOUT_MS;
    options.retry_ms = RETRY_MS;
    options.absent_ms = ABSENT_MS;
    options.observer.ops = &observer;
    return ts_registry_open(&options, err);
}

static void open_with(const char *login, const char *cache_dir)
{
    char url[100];
    struct ts_error err = {0};
    snprintf(url, sizeof url, "http://%s127.0.0.1:%d/api/", login, stub.port);
    registry = open_at(url, cache_dir, &err);
    if (registry == NULL) {
        fail_msg("%s", err.text);
    }
    port = ts_registry_port(registry);
}

static void reopen(const char *cache_dir)
{
    ts_registry_close(registry);
    open_with("", cache_dir);
}

static int set_up(void **state)
{
    (void)state;
    stub_start();
    stub_reply(200, FOUND);
    open_with("", "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ts_registry_close(registry);
    registry = NULL;
    stub_stop();
    return 0;
}

/* One fetch; its class (NONE: found, with this text). */
static enum ts_error_class fetch(uint32_t id, struct ts_error *err)
{
    struct ts_buffer out;
    ts_buffer_init(&out, 100000);
    *err = (struct ts_error){0};
    if (port.ops->fetch(port.self, id, &out, err)) {
        assert_true(ts_bytes_equal_text(ts_buffer_bytes(&out), "\"long\""));
    }
    ts_buffer_finish(&out);
    return err->class;
}

/* Fetches until the class is this one. */
static void await(uint32_t id, enum ts_error_class class)
{
    struct ts_error err;
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (fetch(id, &err) != class) {
        if (now_ms() > until_ms) {
            fail_msg("still %s: %s", ts_error_class_name(err.class), err.text);
        }
        stub_sleep(5);
    }
}

/* Fetches until the text is there, which must be class RETRY. */
static void await_retry(uint32_t id, const char *text)
{
    struct ts_error err;
    int64_t until_ms = now_ms() + PATIENCE_MS;
    do {
        assert_int_equal(fetch(id, &err), TS_ERROR_RETRY);
        if (now_ms() > until_ms) {
            fail_msg("not \"%s\": %s", text, err.text);
        }
        stub_sleep(5);
    } while (strstr(err.text, text) == NULL);
}

static void test_found_is_asked_once(void **state)
{
    (void)state;
    await(4294967295u, TS_ERROR_NONE);
    assert_non_null(strstr(stub.request, "GET /api/schemas/ids/4294967295 HTTP/1.1\r\n"));
    assert_non_null(strstr(stub.request, "application/vnd.schemaregistry.v1+json"));
    for (int i = 0; i < 100; i++) {
        struct ts_error err;
        assert_int_equal(fetch(4294967295u, &err), TS_ERROR_NONE);
    }
    assert_int_equal(stub_requests(), 1);
    await(1, TS_ERROR_NONE);
    assert_int_equal(stub_requests(), 2);
}

static void test_absent_is_believed_for_a_while(void **state)
{
    (void)state;
    struct ts_error err;
    stub_reply(404, NOT_FOUND);
    await(7, TS_ERROR_REJECT);
    int64_t since_ms = now_ms();
    stub_reply(200, FOUND);
    assert_int_equal(fetch(7, &err), TS_ERROR_REJECT);
    assert_int_equal(err.code, TS_REASON_UNKNOWN_SCHEMA);
    assert_non_null(strstr(err.text, "schema id 7: "));
    if (now_ms() - since_ms < ABSENT_MS / 2) {
        assert_int_equal(stub_requests(), 1);
    }
    await(7, TS_ERROR_NONE);
    assert_true(now_ms() - since_ms > ABSENT_MS / 2);
    assert_int_equal(stub_requests(), 2);
}

static void test_a_sick_registry_is_asked_again(void **state)
{
    (void)state;
    stub_reply(500, "{\"error_code\":50001,\"message\":\"backend\"}");
    await_retry(7, "500: \"backend\"");
    stub_reply(503, "");
    await_retry(7, "status 503");
    stub_reply(200, "<html>");
    await_retry(7, "not a JSON object");
    stub_reply(200, FOUND);
    await(7, TS_ERROR_NONE);
}

static void test_a_sick_registry_is_not_pressed(void **state)
{
    (void)state;
    stub_reply(500, "");
    int64_t until_ms = now_ms() + 10 * RETRY_MS;
    while (now_ms() < until_ms) {
        struct ts_error err;
        assert_int_equal(fetch(7, &err), TS_ERROR_RETRY);
    }
    assert_true(stub_requests() <= 12);
}

static void test_down_then_up(void **state)
{
    (void)state;
    stub_stop();
    await_retry(7, "127.0.0.1");
    stub_start();
    await(7, TS_ERROR_NONE);
    stub_stop();
    await(7, TS_ERROR_NONE); /* it is known */
    await_retry(8, "127.0.0.1");
}

static void test_a_slow_registry_holds_nobody(void **state)
{
    (void)state;
    struct ts_error err;
    stub_reply_raw("", 0, 60000);
    int64_t start_ms = now_ms();
    assert_int_equal(fetch(7, &err), TS_ERROR_RETRY);
    assert_non_null(strstr(err.text, "has not answered yet"));
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(fetch(7, &err), TS_ERROR_RETRY);
    }
    assert_true(now_ms() - start_ms < 5000);
    await_retry(7, "timed out");
    stub_stop();
    stub_start();
    stub_reply(200, FOUND);
    await(7, TS_ERROR_NONE);
}

static void test_garbage(void **state)
{
    (void)state;
    static char noise[1000];
    srandom(7);
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (char)random();
    }
    static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"schema\":";
    static const char *const heads[] = {"", "HTTP/1.1 ", "HTTP/1.1 200 OK\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char reply[sizeof noise];
        memcpy(reply, noise, sizeof noise);
        memcpy(reply, heads[i], strlen(heads[i]));
        stub_reply_raw(reply, sizeof reply, 0);
        await_retry((uint32_t)i, "schema registry http://127.0.0.1");
    }
    stub_reply_raw(cut, sizeof cut - 1, 0);
    await_retry(3, "schema registry http://127.0.0.1");
    stub_reply_raw("", 0, 0);
    await_retry(4, "schema registry http://127.0.0.1");
    stub_reply(200, FOUND);
    for (uint32_t id = 0; id < 5; id++) {
        await(id, TS_ERROR_NONE);
    }
}

static void test_an_answer_too_large(void **state)
{
    (void)state;
    static char body[300 * 1024];
    memset(body, ' ', sizeof body - 1);
    memcpy(body, FOUND, sizeof FOUND - 1);
    stub_reply(200, body);
    await_retry(7, "larger than 262144 bytes");
    body[200 * 1024] = '\0';
    stub_reply(200, body);
    await(7, TS_ERROR_NONE);
}

static void test_basic_authentication_is_sent_and_not_told(void **state)
{
    (void)state;
    ts_registry_close(registry);
    open_with("ann:s%40crt@", "");
    stub_reply(401, "");
    struct ts_error err;
    await_retry(7, "401");
    assert_non_null(strstr(stub.request, "Authorization: Basic YW5uOnNAY3J0\r\n"));
    assert_int_equal(fetch(7, &err), TS_ERROR_RETRY);
    assert_null(strstr(err.text, "crt"));
    assert_null(strstr(err.text, "ann"));
}

static void test_addresses_that_are_none(void **state)
{
    (void)state;
    static const char *const urls[] = {"",
                                       "registry:8081",
                                       "ftp://127.0.0.1/",
                                       "file:///etc/passwd",
                                       "http://",
                                       "http://a b/",
                                       "http://u:geheim%01@h/",
                                       "http://u:geheim@h/?x=1",
                                       "http://u:geheim@h/#x"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct ts_error err = {0};
        assert_null(open_at(urls[i], "", &err));
        assert_int_equal(err.class, TS_ERROR_FATAL);
        assert_non_null(strstr(err.text, "schema_registry.url"));
        assert_null(strstr(err.text, "geheim"));
    }
}

/* --- on disk */

static char folder[32];

static int make_folder(void **state)
{
    snprintf(folder, sizeof folder, P_tmpdir "/registry-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : set_up(state);
}

/* Calls `visit` for every file of the folder; how many there were. */
static int each_file(void (*visit)(const char *path))
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.') {
            visit(path);
            count++;
        }
    }
    closedir(dir);
    return count;
}

static void remove_file(const char *path)
{
    unlink(path);
}

static void cut_file(const char *path)
{
    assert_int_equal(truncate(path, 9), 0);
}

static int remove_folder(void **state)
{
    each_file(remove_file);
    rmdir(folder);
    return tear_down(state);
}

static void test_a_restart_needs_no_registry(void **state)
{
    (void)state;
    reopen(folder);
    await(7, TS_ERROR_NONE);
    stub_stop();
    reopen(folder);
    await(7, TS_ERROR_NONE);
    await_retry(8, "127.0.0.1");
}

static void test_another_registry_numbers_otherwise(void **state)
{
    (void)state;
    reopen(folder);
    await(7, TS_ERROR_NONE);
    stub_stop();
    stub.port = 0;
    stub_start();
    stub_reply(404, NOT_FOUND);
    reopen(folder);
    await(7, TS_ERROR_REJECT);
}

static void test_a_damaged_file_counts_as_absent(void **state)
{
    (void)state;
    reopen(folder);
    await(7, TS_ERROR_NONE);
    assert_int_equal(each_file(cut_file), 1);
    reopen(folder);
    await(7, TS_ERROR_NONE);
    assert_int_equal(stub_requests(), 2);
    reopen(folder);
    await(7, TS_ERROR_NONE);
    assert_int_equal(stub_requests(), 2);
}

static void test_what_is_not_found_is_not_kept(void **state)
{
    (void)state;
    reopen(folder);
    stub_reply(404, NOT_FOUND);
    await(7, TS_ERROR_REJECT);
    stub_reply(500, "");
    await_retry(8, "500");
    assert_int_equal(each_file(remove_file), 0);
}

static void test_a_folder_that_is_made_or_lost(void **state)
{
    (void)state;
    char inner[64];
    struct ts_error err = {0};
    snprintf(inner, sizeof inner, "%s/made", folder);
    reopen(inner);
    assert_int_equal(rmdir(inner), 0);
    await(7, TS_ERROR_NONE);
    assert_non_null(strstr(warned, "schema id 7 is not kept"));
    int fd = open(inner, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    snprintf(inner, sizeof inner, "%s/made/deeper", folder);
    assert_null(open_at("http://127.0.0.1/", inner, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "schema_registry.cache_dir"));
}

/* --- threads */

static void *fetch_many(void *arg)
{
    uint32_t first = *(const uint32_t *)arg;
    for (uint32_t id = first; id < first + 300; id++) { /* more than are kept */
        await(id % 400, TS_ERROR_NONE);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    uint32_t firsts[4] = {0, 50, 100, 150};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_many, &firsts[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void test_closing_waits_for_no_answer(void **state)
{
    (void)state;
    struct ts_error err = {0};
    ts_registry_close(registry);
    struct ts_registry_options options = ts_registry_defaults();
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", stub.port);
    options.url = url;
    options.timeout_ms = 60000;
    options.observer.ops = &observer;
    registry = ts_registry_open(&options, &err);
    port = ts_registry_port(registry);
    stub_reply_raw("", 0, 60000);
    assert_int_equal(fetch(7, &err), TS_ERROR_RETRY);
    int64_t start_ms = now_ms();
    ts_registry_close(registry);
    registry = NULL;
    assert_true(now_ms() - start_ms < 10000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_found_is_asked_once),
        TEST(test_absent_is_believed_for_a_while),
        TEST(test_a_sick_registry_is_asked_again),
        TEST(test_a_sick_registry_is_not_pressed),
        TEST(test_down_then_up),
        TEST(test_a_slow_registry_holds_nobody),
        TEST(test_garbage),
        TEST(test_an_answer_too_large),
        TEST(test_basic_authentication_is_sent_and_not_told),
        TEST(test_addresses_that_are_none),
        DISK_TEST(test_a_restart_needs_no_registry),
        DISK_TEST(test_another_registry_numbers_otherwise),
        DISK_TEST(test_a_damaged_file_counts_as_absent),
        DISK_TEST(test_what_is_not_found_is_not_kept),
        DISK_TEST(test_a_folder_that_is_made_or_lost),
        TEST(test_threads),
        TEST(test_closing_waits_for_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
