/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay.h"
#include "core/timestamp.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOP_DEFAULT = 20,
    TOP_MAX = 10000,
    TIMEOUT_DEFAULT_S = 600,
    LAG_DEFAULT = 50000,
    RATE_DEFAULT = 20000, /* a tenth of a core: live traffic goes first */
};

/* A number below this is an offset, from it on milliseconds since the epoch (2001-09-09). */
#define FIRST_MS INT64_C(1000000000000)

static bool read_number(const char *text, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return errno == 0 && end != text && *end == '\0' && value >= 0;
}

static bool read_bound(const struct ts_args *args, const char *option, struct ts_replay_bound *out)
{
    const char *text = ts_args_value(args, option);
    if (text == NULL) {
        return true;
    }
    if (strcmp(text, "beginning") == 0) {
        out->type = TS_BOUND_BEGINNING;
    } else if (strcmp(text, "end") == 0) {
        out->type = TS_BOUND_END;
    } else if (ts_timestamp_parse(ts_bytes_of(text), &out->value)) {
        out->type = TS_BOUND_TIME;
    } else if (read_number(text, &out->value)) {
        out->type = out->value < FIRST_MS ? TS_BOUND_OFFSET : TS_BOUND_TIME;
    } else {
        ts_args_refuse(args,
                       "--%s: \"%s\" is no moment (2026-11-01T00:00:00Z, or milliseconds since the "
                       "epoch), no offset, and neither beginning nor end",
                       option,
                       text);
        return false;
    }
    return true;
}

/* ---- partitions */

static bool refuse_partitions(const struct ts_args *args, const char *text)
{
    ts_args_refuse(args, "--partitions: \"%s\" should be numbers and ranges as in 0,2-5", text);
    return false;
}

static void add_partition(struct ts_replay_options *out, int32_t partition)
{
    for (size_t i = 0; i < out->partition_count; i++) {
        if (out->partitions[i] == partition) {
            return;
        }
    }
    out->partitions[out->partition_count++] = partition;
}

static bool read_partitions(const struct ts_args *args, struct ts_replay_options *out)
{
    const char *text = ts_args_value(args, "partitions");
    if (text == NULL || strcmp(text, "all") == 0) {
        return true;
    }
    out->partitions = calloc(TS_REPLAY_PARTITIONS_MAX, sizeof *out->partitions);
    const char *at = text;
    while (out->partitions != NULL) {
        char *end = NULL;
        long first = strtol(at, &end, 10);
        long last = first;
        if (end == at || !isdigit((unsigned char)*at)) {
            return refuse_partitions(args, text);
        }
        if (*end == '-') {
            at = end + 1;
            last = strtol(at, &end, 10);
        }
        if (end == at || last < first || last >= TS_REPLAY_PARTITIONS_MAX) {
            return refuse_partitions(args, text);
        }
        for (long i = first; i <= last; i++) {
            add_partition(out, (int32_t)i);
        }
        if (*end == '\0') {
            return true;
        }
        if (*end != ',') {
            return refuse_partitions(args, text);
        }
        at = end + 1;
    }
    return false;
}

/* ---- the rest */

static bool read_decks(const struct ts_args *args, struct ts_replay_options *out)
{
    const char *moment = ts_args_value(args, "effective-at");
    out->decks.oldest_answer_ms = INT64_MIN;
    if (!ts_args_number(args, "deck-version", 1, INT64_MAX, &out->decks.deck_version)) {
        return false;
    }
    if (moment == NULL) {
        return true;
    }
    if (out->decks.deck_version != 0) {
        ts_args_refuse(args, "--deck-version and --effective-at exclude each other");
        return false;
    }
    out->decks.at_one_moment = true;
    if (ts_timestamp_parse(ts_bytes_of(moment), &out->decks.effective_ms)) {
        return true;
    }
    ts_args_refuse(args, "--effective-at: \"%s\" is no moment as 2026-11-01T00:00:00Z", moment);
    return false;
}

static bool read_filters(const struct ts_args *args, struct ts_replay_options *out)
{
    out->account = ts_args_value(args, "account");
    out->category = ts_args_value(args, "category");
    out->prefix = ts_args_value(args, "prefix");
    for (int i = 0; out->category != NULL && i < TS_CATEGORY_COUNT; i++) {
        if (strcmp(ts_category_name((enum ts_category)i), out->category) == 0) {
            return true;
        }
    }
    if (out->category != NULL) {
        ts_args_refuse(args, "--category: there is no category %s", out->category);
    }
    return out->category == NULL;
}

static bool is_name(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("-_.:", name[i]) == NULL) {
            return false;
        }
    }
    return size > 0 && size <= TS_REPLAY_NAME_MAX;
}

static bool read_who(const struct ts_args *args, struct ts_replay_options *out)
{
    const char *who = ts_args_value(args, "operator");
    out->operator_name = who != NULL ? who : ts_servers_operator();
    out->reason = ts_args_value(args, "reason");
    out->name = ts_args_value(args, "generation");
    if (out->reason != NULL && strlen(out->reason) > TS_REPLAY_TEXT_MAX) {
        ts_args_refuse(args, "--reason has more than %d bytes", TS_REPLAY_TEXT_MAX);
        return false;
    }
    if (strlen(out->operator_name) > TS_REPLAY_TEXT_MAX) {
        ts_args_refuse(args, "--operator has more than %d bytes", TS_REPLAY_TEXT_MAX);
        return false;
    }
    if (out->name != NULL && !is_name(out->name)) {
        ts_args_refuse(args,
                       "--generation: \"%s\" should be 1 to %d of letters, digits, - _ . :",
                       out->name,
                       TS_REPLAY_NAME_MAX);
        return false;
    }
    out->reason = out->reason == NULL ? "" : out->reason;
    return true;
}

/* What a replay reads, and at which decks, is settled when it is made: an option that would be
 * passed over is refused, lest somebody believes that it was heeded. */
static bool refuse_settled_options(const struct ts_args *args)
{
    static const char *const settled[] = {"topic",
                                          "partitions",
                                          "from",
                                          "to",
                                          "account",
                                          "category",
                                          "prefix",
                                          "deck-version",
                                          "effective-at",
                                          "dry-run",
                                          "apply"};
    if (!ts_args_action_is(args, "resume") && !ts_args_action_is(args, "revert")) {
        return true;
    }
    for (size_t i = 0; i < sizeof settled / sizeof *settled; i++) {
        if (ts_args_value(args, settled[i]) != NULL) {
            ts_args_refuse(args,
                           "--%s does not go with %s, which is of a replay as it was made",
                           settled[i],
                           args->action->name);
            return false;
        }
    }
    return true;
}

/* Reading alone disturbs nobody for long; settling goes on for as long as it reads. */
static int64_t default_rate(bool settles)
{
    return settles ? RATE_DEFAULT : 0;
}

bool ts_replay_options_read(const struct ts_session *session, struct ts_replay_options *out)
{
    const struct ts_args *args = &session->args;
    int64_t timeout_s = TIMEOUT_DEFAULT_S;
    if (!refuse_settled_options(args)) {
        return false;
    }
    *out = (struct ts_replay_options){
        .topic = ts_args_value(args, "topic"),
        .from = {.type = TS_BOUND_BEGINNING},
        .to = {.type = TS_BOUND_END},
        .apply = ts_args_flag(args, "apply"),
        .allow_truncated = ts_args_flag(args, "allow-truncated"),
        .max_lag = LAG_DEFAULT,
        .max_rate = default_rate(ts_args_flag(args, "apply") || ts_args_action_is(args, "resume")),
        .top = TOP_DEFAULT,
        .top_given = ts_args_value(args, "top") != NULL,
        .report_path = ts_args_value(args, "report"),
        .listen = ts_args_value(args, "listen"),
    };
    if (out->topic == NULL) {
        out->topic = session->config.kafka.topics.cdrs;
    }
    if (strcmp(out->topic, session->config.kafka.topics.credits) == 0 ||
        strcmp(out->topic, session->config.kafka.topics.adjustments) == 0) {
        ts_args_refuse(args, "--topic: %s has no calls", out->topic);
        return false;
    }
    if (out->apply && ts_args_flag(args, "dry-run")) {
        ts_args_refuse(args, "--dry-run and --apply exclude each other");
        return false;
    }
    bool good = ts_args_format(args, &out->format) && read_bound(args, "from", &out->from) &&
                read_bound(args, "to", &out->to) && read_partitions(args, out) &&
                read_decks(args, out) && read_filters(args, out) && read_who(args, out) &&
                ts_args_number(args, "max-rate", 0, INT32_MAX, &out->max_rate) &&
                ts_args_number(args, "max-lag", 0, INT64_MAX, &out->max_lag) &&
                ts_args_number(args, "sample", 0, TS_REPLAY_SAMPLES_MAX, &out->samples) &&
                ts_args_number(args, "top", 0, TOP_MAX, &out->top) &&
                ts_args_number(args, "timeout", 1, 1000000, &timeout_s);
    out->timeout_ms = timeout_s * 1000;
    return good;
}

void ts_replay_options_finish(struct ts_replay_options *options)
{
    free(options->partitions);
    options->partitions = NULL;
}
