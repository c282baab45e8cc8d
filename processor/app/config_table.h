/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all settings. Reading, checking, printing, the example file and the names of
 * environment variables come from it. */
#ifndef TS_APP_CONFIG_TABLE_H
#define TS_APP_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ts_config_type {
    TS_CONFIG_TEXT,       /* const char * */
    TS_CONFIG_TOPIC,      /* const char *: a legal topic name */
    TS_CONFIG_CHOICE,     /* int64_t: index into choices[] */
    TS_CONFIG_NUMBER,     /* int64_t */
    TS_CONFIG_SIZE,       /* int64_t bytes: "8MiB", or a bare number */
    TS_CONFIG_DURATION,   /* int64_t ms: "15s"; bare only where the key ends in _ms */
    TS_CONFIG_PROPERTIES, /* struct ts_config_map: names in lower case with dots */
    TS_CONFIG_DURATIONS,  /* struct ts_config_map of durations, names free */
};

struct ts_config_key {
    const char *path;  /* "kafka.topics.cdrs"; of a map: what comes before ".NAME" */
    size_t offset;     /* in struct ts_config */
    const char *unset; /* the default, as one would write it */
    const char *help;  /* one sentence or two, without the range */
    int64_t min;       /* inclusive, of numbers, sizes and durations */
    int64_t max;
    const char *const *choices; /* NULL-terminated */
    enum ts_config_type type;
    bool required; /* texts: may not be empty */
};

extern const struct ts_config_key ts_config_keys[];
extern const size_t ts_config_key_count;

static inline bool ts_config_is_map(const struct ts_config_key *key)
{
    return key->type == TS_CONFIG_PROPERTIES || key->type == TS_CONFIG_DURATIONS;
}

enum { TS_CONFIG_ENV_MAX = 128 };
#define TS_CONFIG_ENV_PREFIX "TOLLSTREAM_"

/* "kafka.brokers" → "TOLLSTREAM_KAFKA_BROKERS", cut to `size` bytes with its NUL. Every key of the
 * table fits into TS_CONFIG_ENV_MAX. */
void ts_config_env_name(const char *path, char *name, size_t size);

#endif
