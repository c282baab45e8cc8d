/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong with a server, made to happen on a real one: every failure has a class and a
 * name, nothing is charged twice, and connecting and reopening mends it. */
#include "tests/unit/adapters/redis/balances_fixture.h"

#include "adapters/redis/reply.h"

#include <sys/stat.h>

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    const char *extra[] = {"--enable-debug-command", "local", NULL};
    return fixture_start(&fixture, extra) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static int reset(void **state)
{
    (void)state;
    fixture_reset(&fixture);
    return fixture_load(&fixture, 7, "ann", 100) == TS_BALANCES_OK ? 0 : -1;
}

/* A charge fails with `class` and a text that has `word`; then the connection is closed. */
static void assert_charge_fails(enum ts_error_class class, const char *word)
{
    enum ts_balances_status status = TS_BALANCES_OK;
    assert_int_equal(fixture_charge(&fixture, TOKEN, 100, &status), TS_PROGRESS_FAILED);
    assert_int_equal(status, TS_BALANCES_ERROR);
    assert_int_equal(fixture.err.class, class);
    if (strstr(fixture.err.text, word) == NULL) {
        fail_msg("'%s' is not in: %s", word, fixture.err.text);
    }
    assert_non_null(strstr(fixture.err.text, "redis 127.0.0.1:"));
    assert_false(fixture_open(&fixture, TOKEN, 100));
    assert_non_null(strstr(fixture.err.text, "not connected"));
}

/* After the fault: connect, reopen, charge. Whatever the fault left, one charge is there. */
static void assert_mends(void)
{
    enum ts_balances_status status = TS_BALANCES_ERROR;
    assert_true(fixture_connect(&fixture));
    assert_true(fixture_open(&fixture, TOKEN + 1, 100));
    assert_int_equal(fixture.answers[7].status, TS_BALANCES_OK);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 100);
    assert_int_equal(fixture_charge(&fixture, TOKEN + 1, 100, &status), TS_PROGRESS_DONE);
    assert_int_equal(status, TS_BALANCES_OK);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 90);
}

static void scripts_flushed(void **state)
{
    (void)state;
    fixture_do(&fixture, "SCRIPT FLUSH");
    assert_charge_fails(TS_ERROR_RETRY, "NOSCRIPT");
    assert_mends();
}

static void out_of_memory(void **state)
{
    (void)state;
    fixture_do(&fixture, "CONFIG SET maxmemory 1");
    assert_charge_fails(TS_ERROR_RETRY, "OOM");
    fixture_do(&fixture, "CONFIG SET maxmemory 0");
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 100);
    assert_mends();
}

/* Under an open that takes back: refused whole as well. */
static void out_of_memory_while_reopening(void **state)
{
    (void)state;
    enum ts_balances_status status = TS_BALANCES_ERROR;
    assert_int_equal(fixture_charge(&fixture, TOKEN, 100, &status), TS_PROGRESS_DONE);
    fixture_do(&fixture, "CONFIG SET maxmemory 1");
    assert_false(fixture_open(&fixture, TOKEN + 1, 100));
    assert_non_null(strstr(fixture.err.text, "OOM"));
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 90);
    fixture_do(&fixture, "CONFIG SET maxmemory 0");
    assert_mends();
}

static void became_a_replica(void **state)
{
    (void)state;
    fixture_do(&fixture, "REPLICAOF 127.0.0.1 1");
    assert_charge_fails(TS_ERROR_RETRY, "READONLY");
    assert_false(fixture_connect(&fixture));
    assert_int_equal(fixture.err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(fixture.err.text, "replica of 127.0.0.1:1;"));
    fixture_do(&fixture, "REPLICAOF NO ONE");
    assert_mends();
}

static void busy_with_another_script(void **state)
{
    (void)state;
    fixture_do(&fixture, "CONFIG SET busy-reply-threshold 20");
    redisContext *other = redis_server_connect(&fixture.server);
    int done = 0;
    assert_int_equal(redisAppendCommand(other, "EVAL %s 0", "while true do end"), REDIS_OK);
    while (!done) {
        assert_int_equal(redisBufferWrite(other, &done), REDIS_OK);
    }
    (void)usleep(100000);
    assert_charge_fails(TS_ERROR_RETRY, "BUSY");
    fixture_do(&fixture, "SCRIPT KILL");
    void *killed = NULL;
    assert_int_equal(redisGetReply(other, &killed), REDIS_OK); /* it ended */
    freeReplyObject(killed);
    redisFree(other);
    assert_mends();
}

static void cannot_save(void **state)
{
    (void)state;
    redisReply *reply = redisCommand(fixture.redis, "CONFIG SET save %s", "3600 1");
    freeReplyObject(reply);
    char log[64];
    (void)snprintf(log, sizeof log, "%s/log", fixture.server.dir);
    assert_int_equal(unlink(log), 0);
    assert_int_equal(rmdir(fixture.server.dir), 0);
    bool refused = false;
    fixture_do(&fixture, "BGSAVE");
    for (int i = 0; i < 100 && !refused; i++) {
        (void)usleep(20000);
        reply = redisCommand(fixture.redis, "INFO persistence");
        refused = strstr(reply->str, "rdb_last_bgsave_status:err") != NULL;
        freeReplyObject(reply);
    }
    assert_true(refused);
    assert_charge_fails(TS_ERROR_RETRY, "MISCONF");
    fixture_do(&fixture, "CONFIG SET stop-writes-on-bgsave-error no");
    assert_int_equal(mkdir(fixture.server.dir, 0700), 0);
    assert_mends();
}

/* The server runs the call, and its answer never arrives: both commands wait while the server
 * sleeps, and the second, from another connection, kills ours before the answer is written. */
static void the_answer_is_lost(void **state)
{
    (void)state;
    redisContext *sleeper = redis_server_connect(&fixture.server);
    redisContext *killer = redis_server_connect(&fixture.server);
    struct ts_buffer undo;
    ts_buffer_init(&undo, 4096);
    struct ts_apply_account ann = {.account_id = TS_LITERAL("ann"), .delta_micros = -10};
    struct ts_apply call = one_charge(&undo, &ann, 7, 100);
    int done = 0;
    assert_int_equal(redisAppendCommand(sleeper, "DEBUG SLEEP 0.3"), REDIS_OK);
    while (!done) {
        assert_int_equal(redisBufferWrite(sleeper, &done), REDIS_OK);
    }
    (void)usleep(50000);
    assert_true(fixture.port.ops->apply_start(fixture.port.self, &call, 1, &fixture.err));
    (void)usleep(20000);
    freeReplyObject(redisCommand(killer, "CLIENT KILL TYPE normal SKIPME yes"));
    assert_int_equal(fixture_wait(&fixture), TS_PROGRESS_FAILED);
    assert_int_equal(fixture.err.class, TS_ERROR_RETRY);
    assert_int_equal(call.status, TS_BALANCES_ERROR);
    redisFree(sleeper);
    redisFree(killer);
    ts_buffer_finish(&undo);

    redisFree(fixture.redis);
    fixture.redis = redis_server_connect(&fixture.server);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 90); /* it was charged */
    assert_mends();
}

static void no_answer_in_time(void **state)
{
    (void)state;
    assert_int_equal(kill(fixture.server.pid, SIGSTOP), 0);
    enum ts_balances_status status;
    assert_int_equal(fixture_charge(&fixture, TOKEN, 100, &status), TS_PROGRESS_FAILED);
    assert_int_equal(fixture.err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(fixture.err.text, "no answer for 2000 ms"));
    assert_int_equal(status, TS_BALANCES_ERROR);
    assert_int_equal(kill(fixture.server.pid, SIGCONT), 0);
    assert_mends();
}

static void another_programs_key(void **state)
{
    (void)state;
    fixture_do(&fixture, "SET {b7} x");
    assert_charge_fails(TS_ERROR_FATAL, "WRONGTYPE");
}

/* ---- servers of their own */

static bool try_connect(const char *url, struct ts_error *err)
{
    struct ts_redis_options options = {.url = url, .connect_timeout_ms = 500};
    struct ts_redis_balances *balances = ts_redis_balances_create(&options, err);
    assert_non_null(balances);
    struct ts_balances port = ts_redis_balances_port(balances);
    struct ts_balances_identity identity;
    bool connected = port.ops->connect(port.self, &identity, err);
    if (connected) {
        uint32_t bucket = 3;
        int64_t generation = 8;
        connected = port.ops->create(port.self, &bucket, &generation, 1, err);
    }
    ts_redis_balances_destroy(balances);
    return connected;
}

static void no_server(void **state)
{
    (void)state;
    char url[64];
    struct ts_error err = {0};
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%d", redis_server_free_port());
    assert_false(try_connect(url, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(err.text, "refused"));
}

static void passwords(void **state)
{
    (void)state;
    struct redis_server server;
    const char *extra[] = {"--requirepass", "s3cret@/:", NULL};
    assert_true(redis_server_start(&server, extra));
    char url[96];
    struct ts_error err = {0};
    assert_false(try_connect(server.url, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "NOAUTH"));

    (void)snprintf(url, sizeof url, "redis://:wr0ng@127.0.0.1:%d", server.port);
    assert_false(try_connect(url, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "WRONGPASS"));
    assert_null(strstr(err.text, "wr0ng"));

    (void)snprintf(
        url, sizeof url, "redis://default:s3cret%%40%%2F%%3a@127.0.0.1:%d/3", server.port);
    assert_true(try_connect(url, &err));
    redisContext *redis = redis_server_connect(&server);
    freeReplyObject(redisCommand(redis, "AUTH %s", "s3cret@/:"));
    freeReplyObject(redisCommand(redis, "SELECT 3"));
    redisReply *reply = redisCommand(redis, "HGET {b3} g");
    assert_string_equal(reply->str, "8");
    freeReplyObject(reply);
    redisFree(redis);
    redis_server_stop(&server);
}

/* The rights that the error names are those that it takes. */
static void a_user_of_limited_rights(void **state)
{
    (void)state;
    struct fixture limited;
    char url[96];
    enum ts_balances_status status = TS_BALANCES_ERROR;
    assert_true(fixture_start(&limited, NULL));
    fixture_do(&limited, "ACL SETUSER worker on >pw " TS_REDIS_RIGHTS);
    (void)snprintf(url, sizeof url, "redis://worker:pw@127.0.0.1:%d", limited.server.port);
    struct ts_redis_options options = {.url = url};
    ts_redis_balances_destroy(limited.balances);
    limited.balances = ts_redis_balances_create(&options, &limited.err);
    limited.port = ts_redis_balances_port(limited.balances);
    fixture_reset(&limited);
    assert_int_equal(fixture_load(&limited, 7, "ann", 100), TS_BALANCES_OK);
    assert_int_equal(fixture_charge(&limited, TOKEN, 100, &status), TS_PROGRESS_DONE);
    assert_int_equal(status, TS_BALANCES_OK);
    assert_true(fixture_open(&limited, TOKEN + 1, 100));
    assert_int_equal(fixture_balance(&limited, 7, "ann"), 100);

    fixture_do(&limited, "ACL SETUSER worker -hset");
    assert_int_equal(fixture_charge(&limited, TOKEN + 1, 100, &status), TS_PROGRESS_FAILED);
    assert_int_equal(limited.err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(limited.err.text, "+@hash"));
    fixture_stop(&limited);
}

/* "unknown command 'AUTH', with args beginning with: 'wr0ng'". */
static void a_server_that_repeats_the_password(void **state)
{
    (void)state;
    struct redis_server server;
    const char *extra[] = {"--rename-command", "AUTH", "", NULL};
    assert_true(redis_server_start(&server, extra));
    char url[96];
    struct ts_error err = {0};
    (void)snprintf(url, sizeof url, "redis://:wr0ng@127.0.0.1:%d", server.port);
    assert_false(try_connect(url, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_null(strstr(err.text, "wr0ng"));
    redis_server_stop(&server);
}

static void a_cluster_node(void **state)
{
    (void)state;
    struct redis_server server;
    char bus[8];
    (void)snprintf(bus, sizeof bus, "%d", redis_server_free_port());
    const char *extra[] = {
        "--cluster-enabled", "yes", "--cluster-config-file", "nodes", "--cluster-port", bus, NULL};
    struct ts_error err = {0};
    char nodes[64];
    assert_true(redis_server_start(&server, extra));
    assert_false(try_connect(server.url, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(err.text, "CLUSTERDOWN"));

    redisContext *redis = redis_server_connect(&server);
    freeReplyObject(redisCommand(redis, "CLUSTER ADDSLOTSRANGE 0 16383"));
    bool connected = false;
    for (int i = 0; i < 100 && !connected; i++) {
        (void)usleep(50000);
        connected = try_connect(server.url, &err);
    }
    assert_true(connected);
    redisFree(redis);
    (void)snprintf(nodes, sizeof nodes, "%s/nodes", server.dir);
    (void)unlink(nodes);
    redis_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(scripts_flushed, reset),
        cmocka_unit_test_setup(out_of_memory, reset),
        cmocka_unit_test_setup(out_of_memory_while_reopening, reset),
        cmocka_unit_test_setup(became_a_replica, reset),
        cmocka_unit_test_setup(busy_with_another_script, reset),
        cmocka_unit_test_setup(the_answer_is_lost, reset),
        cmocka_unit_test_setup(no_answer_in_time, reset),
        cmocka_unit_test_setup(another_programs_key, reset),
        cmocka_unit_test_setup(cannot_save, reset),
        cmocka_unit_test(no_server),
        cmocka_unit_test(passwords),
        cmocka_unit_test(a_user_of_limited_rights),
        cmocka_unit_test(a_server_that_repeats_the_password),
        cmocka_unit_test(a_cluster_node),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
