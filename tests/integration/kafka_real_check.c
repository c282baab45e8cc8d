/* SPDX-License-Identifier: Apache-2.0 */
/* What a mock cluster cannot show of the Kafka adapter: topics made and described, partitions that
 * move between members, records deleted under a consumer. Needs TOLLSTREAM_KAFKA_BROKERS. */
#include "tests/unit/unit.h"

#include "adapters/kafka/admin.h"
#include "adapters/kafka/source.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 20000, TIMEOUT_MS = 10000, PARTITIONS = 2 };

static struct ts_kafka_connection connection;
static char prefix[64];

/* --- Topics */

static struct ts_kafka_topic_result create(const struct ts_kafka_topic_wanted *wanted)
{
    struct ts_kafka_admin *admin = NULL;
    struct ts_error err = {0};
    struct ts_kafka_topic_result result = {0};
    bool done = ts_kafka_admin_open(&connection, TIMEOUT_MS, &admin, &err) &&
                ts_kafka_admin_create(admin, wanted, 1, &result, &err);
    if (!done) {
        fail_msg("%s", err.text);
    }
    ts_kafka_admin_close(admin);
    return result;
}

static bool find(const char *name, struct ts_kafka_topic *found)
{
    struct ts_kafka_admin *admin = NULL;
    struct ts_kafka_topic *topics = NULL;
    size_t count = 0;
    struct ts_error err;
    assert_true(ts_kafka_admin_open(&connection, TIMEOUT_MS, &admin, &err));
    assert_true(ts_kafka_admin_list(admin, &topics, &count, &err));
    ts_kafka_admin_close(admin);
    bool here = false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(topics[i].name, name) == 0) {
            *found = topics[i];
            here = true;
        }
    }
    free(topics);
    return here;
}

static void topics_are_made_once_and_described(void **state)
{
    (void)state;
    char name[96];
    struct ts_kafka_topic found = {0};
    const struct ts_kafka_property config = {"cleanup.policy", "compact,delete"};
    (void)snprintf(name, sizeof name, "%s-made", prefix);
    struct ts_kafka_topic_wanted wanted = {
        .name = name, .partitions = 3, .retention_ms = 3600000, .config = {&config, 1}};
    assert_false(find(name, &found));

    struct ts_kafka_topic_result result = create(&wanted);
    assert_int_equal(result.made, TS_KAFKA_MADE);
    assert_int_equal(result.partitions, 3);
    assert_true(find(name, &found));
    assert_int_equal(found.partitions, 3);
    assert_int_equal(found.replication, 1);
    assert_int_equal(found.leaderless, 0);
    assert_int_equal(found.retention_ms, 3600000);
    assert_string_equal(found.cleanup_policy, "compact,delete");

    result = create(&wanted);
    assert_int_equal(result.made, TS_KAFKA_MADE_BEFORE);
    assert_int_equal(result.partitions, 3);

    wanted.partitions = 4;
    result = create(&wanted);
    assert_int_equal(result.made, TS_KAFKA_MADE_FAILED);
    assert_int_equal(result.partitions, 3);
    assert_int_equal(result.error.class, TS_ERROR_FATAL);
    assert_non_null(strstr(result.error.text, "exists with 3 partitions, not 4"));
}

static void what_the_cluster_refuses_is_told(void **state)
{
    (void)state;
    char name[96];
    const struct ts_kafka_property config = {"retention.hours", "1"};
    (void)snprintf(name, sizeof name, "%s-refused", prefix);
    struct ts_kafka_topic_wanted wanted = {.name = name, .partitions = 1, .config = {&config, 1}};
    struct ts_kafka_topic_result result = create(&wanted);
    assert_int_equal(result.made, TS_KAFKA_MADE_FAILED);
    assert_int_equal(result.error.class, TS_ERROR_FATAL);
    assert_non_null(strstr(result.error.text, "retention.hours"));

    wanted = (struct ts_kafka_topic_wanted){.name = name, .partitions = 1, .replication = 7};
    result = create(&wanted);
    assert_int_equal(result.made, TS_KAFKA_MADE_FAILED);
    assert_int_equal(result.error.class, TS_ERROR_FATAL);
    assert_non_null(strstr(result.error.text, name));

    wanted = (struct ts_kafka_topic_wanted){.name = "no/topic", .partitions = 1};
    result = create(&wanted);
    assert_int_equal(result.made, TS_KAFKA_MADE_FAILED);
    assert_int_equal(result.error.class, TS_ERROR_FATAL);
}

/* --- Members */

struct member {
    struct ts_kafka_source_options options;
    struct ts_kafka_property heartbeat;
    struct ts_kafka_source *source;
    struct ts_source port;
    struct ts_source_event event;
    struct ts_error err;
};

static rd_kafka_t *make_client(void)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", connection.brokers, NULL, 0);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
}

static void make_topic(const char *name, int messages)
{
    const struct ts_kafka_topic_wanted wanted = {.name = name, .partitions = PARTITIONS};
    assert_int_equal(create(&wanted).made, TS_KAFKA_MADE);
    rd_kafka_t *rk = make_client();
    for (int i = 0; i < messages * PARTITIONS; i++) {
        assert_int_equal(rd_kafka_producev(rk,
                                           RD_KAFKA_V_TOPIC(name),
                                           RD_KAFKA_V_PARTITION(i % PARTITIONS),
                                           RD_KAFKA_V_VALUE("v", 1),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(rk, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}

static void join(struct member *member, const char *topic, enum ts_kafka_assignment assignment)
{
    memset(member, 0, sizeof *member);
    member->heartbeat = (struct ts_kafka_property){"heartbeat.interval.ms", "200"};
    member->options = (struct ts_kafka_source_options){
        .connection = connection,
        .properties = {&member->heartbeat, 1},
        .group = topic,
        .topics = {[TS_INPUT_CDRS] = topic},
        .assignment = assignment,
    };
    assert_true(ts_kafka_source_open(&member->options, &member->source, &member->err));
    member->port = ts_kafka_source_port(member->source);
}

static void poll_member(struct member *member, int wait_ms)
{
    member->port.ops->poll(member->port.self, wait_ms, &member->event);
}

static void await(struct member *member, enum ts_source_event_type type)
{
    for (int i = 0; i < WAIT_MS / 100; i++) {
        poll_member(member, 100);
        if (member->event.type == type) {
            return;
        }
        assert_int_equal(member->event.type, TS_SOURCE_IDLE);
    }
    fail_msg("event %d did not come", (int)type);
}

static void start(struct member *member, int32_t partition, int64_t offset)
{
    assert_true(member->port.ops->start(
        member->port.self, (struct ts_lane){TS_INPUT_CDRS, partition}, offset, &member->err));
}

static void await_offset(struct member *member, int64_t offset)
{
    await(member, TS_SOURCE_MESSAGE);
    assert_int_equal(member->event.message.offset, offset);
}

/* What the second member is to get, nobody gets before the first has released it. */
static size_t await_revoke(struct member *first, struct member *second, struct ts_lane *lanes)
{
    for (int i = 0; i < WAIT_MS / 20; i++) {
        poll_member(second, 10);
        assert_int_equal(second->event.type, TS_SOURCE_IDLE);
        poll_member(first, 10);
        if (first->event.type == TS_SOURCE_REVOKED) {
            memcpy(lanes, first->event.lanes, first->event.lane_count * sizeof *lanes);
            return first->event.lane_count;
        }
        assert_int_equal(first->event.type, TS_SOURCE_IDLE);
    }
    fail_msg("nothing was revoked");
    return 0;
}

static void a_revoke_waits_for_release(const char *topic, enum ts_kafka_assignment assignment)
{
    struct member first;
    struct member second;
    struct ts_lane revoked[PARTITIONS];
    make_topic(topic, 3);
    join(&first, topic, assignment);
    await(&first, TS_SOURCE_ASSIGNED);
    assert_int_equal(first.event.lane_count, PARTITIONS);
    start(&first, 0, 0);
    start(&first, 1, 0);
    for (int i = 0; i < 6; i++) {
        await(&first, TS_SOURCE_MESSAGE);
    }
    join(&second, topic, assignment);
    size_t count = await_revoke(&first, &second, revoked);
    assert_int_equal(count, assignment == TS_KAFKA_EAGER ? PARTITIONS : 1);
    for (int i = 0; i < 50; i++) {
        poll_member(&first, 10);
        assert_int_equal(first.event.type, TS_SOURCE_IDLE);
        poll_member(&second, 10);
        assert_int_equal(second.event.type, TS_SOURCE_IDLE);
    }
    assert_false(first.port.ops->start(first.port.self, revoked[0], 0, &first.err));
    assert_int_equal(first.err.class, TS_ERROR_RETRY);
    for (size_t i = 0; i < count; i++) { /* one by one is as good */
        first.port.ops->release(first.port.self, &revoked[i], 1);
    }
    bool taken = false;
    for (int i = 0; i < WAIT_MS / 20 && !taken; i++) {
        poll_member(&first, 10);
        poll_member(&second, 10);
        taken = second.event.type == TS_SOURCE_ASSIGNED;
    }
    assert_true(taken);
    assert_int_equal(second.event.lane_count, 1);
    start(&second, second.event.lanes[0].partition, 1);
    await_offset(&second, 1);
    assert_true(ts_kafka_source_close(second.source, TIMEOUT_MS));
    assert_true(ts_kafka_source_close(first.source, TIMEOUT_MS));
}

static void a_revoke_waits_for_release_cooperative(void **state)
{
    (void)state;
    char topic[96];
    (void)snprintf(topic, sizeof topic, "%s-revoke-cooperative", prefix);
    a_revoke_waits_for_release(topic, TS_KAFKA_COOPERATIVE);
}

static void a_revoke_waits_for_release_eager(void **state)
{
    (void)state;
    char topic[96];
    (void)snprintf(topic, sizeof topic, "%s-revoke-eager", prefix);
    a_revoke_waits_for_release(topic, TS_KAFKA_EAGER);
}

/* --- Retention */

static void delete_before(const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_t *rk = make_client();
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

static void what_retention_took_is_a_lane_error(const char *topic,
                                                enum ts_kafka_assignment assignment)
{
    struct member member;
    int64_t low;
    int64_t high;
    const struct ts_lane lane = {TS_INPUT_CDRS, 0};
    make_topic(topic, 20);
    delete_before(topic, 0, 10);
    join(&member, topic, assignment);
    await(&member, TS_SOURCE_ASSIGNED);
    start(&member, 1, 0);
    await_offset(&member, 0);
    member.port.ops->pause(member.port.self, (struct ts_lane){TS_INPUT_CDRS, 1});
    start(&member, 0, 5);
    await(&member, TS_SOURCE_LANE_ERROR);
    assert_true(ts_lane_equal(member.event.lanes[0], lane));
    assert_non_null(strstr(member.event.error.text, "/0 cannot be read at offset 5"));
    assert_true(member.port.ops->range(member.port.self, lane, &low, &high, &member.err));
    assert_int_equal(low, 10);
    assert_int_equal(high, 20);
    start(&member, 0, low);
    for (int64_t offset = 10; offset < 20; offset++) {
        await_offset(&member, offset);
        assert_int_equal(member.event.message.lane.partition, 0);
    }
    member.port.ops->resume(member.port.self, (struct ts_lane){TS_INPUT_CDRS, 1});
    for (int64_t offset = 1; offset < 20; offset++) {
        await_offset(&member, offset);
    }
    assert_true(ts_kafka_source_close(member.source, TIMEOUT_MS));
}

static void what_retention_took_cooperative(void **state)
{
    (void)state;
    char topic[96];
    (void)snprintf(topic, sizeof topic, "%s-retention-cooperative", prefix);
    what_retention_took_is_a_lane_error(topic, TS_KAFKA_COOPERATIVE);
}

static void what_retention_took_eager(void **state)
{
    (void)state;
    char topic[96];
    (void)snprintf(topic, sizeof topic, "%s-retention-eager", prefix);
    what_retention_took_is_a_lane_error(topic, TS_KAFKA_EAGER);
}

int main(void)
{
    connection.brokers = getenv("TOLLSTREAM_KAFKA_BROKERS");
    if (connection.brokers == NULL) {
        (void)fputs("TOLLSTREAM_KAFKA_BROKERS is not set: eval \"$(deploy/stack env)\"\n", stderr);
        return 1;
    }
    (void)snprintf(prefix, sizeof prefix, "check-%ld-%d", (long)time(NULL), (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_made_once_and_described),
        cmocka_unit_test(what_the_cluster_refuses_is_told),
        cmocka_unit_test(a_revoke_waits_for_release_cooperative),
        cmocka_unit_test(a_revoke_waits_for_release_eager),
        cmocka_unit_test(what_retention_took_cooperative),
        cmocka_unit_test(what_retention_took_eager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
