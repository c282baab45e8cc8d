/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_load.h"
#include "app/suggest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { VARIABLE_MAX = 256 };

/* Variables with our prefix that mean something else than a setting. */
static const char *const foreign[] = {
    "TOLLSTREAM_CONFIG",
    "TOLLSTREAM_FAULT_POINT",
    "TOLLSTREAM_STACK_*",
    "TOLLSTREAM_CACHE",
    "TOLLSTREAM_TEST_*",
    "TOLLSTREAM_BENCH_*",
    /* Kubernetes tells every container of the services around it, and one may be called
     * "tollstream" or "tollstream-kafka". */
    "TOLLSTREAM_SERVICE_*",
    "TOLLSTREAM_PORT*",
    "TOLLSTREAM_*_SERVICE_HOST",
    "TOLLSTREAM_*_SERVICE_PORT*",
    "TOLLSTREAM_*_PORT",
    "TOLLSTREAM_*_PORT_*_TCP*",
    "TOLLSTREAM_*_PORT_*_UDP*",
};

/* '*' stands for any text. */
static bool fits(const char *pattern, const char *name)
{
    if (*pattern == '\0') {
        return *name == '\0';
    }
    if (*pattern != '*') {
        return *pattern == *name && fits(pattern + 1, name + 1);
    }
    for (;; name++) {
        if (fits(pattern + 1, name)) {
            return true;
        }
        if (*name == '\0') {
            return false;
        }
    }
}

static bool is_foreign(const char *name)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (fits(foreign[i], name)) {
            return true;
        }
    }
    return false;
}

/* "a=5s,b=1s": a map of durations comes as a whole, for the names of sources can't be part of a
 * variable's name. */
static void set_list(struct ts_config *config,
                     const struct ts_config_key *key,
                     const char *list,
                     const struct ts_config_place *place)
{
    char *pairs = strdup(list);
    char *rest = NULL;
    if (pairs == NULL) {
        ts_config_fault(config, place, "out of memory");
        return;
    }
    for (char *pair = strtok_r(pairs, ",", &rest); pair != NULL;
         pair = strtok_r(NULL, ",", &rest)) {
        char *equals = strrchr(pair, '=');
        if (equals == NULL || equals == pair) {
            ts_config_fault(config, place, "\"%.60s\" should be NAME=TIME", pair);
            continue;
        }
        *equals = '\0';
        ts_config_set_pair(config, key, pair, equals + 1, place);
    }
    free(pairs);
}

/* The property that is meant below a map of properties: "SASL_USERNAME" is sasl.username, for no
 * property that can be set as text has an underscore in its name. */
static bool property_name(const char *rest, char name[VARIABLE_MAX])
{
    size_t size = strlen(rest);
    if (size == 0 || size >= VARIABLE_MAX) {
        return false;
    }
    for (size_t i = 0; i <= size; i++) {
        name[i] = (char)(rest[i] == '_' ? '.' : tolower((unsigned char)rest[i]));
    }
    return true;
}

struct match {
    const struct ts_config_key *key;
    const char *rest; /* of a property: what follows the map's own name; else NULL */
    const char *suggestion;
    char suggested[TS_CONFIG_ENV_MAX];
};

static void find(const char *name, struct match *match)
{
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, name);
    size_t longest = 0;
    for (size_t i = 0; i < ts_config_key_count; i++) {
        const struct ts_config_key *key = &ts_config_keys[i];
        char variable[TS_CONFIG_ENV_MAX];
        ts_config_env_name(key->path, variable, sizeof variable);
        size_t size = strlen(variable);
        if (strcmp(variable, name) == 0 && key->type != TS_CONFIG_PROPERTIES) {
            *match = (struct match){.key = key};
            return;
        }
        if (key->type == TS_CONFIG_PROPERTIES && size > longest &&
            strncmp(name, variable, size) == 0 && name[size] == '_') {
            match->key = key;
            match->rest = name + size + 1;
            longest = size;
        }
        size_t before = suggest.distance;
        ts_suggest_offer(&suggest, variable);
        if (suggest.distance < before) {
            memcpy(match->suggested, variable, sizeof variable);
            match->suggestion = match->suggested;
            suggest.best = match->suggested;
        }
    }
}

static void warn_unknown(struct ts_config *config, const char *name, const char *suggestion)
{
    ts_buffer_format(&config->warnings,
                     "%s: no such setting, ignored%s%s%s\n",
                     name,
                     suggestion != NULL ? ": did you mean " : "",
                     suggestion != NULL ? suggestion : "",
                     suggestion != NULL ? "?" : "");
}

static void take(struct ts_config *config, const char *name, const char *value)
{
    struct ts_config_place place = {.variable = name};
    struct match match = {0};
    char property[VARIABLE_MAX];
    find(name, &match);
    if (match.rest != NULL) {
        bool direct = strcmp(match.key->path, "kafka") == 0;
        bool slip = direct && (match.suggestion != NULL || strchr(match.rest, '_') == NULL);
        if (slip || !property_name(match.rest, property)) {
            warn_unknown(config, name, match.suggestion);
        } else {
            ts_config_set_pair(config, match.key, property, value, &place);
        }
    } else if (match.key == NULL) {
        warn_unknown(config, name, match.suggestion);
    } else if (match.key->type == TS_CONFIG_DURATIONS) {
        set_list(config, match.key, value, &place);
    } else {
        ts_config_set_key(config, match.key, value, &place);
    }
}

void ts_config_read_environment(struct ts_config *config, char *const *environment)
{
    for (; *environment != NULL; environment++) {
        const char *equals = strchr(*environment, '=');
        size_t size = equals != NULL ? (size_t)(equals - *environment) : 0;
        char name[VARIABLE_MAX];
        if (size == 0 || size >= sizeof name ||
            strncmp(*environment, TS_CONFIG_ENV_PREFIX, sizeof TS_CONFIG_ENV_PREFIX - 1) != 0) {
            continue;
        }
        memcpy(name, *environment, size);
        name[size] = '\0';
        if (!is_foreign(name)) {
            take(config, name, equals + 1);
        }
    }
}
