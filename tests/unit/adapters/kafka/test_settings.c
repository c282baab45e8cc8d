/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/kafka/settings.h"
#include "adapters/kafka/source.h"

#include <stdio.h>
#include <string.h>

static const struct ts_kafka_connection nowhere = {.brokers = "127.0.0.1:1"};

static bool pass(const char *name, const char *value, struct ts_error *err)
{
    const struct ts_kafka_property property = {name, value};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = ts_kafka_settings_pass(
        conf, "kafka.consumer.", &(struct ts_kafka_properties){&property, 1}, err);
    rd_kafka_conf_destroy(conf);
    return ok;
}

static void what_correctness_rests_on_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "enable.auto.commit",
        "enable.auto.offset.store",
        "auto.offset.reset",
        "isolation.level",
        "check.crcs",
        "enable.idempotence",
        "acks",
        "transactional.id",
        "bootstrap.servers",
        "group.id",
        "request.required.acks",
        "partitioner",
        "client.rack",
        "allow.auto.create.topics",
        "queuing.strategy",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ts_error err = {0};
        assert_false(pass(names[i], "1", &err));
        assert_int_equal(err.class, TS_ERROR_FATAL);
        char begin[96];
        (void)snprintf(begin, sizeof begin, "kafka.consumer.%s cannot be set: ", names[i]);
        assert_memory_equal(err.text, begin, strlen(begin));
        assert_true(strlen(err.text) > strlen(begin) + 10); /* a reason */
    }
}

static void others_pass(void **state)
{
    (void)state;
    struct ts_error err;
    assert_true(pass("fetch.min.bytes", "1", &err));
    assert_true(pass("session.timeout.ms", "6000", &err));
    assert_true(pass("compression.codec", "zstd", &err)); /* of a topic */
}

static void unknown_ones_are_told_with_librdkafkas_text(void **state)
{
    (void)state;
    struct ts_error err;
    assert_false(pass("fetch.min.bites", "1", &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_string_equal(
        err.text,
        "kafka.consumer.fetch.min.bites: No such configuration property: \"fetch.min.bites\"");
    assert_false(pass("fetch.min.bytes", "many", &err));
    assert_non_null(strstr(err.text, "kafka.consumer.fetch.min.bytes: Invalid value"));
}

static void assert_set(const rd_kafka_conf_t *conf, const char *name, const char *expected)
{
    char value[64];
    size_t size = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, expected);
}

static void each_role_has_its_settings(void **state)
{
    (void)state;
    struct ts_error err;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_true(ts_kafka_settings_base(conf, TS_KAFKA_CONSUMER, &nowhere, &err));
    assert_set(conf, "enable.auto.commit", "false");
    assert_set(conf, "enable.auto.offset.store", "false");
    assert_set(conf, "auto.offset.reset", "error");
    assert_set(conf, "isolation.level", "read_committed");
    assert_set(conf, "check.crcs", "true");
    assert_set(conf, "allow.auto.create.topics", "false");
    assert_set(conf, "queued.min.messages", "100000");
    assert_set(conf, "socket.nagle.disable", "true");
    rd_kafka_conf_destroy(conf);

    conf = rd_kafka_conf_new();
    assert_true(ts_kafka_settings_base(conf, TS_KAFKA_PRODUCER, &nowhere, &err));
    assert_set(conf, "enable.idempotence", "true");
    assert_set(conf, "acks", "-1");
    assert_set(conf, "compression.type", "lz4");
    assert_set(conf, "partitioner", "murmur2_random");
    rd_kafka_conf_destroy(conf);
}

static void brokers_must_be_named(void **state)
{
    (void)state;
    struct ts_error err;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const struct ts_kafka_connection none = {.brokers = ""};
    assert_false(ts_kafka_settings_base(conf, TS_KAFKA_CONSUMER, &none, &err));
    assert_non_null(strstr(err.text, "kafka.brokers"));
    rd_kafka_conf_destroy(conf);
}

static void secrets_are_known_by_name(void **state)
{
    (void)state;
    assert_true(ts_kafka_settings_secret("sasl.password"));
    assert_true(ts_kafka_settings_secret("ssl.key.password"));
    assert_true(ts_kafka_settings_secret("ssl.key.pem"));
    assert_true(ts_kafka_settings_secret("sasl.oauthbearer.client.secret"));
    assert_true(ts_kafka_settings_secret("sasl.oauthbearer.config"));
    assert_false(ts_kafka_settings_secret("sasl.username"));
    assert_false(ts_kafka_settings_secret("client.id"));
}

static void secrets_are_struck_out_of_errors(void **state)
{
    (void)state;
    const struct ts_kafka_property properties[] = {{"sasl.password", "hunter22"},
                                                   {"security.protocol", "hunter22"}};
    const struct ts_kafka_source_options options = {
        .connection = {.brokers = "127.0.0.1:1", .properties = {properties, 1}},
        .properties = {properties + 1, 1},
        .group = "g",
        .topics = {[TS_INPUT_CDRS] = "t"},
    };
    struct ts_kafka_source *source;
    struct ts_error err;
    assert_false(ts_kafka_source_open(&options, &source, &err));
    assert_null(strstr(err.text, "hunter22"));
    assert_non_null(strstr(err.text, "********"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_correctness_rests_on_is_refused),
        cmocka_unit_test(others_pass),
        cmocka_unit_test(unknown_ones_are_told_with_librdkafkas_text),
        cmocka_unit_test(each_role_has_its_settings),
        cmocka_unit_test(brokers_must_be_named),
        cmocka_unit_test(secrets_are_known_by_name),
        cmocka_unit_test(secrets_are_struck_out_of_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
