/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay_sample.h"

#include "app/replay_profiles.h"
#include "core/explain.h"
#include "core/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct ts_replay_sample *
next_sample(struct ts_replay *replay, struct ts_bytes account_id, int64_t start_ms)
{
    size_t wanted = (size_t)replay->options->samples;
    if (replay->sample_count == wanted) {
        return NULL;
    }
    if (replay->samples == NULL) {
        replay->samples = calloc(wanted, sizeof *replay->samples);
    }
    if (replay->samples == NULL) {
        return NULL; /* a report without samples is a report */
    }
    struct ts_replay_sample *sample = &replay->samples[replay->sample_count++];
    snprintf(sample->account, sizeof sample->account, "%.*s", TS_ARGS(account_id));
    ts_timestamp_format(start_ms, sample->start);
    return sample;
}

static void add_step(void *self, const char *text)
{
    struct ts_buffer *steps = self;
    ts_buffer_append_text(steps, steps->size > 0 ? "; " : "");
    ts_buffer_append_text(steps, text);
}

static void keep_steps(struct ts_replay_sample *sample, struct ts_buffer *steps)
{
    ts_buffer_append_char(steps, '\0');
    sample->steps = steps->failed ? NULL : strdup(ts_buffer_bytes(steps).data);
    ts_buffer_finish(steps);
}

void ts_replay_sample_call(struct ts_replay *replay,
                           const struct ts_cdr *cdr,
                           const struct ts_rating *rating,
                           int64_t settled_micros)
{
    struct ts_replay_sample *sample = next_sample(replay, cdr->account_id, cdr->start_ms);
    const struct ts_account_profile *profile = NULL;
    struct ts_error err;
    if (sample == NULL) {
        return;
    }
    snprintf(sample->id,
             sizeof sample->id,
             "%.*s/%.*s/%" PRId32,
             TS_ARGS(cdr->source),
             TS_ARGS(cdr->cdr_id),
             cdr->leg);
    snprintf(sample->category, sizeof sample->category, "%s", ts_category_name(rating->category));
    snprintf(sample->prefix, sizeof sample->prefix, "%.*s", TS_ARGS(rating->prefix));
    sample->settled_micros = settled_micros;
    sample->rated_micros = rating->charge_micros;
    if (ts_replay_profile(replay, cdr->account_id, &profile, &err) && profile != NULL) {
        struct ts_rating again;
        struct ts_buffer steps;
        ts_buffer_init(&steps, TS_REPLAY_SAMPLE_STEPS_MAX);
        const struct ts_explain explain = {.step = add_step, .self = &steps};
        ts_catalog_explain(
            ts_rates_snapshot_catalog(replay->rates), profile, cdr, &explain, &again, NULL);
        keep_steps(sample, &steps);
    }
}

void ts_replay_sample_month(struct ts_replay *replay,
                            const struct ts_replay_work_call *call,
                            const struct ts_replay_change *change)
{
    struct ts_replay_sample *sample = next_sample(replay, call->account_id, call->start_ms);
    if (sample == NULL) {
        return;
    }
    snprintf(sample->id,
             sizeof sample->id,
             "partition %" PRId32 ", offset %" PRId64,
             call->partition,
             call->offset);
    snprintf(sample->category,
             sizeof sample->category,
             "%s",
             ts_category_name((enum ts_category)call->category));
    snprintf(sample->prefix, sizeof sample->prefix, "%.*s", TS_ARGS(call->prefix));
    sample->settled_micros = call->settled_micros;
    sample->rated_micros = change->charge_micros;
    struct ts_buffer steps;
    char price[TS_MONEY_TEXT_MAX];
    ts_money_format_micros(call->price_micros, price);
    ts_buffer_init(&steps, TS_REPLAY_SAMPLE_STEPS_MAX);
    ts_buffer_format(&steps,
                     "deck version %" PRId64 ": %" PRId64 " %ss cost %s",
                     call->deck_version,
                     call->billed,
                     ts_unit_name((enum ts_unit)call->unit),
                     price);
    for (size_t i = 0; i < change->unit_count; i++) {
        ts_buffer_format(&steps,
                         "; %+" PRId64 " included units of %.*s",
                         change->units[i].units,
                         TS_ARGS(change->units[i].allowance));
    }
    keep_steps(sample, &steps);
}

void ts_replay_samples_finish(struct ts_replay *replay)
{
    for (size_t i = 0; i < replay->sample_count; i++) {
        free(replay->samples[i].steps);
    }
    free(replay->samples);
    replay->samples = NULL;
    replay->sample_count = 0;
}
