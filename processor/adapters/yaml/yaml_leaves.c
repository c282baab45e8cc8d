/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/yaml/yaml_leaves.h"

#include "base/buffer.h"

#include <yaml.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the present one; zeroed when there is none */
    const char *name;
    ts_yaml_leaf_fn *fn;
    void *arg;
    struct ts_error *err;
    struct ts_buffer value; /* of a sequence */
    size_t path_size;
    int depth;
    char path[TS_YAML_PATH_MAX];
};

static int line_of(const struct reader *reader)
{
    return (int)reader->event.start_mark.line + 1;
}

static bool refuse(struct reader *reader, const char *what)
{
    return ts_error_set(
        reader->err, TS_ERROR_FATAL, 0, "%s:%d: %s", reader->name, line_of(reader), what);
}

static bool next(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        const yaml_parser_t *parser = &reader->parser;
        return ts_error_set(reader->err,
                            TS_ERROR_FATAL,
                            0,
                            "%s:%zu: not YAML: %s%s%s",
                            reader->name,
                            parser->problem_mark.line + 1,
                            parser->problem != NULL ? parser->problem : "unreadable",
                            parser->context != NULL ? " " : "",
                            parser->context != NULL ? parser->context : "");
    }
    return true;
}

/* The scalar as text, which YAML may have given an embedded NUL ("\0"). */
static bool scalar_text(struct reader *reader, const char **text)
{
    const char *value = (const char *)reader->event.data.scalar.value;
    if (strlen(value) != reader->event.data.scalar.length) {
        return refuse(reader, "a NUL character can't be part of a setting");
    }
    *text = value;
    return true;
}

static bool is_null(const struct reader *reader)
{
    const char *value = (const char *)reader->event.data.scalar.value;
    bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return plain && (value[0] == '\0' || strcmp(value, "~") == 0 || strcmp(value, "null") == 0);
}

static bool tell(struct reader *reader, const char *value, int line)
{
    struct ts_yaml_leaf leaf = {.path = reader->path, .value = value, .line = line};
    return reader->fn(reader->arg, &leaf, reader->err);
}

/* At the start of a sequence: joins its items into one leaf. */
static bool read_sequence(struct reader *reader, int line)
{
    ts_buffer_clear(&reader->value);
    for (bool first = true; next(reader); first = false) {
        const char *text = NULL;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT) {
            ts_buffer_append_char(&reader->value, '\0');
            if (reader->value.failed) {
                return refuse(reader, "the list is too long");
            }
            return tell(reader, reader->value.data, line);
        }
        if (reader->event.type != YAML_SCALAR_EVENT) {
            return refuse(reader, "a list may hold plain values only");
        }
        if (!scalar_text(reader, &text)) {
            return false;
        }
        ts_buffer_append_text(&reader->value, first ? "" : ",");
        ts_buffer_append_text(&reader->value, text);
    }
    return false;
}

static bool read_mapping(struct reader *reader);

/* At the value of the key that the path ends in. */
static bool read_value(struct reader *reader, int line)
{
    const char *text = NULL;
    switch (reader->event.type) {
    case YAML_SCALAR_EVENT:
        return scalar_text(reader, &text) && tell(reader, is_null(reader) ? NULL : text, line);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(reader, line);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(reader);
    case YAML_ALIAS_EVENT:
        return refuse(reader, "aliases (*name) are not supported: write the value out");
    default:
        return refuse(reader, "expected a value");
    }
}

static bool push_key(struct reader *reader, const char *key)
{
    size_t room = sizeof reader->path - reader->path_size;
    const char *dot = reader->path_size == 0 ? "" : ".";
    int n = snprintf(reader->path + reader->path_size, room, "%s%s", dot, key);
    if (n < 0 || (size_t)n >= room) {
        return refuse(reader, "the key is too long");
    }
    reader->path_size += (size_t)n;
    return true;
}

static bool read_mapping(struct reader *reader)
{
    if (++reader->depth > TS_YAML_DEPTH_MAX) {
        return refuse(reader, "nested too deep");
    }
    size_t path_size = reader->path_size;
    while (next(reader)) {
        if (reader->event.type == YAML_MAPPING_END_EVENT) {
            reader->depth--;
            return true;
        }
        const char *key = NULL;
        int line = line_of(reader);
        if (reader->event.type != YAML_SCALAR_EVENT) {
            return refuse(reader, "expected a key");
        }
        if (!scalar_text(reader, &key) || !push_key(reader, key) || !next(reader) ||
            !read_value(reader, line)) {
            return false;
        }
        reader->path_size = path_size;
        reader->path[path_size] = '\0';
    }
    return false;
}

static bool read_stream(struct reader *reader)
{
    bool seen = false;
    while (next(reader)) {
        switch (reader->event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            return true;
        case YAML_DOCUMENT_START_EVENT:
            if (seen) {
                return refuse(reader, "a second document (---): one file holds one");
            }
            seen = true;
            break;
        case YAML_MAPPING_START_EVENT:
            if (!read_mapping(reader)) {
                return false;
            }
            break;
        case YAML_SCALAR_EVENT:
            if (is_null(reader)) {
                break;
            }
            return refuse(reader, "expected `key: value`");
        default:
            return refuse(reader, "expected `key: value`");
        }
    }
    return false;
}

bool ts_yaml_leaves_of_text(
    const char *name, struct ts_bytes text, ts_yaml_leaf_fn *fn, void *arg, struct ts_error *err)
{
    struct reader reader = {.name = name, .fn = fn, .arg = arg, .err = err};
    if (!yaml_parser_initialize(&reader.parser)) {
        return ts_error_no_memory(err);
    }
    ts_buffer_init(&reader.value, TS_YAML_VALUE_MAX);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.size);
    bool done = read_stream(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    ts_buffer_finish(&reader.value);
    return done;
}

bool ts_yaml_leaves(const char *path, ts_yaml_leaf_fn *fn, void *arg, struct ts_error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "%s: %s", path, strerror(errno));
    }
    struct ts_buffer text;
    ts_buffer_init(&text, TS_YAML_FILE_SIZE_MAX);
    enum { CHUNK = 4096 };
    bool done = false;
    for (size_t n = CHUNK; n > 0;) {
        char *at = ts_buffer_reserve(&text, CHUNK);
        if (at == NULL) {
            ts_error_set(err, TS_ERROR_FATAL, 0, "%s: larger than 1 MiB", path);
            goto out;
        }
        n = fread(at, 1, CHUNK, file);
        ts_buffer_commit(&text, n);
    }
    if (ferror(file)) {
        ts_error_set(err, TS_ERROR_FATAL, 0, "%s: %s", path, strerror(errno));
        goto out;
    }
    done = ts_yaml_leaves_of_text(path, ts_buffer_bytes(&text), fn, arg, err);
out:
    ts_buffer_finish(&text);
    fclose(file);
    return done;
}
