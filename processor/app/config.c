/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"

#include "app/config_load.h"
#include "app/config_map.h"
#include "app/config_value.h"
#include "base/assert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TEXTS_BLOCK = 4096,
    TEXTS_MAX = 4 << 20,
    LINES_MAX = 1 << 20,
};

static const char default_file[] = "tollstream.yaml";

static void note(struct ts_buffer *lines, const struct ts_config_place *place, const char *text)
{
    if (place->file != NULL) {
        ts_buffer_format(lines, "%s:%d: %s\n", place->file, place->line, text);
    } else {
        ts_buffer_format(lines, "%s: %s\n", place->variable, text);
    }
}

void ts_config_fault(struct ts_config *config,
                     const struct ts_config_place *place,
                     const char *format,
                     ...)
{
    char text[TS_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(&config->faults, place, text);
}

static struct ts_config_origin origin_of(const struct ts_config_place *place)
{
    return (struct ts_config_origin){
        .from = place->file != NULL ? TS_ORIGIN_FILE : TS_ORIGIN_ENVIRONMENT, .line = place->line};
}

/* A map keeps its own lines; the rest of the text becomes the config's. */
static bool store_pair(struct ts_config *config,
                       const struct ts_config_key *key,
                       const char *name,
                       const char *value,
                       const struct ts_config_place *place,
                       struct ts_error *err)
{
    int64_t number = 0;
    if (key->type == TS_CONFIG_DURATIONS && !ts_config_value_parse(key, value, &number, err)) {
        return ts_error_prefix(err, "%s.%s", key->path, name);
    }
    struct ts_config_pair pair = {.name = name, .value = value, .number = number};
    pair.line = place->file != NULL ? place->line : 0;
    struct ts_config_map *map = (void *)((char *)config + key->offset);
    return ts_config_map_set(map, &pair, &config->texts, err);
}

static bool store(struct ts_config *config,
                  const struct ts_config_key *key,
                  const char *value,
                  struct ts_error *err)
{
    char *at = (char *)config + key->offset;
    if (key->type == TS_CONFIG_TEXT || key->type == TS_CONFIG_TOPIC) {
        if (!ts_config_text_check(key, value, err)) {
            return false;
        }
        struct ts_bytes copy = ts_arena_copy(&config->texts, ts_bytes_of(value));
        if (copy.data == NULL) {
            return ts_error_no_memory(err);
        }
        memcpy(at, &copy.data, sizeof copy.data);
        return true;
    }
    int64_t number = 0;
    if (!ts_config_value_parse(key, value, &number, err)) {
        return false;
    }
    memcpy(at, &number, sizeof number);
    return true;
}

void ts_config_set_key(struct ts_config *config,
                       const struct ts_config_key *key,
                       const char *value,
                       const struct ts_config_place *place)
{
    struct ts_error err = {0};
    struct ts_config_origin *origin = &config->origins[key - ts_config_keys];
    if (place->file != NULL && origin->from == TS_ORIGIN_FILE) {
        ts_config_fault(
            config, place, "%s is set twice, first in line %d", key->path, origin->line);
    } else if (!store(config, key, value, &err)) {
        ts_config_fault(config, place, "%s: %s", key->path, err.text);
    }
    *origin = origin_of(place);
}

void ts_config_set_pair(struct ts_config *config,
                        const struct ts_config_key *key,
                        const char *name,
                        const char *value,
                        const struct ts_config_place *place)
{
    struct ts_error err = {0};
    if (!store_pair(config, key, name, value, place, &err)) {
        ts_config_fault(config, place, "%s", err.text);
    }
    config->origins[key - ts_config_keys] = origin_of(place);
}

static bool set_defaults(struct ts_config *config, struct ts_error *err)
{
    for (size_t i = 0; i < ts_config_key_count; i++) {
        const struct ts_config_key *key = &ts_config_keys[i];
        if (!ts_config_is_map(key) && !store(config, key, key->unset, err)) {
            return ts_error_prefix(err, "the default of %s", key->path);
        }
    }
    return true;
}

/* Rules over several keys. They are told at the key that comes later in the table. */
static void check_together(struct ts_config *config)
{
    if (config->settle.records_max < config->batch.records_max) {
        ts_buffer_format(&config->faults,
                         "settle.records_max: %" PRId64 " is below batch.records_max, %" PRId64
                         ": a batch is settled whole\n",
                         config->settle.records_max,
                         config->batch.records_max);
    }
    if (config->usage.retention_days != 0 &&
        config->usage.retention_days < config->usage.history_days) {
        ts_buffer_format(&config->faults,
                         "usage.retention_days: %" PRId64 " is below usage.history_days, %" PRId64
                         ": 0 is for ever\n",
                         config->usage.retention_days,
                         config->usage.history_days);
    }
    const char *topics[] = {config->kafka.topics.cdrs,
                            config->kafka.topics.events,
                            config->kafka.topics.dead_letters,
                            config->kafka.topics.credits,
                            config->kafka.topics.adjustments};
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(topics[i], topics[j]) == 0) {
                ts_buffer_format(&config->faults,
                                 "kafka.topics: \"%s\" is there twice: each needs its own\n",
                                 topics[i]);
            }
        }
    }
}

static const char *choose_file(const char *path, char *const *environment)
{
    static const char variable[] = TS_CONFIG_ENV_PREFIX "CONFIG=";
    for (; path == NULL && *environment != NULL; environment++) {
        const char *value = *environment + sizeof variable - 1;
        if (strncmp(*environment, variable, sizeof variable - 1) == 0 && *value != '\0') {
            path = value;
        }
    }
    return path != NULL ? path : access(default_file, F_OK) == 0 ? default_file : NULL;
}

bool ts_config_load(struct ts_config *config,
                    const char *path,
                    char *const *environment,
                    struct ts_error *err)
{
    *config = (struct ts_config){0};
    ts_arena_init(&config->texts, TEXTS_BLOCK, TEXTS_MAX);
    ts_buffer_init(&config->faults, LINES_MAX);
    ts_buffer_init(&config->warnings, LINES_MAX);
    config->origins = calloc(ts_config_key_count, sizeof *config->origins);
    if (config->origins == NULL) {
        return ts_error_no_memory(err);
    }
    if (!set_defaults(config, err)) {
        return false;
    }
    const char *file = choose_file(path, environment);
    if (file != NULL) {
        ts_config_read_file(config, file);
    }
    ts_config_read_environment(config, environment);
    if (config->faults.size == 0) {
        check_together(config);
    }
    if (config->faults.size == 0 && !config->faults.failed) {
        return true;
    }
    struct ts_bytes faults = ts_buffer_bytes(&config->faults);
    const char *end = memchr(faults.data, '\n', faults.size);
    int first = end != NULL ? (int)(end - faults.data) : (int)faults.size;
    return ts_error_set(err, TS_ERROR_FATAL, 0, "%.*s", first, faults.data);
}

void ts_config_finish(struct ts_config *config)
{
    ts_arena_finish(&config->texts);
    ts_buffer_finish(&config->faults);
    ts_buffer_finish(&config->warnings);
    free(config->origins);
    *config = (struct ts_config){0};
}
