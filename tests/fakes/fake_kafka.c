/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fakes/fake_kafka.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

void fake_kafka_init(struct fake_kafka *kafka, struct fake_host *host, int lane_count)
{
    struct fake_told *told = kafka->told;
    size_t capacity = kafka->told_capacity;
    memset(kafka, 0, sizeof *kafka);
    kafka->told = told;
    kafka->told_capacity = capacity;
    kafka->host = host;
    kafka->lane_count = lane_count;
    kafka->eager = fake_chance(host, 400);
    kafka->queue_max = (size_t)fake_random_range(&host->random, 2, FAKE_QUEUE);
    for (int i = 0; i < lane_count; i++) {
        kafka->logs[i].holder = -1;
        kafka->logs[i].target = -1;
        kafka->logs[i].committed = -1;
    }
}

void fake_kafka_finish(struct fake_kafka *kafka)
{
    free(kafka->told);
    kafka->told = NULL;
}

bool fake_kafka_is_order(const struct fake_kafka *kafka, int lane)
{
    return ts_lane_has_commands(fake_lane(kafka->host, lane));
}

void fake_kafka_append(struct fake_kafka *kafka, int lane, const struct fake_message *message)
{
    struct fake_log *log = &kafka->logs[lane];
    TS_ASSERT(log->high < FAKE_MESSAGES);
    log->messages[log->high++] = *message;
}

/* --- the group */

struct fake_member *fake_kafka_join(struct fake_kafka *kafka, int process)
{
    struct fake_member *member = &kafka->members[process];
    TS_ASSERT(!member->there);
    member->kafka = kafka;
    member->number = process;
    member->there = true;
    member->joined = true;
    for (int i = 0; i < FAKE_LANES; i++) {
        member->lanes[i].pending = -1;
    }
    fake_kafka_rebalance(kafka);
    return member;
}

void fake_kafka_kill(struct fake_kafka *kafka, int process)
{
    kafka->members[process].there = false;
}

void fake_kafka_expel(struct fake_kafka *kafka, int process)
{
    struct fake_member *member = &kafka->members[process];
    if (!member->joined) {
        return;
    }
    fake_trace(kafka->host, "group: process %d is out", process);
    member->joined = false;
    member->to_assign = 0;
    member->to_revoke = 0;
    for (int i = 0; i < kafka->lane_count; i++) {
        member->to_lose |= member->lanes[i].assigned ? 1u << i : 0;
        member->lanes[i].pending = -1; /* the broker refuses it */
        if (kafka->logs[i].holder == process) {
            kafka->logs[i].holder = -1;
            kafka->logs[i].revoke_sent = false;
        }
    }
    fake_kafka_rebalance(kafka);
}

void fake_kafka_rebalance(struct fake_kafka *kafka)
{
    struct fake_random *random = &kafka->host->random;
    int joined[FAKE_PROCESSES];
    int count = 0;
    for (int i = 0; i < FAKE_PROCESSES; i++) {
        if (kafka->members[i].joined) {
            joined[count++] = i;
        }
    }
    int first = count > 0 ? fake_random_range(random, 0, count - 1) : 0;
    for (int i = 0; i < kafka->lane_count; i++) {
        struct fake_log *log = &kafka->logs[i];
        log->target = count == 0 ? -1 : joined[(first + i) % count];
        if (count > 0 && fake_random_chance(random, 300)) {
            log->target = joined[fake_random_range(random, 0, count - 1)];
        }
        log->must_release = kafka->eager && log->holder >= 0;
        fake_trace(kafka->host, "group: partition %d goes to process %d", i, log->target);
    }
}

static void revoke(struct fake_kafka *kafka, int partition)
{
    struct fake_log *log = &kafka->logs[partition];
    unsigned bit = 1u << partition;
    if (log->holder < 0 || log->revoke_sent || (!log->must_release && log->holder == log->target)) {
        return;
    }
    struct fake_member *holder = &kafka->members[log->holder];
    if ((holder->to_assign & bit) != 0) { /* never told of it */
        holder->to_assign &= ~bit;
        log->holder = -1;
    } else {
        holder->to_revoke |= bit;
        log->revoke_sent = true;
    }
}

static void coordinate(struct fake_kafka *kafka)
{
    bool releasing = false;
    for (int i = 0; i < kafka->lane_count; i++) {
        revoke(kafka, i);
        releasing = releasing || kafka->logs[i].revoke_sent;
    }
    for (int i = 0; i < kafka->lane_count; i++) {
        struct fake_log *log = &kafka->logs[i];
        if (log->holder < 0 && log->target >= 0 && kafka->members[log->target].joined &&
            !(kafka->eager && releasing)) {
            log->holder = log->target;
            log->must_release = false;
            kafka->members[log->target].to_assign |= 1u << i;
        }
    }
}

static void flush_commits(struct fake_kafka *kafka, struct fake_member *member)
{
    for (int i = 0; i < kafka->lane_count; i++) {
        struct fake_member_lane *lane = &member->lanes[i];
        if (lane->pending >= 0 && fake_chance(kafka->host, 300)) {
            fake_trace(kafka->host,
                       "group: partition %d committed at %lld by process %d",
                       i,
                       (long long)lane->pending,
                       member->number);
            kafka->logs[i].committed = lane->pending;
            lane->pending = -1;
            kafka->on_commit(kafka->on_commit_self, i, kafka->logs[i].committed);
        }
    }
}

void fake_kafka_tick(struct fake_kafka *kafka)
{
    if (kafka->host->now_us < kafka->down_until_us) {
        return;
    }
    coordinate(kafka);
    for (int i = 0; i < FAKE_PROCESSES; i++) {
        struct fake_member *member = &kafka->members[i];
        if (member->joined && member->there) {
            flush_commits(kafka, member);
        }
        if (member->producer.count > 0) {
            fake_producer_tick(member);
        }
    }
}

bool fake_kafka_settled(const struct fake_kafka *kafka)
{
    for (int i = 0; i < FAKE_PROCESSES; i++) {
        const struct fake_member *member = &kafka->members[i];
        if (member->producer.count > 0 || (member->there && !member->joined)) {
            return false;
        }
        for (int j = 0; member->there && j < kafka->lane_count; j++) {
            if (member->lanes[j].pending >= 0) {
                return false;
            }
        }
    }
    for (int i = 0; i < kafka->lane_count; i++) {
        const struct fake_log *log = &kafka->logs[i];
        if (log->holder < 0 || log->holder != log->target || log->must_release ||
            !kafka->members[log->holder].lanes[i].started) {
            return false;
        }
    }
    return true;
}

/* --- one member */

static bool down(struct fake_member *member, struct ts_error *err)
{
    struct fake_kafka *kafka = member->kafka;
    fake_pause(kafka->host);
    return (kafka->host->now_us < kafka->down_until_us || fake_fault(kafka->host, 5)) &&
           !fake_away(err, "the brokers do not answer");
}

static size_t name_lanes(struct fake_member *member, unsigned mask)
{
    size_t count = 0;
    for (int i = 0; i < FAKE_LANES; i++) {
        if ((mask >> i & 1) != 0) {
            member->event_lanes[count++] = fake_lane(member->kafka->host, i);
        }
    }
    return count;
}

static bool poll_group(struct fake_member *member, struct ts_source_event *out)
{
    struct fake_host *host = member->kafka->host;
    unsigned *mask;
    if (!member->joined) {
        if (!fake_chance(host, 200)) {
            return false;
        }
        if (member->to_lose == 0) {
            member->joined = true; /* with a new member id */
            fake_trace(host, "joins the group again");
            fake_kafka_rebalance(member->kafka);
            return false;
        }
        mask = &member->to_lose;
        out->type = TS_SOURCE_LOST;
    } else if (member->to_revoke != 0) {
        mask = &member->to_revoke;
        out->type = TS_SOURCE_REVOKED;
    } else if (member->to_assign != 0) {
        mask = &member->to_assign;
        out->type = TS_SOURCE_ASSIGNED;
    } else {
        return false;
    }
    out->lane_count = name_lanes(member, *mask);
    out->lanes = member->event_lanes;
    *mask = 0;
    for (size_t i = 0; i < out->lane_count; i++) {
        struct fake_member_lane *lane = &member->lanes[fake_lane_number(host, out->lanes[i])];
        lane->assigned = out->type == TS_SOURCE_ASSIGNED;
        lane->started = false;
    }
    return true;
}

static bool is_leaderless(const struct fake_kafka *kafka, int partition)
{
    return kafka->host->now_us < kafka->logs[partition].leaderless_until_us;
}

static bool poll_failure(struct fake_member *member, struct ts_source_event *out)
{
    for (int i = 0; i < member->kafka->lane_count; i++) {
        if ((member->to_fail >> i & 1) != 0 && member->lanes[i].assigned) {
            out->type = TS_SOURCE_LANE_ERROR;
            out->lane_count = name_lanes(member, 1u << i);
            out->lanes = member->event_lanes;
            fake_away(&out->error, "the partition cannot be read");
            member->lanes[i].started = false;
            member->to_fail &= ~(1u << i);
            return true;
        }
    }
    return false;
}

static struct ts_bytes value_of_call(const struct fake_call *call)
{
    size_t size = call->flaw == FAKE_FLAW_BYTES ? 5 : sizeof *call;
    return call->flaw == FAKE_FLAW_ABSENT ? (struct ts_bytes){NULL, 0}
                                          : (struct ts_bytes){(const char *)call, size};
}

static struct ts_bytes value_of_order(const struct fake_order *order)
{
    size_t size = order->flaw == FAKE_ORDER_BYTES ? 5 : sizeof *order;
    return order->flaw == FAKE_ORDER_ABSENT ? (struct ts_bytes){NULL, 0}
                                            : (struct ts_bytes){(const char *)order, size};
}

static bool take_message(struct fake_member *member, int partition, struct ts_source_event *out)
{
    struct fake_host *host = member->kafka->host;
    struct fake_log *log = &member->kafka->logs[partition];
    struct fake_member_lane *lane = &member->lanes[partition];
    if (!lane->assigned || !lane->started || lane->paused ||
        is_leaderless(member->kafka, partition)) {
        return false;
    }
    for (; lane->position < log->high; lane->position++) {
        const struct fake_message *message = &log->messages[lane->position];
        if (message->hole || lane->position < log->low) {
            continue;
        }
        bool last = lane->position + 1 == log->high || log->messages[log->high - 1].hole;
        if (!last && !lane->lost[lane->position] && fake_fault(host, 5)) {
            fake_trace(host, "kafka client loses %d/%lld", partition, (long long)lane->position);
            lane->lost[lane->position] = true; /* a bug of clients: it hands out the next one */
            continue;
        }
        bool order = fake_kafka_is_order(member->kafka, partition);
        out->type = TS_SOURCE_MESSAGE;
        out->message = (struct ts_message){
            .lane = fake_lane(host, partition),
            .offset = lane->position,
            .timestamp_ms = message->timestamp_ms,
            .key = ts_bytes_of(order ? message->order.account_id : message->call.account_id),
            .value = order ? value_of_order(&message->order) : value_of_call(&message->call),
        };
        lane->position++;
        return true;
    }
    return false;
}

static void source_poll(void *self, int wait_ms, struct ts_source_event *out)
{
    struct fake_member *member = self;
    struct fake_host *host = member->kafka->host;
    fake_pause(host);
    *out = (struct ts_source_event){.type = TS_SOURCE_IDLE};
    if (poll_group(member, out) || poll_failure(member, out)) {
        return;
    }
    bool reachable = host->now_us >= member->kafka->down_until_us;
    int lanes = member->kafka->lane_count;
    int first = fake_random_range(&host->random, 0, lanes - 1);
    for (int i = 0; reachable && i < lanes && !fake_chance(host, 150); i++) {
        if (take_message(member, (first + i) % lanes, out)) {
            return;
        }
    }
    if (fake_fault(host, 2)) {
        out->type = TS_SOURCE_ERROR;
        fake_away(&out->error, "a broker is away");
    } else if (wait_ms > 0) {
        fake_sleep(host, wait_ms * INT64_C(1000));
    }
}

static struct fake_member_lane *lane_of(struct fake_member *member, struct ts_lane id)
{
    return &member->lanes[fake_lane_number(member->kafka->host, id)];
}

static struct fake_log *log_of(struct fake_member *member, struct ts_lane id)
{
    return &member->kafka->logs[fake_lane_number(member->kafka->host, id)];
}

static bool source_start(void *self, struct ts_lane id, int64_t offset, struct ts_error *err)
{
    struct fake_member *member = self;
    struct fake_member_lane *lane = lane_of(member, id);
    if (down(member, err)) {
        return false;
    }
    if (!lane->assigned) {
        return fake_away(err, "the partition is not assigned");
    }
    if (offset < 0 || offset > log_of(member, id)->high) {
        fake_violation(member->kafka->host,
                       "partition %d started at %lld, beyond its end",
                       fake_lane_number(member->kafka->host, id),
                       (long long)offset);
    }
    fake_trace(member->kafka->host,
               "starts %d/%lld",
               fake_lane_number(member->kafka->host, id),
               (long long)offset);
    lane->started = true;
    lane->paused = false;
    lane->position = offset;
    return true;
}

static void source_pause(void *self, struct ts_lane id)
{
    struct fake_member *member = self;
    lane_of(member, id)->paused = true;
}

static void source_resume(void *self, struct ts_lane id)
{
    struct fake_member *member = self;
    lane_of(member, id)->paused = false;
}

static void source_release(void *self, const struct ts_lane *lanes, size_t count)
{
    struct fake_member *member = self;
    struct fake_kafka *kafka = member->kafka;
    fake_pause(kafka->host);
    for (size_t i = 0; i < count; i++) {
        struct fake_log *log = log_of(member, lanes[i]);
        if (log->holder == member->number && log->revoke_sent) {
            fake_trace(kafka->host, "releases %d", fake_lane_number(kafka->host, lanes[i]));
            log->holder = -1;
            log->revoke_sent = false;
            log->must_release = false;
        }
    }
}

static bool
source_range(void *self, struct ts_lane id, int64_t *low, int64_t *high, struct ts_error *err)
{
    struct fake_member *member = self;
    if (down(member, err)) {
        return false;
    }
    if (is_leaderless(member->kafka, fake_lane_number(member->kafka->host, id))) {
        fake_linger(member->kafka->host);
        return fake_away(err, "the partition has no leader");
    }
    *low = log_of(member, id)->low;
    *high = log_of(member, id)->high;
    fake_linger(member->kafka->host);
    return true;
}

static int64_t source_high_seen(void *self, struct ts_lane id)
{
    struct fake_member *member = self;
    return log_of(member, id)->high;
}

static bool source_committed(void *self, struct ts_lane id, int64_t *offset, struct ts_error *err)
{
    struct fake_member *member = self;
    if (down(member, err)) {
        return false;
    }
    *offset = log_of(member, id)->committed;
    fake_linger(member->kafka->host);
    return true;
}

static void source_commit(void *self, struct ts_lane id, int64_t offset)
{
    struct fake_member *member = self;
    fake_pause(member->kafka->host);
    if (member->joined) {
        lane_of(member, id)->pending = offset;
    }
}

struct ts_source fake_source_port(struct fake_member *member)
{
    static const struct ts_source_ops ops = {
        .poll = source_poll,
        .start = source_start,
        .pause = source_pause,
        .resume = source_resume,
        .release = source_release,
        .range = source_range,
        .high_seen = source_high_seen,
        .committed = source_committed,
        .commit = source_commit,
    };
    return (struct ts_source){&ops, member};
}
