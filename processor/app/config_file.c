/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/yaml/yaml_leaves.h"
#include "app/config_load.h"
#include "app/suggest.h"

#include <string.h>

/* What a path of the file means. A property of librdkafka directly below `kafka` has a dot in its
 * name; that is how it is told from our own keys, and a near miss of one of ours is taken for a
 * slip. */
enum meaning { MEANS_KEY, MEANS_PAIR, MEANS_SECTION, MEANS_NOTHING };

struct target {
    enum meaning meaning;
    const struct ts_config_key *key;
    const char *name;       /* of a pair */
    const char *suggestion; /* of nothing */
};

static const char *below(const char *path, const char *section)
{
    size_t size = strlen(section);
    return strncmp(path, section, size) == 0 && path[size] == '.' ? path + size + 1 : NULL;
}

static struct target find(const char *path)
{
    struct target target = {.meaning = MEANS_NOTHING};
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, path);
    for (size_t i = 0; i < ts_config_key_count; i++) {
        const struct ts_config_key *key = &ts_config_keys[i];
        const char *name = ts_config_is_map(key) ? below(path, key->path) : NULL;
        if (strcmp(path, key->path) == 0 || below(key->path, path) != NULL) {
            bool whole = strcmp(path, key->path) == 0 && !ts_config_is_map(key);
            return (struct target){.meaning = whole ? MEANS_KEY : MEANS_SECTION, .key = key};
        }
        bool longer = target.key == NULL || strlen(key->path) > strlen(target.key->path);
        if (name != NULL && longer) {
            target = (struct target){.meaning = MEANS_PAIR, .key = key, .name = name};
        }
        ts_suggest_offer(&suggest, key->path);
    }
    bool direct = target.meaning == MEANS_PAIR && strcmp(target.key->path, "kafka") == 0;
    if (direct && (suggest.best != NULL || strchr(target.name, '.') == NULL)) {
        target.meaning = MEANS_NOTHING;
    }
    target.suggestion = suggest.best;
    return target;
}

struct file_reader {
    struct ts_config *config;
    const char *file;
};

static bool take_leaf(void *arg, const struct ts_yaml_leaf *leaf, struct ts_error *err)
{
    (void)err; /* faults are collected, so that all of them are told at once */
    struct file_reader *reader = arg;
    struct ts_config *config = reader->config;
    struct ts_config_place place = {.file = reader->file, .line = leaf->line};
    struct target target = find(leaf->path);
    if (target.meaning == MEANS_NOTHING) {
        ts_config_fault(
            config,
            &place,
            "unknown key %s%s%s%s",
            leaf->path,
            target.suggestion != NULL ? ": did you mean " : "",
            target.suggestion != NULL ? target.suggestion : "",
            target.suggestion != NULL ? "?" : "; `tollstream check-config --example` has all");
    } else if (target.meaning == MEANS_SECTION) {
        if (leaf->value != NULL) {
            ts_config_fault(
                config, &place, "%s holds keys, it can't have a value itself", leaf->path);
        }
    } else if (leaf->value == NULL) {
        ts_config_fault(config, &place, "%s has no value: give one or remove the line", leaf->path);
    } else if (target.meaning == MEANS_PAIR) {
        ts_config_set_pair(config, target.key, target.name, leaf->value, &place);
    } else {
        ts_config_set_key(config, target.key, leaf->value, &place);
    }
    return true;
}

void ts_config_read_file(struct ts_config *config, const char *path)
{
    struct file_reader reader = {.config = config, .file = path};
    struct ts_error err = {0};
    config->file = path;
    if (!ts_yaml_leaves(path, take_leaf, &reader, &err)) {
        ts_buffer_format(&config->faults, "%s\n", err.text);
    }
}
