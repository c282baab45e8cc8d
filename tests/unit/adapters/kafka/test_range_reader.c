/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/adapters/kafka/mock.h"

#include "adapters/kafka/range_reader.h"

#include <inttypes.h>

static const char topic[] = "calls";

/* `count` records in a partition, their offset as value, a second apart from `ms` on. */
static void fill(struct mock *mock, int32_t partition, int count, int64_t ms)
{
    for (int i = 0; i < count; i++) {
        char value[16];
        int size = snprintf(value, sizeof value, "%d", i);
        assert_int_equal(rd_kafka_producev(mock->producer,
                                           RD_KAFKA_V_TOPIC(topic),
                                           RD_KAFKA_V_PARTITION(partition),
                                           RD_KAFKA_V_VALUE(value, (size_t)size),
                                           RD_KAFKA_V_TIMESTAMP(ms + i * 1000),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(mock->producer, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static struct ts_kafka_range_reader *open_reader(struct mock *mock)
{
    static struct ts_kafka_connection connection;
    struct ts_error err = {0};
    connection = mock_connection(mock);
    const struct ts_kafka_range_reader_options options = {
        .connection = &connection, .topic = topic, .timeout_ms = 10000};
    struct ts_kafka_range_reader *reader = ts_kafka_range_reader_open(&options, &err);
    assert_non_null(reader);
    return reader;
}

struct seen {
    int count[4];
    int64_t first[4];
    int64_t next[4];
    int stop_after; /* 0: never */
    int total;
};

static bool see(void *self, const struct ts_kafka_range_record *record, struct ts_error *err)
{
    struct seen *seen = self;
    int32_t p = record->partition;
    char value[16];
    int size = snprintf(value, sizeof value, "%" PRId64, record->offset);
    assert_true(ts_bytes_equal(record->value, (struct ts_bytes){value, (size_t)size}));
    if (seen->count[p]++ == 0) {
        seen->first[p] = record->offset;
    } else {
        assert_int_equal(record->offset, seen->next[p]); /* none lost, none twice */
    }
    seen->next[p] = record->offset + 1;
    return ++seen->total != seen->stop_after ||
           ts_error_set(err, TS_ERROR_FATAL, 0, "that is enough");
}

static bool
read_ranges(struct mock *mock, const struct ts_kafka_range *ranges, size_t count, struct seen *seen)
{
    struct ts_kafka_range_reader *reader = open_reader(mock);
    const struct ts_kafka_range_visitor visitor = {.record = see, .self = seen};
    struct ts_error err = {0};
    bool done = false;
    bool good = ts_kafka_range_reader_start(reader, ranges, count, &err);
    while (good && !done) {
        good = ts_kafka_range_reader_read(reader, &visitor, &done, &err);
    }
    ts_kafka_range_reader_close(reader);
    return good;
}

static void ranges_are_read_exactly(void **state)
{
    struct mock *mock = *state;
    (void)rd_kafka_mock_topic_create(mock->cluster, topic, 4, 1);
    for (int32_t p = 0; p < 4; p++) {
        fill(mock, p, 3000, 1000000);
    }
    const struct ts_kafka_range ranges[] = {
        {0, 0, 3000}, {1, 100, 2500}, {2, 7, 7}, {3, 2999, 3000}};
    struct seen seen = {.total = 0};
    assert_true(read_ranges(mock, ranges, 4, &seen));
    assert_int_equal(seen.count[0], 3000);
    assert_int_equal(seen.first[1], 100);
    assert_int_equal(seen.next[1], 2500);
    assert_int_equal(seen.count[2], 0);
    assert_int_equal(seen.first[3], 2999);
    /* what is asked for beyond the end is holes: the end of the partition ends it */
    const struct ts_kafka_range beyond = {1, 2990, 3005};
    seen = (struct seen){.total = 0};
    assert_true(read_ranges(mock, &beyond, 1, &seen));
    assert_int_equal(seen.count[1], 10);
    seen = (struct seen){.stop_after = 5};
    assert_false(read_ranges(mock, ranges, 4, &seen));
    assert_int_equal(seen.total, 5);
}

static void the_brokers_are_asked(void **state)
{
    struct mock *mock = *state;
    int32_t count = 0;
    int64_t low = -1;
    int64_t high = -1;
    struct ts_error err = {0};
    (void)rd_kafka_mock_topic_create(mock->cluster, topic, 2, 1);
    fill(mock, 1, 10, 1000000);
    struct ts_kafka_range_reader *reader = open_reader(mock);
    assert_true(ts_kafka_range_reader_partitions(reader, &count, &err));
    assert_int_equal(count, 2);
    assert_true(ts_kafka_range_reader_watermarks(reader, 1, &low, &high, &err));
    assert_int_equal(low, 0);
    assert_int_equal(high, 10);
    ts_kafka_range_reader_close(reader);
}

static void a_partition_without_a_leader_is_named(void **state)
{
    struct mock *mock = *state;
    const int32_t first = 0;
    const int32_t both[] = {0, 1};
    struct ts_error err = {0};
    (void)rd_kafka_mock_topic_create(mock->cluster, topic, 2, 1);
    (void)rd_kafka_mock_partition_set_leader(mock->cluster, topic, 1, -1);
    struct ts_kafka_range_reader *reader = open_reader(mock);
    assert_true(ts_kafka_range_reader_check_leaders(reader, &first, 1, &err));
    assert_false(ts_kafka_range_reader_check_leaders(reader, both, 2, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "partition 1 of topic \"calls\" has no leader"));
    ts_kafka_range_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ranges_are_read_exactly, mock_open, mock_close),
        cmocka_unit_test_setup_teardown(the_brokers_are_asked, mock_open, mock_close),
        cmocka_unit_test_setup_teardown(
            a_partition_without_a_leader_is_named, mock_open, mock_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
