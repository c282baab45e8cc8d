/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/kafka_check.h"

#include "adapters/kafka/admin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(1);
}

static void say(void *self, enum ts_level level, const char *event, const char *format, ...)
{
    const struct settings *settings = self;
    if (level >= TS_LEVEL_WARNING || settings->verbose) {
        va_list args;
        va_start(args, format);
        (void)fprintf(stderr, "[%s] ", event);
        (void)vfprintf(stderr, format, args);
        (void)fputc('\n', stderr);
        va_end(args);
    }
}

static const struct ts_observer_ops observer_ops = {.say = say};

struct ts_kafka_connection connection(const struct settings *settings)
{
    return (struct ts_kafka_connection){
        .brokers = settings->brokers,
        .observer = {&observer_ops, (void *)(uintptr_t)settings},
    };
}

void create_topic(const struct settings *settings)
{
    struct ts_kafka_connection to = connection(settings);
    struct ts_kafka_admin *admin;
    struct ts_error err;
    const struct ts_kafka_topic_wanted wanted = {.name = settings->topic, .partitions = PARTITIONS};
    struct ts_kafka_topic_result result;
    if (!ts_kafka_admin_open(&to, 10000, &admin, &err) ||
        !ts_kafka_admin_create(admin, &wanted, 1, &result, &err)) {
        fail("%s", err.text);
    }
    if (result.made == TS_KAFKA_MADE_FAILED) {
        fail("%s", result.error.text);
    }
    ts_kafka_admin_close(admin);
}

static bool set(struct settings *settings, const char *name, const char *value)
{
    const struct {
        const char *name;
        int64_t *number;
    } numbers[] = {
        {"--start-every-us", &settings->start_every_us},
        {"--pause-every-us", &settings->pause_every_us},
        {"--produce-per-s", &settings->produce_per_s},
        {"--prefill", &settings->prefill},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].number = strtoll(value, NULL, 10);
            return true;
        }
    }
    if (strcmp(name, "--seconds") == 0) {
        settings->seconds = (int)strtol(value, NULL, 10);
    } else if (strcmp(name, "--members") == 0) {
        settings->members = (int)strtol(value, NULL, 10);
    } else if (strcmp(name, "--leave-ms") == 0) {
        settings->leave_ms = (int)strtol(value, NULL, 10);
    } else if (strcmp(name, "--seed") == 0) {
        settings->seed = (unsigned)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--property") == 0 && strchr(value, '=') != NULL &&
               settings->property_count < PROPERTIES_MAX) {
        char *copy = strdup(value);
        char *equal = copy != NULL ? strchr(copy, '=') : NULL;
        if (equal == NULL) {
            fail("out of memory");
        }
        *equal = '\0';
        settings->properties[settings->property_count++] =
            (struct ts_kafka_property){copy, equal + 1};
    } else if (strcmp(name, "--topic") == 0) {
        settings->topic = value;
    } else {
        return false;
    }
    return true;
}

_Noreturn void settings_usage(void)
{
    fail("usage: kafka_source_check BROKERS storm|speed [--eager] [--commit] [--verbose]\n"
         "  [--seconds N] [--members 1..3] [--leave-ms N] [--start-every-us N]\n"
         "  [--pause-every-us N] [--produce-per-s N] [--prefill N] [--seed N] [--topic NAME]\n"
         "  [--property NAME=VALUE]...");
}

void settings_parse(struct settings *settings, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--eager") == 0) {
            settings->assignment = TS_KAFKA_EAGER;
        } else if (strcmp(argv[i], "--commit") == 0) {
            settings->commit = true;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            settings->verbose = true;
        } else if (i + 1 >= argc || !set(settings, argv[i], argv[i + 1])) {
            settings_usage();
        } else {
            i++;
        }
    }
    if (settings->members < 1 || settings->members > MEMBERS_MAX) {
        settings_usage();
    }
}
