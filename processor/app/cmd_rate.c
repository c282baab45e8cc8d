/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream rate`: a catalog of the decks on the command line, the later ones base plans of the
 * earlier, and the calculator on it. */
#include "adapters/json/profile_json.h"
#include "adapters/tzdata/zone_file.h"
#include "app/args.h"
#include "app/calculator.h"
#include "app/cli.h"
#include "app/deck_file.h"
#include "core/catalog_build.h"
#include "core/numbering.h"
#include "core/numbering_data.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DECKS_MAX = 1 + TS_BASE_PLANS_MAX, ACCOUNT_SIZE_MAX = 1024 * 1024 };

struct calculation {
    struct ts_numbering *numbering;
    struct ts_zone *zone;
    struct ts_deck *decks[DECKS_MAX];
    size_t deck_count;
    struct ts_rate_plan plan;
    struct ts_account_profile profile;
    struct ts_catalog *catalog;
};

static void finish(struct calculation *c)
{
    ts_catalog_destroy(c->catalog);
    for (size_t i = 0; i < c->deck_count; i++) {
        ts_deck_destroy(c->decks[i]);
    }
    ts_zone_destroy(c->zone);
    ts_numbering_destroy(c->numbering);
}

/* Options that are keys of the rate plan. */
static bool set_plan(struct calculation *c, const struct ts_args *args, struct ts_error *err)
{
    static const char *const keys[] = {"timezone", "currency", "decimals", "rounding"};
    ts_rate_plan_init(&c->plan, "deck");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = ts_args_value(args, keys[i]);
        if (value == NULL) {
            continue;
        }
        if (!ts_rate_plan_set(&c->plan, ts_bytes_of(keys[i]), ts_bytes_of(value), err)) {
            return false;
        }
    }
    return true;
}

static bool read_account(struct calculation *c, const char *path, struct ts_error *err)
{
    struct ts_buffer text;
    c->profile = (struct ts_account_profile){
        .account_no = 1, .country = "US", .timezone = "UTC", .rate_plan = 1};
    if (path == NULL) {
        return true;
    }
    ts_buffer_init(&text, ACCOUNT_SIZE_MAX);
    bool good = ts_file_read(path, &text, err);
    if (good && !ts_json_profile_read(ts_buffer_bytes(&text), &c->profile, &c->plan, err)) {
        good = ts_error_prefix(err, "%s", path);
    }
    ts_buffer_finish(&text);
    return good;
}

/* All decks are read, also after a refused one: every fault is told. */
static bool read_decks(struct calculation *c, const struct ts_args *args)
{
    bool good = true;
    for (size_t i = 0; i <= args->repeated_count; i++) {
        const char *path = i == 0 ? ts_args_value(args, "deck") : args->repeated[i - 1];
        struct ts_deck *deck = ts_deck_file_load(path, NULL, stderr);
        if (deck == NULL) {
            good = false;
        } else {
            c->decks[c->deck_count++] = deck;
        }
    }
    return good;
}

/* Plan 1 is the account's; plan n + 1 is the base of plan n. */
static bool add_plans(struct calculation *c, struct ts_catalog_build *build, struct ts_error *err)
{
    for (size_t i = 0; i < c->deck_count; i++) {
        struct ts_rate_plan plan = c->plan;
        struct ts_deck_version version = {.version = (int64_t)i + 1,
                                          .plan_no = (int32_t)i + 1,
                                          .effective_ms = INT64_MIN,
                                          .deck = c->decks[i]};
        if (i > 0) {
            snprintf(plan.name, sizeof plan.name, "base %zu", i);
        }
        if (i + 1 < c->deck_count) {
            snprintf(plan.base_plan, sizeof plan.base_plan, "base %zu", i + 1);
        }
        if (!ts_catalog_build_plan(build, version.plan_no, &plan, c->zone, err) ||
            !ts_catalog_build_version(build, &version, err)) {
            return false;
        }
    }
    return true;
}

static bool build_catalog(struct calculation *c, struct ts_error *err)
{
    struct ts_catalog_build *build = ts_catalog_build_create(c->numbering, err);
    if (build == NULL) {
        return false;
    }
    if (add_plans(c, build, err)) {
        c->catalog = ts_catalog_build_finish(build, 1, err);
    }
    ts_catalog_build_destroy(build);
    return c->catalog != NULL;
}

static bool prepare(struct calculation *c, const struct ts_args *args, struct ts_error *err)
{
    if (!set_plan(c, args, err) || !read_account(c, ts_args_value(args, "account"), err)) {
        return false;
    }
    c->zone = ts_zone_file_load(c->plan.timezone, err);
    c->numbering = ts_numbering_create(ts_numbering_plan_embedded(), err);
    if (c->zone == NULL || c->numbering == NULL) {
        return false;
    }
    if (!read_decks(c, args)) {
        return ts_error_set(err, TS_ERROR_REJECT, 0, "nothing was priced");
    }
    return build_catalog(c, err);
}

/* 0 when it is not known. */
static int64_t size_of(FILE *in)
{
    struct stat stat;
    return fstat(fileno(in), &stat) == 0 && S_ISREG(stat.st_mode) ? stat.st_size : 0;
}

static bool price_file(const struct calculation *c,
                       const struct ts_args *args,
                       const char *path,
                       struct ts_error *err)
{
    struct ts_calculator calculator = {
        .catalog = c->catalog,
        .profile = c->profile,
        .currency = c->plan.currency,
        .explain = ts_args_flag(args, "explain"),
    };
    bool standard_input = strcmp(path, "-") == 0;
    FILE *in = standard_input ? stdin : fopen(path, "r");
    if (in == NULL) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "cannot read %s: %s", path, strerror(errno));
    }
    /* Answers on the same terminal tell enough, and a bar would be drawn over them. */
    struct ts_progress progress;
    bool quiet = standard_input || isatty(STDOUT_FILENO);
    ts_progress_init(&progress, "records", size_of(in), quiet);
    calculator.progress = &progress;
    bool good = ts_calculator_run(&calculator, in, stdout, err);
    ts_progress_finish(&progress);
    if (!standard_input) {
        fclose(in);
    }
    return good;
}

int ts_cmd_rate(int argc, char **argv)
{
    struct ts_args args;
    struct ts_error err = {0};
    struct calculation c = {.deck_count = 0};
    if (!ts_args_parse(&args, "rate", argc, argv) || !ts_args_count(&args, 0, 1)) {
        return TS_EXIT_USAGE;
    }
    if (ts_args_value(&args, "deck") == NULL) {
        return ts_args_refuse(&args, "--deck is missing");
    }
    bool good = prepare(&c, &args, &err) &&
                price_file(&c, &args, args.operand_count > 0 ? args.operands[0] : "-", &err);
    finish(&c);
    if (!good) {
        fprintf(stderr, "tollstream rate: %s\n", err.text);
    }
    return good ? TS_EXIT_OK : TS_EXIT_USAGE;
}
