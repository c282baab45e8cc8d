/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the program, from four places, each overriding the one before: the defaults of
 * the table (config_table.c), a YAML file, the environment, and nothing else. There is no global:
 * the command that reads it hands on what others need.
 *
 * Every setting is a row of one table: key, type, range, unit, default and help. The environment
 * variable of a key is derived: kafka.topics.cdrs is TOLLSTREAM_KAFKA_TOPICS_CDRS. An unknown key,
 * a value out of range or a key set twice is a fault; all faults are told, each with its line. */
#ifndef TS_APP_CONFIG_H
#define TS_APP_CONFIG_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of the choices below, in the order of the table's texts. */
enum ts_config_assignment { TS_ASSIGNMENT_COOPERATIVE, TS_ASSIGNMENT_EAGER };
enum ts_config_leaf { TS_LEAF_DAY, TS_LEAF_6H, TS_LEAF_1H };
enum ts_config_retention { TS_RETAINED_DETACH, TS_RETAINED_DROP };
enum ts_config_start { TS_START_EARLIEST, TS_START_STOP };
enum ts_config_log_format { TS_LOG_TEXT, TS_LOG_JSON };

/* Free-form settings below one key: properties for librdkafka, values per source. */
struct ts_config_pair {
    const char *name;
    const char *value;
    int64_t number; /* of a map of numbers */
    int line;       /* of the file; 0: from the environment */
};

struct ts_config_map {
    struct ts_config_pair *pairs; /* sorted by name */
    size_t count;
};

/* Texts live as long as the config, and are never NULL. */
struct ts_config {
    struct {
        const char *brokers;
        const char *group;
        struct {
            const char *cdrs;
            const char *events;
            const char *dead_letters;
            const char *credits;
            const char *adjustments;
        } topics;
        int64_t assignment; /* enum ts_config_assignment */
        int64_t session_timeout_ms;
        struct ts_config_map properties; /* for consumer and producer */
        struct ts_config_map consumer;
        struct ts_config_map producer;
    } kafka;
    struct {
        const char *url;
        int64_t connect_timeout_ms;
        int64_t command_timeout_ms;
    } redis;
    struct {
        const char *url;
        int64_t connect_timeout_ms;
        int64_t claim_timeout_ms;
        int64_t statement_timeout_ms;
        int64_t lock_timeout_ms;
    } postgres;
    struct {
        const char *url; /* "": none, every writer's schema is one of schemas_dir */
        int64_t timeout_ms;
        const char *cache_dir; /* "": none */
    } schema_registry;
    const char *schemas_dir; /* "": the embedded ones */
    int64_t workers;
    int64_t start_from; /* enum ts_config_start */
    int64_t shutdown_timeout_ms;
    struct {
        int64_t records_max;
        int64_t bytes_max;
        int64_t linger_ms;
        int64_t pool;
    } batch;
    struct {
        int64_t records_max;
    } settle;
    struct {
        int64_t leaf; /* enum ts_config_leaf */
        int64_t history_days;
        int64_t ahead_days;
        int64_t retention_days;
        int64_t retention_action; /* enum ts_config_retention */
    } usage;
    struct {
        int64_t duration_tolerance_ms;
        struct ts_config_map source_duration_tolerance_ms;
    } validate;
    struct {
        int64_t expires_after_ms;
        int64_t backoff_first_ms;
        int64_t backoff_longest_ms;
    } recharge;
    struct {
        const char *listen; /* "address:port", "" for none */
    } http;
    struct {
        int64_t level;  /* enum ts_level of ports/observer.h */
        int64_t format; /* enum ts_config_log_format */
    } log;

    struct ts_arena texts;
    struct ts_buffer faults;   /* a line each, "FILE:LINE: …" or "TOLLSTREAM_…: …" */
    struct ts_buffer warnings; /* likewise; nothing that stops the program */
    struct ts_config_origin {
        enum { TS_ORIGIN_DEFAULT, TS_ORIGIN_FILE, TS_ORIGIN_ENVIRONMENT } from;
        int line;
    } * origins;      /* of each key of the table */
    const char *file; /* that was read; NULL: none */
};

/* Reads the file `path`; NULL: the one that TOLLSTREAM_CONFIG names, else ./tollstream.yaml if
 * there is one, else none. `environment` is the process's (or a test's). False when there are
 * faults: config->faults has them all, for people; `err` has the first. Finish it anyway. */
bool ts_config_load(struct ts_config *config,
                    const char *path,
                    char *const *environment,
                    struct ts_error *err);
void ts_config_finish(struct ts_config *config);

/* The number for `name`, or `otherwise` if the map has none of that name. */
int64_t ts_config_map_number(const struct ts_config_map *map, const char *name, int64_t otherwise);

#endif
