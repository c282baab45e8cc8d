/* SPDX-License-Identifier: Apache-2.0 */
/* What invoiced accounts owe for the credit they were given: lines written by the settles that gave
 * it, each on the account's next invoice date, until whoever writes the invoices marks them billed.
 * A connection of its own, made when it is needed and again after it broke; used by one thread. */
#ifndef TS_ADAPTERS_POSTGRES_INVOICE_STORE_H
#define TS_ADAPTERS_POSTGRES_INVOICE_STORE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_invoice_store;

struct ts_invoice_store *ts_invoice_store_create(const char *url, struct ts_error *err);
void ts_invoice_store_destroy(struct ts_invoice_store *store);

/* The views live until the visitor returns. */
struct ts_invoice_line {
    struct ts_bytes account_id;
    int32_t date; /* yyyymmdd, by the account's calendar */
    struct ts_bytes credit_id;
    int64_t amount_micros;
    struct ts_bytes currency;
    int64_t created_ms;
    bool billed;
    int64_t billed_ms;         /* when billed … */
    struct ts_bytes billed_by; /* … and the operator who said so */
};

struct ts_invoice_visitor {
    void (*visit)(void *self, const struct ts_invoice_line *line);
    void *self;
};

enum ts_invoice_state { TS_INVOICE_ANY, TS_INVOICE_OPEN, TS_INVOICE_BILLED };

struct ts_invoice_filter {
    const char *account_id; /* NULL: of any */
    int32_t date;           /* yyyymmdd; 0: of any */
    enum ts_invoice_state state;
    int64_t max; /* lines; 0: 1000 */

    /* To go on where the last page ended: its last line. date 0: from the first. */
    struct {
        int32_t date;
        const char *account_id;
        const char *credit_id;
    } after;
};

/* Lines by (date, account_id, credit_id). */
bool ts_invoice_store_list(struct ts_invoice_store *store,
                           const struct ts_invoice_filter *filter,
                           const struct ts_invoice_visitor *visitor,
                           struct ts_error *err);

/* Marks the open lines of a date as billed, those of one account or (NULL) of all: all or none of
 * them. The visitor (may be NULL) is shown what was marked, in no order; lines that were billed
 * before stay as they are and are not shown. */
bool ts_invoice_store_mark_billed(struct ts_invoice_store *store,
                                  int32_t date,
                                  const char *account_id,
                                  const char *billed_by,
                                  int64_t now_ms,
                                  const struct ts_invoice_visitor *visitor,
                                  int64_t *marked,
                                  struct ts_error *err);

#endif
