/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/options.h"

#include "base/bytes.h"
#include "core/timestamp.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS 86400000.0

static const char usage[] =
    "tollstream-loadgen: call-detail records as an office phone service has them, from a seed.\n"
    "\n"
    "  tollstream-loadgen --brokers LIST --topic NAME [options]   write them to Kafka\n"
    "  tollstream-loadgen --output FILE [options]                 or to a file\n"
    "  tollstream-loadgen --write-accounts FILE --write-deck FILE [options]\n"
    "\n"
    "What:\n"
    "  --cdrs N              records, duplicates and malformed ones included (100000)\n"
    "  --first N             number of the first one (0): with the same --cdrs, another stretch\n"
    "  --accounts N          offices (1000)\n"
    "  --seed S              the same seed and start: the same records (1)\n"
    "  --zipf X              how unequal offices are: exponent of their popularity (0.9)\n"
    "  --start TIME          when the calls begin, RFC 3339 (so that they end now)\n"
    "  --days D              how long they go on (1)\n"
    "  --malformed-ppm N     of a million records, what no switch should write (1000)\n"
    "  --duplicate-ppm N     told twice, half of them on another partition (1000)\n"
    "  --late-ppm N          hours or days late (5000)\n"
    "  --older-schema-ppm N  by the former schema (50000)\n"
    "\n"
    "Where to:\n"
    "  --brokers LIST        Kafka's, with --topic NAME (tollstream.cdrs)\n"
    "  --partitions N        of the topic, made if there is none (as many as it has)\n"
    "  -X KEY=VALUE          a property of the Kafka producer\n"
    "  --output FILE         \"-\" is standard output; --format framed (key and value, each after\n"
    "                        its size in 4 bytes, little-endian) or json (lines)\n"
    "  --rate R              records a second (no limit)\n"
    "  --threads N           (1: the order of each partition is the same each time)\n"
    "\n"
    "To go with them:\n"
    "  --write-accounts FILE the offices, for `tollstream accounts import`\n"
    "  --write-deck FILE     a rate deck with prices for where they call\n"
    "  --deck-prefixes N     about how many prefixes it has (10000)\n"
    "  --rate-plan NAME      of the offices (standard)\n";

enum option_id {
    OPT_CDRS = 256,
    OPT_FIRST,
    OPT_ACCOUNTS,
    OPT_SEED,
    OPT_ZIPF,
    OPT_START,
    OPT_DAYS,
    OPT_MALFORMED,
    OPT_DUPLICATE,
    OPT_LATE,
    OPT_OLDER,
    OPT_BROKERS,
    OPT_TOPIC,
    OPT_PARTITIONS,
    OPT_OUTPUT,
    OPT_FORMAT,
    OPT_RATE,
    OPT_THREADS,
    OPT_WRITE_ACCOUNTS,
    OPT_WRITE_DECK,
    OPT_DECK_PREFIXES,
    OPT_RATE_PLAN,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"cdrs", required_argument, NULL, OPT_CDRS},
    {"first", required_argument, NULL, OPT_FIRST},
    {"accounts", required_argument, NULL, OPT_ACCOUNTS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"zipf", required_argument, NULL, OPT_ZIPF},
    {"start", required_argument, NULL, OPT_START},
    {"days", required_argument, NULL, OPT_DAYS},
    {"malformed-ppm", required_argument, NULL, OPT_MALFORMED},
    {"duplicate-ppm", required_argument, NULL, OPT_DUPLICATE},
    {"late-ppm", required_argument, NULL, OPT_LATE},
    {"older-schema-ppm", required_argument, NULL, OPT_OLDER},
    {"brokers", required_argument, NULL, OPT_BROKERS},
    {"topic", required_argument, NULL, OPT_TOPIC},
    {"partitions", required_argument, NULL, OPT_PARTITIONS},
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"rate", required_argument, NULL, OPT_RATE},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"write-accounts", required_argument, NULL, OPT_WRITE_ACCOUNTS},
    {"write-deck", required_argument, NULL, OPT_WRITE_DECK},
    {"deck-prefixes", required_argument, NULL, OPT_DECK_PREFIXES},
    {"rate-plan", required_argument, NULL, OPT_RATE_PLAN},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool whole(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min ||
        value > max) {
        return false;
    }
    *out = value;
    return true;
}

static bool whole32(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value;
    if (!whole(text, min, max, &value)) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool fraction(const char *text, double min, double max, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        return false;
    }
    *out = value;
    return true;
}

static bool format(const char *text, bool *json)
{
    *json = strcmp(text, "json") == 0;
    return *json || strcmp(text, "framed") == 0;
}

static bool property(struct lg_options *options, const char *text)
{
    if (strchr(text, '=') == NULL || options->property_count == LG_PROPERTIES_MAX) {
        return false;
    }
    options->properties[options->property_count++] = text;
    return true;
}

static bool take_numbers(struct lg_options *options, int id, const char *text)
{
    const uint32_t million = 1000000;
    uint32_t partitions;
    switch (id) {
    case OPT_CDRS:
        return whole(text, 0, UINT64_C(1) << 48, &options->count);
    case OPT_FIRST:
        return whole(text, 0, UINT64_C(1) << 48, &options->first);
    case OPT_ACCOUNTS:
        return whole32(text, 1, 100 * million, &options->accounts);
    case OPT_SEED:
        return whole(text, 0, UINT64_MAX, &options->seed);
    case OPT_ZIPF:
        return fraction(text, 0, 5, &options->zipf);
    case OPT_START:
        return ts_timestamp_parse(ts_bytes_of(text), &options->start_ms);
    case OPT_DAYS:
        return fraction(text, 0.001, 366, &options->days);
    case OPT_MALFORMED:
        return whole32(text, 0, million, &options->malformed_ppm);
    case OPT_DUPLICATE:
        return whole32(text, 0, million, &options->duplicate_ppm);
    case OPT_LATE:
        return whole32(text, 0, million, &options->late_ppm);
    case OPT_OLDER:
        return whole32(text, 0, million, &options->older_schema_ppm);
    case OPT_PARTITIONS:
        if (!whole32(text, 1, 10000, &partitions)) {
            return false;
        }
        options->partitions = (int32_t)partitions;
        return true;
    case OPT_RATE:
        return fraction(text, 0, 1e9, &options->rate);
    case OPT_THREADS:
        return whole32(text, 1, LG_THREADS_MAX, &options->threads);
    default:
        return whole32(text, 1, million, &options->deck_prefixes);
    }
}

static bool take(struct lg_options *options, int id, const char *text)
{
    switch (id) {
    case OPT_BROKERS:
        options->brokers = text;
        return true;
    case OPT_TOPIC:
        options->topic = text;
        return true;
    case OPT_OUTPUT:
        options->output = text;
        return true;
    case OPT_FORMAT:
        return format(text, &options->json);
    case OPT_WRITE_ACCOUNTS:
        options->accounts_file = text;
        return true;
    case OPT_WRITE_DECK:
        options->deck_file = text;
        return true;
    case OPT_RATE_PLAN:
        options->rate_plan = text;
        return true;
    case 'X':
        return property(options, text);
    default:
        return take_numbers(options, id, text);
    }
}

static int complain(const char *text, const char *value)
{
    fprintf(stderr, "tollstream-loadgen: %s%s; see --help\n", text, value);
    return 2;
}

int lg_options_parse(struct lg_options *options, int argc, char **argv)
{
    *options = (struct lg_options){
        .count = 100000,
        .accounts = 1000,
        .seed = 1,
        .zipf = 0.9,
        .start_ms = INT64_MIN,
        .days = 1,
        .malformed_ppm = 1000,
        .duplicate_ppm = 1000,
        .late_ppm = 5000,
        .older_schema_ppm = 50000,
        .threads = 1,
        .topic = "tollstream.cdrs",
        .deck_prefixes = 10000,
        .rate_plan = "standard",
    };
    for (int id; (id = getopt_long(argc, argv, "X:h", long_options, NULL)) != -1;) {
        if (id == OPT_HELP || id == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (id == '?') {
            return complain("unknown option or a value missing", "");
        }
        if (!take(options, id, optarg)) {
            return complain("not a value for this option: ", optarg);
        }
    }
    if (optind < argc) {
        return complain("what is this: ", argv[optind]);
    }
    if (options->brokers != NULL && options->output != NULL) {
        return complain("--brokers or --output, not both", "");
    }
    if (options->output != NULL && options->threads > 1) {
        return complain("--output is written by one thread", "");
    }
    if (options->brokers == NULL && options->output == NULL && options->accounts_file == NULL &&
        options->deck_file == NULL) {
        return complain("nothing to write", "");
    }
    if (options->start_ms == INT64_MIN) {
        options->start_ms = (int64_t)time(NULL) * 1000 - llround(options->days * DAY_MS);
    }
    return -1;
}
