/* SPDX-License-Identifier: Apache-2.0 */
/* Settings and surroundings of kafka_source_check. */
#ifndef TS_TESTS_KAFKA_CHECK_H
#define TS_TESTS_KAFKA_CHECK_H

#include "adapters/kafka/source.h"

#include <stdbool.h>
#include <stdint.h>

enum { PARTITIONS = 8, MEMBERS_MAX = 3, PROPERTIES_MAX = 8 };

struct settings {
    const char *brokers;
    const char *topic;
    const char *group;
    enum ts_kafka_assignment assignment;
    int seconds;
    int members;            /* the first stays, the others join and leave */
    int leave_ms;           /* how long they stay, and stay away */
    int64_t start_every_us; /* 0: never */
    int64_t pause_every_us;
    int64_t produce_per_s;
    int64_t prefill;
    bool commit;
    bool verbose;
    unsigned seed;
    struct ts_kafka_property properties[PROPERTIES_MAX]; /* of the sources */
    size_t property_count;
};

/* Says why and ends the process with 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Options only: the brokers and what is to be done are the caller's. Does not return on a wrong
 * one. */
void settings_parse(struct settings *settings, int argc, char **argv);
_Noreturn void settings_usage(void);

struct ts_kafka_connection connection(const struct settings *settings);
void create_topic(const struct settings *settings);

#endif
