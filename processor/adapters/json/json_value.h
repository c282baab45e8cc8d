/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as values to look at, for readers that know what they want: nothing of the library shows.
 * A number with a point or an exponent has a type of its own, so that a reader of amounts can
 * refuse it: it went through a floating-point number. */
#ifndef TS_ADAPTERS_JSON_JSON_VALUE_H
#define TS_ADAPTERS_JSON_JSON_VALUE_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ts_json_type {
    TS_JSON_ABSENT, /* not there, or null */
    TS_JSON_TEXT,
    TS_JSON_INTEGER,
    TS_JSON_REAL,
    TS_JSON_BOOL,
    TS_JSON_LIST,
    TS_JSON_OBJECT,
};

/* Views live as long as the document. */
struct ts_json_value {
    enum ts_json_type type;
    struct ts_bytes text;
    int64_t integer;
    bool boolean;
    size_t count;     /* items of a list, members of an object */
    const void *node; /* the adapter's */
};

struct ts_json_document;

/* NULL, class REJECT, when the text is not one JSON value, or an object has a key twice. */
struct ts_json_document *ts_json_document_read(struct ts_bytes text, struct ts_error *err);
void ts_json_document_destroy(struct ts_json_document *document);
struct ts_json_value ts_json_document_root(const struct ts_json_document *document);

/* A document made of "path=value" texts, as `auto_recharge.on=true name=Acme`: lists, objects, true
 * and false are taken as JSON, anything else as a text. NULL, class REJECT, for a text without "="
 * or a key twice. */
struct ts_json_document *
ts_json_document_of_pairs(char *const *pairs, size_t count, struct ts_error *err);

/* Absent when `object` is no object or has no such member. */
struct ts_json_value ts_json_member(const struct ts_json_value *object, const char *key);

/* Absent when `list` is no list or shorter. */
struct ts_json_value ts_json_item(const struct ts_json_value *list, size_t i);

/* A key of the object that is none of `known` (ended by NULL), or NULL. */
const char *ts_json_unknown_key(const struct ts_json_value *object, const char *const *known);

/* The value as compact JSON text, object members in their order. */
void ts_json_append(const struct ts_json_value *value, struct ts_buffer *out);

const char *ts_json_type_name(enum ts_json_type type); /* "a list" */

#endif
