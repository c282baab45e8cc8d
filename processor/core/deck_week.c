/* SPDX-License-Identifier: Apache-2.0 */
/* A sweep over the week, minute by minute where a window begins or ends, with a bit for each row
 * that is in force. So a rate of thousands of rows costs a scan of a few words a boundary. */
#include "base/assert.h"
#include "core/deck_compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WEEK_MINUTES = 7 * TS_DECK_DAY_MINUTES,
    EVENTS_A_ROW = 2 * 8, /* seven windows, one of them in two parts at the week's end */
    TIERS_MAX = 16 * 1024 * 1024,
    MOMENT_TEXT_MAX = 16,
};

/* A window of a row begins, or ends. A row's own windows never overlap: none is longer than a day.
 */
struct event {
    uint16_t minute;
    uint32_t row; /* place among the rate's rows */
};

struct week {
    struct ts_deck *deck;
    struct ts_deck_sheet *sheet;
    const uint32_t *rows;
    size_t count;
    struct event *events;
    size_t event_count;
    uint64_t *active; /* a bit a row */
    uint32_t *list;   /* the rows in force, by from_unit */
    size_t list_count;
    bool *told; /* rows whose overlap was told */
    int gap_minute;
    bool gap_open;
    bool gap_told;
};

static const struct ts_deck_row *row_at(const struct week *week, size_t i)
{
    return &week->sheet->rows[week->rows[i]];
}

static unsigned window_minutes(const struct ts_deck_row *row)
{
    return row->to_minute > row->from_minute
               ? (unsigned)row->to_minute - row->from_minute
               : (unsigned)TS_DECK_DAY_MINUTES - row->from_minute + row->to_minute;
}

static bool is_always(const struct ts_deck_row *row)
{
    return row->days == TS_DECK_DAYS_ALL && window_minutes(row) == TS_DECK_DAY_MINUTES;
}

static void add_part(struct week *week, size_t row, unsigned from, unsigned to)
{
    week->events[week->event_count++] =
        (struct event){.minute = (uint16_t)from, .row = (uint32_t)row};
    week->events[week->event_count++] =
        (struct event){.minute = (uint16_t)to, .row = (uint32_t)row};
}

static void add_windows(struct week *week, size_t i)
{
    const struct ts_deck_row *row = row_at(week, i);
    for (unsigned day = 0; day < 7; day++) {
        if ((row->days >> day & 1) == 0) {
            continue;
        }
        unsigned from = day * TS_DECK_DAY_MINUTES + row->from_minute;
        unsigned to = from + window_minutes(row);
        if (to > WEEK_MINUTES) {
            add_part(week, i, 0, to - WEEK_MINUTES);
            to = WEEK_MINUTES;
        }
        add_part(week, i, from, to);
    }
}

static int by_minute(const void *a, const void *b)
{
    const struct event *x = a;
    const struct event *y = b;
    return (x->minute > y->minute) - (x->minute < y->minute);
}

static void list_active(struct week *week)
{
    week->list_count = 0;
    for (size_t word = 0; word * 64 < week->count; word++) {
        for (uint64_t bits = week->active[word]; bits != 0; bits &= bits - 1) {
            week->list[week->list_count++] =
                (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(bits);
        }
    }
}

static void tell_overlap(struct week *week, size_t a, size_t b)
{
    const struct ts_deck_row *first = row_at(week, a);
    const struct ts_deck_row *second = row_at(week, b);
    size_t later = second->line > first->line ? b : a;
    if (!week->told[later]) {
        week->told[later] = true;
        ts_deck_sheet_note(week->sheet,
                           TS_DECK_FAULT,
                           row_at(week, later)->line,
                           "from_time",
                           "overlap: line %u has the same from_unit %u and holds the same moments",
                           row_at(week, later == b ? a : b)->line,
                           first->from_unit);
    }
}

static const char *moment_text(int minute, char out[MOMENT_TEXT_MAX])
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", "sun"};
    int day = minute / TS_DECK_DAY_MINUTES;
    int of_day = day == 7 ? TS_DECK_DAY_MINUTES : minute % TS_DECK_DAY_MINUTES;
    snprintf(out, MOMENT_TEXT_MAX, "%s %02d:%02d", days[day], of_day / 60, of_day % 60);
    return out;
}

static uint32_t first_line(const struct week *week)
{
    uint32_t line = UINT32_MAX;
    for (size_t i = 0; i < week->count; i++) {
        line = row_at(week, i)->line < line ? row_at(week, i)->line : line;
    }
    return line;
}

/* One gap of a rate is told, whole: from its first minute to its last. */
static void follow_gap(struct week *week, bool gap, int minute)
{
    if (gap && !week->gap_open && !week->gap_told) {
        week->gap_open = true;
        week->gap_minute = minute;
    } else if (!gap && week->gap_open) {
        char from[MOMENT_TEXT_MAX];
        char to[MOMENT_TEXT_MAX];
        week->gap_open = false;
        week->gap_told = true;
        ts_deck_sheet_note(week->sheet,
                           TS_DECK_FAULT,
                           first_line(week),
                           "from_unit",
                           "gap: from %s to %s no row of this rate with from_unit 0 holds",
                           moment_text(week->gap_minute, from),
                           moment_text(minute, to));
    }
}

static bool add_segment(struct week *week, int minute)
{
    struct ts_deck *deck = week->deck;
    size_t needed = deck->tier_count + week->list_count;
    if (needed > deck->tier_capacity) {
        size_t capacity = needed * 2;
        uint32_t *tiers = realloc(deck->tiers, capacity * sizeof *tiers);
        if (tiers == NULL) {
            return false;
        }
        deck->tiers = tiers;
        deck->tier_capacity = capacity;
    }
    if (deck->segment_count == deck->segment_capacity) {
        size_t capacity = deck->segment_capacity == 0 ? 64 : deck->segment_capacity * 2;
        struct ts_price_segment *segments = realloc(deck->segments, capacity * sizeof *segments);
        if (segments == NULL) {
            return false;
        }
        deck->segments = segments;
        deck->segment_capacity = capacity;
    }
    deck->segments[deck->segment_count++] = (struct ts_price_segment){
        .start_s = (uint32_t)minute * 60,
        .tier = (uint32_t)deck->tier_count,
        .tier_count = (uint32_t)week->list_count,
    };
    if (week->list_count > 0) {
        memcpy(deck->tiers + deck->tier_count, week->list, week->list_count * sizeof *week->list);
    }
    deck->tier_count = needed;
    return true;
}

static bool same_as_last_segment(const struct week *week, size_t first_segment)
{
    const struct ts_deck *deck = week->deck;
    if (deck->segment_count == first_segment) {
        return false;
    }
    const struct ts_price_segment *last = &deck->segments[deck->segment_count - 1];
    return last->tier_count == week->list_count &&
           (week->list_count == 0 ||
            memcmp(deck->tiers + last->tier, week->list, week->list_count * sizeof *week->list) ==
                0);
}

/* What holds from this minute to the next boundary. */
static bool judge_minute(struct week *week, int minute, size_t first_segment)
{
    list_active(week);
    for (size_t i = 1; i < week->list_count; i++) {
        if (row_at(week, week->list[i])->from_unit == row_at(week, week->list[i - 1])->from_unit) {
            tell_overlap(week, week->list[i - 1], week->list[i]);
        }
    }
    follow_gap(week, week->list_count == 0 || row_at(week, week->list[0])->from_unit != 0, minute);
    if (same_as_last_segment(week, first_segment)) {
        return true;
    }
    if (week->deck->tier_count + week->list_count > TIERS_MAX) {
        ts_deck_sheet_fault(
            week->sheet, first_line(week), "from_time", "too many windows and tiers for one deck");
        return true;
    }
    return add_segment(week, minute);
}

static bool sweep(struct week *week, size_t first_segment)
{
    size_t next = 0;
    for (int minute = 0; minute < WEEK_MINUTES;) {
        for (; next < week->event_count && week->events[next].minute == minute; next++) {
            uint32_t row = week->events[next].row;
            week->active[row / 64] ^= UINT64_C(1) << (row % 64);
        }
        if (!judge_minute(week, minute, first_segment)) {
            return false;
        }
        minute = next < week->event_count ? week->events[next].minute : WEEK_MINUTES;
    }
    return true;
}

static bool all_always(const struct week *week)
{
    for (size_t i = 0; i < week->count; i++) {
        if (!is_always(row_at(week, i))) {
            return false;
        }
    }
    return true;
}

/* Tiers only, no windows: as nearly all rates are. */
static void judge_plain(struct week *week)
{
    for (size_t i = 1; i < week->count; i++) {
        if (row_at(week, i)->from_unit == row_at(week, i - 1)->from_unit) {
            tell_overlap(week, i - 1, i);
        }
    }
    follow_gap(week, row_at(week, 0)->from_unit != 0, 0);
}

bool ts_deck_week_build(struct ts_deck *deck,
                        struct ts_deck_sheet *sheet,
                        const uint32_t *rows,
                        size_t count,
                        bool tell_gaps,
                        struct ts_deck_rate *rate)
{
    TS_ASSERT(count > 0);
    struct week week = {
        .deck = deck, .sheet = sheet, .rows = rows, .count = count, .gap_told = !tell_gaps};
    rate->segment = (uint32_t)deck->segment_count;
    rate->segment_count = 0;
    if (count == 1 && is_always(row_at(&week, 0)) && row_at(&week, 0)->from_unit == 0) {
        return true;
    }
    week.events = malloc(count * EVENTS_A_ROW * sizeof *week.events);
    week.active = calloc((count + 63) / 64, sizeof *week.active);
    week.list = malloc(count * sizeof *week.list);
    week.told = calloc(count, sizeof *week.told);
    bool good =
        week.events != NULL && week.active != NULL && week.list != NULL && week.told != NULL;
    if (good && all_always(&week)) {
        judge_plain(&week);
    } else if (good) {
        for (size_t i = 0; i < count; i++) {
            add_windows(&week, i);
        }
        qsort(week.events, week.event_count, sizeof *week.events, by_minute);
        good = sweep(&week, deck->segment_count);
        rate->segment_count = (uint32_t)(deck->segment_count - rate->segment);
    }
    if (good) {
        follow_gap(&week, false, WEEK_MINUTES);
    }
    free(week.events);
    free(week.active);
    free(week.list);
    free(week.told);
    return good;
}
