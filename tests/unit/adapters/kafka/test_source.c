/* SPDX-License-Identifier: Apache-2.0 */
/* The source on a mock cluster: each promise of ports/source.h by itself. How they hold under load,
 * rebalances and a dying broker is tests/integration/kafka_source_check.c. */
#include "tests/unit/adapters/kafka/mock.h"

#include "adapters/kafka/source.h"
#include "ports/headers.h"

#include <time.h>

enum { PARTITIONS = 16, WAIT_MS = 10000, ABSENCE_S_MAX = 60 };

struct fixture {
    struct ts_kafka_source_options options;
    struct ts_kafka_source *source;
    struct ts_source port;
    struct ts_source_event event;
    struct ts_error err;
};

static void open_source(struct fixture *f, struct mock *mock, enum ts_kafka_assignment assignment)
{
    memset(f, 0, sizeof *f);
    f->options = (struct ts_kafka_source_options){
        .connection = mock_connection(mock),
        .group = "group",
        .topics = {[TS_INPUT_CDRS] = "cdrs"},
        .assignment = assignment,
        .request_timeout_ms = 3000,
    };
    assert_true(ts_kafka_source_open(&f->options, &f->source, &f->err));
    f->port = ts_kafka_source_port(f->source);
}

static void close_source(struct fixture *f)
{
    assert_true(ts_kafka_source_close(f->source, WAIT_MS));
}

static void poll_once(struct fixture *f, int wait_ms)
{
    f->port.ops->poll(f->port.self, wait_ms, &f->event);
}

/* Polls until an event of this type; any other but IDLE fails the test. */
static void await(struct fixture *f, enum ts_source_event_type type)
{
    for (int i = 0; i < WAIT_MS / 100; i++) {
        poll_once(f, 100);
        if (f->event.type == type) {
            return;
        }
        assert_int_equal(f->event.type, TS_SOURCE_IDLE);
    }
    fail_msg("event %d did not come", (int)type);
}

static void start(struct fixture *f, struct ts_lane lane, int64_t offset)
{
    assert_true(f->port.ops->start(f->port.self, lane, offset, &f->err));
}

static void await_offset(struct fixture *f, int64_t offset)
{
    await(f, TS_SOURCE_MESSAGE);
    assert_int_equal(f->event.message.offset, offset);
}

static void assert_quiet(struct fixture *f, int ms)
{
    poll_once(f, ms);
    assert_int_equal(f->event.type, TS_SOURCE_IDLE);
}

static void produce(struct mock *to, int32_t partition, int count)
{
    for (int i = 0; i < count; i++) {
        char value[16];
        int size = snprintf(value, sizeof value, "%d", i);
        assert_int_equal(rd_kafka_producev(to->producer,
                                           RD_KAFKA_V_TOPIC("cdrs"),
                                           RD_KAFKA_V_PARTITION(partition),
                                           RD_KAFKA_V_VALUE(value, (size_t)size),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(to->producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* --- One member of the group, shared: a mock cluster lets it wait seconds for its assignment. Each
 * test takes lanes that no test had. */

static struct mock *mock;
static struct fixture shared;
static int32_t lanes_taken;

static struct ts_lane take_lane(int messages)
{
    struct ts_lane lane = {TS_INPUT_CDRS, lanes_taken++};
    assert_true(lane.partition < PARTITIONS);
    produce(mock, lane.partition, messages);
    return lane;
}

static int open_group(void **state, enum ts_kafka_assignment assignment)
{
    if (mock_open(state) != 0) {
        return -1;
    }
    mock = *state;
    lanes_taken = 0;
    (void)rd_kafka_mock_topic_create(mock->cluster, "cdrs", PARTITIONS, 1);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce(mock, i, 1);
    }
    open_source(&shared, mock, assignment);
    await(&shared, TS_SOURCE_ASSIGNED);
    return shared.event.lane_count == PARTITIONS ? 0 : -1;
}

static int open_cooperative(void **state)
{
    return open_group(state, TS_KAFKA_COOPERATIVE);
}

static int open_eager(void **state)
{
    return open_group(state, TS_KAFKA_EAGER);
}

static int close_group(void **state)
{
    close_source(&shared);
    return mock_close(state);
}

static void nothing_comes_before_start(void **state)
{
    (void)state;
    struct ts_lane lane = take_lane(4);
    assert_quiet(&shared, 500);
    start(&shared, lane, 2);
    await_offset(&shared, 2);
    await_offset(&shared, 3);
    await_offset(&shared, 4);
    assert_quiet(&shared, 200);
}

static void start_goes_back_and_forth(void **state)
{
    (void)state;
    struct ts_lane lane = take_lane(99);
    for (int64_t offset = 90; offset >= 0; offset -= 30) {
        start(&shared, lane, offset);
        await_offset(&shared, offset);
        await_offset(&shared, offset + 1);
    }
    start(&shared, lane, 98);
    await_offset(&shared, 98);
    await_offset(&shared, 99);
    assert_quiet(&shared, 200);
}

static void a_lane_that_is_not_ours_is_not_started(void **state)
{
    (void)state;
    const struct ts_lane lane = {TS_INPUT_CDRS, 77};
    assert_false(shared.port.ops->start(shared.port.self, lane, 0, &shared.err));
    assert_int_equal(shared.err.class, TS_ERROR_RETRY);
    shared.port.ops->pause(shared.port.self, lane);
    shared.port.ops->resume(shared.port.self, lane);
    shared.port.ops->commit(shared.port.self, lane, 5);
    shared.port.ops->release(shared.port.self, &lane, 1);
    assert_quiet(&shared, 0);
}

static void produce_odd_ones(int32_t partition)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
    (void)rd_kafka_header_add(headers, "content-type", -1, "avro", 4);
    (void)rd_kafka_header_add(headers, "empty", -1, "", 0);
    (void)rd_kafka_header_add(headers, "absent", -1, NULL, 0);
    (void)rd_kafka_header_add(headers, "content-type", -1, "again", 5);
    assert_int_equal(rd_kafka_producev(mock->producer,
                                       RD_KAFKA_V_TOPIC("cdrs"),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_KEY("k", 1),
                                       RD_KAFKA_V_VALUE("v\0v", 3),
                                       RD_KAFKA_V_TIMESTAMP(1234567890123),
                                       RD_KAFKA_V_HEADERS(headers),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_producev(mock->producer,
                                       RD_KAFKA_V_TOPIC("cdrs"),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_KEY("k", 1),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_producev(mock->producer,
                                       RD_KAFKA_V_TOPIC("cdrs"),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_VALUE("", 0),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(mock->producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void assert_header(struct ts_bytes *rest, const char *name, const char *value)
{
    struct ts_bytes found_name;
    struct ts_bytes found_value;
    assert_true(ts_headers_next(rest, &found_name, &found_value));
    assert_true(ts_bytes_equal_text(found_name, name));
    if (value == NULL) {
        assert_null(found_value.data);
    } else {
        assert_non_null(found_value.data);
        assert_true(ts_bytes_equal_text(found_value, value));
    }
}

static void a_message_comes_whole(void **state)
{
    (void)state;
    const struct ts_message *message = &shared.event.message;
    struct ts_lane lane = take_lane(0);
    produce_odd_ones(lane.partition);
    start(&shared, lane, 1);

    await_offset(&shared, 1);
    assert_true(ts_lane_equal(message->lane, lane));
    assert_int_equal(message->timestamp_ms, 1234567890123);
    assert_true(ts_bytes_equal_text(message->key, "k"));
    assert_true(ts_bytes_equal(message->value, (struct ts_bytes){"v\0v", 3}));
    struct ts_bytes rest = message->headers;
    assert_header(&rest, "content-type", "avro");
    assert_header(&rest, "empty", "");
    assert_header(&rest, "absent", NULL);
    assert_header(&rest, "content-type", "again");
    assert_int_equal(rest.size, 0);

    await_offset(&shared, 2); /* a tombstone */
    assert_null(message->value.data);
    assert_int_equal(message->headers.size, 0);

    await_offset(&shared, 3);
    assert_null(message->key.data);
    assert_non_null(message->value.data);
    assert_int_equal(message->value.size, 0);
}

static void pause_holds_back_and_resume_goes_on(void **state)
{
    (void)state;
    struct ts_lane lane = take_lane(9);
    const struct ts_source *port = &shared.port;
    port->ops->pause(port->self, lane); /* not started: nothing to hold back */
    port->ops->resume(port->self, lane);
    start(&shared, lane, 0);
    await_offset(&shared, 0);
    for (int64_t offset = 1; offset < 9; offset++) {
        port->ops->pause(port->self, lane);
        port->ops->pause(port->self, lane);
        assert_quiet(&shared, 30);
        port->ops->resume(port->self, lane);
        port->ops->resume(port->self, lane);
        await_offset(&shared, offset);
    }
    port->ops->pause(port->self, lane);
    start(&shared, lane, 8); /* unpauses */
    await_offset(&shared, 8);
    await_offset(&shared, 9);
}

static void out_of_range_is_a_lane_error_and_ends_with_a_start(void **state)
{
    (void)state;
    struct ts_lane lane = take_lane(9);
    struct ts_lane other = take_lane(9);
    uint64_t before = ts_kafka_source_stats(shared.source)->reassignments;
    start(&shared, other, 0);
    await_offset(&shared, 0);
    shared.port.ops->pause(shared.port.self, other);

    start(&shared, lane, 500);
    await(&shared, TS_SOURCE_LANE_ERROR);
    assert_true(ts_lane_equal(shared.event.lanes[0], lane));
    char expected[64];
    (void)snprintf(
        expected, sizeof expected, "cdrs/%d cannot be read at offset 500", (int)lane.partition);
    assert_non_null(strstr(shared.event.error.text, expected));
    assert_quiet(&shared, 300);

    start(&shared, lane, 8);
    await_offset(&shared, 8);
    await_offset(&shared, 9);
    shared.port.ops->resume(shared.port.self, other); /* it stood where it was */
    for (int64_t offset = 1; offset < 10; offset++) {
        await_offset(&shared, offset);
    }
    assert_in_range(ts_kafka_source_stats(shared.source)->reassignments, before + 1, before + 4);
}

static void a_passing_fetch_error_skips_nothing(void **state)
{
    (void)state;
    struct ts_lane lane = take_lane(2);
    rd_kafka_mock_push_request_errors(mock->cluster,
                                      MOCK_FETCH,
                                      3,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                                      RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
    start(&shared, lane, 1);
    await_offset(&shared, 1);
    await_offset(&shared, 2);
}

static void commits_are_coalesced_and_read_back(void **state)
{
    (void)state;
    struct ts_lane lane = take_lane(4);
    const struct ts_source *port = &shared.port;
    int64_t offset;
    assert_true(port->ops->committed(port->self, lane, &offset, &shared.err));
    assert_int_equal(offset, -1);
    for (int64_t i = 1; i <= 5; i++) {
        port->ops->commit(port->self, lane, i);
        poll_once(&shared, 1);
    }
    assert_quiet(&shared, 1000);
    assert_in_range(ts_kafka_source_stats(shared.source)->commits, 1, 2);
    assert_true(port->ops->committed(port->self, lane, &offset, &shared.err));
    assert_int_equal(offset, 5);
}

static void range_and_high_watermark(void **state)
{
    (void)state;
    struct ts_lane lane = take_lane(4);
    const struct ts_source *port = &shared.port;
    int64_t low;
    int64_t high;
    assert_int_equal(port->ops->high_seen(port->self, lane), -1);
    assert_true(port->ops->range(port->self, lane, &low, &high, &shared.err));
    assert_int_equal(low, 0);
    assert_int_equal(high, 5);
    start(&shared, lane, 4);
    await_offset(&shared, 4);
    assert_int_equal(port->ops->high_seen(port->self, lane), 5);
}

/* --- Brokers away: the last of the shared member's tests */

/* They may have been away for longer than the session lasts: then the lane is taken and given
 * again. */
static void await_offset_after_absence(struct fixture *f, struct ts_lane lane, int64_t offset)
{
    const struct ts_source *port = &f->port;
    time_t until = time(NULL) + ABSENCE_S_MAX;
    do {
        poll_once(f, 100);
        const struct ts_source_event *event = &f->event;
        if (event->type == TS_SOURCE_REVOKED || event->type == TS_SOURCE_LOST) {
            port->ops->release(port->self, event->lanes, event->lane_count);
        }
        for (size_t i = 0; event->type == TS_SOURCE_ASSIGNED && i < event->lane_count; i++) {
            if (event->lanes[i].partition == lane.partition) {
                start(f, lane, offset);
            }
        }
    } while (f->event.type != TS_SOURCE_MESSAGE && time(NULL) < until);
    assert_int_equal(f->event.type, TS_SOURCE_MESSAGE);
    assert_int_equal(f->event.message.offset, offset);
}

static void brokers_away_are_told_once_in_a_while(void **state)
{
    (void)state;
    struct ts_lane lane = take_lane(1);
    const struct ts_source *port = &shared.port;
    int64_t low;
    int64_t high;
    start(&shared, lane, 0);
    await_offset(&shared, 0);
    await_offset(&shared, 1);
    (void)rd_kafka_mock_broker_set_down(mock->cluster, 1);
    await(&shared, TS_SOURCE_ERROR);
    assert_int_equal(shared.event.error.class, TS_ERROR_RETRY);
    assert_non_null(strstr(shared.event.error.text, "no Kafka broker answers"));
    assert_quiet(&shared, 1000);
    assert_false(port->ops->range(port->self, lane, &low, &high, &shared.err));
    assert_int_equal(shared.err.class, TS_ERROR_RETRY);

    (void)rd_kafka_mock_broker_set_up(mock->cluster, 1);
    produce(mock, lane.partition, 1);
    await_offset_after_absence(&shared, lane, 2);
}

/* --- Each with a member of its own */

static void a_missing_topic_is_told(void **state)
{
    struct mock *own = *state;
    struct fixture f;
    rd_kafka_mock_topic_set_error(own->cluster, "cdrs", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    open_source(&f, own, TS_KAFKA_COOPERATIVE);
    await(&f, TS_SOURCE_ERROR);
    assert_int_equal(f.event.error.class, TS_ERROR_RETRY);
    assert_non_null(strstr(f.event.error.text, "cdrs"));
    close_source(&f);
}

static void closing_commits_the_last_watermark(void **state)
{
    struct mock *own = *state;
    const struct ts_lane lane = {TS_INPUT_CDRS, 0};
    struct fixture f;
    int64_t offset = -1;
    (void)rd_kafka_mock_topic_create(own->cluster, "cdrs", 1, 1);
    open_source(&f, own, TS_KAFKA_COOPERATIVE);
    await(&f, TS_SOURCE_ASSIGNED);
    f.port.ops->commit(f.port.self, lane, 7);
    f.port.ops->commit(f.port.self, lane, 6);
    close_source(&f);
    open_source(&f, own, TS_KAFKA_COOPERATIVE);
    int tries = 0; /* it may time out until the coordinator is known */
    while (!f.port.ops->committed(f.port.self, lane, &offset, &f.err) && tries++ < 5) {
        assert_int_equal(f.err.class, TS_ERROR_RETRY);
    }
    assert_int_equal(offset, 6);
    close_source(&f);
}

static void closing_is_bounded_when_brokers_are_away(void **state)
{
    struct mock *own = *state;
    static struct fixture f; /* outlives the test, if closing does not end */
    (void)rd_kafka_mock_topic_create(own->cluster, "cdrs", 1, 1);
    open_source(&f, own, TS_KAFKA_COOPERATIVE);
    await(&f, TS_SOURCE_ASSIGNED);
    (void)rd_kafka_mock_broker_set_down(own->cluster, 1);
    f.port.ops->commit(f.port.self, (struct ts_lane){TS_INPUT_CDRS, 0}, 1);
    struct timespec begin;
    struct timespec end;
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    (void)ts_kafka_source_close(f.source, 1500); /* whether it ended or not */
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - begin.tv_sec <= 3);
    (void)rd_kafka_mock_broker_set_up(own->cluster, 1);
}

/* A member that leaves between its first join and its first assignment: librdkafka before 2.3
 * aborts when it is destroyed then. */
static void closing_before_the_first_assignment(void **state)
{
    struct mock *own = *state;
    struct fixture f;
    (void)rd_kafka_mock_topic_create(own->cluster, "cdrs", 1, 1);
    for (int ms = 0; ms < 60; ms += 3) {
        open_source(&f, own, TS_KAFKA_COOPERATIVE);
        poll_once(&f, ms);
        close_source(&f);
    }
}

int main(void)
{
    const struct CMUnitTest shared_tests[] = {
        cmocka_unit_test(nothing_comes_before_start),
        cmocka_unit_test(start_goes_back_and_forth),
        cmocka_unit_test(a_lane_that_is_not_ours_is_not_started),
        cmocka_unit_test(a_message_comes_whole),
        cmocka_unit_test(pause_holds_back_and_resume_goes_on),
        cmocka_unit_test(out_of_range_is_a_lane_error_and_ends_with_a_start),
        cmocka_unit_test(a_passing_fetch_error_skips_nothing),
        cmocka_unit_test(commits_are_coalesced_and_read_back),
        cmocka_unit_test(range_and_high_watermark),
        cmocka_unit_test(brokers_away_are_told_once_in_a_while),
    };
#define WITH_MOCK(test) cmocka_unit_test_setup_teardown(test, mock_open, mock_close)
    const struct CMUnitTest own_tests[] = {
        WITH_MOCK(a_missing_topic_is_told),
        WITH_MOCK(closing_commits_the_last_watermark),
        WITH_MOCK(closing_is_bounded_when_brokers_are_away),
        WITH_MOCK(closing_before_the_first_assignment),
    };
    int failed = 0;
    failed +=
        cmocka_run_group_tests_name("cooperative", shared_tests, open_cooperative, close_group);
    failed += cmocka_run_group_tests_name("eager", shared_tests, open_eager, close_group);
    failed += cmocka_run_group_tests_name("own", own_tests, NULL, NULL);
    return failed;
}
