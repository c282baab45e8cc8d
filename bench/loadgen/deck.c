/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/deck.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KIND_REGION = 0xdec2e6, KIND_PREFIX = 0xdec9f8 };

static const char header[] =
    "prefix,rate,category,license,description,unit,rate_unit,interval_1,interval_n,"
    "connect_fee,from_unit,days,from_time,to_time\n";

/* What does not depend on where it goes. */
static const char fixed_rows[] =
    "*,0,local_outbound,,Local,,,,,,,,,\n"
    "*,0,local_inbound,,Local inbound,,,,,,,,,\n"
    "*,0,toll_free_outbound,,Toll-free,,,,,,,,,\n"
    "*,0.0190,toll_free_inbound,,Toll-free inbound,,60,6,6,,,,,\n"
    "*,0.0250,toll_free_inbound,contact_center,Toll-free inbound,,60,1,1,,,,,\n"
    "*,1.5000,premium_outbound,,Premium rate,,60,60,60,0.25,,,,\n"
    "*,0.0700,fax_outbound,,Fax,page,,,,,,,,\n"
    "*,0.0100,fax_inbound,,Fax inbound,page,,,,,,,,\n";

static const struct {
    const char *code;
    const char *name;
} names[] = {{"GB", "United Kingdom"}, {"MX", "Mexico"},        {"IN", "India"},
             {"PH", "Philippines"},    {"DE", "Germany"},       {"FR", "France"},
             {"CO", "Colombia"},       {"JP", "Japan"},         {"CN", "China"},
             {"AU", "Australia"},      {"ES", "Spain"},         {"IT", "Italy"},
             {"BR", "Brazil"},         {"US", "United States"}, {"CA", "Canada"},
             {"IE", "Ireland"},        {"NL", "Netherlands"},   {"CH", "Switzerland"},
             {"PL", "Poland"},         {"IL", "Israel"},        {"KR", "South Korea"},
             {"SG", "Singapore"},      {"ZA", "South Africa"},  {"001", "World"}};

static const char *name_of(const char *region)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].code, region) == 0) {
            return names[i].name;
        }
    }
    return region;
}

/* How a region is priced. */
struct price {
    int64_t rate; /* of a fixed line, in 1/10000 */
    int increments[2];
    int64_t connect_fee; /* in 1/10000 */
    bool peak;           /* dearer in office hours */
    bool tiers;          /* cheaper after ten minutes */
    bool blocked;
};

static struct price price_of(const struct lg_options *options, const char *region)
{
    static const int increments[][2] = {{60, 60}, {60, 60}, {30, 6}, {6, 6}, {1, 1}};
    uint64_t number = ts_hash64(ts_bytes_of(region));
    struct lg_random random = lg_random_of(options->seed, KIND_REGION, number);
    unsigned kind = (unsigned)lg_random_below(&random, 5);
    struct price price = {
        .rate = 30 + (int64_t)lg_random_log_normal(&random, 250, 1.2),
        .increments = {increments[kind][0], increments[kind][1]},
        .connect_fee = lg_random_chance(&random, 100000) ? 500 : 0,
        .peak = lg_random_chance(&random, 80000),
        .tiers = lg_random_chance(&random, 80000),
        .blocked = strcmp(region, "KP") == 0 || strcmp(region, "CU") == 0,
    };
    return price;
}

static void write_row(FILE *out,
                      const struct lg_prefix *prefix,
                      const struct price *price,
                      int64_t rate,
                      int from_unit,
                      const char *window)
{
    fprintf(out,
            "%s,%" PRId64 ".%04d,international_outbound,,%s%s,,60,%d,%d,%" PRId64 ".%04d,%d,%s\n",
            prefix->digits,
            rate / 10000,
            (int)(rate % 10000),
            name_of(prefix->region),
            prefix->mobile ? " - Mobile" : "",
            price->increments[0],
            price->increments[1],
            price->connect_fee / 10000,
            (int)(price->connect_fee % 10000),
            from_unit,
            window);
}

static void
write_prefix(const struct lg_options *options, const struct lg_prefix *prefix, FILE *out)
{
    struct price price = price_of(options, prefix->region);
    uint64_t number = ts_hash64(ts_bytes_of(prefix->digits));
    struct lg_random random = lg_random_of(options->seed, KIND_PREFIX, number);
    int64_t rate = price.rate * lg_random_between(&random, 90, 140) / 100;
    rate = prefix->mobile ? rate * 5 / 2 : rate;
    if (price.blocked) {
        fprintf(out,
                "%s,blocked,international_outbound,,%s,,,,,,,,,\n",
                prefix->digits,
                name_of(prefix->region));
    } else if (price.peak) {
        write_row(out, prefix, &price, rate, 0, "mon-fri,00:00,08:00");
        write_row(out, prefix, &price, rate * 3 / 2, 0, "mon-fri,08:00,18:00");
        write_row(out, prefix, &price, rate, 0, "mon-fri,18:00,24:00");
        write_row(out, prefix, &price, rate * 4 / 5, 0, "sat-sun,00:00,24:00");
    } else {
        write_row(out, prefix, &price, rate, 0, ",,");
        if (price.tiers) {
            write_row(out, prefix, &price, rate * 3 / 4, 600, ",,");
        }
    }
}

/* Calling codes, and the area codes of +1, are always in: few destinations are without a price. */
static bool is_always_in(const char *digits)
{
    return strlen(digits) <= (digits[0] == '1' ? 4 : 3);
}

static bool is_drawn(const struct lg_options *options, const char *digits, size_t wanted, size_t of)
{
    return (ts_hash64(ts_bytes_of(digits)) ^ options->seed) % of < wanted;
}

static int by_digits(const void *a, const void *b)
{
    return strcmp(((const struct lg_prefix *)a)->digits, ((const struct lg_prefix *)b)->digits);
}

/* More than the plan has: prefixes one digit longer, as a carrier splits a country. */
static void write_longer(const struct lg_options *options,
                         const struct lg_prefix *prefixes,
                         size_t count,
                         size_t i,
                         FILE *out)
{
    struct lg_prefix longer = prefixes[i];
    size_t size = strlen(longer.digits);
    size_t wanted = options->deck_prefixes - count;
    for (char digit = '0'; digit <= '9' && size < LG_PREFIX_MAX - 1; digit++) {
        longer.digits[size] = digit;
        longer.digits[size + 1] = '\0';
        if (is_drawn(options, longer.digits, wanted, count * 10) &&
            bsearch(&longer, prefixes, count, sizeof longer, by_digits) == NULL) {
            write_prefix(options, &longer, out);
        }
    }
}

bool lg_deck_write(const struct lg_options *options, const struct lg_numbers *numbers, FILE *out)
{
    size_t count;
    struct lg_prefix *prefixes = lg_numbers_prefixes(numbers, &count);
    if (prefixes == NULL) {
        return false;
    }
    fputs(header, out);
    fputs(fixed_rows, out);
    for (size_t i = 0; i < count; i++) {
        if (is_always_in(prefixes[i].digits) ||
            is_drawn(options, prefixes[i].digits, options->deck_prefixes, count)) {
            write_prefix(options, &prefixes[i], out);
        }
        if (options->deck_prefixes > count) {
            write_longer(options, prefixes, count, i, out);
        }
    }
    free(prefixes);
    return true;
}
