/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/json/json_value.h"

#include "adapters/json/json_problem.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

/* A document is its root node; the name only keeps the two apart. */
struct ts_json_document {
    char never_looked_at;
};

static json_t *root_of(const struct ts_json_document *document)
{
    return (json_t *)(uintptr_t)document;
}

static struct ts_json_document *document_of(json_t *root)
{
    return (struct ts_json_document *)root;
}

struct ts_json_document *ts_json_document_read(struct ts_bytes text, struct ts_error *err)
{
    json_error_t error;
    json_t *root = json_loadb(
        text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        char problem[TS_JSON_PROBLEM_MAX];
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     0,
                     "not JSON: %s (column %d)",
                     ts_json_problem(&error, problem),
                     error.column);
    }
    return document_of(root);
}

void ts_json_document_destroy(struct ts_json_document *document)
{
    json_decref(root_of(document));
}

static struct ts_json_value value_of(const json_t *node)
{
    struct ts_json_value value = {.type = TS_JSON_ABSENT, .node = node};
    if (node == NULL) {
        return value;
    }
    switch (json_typeof(node)) {
    case JSON_STRING:
        value.type = TS_JSON_TEXT;
        value.text = (struct ts_bytes){json_string_value(node), json_string_length(node)};
        break;
    case JSON_INTEGER:
        value.type = TS_JSON_INTEGER;
        value.integer = json_integer_value(node);
        break;
    case JSON_REAL:
        value.type = TS_JSON_REAL;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        value.type = TS_JSON_BOOL;
        value.boolean = json_is_true(node);
        break;
    case JSON_ARRAY:
        value.type = TS_JSON_LIST;
        value.count = json_array_size(node);
        break;
    case JSON_OBJECT:
        value.type = TS_JSON_OBJECT;
        value.count = json_object_size(node);
        break;
    case JSON_NULL:
        break;
    }
    return value;
}

struct ts_json_value ts_json_document_root(const struct ts_json_document *document)
{
    return value_of(root_of(document));
}

struct ts_json_value ts_json_member(const struct ts_json_value *object, const char *key)
{
    return value_of(object->type == TS_JSON_OBJECT ? json_object_get(object->node, key) : NULL);
}

struct ts_json_value ts_json_item(const struct ts_json_value *list, size_t i)
{
    return value_of(list->type == TS_JSON_LIST ? json_array_get(list->node, i) : NULL);
}

const char *ts_json_unknown_key(const struct ts_json_value *object, const char *const *known)
{
    if (object->type != TS_JSON_OBJECT) {
        return NULL;
    }
    json_t *node = (json_t *)(uintptr_t)object->node; /* iterators take no const */
    for (void *at = json_object_iter(node); at != NULL; at = json_object_iter_next(node, at)) {
        const char *key = json_object_iter_key(at);
        const char *const *name = known;
        while (*name != NULL && strcmp(*name, key) != 0) {
            name++;
        }
        if (*name == NULL) {
            return key;
        }
    }
    return NULL;
}

static int append_chunk(const char *text, size_t size, void *out)
{
    ts_buffer_append(out, text, size);
    return 0;
}

void ts_json_append(const struct ts_json_value *value, struct ts_buffer *out)
{
    if (value->node == NULL) {
        ts_buffer_append_text(out, "null");
    } else if (json_dump_callback(value->node, append_chunk, out, JSON_COMPACT | JSON_ENCODE_ANY)) {
        out->failed = true;
    }
}

const char *ts_json_type_name(enum ts_json_type type)
{
    static const char *const names[] = {
        [TS_JSON_ABSENT] = "nothing",
        [TS_JSON_TEXT] = "a text",
        [TS_JSON_INTEGER] = "a whole number",
        [TS_JSON_REAL] = "a number with a point",
        [TS_JSON_BOOL] = "true or false",
        [TS_JSON_LIST] = "a list",
        [TS_JSON_OBJECT] = "an object",
    };
    return names[type];
}

/* ---- documents of pairs -----------------------------------------------------------------------
 */

/* The object that holds the last key of a dotted path, made where it is missing; *key is moved to
 * that last key. NULL when the path leads through something else, or memory is short. */
static json_t *holder_of(json_t *root, char **key)
{
    json_t *holder = root;
    for (char *dot = strchr(*key, '.'); dot != NULL; dot = strchr(*key, '.')) {
        *dot = '\0';
        json_t *inner = json_object_get(holder, *key);
        if (inner == NULL) {
            inner = json_object();
            if (json_object_set_new(holder, *key, inner) != 0) {
                return NULL;
            }
        } else if (!json_is_object(inner)) {
            return NULL;
        }
        holder = inner;
        *key = dot + 1;
    }
    return holder;
}

/* Lists, objects and booleans as JSON; what else looks like JSON (a name of digits, an amount) is a
 * text all the same. */
static json_t *node_of(const char *text)
{
    json_t *node = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (node != NULL && (json_is_array(node) || json_is_object(node) || json_is_boolean(node))) {
        return node;
    }
    json_decref(node);
    return json_string(text);
}

static bool add_pair(json_t *root, const char *pair, struct ts_error *err)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair) {
        return ts_error_set(err, TS_ERROR_REJECT, 0, "\"%s\" should be KEY=VALUE", pair);
    }
    char *path = strndup(pair, (size_t)(equals - pair));
    json_t *value = node_of(equals + 1);
    char *key = path;
    json_t *holder = path != NULL ? holder_of(root, &key) : NULL;
    bool twice = holder != NULL && json_object_get(holder, key) != NULL;
    bool done =
        holder != NULL && value != NULL && !twice && json_object_set(holder, key, value) == 0;
    if (!done) {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     0,
                     twice ? "\"%s\" is set twice" : "\"%s\" can't be set: is it UTF-8?",
                     pair);
    }
    json_decref(value);
    free(path);
    return done;
}

struct ts_json_document *
ts_json_document_of_pairs(char *const *pairs, size_t count, struct ts_error *err)
{
    json_t *root = json_object();
    if (root == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!add_pair(root, pairs[i], err)) {
            json_decref(root);
            return NULL;
        }
    }
    return document_of(root);
}
