/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/rates_store.h"
#include "adapters/tzdata/zone_file.h"
#include "app/cli.h"
#include "app/session.h"
#include "app/suggest.h"
#include "core/catalog_build.h"
#include "core/rate_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_TEXT_MAX = 4096 };

static const struct ts_stored_plan *find(const struct ts_stored_rates *rates, const char *name)
{
    for (size_t i = 0; i < rates->plan_count; i++) {
        if (strcmp(rates->plans[i].plan.name, name) == 0) {
            return &rates->plans[i];
        }
    }
    return NULL;
}

static int refuse_unknown(const struct ts_session *session,
                          const struct ts_stored_rates *rates,
                          const char *name)
{
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, name);
    for (size_t i = 0; i < rates->plan_count; i++) {
        ts_suggest_offer(&suggest, rates->plans[i].plan.name);
    }
    struct ts_error err;
    ts_error_set(&err,
                 TS_ERROR_REJECT,
                 0,
                 "there is no rate plan %s%s%s%s",
                 name,
                 suggest.best != NULL ? ": did you mean " : "",
                 suggest.best != NULL ? suggest.best : "",
                 suggest.best != NULL ? "?" : "");
    return ts_session_fail(session, &err);
}

/* ---- set ---------------------------------------------------------------------------------------
 */

/* All plans with this one changed must make a catalog, else the processors could not load it: the
 * zone exists, the base plans too, of one currency and without a cycle. */
static bool check_together(const struct ts_stored_rates *rates,
                           const struct ts_rate_plan *changed,
                           struct ts_error *err)
{
    struct ts_catalog_build *build = ts_catalog_build_create(NULL, err);
    struct ts_catalog *catalog = NULL;
    struct ts_zone **zones = calloc(rates->plan_count + 1, sizeof *zones);
    bool good = build != NULL && (zones != NULL || ts_error_no_memory(err));
    for (size_t i = 0; good && zones != NULL && i <= rates->plan_count; i++) {
        const struct ts_rate_plan *plan = i < rates->plan_count ? &rates->plans[i].plan : changed;
        int32_t plan_no = i < rates->plan_count ? rates->plans[i].plan_no : INT32_MAX;
        if (plan != changed && strcmp(plan->name, changed->name) == 0) {
            continue;
        }
        zones[i] = ts_zone_file_load(plan->timezone, err);
        good = zones[i] != NULL && ts_catalog_build_plan(build, plan_no, plan, zones[i], err);
    }
    if (good) {
        catalog = ts_catalog_build_finish(build, 1, err);
        good = catalog != NULL;
    }
    ts_catalog_destroy(catalog);
    ts_catalog_build_destroy(build);
    for (size_t i = 0; zones != NULL && i <= rates->plan_count; i++) {
        ts_zone_destroy(zones[i]);
    }
    free(zones);
    return good;
}

static bool set_key(struct ts_rate_plan *plan, const char *assignment, struct ts_error *err)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL) {
        return ts_error_set(err, TS_ERROR_REJECT, 0, "\"%s\" should be KEY=VALUE", assignment);
    }
    struct ts_bytes key = {assignment, (size_t)(equals - assignment)};
    return ts_rate_plan_set(plan, key, ts_bytes_of(equals + 1), err);
}

/* Amounts that are stored, or published to be charged, would change their meaning. */
static bool check_currency(const struct ts_stored_rates *rates,
                           const struct ts_stored_plan *stored,
                           const struct ts_rate_plan *changed,
                           struct ts_error *err)
{
    if (stored == NULL || strcmp(stored->plan.currency, changed->currency) == 0) {
        return true;
    }
    for (size_t i = 0; i < rates->version_count; i++) {
        if (rates->versions[i].plan_no == stored->plan_no) {
            return ts_error_set(err,
                                TS_ERROR_REJECT,
                                0,
                                "rate plan %s has published decks in %s, so its currency can't "
                                "change: make another rate plan",
                                changed->name,
                                stored->plan.currency);
        }
    }
    return true;
}

static int set(const struct ts_session *session,
               struct ts_rates_store *store,
               const struct ts_stored_rates *rates)
{
    const struct ts_args *args = &session->args;
    struct ts_error err = {0};
    struct ts_rate_plan plan;
    const struct ts_stored_plan *stored = find(rates, args->operands[0]);
    size_t name_size = strlen(args->operands[0]);
    if (name_size == 0 || name_size > TS_PLAN_NAME_MAX) {
        return ts_args_refuse(args, "a rate plan's name has 1 to %d bytes", TS_PLAN_NAME_MAX);
    }
    ts_rate_plan_init(&plan, args->operands[0]);
    if (stored != NULL) {
        plan = stored->plan;
    }
    for (size_t i = 1; i < args->operand_count; i++) {
        if (!set_key(&plan, args->operands[i], &err)) {
            return ts_session_fail(session, &err);
        }
    }
    if (!check_currency(rates, stored, &plan, &err) || !check_together(rates, &plan, &err) ||
        !ts_rates_store_set_plan(store, &plan, &err)) {
        return ts_session_fail(session, &err);
    }
    printf("rate plan %s is %s\n", plan.name, stored != NULL ? "changed" : "made");
    return TS_EXIT_OK;
}

/* ---- list and show
 * -------------------------------------------------------------------------------- */

/* The name, then every key. */
static size_t plan_columns(struct ts_column columns[TS_TABLE_COLUMNS_MAX])
{
    size_t keys = ts_rate_plan_key_count();
    columns[0] = (struct ts_column){"name", TS_COLUMN_TEXT};
    for (size_t i = 0; i < keys; i++) {
        columns[i + 1] = (struct ts_column){ts_rate_plan_key(i), TS_COLUMN_TEXT};
    }
    return keys + 1;
}

static void print_plan(struct ts_table *table, const struct ts_rate_plan *plan)
{
    struct ts_buffer text;
    ts_buffer_init(&text, VALUE_TEXT_MAX);
    ts_table_text(table, ts_bytes_of(plan->name));
    for (size_t key = 0; key < ts_rate_plan_key_count(); key++) {
        ts_buffer_clear(&text);
        ts_rate_plan_get(plan, key, &text);
        ts_table_text(table, ts_buffer_bytes(&text));
    }
    ts_buffer_finish(&text);
}

static int
list(const struct ts_session *session, enum ts_format format, const struct ts_stored_rates *rates)
{
    struct ts_column columns[TS_TABLE_COLUMNS_MAX];
    struct ts_table table;
    ts_table_init(&table, stdout, format, columns, plan_columns(columns));
    for (size_t i = 0; i < rates->plan_count; i++) {
        print_plan(&table, &rates->plans[i].plan);
    }
    return ts_session_finish_table(session, &table);
}

static int
show(const struct ts_session *session, enum ts_format format, const struct ts_stored_rates *rates)
{
    struct ts_column columns[TS_TABLE_COLUMNS_MAX];
    struct ts_table table;
    const struct ts_stored_plan *stored = find(rates, session->args.operands[0]);
    if (stored == NULL) {
        return refuse_unknown(session, rates, session->args.operands[0]);
    }
    ts_table_init_record(&table, stdout, format, columns, plan_columns(columns));
    print_plan(&table, &stored->plan);
    return ts_session_finish_table(session, &table);
}

static int act_on(struct ts_session *session,
                  enum ts_format format,
                  struct ts_rates_store *store,
                  const struct ts_stored_rates *rates)
{
    if (ts_args_action_is(&session->args, "set")) {
        return set(session, store, rates);
    }
    return ts_args_action_is(&session->args, "list") ? list(session, format, rates)
                                                     : show(session, format, rates);
}

static int act(struct ts_session *session)
{
    const struct ts_args *args = &session->args;
    bool is_list = ts_args_action_is(args, "list");
    bool is_set = ts_args_action_is(args, "set");
    enum ts_format format;
    if (!ts_args_count(args,
                       is_list ? 0 : 1,
                       is_list  ? 0
                       : is_set ? SIZE_MAX
                                : 1) ||
        !ts_args_format(args, &format)) {
        return TS_EXIT_USAGE;
    }
    struct ts_error err = {0};
    struct ts_stored_rates rates = {0};
    struct ts_rates_store *store = ts_rates_store_create(session->config.postgres.url, &err);
    int status = TS_EXIT_USAGE;
    if (store != NULL && ts_rates_store_read(store, &rates, &err)) {
        status = act_on(session, format, store, &rates);
    } else {
        ts_session_fail(session, &err);
    }
    ts_stored_rates_finish(&rates);
    ts_rates_store_destroy(store);
    return status;
}

int ts_cmd_rate_plans(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "rate-plans", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
