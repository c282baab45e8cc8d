/* SPDX-License-Identifier: Apache-2.0 */
/* The report is one list in every format: what a row is of, is its section. */
#include "app/json_text.h"
#include "app/replay.h"
#include "core/money.h"
#include "core/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct ts_column columns[] = {
    {"section", TS_COLUMN_TEXT},
    {"item", TS_COLUMN_TEXT},
    {"calls", TS_COLUMN_NUMBER},
    {"up", TS_COLUMN_NUMBER},
    {"down", TS_COLUMN_NUMBER},
    {"settled", TS_COLUMN_AMOUNT},
    {"rated", TS_COLUMN_AMOUNT},
    {"difference", TS_COLUMN_AMOUNT},
    {"detail", TS_COLUMN_TEXT},
};

enum { DECIMALS = 6, RANGE_TEXT_MAX = 96 };

static void tally_row(struct ts_table *table,
                      const char *section,
                      struct ts_bytes item,
                      const struct ts_replay_tally *tally,
                      const char *detail)
{
    ts_table_text(table, ts_bytes_of(section));
    ts_table_text(table, item);
    ts_table_number(table, tally->calls);
    ts_table_number(table, tally->up);
    ts_table_number(table, tally->down);
    ts_table_amount(table, tally->settled_micros, DECIMALS);
    ts_table_amount(table, tally->rated_micros, DECIMALS);
    ts_table_amount(table, ts_replay_tally_difference(tally), DECIMALS);
    ts_table_text(table, ts_bytes_of(detail));
}

static void count_row(struct ts_table *table,
                      const char *section,
                      const char *item,
                      int64_t calls,
                      const char *detail)
{
    ts_table_text(table, ts_bytes_of(section));
    ts_table_text(table, ts_bytes_of(item));
    ts_table_number(table, calls);
    for (int i = 0; i < 5; i++) {
        ts_table_absent(table);
    }
    ts_table_text(table, ts_bytes_of(detail));
}

/* The order of ts_replay_tallies_top(). */
static int compare_tallies(const struct ts_replay_tally *a, const struct ts_replay_tally *b)
{
    int64_t left = ts_replay_tally_difference(a);
    int64_t right = ts_replay_tally_difference(b);
    left = left > 0 ? -left : left; /* the other way round there is no room for the lowest */
    right = right > 0 ? -right : right;
    return left != right ? (left > right) - (left < right) : ts_bytes_compare(a->key, b->key);
}

static int compare_items(const void *a, const void *b)
{
    return compare_tallies(*(const struct ts_replay_tally *const *)a,
                           *(const struct ts_replay_tally *const *)b);
}

/* Picking some takes time for each of them that is kept, so all, which may be hundreds of
 * thousands, are sorted. */
static size_t
pick(const struct ts_replay_tallies *tallies, const struct ts_replay_tally **out, size_t max)
{
    size_t count = 0;
    if (max < tallies->count) {
        return ts_replay_tallies_top(tallies, out, max);
    }
    for (size_t i = 0; i < tallies->capacity; i++) {
        if (tallies->slots[i] != NULL) {
            out[count++] = tallies->slots[i];
        }
    }
    if (count > 1) {
        qsort((void *)out, count, sizeof *out, compare_items);
    }
    return count;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        return a > 0 ? INT64_MAX : INT64_MIN;
    }
    return sum;
}

/* Those behind `last`; all when it is NULL. */
static struct ts_replay_tally sum_rest(const struct ts_replay_tallies *tallies,
                                       const struct ts_replay_tally *last)
{
    struct ts_replay_tally rest = {0};
    for (size_t i = 0; i < tallies->capacity; i++) {
        const struct ts_replay_tally *tally = tallies->slots[i];
        if (tally == NULL || (last != NULL && compare_tallies(tally, last) <= 0)) {
            continue;
        }
        rest.calls += tally->calls;
        rest.up += tally->up;
        rest.down += tally->down;
        rest.settled_micros = add(rest.settled_micros, tally->settled_micros);
        rest.rated_micros = add(rest.rated_micros, tally->rated_micros);
    }
    return rest;
}

/* The `max` largest, and what the others add up to. */
static void tallies_rows(struct ts_table *table,
                         const char *section,
                         const struct ts_replay_tallies *tallies,
                         size_t max,
                         const char *detail)
{
    size_t room = max < tallies->count ? max : tallies->count;
    const struct ts_replay_tally **top = calloc(room + 1, sizeof(struct ts_replay_tally *));
    size_t count = top == NULL ? 0 : pick(tallies, top, max);
    for (size_t i = 0; i < count; i++) {
        tally_row(table, section, top[i]->key, top[i], detail);
    }
    if (tallies->count > count) {
        struct ts_replay_tally rest = sum_rest(tallies, count > 0 ? top[count - 1] : NULL);
        char text[RANGE_TEXT_MAX];
        snprintf(text, sizeof text, "%zu more", tallies->count - count);
        tally_row(table, section, ts_bytes_of(text), &rest, "--top shows more");
    }
    free((void *)top);
}

static void histogram_rows(struct ts_table *table, const struct ts_replay_report *report)
{
    for (size_t i = 0; i < TS_REPLAY_HISTOGRAM; i++) {
        int64_t low = 0;
        int64_t high = 0;
        char from[TS_MONEY_TEXT_MAX] = "below";
        char to[TS_MONEY_TEXT_MAX] = "above";
        char text[RANGE_TEXT_MAX];
        if (report->histogram[i] == 0) {
            continue;
        }
        ts_replay_histogram_bounds(i, &low, &high);
        if (low != INT64_MIN) {
            ts_money_format_micros(low, from);
        }
        if (high != INT64_MAX) {
            ts_money_format_micros(high, to);
        }
        snprintf(text, sizeof text, "%s to %s", from, to);
        count_row(table, "histogram", text, report->histogram[i], "difference of a call");
    }
}

static void sample_rows(struct ts_table *table, const struct ts_replay *replay)
{
    for (size_t i = 0; i < replay->sample_count; i++) {
        const struct ts_replay_sample *sample = &replay->samples[i];
        const struct ts_replay_tally tally = {
            .calls = 1,
            .up = sample->rated_micros > sample->settled_micros,
            .down = sample->rated_micros < sample->settled_micros,
            .settled_micros = sample->settled_micros,
            .rated_micros = sample->rated_micros,
        };
        struct ts_buffer detail;
        ts_buffer_init(&detail, 2 * TS_REPLAY_SAMPLE_STEPS_MAX);
        ts_buffer_format(&detail,
                         "account %s, %s, %s %s: %s",
                         sample->account,
                         sample->start,
                         sample->category,
                         sample->prefix,
                         sample->steps != NULL ? sample->steps : "");
        ts_buffer_append_char(&detail, '\0');
        tally_row(table,
                  "sample",
                  ts_bytes_of(sample->id),
                  &tally,
                  detail.failed ? "" : ts_buffer_bytes(&detail).data);
        ts_buffer_finish(&detail);
    }
}

static void total_rows(struct ts_table *table, const struct ts_replay *replay)
{
    const struct ts_replay_report *report = &replay->report;
    const char *what = replay->options->apply ? "applied" : "dry run: nothing was changed";
    tally_row(table, "total", TS_LITERAL("compared"), &report->total, what);
    count_row(table, "total", "read", report->read, "records of the range");
    count_row(table, "total", "units_only", report->units_only, "changed in included units alone");
    count_row(table, "total", "units", report->units, "included units used more, or less");
    for (int i = 0; i < TS_REPLAY_SKIP_COUNT; i++) {
        enum ts_replay_skip skip = (enum ts_replay_skip)i;
        if (report->skipped[i] > 0) {
            count_row(table,
                      "skipped",
                      ts_replay_skip_name(skip),
                      report->skipped[i],
                      ts_replay_skip_text(skip));
        }
    }
}

static void range_rows(struct ts_table *table, const struct ts_replay *replay)
{
    for (size_t i = 0; i < replay->range_count; i++) {
        const struct ts_replay_range *range = &replay->ranges[i];
        char item[RANGE_TEXT_MAX];
        char text[RANGE_TEXT_MAX];
        snprintf(item, sizeof item, "partition %" PRId32, range->partition);
        snprintf(text, sizeof text, "offsets %" PRId64 " up to %" PRId64, range->from, range->to);
        count_row(table, "range", item, range->to - range->from, text);
    }
}

static bool print_rows(const struct ts_replay *replay, FILE *out, enum ts_format format)
{
    const struct ts_replay_report *report = &replay->report;
    bool whole = format != TS_FORMAT_TABLE && !replay->options->top_given;
    size_t top = whole ? SIZE_MAX : (size_t)replay->options->top;
    struct ts_table table;
    ts_table_init(&table, out, format, columns, sizeof columns / sizeof *columns);
    total_rows(&table, replay);
    tallies_rows(&table, "account", &report->accounts, top, "");
    tallies_rows(&table, "category", &report->categories, TS_CATEGORY_COUNT, "");
    tallies_rows(&table, "prefix", &report->prefixes, top, "");
    histogram_rows(&table, report);
    tallies_rows(&table, "refused", &report->refused, top, "settled, and refused now: it stays");
    tallies_rows(&table,
                 "first",
                 &report->first,
                 top,
                 replay->options->apply ? "dead letters with a price now"
                                        : "dead letters with a price now: --apply requeues them");
    sample_rows(&table, replay);
    if (format != TS_FORMAT_TABLE) {
        range_rows(&table, replay);
    }
    return ts_table_finish(&table);
}

/* ---- the report file */

static void member(struct ts_buffer *out, const char *name, const char *value)
{
    ts_buffer_format(out, "\"%s\":", name);
    ts_json_append_string(out, ts_bytes_of(value != NULL && value[0] != '\0' ? value : NULL));
    ts_buffer_append_char(out, ',');
}

static void head(const struct ts_replay *replay,
                 const struct ts_replay_generation *generation,
                 struct ts_buffer *out)
{
    const struct ts_replay_options *options = replay->options;
    char started[TS_TIMESTAMP_TEXT_MAX];
    ts_timestamp_format(replay->started_ms, started);
    ts_buffer_append_char(out, '{');
    member(out, "topic", options->topic);
    member(out, "started_at", started);
    member(out, "operator", options->operator_name);
    member(out, "reason", options->reason);
    member(out, "account", options->account);
    member(out, "category", options->category);
    member(out, "prefix", options->prefix);
    member(out, "generation_name", generation != NULL ? generation->name : NULL);
    ts_buffer_format(out,
                     "\"generation\":%d,\"deck_version\":%" PRId64 ",\"applied\":%s,"
                     "\"compared_ms\":%" PRId64 ",\"records_per_second\":%" PRId64 ",\"report\":",
                     generation != NULL ? generation->generation : 0,
                     options->decks.deck_version,
                     options->apply ? "true" : "false",
                     replay->compared_ms,
                     replay->report.read * 1000 /
                         (replay->compared_ms > 0 ? replay->compared_ms : 1));
}

static bool refuse_file(const struct ts_replay *replay, struct ts_error *err)
{
    return ts_error_set(err,
                        TS_ERROR_FATAL,
                        0,
                        "cannot write %s: %s",
                        replay->options->report_path,
                        strerror(errno));
}

bool ts_replay_open_report(struct ts_replay *replay, struct ts_error *err)
{
    const char *path = replay->options->report_path;
    if (path == NULL) {
        return true;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    replay->report_file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (replay->report_file == NULL && fd >= 0) {
        close(fd);
    }
    return replay->report_file != NULL || refuse_file(replay, err);
}

static bool write_file(const struct ts_replay *replay,
                       const struct ts_replay_generation *generation,
                       struct ts_error *err)
{
    FILE *file = replay->report_file;
    struct stat status;
    bool regular = fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode);
    struct ts_buffer text;
    ts_buffer_init(&text, 1 << 20);
    head(replay, generation, &text);
    bool good = (!regular || ftruncate(fileno(file), 0) == 0) && !text.failed &&
                fwrite(text.data, 1, text.size, file) == text.size &&
                print_rows(replay, file, TS_FORMAT_JSON) && fputs("}\n", file) >= 0;
    ts_buffer_finish(&text);
    good = fflush(file) == 0 && good;
    return good || refuse_file(replay, err);
}

int ts_replay_print(const struct ts_replay *replay, const struct ts_replay_generation *generation)
{
    struct ts_error err = {0};
    int status = TS_EXIT_OK;
    if (!print_rows(replay, stdout, replay->options->format)) {
        ts_error_set(&err, TS_ERROR_FATAL, 0, "cannot write the output: %s", strerror(errno));
        status = ts_session_fail(replay->session, &err);
    }
    if (replay->report_file != NULL && !write_file(replay, generation, &err)) {
        status = ts_session_fail(replay->session, &err);
    }
    return status;
}
