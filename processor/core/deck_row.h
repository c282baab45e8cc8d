/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a rate deck: from cells to values, column by column. For core/deck*.c only. */
#ifndef TS_CORE_DECK_ROW_H
#define TS_CORE_DECK_ROW_H

#include "base/bytes.h"
#include "core/rating.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TS_DECK_PREFIX_DIGITS_MAX = 15,           /* E.164 */
    TS_DECK_CATEGORY_ANY = TS_CATEGORY_COUNT, /* the cell `*` */
    TS_DECK_LICENSE_ANY = 3,
    TS_DECK_ORIGIN_ANY = 0,
    TS_DECK_DAYS_ALL = 0x7f,
    TS_DECK_DAY_MINUTES = 1440,
};

#define TS_DECK_PREFIX_ANY UINT64_C(0)

/* A value that a cell can refer to, as a key: comparable, 0 for none. */
uint16_t ts_deck_origin_key(const char *country, size_t size);

struct ts_deck_row {
    uint64_t prefix; /* digits filled up to 15 with 0, x 16, + how many: sorts as its text does */
    int64_t rate_e8;
    int64_t connect_fee_e8;
    int64_t min_charge_e8; /* or TS_PRICE_NO_BOUND */
    int64_t max_charge_e8;
    int64_t effective_from_ms;
    int64_t effective_to_ms;
    uint32_t rate_unit;
    uint32_t interval_1;
    uint32_t interval_n;
    uint32_t grace;
    uint32_t from_unit;
    uint32_t line;
    uint32_t description; /* where it begins in the sheet's text */
    uint16_t description_size;
    uint16_t origin;
    uint16_t from_minute;
    uint16_t to_minute;
    uint8_t category; /* enum ts_category or TS_DECK_CATEGORY_ANY */
    uint8_t license;  /* enum ts_license or TS_DECK_LICENSE_ANY */
    uint8_t unit;     /* enum ts_unit */
    uint8_t days;     /* bit 0 is Monday */
    bool blocked;
    bool faulty; /* a cell is malformed: it takes no part in pricing, and its rate no blame */
};

/* All columns at their defaults; the intervals and rate_unit at 0, until ts_deck_row_finish. */
void ts_deck_row_init(struct ts_deck_row *row, uint32_t line);

/* Defaults that depend on another column. */
void ts_deck_row_finish(struct ts_deck_row *row);

struct ts_deck_column {
    const char *name;
    bool required; /* in the header, and no cell may be empty */
    bool key;      /* part of what rows of one rate share */
    /* NULL for `description`, whose text the sheet keeps. */
    bool (*parse)(struct ts_bytes cell, struct ts_deck_row *row);
    const char *wants; /* "is not ..." */
};

/* Columns are numbered from 0 in the order of the contract. */
size_t ts_deck_column_count(void);
const struct ts_deck_column *ts_deck_column(size_t i);

/* The prefix as a cell: "*" or digits. Returns the length. */
size_t ts_deck_prefix_text(uint64_t prefix, char out[TS_DECK_PREFIX_DIGITS_MAX + 1]);

#endif
