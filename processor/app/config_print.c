/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_print.h"

#include "app/config_table.h"
#include "app/config_value.h"
#include "app/redact.h"

#include <stdio.h>
#include <string.h>

enum {
    KEY_PATH_MAX = 512,
    VALUE_TEXT_MAX = 64 * 1024,
    HELP_WIDTH = 96,
    INDENT = 2,
    ORIGIN_MAX = 4200,
    VARIABLE_MAX = 640
};

/* ---- nested keys from dotted paths -------------------------------------------------------- */

/* The sections that are open, as the dotted path of the innermost. */
struct outline {
    struct ts_buffer *out;
    bool spaced; /* an empty line before every heading, not only before the outermost */
    char section[KEY_PATH_MAX];
};

static void indent(struct ts_buffer *out, int depth)
{
    for (int i = 0; i < depth * INDENT; i++) {
        ts_buffer_append_char(out, ' ');
    }
}

static int depth_of(const char *path)
{
    int dots = 0;
    for (; *path != '\0'; path++) {
        dots += *path == '.';
    }
    return dots;
}

/* Bytes of the dotted path `b` that `a` begins with, in whole segments. */
static size_t shared(const char *a, const char *b)
{
    size_t whole = 0;
    for (size_t i = 0;; i++) {
        bool a_ends = a[i] == '\0' || a[i] == '.';
        bool b_ends = b[i] == '\0' || b[i] == '.';
        if (a_ends && b_ends) {
            whole = i;
        }
        if (a[i] != b[i] || a[i] == '\0') {
            return whole;
        }
    }
}

/* Writes the headings of the sections in `path` that are not open yet, and opens them. */
static void open_sections(struct outline *outline, const char *path, size_t size)
{
    char wanted[KEY_PATH_MAX];
    snprintf(wanted, sizeof wanted, "%.*s", (int)size, path);
    size_t at = shared(outline->section, wanted);
    if (at < size && outline->out->size > 0 && (at == 0 || outline->spaced)) {
        ts_buffer_append_char(outline->out, '\n');
    }
    while (at < size) {
        size_t from = at == 0 ? 0 : at + 1;
        size_t to = from + strcspn(wanted + from, ".");
        char before[KEY_PATH_MAX];
        snprintf(before, sizeof before, "%.*s", (int)from, wanted);
        indent(outline->out, depth_of(before));
        ts_buffer_format(outline->out, "%.*s:\n", (int)(to - from), wanted + from);
        at = to;
    }
    memcpy(outline->section, wanted, sizeof wanted);
}

static size_t section_size(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL ? (size_t)(dot - path) : 0;
}

static const char *last_segment(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL ? dot + 1 : path;
}

static void append_quoted(struct ts_buffer *out, const char *text)
{
    ts_buffer_append_char(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            ts_buffer_append_char(out, '\\');
        }
        ts_buffer_append_char(out, *text);
    }
    ts_buffer_append_char(out, '"');
}

/* ---- the example --------------------------------------------------------------------------- */

static void append_help(struct ts_buffer *out, int depth, const char *help)
{
    size_t width = (size_t)(HELP_WIDTH - depth * INDENT);
    while (*help != '\0') {
        size_t size = strlen(help);
        if (size > width) {
            size = width;
            while (size > 0 && help[size] != ' ') {
                size--;
            }
        }
        indent(out, depth);
        ts_buffer_format(out, "# %.*s\n", (int)size, help);
        help += size + strspn(help + size, " ");
    }
}

static void example_of_map(struct ts_buffer *out, const struct ts_config_key *key, int depth)
{
    bool durations = key->type == TS_CONFIG_DURATIONS;
    const char *sample = durations ? "switch-7: 5s" : "socket.keepalive.enable: \"true\"";
    char variable[TS_CONFIG_ENV_MAX];
    ts_config_env_name(key->path, variable, sizeof variable);
    append_help(out, depth, key->help);
    indent(out, depth);
    ts_buffer_format(out, "# %s%s\n", variable, durations ? "=switch-7=5s,…" : "_<PROPERTY_NAME>");
    if (strchr(key->path, '.') == NULL) { /* its pairs stand in a section that is open already */
        indent(out, depth);
        ts_buffer_format(out, "# %s\n", sample);
        return;
    }
    indent(out, depth);
    ts_buffer_format(out, "# %s:\n", last_segment(key->path));
    indent(out, depth);
    ts_buffer_format(out, "#   %s\n", sample);
}

static void example_of_key(struct ts_buffer *out, const struct ts_config_key *key, int depth)
{
    char variable[TS_CONFIG_ENV_MAX];
    ts_config_env_name(key->path, variable, sizeof variable);
    append_help(out, depth, key->help);
    indent(out, depth);
    ts_buffer_format(out, "# %s", variable);
    size_t before = out->size;
    ts_buffer_append_text(out, "; ");
    size_t range = out->size;
    ts_config_range_format(key, out);
    if (out->size == range) {
        out->size = before;
    }
    ts_buffer_append_char(out, '\n');
    indent(out, depth);
    ts_buffer_format(out, "%s: ", last_segment(key->path));
    if (key->type == TS_CONFIG_TEXT || key->type == TS_CONFIG_TOPIC) {
        append_quoted(out, key->unset);
    } else {
        ts_buffer_append_text(out, key->unset);
    }
    ts_buffer_append_char(out, '\n');
}

void ts_config_example(struct ts_buffer *out)
{
    ts_buffer_append_text(
        out,
        "# SPDX-License-Identifier: Apache-2.0\n"
        "# All settings of tollstream at their defaults: `tollstream check-config --example`.\n"
        "# A file needs only what differs. It is named by --config or TOLLSTREAM_CONFIG, else it "
        "is\n"
        "# ./tollstream.yaml. Below each setting's help stands the environment variable that\n"
        "# overrides it.\n");
    struct outline outline = {.out = out, .spaced = true};
    for (size_t i = 0; i < ts_config_key_count; i++) {
        const struct ts_config_key *key = &ts_config_keys[i];
        bool in_open_section = ts_config_is_map(key) && strchr(key->path, '.') == NULL;
        if (in_open_section) {
            open_sections(&outline, key->path, strlen(key->path));
            ts_buffer_append_char(out, '\n');
            example_of_map(out, key, 1);
            continue;
        }
        size_t size = section_size(key->path);
        size_t heading = out->size;
        open_sections(&outline, key->path, size);
        if (out->size == heading || size == 0) {
            ts_buffer_append_char(out, '\n');
        }
        int depth = depth_of(key->path);
        if (ts_config_is_map(key)) {
            example_of_map(out, key, depth);
        } else {
            example_of_key(out, key, depth);
        }
    }
}

/* ---- the settings in force ------------------------------------------------------------------ */

/* Buffers of one row while it is told. */
struct row_maker {
    const struct ts_config *config;
    ts_config_row_fn *fn;
    void *arg;
    struct ts_buffer value;
    char key[KEY_PATH_MAX];
    char origin[ORIGIN_MAX];
};

static void set_origin(struct row_maker *maker, const char *variable, bool set, int line)
{
    if (!set) {
        snprintf(maker->origin, sizeof maker->origin, "default");
    } else if (line > 0) {
        snprintf(maker->origin, sizeof maker->origin, "%s:%d", maker->config->file, line);
    } else {
        snprintf(maker->origin, sizeof maker->origin, "%s", variable);
    }
}

static void tell(struct row_maker *maker, bool is_text)
{
    ts_buffer_append_char(&maker->value, '\0');
    if (maker->value.failed) {
        return;
    }
    char *value = maker->value.data;
    ts_redact(value);
    bool secret = is_text && value[0] != '\0' && ts_redact_name(maker->key);
    struct ts_config_row row = {.key = maker->key,
                                .value = secret ? "***" : value,
                                .origin = maker->origin,
                                .is_text = is_text};
    maker->fn(maker->arg, &row);
}

static void tell_map(struct row_maker *maker, const struct ts_config_key *key, const char *variable)
{
    const struct ts_config_map *map = (const void *)((const char *)maker->config + key->offset);
    bool is_text = key->type == TS_CONFIG_PROPERTIES;
    for (size_t i = 0; i < map->count; i++) {
        const struct ts_config_pair *pair = &map->pairs[i];
        snprintf(maker->key, sizeof maker->key, "%s.%s", key->path, pair->name);
        char own[VARIABLE_MAX];
        ts_config_env_name(maker->key, own, sizeof own);
        set_origin(maker, is_text ? own : variable, true, pair->line);
        ts_buffer_clear(&maker->value);
        if (is_text) {
            ts_buffer_append_text(&maker->value, pair->value);
        } else {
            ts_config_value_format(key, pair->number, &maker->value);
        }
        tell(maker, is_text);
    }
}

static void tell_key(struct row_maker *maker, const struct ts_config_key *key, const char *variable)
{
    const struct ts_config_origin *origin = &maker->config->origins[key - ts_config_keys];
    const char *at = (const char *)maker->config + key->offset;
    bool is_text = key->type == TS_CONFIG_TEXT || key->type == TS_CONFIG_TOPIC;
    snprintf(maker->key, sizeof maker->key, "%s", key->path);
    set_origin(maker, variable, origin->from != TS_ORIGIN_DEFAULT, origin->line);
    ts_buffer_clear(&maker->value);
    if (is_text) {
        const char *text = NULL;
        memcpy(&text, at, sizeof text);
        ts_buffer_append_text(&maker->value, text);
    } else {
        int64_t number = 0;
        memcpy(&number, at, sizeof number);
        ts_config_value_format(key, number, &maker->value);
    }
    tell(maker, is_text);
}

void ts_config_each(const struct ts_config *config, ts_config_row_fn *fn, void *arg)
{
    struct row_maker maker = {.config = config, .fn = fn, .arg = arg};
    ts_buffer_init(&maker.value, VALUE_TEXT_MAX);
    for (size_t i = 0; i < ts_config_key_count; i++) {
        const struct ts_config_key *key = &ts_config_keys[i];
        char variable[TS_CONFIG_ENV_MAX];
        ts_config_env_name(key->path, variable, sizeof variable);
        if (ts_config_is_map(key)) {
            tell_map(&maker, key, variable);
        } else {
            tell_key(&maker, key, variable);
        }
    }
    ts_buffer_finish(&maker.value);
}

/* The map whose pair this key is: there the rest of the key, dots and all, is one name. */
static const struct ts_config_key *map_of(const char *path)
{
    const struct ts_config_key *found = NULL;
    for (size_t i = 0; i < ts_config_key_count; i++) {
        const struct ts_config_key *key = &ts_config_keys[i];
        size_t size = strlen(key->path);
        if (strcmp(path, key->path) == 0) {
            return NULL;
        }
        if (ts_config_is_map(key) && strncmp(path, key->path, size) == 0 && path[size] == '.' &&
            (found == NULL || size > strlen(found->path))) {
            found = key;
        }
    }
    return found;
}

static void effective_row(void *arg, const struct ts_config_row *row)
{
    struct outline *outline = arg;
    const struct ts_config_key *map = map_of(row->key);
    size_t size = map != NULL ? strlen(map->path) : section_size(row->key);
    open_sections(outline, row->key, size);
    const char *name = size == 0 ? row->key : row->key + size + 1;
    indent(outline->out, size == 0 ? 0 : depth_of(outline->section) + 1);
    if (map != NULL && map->type == TS_CONFIG_DURATIONS) {
        append_quoted(outline->out, name);
    } else {
        ts_buffer_append_text(outline->out, name);
    }
    ts_buffer_append_text(outline->out, ": ");
    if (row->is_text) {
        append_quoted(outline->out, row->value);
    } else {
        ts_buffer_append_text(outline->out, row->value);
    }
    ts_buffer_format(outline->out, " # %s\n", row->origin);
}

void ts_config_effective(const struct ts_config *config, struct ts_buffer *out)
{
    struct outline outline = {.out = out};
    ts_config_each(config, effective_row, &outline);
}
