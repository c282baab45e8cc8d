/* SPDX-License-Identifier: Apache-2.0 */
/* Two pages are under way: while PostgreSQL looks one up, the next is read, decoded and rated. */
#include "app/progress.h"
#include "app/replay_page.h"
#include "app/replay_profiles.h"
#include "app/replay_sample.h"
#include "app/system_clock.h"
#include "core/validate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAGE_BYTES_MAX = 16 << 20,
    ARENA_BLOCK = 1 << 20,
    ARENA_MAX = 256 << 20,
};

struct ts_replay_compare {
    struct ts_replay *replay;
    struct ts_codec port;
    struct ts_kafka_range_reader *reader;
    struct ts_replay_page *pages[2];
    size_t filling;
    size_t *range_of;            /* by partition */
    struct ts_replay_bulk *bulk; /* NULL: every call is looked up */
    struct ts_progress progress;
    int64_t now_ms;
    int64_t started_us;
    int64_t read;
};

/* ---- reading */

static int64_t tolerance_of(const struct ts_config *config, struct ts_bytes source)
{
    const struct ts_config_map *map = &config->validate.source_duration_tolerance_ms;
    for (size_t i = 0; i < map->count; i++) {
        if (ts_bytes_equal_text(source, map->pairs[i].name)) {
            return map->pairs[i].number;
        }
    }
    return config->validate.duration_tolerance_ms;
}

static void skip(struct ts_replay *replay, enum ts_replay_skip skipped)
{
    replay->report.skipped[skipped]++;
}

/* Takes a record that could be decoded into the page. */
static void take_call(struct ts_replay_compare *compare,
                      struct ts_replay_page *page,
                      struct ts_replay_call *call)
{
    const struct ts_replay_options *options = compare->replay->options;
    if (options->account != NULL && !ts_bytes_equal_text(call->cdr.account_id, options->account)) {
        skip(compare->replay, TS_REPLAY_SKIP_FILTERED);
        return;
    }
    const struct ts_validate_limits limits = {
        .now_ms = compare->now_ms,
        .duration_tolerance_ms = tolerance_of(&compare->replay->session->config, call->cdr.source),
    };
    call->reason = ts_cdr_validate(&call->cdr, &limits, NULL, 0);
    call->judged = false;
    page->count++;
}

static bool flush(struct ts_replay_compare *compare, struct ts_error *err);

static bool
take_record(void *self, const struct ts_kafka_range_record *record, struct ts_error *err)
{
    struct ts_replay_compare *compare = self;
    struct ts_replay_page *page = compare->pages[compare->filling];
    struct ts_replay_call *call = &page->calls[page->count];
    struct ts_bytes value = ts_arena_copy(&page->arena, record->value);
    if (value.size == SIZE_MAX) {
        return ts_error_no_memory(err);
    }
    compare->read++;
    compare->replay->report.read++;
    page->next[compare->range_of[record->partition]] = record->offset + 1;
    page->bytes += value.size;
    call->partition = record->partition;
    call->offset = record->offset;
    struct ts_error why;
    if (compare->port.ops->decode_cdr(compare->port.self, value, &call->cdr, &why)) {
        take_call(compare, page, call);
    } else if (why.class == TS_ERROR_REJECT) {
        skip(compare->replay, TS_REPLAY_SKIP_STILL_REFUSED);
    } else {
        *err = why;
        return false;
    }
    return (page->count < TS_REPLAY_PAGE && page->bytes < PAGE_BYTES_MAX) || flush(compare, err);
}

/* ---- rating */

/* Asks once for all accounts of the page that were not met lately. */
static bool
load_profiles(struct ts_replay *replay, struct ts_replay_page *page, struct ts_error *err)
{
    struct ts_bytes *ids = ts_arena_take(&page->arena, (page->count + 1) * sizeof *ids);
    uint32_t *calls = ts_arena_take(&page->arena, (page->count + 1) * sizeof *calls);
    bool *absent = ts_arena_take(&page->arena, (page->count + 1) * sizeof *absent);
    size_t count = 0;
    if (ids == NULL || calls == NULL || absent == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < page->count; i++) {
        struct ts_replay_call *call = &page->calls[i];
        call->profile = NULL;
        if (call->reason == TS_REASON_NONE) {
            call->profile = ts_replay_known_profile(replay, call->cdr.account_id);
        }
        if (call->reason == TS_REASON_NONE && call->profile == NULL) {
            ids[count] = call->cdr.account_id;
            calls[count++] = (uint32_t)i;
        }
    }
    if (count == 0) {
        return true;
    }
    if (!ts_replay_load_profiles(replay, ids, count, absent, err)) {
        return false;
    }
    for (size_t i = 0; i < page->count; i++) {
        page->calls[i].profile = NULL; /* those known before may have been moved */
    }
    for (size_t i = 0; i < count; i++) {
        if (absent[i]) {
            page->calls[calls[i]].reason = TS_REASON_UNKNOWN_ACCOUNT;
        }
    }
    return true;
}

static void
rate(struct ts_replay *replay, struct ts_replay_call *call, const struct ts_account_profile *of)
{
    const struct ts_allowance *fitting[TS_ALLOWANCES_MAX];
    if (of->status == TS_ACCOUNT_CLOSED && call->cdr.start_ms >= of->closed_ms) {
        call->reason = TS_REASON_ACCOUNT_CLOSED;
    }
    ts_catalog_rate(ts_rates_snapshot_catalog(replay->rates), of, &call->cdr, &call->rating, NULL);
    if (call->reason == TS_REASON_NONE) {
        call->reason = call->rating.reason;
    }
    call->account_no = of->account_no;
    call->plan_no = of->rate_plan;
    call->fits =
        call->reason == TS_REASON_NONE && of->allowances != NULL &&
        ts_allowances_fitting(of->allowances, &call->rating, call->cdr.license, fitting) > 0;
}

/* By the rating of now; what has none has no category or prefix that a filter could want. */
static bool
passes(const struct ts_replay_options *options, const struct ts_replay_call *call, bool rated)
{
    if (options->category != NULL &&
        (!rated || strcmp(ts_category_name(call->rating.category), options->category) != 0)) {
        return false;
    }
    if (options->prefix == NULL) {
        return true;
    }
    size_t size = strlen(options->prefix);
    return rated && call->rating.prefix.size >= size &&
           memcmp(call->rating.prefix.data, options->prefix, size) == 0;
}

static bool rate_call(struct ts_replay *replay, struct ts_replay_call *call, struct ts_error *err)
{
    const struct ts_account_profile *profile = call->profile;
    call->fits = false;
    if (call->reason == TS_REASON_NONE) {
        if (profile == NULL && !ts_replay_profile(replay, call->cdr.account_id, &profile, err)) {
            return false;
        }
        if (profile != NULL) {
            rate(replay, call, profile);
        } else {
            call->reason = TS_REASON_UNKNOWN_ACCOUNT;
        }
    }
    if (!passes(replay->options, call, profile != NULL)) {
        skip(replay, TS_REPLAY_SKIP_FILTERED);
        call->judged = true;
    }
    return true;
}

/* Whether what is known of it is enough; else it is looked up. A difference that is to be settled
 * must know the row that it follows. A call that may draw on allowances is judged in its turn: what
 * it draws depends on those before it. */
static bool is_known(const struct ts_replay *replay,
                     const struct ts_replay_call *call,
                     const struct ts_replay_bulk_row *row)
{
    if (row == NULL || call->reason != TS_REASON_NONE) {
        return false;
    }
    if (call->fits) {
        return !replay->thorough;
    }
    bool equal = row->charge_micros == call->rating.charge_micros;
    return row->covered == 0 && (equal || replay->sink.difference == NULL);
}

static bool ask_for(struct ts_replay_compare *compare,
                    struct ts_replay_page *page,
                    size_t i,
                    struct ts_error *err)
{
    struct ts_replay_call *call = &page->calls[i];
    const struct ts_replay_bulk_row *row = NULL;
    bool whole = call->fits || call->reason != TS_REASON_NONE;
    size_t range = compare->range_of[call->partition];
    if (compare->bulk != NULL &&
        !ts_replay_bulk_find(compare->bulk, range, call->offset, call->cdr.start_ms, &row, err)) {
        return false;
    }
    bool known = is_known(compare->replay, call, row);
    call->identity_hash = known && !call->fits ? 0 : ts_cdr_identity_hash(&call->cdr, 0);
    page->call_of[page->asked_count] = (uint32_t)i;
    page->rows[page->asked_count] = known ? row : NULL;
    bool equal = !known || row->charge_micros == call->rating.charge_micros;
    page->asked[page->asked_count++] = (struct ts_replay_asked){
        .start_ms = call->cdr.start_ms,
        .identity_hash = call->identity_hash,
        .fingerprint = known ? 0 : ts_cdr_fingerprint(&call->cdr),
        .partition = call->partition,
        .offset = call->offset,
        .charge_micros = whole ? TS_REPLAY_WHOLE : call->rating.charge_micros,
        .known = known,
        .standing = equal ? TS_REPLAY_EQUAL : TS_REPLAY_SETTLED,
        .settled_micros = known ? row->charge_micros : 0,
    };
    return true;
}

static bool
rate_page(struct ts_replay_compare *compare, struct ts_replay_page *page, struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    page->asked_count = 0;
    if (!load_profiles(replay, page, err)) {
        return false;
    }
    for (size_t i = 0; i < page->count; i++) {
        if (!rate_call(replay, &page->calls[i], err) ||
            (!page->calls[i].judged && !ask_for(compare, page, i, err))) {
            return false;
        }
    }
    return true;
}

/* ---- pages */

static void advance(struct ts_replay_compare *compare, const struct ts_replay_page *page)
{
    struct ts_replay *replay = compare->replay;
    for (size_t i = 0; i < replay->range_count; i++) {
        if (page->next[i] > replay->ranges[i].next) {
            replay->ranges[i].next = page->next[i];
        }
    }
}

static void tell_stats(struct ts_replay *replay)
{
    const struct ts_replay_tally *total = &replay->report.total;
    struct ts_replay_stats *stats = &replay->stats;
    ts_replay_stat_set(&stats->read, replay->report.read);
    ts_replay_stat_set(&stats->compared, total->calls);
    ts_replay_stat_set(&stats->up, total->up);
    ts_replay_stat_set(&stats->down, total->down);
    ts_replay_stat_set(&stats->difference_micros, ts_replay_tally_difference(total));
}

/* The end of a page: reads what PostgreSQL has of it, and makes it empty. */
static bool
finish_page(struct ts_replay_compare *compare, struct ts_replay_page *page, struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    if (!page->under_way) {
        return true;
    }
    page->under_way = false;
    if (!ts_replay_lookup_finish(page->lookup, err) || !ts_replay_judge(replay, page, err)) {
        return false;
    }
    advance(compare, page);
    tell_stats(replay);
    page->count = 0;
    page->bytes = 0;
    ts_arena_reset(&page->arena);
    return replay->sink.page == NULL || replay->sink.page(replay->sink.self, err);
}

static void keep_rate(const struct ts_replay_compare *compare)
{
    int64_t rate = compare->replay->options->max_rate;
    if (rate > 0) {
        int64_t due_us = compare->started_us + compare->read * 1000000 / rate;
        int64_t left_us = due_us - ts_system_clock.ops->mono_us(NULL);
        const struct timespec pause = {left_us / 1000000, left_us % 1000000 * 1000};
        if (left_us > 0) {
            nanosleep(&pause, NULL);
        }
    }
}

/* The page that was filled is looked up, and the other one, that was, is judged and filled. */
static bool flush(struct ts_replay_compare *compare, struct ts_error *err)
{
    struct ts_replay_page *page = compare->pages[compare->filling];
    if (!rate_page(compare, page, err) ||
        !ts_replay_lookup_start(page->lookup, page->asked, page->asked_count, err)) {
        return false;
    }
    page->under_way = true;
    compare->filling = 1 - compare->filling;
    keep_rate(compare);
    ts_progress_tell(&compare->progress, compare->read, compare->read);
    return finish_page(compare, compare->pages[compare->filling], err);
}

/* ---- life */

static struct ts_replay_page *make_page(const struct ts_replay *replay, struct ts_error *err)
{
    struct ts_replay_page *page = calloc(1, sizeof *page);
    if (page == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    ts_arena_init(&page->arena, ARENA_BLOCK, ARENA_MAX);
    page->next = calloc(replay->range_count + 1, sizeof *page->next);
    page->lookup = page->next == NULL ? NULL
                                      : ts_replay_lookup_open(replay->session->config.postgres.url,
                                                              replay->options->topic,
                                                              err);
    return page;
}

static void destroy_page(struct ts_replay_page *page)
{
    if (page != NULL) {
        ts_replay_lookup_close(page->lookup);
        ts_arena_finish(&page->arena);
        free(page->next);
        free(page);
    }
}

static bool open_all(struct ts_replay_compare *compare, struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    int64_t total = 0;
    int32_t partitions = 0;
    for (size_t i = 0; i < 2; i++) {
        compare->pages[i] = make_page(replay, err);
        if (compare->pages[i] == NULL || compare->pages[i]->lookup == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < replay->range_count; i++) {
        total += replay->ranges[i].to - replay->ranges[i].next;
        partitions =
            replay->ranges[i].partition > partitions ? replay->ranges[i].partition : partitions;
    }
    ts_replay_stat_set(&replay->stats.total, total);
    /* One that keeps a rate has time to look calls up, and a server that it must not disturb by
     * reading tables whole. */
    bool hurries = replay->options->max_rate == 0;
    if (hurries && !ts_replay_preload_profiles(replay, total, err)) {
        return false;
    }
    compare->range_of = calloc((size_t)partitions + 1, sizeof *compare->range_of);
    compare->bulk = hurries ? ts_replay_bulk_open(replay->session->config.postgres.url,
                                                  replay->options->topic,
                                                  replay->ranges,
                                                  replay->range_count,
                                                  err)
                            : NULL;
    if (hurries && compare->bulk == NULL) {
        return false;
    }
    const struct ts_kafka_range_reader_options reading = {
        .connection = &replay->kafka.connection,
        .consumer = &replay->kafka.consumer,
        .topic = replay->options->topic,
        .timeout_ms = TS_SERVERS_TIMEOUT_MS,
    };
    compare->reader = compare->range_of == NULL ? NULL : ts_kafka_range_reader_open(&reading, err);
    ts_progress_init(&compare->progress, "CDRs", total, replay->quiet);
    return compare->reader != NULL;
}

static bool start_reading(struct ts_replay_compare *compare, struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    struct ts_kafka_range *ranges = calloc(replay->range_count + 1, sizeof *ranges);
    if (ranges == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < replay->range_count; i++) {
        const struct ts_replay_range *range = &replay->ranges[i];
        compare->range_of[range->partition] = i;
        ranges[i] = (struct ts_kafka_range){range->partition, range->next, range->to};
    }
    bool good = ts_kafka_range_reader_start(compare->reader, ranges, replay->range_count, err);
    free(ranges);
    return good;
}

static bool read_all(struct ts_replay_compare *compare, struct ts_error *err)
{
    const struct ts_kafka_range_visitor visitor = {.record = take_record, .self = compare};
    bool done = false;
    while (!done) {
        if (!ts_kafka_range_reader_read(compare->reader, &visitor, &done, err)) {
            return false;
        }
    }
    return flush(compare, err) && finish_page(compare, compare->pages[1 - compare->filling], err);
}

static bool finish_ranges(struct ts_replay *replay, struct ts_error *err)
{
    if (replay->work != NULL && !ts_replay_months(replay, replay->work, err)) {
        return false;
    }
    for (size_t i = 0; i < replay->range_count; i++) {
        replay->ranges[i].next = replay->ranges[i].to;
    }
    replay->set_aside = false;
    tell_stats(replay);
    return replay->sink.page == NULL || replay->sink.page(replay->sink.self, err);
}

static bool compare_all(struct ts_replay *replay, struct ts_error *err)
{
    struct ts_replay_compare compare = {
        .replay = replay,
        .port = ts_avro_codec_port(replay->codec.codec),
        .now_ms = ts_system_now_ms(),
        .started_us = ts_system_clock.ops->mono_us(NULL),
    };
    bool good = open_all(&compare, err) && start_reading(&compare, err) && read_all(&compare, err);
    ts_progress_finish(&compare.progress);
    ts_kafka_range_reader_close(compare.reader);
    ts_replay_bulk_close(compare.bulk);
    destroy_page(compare.pages[0]);
    destroy_page(compare.pages[1]);
    free(compare.range_of);
    return good;
}

static void start_again(struct ts_replay *replay)
{
    ts_replay_work_close(replay->work);
    replay->work = NULL;
    ts_replay_samples_finish(replay);
    ts_replay_report_finish(&replay->report);
    ts_replay_report_init(&replay->report);
    for (size_t i = 0; i < replay->range_count; i++) {
        replay->ranges[i].next = replay->ranges[i].from;
    }
}

bool ts_replay_compare(struct ts_replay *replay, struct ts_error *err)
{
    int64_t started_us = ts_system_clock.ops->mono_us(NULL);
    replay->thorough = replay->sink.difference != NULL;
    ts_replay_order_init(&replay->order);
    bool good = compare_all(replay, err);
    if (good && replay->order.mixed) {
        replay->thorough = true;
        start_again(replay);
        good = compare_all(replay, err);
    }
    good = good && finish_ranges(replay, err);
    replay->compared_ms = (ts_system_clock.ops->mono_us(NULL) - started_us) / 1000;
    ts_replay_order_finish(&replay->order);
    ts_replay_work_close(replay->work);
    replay->work = NULL;
    return good;
}
