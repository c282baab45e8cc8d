/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen of the administration on a mock cluster, which lists topics but neither makes
 * nor describes them; the rest is in tests/integration. */
#include "tests/unit/adapters/kafka/mock.h"

#include "adapters/kafka/admin.h"

static void topics_are_listed_by_name(void **state)
{
    struct mock *mock = *state;
    struct ts_kafka_connection connection = mock_connection(mock);
    struct ts_kafka_admin *admin;
    struct ts_kafka_topic *topics;
    size_t count;
    struct ts_error err;
    (void)rd_kafka_mock_topic_create(mock->cluster, "b", 3, 1);
    (void)rd_kafka_mock_topic_create(mock->cluster, "__internal", 1, 1);
    (void)rd_kafka_mock_topic_create(mock->cluster, "a", 1, 1);
    assert_true(ts_kafka_admin_open(&connection, 2000, &admin, &err));
    assert_true(ts_kafka_admin_list(admin, &topics, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(topics[0].name, "a");
    assert_string_equal(topics[1].name, "b");
    assert_int_equal(topics[1].partitions, 3);
    assert_int_equal(topics[1].replication, 1);
    assert_int_equal(topics[1].leaderless, 0);
    assert_int_equal(topics[1].retention_ms, -2); /* not known */
    assert_string_equal(topics[1].cleanup_policy, "");
    free(topics);
    ts_kafka_admin_close(admin);
}

static void a_cluster_that_is_away_is_told(void **state)
{
    (void)state;
    const struct ts_kafka_connection connection = {.brokers = "127.0.0.1:1"};
    const struct ts_kafka_topic_wanted wanted = {.name = "t", .partitions = 1};
    struct ts_kafka_topic_result result;
    struct ts_kafka_admin *admin;
    struct ts_kafka_topic *topics;
    size_t count;
    struct ts_error err = {0};
    assert_true(ts_kafka_admin_open(&connection, 500, &admin, &err));
    assert_false(ts_kafka_admin_list(admin, &topics, &count, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(err.text, "Kafka at 127.0.0.1:1: "));
    err.class = TS_ERROR_NONE;
    assert_false(ts_kafka_admin_create(admin, &wanted, 1, &result, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    ts_kafka_admin_close(admin);
}

static void an_impossible_topic_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    const struct ts_kafka_connection connection = {.brokers = "127.0.0.1:1"};
    const struct ts_kafka_topic_wanted wanted = {.name = "t", .partitions = 0};
    struct ts_kafka_topic_result result;
    struct ts_kafka_admin *admin;
    struct ts_error err = {0};
    assert_true(ts_kafka_admin_open(&connection, 500, &admin, &err));
    assert_false(ts_kafka_admin_create(admin, &wanted, 1, &result, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "topic \"t\": "));
    ts_kafka_admin_close(admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(topics_are_listed_by_name, mock_open, mock_close),
        cmocka_unit_test(a_cluster_that_is_away_is_told),
        cmocka_unit_test(an_impossible_topic_is_refused_before_it_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
