/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/calls.h"

#include "core/attributes.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000.0
#define DURATION_MAX_MS 14400000.0

enum { KIND_CALL = 0xca11, HOURS_MAX = 366 * 24 + 2, ATTRIBUTES_MAX = 1024 };

enum scenario {
    INTERNAL,
    LOCAL_OUT,
    LOCAL_IN,
    TOLL_FREE_IN,
    TOLL_FREE_OUT,
    INTERNATIONAL_OUT,
    PREMIUM_OUT,
    EMERGENCY,
    SHORT_NUMBER,
    FAX_OUT,
    FAX_IN,
    SCENARIOS,
};

static const uint32_t scenario_weights[SCENARIOS] = {
    [INTERNAL] = 120,
    [LOCAL_OUT] = 360,
    [LOCAL_IN] = 250,
    [TOLL_FREE_IN] = 110,
    [TOLL_FREE_OUT] = 15,
    [INTERNATIONAL_OUT] = 70,
    [PREMIUM_OUT] = 2,
    [EMERGENCY] = 2,
    [SHORT_NUMBER] = 3,
    [FAX_OUT] = 40,
    [FAX_IN] = 28,
};

/* Where international calls go; the last weight is for anywhere at all. */
static const char *const destinations[] = {"GB", "MX", "IN", "PH", "DE", "FR", "CO", "JP",
                                           "CN", "AU", "ES", "IT", "BR", "US", "CA", "IE",
                                           "NL", "CH", "PL", "IL", "KR", "SG", "ZA", "DO"};
static const uint32_t destination_weights[] = {140, 120, 90, 60, 60, 50, 40, 35, 35, 35, 30, 30, 30,
                                               40,  30,  20, 20, 20, 15, 15, 15, 15, 15, 15, 125};
enum { DESTINATIONS = sizeof destinations / sizeof destinations[0] };

struct lg_calls {
    const struct lg_options *options;
    const struct lg_offices *offices;
    const struct lg_numbers *numbers;
    uint32_t destination_regions[DESTINATIONS];
    uint32_t hours;
    double until[HOURS_MAX]; /* calls expected before the end of each hour */
};

/* Offices are awake by day and rest at the weekend; by the clock of New York, more or less. */
static double busyness(double hour_of_epoch)
{
    int64_t hour = (int64_t)hour_of_epoch - 5;
    int64_t of_day = hour % 24;
    bool weekend = (hour / 24 + 3) % 7 >= 5;
    double weight = of_day >= 9 && of_day < 17 ? 10 : of_day >= 7 && of_day < 20 ? 5 : 1;
    return weekend ? weight * 0.35 : weight;
}

struct lg_calls *lg_calls_create(const struct lg_options *options,
                                 const struct lg_offices *offices,
                                 const struct lg_numbers *numbers,
                                 struct ts_error *err)
{
    struct lg_calls *calls = calloc(1, sizeof *calls);
    if (calls == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    calls->options = options;
    calls->offices = offices;
    calls->numbers = numbers;
    for (int i = 0; i < DESTINATIONS; i++) {
        calls->destination_regions[i] = lg_numbers_region(numbers, destinations[i]);
    }
    double first_hour = (double)options->start_ms / HOUR_MS;
    double expected = 0;
    for (double hours = options->days * 24; hours > 0 && calls->hours < HOURS_MAX; hours -= 1) {
        expected += busyness(first_hour + calls->hours) * (hours < 1 ? hours : 1);
        calls->until[calls->hours++] = expected;
    }
    return calls;
}

void lg_calls_destroy(struct lg_calls *calls)
{
    free(calls);
}

void lg_call_init(struct lg_call *call)
{
    *call = (struct lg_call){0};
    ts_buffer_init(&call->attributes, ATTRIBUTES_MAX);
}

void lg_call_finish(struct lg_call *call)
{
    ts_buffer_finish(&call->attributes);
}

/* When the switch writes the record that is so far (0 to 1) through the stretch of time. */
static int64_t time_at(const struct lg_calls *calls, double progress)
{
    double wanted = progress * calls->until[calls->hours - 1];
    uint32_t low = 0;
    uint32_t high = calls->hours - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (calls->until[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    double before = low == 0 ? 0 : calls->until[low - 1];
    double within = (wanted - before) / (calls->until[low] - before);
    double length = calls->options->days * 24 - low < 1 ? calls->options->days * 24 - low : 1;
    return calls->options->start_ms + (int64_t)((low + within * length) * HOUR_MS);
}

/* --- who with whom --------------------------------------------------------------------------- */

static size_t copy_text(char *out, const char *text)
{
    size_t size = strlen(text);
    memcpy(out, text, size + 1);
    return size;
}

static uint32_t foreign_region(const struct lg_calls *calls,
                               const struct lg_office *office,
                               struct lg_random *random)
{
    const char *home = lg_numbers_region_name(calls->numbers, office->region);
    bool american = strcmp(home, "US") == 0 || strcmp(home, "CA") == 0;
    for (;;) {
        unsigned i = lg_random_weighted(random, destination_weights, DESTINATIONS + 1);
        uint32_t region =
            i < DESTINATIONS
                ? calls->destination_regions[i]
                : (uint32_t)lg_random_below(random, lg_numbers_region_count(calls->numbers));
        const char *name = lg_numbers_region_name(calls->numbers, region);
        bool local = region == office->region ||
                     (american && (strcmp(name, "US") == 0 || strcmp(name, "CA") == 0));
        if (!local) {
            return region;
        }
    }
}

/* The other party of an outbound call. */
static size_t callee(const struct lg_calls *calls,
                     enum scenario scenario,
                     const struct lg_office *office,
                     struct lg_random *random,
                     char *out)
{
    static const char *const short_numbers[] = {"411", "311", "*67", "0", "#31#", "12345"};
    uint32_t region = office->region;
    enum lg_number_kind kind = LG_NUMBER_ORDINARY;
    switch (scenario) {
    case EMERGENCY:
        return copy_text(out, lg_office_emergency_number(office));
    case SHORT_NUMBER:
        return copy_text(out, short_numbers[lg_random_below(random, 6)]);
    case INTERNAL:
        return lg_office_line(
            calls->offices, office, (uint32_t)lg_random_below(random, office->people), out);
    case TOLL_FREE_OUT:
        kind = LG_NUMBER_TOLL_FREE;
        break;
    case PREMIUM_OUT:
        kind = LG_NUMBER_PREMIUM;
        break;
    case INTERNATIONAL_OUT:
        region = foreign_region(calls, office, random);
        break;
    case FAX_OUT:
        region = lg_random_chance(random, 150000) ? foreign_region(calls, office, random) : region;
        break;
    default:
        break;
    }
    return lg_numbers_draw(calls->numbers, random, region, kind, out);
}

/* The caller of an inbound call, as a switch passed it on. */
static size_t caller(const struct lg_calls *calls,
                     const struct lg_office *office,
                     struct lg_random *random,
                     char *out)
{
    if (lg_random_chance(random, 30000)) {
        return copy_text(out, lg_random_chance(random, 500000) ? "anonymous" : "");
    }
    uint32_t region =
        lg_random_chance(random, 40000) ? foreign_region(calls, office, random) : office->region;
    return lg_numbers_draw(calls->numbers, random, region, LG_NUMBER_ORDINARY, out);
}

static bool is_inbound(enum scenario scenario)
{
    return scenario == LOCAL_IN || scenario == TOLL_FREE_IN || scenario == FAX_IN;
}

static void set_parties(const struct lg_calls *calls,
                        enum scenario scenario,
                        struct lg_random *random,
                        struct lg_call *call)
{
    const struct lg_office *office = &call->office;
    struct ts_cdr *cdr = &call->cdr;
    uint32_t person = (uint32_t)lg_random_below(random, office->people);
    char *own = is_inbound(scenario) ? call->to : call->from;
    size_t own_size = scenario == TOLL_FREE_IN
                          ? lg_office_toll_free(calls->offices, office, own)
                          : lg_office_line(calls->offices, office, person, own);
    if (is_inbound(scenario)) {
        cdr->to_number = (struct ts_bytes){call->to, own_size};
        cdr->from_number = (struct ts_bytes){call->from, caller(calls, office, random, call->from)};
    } else {
        cdr->from_number = (struct ts_bytes){call->from, own_size};
        cdr->to_number =
            (struct ts_bytes){call->to, callee(calls, scenario, office, random, call->to)};
        if (lg_random_chance(random, 30000)) {
            cdr->origin_country = ts_bytes_of(destinations[lg_random_below(random, DESTINATIONS)]);
        }
    }
    cdr->direction = scenario == INTERNAL   ? TS_DIRECTION_INTERNAL
                     : is_inbound(scenario) ? TS_DIRECTION_INBOUND
                                            : TS_DIRECTION_OUTBOUND;
    size_t size =
        lg_append_number(call->user_id, copy_text(call->user_id, "u-"), office->number, 6);
    call->user_id[size++] = '-';
    size = lg_append_number(call->user_id, size, person, 1);
    cdr->user_id = (struct ts_bytes){call->user_id, size};
    cdr->user_name = lg_person_name(office, person, call->user_name);
    cdr->department = lg_person_department(office, person);
}

/* --- when, how long, how it ended ------------------------------------------------------------ */

static void set_answered(enum scenario scenario, struct lg_random *random, struct ts_cdr *cdr)
{
    double median_ms = cdr->license == TS_LICENSE_CONTACT_CENTER ? 180000 : 75000;
    double conversation = lg_random_log_normal(random, median_ms, 1.1);
    if (scenario == FAX_OUT || scenario == FAX_IN) {
        cdr->pages = 1 + (int32_t)lg_random_exponential(random, 3);
        conversation = 15000 + cdr->pages * lg_random_log_normal(random, 35000, 0.3);
        if (lg_random_chance(random, 30000)) { /* broke off */
            cdr->disposition = TS_DISPOSITION_FAILED;
            cdr->pages /= 2;
        }
    }
    cdr->has_answer = true;
    cdr->duration_ms = (int64_t)(conversation < DURATION_MAX_MS ? conversation : DURATION_MAX_MS);
    cdr->answer_ms = cdr->end_ms - cdr->duration_ms;
    if (lg_random_chance(random, 50000)) { /* clocks that don't quite agree */
        cdr->duration_ms += lg_random_between(random, 0, 900);
    }
    cdr->hangup_cause = 16;
}

static void set_unanswered(struct lg_random *random, struct ts_cdr *cdr)
{
    static const struct {
        enum ts_disposition disposition;
        int32_t cause;
    } endings[] = {{TS_DISPOSITION_NO_ANSWER, 19},
                   {TS_DISPOSITION_BUSY, 17},
                   {TS_DISPOSITION_FAILED, 41},
                   {TS_DISPOSITION_CANCELED, 16}};
    static const uint32_t weights[] = {60, 15, 5, 20};
    unsigned i = lg_random_weighted(random, weights, 4);
    cdr->disposition = endings[i].disposition;
    cdr->hangup_cause = endings[i].cause;
}

static void set_times(const struct lg_calls *calls,
                      enum scenario scenario,
                      uint64_t n,
                      struct lg_random *random,
                      struct ts_cdr *cdr)
{
    const struct lg_options *options = calls->options;
    double progress =
        ((double)(n - options->first) + lg_random_fraction(random)) / ((double)options->count + 1);
    cdr->end_ms =
        time_at(calls, progress < 1 ? progress : 1) - (int64_t)lg_random_exponential(random, 3000);
    if (lg_random_chance(random, options->late_ppm)) {
        double mean_ms = lg_random_chance(random, 100000) ? 24 * HOUR_MS : HOUR_MS;
        cdr->end_ms -= (int64_t)lg_random_exponential(random, mean_ms);
    }
    cdr->hangup_cause = 16;
    cdr->has_hangup_cause = true;
    if (lg_random_chance(random, 220000)) {
        set_unanswered(random, cdr);
    } else {
        set_answered(scenario, random, cdr);
    }
    int64_t ringing = lg_random_between(random, 500, 25000);
    cdr->start_ms = (cdr->has_answer ? cdr->answer_ms : cdr->end_ms) - ringing;
}

/* --- the rest -------------------------------------------------------------------------------- */

static size_t hex(uint64_t value, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t size = 0;
    for (int shift = 60; shift >= 0; shift -= 4) {
        unsigned digit = (unsigned)(value >> shift) & 15;
        if (digit != 0 || size > 0 || shift < 32) {
            out[size++] = digits[digit];
        }
    }
    return size;
}

static void set_identity(uint64_t n, struct lg_random *random, struct lg_call *call)
{
    static const char *const switches[] = {"sw-nyc-1",
                                           "sw-nyc-2",
                                           "sw-chi-1",
                                           "sw-dal-1",
                                           "sw-lax-1",
                                           "sw-lax-2",
                                           "sw-lon-1",
                                           "sw-fra-1"};
    struct ts_cdr *cdr = &call->cdr;
    cdr->cdr_id = (struct ts_bytes){call->cdr_id, hex(n, call->cdr_id)};
    cdr->source = ts_bytes_of(switches[lg_random_below(random, 8)]);
    cdr->account_id = (struct ts_bytes){call->office.id, call->office.id_size};
    if (lg_random_chance(random, 300000)) {
        size_t size = copy_text(call->call_id, "c-");
        cdr->call_id = (struct ts_bytes){call->call_id, size + hex(n / 2, call->call_id + size)};
        cdr->leg = (int32_t)(n & 1);
    }
}

static void set_attributes(struct lg_random *random, struct lg_call *call)
{
    static const char *const trunks[] = {"t-east-1", "t-east-2", "t-west-1", "t-eu-1"};
    static const char *const campaigns[] = {"renewals", "spring", "survey"};
    struct ts_cdr_attributes *attributes = &call->cdr.attributes;
    if (!lg_random_chance(random, 300000)) {
        return;
    }
    ts_buffer_clear(&call->attributes);
    ts_attributes_append(
        &call->attributes, TS_LITERAL("trunk"), ts_bytes_of(trunks[lg_random_below(random, 4)]));
    attributes->count = 1;
    if (call->cdr.license != TS_LICENSE_TALK) {
        ts_attributes_append(&call->attributes,
                             TS_LITERAL("campaign"),
                             ts_bytes_of(campaigns[lg_random_below(random, 3)]));
        attributes->count++;
    }
    ts_attributes_end(&call->attributes);
    attributes->encoded = ts_buffer_bytes(&call->attributes);
}

void lg_calls_make(const struct lg_calls *calls, uint64_t n, struct lg_call *call)
{
    static const uint32_t license_weights[] = {80, 15, 5};
    struct lg_random random = lg_random_of(calls->options->seed, KIND_CALL, n);
    uint64_t number = lg_random_zipf(&random, calls->options->accounts, calls->options->zipf);
    enum scenario scenario =
        (enum scenario)lg_random_weighted(&random, scenario_weights, SCENARIOS);
    call->cdr = (struct ts_cdr){0};
    call->office = lg_office_of(calls->offices, (uint32_t)number);
    call->cdr.license = (enum ts_license)lg_random_weighted(&random, license_weights, 3);
    call->cdr.service =
        scenario == FAX_OUT || scenario == FAX_IN ? TS_SERVICE_FAX : TS_SERVICE_VOICE;
    set_identity(n, &random, call);
    set_parties(calls, scenario, &random, call);
    set_times(calls, scenario, n, &random, &call->cdr);
    set_attributes(&random, call);
}
