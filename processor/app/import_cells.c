/* SPDX-License-Identifier: Apache-2.0 */
/* What the cells of other systems' rates say, exactly. */
#include "app/import_inner.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <strings.h>

enum { QUOTED_MAX = 80, UNITS_MAX = 1000000, PRICE_DECIMALS = 8, EXPONENT_MAX = 40 };

#define PRICE_E8_MAX INT64_C(99999999999999999) /* 9 digits before the point, 8 after it */

static void leave_out(struct ts_import *import,
                      const struct ts_import_row *row,
                      size_t column,
                      const char *what)
{
    char quoted[QUOTED_MAX];
    struct ts_bytes cell = row->cells[column];
    const char *name = import->file->columns[column].name;
    if (cell.size == 0) {
        ts_import_note(import, TS_IMPORT_LEFT_OUT, row->line, name, "the cell is empty");
    } else {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       row->line,
                       name,
                       "%s %s",
                       ts_utf8_quote(cell, quoted, sizeof quoted),
                       what);
    }
}

static bool is_one_of(struct ts_bytes cell, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (cell.size == strlen(*words) &&
            (cell.size == 0 || strncasecmp(cell.data, *words, cell.size) == 0)) {
            return true;
        }
    }
    return false;
}

bool ts_import_flag(struct ts_import *import,
                    const struct ts_import_row *row,
                    size_t column,
                    bool *out)
{
    static const char *const yes[] = {"1", "yes", "y", "true", "t", "x", NULL};
    static const char *const no[] = {"", "0", "no", "n", "false", "f", "-", NULL};
    *out = is_one_of(row->cells[column], yes);
    if (!*out && !is_one_of(row->cells[column], no)) {
        leave_out(import, row, column, "is neither yes nor no");
        return false;
    }
    return true;
}

bool ts_import_count(struct ts_import *import,
                     const struct ts_import_row *row,
                     size_t column,
                     uint32_t min,
                     uint32_t *out)
{
    struct ts_bytes cell = row->cells[column];
    uint32_t value = 0;
    bool good = cell.size > 0;
    for (size_t i = 0; i < cell.size && good; i++) {
        good = cell.data[i] >= '0' && cell.data[i] <= '9' && value <= UNITS_MAX;
        value = value * 10 + (uint32_t)(cell.data[i] - '0');
    }
    if (!good || value < min || value > UNITS_MAX) {
        leave_out(import,
                  row,
                  column,
                  min == 0 ? "is no whole number from 0 to 1000000"
                           : "is no whole number from 1 to 1000000");
        return false;
    }
    *out = value;
    return true;
}

/* ---- amounts
 * ---------------------------------------------------------------------------------- */

/* digits / 10^decimals */
struct decimal {
    unsigned __int128 digits;
    int decimals;
};

#define DIGITS_MAX ((unsigned __int128)1000000000000000000 * 1000000000000000000) /* 10^36 */

static bool take_digits(struct ts_bytes *rest, struct decimal *out, size_t *count)
{
    for (; rest->size > 0 && rest->data[0] >= '0' && rest->data[0] <= '9';
         rest->data++, rest->size--, ++*count) {
        if (out->digits >= DIGITS_MAX / 10) {
            return false;
        }
        out->digits = out->digits * 10 + (unsigned)(rest->data[0] - '0');
    }
    return true;
}

/* "e-5", "E+2" */
static bool take_exponent(struct ts_bytes *rest, int *out)
{
    int value = 0;
    size_t at = 1;
    bool negative = rest->size > 1 && rest->data[1] == '-';
    at += rest->size > 1 && (negative || rest->data[1] == '+') ? 1 : 0;
    size_t digits = at;
    for (; at < rest->size && rest->data[at] >= '0' && rest->data[at] <= '9'; at++) {
        value = value * 10 + (rest->data[at] - '0');
        if (value > EXPONENT_MAX) {
            return false;
        }
    }
    *out = negative ? -value : value;
    bool good = at == rest->size && at > digits;
    rest->size = 0;
    return good;
}

static bool parse_decimal(struct ts_bytes text, struct decimal *out)
{
    size_t count = 0;
    int exponent = 0;
    *out = (struct decimal){.digits = 0};
    if (!take_digits(&text, out, &count)) {
        return false;
    }
    if (text.size > 0 && text.data[0] == '.') {
        size_t whole = count;
        text = (struct ts_bytes){text.data + 1, text.size - 1};
        if (!take_digits(&text, out, &count)) {
            return false;
        }
        out->decimals = (int)(count - whole);
    }
    if (count > 0 && text.size > 0 && (text.data[0] | 0x20) == 'e' &&
        !take_exponent(&text, &exponent)) {
        return false;
    }
    for (out->decimals -= exponent; out->decimals < 0 && out->digits < DIGITS_MAX / 10;
         out->decimals++) {
        out->digits *= 10;
    }
    while (out->decimals > 0 && out->digits % 10 == 0) {
        out->digits /= 10;
        out->decimals--;
    }
    return count > 0 && text.size == 0 && out->decimals >= 0;
}

static bool parse_cell(struct ts_import *import,
                       const struct ts_import_row *row,
                       size_t column,
                       struct decimal *out)
{
    if (!parse_decimal(row->cells[column], out)) {
        leave_out(import, row, column, "is no amount: digits, perhaps a point and digits");
        return false;
    }
    return true;
}

/* In 1e-8; the decimals are at most 8. */
static bool in_e8(const struct decimal *decimal, int64_t *out)
{
    unsigned __int128 value = decimal->digits;
    for (int i = decimal->decimals; i < PRICE_DECIMALS; i++) {
        if (value > (unsigned __int128)PRICE_E8_MAX) {
            return false;
        }
        value *= 10;
    }
    if (value > (unsigned __int128)PRICE_E8_MAX) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

bool ts_import_amount(struct ts_import *import,
                      const struct ts_import_row *row,
                      size_t column,
                      int64_t if_empty_e8,
                      int64_t *out_e8)
{
    struct decimal decimal;
    if (row->cells[column].size == 0 && if_empty_e8 >= 0) {
        *out_e8 = if_empty_e8;
        return true;
    }
    if (!parse_cell(import, row, column, &decimal)) {
        return false;
    }
    if (decimal.decimals > PRICE_DECIMALS) {
        leave_out(import, row, column, "has more than the 8 decimals that a deck can hold");
        return false;
    }
    if (!in_e8(&decimal, out_e8)) {
        leave_out(import, row, column, "is more than the 999999999 that a deck can hold");
        return false;
    }
    return true;
}

bool ts_import_rate(struct ts_import *import,
                    const struct ts_import_row *row,
                    size_t column,
                    uint32_t rate_unit,
                    struct ts_import_price *out)
{
    struct decimal decimal;
    uint64_t units = rate_unit;
    if (!parse_cell(import, row, column, &decimal)) {
        return false;
    }
    for (; decimal.decimals > PRICE_DECIMALS; decimal.decimals--) {
        units *= 10;
        if (units > UNITS_MAX) {
            leave_out(import, row, column, "has more decimals than a deck can hold");
            return false;
        }
    }
    if (!in_e8(&decimal, &out->rate_e8)) {
        leave_out(import, row, column, "is more than the 999999999 that a deck can hold");
        return false;
    }
    out->rate_unit = (uint32_t)units;
    return true;
}

static bool is_separator(char c)
{
    return c == ' ' || c == ',' || c == ';' || c == '\t' || c == '\r' || c == '\n';
}

bool ts_import_next_word(struct ts_bytes *rest, struct ts_bytes *word)
{
    while (rest->size > 0 && is_separator(rest->data[0])) {
        rest->data++;
        rest->size--;
    }
    *word = (struct ts_bytes){rest->data, 0};
    while (word->size < rest->size && !is_separator(rest->data[word->size])) {
        word->size++;
    }
    if (word->size == 0) { /* then nothing is left, or there was no text at all */
        return false;
    }
    *rest = (struct ts_bytes){rest->data + word->size, rest->size - word->size};
    return true;
}
