/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream decks show --number`: a catalog of the rate plan, its base plans and their versions
 * at the time asked about, and one made-up call rated with it. The rating is the processor's, and
 * it tells its own steps. */
#include "adapters/csv/deck_csv.h"
#include "adapters/tzdata/zone_file.h"
#include "app/deck_file.h"
#include "app/deck_operand.h"
#include "app/decks.h"
#include "core/catalog_build.h"
#include "core/explain.h"
#include "core/money.h"
#include "core/timestamp.h"
#include "core/validate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    PLANS_MAX = 1 + TS_BASE_PLANS_MAX,
    STEPS_SIZE_MAX = 1024 * 1024,
    DURATION_S_MAX = 7 * 86400,
    DURATION_S_DEFAULT = 60,
};

struct inquiry {
    const struct ts_session *session;
    struct ts_rates_store *store;
    const struct ts_numbering *numbering;
    const char *operand; /* the deck, or NULL: what the rate plan has at that time */
    struct ts_stored_rates rates;
    struct ts_stored_plan plan; /* the account's */
    struct ts_cdr cdr;
    struct ts_account_profile account;
    struct ts_deck *decks[PLANS_MAX];
    struct ts_zone *zones[PLANS_MAX];
    size_t plan_count;
    struct ts_buffer steps; /* a line each */
};

static void finish(struct inquiry *inquiry)
{
    for (size_t i = 0; i < inquiry->plan_count; i++) {
        ts_deck_destroy(inquiry->decks[i]);
        ts_zone_destroy(inquiry->zones[i]);
    }
    ts_stored_rates_finish(&inquiry->rates);
    ts_buffer_finish(&inquiry->steps);
}

/* ---- the call
 * --------------------------------------------------------------------------------- */

/* False after telling; `*out` is untouched when the option was not given. */
static bool choose(const struct ts_args *args,
                   const char *option,
                   const char *(*name)(unsigned i),
                   unsigned count,
                   unsigned *out)
{
    const char *text = ts_args_value(args, option);
    unsigned i = 0;
    while (text != NULL && i < count && strcasecmp(text, name(i)) != 0) {
        i++;
    }
    if (text != NULL && i == count) {
        ts_args_refuse(args, "--%s: there is no %s \"%s\"", option, option, text);
        return false;
    }
    *out = text != NULL ? i : *out;
    return true;
}

static const char *license_name(unsigned i)
{
    return ts_license_name((enum ts_license)i);
}

static const char *service_name(unsigned i)
{
    return ts_service_name((enum ts_service)i);
}

static const char *direction_name(unsigned i)
{
    return ts_direction_name((enum ts_direction)i);
}

static bool choose_kind(const struct ts_args *args, struct ts_cdr *cdr)
{
    unsigned license = TS_LICENSE_TALK;
    unsigned service = TS_SERVICE_VOICE;
    unsigned direction = TS_DIRECTION_OUTBOUND;
    if (!choose(args, "license", license_name, TS_LICENSE_COUNT, &license) ||
        !choose(args, "service", service_name, TS_SERVICE_COUNT, &service) ||
        !choose(args, "direction", direction_name, TS_DIRECTION_COUNT, &direction)) {
        return false;
    }
    cdr->license = (enum ts_license)license;
    cdr->service = (enum ts_service)service;
    cdr->direction = (enum ts_direction)direction;
    return true;
}

static bool choose_time(const struct ts_args *args, struct ts_cdr *cdr)
{
    const char *text = ts_args_value(args, "at");
    int64_t seconds = DURATION_S_DEFAULT;
    cdr->answer_ms = (int64_t)time(NULL) * 1000;
    if (text != NULL && !ts_timestamp_parse(ts_bytes_of(text), &cdr->answer_ms)) {
        ts_args_refuse(
            args, "--at: \"%s\" should be a time with its offset, as 2026-12-01T09:30:00Z", text);
        return false;
    }
    if (!ts_args_number(args, "duration", 1, DURATION_S_MAX, &seconds)) {
        return false;
    }
    cdr->start_ms = cdr->answer_ms;
    cdr->duration_ms = seconds * 1000;
    cdr->end_ms = cdr->answer_ms + cdr->duration_ms;
    return true;
}

/* The call asked about, answered at that time. */
static bool make_call(struct inquiry *inquiry)
{
    const struct ts_args *args = &inquiry->session->args;
    struct ts_validate_limits limits = {TS_VALIDATE_NO_CLOCK, TS_DURATION_TOLERANCE_MS_DEFAULT};
    const char *country = ts_args_value(args, "country");
    struct ts_cdr *cdr = &inquiry->cdr;
    char message[TS_VALIDATE_MESSAGE_MAX];
    struct ts_country_set countries = {{0}};
    *cdr = (struct ts_cdr){.cdr_id = TS_LITERAL("asked"),
                           .source = TS_LITERAL("decks show"),
                           .account_id = TS_LITERAL("any"),
                           .to_number = ts_bytes_of(ts_args_value(args, "number")),
                           .has_answer = true,
                           .disposition = TS_DISPOSITION_ANSWERED};
    if (!choose_kind(args, cdr) || !choose_time(args, cdr)) {
        return false;
    }
    bool inbound = cdr->direction == TS_DIRECTION_INBOUND;
    cdr->from_number = inbound ? TS_LITERAL("anonymous") : TS_LITERAL("100");
    cdr->origin_country = ts_bytes_of(ts_args_value(args, "origin"));
    country = country != NULL ? country : "US";
    if (!ts_country_set_add(&countries, ts_bytes_of(country))) {
        ts_args_refuse(args, "--country: \"%s\" should be an ISO country as GB", country);
        return false;
    }
    inquiry->account = (struct ts_account_profile){.timezone = "UTC"};
    for (int i = 0; i < 2; i++) {
        inquiry->account.country[i] = (char)(country[i] & ~0x20);
    }
    if (ts_cdr_validate(cdr, &limits, message, sizeof message) != TS_REASON_NONE) {
        ts_args_refuse(args, "%s", message);
        return false;
    }
    return true;
}

/* ---- the catalog
 * ------------------------------------------------------------------------------ */

static const struct ts_stored_version *find_version(const struct ts_stored_rates *rates,
                                                    int64_t number)
{
    for (size_t i = 0; i < rates->version_count; i++) {
        if (rates->versions[i].version == number) {
            return &rates->versions[i];
        }
    }
    return NULL;
}

static const struct ts_stored_plan *find_plan(const struct ts_stored_rates *rates, int32_t plan_no)
{
    for (size_t i = 0; i < rates->plan_count; i++) {
        if (rates->plans[i].plan_no == plan_no) {
            return &rates->plans[i];
        }
    }
    return NULL;
}

static const struct ts_stored_plan *
refuse_plan(struct ts_error *err, const char *what, const char *name)
{
    ts_error_set(
        err, TS_ERROR_REJECT, 0, "%s %s: `rate-plans list` and `decks list` show them", what, name);
    return NULL;
}

/* Of those stored: the one named, else the version's, else the only one there is. */
static const struct ts_stored_plan *find_stored(const struct inquiry *inquiry,
                                                const struct ts_deck_operand *operand,
                                                struct ts_error *err)
{
    const struct ts_stored_rates *rates = &inquiry->rates;
    const char *name = ts_args_value(&inquiry->session->args, "rate-plan");
    const struct ts_stored_plan *found = NULL;
    if (name == NULL && operand->kind == TS_DECK_OPERAND_VERSION) {
        const struct ts_stored_version *version = find_version(rates, operand->version);
        found = version != NULL ? find_plan(rates, version->plan_no) : NULL;
        return found != NULL ? found : refuse_plan(err, "there is no deck version", operand->text);
    }
    if (name == NULL && operand->kind == TS_DECK_OPERAND_FILE) {
        return rates->plan_count == 1 ? &rates->plans[0]
                                      : refuse_plan(err, "by which rate plan?", "--rate-plan NAME");
    }
    name = name != NULL ? name : operand->plan;
    found = ts_stored_plan_named(rates, name);
    return found != NULL ? found : refuse_plan(err, "there is no rate plan", name);
}

/* A file alone has a rate plan with all settings at their defaults. */
static bool choose_plan(struct inquiry *inquiry, struct ts_error *err)
{
    bool named = ts_args_flag(&inquiry->session->args, "rate-plan");
    struct ts_deck_operand operand =
        ts_deck_operand_of(inquiry->operand != NULL ? inquiry->operand : "");
    if (inquiry->operand != NULL && operand.kind == TS_DECK_OPERAND_FILE && !named) {
        inquiry->plan.plan_no = 1;
        ts_rate_plan_init(&inquiry->plan.plan, "deck");
        return true;
    }
    if (!ts_rates_store_read(inquiry->store, &inquiry->rates, err)) {
        return false;
    }
    const struct ts_stored_plan *found = find_stored(inquiry, &operand, err);
    if (found != NULL) {
        inquiry->plan = *found;
    }
    return found != NULL;
}

/* The deck of one plan as its operand says, into `version`. */
static bool add_deck(struct inquiry *inquiry,
                     struct ts_catalog_build *build,
                     const char *operand,
                     struct ts_deck_version *version,
                     struct ts_error *err)
{
    struct ts_deck_operand named = ts_deck_operand_of(operand);
    struct ts_deck_notes notes = {.path = operand, .out = stderr};
    struct ts_deck_listener listener = ts_deck_notes_listener(&notes);
    struct ts_buffer csv;
    ts_buffer_init(&csv, TS_DECK_FILE_SIZE_MAX);
    if (ts_deck_operand_read(&named, inquiry->store, &csv, &version->version, err)) {
        version->deck = ts_csv_read_deck(ts_buffer_bytes(&csv), NULL, &listener, err);
    }
    ts_buffer_finish(&csv);
    inquiry->decks[inquiry->plan_count - 1] = (struct ts_deck *)(uintptr_t)version->deck;
    version->version = version->version > 0 ? version->version : 1; /* of a file */
    return version->deck != NULL && ts_catalog_build_version(build, version, err);
}

static bool add_plan(struct inquiry *inquiry,
                     struct ts_catalog_build *build,
                     const struct ts_stored_plan *plan,
                     const char *operand,
                     struct ts_error *err)
{
    char number[24];
    struct ts_zone *zone = ts_zone_file_load(plan->plan.timezone, err);
    inquiry->zones[inquiry->plan_count++] = zone;
    if (zone == NULL || !ts_catalog_build_plan(build, plan->plan_no, &plan->plan, zone, err)) {
        return false;
    }
    struct ts_deck_version version = {.plan_no = plan->plan_no, .effective_ms = INT64_MIN};
    if (operand == NULL) {
        const struct ts_stored_version *stored =
            ts_stored_version_at(&inquiry->rates, plan->plan_no, inquiry->cdr.answer_ms);
        if (stored == NULL) {
            return true;
        }
        snprintf(number, sizeof number, "%lld", (long long)stored->version);
        operand = number;
    }
    return add_deck(inquiry, build, operand, &version, err);
}

/* The plan, and those it is based on. */
static bool add_plans(struct inquiry *inquiry, struct ts_catalog_build *build, struct ts_error *err)
{
    const struct ts_stored_plan *plan = &inquiry->plan;
    const char *operand = inquiry->operand;
    while (plan != NULL && inquiry->plan_count < PLANS_MAX) {
        if (!add_plan(inquiry, build, plan, operand, err)) {
            return false;
        }
        operand = NULL;
        plan = plan->plan.base_plan[0] != '\0'
                   ? ts_stored_plan_named(&inquiry->rates, plan->plan.base_plan)
                   : NULL;
    }
    return true;
}

static struct ts_catalog *build_catalog(struct inquiry *inquiry, struct ts_error *err)
{
    struct ts_catalog_build *build = ts_catalog_build_create(inquiry->numbering, err);
    struct ts_catalog *catalog = NULL;
    if (build != NULL && add_plans(inquiry, build, err)) {
        catalog = ts_catalog_build_finish(build, 1, err);
    }
    ts_catalog_build_destroy(build);
    return catalog;
}

/* ---- the answer
 * ------------------------------------------------------------------------------- */

static void add_step(void *self, const char *text)
{
    struct ts_buffer *steps = self;
    ts_buffer_append_text(steps, steps->size > 0 ? "\n" : "");
    ts_buffer_append_text(steps, text);
}

/* The last is for formats that have no place for lines of text. */
static const struct ts_column columns[] = {{"rate_plan", TS_COLUMN_TEXT},
                                           {"deck_version", TS_COLUMN_NUMBER},
                                           {"line", TS_COLUMN_NUMBER},
                                           {"category", TS_COLUMN_TEXT},
                                           {"region", TS_COLUMN_TEXT},
                                           {"prefix", TS_COLUMN_TEXT},
                                           {"description", TS_COLUMN_TEXT},
                                           {"rate", TS_COLUMN_TEXT},
                                           {"connect_fee", TS_COLUMN_TEXT},
                                           {"unit", TS_COLUMN_TEXT},
                                           {"quantity", TS_COLUMN_NUMBER},
                                           {"billed", TS_COLUMN_NUMBER},
                                           {"charge", TS_COLUMN_TEXT},
                                           {"currency", TS_COLUMN_TEXT},
                                           {"error", TS_COLUMN_TEXT},
                                           {"message", TS_COLUMN_TEXT},
                                           {"why", TS_COLUMN_TEXT}};

enum { COLUMN_COUNT = sizeof columns / sizeof *columns, PRICE_COLUMNS = 7 };

static void print_text(struct ts_table *table, const char *text)
{
    ts_table_text(table, ts_bytes_of(text));
}

static void print_number(struct ts_table *table, int64_t number)
{
    if (number == 0) {
        ts_table_absent(table);
    } else {
        ts_table_number(table, number);
    }
}

static void print_price(struct ts_table *table,
                        const struct ts_rating *rating,
                        const struct ts_rate_plan *plan,
                        const char *message)
{
    char rate[TS_MONEY_TEXT_MAX];
    char fee[TS_MONEY_TEXT_MAX];
    char charge[TS_MONEY_TEXT_MAX];
    if (rating->reason != TS_REASON_NONE) {
        for (int i = 0; i < PRICE_COLUMNS; i++) {
            ts_table_absent(table);
        }
        print_text(table, ts_reason_name(rating->reason));
        print_text(table, message);
        return;
    }
    ts_money_format_e8(rating->rate_e8, rate);
    ts_money_format_e8(rating->connect_fee_e8, fee);
    ts_money_format_micros(rating->charge_micros, charge);
    print_text(table, rate);
    print_text(table, fee);
    print_text(table, ts_unit_name(rating->unit));
    ts_table_number(table, rating->quantity);
    ts_table_number(table, rating->billed);
    print_text(table, charge);
    print_text(table, plan->currency);
    ts_table_absent(table);
    ts_table_absent(table);
}

static int print(const struct inquiry *inquiry,
                 enum ts_format format,
                 const struct ts_rating *rating,
                 const char *message)
{
    struct ts_table table;
    bool lines = format == TS_FORMAT_TABLE;
    struct ts_bytes steps = ts_buffer_bytes(&inquiry->steps);
    bool file = inquiry->operand != NULL &&
                ts_deck_operand_of(inquiry->operand).kind == TS_DECK_OPERAND_FILE;
    ts_table_init_record(&table, stdout, format, columns, lines ? COLUMN_COUNT - 1 : COLUMN_COUNT);
    print_text(&table, inquiry->plan.plan.name);
    print_number(&table, file && rating->deck_version == 1 ? 0 : rating->deck_version);
    print_number(&table, rating->deck_line);
    print_text(&table, ts_category_name(rating->category));
    print_text(&table, rating->region);
    ts_table_text(&table, rating->prefix);
    ts_table_text(&table, rating->description);
    print_price(&table, rating, &inquiry->plan.plan, message);
    if (!lines) {
        ts_table_text(&table, steps);
    }
    int status = ts_session_finish_table(inquiry->session, &table);
    if (lines && status == TS_EXIT_OK) {
        printf("\n%.*s\n", TS_ARGS(steps));
    }
    return status != TS_EXIT_OK || rating->reason == TS_REASON_NONE ? status : TS_EXIT_FINDING;
}

static int answer(struct inquiry *inquiry, enum ts_format format)
{
    struct ts_error err = {0};
    struct ts_rating rating;
    char message[TS_RATING_MESSAGE_MAX] = "";
    struct ts_explain explain = {.step = add_step, .self = &inquiry->steps};
    struct ts_catalog *catalog = choose_plan(inquiry, &err) ? build_catalog(inquiry, &err) : NULL;
    if (catalog == NULL) {
        return ts_session_fail(inquiry->session, &err);
    }
    inquiry->account.rate_plan = inquiry->plan.plan_no;
    ts_catalog_explain(catalog, &inquiry->account, &inquiry->cdr, &explain, &rating, message);
    int status = print(inquiry, format, &rating, message);
    ts_catalog_destroy(catalog);
    return status;
}

int ts_decks_show_number(const struct ts_session *session,
                         struct ts_rates_store *store,
                         const struct ts_numbering *numbering)
{
    const struct ts_args *args = &session->args;
    struct inquiry inquiry = {.session = session, .store = store, .numbering = numbering};
    enum ts_format format;
    if (!ts_args_count(args, 0, 1) || !ts_args_format(args, &format)) {
        return TS_EXIT_USAGE;
    }
    inquiry.operand = args->operand_count > 0 ? args->operands[0] : NULL;
    ts_buffer_init(&inquiry.steps, STEPS_SIZE_MAX);
    int status = make_call(&inquiry) ? answer(&inquiry, format) : TS_EXIT_USAGE;
    finish(&inquiry);
    return status;
}
