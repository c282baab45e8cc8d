/* SPDX-License-Identifier: Apache-2.0 */
/* A deck as a command's operand names it: a file, a published version (12), or the version that a
 * rate plan had at a time (standard@2026-11-01T00:00:00Z). A file of such a name is named with its
 * folder: ./12. */
#ifndef TS_APP_DECK_OPERAND_H
#define TS_APP_DECK_OPERAND_H

#include "adapters/postgres/rates_store.h"
#include "base/buffer.h"
#include "base/error.h"
#include "core/rate_plan.h"

#include <stdbool.h>
#include <stdint.h>

enum ts_deck_operand_kind { TS_DECK_OPERAND_FILE, TS_DECK_OPERAND_VERSION, TS_DECK_OPERAND_PLAN };

struct ts_deck_operand {
    enum ts_deck_operand_kind kind;
    const char *text;                /* as given; a file's path */
    int64_t version;                 /* of VERSION */
    char plan[TS_PLAN_NAME_MAX + 1]; /* of PLAN */
    int64_t at_ms;
};

/* The text outlives the operand. */
struct ts_deck_operand ts_deck_operand_of(const char *text);

/* Appends the deck's CSV. `*version` is 0 for a file. The store is asked only if it must be. */
bool ts_deck_operand_read(const struct ts_deck_operand *operand,
                          struct ts_rates_store *store,
                          struct ts_buffer *csv,
                          int64_t *version,
                          struct ts_error *err);

/* NULL when there is none. */
const struct ts_stored_plan *ts_stored_plan_named(const struct ts_stored_rates *rates,
                                                  const char *name);
const struct ts_stored_version *
ts_stored_version_at(const struct ts_stored_rates *rates, int32_t plan_no, int64_t ms);

#endif
