/* SPDX-License-Identifier: Apache-2.0 */
#include "app/deck_operand.h"

#include "app/deck_file.h"
#include "core/timestamp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_version(const char *text, int64_t *version)
{
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return false;
    }
    errno = 0;
    *version = strtoll(text, NULL, 10);
    return errno == 0 && *version > 0;
}

static bool is_plan_at(const char *text, struct ts_deck_operand *out)
{
    const char *at = strrchr(text, '@');
    size_t size = at != NULL ? (size_t)(at - text) : 0;
    if (size == 0 || size > TS_PLAN_NAME_MAX ||
        !ts_timestamp_parse(ts_bytes_of(at + 1), &out->at_ms)) {
        return false;
    }
    memcpy(out->plan, text, size);
    out->plan[size] = '\0';
    return true;
}

struct ts_deck_operand ts_deck_operand_of(const char *text)
{
    struct ts_deck_operand operand = {.kind = TS_DECK_OPERAND_FILE, .text = text};
    if (is_version(text, &operand.version)) {
        operand.kind = TS_DECK_OPERAND_VERSION;
    } else if (is_plan_at(text, &operand)) {
        operand.kind = TS_DECK_OPERAND_PLAN;
    }
    return operand;
}

const struct ts_stored_plan *ts_stored_plan_named(const struct ts_stored_rates *rates,
                                                  const char *name)
{
    for (size_t i = 0; i < rates->plan_count; i++) {
        if (strcmp(rates->plans[i].plan.name, name) == 0) {
            return &rates->plans[i];
        }
    }
    return NULL;
}

/* Versions are numbered as they are published: of the same effective time the later one holds. */
const struct ts_stored_version *
ts_stored_version_at(const struct ts_stored_rates *rates, int32_t plan_no, int64_t ms)
{
    const struct ts_stored_version *found = NULL;
    for (size_t i = 0; i < rates->version_count; i++) {
        const struct ts_stored_version *version = &rates->versions[i];
        if (version->plan_no == plan_no && version->effective_ms <= ms &&
            (found == NULL || version->effective_ms >= found->effective_ms)) {
            found = version;
        }
    }
    return found;
}

static bool find_version(const struct ts_deck_operand *operand,
                         struct ts_rates_store *store,
                         int64_t *version,
                         struct ts_error *err)
{
    struct ts_stored_rates rates = {0};
    bool found = false;
    if (ts_rates_store_read(store, &rates, err)) {
        const struct ts_stored_plan *plan = ts_stored_plan_named(&rates, operand->plan);
        const struct ts_stored_version *at =
            plan != NULL ? ts_stored_version_at(&rates, plan->plan_no, operand->at_ms) : NULL;
        found = at != NULL;
        if (found) {
            *version = at->version;
        } else {
            ts_error_set(err,
                         TS_ERROR_REJECT,
                         0,
                         plan == NULL ? "there is no rate plan for %s (`rate-plans list`)"
                                      : "no deck was in effect yet for %s (`decks list`)",
                         operand->text);
        }
    }
    ts_stored_rates_finish(&rates);
    return found;
}

bool ts_deck_operand_read(const struct ts_deck_operand *operand,
                          struct ts_rates_store *store,
                          struct ts_buffer *csv,
                          int64_t *version,
                          struct ts_error *err)
{
    if (operand->kind == TS_DECK_OPERAND_FILE) {
        *version = 0;
        return ts_file_read(operand->text, csv, err);
    }
    *version = operand->version;
    return (operand->kind == TS_DECK_OPERAND_VERSION ||
            find_version(operand, store, version, err)) &&
           ts_rates_store_content(store, *version, csv, err);
}
