/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/offices.h"

#include <inttypes.h>
#include <string.h>

enum { KIND_OFFICE = 0x0ff1ce, KIND_LINE = 0x11e, KIND_TOLL_FREE = 0x7011, KIND_ACCOUNT = 0xacc };

struct country {
    const char *name;
    const char *emergency;
    const char *zones[4];
    uint32_t zone_count;
};

static const struct country countries[] = {
    {"US",
     "911",
     {"America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"},
     4},
    {"CA", "911", {"America/Toronto", "America/Vancouver"}, 2},
    {"GB", "999", {"Europe/London"}, 1},
    {"AU", "112", {"Australia/Sydney"}, 1},
    {"DE", "112", {"Europe/Berlin"}, 1},
    {"FR", "112", {"Europe/Paris"}, 1},
};
static const uint32_t country_weights[] = {780, 90, 60, 30, 25, 15};
enum { COUNTRIES = sizeof countries / sizeof countries[0] };

static const char *const first_names[] = {
    "Ann",  "Ben",  "Carla", "David", "Elena", "Farid",  "Grace", "Hiro",      "Ines",
    "Jack", "Kim",  "Luis",  "Maya",  "Noah",  "Olga",   "Priya", "Quinn",     "Rosa",
    "Sam",  "Tara", "Umar",  "Vera",  "Wei",   "Ximena", "Yara",  "Zo\xc3\xab"};
static const char *const last_names[] = {
    "Adams", "Baker",  "Cruz",  "Diaz",   "Evans",  "Fischer", "Garc\303\255a", "Hughes", "Ito",
    "Jones", "Khan",   "Lopez", "Meyer",  "Nguyen", "O'Brien", "Patel",         "Quist",  "Reyes",
    "Singh", "Turner", "Usman", "Vargas", "Wong",   "Xu",      "Young",         "Ziegler"};
static const char *const departments[] = {
    "Sales", "Support", "Billing", "Operations", "Front desk", "Research & Development"};
#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

void lg_offices_init(struct lg_offices *offices,
                     const struct lg_options *options,
                     const struct lg_numbers *numbers)
{
    *offices = (struct lg_offices){.options = options, .numbers = numbers};
    for (int i = 0; i < COUNTRIES; i++) {
        offices->regions[i] = lg_numbers_region(numbers, countries[i].name);
    }
}

size_t lg_append_number(char *out, size_t size, uint32_t number, unsigned width)
{
    char digits[12];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (; width > count; width--) {
        out[size++] = '0';
    }
    while (count > 0) {
        out[size++] = digits[--count];
    }
    return size;
}

struct lg_office lg_office_of(const struct lg_offices *offices, uint32_t number)
{
    struct lg_random random = lg_random_of(offices->options->seed, KIND_OFFICE, number);
    struct lg_office office = {.number = number};
    static const char prefix[] = "office-";
    memcpy(office.id, prefix, sizeof prefix - 1);
    office.id_size = lg_append_number(office.id, sizeof prefix - 1, number, 6);
    office.id[office.id_size] = '\0';
    office.country = lg_random_weighted(&random, country_weights, COUNTRIES);
    office.region = offices->regions[office.country];
    double people = lg_random_log_normal(&random, 12, 1.0);
    office.people = people < 1 ? 1 : people > 2000 ? 2000 : (uint32_t)people;
    return office;
}

size_t lg_office_line(const struct lg_offices *offices,
                      const struct lg_office *office,
                      uint32_t person,
                      char out[LG_NUMBER_MAX])
{
    struct lg_random random =
        lg_random_of(offices->options->seed, KIND_LINE, (uint64_t)office->number << 16 | person);
    return lg_numbers_draw(offices->numbers, &random, office->region, LG_NUMBER_ORDINARY, out);
}

size_t lg_office_toll_free(const struct lg_offices *offices,
                           const struct lg_office *office,
                           char out[LG_NUMBER_MAX])
{
    struct lg_random random = lg_random_of(offices->options->seed, KIND_TOLL_FREE, office->number);
    return lg_numbers_draw(offices->numbers, &random, office->region, LG_NUMBER_TOLL_FREE, out);
}

const char *lg_office_emergency_number(const struct lg_office *office)
{
    return countries[office->country].emergency;
}

struct ts_bytes
lg_person_name(const struct lg_office *office, uint32_t person, char out[LG_NAME_MAX])
{
    uint32_t n = office->number * 31 + person;
    const char *first = first_names[n % LENGTH(first_names)];
    const char *last = last_names[n / 7 % LENGTH(last_names)];
    int size = snprintf(out, LG_NAME_MAX, "%s %s", first, last);
    return (struct ts_bytes){out, (size_t)size};
}

struct ts_bytes lg_person_department(const struct lg_office *office, uint32_t person)
{
    return ts_bytes_of(departments[(office->number + person) % LENGTH(departments)]);
}

/* A third of the offices has units included: a small bundle that is soon used, a large one, pages.
 */
static void write_allowances(struct lg_random *random, FILE *out)
{
    static const char local[] = "{\"name\":\"Local minutes\",\"category\":\"local_outbound\","
                                "\"local_only\":true,\"units\":%d}";
    static const char any[] = "{\"name\":\"Any call\",\"category\":\"*\",\"license\":\"talk\","
                              "\"units\":%d}";
    static const char pages[] = "{\"name\":\"Fax pages\",\"category\":\"fax_outbound\","
                                "\"units\":%d,\"unit\":\"page\"}";
    if (!lg_random_chance(random, 333333)) {
        return;
    }
    fputs("\"allowances\":[", out);
    fprintf(out, local, 60 * (int)lg_random_between(random, 5, 2000));
    if (lg_random_chance(random, 500000)) {
        fputs(",", out);
        fprintf(out, any, 60 * (int)lg_random_between(random, 1, 100));
    }
    if (lg_random_chance(random, 300000)) {
        fputs(",", out);
        fprintf(out, pages, (int)lg_random_between(random, 1, 100));
    }
    fputs("],", out);
}

/* Settings that make every kind of thing happen: low balances, recharges, an invoice now and then.
 */
static void write_account(const struct lg_offices *offices, uint32_t number, FILE *out)
{
    static const char *const subscriptions[] = {"standard", "pro", "enterprise", "free"};
    static const uint32_t subscription_weights[] = {60, 25, 10, 5};
    static const char *const modes[] = {"fixed", "target", "shortfall_plus"};
    struct lg_office office = lg_office_of(offices, number);
    struct lg_random random = lg_random_of(offices->options->seed, KIND_ACCOUNT, number);
    const struct country *country = &countries[office.country];
    const char *zone = country->zones[lg_random_below(&random, country->zone_count)];
    char name[LG_NAME_MAX];
    struct ts_bytes owner = lg_person_name(&office, 0, name);
    int64_t opening = (int64_t)lg_random_log_normal(&random, 4000, 1.2); /* cents */
    opening = lg_random_chance(&random, 20000) ? 0 : opening;
    bool invoice = lg_random_chance(&random, 150000);
    fprintf(out,
            "{\"account_id\":\"%s\",\"name\":\"%.*s Ltd\",\"country\":\"%s\",\"timezone\":\"%s\","
            "\"currency\":\"USD\",\"subscription\":\"%s\",\"rate_plan\":\"%s\","
            "\"payment_method\":\"%s\",\"card_state\":\"%s\",\"invoice_day\":%d,"
            "\"credit_amounts\":[\"25\",\"50\",\"100\"],\"monthly_credit_cap\":\"250\","
            "\"alert_thresholds\":[\"20\",\"5\"],\"alert_hysteresis\":\"1\",",
            office.id,
            TS_ARGS(owner),
            country->name,
            zone,
            subscriptions[lg_random_weighted(&random, subscription_weights, 4)],
            offices->options->rate_plan,
            invoice ? "invoice" : "card",
            invoice                             ? "none"
            : lg_random_chance(&random, 900000) ? "confirmed"
                                                : "unconfirmed",
            (int)lg_random_between(&random, 1, 31));
    fprintf(out,
            "\"auto_recharge\":{\"on\":%s,\"threshold\":\"10\",\"mode\":\"%s\",\"amount\":\"50\","
            "\"max_count_per_day\":3,\"max_amount_per_month\":\"200\"},",
            lg_random_chance(&random, 250000) ? "true" : "false",
            modes[lg_random_below(&random, LENGTH(modes))]);
    write_allowances(&random, out);
    fprintf(out,
            "\"status\":\"active\",\"opening_balance\":\"%" PRId64 ".%02d\"}\n",
            opening / 100,
            (int)(opening % 100));
}

void lg_offices_write(const struct lg_offices *offices, FILE *out)
{
    for (uint32_t number = 0; number < offices->options->accounts; number++) {
        write_account(offices, number, out);
    }
}
