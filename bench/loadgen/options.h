/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line asks for. */
#ifndef LG_OPTIONS_H
#define LG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LG_PROPERTIES_MAX = 32, LG_THREADS_MAX = 64 };

struct lg_options {
    uint64_t first; /* number of the first record */
    uint64_t count; /* records written, duplicates and malformed ones included */
    uint32_t accounts;
    uint64_t seed;
    double zipf;
    int64_t start_ms;
    double days;
    uint32_t malformed_ppm;
    uint32_t duplicate_ppm;
    uint32_t late_ppm;
    uint32_t older_schema_ppm;
    double rate; /* records a second; 0: as fast as it goes */
    uint32_t threads;

    const char *brokers;
    const char *topic;
    int32_t partitions; /* 0: as many as the topic has */
    const char *properties[LG_PROPERTIES_MAX];
    size_t property_count;

    const char *output; /* a file instead of Kafka; "-": standard output */
    bool json;          /* JSON lines instead of framed messages */

    const char *accounts_file;
    const char *deck_file;
    uint32_t deck_prefixes;
    const char *rate_plan;
};

/* Returns -1 to go on, otherwise the exit status: 0 after --help, 2 after a complaint on stderr. */
int lg_options_parse(struct lg_options *options, int argc, char **argv);

#endif
