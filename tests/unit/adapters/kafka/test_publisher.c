/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher on a mock cluster. */
#include "tests/unit/adapters/kafka/mock.h"

#include "adapters/kafka/publisher.h"

#include <unistd.h>

enum { WAIT_MS = 10000 };

struct fixture {
    struct ts_kafka_publisher_options options;
    struct ts_kafka_publisher *publisher;
    struct ts_publisher port;
    struct ts_error err;
};

static void open_publisher(struct fixture *f, struct mock *mock, int queue_messages_max)
{
    memset(f, 0, sizeof *f);
    f->options = (struct ts_kafka_publisher_options){
        .connection = mock_connection(mock),
        .topics = {[TS_OUTPUT_EVENTS] = "events", [TS_OUTPUT_DEAD_LETTERS] = "dead"},
        .queue_messages_max = queue_messages_max,
    };
    (void)rd_kafka_mock_topic_create(mock->cluster, "events", 4, 1);
    (void)rd_kafka_mock_topic_create(mock->cluster, "dead", 1, 1);
    assert_true(ts_kafka_publisher_open(&f->options, &f->publisher, &f->err));
    f->port = ts_kafka_publisher_port(f->publisher);
}

static enum ts_send hand(struct fixture *f, const char *value, uint64_t ticket)
{
    return f->port.ops->send(
        f->port.self, TS_OUTPUT_EVENTS, TS_LITERAL("key"), ts_bytes_of(value), ticket, &f->err);
}

static void await(struct fixture *f, struct ts_delivery *out)
{
    for (int i = 0; i < WAIT_MS / 5; i++) {
        if (f->port.ops->poll(f->port.self, out)) {
            return;
        }
        (void)usleep(5000);
    }
    fail_msg("no delivery");
}

/* The values in one partition of a topic, from its beginning. */
static int read_back(struct mock *mock, const char *topic, char values[][16], int max)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", mock->brokers, NULL, 0);
    (void)rd_kafka_conf_set(conf, "group.id", "reader", NULL, 0);
    (void)rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    int partitions = strcmp(topic, "events") == 0 ? 4 : 1;
    for (int32_t i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = 0;
    }
    assert_int_equal(rd_kafka_assign(rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    int count = 0;
    for (int ends = 0; ends < partitions;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, WAIT_MS);
        assert_non_null(message);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            ends++;
        } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && count < max) {
            (void)snprintf(values[count++],
                           sizeof values[0],
                           "%.*s",
                           (int)message->len,
                           (const char *)message->payload);
        }
        rd_kafka_message_destroy(message);
    }
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return count;
}

static void deliveries_carry_their_tickets(void **state)
{
    struct fixture f;
    struct ts_delivery delivery;
    open_publisher(&f, *state, 0);
    const uint64_t large = UINT64_MAX - 5;
    assert_false(f.port.ops->poll(f.port.self, &delivery));
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(hand(&f, "value", large - i), TS_SEND_OK);
    }
    assert_int_equal(ts_kafka_publisher_stats(f.publisher)->queued, 100);
    for (uint64_t i = 0; i < 100; i++) {
        await(&f, &delivery);
        assert_true(delivery.delivered);
        assert_true(delivery.ticket == large - i); /* one key: one partition, in order */
    }
    assert_false(f.port.ops->poll(f.port.self, &delivery));
    assert_int_equal(ts_kafka_publisher_stats(f.publisher)->queued, 0);
    assert_int_equal(ts_kafka_publisher_stats(f.publisher)->delivered, 100);
    assert_true(ts_kafka_publisher_close(f.publisher, WAIT_MS));
}

static void outputs_go_to_their_topics(void **state)
{
    struct fixture f;
    char values[4][16];
    open_publisher(&f, *state, 0);
    assert_int_equal(hand(&f, "event", 1), TS_SEND_OK);
    assert_int_equal(f.port.ops->send(f.port.self,
                                      TS_OUTPUT_DEAD_LETTERS,
                                      (struct ts_bytes){NULL, 0},
                                      TS_LITERAL("letter"),
                                      2,
                                      &f.err),
                     TS_SEND_OK);
    assert_true(ts_kafka_publisher_close(f.publisher, WAIT_MS)); /* sends what is queued */
    assert_int_equal(read_back(*state, "events", values, 4), 1);
    assert_string_equal(values[0], "event");
    assert_int_equal(read_back(*state, "dead", values, 4), 1);
    assert_string_equal(values[0], "letter");
}

static void the_queue_is_bounded(void **state)
{
    struct mock *mock = *state;
    struct fixture f;
    struct ts_delivery delivery;
    open_publisher(&f, mock, 10);
    (void)rd_kafka_mock_broker_set_down(mock->cluster, 1);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(hand(&f, "value", i), TS_SEND_OK);
    }
    assert_int_equal(hand(&f, "value", 10), TS_SEND_FULL);
    assert_false(f.port.ops->poll(f.port.self, &delivery));
    (void)rd_kafka_mock_broker_set_up(mock->cluster, 1);
    for (uint64_t i = 0; i < 10; i++) {
        await(&f, &delivery);
        assert_true(delivery.delivered);
        assert_int_equal(delivery.ticket, i);
        assert_int_equal(hand(&f, "more", 100 + i), TS_SEND_OK); /* its place is free again */
        assert_int_equal(hand(&f, "more", 200), TS_SEND_FULL);
    }
    assert_true(ts_kafka_publisher_close(f.publisher, WAIT_MS));
}

static void too_large_a_message_is_rejected(void **state)
{
    struct fixture f;
    static char large[2000000];
    open_publisher(&f, *state, 0);
    memset(large, 'x', sizeof large);
    assert_int_equal(f.port.ops->send(f.port.self,
                                      TS_OUTPUT_EVENTS,
                                      TS_LITERAL("key"),
                                      (struct ts_bytes){large, sizeof large},
                                      1,
                                      &f.err),
                     TS_SEND_FAILED);
    assert_int_equal(f.err.class, TS_ERROR_REJECT);
    assert_non_null(strstr(f.err.text, "2000000 bytes for topic events"));
    assert_true(ts_kafka_publisher_close(f.publisher, WAIT_MS));
}

/* A sequence lost for good: what was not acknowledged is handed over again after a reset, and
 * arrives. */
static void a_fatal_error_needs_a_reset(void **state)
{
    struct mock *mock = *state;
    struct fixture f;
    struct ts_delivery delivery;
    open_publisher(&f, mock, 0);
    rd_kafka_mock_push_request_errors(
        mock->cluster, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_int_equal(hand(&f, "first", 1), TS_SEND_OK);
    await(&f, &delivery);
    assert_int_equal(delivery.ticket, 1);
    assert_false(delivery.delivered);
    assert_int_equal(delivery.error.class, TS_ERROR_RETRY);
    assert_int_equal(hand(&f, "second", 2), TS_SEND_FAILED);
    assert_int_equal(f.err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(f.err.text, "must be remade"));

    assert_true(f.port.ops->reset(f.port.self, &f.err));
    assert_int_equal(ts_kafka_publisher_stats(f.publisher)->queued, 0);
    assert_false(f.port.ops->poll(f.port.self, &delivery));
    assert_int_equal(hand(&f, "first", 1), TS_SEND_OK);
    assert_int_equal(hand(&f, "second", 2), TS_SEND_OK);
    for (uint64_t i = 1; i <= 2; i++) {
        await(&f, &delivery);
        assert_true(delivery.delivered);
        assert_int_equal(delivery.ticket, i);
    }
    assert_true(ts_kafka_publisher_close(f.publisher, WAIT_MS));
    char values[4][16];
    assert_int_equal(read_back(mock, "events", values, 4), 2);
    assert_string_equal(values[0], "first");
    assert_string_equal(values[1], "second");
}

static void passing_errors_keep_the_order(void **state)
{
    struct mock *mock = *state;
    struct fixture f;
    struct ts_delivery delivery;
    open_publisher(&f, mock, 0);
    rd_kafka_mock_push_request_errors(mock->cluster,
                                      MOCK_PRODUCE,
                                      3,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(hand(&f, "value", i), TS_SEND_OK);
    }
    for (uint64_t i = 0; i < 20; i++) {
        await(&f, &delivery);
        assert_true(delivery.delivered);
        assert_int_equal(delivery.ticket, i);
    }
    assert_true(ts_kafka_publisher_close(f.publisher, WAIT_MS));
}

/* One that does not end in time is left to librdkafka's threads: no leak, for a leak checker. */
static struct ts_kafka_publisher *volatile left_behind;

static void closing_tells_what_was_not_acknowledged(void **state)
{
    struct mock *mock = *state;
    struct fixture f;
    open_publisher(&f, mock, 0);
    left_behind = f.publisher;
    (void)rd_kafka_mock_broker_set_down(mock->cluster, 1);
    assert_int_equal(hand(&f, "value", 1), TS_SEND_OK);
    assert_false(ts_kafka_publisher_close(f.publisher, 500));
    (void)rd_kafka_mock_broker_set_up(mock->cluster, 1);
}

static void refused_settings_stop_it(void **state)
{
    struct fixture f = {0};
    const struct ts_kafka_property property = {"acks", "1"};
    f.options = (struct ts_kafka_publisher_options){
        .connection = mock_connection(*state),
        .properties = {&property, 1},
        .topics = {[TS_OUTPUT_EVENTS] = "events", [TS_OUTPUT_DEAD_LETTERS] = "dead"},
    };
    assert_false(ts_kafka_publisher_open(&f.options, &f.publisher, &f.err));
    assert_int_equal(f.err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(f.err.text, "kafka.producer.acks cannot be set"));
}

static void the_log_goes_to_the_observer(void **state)
{
    struct mock *mock = *state;
    struct fixture f = {0};
    struct ts_delivery delivery;
    const struct ts_kafka_property properties[] = {
        {"sasl.password", "topic"}, /* a word that librdkafka is sure to log */
        {"debug", "topic"},
    };
    f.options = (struct ts_kafka_publisher_options){
        .connection = mock_connection(mock),
        .properties = {properties, 2},
        .topics = {[TS_OUTPUT_EVENTS] = "events", [TS_OUTPUT_DEAD_LETTERS] = "dead"},
    };
    assert_true(ts_kafka_publisher_open(&f.options, &f.publisher, &f.err));
    f.port = ts_kafka_publisher_port(f.publisher);
    for (int i = 0; i < 100 && mock->said[0] == '\0'; i++) {
        (void)f.port.ops->poll(f.port.self, &delivery);
        (void)usleep(10000);
    }
    assert_non_null(strstr(mock->said, "kafka "));
    assert_null(strstr(mock->said, "topic"));
    (void)ts_kafka_publisher_close(f.publisher, WAIT_MS);
}

int main(void)
{
#define WITH_MOCK(test) cmocka_unit_test_setup_teardown(test, mock_open, mock_close)
    const struct CMUnitTest tests[] = {
        WITH_MOCK(deliveries_carry_their_tickets),
        WITH_MOCK(outputs_go_to_their_topics),
        WITH_MOCK(the_queue_is_bounded),
        WITH_MOCK(too_large_a_message_is_rejected),
        WITH_MOCK(a_fatal_error_needs_a_reset),
        WITH_MOCK(passing_errors_keep_the_order),
        WITH_MOCK(closing_tells_what_was_not_acknowledged),
        WITH_MOCK(refused_settings_stop_it),
        WITH_MOCK(the_log_goes_to_the_observer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
