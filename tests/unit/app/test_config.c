/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/config.h"
#include "app/config_print.h"
#include "app/config_table.h"
#include "app/config_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *const no_environment[] = {NULL};

/* Writes a settings file; the caller unlinks it. */
static void write_file(char path[32], const char *text)
{
    snprintf(path, 32, P_tmpdir "/config-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static bool load_text(struct ts_config *config, const char *text, char *const *environment)
{
    char path[32];
    struct ts_error err = {0};
    write_file(path, text);
    bool loaded = ts_config_load(config, path, environment, &err);
    config->file = "FILE"; /* the path ends with this function */
    unlink(path);
    return loaded;
}

static const char *faults(struct ts_config *config)
{
    ts_buffer_append_char(&config->faults, '\0');
    return config->faults.data;
}

static void test_defaults(void **state)
{
    (void)state;
    struct ts_config config;
    assert_true(load_text(&config, "", no_environment));
    assert_string_equal(config.kafka.topics.cdrs, "tollstream.cdrs");
    assert_string_equal(config.http.listen, "127.0.0.1:9464");
    assert_int_equal(config.recharge.expires_after_ms, 24 * 3600 * 1000);
    assert_int_equal(config.kafka.assignment, TS_ASSIGNMENT_EAGER);
    assert_int_equal(config.batch.bytes_max, 16 << 20);
    ts_config_finish(&config);
}

static void test_file_then_environment(void **state)
{
    (void)state;
    char *const environment[] = {"TOLLSTREAM_KAFKA_BROKERS=b:1",
                                 "TOLLSTREAM_BATCH_LINGER_MS=7",
                                 "PATH=/bin",
                                 "TOLLSTREAM_HTTP_LISTEN=",
                                 NULL};
    struct ts_config config;
    assert_true(load_text(&config,
                          "kafka:\n"
                          "  brokers: [a:1, 'a:2']\n"
                          "  group: g\n"
                          "batch: {linger_ms: 1s, records_max: 10}\n",
                          environment));
    assert_string_equal(config.kafka.brokers, "b:1");
    assert_string_equal(config.kafka.group, "g");
    assert_int_equal(config.batch.linger_ms, 7);
    assert_int_equal(config.batch.records_max, 10);
    assert_string_equal(config.http.listen, "");
    ts_config_finish(&config);
}

static void test_lists_become_commas(void **state)
{
    (void)state;
    struct ts_config config;
    assert_true(load_text(&config, "kafka: {brokers: [a:1, 'a:2']}", no_environment));
    assert_string_equal(config.kafka.brokers, "a:1,a:2");
    ts_config_finish(&config);
}

/* Each text has one fault, told with line and what would be right. */
static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"kafka:\n  broker: x", ":2: unknown key kafka.broker: did you mean kafka.brokers?"},
        {"kafka:\n  debug: x", ":2: unknown key kafka.debug"},
        {"nonsense: 1", ":1: unknown key nonsense"},
        {"workers: 0", ":1: workers: \"0\" should be a whole number from 1 to 64"},
        {"workers: 65", "from 1 to 64"},
        {"workers: 1x", "\"1x\" should be a whole number"},
        {"workers: 99999999999999999999", "should be a whole number"},
        {"workers: ''", "workers: \"\" should be"},
        {"workers: 1\nworkers: 2", ":2: workers is set twice, first in line 1"},
        {"workers:", ":1: workers has no value"},
        {"kafka: 5", ":1: kafka holds keys"},
        {"kafka: {assignment: egaer}", "did you mean eager?"},
        {"log: {level: warn}", "did you mean warning?"},
        {"shutdown_timeout: 30", "should be a time such as"},
        {"shutdown_timeout: 11m", "from 1s to 10m"},
        {"batch: {bytes_max: 1TB}", "should be a size"},
        {"batch: {bytes_max: 9223372036854775807GiB}", "should be a size"},
        {"kafka: {topics: {cdrs: a b}}", "is no topic name"},
        {"kafka: {topics: {cdrs: ''}}", "may not be empty"},
        {"kafka: {topics: {cdrs: tollstream.events}}", "is there twice"},
        {"kafka: {group: \"a\\u0007b\"}", "control character"},
        {"batch: {records_max: 9000}\nsettle: {records_max: 8000}",
         "settle.records_max: 8000 is below batch.records_max"},
        {"usage: {retention_days: 30}\n",
         "usage.retention_days: 30 is below usage.history_days, 62"},
        {"kafka: {consumer: {a.b: 1, a.b: 2}}", "a.b is set twice"},
        {"validate: {source_duration_tolerance_ms: {x: soon}}", "should be a time such as"},
        {"workers: &a 1\nstart_from: *a", ":2: aliases (*name) are not supported"},
        {"workers: 1\n---\nworkers: 2", "a second document"},
        {"workers: [1, [2]]", "plain values only"},
        {"- 1", "expected `key: value`"},
        {"a: [1", "not YAML"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_config config;
        bool loaded = load_text(&config, cases[i].text, no_environment);
        const char *told = faults(&config);
        if (loaded || strstr(told, cases[i].expected) == NULL) {
            fail_msg("%s: told \"%s\", expected \"%s\"", cases[i].text, told, cases[i].expected);
        }
        assert_ptr_equal(strchr(told, '\n'), strrchr(told, '\n')); /* one fault, one line */
        ts_config_finish(&config);
    }
}

static void test_all_faults_are_told(void **state)
{
    (void)state;
    struct ts_config config;
    char *const environment[] = {"TOLLSTREAM_WORKERS=none", NULL};
    assert_false(load_text(&config, "start_from: latest\nfoo: 1\n", environment));
    const char *told = faults(&config);
    assert_non_null(strstr(told, ":1: start_from"));
    assert_non_null(strstr(told, ":2: unknown key foo"));
    assert_non_null(strstr(told, "TOLLSTREAM_WORKERS: workers: \"none\""));
    ts_config_finish(&config);
}

static void test_missing_file(void **state)
{
    (void)state;
    struct ts_config config;
    struct ts_error err = {0};
    assert_false(ts_config_load(&config, "no-such-file.yaml", no_environment, &err));
    assert_non_null(strstr(err.text, "no-such-file.yaml: No such file"));
    ts_config_finish(&config);
    char *const environment[] = {"TOLLSTREAM_CONFIG=no-such-file.yaml", NULL};
    assert_false(ts_config_load(&config, NULL, environment, &err));
    ts_config_finish(&config);
}

static void test_pass_through(void **state)
{
    (void)state;
    char *const environment[] = {
        "TOLLSTREAM_KAFKA_SASL_PASSWORD=hush", "TOLLSTREAM_KAFKA_CONSUMER_FETCH_MIN_BYTES=2", NULL};
    struct ts_config config;
    assert_true(load_text(&config,
                          "kafka:\n"
                          "  security: {protocol: SASL_SSL}\n"
                          "  socket.nagle.disable: false\n"
                          "  consumer: {fetch.min.bytes: 1}\n"
                          "  producer:\n"
                          "    linger.ms: 9\n",
                          environment));
    assert_int_equal(config.kafka.properties.count, 3);
    assert_string_equal(config.kafka.properties.pairs[0].name, "sasl.password");
    assert_string_equal(config.kafka.properties.pairs[0].value, "hush");
    assert_string_equal(config.kafka.properties.pairs[1].name, "security.protocol");
    assert_string_equal(config.kafka.properties.pairs[2].name, "socket.nagle.disable");
    assert_int_equal(config.kafka.consumer.count, 1);
    assert_string_equal(config.kafka.consumer.pairs[0].value, "2");
    assert_string_equal(config.kafka.producer.pairs[0].name, "linger.ms");
    ts_config_finish(&config);
}

static void test_tolerance_by_source(void **state)
{
    (void)state;
    char *const environment[] = {"TOLLSTREAM_VALIDATE_SOURCE_DURATION_TOLERANCE_MS=sw.1=3s,b=4",
                                 NULL};
    struct ts_config config;
    assert_true(load_text(
        &config, "validate: {source_duration_tolerance_ms: {sw.1: 9s, 'c d': 1}}", environment));
    const struct ts_config_map *map = &config.validate.source_duration_tolerance_ms;
    assert_int_equal(ts_config_map_number(map, "sw.1", 0), 3000);
    assert_int_equal(ts_config_map_number(map, "b", 0), 4);
    assert_int_equal(ts_config_map_number(map, "c d", 0), 1);
    assert_int_equal(ts_config_map_number(map, "other", 77), 77);
    ts_config_finish(&config);
}

static void test_unknown_variables_warn(void **state)
{
    (void)state;
    char *const environment[] = {"TOLLSTREAM_KAFKA_BROKER=x",
                                 "TOLLSTREAM_PORT=tcp://10.0.0.1:1",
                                 "TOLLSTREAM_KAFKA_SERVICE_HOST=10.0.0.1",
                                 "TOLLSTREAM_KAFKA_PORT_9092_TCP_ADDR=10.0.0.1",
                                 "TOLLSTREAM_STACK_DIR=x",
                                 NULL};
    struct ts_config config;
    assert_true(load_text(&config, "", environment));
    ts_buffer_append_char(&config.warnings, '\0');
    assert_string_equal(config.warnings.data,
                        "TOLLSTREAM_KAFKA_BROKER: no such setting, ignored: did you mean "
                        "TOLLSTREAM_KAFKA_BROKERS?\n");
    assert_int_equal(config.kafka.properties.count, 0);
    ts_config_finish(&config);
}

/* No two keys may share a variable, and each default must be what its row allows. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ts_config_key_count; i++) {
        char name[TS_CONFIG_ENV_MAX];
        ts_config_env_name(ts_config_keys[i].path, name, sizeof name);
        assert_true(strlen(name) + 1 < sizeof name);
        for (size_t j = 0; j < i; j++) {
            char other[TS_CONFIG_ENV_MAX];
            ts_config_env_name(ts_config_keys[j].path, other, sizeof other);
            assert_string_not_equal(name, other);
        }
    }
}

static void test_effective_can_be_read_again(void **state)
{
    (void)state;
    char *const environment[] = {"TOLLSTREAM_POSTGRES_URL=postgresql://u:sesame@h/db", NULL};
    struct ts_config config;
    assert_true(load_text(&config,
                          "kafka: {brokers: 'a\"b\\c', sasl.password: sesame, client.id: me}\n"
                          "validate: {source_duration_tolerance_ms: {sw.1: 90s}}\n",
                          environment));
    struct ts_buffer text;
    ts_buffer_init(&text, 1 << 20);
    ts_config_effective(&config, &text);
    ts_buffer_append_char(&text, '\0');
    assert_false(text.failed);
    assert_null(strstr(text.data, "sesame"));
    assert_non_null(strstr(text.data, "postgresql://u:***@h/db"));
    assert_non_null(strstr(text.data, "# TOLLSTREAM_POSTGRES_URL\n"));
    struct ts_config again;
    assert_true(load_text(&again, text.data, no_environment));
    assert_string_equal(again.kafka.brokers, "a\"b\\c");
    assert_int_equal(again.kafka.properties.count, 2);
    assert_string_equal(again.kafka.properties.pairs[0].value, "me");
    assert_int_equal(ts_config_map_number(&again.validate.source_duration_tolerance_ms, "sw.1", 0),
                     90000);
    ts_buffer_finish(&text);
    ts_config_finish(&again);
    ts_config_finish(&config);
}

/* Made anew by: tollstream check-config --example > deploy/tollstream.example.yaml */
static void test_example_file_has_not_drifted(void **state)
{
    (void)state;
    struct ts_buffer text;
    ts_buffer_init(&text, 1 << 20);
    ts_config_example(&text);
    FILE *file = fopen("deploy/tollstream.example.yaml", "r");
    assert_non_null(file);
    char *stored = calloc(1, text.size + 2);
    assert_non_null(stored);
    size_t size = fread(stored, 1, text.size + 1, file);
    fclose(file);
    assert_int_equal(size, text.size);
    assert_memory_equal(stored, text.data, size);
    struct ts_config config;
    assert_true(load_text(&config, stored, no_environment));
    for (size_t i = 0; i < ts_config_key_count; i++) {
        bool map = ts_config_is_map(&ts_config_keys[i]);
        assert_int_equal(config.origins[i].from, map ? TS_ORIGIN_DEFAULT : TS_ORIGIN_FILE);
    }
    ts_config_finish(&config);
    free(stored);
    ts_buffer_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_file_then_environment),
        cmocka_unit_test(test_lists_become_commas),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_all_faults_are_told),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_pass_through),
        cmocka_unit_test(test_tolerance_by_source),
        cmocka_unit_test(test_unknown_variables_warn),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_effective_can_be_read_again),
        cmocka_unit_test(test_example_file_has_not_drifted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
