/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a YAML file as a flat list of leaves: the path of the keys joined by dots, the value as it
 * is written, and the line. That is all a settings file needs; what the values mean is not decided
 * here. A sequence of scalars is one leaf, its items joined by commas. Refused, with the line:
 * aliases, a second document, keys that are not scalars, mappings within sequences, and anything
 * beyond the limits (so that no file takes more than bounded time and memory). */
#ifndef TS_ADAPTERS_YAML_YAML_LEAVES_H
#define TS_ADAPTERS_YAML_YAML_LEAVES_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>

enum {
    TS_YAML_FILE_SIZE_MAX = 1 << 20,
    TS_YAML_DEPTH_MAX = 16,
    TS_YAML_PATH_MAX = 512,
    TS_YAML_VALUE_MAX = 64 * 1024, /* of a joined sequence */
};

struct ts_yaml_leaf {
    const char *path;  /* "kafka.topics.cdrs" */
    const char *value; /* NULL: nothing is written there, or null */
    int line;          /* from 1, of the key */
};

/* Valid during the call. Returning false stops the reading, with the error it has set. */
typedef bool ts_yaml_leaf_fn(void *arg, const struct ts_yaml_leaf *leaf, struct ts_error *err);

/* Both fail with class FATAL and a text that begins with `name` and the line. An empty file has no
 * leaves. */
bool ts_yaml_leaves(const char *path, ts_yaml_leaf_fn *fn, void *arg, struct ts_error *err);
bool ts_yaml_leaves_of_text(
    const char *name, struct ts_bytes text, ts_yaml_leaf_fn *fn, void *arg, struct ts_error *err);

#endif
