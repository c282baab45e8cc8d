/* SPDX-License-Identifier: Apache-2.0 */
#include "app/timer_keeper.h"

#include "adapters/avro/command_encode.h"
#include "adapters/kafka/writer.h"
#include "adapters/postgres/timer_store.h"
#include "app/duty.h"
#include "app/servers.h"
#include "app/system_clock.h"
#include "app/timer_memory.h"
#include "base/arena.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LOOK_EVERY_S = 1,
    RETRY_S = 5,
    PAGE = 1000,
    TOLD_MAX = 1000,      /* by one look */
    WAITING_MAX = 100000, /* told and not settled: further ones wait for these */
    WAITING_SLOW = 10000, /* for each so many, the next look is a second later */
    WRITE_TIMEOUT_MS = 10000,
    ARENA_BLOCK = 64 * 1024,
    ARENA_MAX = 4 << 20,
    MESSAGE_MAX = 64 * 1024,
};

struct ts_timer_keeper {
    const struct ts_config *config;
    struct ts_observer observer;
    struct ts_timer_stats stats;
    struct ts_servers_kafka kafka;
    struct ts_kafka_writer *writer;
    struct ts_timer_store *store;
    struct ts_duty duty;

    /* Of its thread. */
    struct ts_timer_memory memory;
    struct ts_arena arena;    /* what `writes` point to */
    struct ts_buffer message; /* one, while it is made */
    struct ts_kafka_write writes[TOLD_MAX];
    size_t write_count;
};

#define SAY(keeper, level, ...)                                                                    \
    (keeper)->observer.ops->say((keeper)->observer.self, level, "timers", __VA_ARGS__)

/* ---- what is due
 * ------------------------------------------------------------------------------------- */

static const char *timer_name(enum ts_timer timer)
{
    static const char *const names[] = {[TS_TIMER_RECHARGE_RETRY] = "recharge_retry",
                                        [TS_TIMER_RECHARGE_EXPIRY] = "recharge_expiry",
                                        [TS_TIMER_INVOICE] = "invoice"};
    return names[timer];
}

static void
add_write(struct ts_timer_keeper *keeper, const struct ts_due_timer *due, const char *id)
{
    struct ts_command command = {
        .type = TS_COMMAND_TIMER_DUE,
        .command_id = ts_bytes_of(id),
        .account_id = due->account_id,
        .body.timer = {.timer = due->timer, .due_ms = due->due_ms, .subject = due->subject}};
    ts_buffer_clear(&keeper->message);
    ts_avro_command_encode(&command, &keeper->message);
    struct ts_kafka_write write = {
        .topic = keeper->config->kafka.topics.credits,
        .key = ts_arena_copy(&keeper->arena, due->account_id),
        .value = ts_arena_copy(&keeper->arena, ts_buffer_bytes(&keeper->message)),
    };
    if (!keeper->message.failed && write.key.data != NULL && write.value.data != NULL) {
        keeper->writes[keeper->write_count++] = write;
    }
}

/* Whether this look takes no further one. */
static bool is_over(const struct ts_timer_keeper *keeper)
{
    return keeper->write_count == TOLD_MAX || ts_timer_memory_is_full(&keeper->memory);
}

/* The id is made of what fell due, so that two who tell it at once tell one thing. And of how long
 * ago that was: what had no effect, because it was not yet due by the clock of the one who decided,
 * is told again as something else. */
static void take_timer(void *self, const struct ts_due_timer *due)
{
    struct ts_timer_keeper *keeper = self;
    char id[TS_COMMAND_ID_MAX + 1];
    if (is_over(keeper)) {
        return;
    }
    int size = snprintf(id,
                        sizeof id,
                        "%.*s/%s/%" PRId64,
                        TS_ARGS(due->account_id),
                        timer_name(due->timer),
                        due->due_ms);
    uint64_t hash = ts_hash64((struct ts_bytes){id, (size_t)size});
    int64_t now_ms = ts_system_clock.ops->mono_us(NULL) / 1000;
    if (ts_timer_memory_due(&keeper->memory, hash, now_ms)) {
        int64_t minutes = (ts_system_now_ms() - due->due_ms) / 60000;
        snprintf(id + size, sizeof id - (size_t)size, "/%" PRId64, minutes);
        add_write(keeper, due, id);
    }
}

/* Past those that were told and wait for their settle, however many: they may be of a partition
 * that stands still, and hold no other up. */
static bool read_due(struct ts_timer_keeper *keeper, struct ts_error *err)
{
    struct ts_timer_visitor visitor = {.visit = take_timer, .self = keeper};
    struct ts_timer_place place = {0};
    int64_t now_ms = ts_system_now_ms();
    bool more = true;
    while (more && !is_over(keeper)) {
        if (!ts_timer_store_due(keeper->store, now_ms, PAGE, &place, &visitor, &more, err)) {
            return false;
        }
    }
    return true;
}

static bool tell(struct ts_timer_keeper *keeper, struct ts_error *err)
{
    if (keeper->write_count == 0) {
        return true;
    }
    if (!ts_kafka_writer_write(keeper->writer, keeper->writes, keeper->write_count, err)) {
        ts_timer_memory_forget(&keeper->memory);
        return ts_error_prefix(err, "what fell due can't be put on the credits topic");
    }
    atomic_fetch_add(&keeper->stats.told, keeper->write_count);
    SAY(keeper, TS_LEVEL_DEBUG, "%zu fell due", keeper->write_count);
    return true;
}

static void note_duty(struct ts_timer_keeper *keeper, bool owned)
{
    if (owned != (atomic_load(&keeper->stats.duty) != 0)) {
        atomic_store(&keeper->stats.duty, owned);
        SAY(keeper,
            TS_LEVEL_INFO,
            "%s",
            owned ? "this process has the duty of timers" : "the duty of timers is lost");
    }
}

static bool look(struct ts_timer_keeper *keeper, struct ts_error *err)
{
    bool owned = false;
    bool asked = ts_timer_store_own(keeper->store, &owned, err);
    note_duty(keeper, asked && owned);
    if (!asked || !owned) {
        ts_timer_memory_forget(&keeper->memory);
        return asked;
    }
    keeper->write_count = 0;
    ts_arena_reset(&keeper->arena);
    if (!read_due(keeper, err)) {
        ts_timer_memory_forget(&keeper->memory); /* of these none was told yet */
        return false;
    }
    ts_timer_memory_end(&keeper->memory);
    return tell(keeper, err);
}

/* ---- the thread
 * -------------------------------------------------------------------------------------- */

static int keep(void *self)
{
    struct ts_timer_keeper *keeper = self;
    struct ts_error err = {0};
    if (look(keeper, &err)) {
        return LOOK_EVERY_S + (int)(keeper->memory.last_count / WAITING_SLOW);
    }
    SAY(keeper, err.class == TS_ERROR_RETRY ? TS_LEVEL_WARNING : TS_LEVEL_ERROR, "%s", err.text);
    return RETRY_S;
}

static bool open_all(struct ts_timer_keeper *keeper, struct ts_error *err)
{
    const struct ts_config *config = keeper->config;
    if (!ts_timer_memory_init(&keeper->memory, WAITING_MAX)) {
        return ts_error_no_memory(err);
    }
    if (!ts_servers_kafka_init(&keeper->kafka, config, keeper->observer, err)) {
        return false;
    }
    keeper->kafka.connection.client_id = "tollstream-timers";
    keeper->store = ts_timer_store_create(config->postgres.url, err);
    if (keeper->store == NULL) {
        return false;
    }
    keeper->writer = ts_kafka_writer_open(
        &keeper->kafka.connection, &keeper->kafka.producer, WRITE_TIMEOUT_MS, err);
    return keeper->writer != NULL;
}

struct ts_timer_keeper *ts_timer_keeper_start(const struct ts_config *config,
                                              struct ts_observer observer,
                                              struct ts_error *err)
{
    struct ts_timer_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    keeper->config = config;
    keeper->observer = observer;
    ts_duty_init(&keeper->duty, keep, keeper);
    ts_arena_init(&keeper->arena, ARENA_BLOCK, ARENA_MAX);
    ts_buffer_init(&keeper->message, MESSAGE_MAX);
    if (!open_all(keeper, err) || !ts_duty_start(&keeper->duty, err)) {
        ts_timer_keeper_stop(keeper);
        return NULL;
    }
    return keeper;
}

void ts_timer_keeper_stop(struct ts_timer_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    ts_duty_finish(&keeper->duty);
    ts_kafka_writer_close(keeper->writer);
    ts_timer_store_destroy(keeper->store);
    ts_servers_kafka_finish(&keeper->kafka);
    ts_timer_memory_finish(&keeper->memory);
    ts_buffer_finish(&keeper->message);
    ts_arena_finish(&keeper->arena);
    free(keeper);
}

struct ts_duty *ts_timer_keeper_duty(struct ts_timer_keeper *keeper)
{
    return &keeper->duty;
}

const struct ts_timer_stats *ts_timer_keeper_stats(const struct ts_timer_keeper *keeper)
{
    return &keeper->stats;
}
