/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of a prefix in the trie is the index of a range. Where the number of digits tells
 * ranges apart a prefix has several, chained in the order of the CSV; the first that fits counts.
 * The longest prefix with a fitting range decides, so a lookup is one walk down the trie and, for
 * all but a few hundred prefixes, one look at a range.
 */
#include "core/numbering.h"

#include "base/error.h"
#include "base/utf8.h"
#include "core/trie.h"

#include <stdlib.h>

enum {
    DIGITS_CELL_MAX = 31, /* the CSV's largest number of digits: stands for more, too */
    RANGES_AT_FIRST = 1024,
    QUOTED_MAX = 80,
    NO_RANGE = -1,
};

struct range {
    uint32_t digits; /* bit n: fits numbers of n digits; 0: fits all */
    int32_t next;    /* index of the next range of the same prefix, or NO_RANGE */
    struct ts_number_info info;
};

struct ts_numbering {
    struct ts_trie *trie;
    struct range *ranges;
    size_t count;
    size_t capacity;
};

/* One line of the CSV. "4420[378]" has the stem 4420 and the last digits 378. */
struct row {
    size_t line;
    struct ts_bytes stem;
    struct ts_bytes last_digits;
    struct range range;
};

static const char *const type_names[] = {
#define X(symbol, name) [TS_NUMBER_TYPE_##symbol] = name,
    TS_NUMBER_TYPES(X)
#undef X
};

const char *ts_number_type_name(enum ts_number_type type)
{
    return type < TS_NUMBER_TYPE_COUNT ? type_names[type] : "?";
}

static bool malformed(size_t line, const char *what, struct ts_bytes cell, struct ts_error *err)
{
    char quoted[QUOTED_MAX];
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "numbering plan, line %zu: %s: %s",
                        line,
                        what,
                        ts_utf8_quote(cell, quoted, sizeof quoted));
}

/* Takes what stands before the separator off the front of rest; all of it if there is none. */
static struct ts_bytes take_until(struct ts_bytes *rest, char separator)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    struct ts_bytes cell = {rest->data, size};
    size_t taken = end == NULL ? size : size + 1;
    *rest = (struct ts_bytes){rest->data + taken, rest->size - taken};
    return cell;
}

static bool is_digits(struct ts_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.size > 0;
}

/* "4420" or "4420[378]". */
static bool parse_prefix(struct ts_bytes cell, struct row *row, struct ts_error *err)
{
    struct ts_bytes rest = cell;
    struct ts_bytes stem = take_until(&rest, '[');
    struct ts_bytes last;
    bool well_formed;
    if (stem.size < cell.size) {
        last = take_until(&rest, ']');
        bool closed = cell.data[cell.size - 1] == ']' && rest.size == 0;
        well_formed = closed && is_digits(last) && (stem.size == 0 || is_digits(stem));
    } else {
        well_formed = is_digits(cell);
        size_t before_last = cell.size == 0 ? 0 : cell.size - 1;
        stem = (struct ts_bytes){cell.data, before_last};
        last = (struct ts_bytes){cell.data + before_last, cell.size - before_last};
    }
    if (!well_formed || stem.size + 1 > TS_TRIE_DIGITS_MAX) {
        return malformed(row->line, "no prefix (digits, or digits[last digits])", cell, err);
    }
    row->stem = stem;
    row->last_digits = last;
    return true;
}

/* A number of digits from 1 to DIGITS_CELL_MAX, or 0. */
static unsigned parse_count(struct ts_bytes text)
{
    if (!is_digits(text) || text.size > 2) {
        return 0;
    }
    unsigned count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count = count * 10 + (unsigned)(text.data[i] - '0');
    }
    return count <= DIGITS_CELL_MAX ? count : 0;
}

/* "", "8" or "8-10 12". */
static bool parse_digits(struct ts_bytes cell, struct row *row, struct ts_error *err)
{
    struct ts_bytes rest = cell;
    while (rest.size > 0) {
        struct ts_bytes span = take_until(&rest, ' ');
        struct ts_bytes high_text = span;
        struct ts_bytes low_text = take_until(&high_text, '-');
        unsigned low = parse_count(low_text);
        unsigned high = low_text.size == span.size ? low : parse_count(high_text);
        if (low == 0 || high < low) {
            return malformed(row->line, "no number of digits (such as 8-10 12)", cell, err);
        }
        for (unsigned digits = low; digits <= high; digits++) {
            row->range.digits |= UINT32_C(1) << digits;
        }
    }
    return true;
}

static bool parse_region(struct ts_bytes cell, struct row *row, struct ts_error *err)
{
    bool country = cell.size == 2 && cell.data[0] >= 'A' && cell.data[0] <= 'Z' &&
                   cell.data[1] >= 'A' && cell.data[1] <= 'Z';
    if (!country && !ts_bytes_equal_text(cell, TS_REGION_WORLD)) {
        return malformed(row->line, "no region (two capital letters, or 001)", cell, err);
    }
    memcpy(row->range.info.region, cell.data, cell.size);
    return true;
}

static bool parse_type(struct ts_bytes cell, struct row *row, struct ts_error *err)
{
    for (int type = 0; type < TS_NUMBER_TYPE_COUNT; type++) {
        if (ts_bytes_equal_text(cell, type_names[type])) {
            row->range.info.type = (enum ts_number_type)type;
            return true;
        }
    }
    return malformed(row->line, "unknown type", cell, err);
}

static bool parse_row(struct ts_bytes text, size_t line, struct row *row, struct ts_error *err)
{
    struct ts_bytes rest = text;
    struct ts_bytes prefix = take_until(&rest, ',');
    struct ts_bytes digits = take_until(&rest, ',');
    struct ts_bytes region = take_until(&rest, ',');
    *row = (struct row){.line = line, .range = {.next = NO_RANGE}};
    return parse_prefix(prefix, row, err) && parse_digits(digits, row, err) &&
           parse_region(region, row, err) && parse_type(rest, row, err);
}

/* Index of a new copy of range, NO_RANGE when memory is short. */
static int32_t add_range(struct ts_numbering *plan, const struct range *range)
{
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity == 0 ? RANGES_AT_FIRST : plan->capacity * 2;
        struct range *ranges =
            capacity > INT32_MAX ? NULL : realloc(plan->ranges, capacity * sizeof *ranges);
        if (ranges == NULL) {
            return NO_RANGE;
        }
        plan->ranges = ranges;
        plan->capacity = capacity;
    }
    plan->ranges[plan->count] = *range;
    return (int32_t)plan->count++;
}

/* Links the range behind those that the prefix has; they all have to name numbers of digits. */
static bool add_prefix(struct ts_numbering *plan,
                       const struct row *row,
                       const char *prefix,
                       size_t size,
                       int32_t range,
                       struct ts_error *err)
{
    uint32_t first = ts_trie_find(plan->trie, prefix, size);
    if (first == TS_TRIE_NONE) {
        return ts_trie_insert(plan->trie, prefix, size, (uint32_t)range, err);
    }
    struct range *last = &plan->ranges[first];
    while (last->digits != 0 && last->next != NO_RANGE) {
        last = &plan->ranges[last->next];
    }
    if (last->digits == 0) {
        struct ts_bytes shown = {prefix, size};
        return malformed(row->line, "a line before holds for all of this prefix", shown, err);
    }
    last->next = range;
    return true;
}

/* A range that fits all numbers is never linked on, so all prefixes of the line share one. */
static bool add_row(struct ts_numbering *plan, const struct row *row, struct ts_error *err)
{
    char prefix[TS_TRIE_DIGITS_MAX];
    size_t size = row->stem.size + 1;
    memcpy(prefix, row->stem.data, row->stem.size);
    int32_t range = NO_RANGE;
    for (size_t i = 0; i < row->last_digits.size; i++) {
        if (range == NO_RANGE || row->range.digits != 0) {
            range = add_range(plan, &row->range);
        }
        if (range == NO_RANGE) {
            return ts_error_no_memory(err);
        }
        prefix[size - 1] = row->last_digits.data[i];
        if (!add_prefix(plan, row, prefix, size, range, err)) {
            return false;
        }
    }
    return true;
}

static bool load(struct ts_numbering *plan, struct ts_bytes csv, struct ts_error *err)
{
    struct ts_bytes rest = csv;
    bool header_seen = false;
    for (size_t line = 1; rest.size > 0; line++) {
        struct ts_bytes text = take_until(&rest, '\n');
        if (text.size > 0 && text.data[0] == '#') {
            continue;
        }
        if (!header_seen) {
            if (!ts_bytes_equal_text(text, "prefix,digits,region,type")) {
                return malformed(line, "not the header prefix,digits,region,type", text, err);
            }
            header_seen = true;
            continue;
        }
        struct row row;
        if (!parse_row(text, line, &row, err) || !add_row(plan, &row, err)) {
            return false;
        }
    }
    return header_seen || ts_error_set(err, TS_ERROR_REJECT, 0, "numbering plan: it is empty");
}

struct ts_numbering *ts_numbering_create(struct ts_bytes csv, struct ts_error *err)
{
    struct ts_numbering *plan = calloc(1, sizeof *plan);
    if (plan == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    plan->trie = ts_trie_create(err);
    if (plan->trie == NULL || !load(plan, csv, err)) {
        ts_numbering_destroy(plan);
        return NULL;
    }
    return plan;
}

void ts_numbering_destroy(struct ts_numbering *plan)
{
    if (plan != NULL) {
        ts_trie_destroy(plan->trie);
        free(plan->ranges);
        free(plan);
    }
}

/* The first range of the chain that fits numbers of so many digits, or NULL. */
static const struct range *
fitting(const struct ts_numbering *plan, uint32_t first, uint32_t digits_bit)
{
    const struct range *range = &plan->ranges[first];
    while (range->digits != 0 && (range->digits & digits_bit) == 0) {
        if (range->next == NO_RANGE) {
            return NULL;
        }
        range = &plan->ranges[range->next];
    }
    return range;
}

struct ts_number_info ts_numbering_lookup(const struct ts_numbering *plan, struct ts_bytes number)
{
    struct ts_number_info unknown = {TS_REGION_UNKNOWN, TS_NUMBER_TYPE_UNKNOWN};
    if (number.size < 2 || number.data[0] != '+') {
        return unknown;
    }
    struct ts_bytes digits = {number.data + 1, number.size - 1};
    if (!is_digits(digits)) {
        return unknown;
    }
    uint32_t firsts[TS_TRIE_MATCHES_MAX];
    size_t count =
        ts_trie_matches(plan->trie, digits.data, digits.size, firsts, TS_TRIE_MATCHES_MAX);
    size_t counted = digits.size < DIGITS_CELL_MAX ? digits.size : DIGITS_CELL_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct range *range = fitting(plan, firsts[i], UINT32_C(1) << counted);
        if (range != NULL) {
            return range->info;
        }
    }
    return unknown;
}
