/* SPDX-License-Identifier: Apache-2.0 */
/* Two pages are under way: while PostgreSQL looks one up, the next is read, decoded and rated. */
#include "app/progress.h"
#include "app/replay.h"
#include "app/replay_sample.h"
#include "app/system_clock.h"
#include "core/validate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PAGE = 4096, /* calls */
    PAGE_BYTES_MAX = 16 << 20,
    ARENA_BLOCK = 1 << 20,
    ARENA_MAX = 256 << 20,
};

struct call {
    struct ts_cdr cdr; /* views into the page's arena */
    struct ts_rating rating;
    enum ts_reason reason; /* why it has no price; NONE: it has */
    bool fits;             /* some allowance */
    bool judged;           /* before it was looked up */
    int32_t partition;
    int64_t offset;
    uint64_t identity_hash;
};

struct page {
    struct call calls[PAGE];
    struct ts_replay_asked asked[PAGE];
    uint32_t call_of[PAGE]; /* of each asked */
    size_t count;
    size_t asked_count;
    size_t bytes;
    int64_t *next; /* by range: behind its last record */
    struct ts_arena arena;
    struct ts_replay_lookup *lookup;
    bool under_way;
};

struct ts_replay_compare {
    struct ts_replay *replay;
    struct ts_codec port;
    struct ts_kafka_range_reader *reader;
    struct page *pages[2];
    size_t filling;
    size_t *range_of; /* by partition */
    struct ts_replay_work *work;
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
static void take_call(struct ts_replay_compare *compare, struct page *page, struct call *call)
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
    struct page *page = compare->pages[compare->filling];
    struct call *call = &page->calls[page->count];
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
    return (page->count < PAGE && page->bytes < PAGE_BYTES_MAX) || flush(compare, err);
}

/* ---- rating */

/* Asks once for all accounts of the page that were not met lately. */
static bool load_profiles(struct ts_replay *replay, struct page *page, struct ts_error *err)
{
    struct ts_bytes *ids = ts_arena_take(&page->arena, (page->count + 1) * sizeof *ids);
    uint32_t *calls = ts_arena_take(&page->arena, (page->count + 1) * sizeof *calls);
    bool *absent = ts_arena_take(&page->arena, (page->count + 1) * sizeof *absent);
    size_t count = 0;
    if (ids == NULL || calls == NULL || absent == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < page->count; i++) {
        const struct call *call = &page->calls[i];
        if (call->reason == TS_REASON_NONE &&
            !ts_replay_knows_profile(replay, call->cdr.account_id)) {
            ids[count] = call->cdr.account_id;
            calls[count++] = (uint32_t)i;
        }
    }
    if (count > 0 && !ts_replay_load_profiles(replay, ids, count, absent, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (absent[i]) {
            page->calls[calls[i]].reason = TS_REASON_UNKNOWN_ACCOUNT;
        }
    }
    return true;
}

static void rate(struct ts_replay *replay, struct call *call, const struct ts_account_profile *of)
{
    const struct ts_allowance *fitting[TS_ALLOWANCES_MAX];
    if (of->status == TS_ACCOUNT_CLOSED && call->cdr.start_ms >= of->closed_ms) {
        call->reason = TS_REASON_ACCOUNT_CLOSED;
    }
    ts_catalog_rate(ts_rates_snapshot_catalog(replay->rates), of, &call->cdr, &call->rating, NULL);
    if (call->reason == TS_REASON_NONE) {
        call->reason = call->rating.reason;
    }
    call->fits =
        call->reason == TS_REASON_NONE && of->allowances != NULL &&
        ts_allowances_fitting(of->allowances, &call->rating, call->cdr.license, fitting) > 0;
}

/* By the rating of now; what has none has no category or prefix that a filter could want. */
static bool passes(const struct ts_replay_options *options, const struct call *call, bool rated)
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

static bool rate_call(struct ts_replay *replay, struct call *call, struct ts_error *err)
{
    struct ts_account_profile profile;
    bool found = false;
    call->fits = false;
    if (call->reason == TS_REASON_NONE) {
        if (!ts_replay_profile(replay, call->cdr.account_id, &profile, &found, err)) {
            return false;
        }
        if (found) {
            rate(replay, call, &profile);
        } else {
            call->reason = TS_REASON_UNKNOWN_ACCOUNT;
        }
    }
    if (!passes(replay->options, call, found)) {
        skip(replay, TS_REPLAY_SKIP_FILTERED);
        call->judged = true;
    }
    return true;
}

static bool rate_page(struct ts_replay *replay, struct page *page, struct ts_error *err)
{
    page->asked_count = 0;
    if (!load_profiles(replay, page, err)) {
        return false;
    }
    for (size_t i = 0; i < page->count; i++) {
        struct call *call = &page->calls[i];
        if (!rate_call(replay, call, err)) {
            return false;
        }
        if (call->judged) {
            continue;
        }
        bool whole = call->fits || call->reason != TS_REASON_NONE;
        call->identity_hash = ts_cdr_identity_hash(&call->cdr, 0);
        page->call_of[page->asked_count] = (uint32_t)i;
        page->asked[page->asked_count++] = (struct ts_replay_asked){
            .start_ms = call->cdr.start_ms,
            .identity_hash = call->identity_hash,
            .fingerprint = ts_cdr_fingerprint(&call->cdr),
            .partition = call->partition,
            .offset = call->offset,
            .charge_micros = whole ? TS_REPLAY_WHOLE : call->rating.charge_micros,
        };
    }
    return true;
}

/* ---- judging */

bool ts_replay_tell_difference(struct ts_replay *replay,
                               struct ts_bytes account_id,
                               const struct ts_adjustment *adjustment,
                               struct ts_error *err)
{
    return replay->sink.difference == NULL ||
           replay->sink.difference(replay->sink.self, account_id, adjustment, err);
}

static bool report(struct ts_replay *replay,
                   const struct call *call,
                   int64_t settled_micros,
                   bool changed,
                   struct ts_error *err)
{
    const struct ts_replay_compared compared = {
        .account_id = call->cdr.account_id,
        .category = ts_bytes_of(ts_category_name(call->rating.category)),
        .prefix = call->rating.prefix,
        .settled_micros = settled_micros,
        .rated_micros = call->rating.charge_micros,
        .changed = changed,
    };
    return ts_replay_report_call(&replay->report, &compared, err);
}

static bool judge_changed(struct ts_replay *replay,
                          const struct call *call,
                          const struct ts_replay_asked *asked,
                          struct ts_error *err)
{
    const struct ts_rating *rating = &call->rating;
    const struct ts_adjustment adjustment = {
        .identity_hash = call->identity_hash,
        .start_ms = call->cdr.start_ms,
        .follows = asked->follows,
        .amount_micros = asked->settled_micros - rating->charge_micros,
        .charge_micros = rating->charge_micros,
        .deck_version = rating->deck_version,
        .category = ts_bytes_of(ts_category_name(rating->category)),
        .prefix = rating->prefix,
    };
    ts_replay_sample_call(replay, &call->cdr, rating, asked->settled_micros);
    return report(replay, call, asked->settled_micros, true, err) &&
           ts_replay_tell_difference(replay, call->cdr.account_id, &adjustment, err);
}

static bool set_aside(struct ts_replay_compare *compare,
                      const struct call *call,
                      const struct ts_replay_asked *asked,
                      struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    struct ts_account_profile profile;
    bool found = false;
    if (!ts_replay_profile(replay, call->cdr.account_id, &profile, &found, err)) {
        return false;
    }
    const struct ts_zone *zone = ts_zone_cache_get(replay->zones, profile.timezone, err);
    if (zone == NULL) {
        return ts_error_prefix(err, "account %s", profile.account_id);
    }
    if (compare->work == NULL) {
        compare->work = ts_replay_work_open(replay->session->config.postgres.url, err);
        if (compare->work == NULL) {
            return false;
        }
    }
    replay->set_aside = true;
    const struct ts_replay_work_call work = {
        .account_no = asked->account_no,
        .month = ts_allowance_month(zone, call->cdr.start_ms),
        .movement = asked->movement,
        .rated = true,
        .start_ms = call->cdr.start_ms,
        .identity_hash = call->identity_hash,
        .partition = call->partition,
        .offset = call->offset,
        .follows = asked->follows,
        .settled_micros = asked->settled_micros,
        .settled_billed = asked->billed,
        .units = asked->units,
        .unit_count = asked->unit_count,
        .price_micros = call->rating.charge_micros,
        .billed = call->rating.billed,
        .deck_version = call->rating.deck_version,
        .category = (int32_t)call->rating.category,
        .license = (int32_t)call->cdr.license,
        .unit = (int32_t)call->rating.unit,
        .local = call->rating.local,
        .prefix = call->rating.prefix,
    };
    return ts_replay_work_add(compare->work, &work, err);
}

static bool judge_settled(struct ts_replay_compare *compare,
                          const struct call *call,
                          const struct ts_replay_asked *asked,
                          struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    int64_t settled = asked->settled_micros;
    if (call->reason != TS_REASON_NONE) {
        const char *reason = ts_reason_name(call->reason);
        return ts_replay_tallies_add(
            &replay->report.refused, ts_bytes_of(reason), settled, settled, err);
    }
    if (call->fits || asked->unit_count > 0) {
        return set_aside(compare, call, asked, err);
    }
    return settled != call->rating.charge_micros ? judge_changed(replay, call, asked, err)
                                                 : report(replay, call, settled, false, err);
}

static bool judge(struct ts_replay_compare *compare,
                  struct page *page,
                  size_t i,
                  struct ts_replay_letter *letters,
                  size_t *letter_count,
                  struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    const struct ts_replay_asked *asked = &page->asked[i];
    const struct call *call = &page->calls[page->call_of[i]];
    switch (asked->standing) {
    case TS_REPLAY_EQUAL:
        return report(replay, call, call->rating.charge_micros, false, err);
    case TS_REPLAY_SETTLED:
        return judge_settled(compare, call, asked, err);
    case TS_REPLAY_ABSENT:
        letters[(*letter_count)++] =
            (struct ts_replay_letter){.partition = asked->partition, .offset = asked->offset};
        page->call_of[*letter_count - 1] = page->call_of[i]; /* those before are judged */
        return true;
    case TS_REPLAY_ELSEWHERE:
        skip(replay, TS_REPLAY_SKIP_DUPLICATE);
        return true;
    case TS_REPLAY_CONFLICT:
        skip(replay, TS_REPLAY_SKIP_CONFLICT);
        return true;
    case TS_REPLAY_RETIRED:
        skip(replay,
             call->reason == TS_REASON_NONE ? TS_REPLAY_SKIP_RETIRED
                                            : TS_REPLAY_SKIP_STILL_REFUSED);
        return true;
    }
    return true;
}

/* Whether the processors would charge it, if it were put back on the topic. */
static bool
is_charged_live(struct ts_replay *replay, const struct call *call, bool *out, struct ts_error *err)
{
    struct ts_account_profile profile;
    struct ts_rating rating;
    bool found = false;
    *out = replay->live == NULL;
    if (*out) {
        return true;
    }
    if (!ts_replay_profile(replay, call->cdr.account_id, &profile, &found, err)) {
        return false;
    }
    if (found) {
        ts_catalog_rate(
            ts_rates_snapshot_catalog(replay->live), &profile, &call->cdr, &rating, NULL);
        *out = rating.reason == TS_REASON_NONE;
    }
    return true;
}

static bool judge_letter(struct ts_replay *replay,
                         const struct call *call,
                         const struct ts_replay_letter *letter,
                         struct ts_error *err)
{
    if (letter->id == 0) {
        skip(replay, TS_REPLAY_SKIP_MISSING);
    } else if (!letter->open) {
        skip(replay, TS_REPLAY_SKIP_REQUEUED);
    } else if (call->reason != TS_REASON_NONE) {
        skip(replay, TS_REPLAY_SKIP_STILL_REFUSED);
    } else {
        const struct ts_bytes reason = ts_bytes_of(letter->reason);
        int64_t price = call->rating.charge_micros;
        bool charged = false;
        return ts_replay_tallies_add(&replay->report.first, reason, 0, price, err) &&
               is_charged_live(replay, call, &charged, err) &&
               (!charged || replay->sink.letter == NULL ||
                replay->sink.letter(replay->sink.self, letter->id, err));
    }
    return true;
}

static void advance(struct ts_replay_compare *compare, const struct page *page)
{
    struct ts_replay *replay = compare->replay;
    for (size_t i = 0; i < replay->range_count; i++) {
        if (page->next[i] > replay->ranges[i].next) {
            replay->ranges[i].next = page->next[i];
        }
    }
}

/* The end of a page: reads what PostgreSQL has of it, and makes it empty. */
static bool finish_page(struct ts_replay_compare *compare, struct page *page, struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    if (!page->under_way) {
        return true;
    }
    page->under_way = false;
    struct ts_replay_letter *letters =
        ts_arena_take(&page->arena, (page->asked_count + 1) * sizeof *letters);
    size_t count = 0;
    bool good = letters != NULL || ts_error_no_memory(err);
    good = good && ts_replay_lookup_finish(page->lookup, err);
    for (size_t i = 0; good && i < page->asked_count; i++) {
        good = judge(compare, page, i, letters, &count, err);
    }
    good = good && (count == 0 || ts_replay_lookup_letters(page->lookup, letters, count, err));
    for (size_t i = 0; good && i < count; i++) {
        good = judge_letter(replay, &page->calls[page->call_of[i]], &letters[i], err);
    }
    advance(compare, page);
    page->count = 0;
    page->bytes = 0;
    ts_arena_reset(&page->arena);
    return good && (replay->sink.page == NULL || replay->sink.page(replay->sink.self, err));
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
    struct page *page = compare->pages[compare->filling];
    if (!rate_page(compare->replay, page, err) ||
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

static struct page *make_page(const struct ts_replay *replay, struct ts_error *err)
{
    struct page *page = calloc(1, sizeof *page);
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

static void destroy_page(struct page *page)
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
    compare->range_of = calloc((size_t)partitions + 1, sizeof *compare->range_of);
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

static bool finish_ranges(struct ts_replay_compare *compare, struct ts_error *err)
{
    struct ts_replay *replay = compare->replay;
    if (compare->work != NULL && !ts_replay_months(replay, compare->work, err)) {
        return false;
    }
    for (size_t i = 0; i < replay->range_count; i++) {
        replay->ranges[i].next = replay->ranges[i].to;
    }
    replay->set_aside = false;
    return replay->sink.page == NULL || replay->sink.page(replay->sink.self, err);
}

bool ts_replay_compare(struct ts_replay *replay, struct ts_error *err)
{
    struct ts_replay_compare compare = {
        .replay = replay,
        .port = ts_avro_codec_port(replay->codec.codec),
        .now_ms = ts_system_now_ms(),
        .started_us = ts_system_clock.ops->mono_us(NULL),
    };
    bool good = open_all(&compare, err) && start_reading(&compare, err) &&
                read_all(&compare, err) && finish_ranges(&compare, err);
    ts_progress_finish(&compare.progress);
    replay->compared_ms = (ts_system_clock.ops->mono_us(NULL) - compare.started_us) / 1000;
    ts_kafka_range_reader_close(compare.reader);
    ts_replay_work_close(compare.work);
    destroy_page(compare.pages[0]);
    destroy_page(compare.pages[1]);
    free(compare.range_of);
    return good;
}
