/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka as the pipeline meets it: two input topics that grow, a consumer group that rebalances
 * eagerly or cooperatively, expels members that do not answer and tells them late, commits without
 * an answer, and producers whose messages arrive, fail, or arrive and are said to have failed. */
#ifndef TS_TESTS_FAKES_FAKE_KAFKA_H
#define TS_TESTS_FAKES_FAKE_KAFKA_H

#include "tests/fakes/fake_calls.h"
#include "tests/fakes/fake_host.h"
#include "tests/fakes/fake_orders.h"

#include "ports/publisher.h"
#include "ports/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_message {
    bool hole; /* an offset without a record: a transaction marker, or compacted away */
    int64_t timestamp_ms;
    union { /* by its lane */
        struct fake_call call;
        struct fake_order order;
    };
};

struct fake_log {
    struct fake_message messages[FAKE_MESSAGES]; /* by offset */
    int64_t low;                                 /* what retention has left */
    int64_t high;
    int holder; /* the member that the group thinks has it, -1: nobody */
    int target; /* that is to get it */
    bool must_release;
    bool revoke_sent;
    int64_t committed; /* the group's offset, -1: none */
    int64_t leaderless_until_us;
};

/* A message on an output topic, in the order of the topic. */
struct fake_told {
    enum ts_output output;
    struct ts_bytes key;
    struct ts_bytes payload;
};

enum { FAKE_QUEUE = 64 };

struct fake_producer {
    struct fake_told queue[FAKE_QUEUE]; /* sent and not acknowledged, oldest first */
    uint64_t tickets[FAKE_QUEUE];
    size_t count;
    struct ts_delivery acks[2 * FAKE_QUEUE];
    size_t ack_count;
    bool broken; /* a message failed: nothing more gets through before a reset */
};

struct fake_member_lane {
    bool assigned;
    bool started;
    bool paused;
    int64_t position;
    int64_t pending;          /* commit on its way, -1: none */
    bool lost[FAKE_MESSAGES]; /* records that this client lost once, and not again */
};

struct fake_member {
    struct fake_kafka *kafka;
    int number;  /* its process */
    bool there;  /* the process lives */
    bool joined; /* the group counts it in */
    struct fake_member_lane lanes[FAKE_LANES];
    unsigned to_assign; /* events to be polled: masks of lanes */
    unsigned to_revoke;
    unsigned to_lose;
    unsigned to_fail; /* lanes whose fetching ends with an error */
    struct ts_lane event_lanes[FAKE_LANES];
    struct ts_bytes key;
    struct fake_producer producer;
};

struct fake_kafka {
    struct fake_host *host;
    int lane_count;
    bool eager;
    size_t queue_max; /* of a producer */
    struct fake_log logs[FAKE_LANES];
    struct fake_member members[FAKE_PROCESSES]; /* by process number */
    int64_t down_until_us;
    struct fake_told *told; /* all output topics, in order of arrival */
    size_t told_count;
    size_t told_capacity;

    /* Called when the group's offset changes. */
    void (*on_commit)(void *self, int lane, int64_t offset);
    void *on_commit_self;
};

/* Keeps the memory of `told`: zero it before the first use. */
void fake_kafka_init(struct fake_kafka *kafka, struct fake_host *host, int lane_count);
void fake_kafka_finish(struct fake_kafka *kafka);

void fake_kafka_append(struct fake_kafka *kafka, int lane, const struct fake_message *message);
bool fake_kafka_is_order(const struct fake_kafka *kafka, int lane);

struct fake_member *fake_kafka_join(struct fake_kafka *kafka, int process);
/* The process died: whatever it had sent may still arrive. The group learns it by an expulsion. */
void fake_kafka_kill(struct fake_kafka *kafka, int process);
/* Its session timed out, or it left. */
void fake_kafka_expel(struct fake_kafka *kafka, int process);
void fake_kafka_rebalance(struct fake_kafka *kafka);

/* The brokers' own work: assignments, commits and deliveries. */
void fake_kafka_tick(struct fake_kafka *kafka);
/* Nothing is on its way. */
bool fake_kafka_settled(const struct fake_kafka *kafka);

struct ts_source fake_source_port(struct fake_member *member);

/* fake_producer.c */
struct ts_publisher fake_publisher_port(struct fake_member *member);
void fake_producer_tick(struct fake_member *member);

#endif
