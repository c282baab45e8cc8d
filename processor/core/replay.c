/* SPDX-License-Identifier: Apache-2.0 */
#include "core/replay.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 2 * TS_ALLOWANCES_MAX + 16 };

struct ts_replay_sum {
    size_t size;
    char name[TS_ALLOWANCE_NAME_MAX];
    int64_t before; /* as the calls stand */
    int64_t now;
};

void ts_replay_month_init(struct ts_replay_month *month)
{
    *month = (struct ts_replay_month){0};
}

void ts_replay_month_finish(struct ts_replay_month *month)
{
    free(month->sums);
    *month = (struct ts_replay_month){0};
}

void ts_replay_month_clear(struct ts_replay_month *month)
{
    month->count = 0;
}

/* NULL with err set when there is no memory. */
static struct ts_replay_sum *
sum_of(struct ts_replay_month *month, struct ts_bytes name, struct ts_error *err)
{
    for (size_t i = 0; i < month->count; i++) {
        struct ts_replay_sum *sum = &month->sums[i];
        if (ts_bytes_equal((struct ts_bytes){sum->name, sum->size}, name)) {
            return sum;
        }
    }
    if (month->count == month->capacity) {
        size_t capacity = month->capacity == 0 ? 8 : 2 * month->capacity;
        struct ts_replay_sum *sums = realloc(month->sums, capacity * sizeof *sums);
        if (sums == NULL) {
            ts_error_no_memory(err);
            return NULL;
        }
        month->sums = sums;
        month->capacity = capacity;
    }
    struct ts_replay_sum *sum = &month->sums[month->count++];
    *sum = (struct ts_replay_sum){
        .size = name.size < TS_ALLOWANCE_NAME_MAX ? name.size : TS_ALLOWANCE_NAME_MAX};
    memcpy(sum->name, name.data, sum->size);
    return sum;
}

bool ts_replay_month_keep(struct ts_replay_month *month,
                          const struct ts_adjustment_units *units,
                          size_t count,
                          struct ts_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct ts_replay_sum *sum = sum_of(month, units[i].allowance, err);
        if (sum == NULL) {
            return false;
        }
        sum->before += units[i].units;
        sum->now += units[i].units;
    }
    return true;
}

/* ---- one call */

/* What a call uses of one allowance. */
struct use {
    struct ts_bytes name;
    int64_t before;
    int64_t now;
};

struct uses {
    struct use items[NAMES_MAX];
    size_t count;
};

static struct use *use_of(struct uses *uses, struct ts_bytes name)
{
    for (size_t i = 0; i < uses->count; i++) {
        if (ts_bytes_equal(uses->items[i].name, name)) {
            return &uses->items[i];
        }
    }
    if (uses->count == NAMES_MAX) {
        return NULL;
    }
    uses->items[uses->count] = (struct use){.name = name};
    return &uses->items[uses->count++];
}

static bool too_many(struct ts_error *err)
{
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "the call would change more than %d allowances",
                        TS_ADJUSTMENT_UNITS_MAX);
}

static int64_t charge_of(const struct ts_catalog *catalog,
                         int32_t plan_no,
                         const struct ts_replay_rated *rated,
                         int64_t covered)
{
    return covered == 0
               ? rated->price_micros
               : ts_catalog_share(
                     catalog, plan_no, rated->price_micros, rated->billed - covered, rated->billed);
}

bool ts_replay_draws_as_settled(const struct ts_catalog *catalog,
                                int32_t plan_no,
                                const struct ts_replay_settled *settled,
                                const struct ts_replay_rated *rated,
                                int64_t *charge_micros)
{
    int64_t covered = 0;
    for (size_t i = 0; i < settled->unit_count; i++) {
        covered += settled->units[i].units;
    }
    if (covered < 0 || covered > rated->billed) {
        return false;
    }
    *charge_micros = charge_of(catalog, plan_no, rated, covered);
    bool same_charge = *charge_micros == settled->charge_micros;
    return settled->billed == TS_REPLAY_BILLED_UNKNOWN
               ? same_charge
               : settled->billed == rated->billed && (settled->alike || same_charge);
}

/* Draws on what is left now. Returns the new charge; -1 with err set on failure. */
static int64_t draw(struct ts_replay_month *month,
                    const struct ts_catalog *catalog,
                    int32_t plan_no,
                    const struct ts_replay_rated *rated,
                    struct uses *uses,
                    struct ts_error *err)
{
    union {
        struct ts_included included;
        char room[sizeof(struct ts_included) + TS_ALLOWANCES_MAX * sizeof(struct ts_draw)];
    } u = {.included = {.count = (uint32_t)rated->fitting_count}};
    int64_t used[TS_ALLOWANCES_MAX];
    for (size_t i = 0; i < rated->fitting_count; i++) {
        struct ts_replay_sum *sum = sum_of(month, ts_allowance_name(rated->fitting[i]), err);
        if (sum == NULL) {
            return -1;
        }
        used[i] = sum->now;
        u.included.draws[i] = (struct ts_draw){.allowance = rated->fitting[i]};
    }
    int64_t covered = ts_included_draw(&u.included, rated->billed, used);
    for (size_t i = 0; i < rated->fitting_count; i++) {
        struct use *use = use_of(uses, ts_allowance_name(rated->fitting[i]));
        if (use == NULL) {
            too_many(err);
            return -1;
        }
        use->now = u.included.draws[i].units;
    }
    return charge_of(catalog, plan_no, rated, covered);
}

/* Whether something else was used before this call than when it was settled, of what it may draw
 * on. */
static bool is_disturbed(const struct ts_replay_month *month, const struct ts_replay_rated *rated)
{
    for (size_t i = 0; i < month->count; i++) {
        const struct ts_replay_sum *sum = &month->sums[i];
        for (size_t j = 0; sum->before != sum->now && j < rated->fitting_count; j++) {
            if (ts_bytes_equal((struct ts_bytes){sum->name, sum->size},
                               ts_allowance_name(rated->fitting[j]))) {
                return true;
            }
        }
    }
    return false;
}

static bool add_up(struct ts_replay_month *month, const struct uses *uses, struct ts_error *err)
{
    for (size_t i = 0; i < uses->count; i++) {
        const struct use *use = &uses->items[i];
        if (use->before != 0 || use->now != 0) {
            struct ts_replay_sum *sum = sum_of(month, use->name, err);
            if (sum == NULL) {
                return false;
            }
            sum->before += use->before;
            sum->now += use->now;
        }
    }
    return true;
}

static bool
list_changes(const struct uses *uses, struct ts_replay_change *out, struct ts_error *err)
{
    for (size_t i = 0; i < uses->count; i++) {
        const struct use *use = &uses->items[i];
        if (use->now != use->before) {
            if (out->unit_count == TS_ADJUSTMENT_UNITS_MAX) {
                return too_many(err);
            }
            out->units[out->unit_count++] =
                (struct ts_adjustment_units){use->name, use->now - use->before};
        }
    }
    return true;
}

bool ts_replay_month_rate(struct ts_replay_month *month,
                          const struct ts_catalog *catalog,
                          int32_t plan_no,
                          const struct ts_replay_settled *settled,
                          const struct ts_replay_rated *rated,
                          struct ts_replay_change *out,
                          struct ts_error *err)
{
    struct ts_replay_change change = {0};
    if (ts_replay_draws_as_settled(catalog, plan_no, settled, rated, &change.charge_micros) &&
        !is_disturbed(month, rated)) {
        change.amount_micros = settled->charge_micros - change.charge_micros;
        *out = change;
        return ts_replay_month_keep(month, settled->units, settled->unit_count, err);
    }
    struct uses uses = {.count = 0};
    for (size_t i = 0; i < settled->unit_count; i++) {
        struct use *use = use_of(&uses, settled->units[i].allowance);
        if (use == NULL) {
            return too_many(err);
        }
        use->before += settled->units[i].units;
    }
    change.charge_micros = draw(month, catalog, plan_no, rated, &uses, err);
    if (change.charge_micros < 0 || !list_changes(&uses, &change, err) ||
        !add_up(month, &uses, err)) {
        return false;
    }
    change.amount_micros = settled->charge_micros - change.charge_micros;
    *out = change;
    return true;
}
