/* SPDX-License-Identifier: Apache-2.0 */
/* Exercises the Kafka source on a real broker and checks its promise: whatever is started, paused,
 * resumed or rebalanced, the messages of a lane after a start are exactly those from its offset on,
 * in order, without a gap and without a repetition.
 *
 * Every message's value is its own offset, so that a wrong message under a right offset is found.
 * Members of the group share one table of positions, as PostgreSQL would keep it. Prints one line
 * of figures; exits with 1 at the first broken promise. */
#include "tests/integration/kafka_check.h"

#include "adapters/kafka/client.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* One lane as one member sees it. */
struct lane {
    bool owned;
    bool paused;
    bool fresh;    /* nothing came since the start */
    int64_t begin; /* of the last start */
    int64_t next;
    int64_t last_us; /* when the last message came */
};

struct member {
    struct ts_kafka_source *source;
    struct ts_source port;
    struct ts_kafka_source_options options;
    struct lane lanes[PARTITIONS];
    int64_t change_us; /* when it joins or leaves next */
    struct ts_kafka_source *closing;
    pthread_t closer; /* leaving takes the other members' polls: not on the thread that polls */
    atomic_bool closed;
    int64_t leave_us;
};

struct run {
    const struct settings *settings;
    struct member members[MEMBERS_MAX];
    int64_t settled[PARTITIONS];  /* the shared table: next offset of each lane */
    int64_t produced[PARTITIONS]; /* offsets handed to the producer */
    rd_kafka_t *producer;
    uint64_t messages;
    uint64_t starts;
    uint64_t pauses;
    uint64_t assigned;
    uint64_t revoked;
    uint64_t lost;
    uint64_t troubles;
    uint64_t stale;
    uint64_t reassignments;
    uint64_t commits;
    uint64_t commit_errors;
    int64_t longest_quiet_us; /* a lane that had something to give */
    int64_t longest_leave_us;
};

/* --- Producing */

/* Plain librdkafka: partitions are chosen here. */
static void open_producer(struct run *run)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", run->settings->brokers, NULL, 0);
    (void)rd_kafka_conf_set(conf, "enable.idempotence", "true", NULL, 0);
    (void)rd_kafka_conf_set(conf, "message.timeout.ms", "0", NULL, 0);
    (void)rd_kafka_conf_set(conf, "linger.ms", "5", NULL, 0);
    (void)rd_kafka_conf_set(conf, "log_level", "3", NULL, 0);
    run->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (run->producer == NULL) {
        fail("producer: %s", text);
    }
}

static bool produce(struct run *run, int32_t partition)
{
    char value[200];
    memset(value, 'x', sizeof value);
    memcpy(value, &run->produced[partition], sizeof(int64_t));
    rd_kafka_resp_err_t code = rd_kafka_producev(run->producer,
                                                 RD_KAFKA_V_TOPIC(run->settings->topic),
                                                 RD_KAFKA_V_PARTITION(partition),
                                                 RD_KAFKA_V_KEY("key", 3),
                                                 RD_KAFKA_V_VALUE(value, sizeof value),
                                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                                 RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return false;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail("produce: %s", rd_kafka_err2str(code));
    }
    run->produced[partition]++;
    return true;
}

static void prefill(struct run *run)
{
    for (int64_t i = 0; i < run->settings->prefill; i++) {
        while (!produce(run, (int32_t)(i % PARTITIONS))) {
            (void)rd_kafka_poll(run->producer, 10);
        }
    }
    if (rd_kafka_flush(run->producer, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail("the prefill was not written");
    }
}

/* --- Members */

static void join(struct run *run, struct member *member)
{
    struct ts_error err;
    member->options = (struct ts_kafka_source_options){
        .connection = connection(run->settings),
        .group = run->settings->group,
        .topics = {[TS_INPUT_CDRS] = run->settings->topic},
        .assignment = run->settings->assignment,
        .properties = {run->settings->properties, run->settings->property_count},
        .session_timeout_ms = 6000,
    };
    if (!ts_kafka_source_open(&member->options, &member->source, &err)) {
        fail("%s", err.text);
    }
    member->port = ts_kafka_source_port(member->source);
}

static void *close_source(void *arg)
{
    struct member *member = arg;
    if (!ts_kafka_source_close(member->closing, 20000)) {
        fail("the source did not close");
    }
    atomic_store(&member->closed, true);
    return NULL;
}

static bool has_left(struct run *run, struct member *member)
{
    if (member->closing != NULL && atomic_load(&member->closed)) {
        (void)pthread_join(member->closer, NULL);
        member->closing = NULL;
        int64_t took_us = ts_kafka_now_us() - member->leave_us;
        run->longest_leave_us = took_us > run->longest_leave_us ? took_us : run->longest_leave_us;
    }
    return member->closing == NULL;
}

static void leave(struct run *run, struct member *member)
{
    const struct ts_kafka_source_stats *stats = ts_kafka_source_stats(member->source);
    run->stale += stats->stale;
    run->reassignments += stats->reassignments;
    run->commits += stats->commits;
    run->commit_errors += stats->commit_errors;
    member->closing = member->source;
    member->source = NULL;
    member->leave_us = ts_kafka_now_us();
    atomic_store(&member->closed, false);
    if (pthread_create(&member->closer, NULL, close_source, member) != 0) {
        fail("no thread");
    }
    memset(member->lanes, 0, sizeof member->lanes);
}

static void start(struct run *run, struct member *member, int32_t partition, int64_t offset)
{
    struct ts_error err;
    struct lane *lane = &member->lanes[partition];
    if (!member->port.ops->start(
            member->port.self, (struct ts_lane){TS_INPUT_CDRS, partition}, offset, &err)) {
        if (err.class != TS_ERROR_RETRY) {
            fail("start: %s", err.text);
        }
        return; /* taken away meanwhile: REVOKED follows */
    }
    *lane = (struct lane){.owned = true,
                          .fresh = true,
                          .begin = offset,
                          .next = offset,
                          .last_us = ts_kafka_now_us()};
    run->settled[partition] = offset;
    run->starts++;
}

static void take_message(struct run *run, struct member *member, const struct ts_message *message)
{
    struct lane *lane = &member->lanes[message->lane.partition];
    int64_t value;
    memcpy(&value, message->value.data, sizeof value);
    if (!lane->owned || lane->paused) {
        fail("partition %d: offset %" PRId64 " although %s",
             message->lane.partition,
             message->offset,
             lane->owned ? "paused" : "not started");
    }
    if (message->offset != lane->next || value != message->offset ||
        run->settled[message->lane.partition] != message->offset) {
        fail("partition %d: offset %" PRId64 " with value %" PRId64 ", not %" PRId64
             " (settled %" PRId64 ", started at %" PRId64 ")",
             message->lane.partition,
             message->offset,
             value,
             lane->next,
             run->settled[message->lane.partition],
             lane->begin);
    }
    lane->next++;
    lane->fresh = false;
    lane->last_us = ts_kafka_now_us();
    run->settled[message->lane.partition] = lane->next;
    run->messages++;
    if (run->settings->commit && lane->next % 16 == 0) {
        member->port.ops->commit(member->port.self, message->lane, lane->next);
    }
}

static void take_event(struct run *run, struct member *member, const struct ts_source_event *event)
{
    switch (event->type) {
    case TS_SOURCE_IDLE:
        break;
    case TS_SOURCE_MESSAGE:
        take_message(run, member, &event->message);
        break;
    case TS_SOURCE_ASSIGNED:
        run->assigned += event->lane_count;
        for (size_t i = 0; i < event->lane_count; i++) {
            int32_t partition = event->lanes[i].partition;
            start(run, member, partition, run->settled[partition]);
        }
        break;
    case TS_SOURCE_REVOKED:
    case TS_SOURCE_LOST:
        *(event->type == TS_SOURCE_LOST ? &run->lost : &run->revoked) += event->lane_count;
        for (size_t i = 0; i < event->lane_count; i++) {
            member->lanes[event->lanes[i].partition] = (struct lane){0};
        }
        member->port.ops->release(member->port.self, event->lanes, event->lane_count);
        break;
    case TS_SOURCE_LANE_ERROR:
        fail("lane error: %s", event->error.text);
    case TS_SOURCE_ERROR:
        (void)fprintf(stderr, "source: %s\n", event->error.text);
        run->troubles++;
        if (event->error.class == TS_ERROR_FATAL) {
            fail("fatal");
        }
        break;
    }
}

/* --- The storm */

static int64_t draw(int64_t below)
{
    return below <= 0 ? 0
                      : (int64_t)(((uint64_t)rand() << 31 | (uint64_t)rand()) % (uint64_t)below);
}

static void start_somewhere(struct run *run, struct member *member)
{
    int32_t partition = (int32_t)draw(PARTITIONS);
    const struct lane *lane = &member->lanes[partition];
    if (lane->owned) {
        int64_t back = draw(draw(2) == 0 ? 20 : 30000);
        start(run, member, partition, back > lane->next ? 0 : lane->next - back);
    }
}

static void pause_somewhere(struct run *run, struct member *member)
{
    int32_t partition = (int32_t)draw(PARTITIONS);
    struct lane *lane = &member->lanes[partition];
    if (lane->owned) {
        bool pause = draw(2) == 0; /* often what it is already */
        (pause ? member->port.ops->pause : member->port.ops->resume)(
            member->port.self, (struct ts_lane){TS_INPUT_CDRS, partition});
        lane->paused = pause;
        lane->last_us = ts_kafka_now_us();
        run->pauses++;
    }
}

static void change_members(struct run *run, int64_t now_us)
{
    for (int i = 1; i < run->settings->members; i++) {
        struct member *member = &run->members[i];
        if (has_left(run, member) && now_us >= member->change_us) {
            if (member->source == NULL) {
                join(run, member);
            } else {
                leave(run, member);
            }
            member->change_us = now_us + run->settings->leave_ms * INT64_C(1000);
        }
    }
}

static void step_member(struct run *run, struct member *member)
{
    struct ts_source_event event;
    for (int i = 0; i < 256; i++) {
        member->port.ops->poll(
            member->port.self, i == 0 && run->settings->members == 1 ? 1 : 0, &event);
        if (event.type == TS_SOURCE_IDLE) {
            break;
        }
        take_event(run, member, &event);
    }
}

static void note_quiet(struct run *run, const struct member *member, int64_t now_us)
{
    for (int i = 0; i < PARTITIONS; i++) {
        const struct lane *lane = &member->lanes[i];
        if (lane->owned && !lane->paused && lane->next < run->produced[i] - 1000 &&
            now_us - lane->last_us > run->longest_quiet_us) {
            run->longest_quiet_us = now_us - lane->last_us;
        }
    }
}

static void storm(struct run *run)
{
    const struct settings *settings = run->settings;
    int64_t begin_us = ts_kafka_now_us();
    int64_t start_us = begin_us;
    int64_t pause_us = begin_us;
    int64_t produced = 0;
    int64_t now_us;
    for (int i = 1; i < settings->members; i++) {
        run->members[i].change_us = begin_us + i * settings->leave_ms * INT64_C(1000);
    }
    join(run, &run->members[0]);
    while ((now_us = ts_kafka_now_us()) - begin_us < settings->seconds * INT64_C(1000000)) {
        int64_t due = (now_us - begin_us) * settings->produce_per_s / 1000000;
        for (; produced < due && produce(run, (int32_t)(produced % PARTITIONS)); produced++) {
        }
        (void)rd_kafka_poll(run->producer, 0);
        change_members(run, now_us);
        for (int i = 0; i < settings->members; i++) {
            struct member *member = &run->members[i];
            if (member->source == NULL) {
                continue;
            }
            step_member(run, member);
            if (settings->start_every_us > 0 && now_us >= start_us) {
                start_somewhere(run, member);
            }
            if (settings->pause_every_us > 0 && now_us >= pause_us) {
                pause_somewhere(run, member);
            }
            note_quiet(run, member, now_us);
        }
        start_us = now_us >= start_us ? now_us + draw(2 * settings->start_every_us) : start_us;
        pause_us = now_us >= pause_us ? now_us + draw(2 * settings->pause_every_us) : pause_us;
    }
}

/* Everything that was produced comes in the end, and the group knows how far. */
static void drain(struct run *run)
{
    struct member *first = &run->members[0];
    for (int i = 1; i < run->settings->members; i++) {
        if (run->members[i].source != NULL) {
            leave(run, &run->members[i]);
        }
    }
    if (rd_kafka_flush(run->producer, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail("not everything was written");
    }
    int64_t until_us = ts_kafka_now_us() + INT64_C(60000000);
    int behind = PARTITIONS;
    while (behind > 0 && ts_kafka_now_us() < until_us) {
        step_member(run, first);
        behind = 0;
        for (int i = 1; i < run->settings->members; i++) {
            behind += !has_left(run, &run->members[i]);
        }
        for (int i = 0; i < PARTITIONS; i++) {
            struct lane *lane = &first->lanes[i];
            if (lane->paused) {
                first->port.ops->resume(first->port.self, (struct ts_lane){TS_INPUT_CDRS, i});
                lane->paused = false;
            }
            behind += run->settled[i] < run->produced[i];
        }
    }
    for (int i = 0; i < PARTITIONS && behind > 0; i++) {
        (void)fprintf(stderr,
                      "partition %d: settled %" PRId64 " of %" PRId64 "%s\n",
                      i,
                      run->settled[i],
                      run->produced[i],
                      first->lanes[i].owned ? "" : ", not owned");
    }
    if (behind > 0) {
        fail("%d partitions did not come to their end", behind);
    }
}

static void check_range(struct run *run, struct ts_lane id)
{
    const struct ts_source *port = &run->members[0].port;
    int64_t produced = run->produced[id.partition];
    struct ts_error err;
    int64_t low;
    int64_t high;
    if (!port->ops->range(port->self, id, &low, &high, &err)) {
        fail("%s", err.text);
    }
    if (low != 0 || high != produced) {
        fail("range of %d: %" PRId64 " to %" PRId64 ", not %" PRId64,
             id.partition,
             low,
             high,
             produced);
    }
    high = port->ops->high_seen(port->self, id);
    if (produced > 0 && high != produced) {
        fail("high watermark seen of %d: %" PRId64, id.partition, high);
    }
}

static bool is_committed(struct run *run, struct ts_lane id)
{
    const struct ts_source *port = &run->members[0].port;
    struct ts_error err;
    int64_t offset;
    if (!port->ops->committed(port->self, id, &offset, &err)) {
        if (err.class != TS_ERROR_RETRY) {
            fail("%s", err.text);
        }
        return false;
    }
    return offset == run->produced[id.partition];
}

/* The group may be rebalancing still: commits are then sent again, and lanes come back. */
static void check_commits(struct run *run)
{
    struct member *first = &run->members[0];
    int missing = PARTITIONS;
    for (int i = 0; i < 50 && missing > 0; i++) {
        for (int32_t j = 0; j < PARTITIONS; j++) {
            first->port.ops->commit(
                first->port.self, (struct ts_lane){TS_INPUT_CDRS, j}, run->produced[j]);
        }
        for (int j = 0; j < 20; j++) {
            step_member(run, first);
            (void)usleep(20000);
        }
        missing = 0;
        for (int32_t j = 0; j < PARTITIONS; j++) {
            missing += !is_committed(run, (struct ts_lane){TS_INPUT_CDRS, j});
        }
    }
    if (missing > 0) {
        fail("the commits of %d partitions did not arrive", missing);
    }
}

static void check_requests(struct run *run)
{
    for (int32_t i = 0; i < PARTITIONS; i++) {
        check_range(run, (struct ts_lane){TS_INPUT_CDRS, i});
    }
    if (run->settings->commit) {
        check_commits(run);
    }
}

/* --- Speed */

static int64_t cpu_us(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int64_t thread_cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void speed(struct run *run)
{
    struct member *member = &run->members[0];
    struct ts_source_event event;
    int64_t total = run->settings->prefill;
    join(run, member);
    do {
        member->port.ops->poll(member->port.self, 100, &event);
        take_event(run, member, &event);
    } while (run->messages == 0);
    int64_t wall = ts_kafka_now_us();
    int64_t cpu = cpu_us();
    int64_t thread = thread_cpu_us();
    uint64_t polls = 0;
    while ((int64_t)run->messages < total) {
        member->port.ops->poll(member->port.self, polls++ % 512 == 0 ? 10 : 0, &event);
        if (event.type == TS_SOURCE_MESSAGE) {
            run->messages++;
        } else {
            take_event(run, member, &event);
        }
    }
    wall = ts_kafka_now_us() - wall;
    cpu = cpu_us() - cpu;
    thread = thread_cpu_us() - thread;
    (void)printf("speed: %" PRId64
                 " messages of 200 bytes, %.0f /s, %.3f us CPU each, of which the "
                 "polling thread %.3f\n",
                 total,
                 (double)total * 1e6 / (double)wall,
                 (double)cpu / (double)total,
                 (double)thread / (double)total);
}

/* --- Command line */

static void report(const struct run *run)
{
    (void)printf("%s%s: %" PRIu64 " messages, %" PRIu64 " starts, %" PRIu64 " pauses and resumes, "
                 "lanes assigned %" PRIu64 " revoked %" PRIu64 " lost %" PRIu64 ", stale dropped "
                 "%" PRIu64 ", reassignments %" PRIu64 ", commits %" PRIu64 " (failed %" PRIu64
                 "), troubles told %" PRIu64 ", longest quiet %.0f ms, "
                 "longest close %.0f ms\n",
                 run->settings->assignment == TS_KAFKA_EAGER ? "eager" : "cooperative",
                 run->settings->members > 1 ? ", members come and go" : "",
                 run->messages,
                 run->starts,
                 run->pauses,
                 run->assigned,
                 run->revoked,
                 run->lost,
                 run->stale,
                 run->reassignments,
                 run->commits,
                 run->commit_errors,
                 run->troubles,
                 (double)run->longest_quiet_us / 1000,
                 (double)run->longest_leave_us / 1000);
}

int main(int argc, char **argv)
{
    char name[64];
    (void)snprintf(name, sizeof name, "check-%ld-%d", (long)time(NULL), (int)getpid());
    struct settings settings = {.topic = name,
                                .group = name,
                                .seconds = 10,
                                .members = 1,
                                .leave_ms = 2000,
                                .produce_per_s = 20000,
                                .prefill = 200000,
                                .seed = (unsigned)time(NULL)};
    if (argc < 3) {
        settings_usage();
    }
    settings.brokers = argv[1];
    settings_parse(&settings, argc - 3, argv + 3);
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        fail("out of memory");
    }
    run->settings = &settings;
    srand(settings.seed);
    create_topic(&settings);
    open_producer(run);
    prefill(run);
    if (strcmp(argv[2], "speed") == 0) {
        speed(run);
    } else {
        storm(run);
        drain(run);
        check_requests(run);
    }
    leave(run, &run->members[0]);
    while (!has_left(run, &run->members[0])) {
        (void)usleep(1000);
    }
    report(run);
    rd_kafka_destroy(run->producer);
    free(run);
    return 0;
}
