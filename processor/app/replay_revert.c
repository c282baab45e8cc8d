/* SPDX-License-Identifier: Apache-2.0 */
/* The exact opposite of what a replay settled, as a replay of its own: all of it or, when calls
 * were adjusted again since, nothing. */
#include "app/replay.h"
#include "app/replay_send.h"
#include "app/system_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOTALS_MAX = 128 };

struct reverting {
    struct ts_replay replay; /* of it only the servers */
    struct ts_replay_generation target;
    struct ts_replay_generation generation;
    struct ts_replay_send send;
    int64_t count;
    int64_t amount_micros;
    int64_t moved_on;
    char example[TS_ACCOUNT_ID_MAX + 1];
};

static bool open_servers(struct reverting *reverting,
                         struct ts_session *session,
                         const struct ts_replay_options *options,
                         struct ts_error *err)
{
    struct ts_replay *replay = &reverting->replay;
    struct ts_observer observer = ts_log_observer(&session->log);
    *replay = (struct ts_replay){
        .session = session, .options = options, .started_ms = ts_system_now_ms()};
    if (!ts_replay_start_metrics(replay, err) ||
        !ts_servers_kafka_init(&replay->kafka, &session->config, observer, err)) {
        return false;
    }
    replay->store = ts_replay_store_open(session->config.postgres.url, err);
    return replay->store != NULL;
}

static void close_servers(struct reverting *reverting)
{
    ts_replay_metrics_stop(reverting->replay.metrics);
    ts_replay_send_close(&reverting->send);
    ts_replay_store_close(reverting->replay.store);
    ts_servers_kafka_finish(&reverting->replay.kafka);
}

/* ---- what there is to revert */

static bool
count_reversal(void *self, const struct ts_replay_reversal *reversal, struct ts_error *err)
{
    struct reverting *reverting = self;
    (void)err;
    reverting->count++;
    if (reversal->moved_on) {
        reverting->moved_on++;
        snprintf(
            reverting->example, sizeof reverting->example, "%.*s", TS_ARGS(reversal->account_id));
    }
    return true;
}

static bool check(struct reverting *reverting, struct ts_error *err)
{
    const struct ts_replay_reversal_visitor visitor = {count_reversal, reverting};
    if (!ts_replay_store_reversals(reverting->replay.store,
                                   reverting->target.generation,
                                   reverting->generation.generation,
                                   &visitor,
                                   err)) {
        return false;
    }
    if (reverting->moved_on > 0) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "replay %s can't be reverted: %" PRId64 " of %" PRId64
                            " calls were adjusted again since, one of account %s. Nothing was "
                            "changed",
                            reverting->target.name,
                            reverting->moved_on,
                            reverting->count,
                            reverting->example);
    }
    if (reverting->count == 0 && reverting->generation.generation == 0) {
        return ts_error_set(
            err, TS_ERROR_REJECT, 0, "replay %s settled nothing", reverting->target.name);
    }
    return true;
}

/* ---- doing it */

static bool
send_reversal(void *self, const struct ts_replay_reversal *reversal, struct ts_error *err)
{
    struct reverting *reverting = self;
    reverting->amount_micros += reversal->adjustment.amount_micros;
    return ts_replay_send_add(&reverting->send, reversal->account_id, &reversal->adjustment, err);
}

static bool tell(struct reverting *reverting, const char *status, struct ts_error *err)
{
    char totals[TOTALS_MAX];
    snprintf(totals,
             sizeof totals,
             "{\"sent\": %" PRId64 ", \"amount_micros\": %" PRId64 "}",
             reverting->send.sent,
             reverting->amount_micros);
    return ts_replay_store_progress(reverting->replay.store,
                                    reverting->generation.generation,
                                    status,
                                    NULL,
                                    0,
                                    totals,
                                    ts_system_now_ms(),
                                    err);
}

static bool revert(struct reverting *reverting, struct ts_error *err)
{
    const struct ts_replay_reversal_visitor visitor = {send_reversal, reverting};
    int64_t superseded = 0;
    reverting->send.generation = &reverting->generation;
    if (!tell(reverting, "applying", err) ||
        !ts_replay_store_reversals(reverting->replay.store,
                                   reverting->target.generation,
                                   reverting->generation.generation,
                                   &visitor,
                                   err) ||
        !ts_replay_send_flush(&reverting->send, err) ||
        !ts_replay_send_wait(&reverting->send, err) ||
        !ts_replay_store_superseded(reverting->replay.store,
                                    &reverting->generation,
                                    reverting->send.topic,
                                    ts_system_now_ms(),
                                    &superseded,
                                    err)) {
        return false;
    }
    if (superseded > 0) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "%" PRId64
                            " calls were adjusted by another replay meanwhile: they stay "
                            "as that one left them",
                            superseded);
    }
    return tell(reverting, "done", err);
}

static int
end(struct reverting *reverting, struct ts_session *session, bool good, struct ts_error *err)
{
    int status = TS_EXIT_OK;
    if (good) {
        if (reverting->replay.options->format == TS_FORMAT_TABLE) {
            printf("replay %s reverted by %s: %" PRId64 " calls\n",
                   reverting->target.name,
                   reverting->generation.name,
                   reverting->count);
        }
        status = ts_replay_show(session, reverting->generation.name);
    } else {
        struct ts_error ignored;
        bool stopped = err->class == TS_ERROR_RETRY;
        if (reverting->generation.generation != 0) {
            (void)tell(reverting, stopped ? "stopped" : "failed", &ignored);
        }
        status = ts_session_fail(session, err);
        status = err->class == TS_ERROR_REJECT ? TS_EXIT_FINDING : status;
    }
    close_servers(reverting);
    return status;
}

static bool begin(struct reverting *reverting, const char *name, struct ts_error *err)
{
    struct ts_replay *replay = &reverting->replay;
    if (name != NULL && !ts_replay_store_find(replay->store, name, &reverting->target, err)) {
        return false;
    }
    return ts_replay_send_open(&reverting->send, replay, err) &&
           ts_replay_send_drain(&reverting->send, err) && check(reverting, err);
}

static void describe(struct reverting *reverting, struct ts_replay_generation *out)
{
    const struct ts_replay_options *options = reverting->replay.options;
    *out = (struct ts_replay_generation){
        .versions_max = reverting->target.versions_max,
        .created_ms = reverting->replay.started_ms,
        .reverts = reverting->target.generation,
    };
    snprintf(out->operator_name, sizeof out->operator_name, "%s", options->operator_name);
    snprintf(out->reason, sizeof out->reason, "%s", options->reason);
    snprintf(out->topic, sizeof out->topic, "%s", reverting->target.topic);
    if (options->name != NULL) {
        snprintf(out->name, sizeof out->name, "%s", options->name);
    } else {
        ts_replay_make_name(out->created_ms, "revert-", out->name, sizeof out->name);
    }
}

int ts_replay_revert(struct ts_session *session)
{
    struct ts_replay_options options;
    struct reverting *reverting = calloc(1, sizeof *reverting);
    struct ts_error err = {0};
    if (reverting == NULL || !ts_args_count(&session->args, 1, 1) ||
        !ts_replay_options_read(session, &options)) {
        free(reverting);
        return TS_EXIT_USAGE;
    }
    bool good = open_servers(reverting, session, &options, &err) &&
                begin(reverting, session->args.operands[0], &err);
    if (good) {
        struct ts_replay_generation made;
        describe(reverting, &made);
        good = ts_replay_store_create(reverting->replay.store, &made, NULL, 0, &err);
        reverting->generation = made;
        good = good && revert(reverting, &err);
    }
    int status = end(reverting, session, good, &err);
    free(reverting);
    ts_replay_options_finish(&options);
    return status;
}

int ts_replay_go_on_reverting(struct ts_session *session,
                              const struct ts_replay_generation *generation,
                              const struct ts_replay_options *options)
{
    struct reverting *reverting = calloc(1, sizeof *reverting);
    struct ts_error err = {0};
    char target[16];
    if (reverting == NULL) {
        return TS_EXIT_USAGE;
    }
    snprintf(target, sizeof target, "%" PRId32, generation->reverts);
    bool good = open_servers(reverting, session, options, &err) &&
                ts_replay_store_lock(reverting->replay.store, generation->generation, &err);
    if (good) { /* from here on its status is ours to tell */
        reverting->generation = *generation;
        good = begin(reverting, target, &err) && revert(reverting, &err);
    }
    int status = end(reverting, session, good, &err);
    free(reverting);
    return status;
}
