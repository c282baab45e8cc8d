/* SPDX-License-Identifier: Apache-2.0 */
/* Differences become adjustments, and those of them that another replay came before are compared
 * again, until none is left. It can be killed at any moment: what was sent is settled once, by its
 * id, and what was not is found again when the replay is resumed. */
#include "app/dead_letters.h"
#include "app/replay.h"
#include "app/replay_send.h"
#include "app/system_clock.h"
#include "base/fault.h"
#include "core/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES_MAX = 20, TELL_EVERY_US = 1000000, TOTALS_MAX = 512 };

struct applying {
    struct ts_replay *replay;
    struct ts_replay_generation generation;
    struct ts_replay_send send;
    struct ts_dead_letter_store *letters;
    bool begun;  /* to compare: until then what is stored of it stays */
    bool unsent; /* of what was compared: likewise */
    int64_t requeued;
    int64_t told_us;
};

/* ---- progress */

/* With what was told before it was interrupted. */
static void describe_totals(const struct applying *applying, char *out, size_t size)
{
    const struct ts_replay_report *report = &applying->replay->report;
    const struct ts_replay_generation *before = &applying->generation;
    snprintf(out,
             size,
             "{\"read\": %" PRId64 ", \"compared\": %" PRId64 ", \"up\": %" PRId64
             ", \"down\": %" PRId64 ", \"difference_micros\": %" PRId64 ", \"sent\": %" PRId64
             ", \"requeued\": %" PRId64 "}",
             before->read + report->read,
             before->compared + report->total.calls,
             before->up + report->total.up,
             before->down + report->total.down,
             before->difference_micros + ts_replay_tally_difference(&report->total),
             before->sent + applying->send.sent,
             before->requeued + applying->requeued);
}

/* Calls that were set aside are sent at the end: until then nothing is done for good. */
static bool tell(struct applying *applying, const char *status, struct ts_error *err)
{
    const struct ts_replay *replay = applying->replay;
    bool whole = applying->begun && !applying->unsent;
    size_t count = whole ? replay->range_count : 0;
    char totals[TOTALS_MAX];
    describe_totals(applying, totals, sizeof totals);
    struct ts_replay_range *ranges = calloc(count + 1, sizeof *ranges);
    if (ranges == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        ranges[i] = replay->ranges[i];
        ranges[i].next = replay->set_aside ? ranges[i].from : ranges[i].next;
    }
    bool good = ts_replay_store_progress(replay->store,
                                         applying->generation.generation,
                                         status,
                                         ranges,
                                         count,
                                         whole ? totals : NULL,
                                         ts_system_now_ms(),
                                         err);
    free(ranges);
    return good;
}

/* ---- the sink */

static bool on_difference(void *self,
                          struct ts_bytes account_id,
                          const struct ts_adjustment *adjustment,
                          struct ts_error *err)
{
    struct applying *applying = self;
    return ts_replay_send_add(&applying->send, account_id, adjustment, err);
}

static bool on_letter(void *self, int64_t id, struct ts_error *err)
{
    struct applying *applying = self;
    const struct ts_dead_letter_filter filter = {.status = "open", .id = id};
    struct ts_requeue requeue = {
        .store = applying->letters, .writer = applying->send.writer, .now_ms = ts_system_now_ms()};
    bool good = ts_requeue_run(&requeue, &filter, err);
    applying->requeued += requeue.requeued;
    ts_replay_stat_set(&applying->replay->stats.requeued, applying->requeued);
    return good || ts_error_prefix(err, "dead letter %" PRId64, id);
}

static bool on_page(void *self, struct ts_error *err)
{
    struct applying *applying = self;
    int64_t now_us = ts_system_clock.ops->mono_us(NULL);
    applying->unsent = true;
    if (!ts_replay_send_flush(&applying->send, err)) {
        return false;
    }
    applying->unsent = false;
    if (!ts_replay_send_yield(&applying->send, err)) {
        return false;
    }
    ts_fault_point("replay_page");
    if (now_us - applying->told_us < TELL_EVERY_US) {
        return true;
    }
    applying->told_us = now_us;
    return tell(applying, "comparing", err);
}

/* ---- passes */

/* The report of a later pass is of calls that were reported before. */
static bool compare_again(struct applying *applying, struct ts_error *err)
{
    struct ts_replay *replay = applying->replay;
    struct ts_replay_report first = replay->report;
    ts_replay_report_init(&replay->report);
    bool good = ts_replay_compare(replay, err);
    ts_replay_report_finish(&replay->report);
    replay->report = first;
    return good;
}

/* Whatever ends the replay from here on must not store that all was compared. */
static void rewind_ranges(struct ts_replay *replay)
{
    for (size_t i = 0; i < replay->range_count; i++) {
        replay->ranges[i].next = replay->ranges[i].from;
    }
}

static bool run_passes(struct applying *applying, struct ts_error *err)
{
    struct ts_replay *replay = applying->replay;
    int64_t superseded = 0;
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        bool compared = pass == 0 ? ts_replay_compare(replay, err) : compare_again(applying, err);
        if (!compared || !tell(applying, "applying", err) ||
            !ts_replay_send_wait(&applying->send, err) ||
            !ts_replay_store_superseded(replay->store,
                                        &applying->generation,
                                        applying->send.topic,
                                        ts_system_now_ms(),
                                        &superseded,
                                        err)) {
            return false;
        }
        if (superseded == 0) {
            return true;
        }
        rewind_ranges(replay);
        ts_fault_point("replay_superseded");
    }
    return ts_error_set(err,
                        TS_ERROR_RETRY,
                        0,
                        "other replays adjusted the same calls again and again: let them end "
                        "first");
}

static int fail(struct applying *applying, struct ts_error *err)
{
    const char *status = err->class == TS_ERROR_RETRY ? "stopped" : "failed";
    struct ts_error ignored;
    if (applying->generation.generation != 0) {
        (void)tell(applying, status, &ignored);
        ts_error_prefix(err,
                        "replay %s %s (`tollstream replay resume %s` goes on)",
                        applying->generation.name,
                        status,
                        applying->generation.name);
    }
    return ts_session_fail(applying->replay->session, err);
}

/* From the drained topic of adjustments on. */
static bool apply(struct applying *applying, struct ts_error *err)
{
    struct ts_replay *replay = applying->replay;
    applying->send.generation = &applying->generation;
    applying->begun = true;
    replay->sink = (struct ts_replay_sink){
        .difference = on_difference, .letter = on_letter, .page = on_page, .self = applying};
    return run_passes(applying, err) && tell(applying, "done", err);
}

static bool open_all(struct applying *applying, struct ts_error *err)
{
    struct ts_replay *replay = applying->replay;
    applying->letters = ts_dead_letter_store_create(replay->session->config.postgres.url, err);
    return applying->letters != NULL && ts_replay_send_open(&applying->send, replay, err) &&
           ts_replay_send_drain(&applying->send, err);
}

static void close_all(struct applying *applying)
{
    ts_replay_send_close(&applying->send);
    ts_dead_letter_store_destroy(applying->letters);
}

/* ---- a new one */

void ts_replay_make_name(int64_t now_ms, const char *prefix, char *out, size_t size)
{
    char text[TS_TIMESTAMP_TEXT_MAX];
    char digits[TS_TIMESTAMP_TEXT_MAX];
    size_t count = 0;
    ts_timestamp_format(now_ms, text);
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] != '-' && text[i] != ':') {
            digits[count++] = text[i];
        }
    }
    digits[count] = '\0';
    snprintf(out, size, "%s%s", prefix, digits);
}

static void keep_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void describe(const struct ts_replay *replay, struct ts_replay_generation *out)
{
    const struct ts_replay_options *options = replay->options;
    *out = (struct ts_replay_generation){
        .deck_version = options->decks.deck_version,
        .at_one_moment = options->decks.at_one_moment,
        .effective_ms = options->decks.effective_ms,
        .versions_max = ts_rates_snapshot_versions_max(replay->rates),
        .created_ms = replay->started_ms,
    };
    keep_text(out->operator_name, sizeof out->operator_name, options->operator_name);
    keep_text(out->reason, sizeof out->reason, options->reason);
    keep_text(out->topic, sizeof out->topic, options->topic);
    keep_text(out->account, sizeof out->account, options->account);
    keep_text(out->category, sizeof out->category, options->category);
    keep_text(out->prefix, sizeof out->prefix, options->prefix);
    if (options->name != NULL) {
        keep_text(out->name, sizeof out->name, options->name);
    } else {
        ts_replay_make_name(replay->started_ms, "r", out->name, sizeof out->name);
    }
}

int ts_replay_apply(struct ts_replay *replay)
{
    struct applying applying = {.replay = replay};
    struct ts_error err = {0};
    struct ts_replay_generation made;
    describe(replay, &made);
    bool good =
        open_all(&applying, &err) &&
        ts_replay_store_create(replay->store, &made, replay->ranges, replay->range_count, &err);
    applying.generation = made;
    good = good && apply(&applying, &err);
    int status = good ? ts_replay_print(replay, &applying.generation) : fail(&applying, &err);
    close_all(&applying);
    return status;
}

/* ---- one that was interrupted */

static const char *absent_if_empty(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* What was asked for then; how fast, and how to print, is asked for now. */
static void take_up(const struct ts_replay_generation *generation,
                    struct ts_replay_options *options)
{
    options->topic = generation->topic;
    options->account = absent_if_empty(generation->account);
    options->category = absent_if_empty(generation->category);
    options->prefix = absent_if_empty(generation->prefix);
    options->operator_name = generation->operator_name;
    options->reason = generation->reason;
    options->from.type = TS_BOUND_BEGINNING;
    options->to.type = TS_BOUND_END;
    options->apply = true;
    options->decks = (struct ts_rates_choice){.oldest_answer_ms = INT64_MIN,
                                              .deck_version = generation->deck_version,
                                              .at_one_moment = generation->at_one_moment,
                                              .effective_ms = generation->effective_ms,
                                              .versions_max = generation->versions_max};
}

/* What begins from the beginning counts so, too. */
static void forget_totals(struct applying *applying)
{
    const struct ts_replay *replay = applying->replay;
    struct ts_replay_generation *generation = &applying->generation;
    for (size_t i = 0; i < replay->range_count; i++) {
        if (replay->ranges[i].next > replay->ranges[i].from) {
            return;
        }
    }
    generation->read = generation->compared = generation->up = generation->down = 0;
    generation->difference_micros = generation->sent = generation->requeued = 0;
}

/* Once the lock is held its status is ours to tell. */
static bool go_on(struct applying *applying,
                  const struct ts_replay_generation *generation,
                  struct ts_error *err)
{
    struct ts_replay *replay = applying->replay;
    if (!ts_replay_store_lock(replay->store, generation->generation, err)) {
        return false;
    }
    applying->generation = *generation;
    if (!ts_replay_store_find(replay->store, generation->name, &applying->generation, err) ||
        !ts_replay_store_ranges(
            replay->store, generation->generation, &replay->ranges, &replay->range_count, err)) {
        return false;
    }
    forget_totals(applying);
    return ts_replay_check_ranges(replay, err) && open_all(applying, err) && apply(applying, err);
}

static int resume(struct ts_session *session,
                  const struct ts_replay_generation *generation,
                  struct ts_replay_options *options)
{
    struct ts_replay replay;
    struct ts_error err = {0};
    take_up(generation, options);
    bool good = ts_replay_open(&replay, session, options, &err);
    struct applying applying = {.replay = &replay};
    replay.quiet = ts_args_flag(&session->args, "quiet");
    good = good && go_on(&applying, generation, &err);
    int status = good ? ts_replay_print(&replay, generation) : fail(&applying, &err);
    close_all(&applying);
    ts_replay_finish(&replay);
    return status;
}

int ts_replay_resume(struct ts_session *session)
{
    struct ts_replay_options options;
    struct ts_replay_generation generation;
    if (!ts_args_count(&session->args, 1, 1) || !ts_replay_options_read(session, &options)) {
        return TS_EXIT_USAGE;
    }
    int status = ts_replay_find(session, session->args.operands[0], &generation);
    if (status != TS_EXIT_OK) {
        /* it was told */
    } else if (strcmp(generation.status, "done") == 0) {
        if (options.format == TS_FORMAT_TABLE) {
            printf("replay %s is done\n", generation.name);
        }
        status = ts_replay_show(session, generation.name);
    } else if (generation.reverts != 0) {
        status = ts_replay_go_on_reverting(session, &generation, &options);
    } else {
        status = resume(session, &generation, &options);
    }
    ts_replay_options_finish(&options);
    return status;
}
