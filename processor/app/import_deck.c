/* SPDX-License-Identifier: Apache-2.0 */
/* The prices of an import, and the deck they become. */
#include "app/import_inner.h"
#include "base/utf8.h"
#include "core/deck.h"
#include "core/money.h"
#include "core/timestamp.h"

#include <stdlib.h>

enum { PRICES_AT_FIRST = 1024, UNITS_DEFAULT = 60, QUOTED_MAX = 80 };

struct ts_import_price ts_import_price_of(uint32_t line)
{
    return (struct ts_import_price){
        .line = line,
        .rate_unit = UNITS_DEFAULT,
        .interval_1 = UNITS_DEFAULT,
        .interval_n = UNITS_DEFAULT,
        .effective_from_ms = INT64_MIN,
        .effective_to_ms = INT64_MAX,
    };
}

/* ---- adding
 * ----------------------------------------------------------------------------------- */

/* Digits, without a + before them. */
static bool clean_prefix(struct ts_bytes *prefix)
{
    if (prefix->size > 0 && prefix->data[0] == '+') {
        *prefix = (struct ts_bytes){prefix->data + 1, prefix->size - 1};
    }
    for (size_t i = 0; i < prefix->size; i++) {
        if (prefix->data[i] < '0' || prefix->data[i] > '9') {
            return false;
        }
    }
    return prefix->size > 0 && prefix->size <= TS_IMPORT_PREFIX_MAX;
}

static struct ts_bytes
clean_description(struct ts_import *import, uint32_t line, struct ts_bytes description)
{
    if (description.size > TS_DECK_DESCRIPTION_MAX || !ts_utf8_is_text(description)) {
        ts_import_note(import,
                       TS_IMPORT_CELL,
                       line,
                       "",
                       "the description is not UTF-8 text of at most %d bytes, and left empty",
                       TS_DECK_DESCRIPTION_MAX);
        return TS_LITERAL("");
    }
    return description;
}

static struct ts_import_price *grow(struct ts_import *import)
{
    if (import->price_count == import->price_capacity) {
        size_t capacity = import->price_capacity > 0 ? import->price_capacity * 2 : PRICES_AT_FIRST;
        struct ts_import_price *prices = realloc(import->prices, capacity * sizeof *prices);
        if (prices == NULL) {
            return NULL;
        }
        import->prices = prices;
        import->price_capacity = capacity;
    }
    return &import->prices[import->price_count++];
}

bool ts_import_add(struct ts_import *import, const struct ts_import_price *price)
{
    char quoted[QUOTED_MAX];
    struct ts_import_price added = *price;
    if (!ts_bytes_equal_text(added.prefix, "*") && !clean_prefix(&added.prefix)) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       price->line,
                       "",
                       "the prefix %s is not 1 to %d digits",
                       ts_utf8_quote(price->prefix, quoted, sizeof quoted),
                       TS_IMPORT_PREFIX_MAX);
        return false;
    }
    if (import->price_count >= TS_DECK_ROWS_MAX) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       price->line,
                       "",
                       "a deck has at most %d rows",
                       TS_DECK_ROWS_MAX);
        return false;
    }
    added.description = clean_description(import, price->line, price->description);
    added.prefix = ts_arena_copy(&import->arena, added.prefix);
    added.description = ts_arena_copy(&import->arena, added.description);
    struct ts_import_price *kept = grow(import);
    if (kept == NULL || added.prefix.data == NULL ||
        (added.description.data == NULL && added.description.size > 0)) {
        import->failed = true;
        return false;
    }
    *kept = added;
    return true;
}

void ts_import_end_prefix(struct ts_import *import, struct ts_bytes prefix, int64_t ms)
{
    if (!clean_prefix(&prefix)) {
        return; /* it has no price either */
    }
    struct ts_import_end *ends =
        realloc(import->ends, (import->end_count + 1) * sizeof *import->ends);
    if (ends == NULL) {
        import->failed = true;
        return;
    }
    import->ends = ends;
    struct ts_import_end *end = &ends[import->end_count++];
    memcpy(end->prefix, prefix.data, prefix.size);
    end->prefix[prefix.size] = '\0';
    end->ms = ms;
}

/* ---- putting in order
 * ------------------------------------------------------------------------- */

static int order_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static const char *text_of(const char *text)
{
    return text != NULL ? text : "";
}

/* Whether two prices are for the same calls at the same time. */
static int compare_places(const struct ts_import_price *a, const struct ts_import_price *b)
{
    int order = ts_bytes_compare(a->prefix, b->prefix);
    order = order != 0 ? order : strcmp(text_of(a->category), text_of(b->category));
    order = order != 0 ? order : strcmp(a->origin, b->origin);
    return order != 0 ? order : order_of(a->effective_from_ms, b->effective_from_ms);
}

static int compare_prices(const void *left, const void *right)
{
    const struct ts_import_price *a = left;
    const struct ts_import_price *b = right;
    int order = compare_places(a, b);
    order = order != 0 ? order : order_of(b->weight, a->weight);
    order = order != 0 ? order : order_of(a->line, b->line);
    return order != 0 ? order : order_of(a->from_unit, b->from_unit);
}

static int compare_ends(const void *left, const void *right)
{
    const struct ts_import_end *a = left;
    const struct ts_import_end *b = right;
    int order = strcmp(a->prefix, b->prefix);
    return order != 0 ? order : order_of(a->ms, b->ms);
}

static void apply_ends(struct ts_import *import)
{
    size_t at = 0;
    if (import->end_count > 0) {
        qsort(import->ends, import->end_count, sizeof *import->ends, compare_ends);
    }
    for (size_t i = 0; i < import->price_count; i++) {
        struct ts_import_price *price = &import->prices[i];
        while (at < import->end_count &&
               ts_bytes_compare(ts_bytes_of(import->ends[at].prefix), price->prefix) < 0) {
            at++;
        }
        for (size_t e = at;
             e < import->end_count && ts_bytes_equal_text(price->prefix, import->ends[e].prefix);
             e++) {
            if (price->effective_from_ms < import->ends[e].ms &&
                import->ends[e].ms < price->effective_to_ms) {
                price->effective_to_ms = import->ends[e].ms;
            }
        }
    }
}

static bool same_price(const struct ts_import_price *a, const struct ts_import_price *b)
{
    return a->blocked == b->blocked && a->rate_e8 == b->rate_e8 && a->rate_unit == b->rate_unit &&
           a->interval_1 == b->interval_1 && a->interval_n == b->interval_n &&
           a->connect_fee_e8 == b->connect_fee_e8 && a->grace == b->grace &&
           a->from_unit == b->from_unit && a->effective_to_ms == b->effective_to_ms;
}

/* Of the prices for the same calls those of the first row are kept. `told` is the line of the
 * others that was told last. */
static bool
is_kept(struct ts_import *import, size_t i, const struct ts_import_price *first, uint32_t *told)
{
    const struct ts_import_price *price = &import->prices[i];
    const struct ts_import_price *before = i > 0 ? &import->prices[i - 1] : NULL;
    if (price->line == first->line) {
        bool twice = price != first && before->from_unit == price->from_unit;
        if (twice) {
            ts_import_note(import,
                           TS_IMPORT_CELL,
                           price->line,
                           "",
                           "the prefix %.*s is there twice",
                           TS_ARGS(price->prefix));
        }
        return !twice;
    }
    if (*told != price->line) {
        *told = price->line;
        bool same = same_price(price, first);
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       price->line,
                       "",
                       "line %u has a rate for prefix %.*s already%s",
                       first->line,
                       TS_ARGS(price->prefix),
                       same ? ", the same" : ", and another one");
    }
    return false;
}

/* ---- the deck
 * --------------------------------------------------------------------------------- */

static void append_cell(struct ts_buffer *out, struct ts_bytes cell)
{
    bool quoted = false;
    for (size_t i = 0; i < cell.size; i++) {
        quoted = quoted || strchr("\",\r\n", cell.data[i]) != NULL;
    }
    ts_buffer_append_text(out, quoted ? "\"" : "");
    for (size_t i = 0; i < cell.size; i++) {
        ts_buffer_append_text(out, cell.data[i] == '"' ? "\"" : "");
        ts_buffer_append_char(out, cell.data[i]);
    }
    ts_buffer_append_text(out, quoted ? "\"" : "");
}

static void append_moment(struct ts_buffer *out, int64_t ms)
{
    char text[TS_TIMESTAMP_TEXT_MAX];
    ts_buffer_append_char(out, ',');
    if (ms != INT64_MIN && ms != INT64_MAX) {
        ts_buffer_append(out, text, ts_timestamp_format(ms, text));
    }
}

static void append_price(struct ts_buffer *out, const struct ts_import_price *price)
{
    char rate[TS_MONEY_TEXT_MAX] = "blocked";
    char fee[TS_MONEY_TEXT_MAX];
    if (!price->blocked) {
        ts_money_format_e8(price->rate_e8, rate);
    }
    ts_money_format_e8(price->connect_fee_e8, fee);
    ts_buffer_format(out,
                     "%.*s,%s,%s,%s,",
                     TS_ARGS(price->prefix),
                     rate,
                     text_of(price->category),
                     price->origin);
    append_cell(out, price->description);
    ts_buffer_format(out,
                     ",%u,%u,%u,%s,%u,%u",
                     price->rate_unit,
                     price->interval_1,
                     price->interval_n,
                     fee,
                     price->grace,
                     price->from_unit);
    append_moment(out, price->effective_from_ms);
    append_moment(out, price->effective_to_ms);
    ts_buffer_append_char(out, '\n');
}

void ts_import_write(struct ts_import *import, struct ts_buffer *deck)
{
    static const char header[] =
        "prefix,rate,category,origin,description,rate_unit,interval_1,interval_n,connect_fee,grace,"
        "from_unit,effective_from,effective_to\n";
    const struct ts_import_price *first = NULL;
    uint32_t told = 0;
    qsort(import->prices, import->price_count, sizeof *import->prices, compare_prices);
    apply_ends(import);
    ts_buffer_append_text(deck, header);
    for (size_t i = 0; i < import->price_count; i++) {
        const struct ts_import_price *price = &import->prices[i];
        if (first == NULL || compare_places(first, price) != 0) {
            first = price;
            told = 0;
        }
        if (is_kept(import, i, first, &told)) {
            append_price(deck, price);
            import->counts->deck_rows++;
        }
    }
}
