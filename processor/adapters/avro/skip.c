/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/skip.h"

#include "base/varint.h"
#include "core/reason.h"

#include <avro.h>

#include <stdlib.h>

enum { NODES_MAX = 4096, CHILDREN_MAX = 16384, DEPTH_MAX = 64 };

#define NONE UINT32_MAX

void ts_avro_skipper_finish(struct ts_avro_skipper *skipper)
{
    free(skipper->nodes);
    free(skipper->children);
    *skipper = (struct ts_avro_skipper){0};
}

/* Both arrays have their final size from the start: schemas are few and numbers stay valid. */
static bool reserve(struct ts_avro_skipper *skipper, struct ts_error *err)
{
    if (skipper->nodes == NULL) {
        skipper->nodes = calloc(NODES_MAX, sizeof *skipper->nodes);
        skipper->children = calloc(CHILDREN_MAX, sizeof *skipper->children);
    }
    if (skipper->nodes == NULL || skipper->children == NULL) {
        return ts_error_no_memory(err);
    }
    return true;
}

void ts_avro_skipper_trim(struct ts_avro_skipper *skipper)
{
    if (skipper->nodes == NULL) {
        return;
    }
    struct ts_avro_node *nodes = realloc(skipper->nodes, (skipper->node_count + 1) * sizeof *nodes);
    uint32_t *children = realloc(skipper->children, (skipper->child_count + 1) * sizeof *children);
    skipper->nodes = nodes != NULL ? nodes : skipper->nodes;
    skipper->children = children != NULL ? children : skipper->children;
}

static uint32_t find(const struct ts_avro_skipper *skipper, const struct avro_obj_t *schema)
{
    for (uint32_t i = 0; i < skipper->node_count; i++) {
        if (skipper->nodes[i].schema == schema) {
            return i;
        }
    }
    return NONE;
}

static avro_schema_t part(avro_schema_t schema, uint32_t i)
{
    switch (avro_typeof(schema)) {
    case AVRO_ARRAY:
        return avro_schema_array_items(schema);
    case AVRO_MAP:
        return avro_schema_map_values(schema);
    case AVRO_UNION:
        return avro_schema_union_branch(schema, (int)i);
    default:
        return avro_schema_record_field_get_by_index(schema, (int)i);
    }
}

/* What a node is without its parts; sets how many parts it has. */
static struct ts_avro_node node_of(avro_schema_t schema)
{
    struct ts_avro_node node = {.schema = schema};
    switch (avro_typeof(schema)) {
    case AVRO_STRING:
    case AVRO_BYTES:
        node.kind = TS_AVRO_NODE_BYTES;
        break;
    case AVRO_INT32:
    case AVRO_INT64:
    case AVRO_ENUM:
        node.kind = TS_AVRO_NODE_VARINT;
        break;
    case AVRO_FLOAT:
        node.size = 4;
        break;
    case AVRO_DOUBLE:
        node.size = 8;
        break;
    case AVRO_BOOLEAN:
        node.size = 1;
        break;
    case AVRO_FIXED:
        node.size = avro_schema_fixed_size(schema);
        break;
    case AVRO_ARRAY:
        node.kind = TS_AVRO_NODE_ARRAY;
        node.count = 1;
        break;
    case AVRO_MAP:
        node.kind = TS_AVRO_NODE_MAP;
        node.count = 1;
        break;
    case AVRO_UNION:
        node.kind = TS_AVRO_NODE_UNION;
        node.count = (uint32_t)avro_schema_union_size(schema);
        break;
    case AVRO_RECORD:
        node.kind = TS_AVRO_NODE_RECORD;
        node.count = (uint32_t)avro_schema_record_size(schema);
        break;
    default: /* null */
        break;
    }
    node.empty = node.kind == TS_AVRO_NODE_FIXED && node.size == 0;
    return node;
}

uint32_t
ts_avro_skipper_add(struct ts_avro_skipper *skipper, avro_schema_t schema, struct ts_error *err)
{
    if (!reserve(skipper, err)) {
        return NONE;
    }
    if (avro_typeof(schema) == AVRO_LINK) {
        schema = avro_schema_link_target(schema);
    }
    uint32_t known = find(skipper, schema);
    if (known != NONE) {
        return known;
    }
    struct ts_avro_node node = node_of(schema);
    if (skipper->node_count == NODES_MAX || skipper->child_count + node.count > CHILDREN_MAX) {
        ts_error_set(
            err, TS_ERROR_REJECT, TS_REASON_UNKNOWN_SCHEMA, "the schema has too many parts");
        return NONE;
    }
    uint32_t number = skipper->node_count++;
    node.first = skipper->child_count;
    skipper->child_count += node.count;
    skipper->nodes[number] = node;
    bool parts_empty = node.kind == TS_AVRO_NODE_RECORD;
    for (uint32_t i = 0; i < node.count; i++) {
        uint32_t child = ts_avro_skipper_add(skipper, part(schema, i), err);
        if (child == NONE) {
            return NONE;
        }
        skipper->children[node.first + i] = child;
        parts_empty = parts_empty && skipper->nodes[child].empty;
    }
    skipper->nodes[number].empty = node.empty || parts_empty;
    return number;
}

static const char *skip_bytes(const char *p, const char *end)
{
    int64_t size;
    p = ts_varint_get(p, end, &size);
    return p == NULL || size < 0 || size > end - p ? NULL : p + size;
}

static const char *skip_node(const struct ts_avro_skipper *skipper,
                             uint32_t number,
                             const char *p,
                             const char *end,
                             int depth);

/* The blocks of an array or map. Items take at least a byte each, so a count that lies ends at
 * `end`; where they take none, no count makes a difference. */
static const char *skip_blocks(const struct ts_avro_skipper *skipper,
                               const struct ts_avro_node *node,
                               const char *p,
                               const char *end,
                               int depth)
{
    bool keyed = node->kind == TS_AVRO_NODE_MAP;
    uint32_t item = skipper->children[node->first];
    for (;;) {
        int64_t count;
        p = ts_varint_get(p, end, &count);
        if (p == NULL || count == 0) {
            return p;
        }
        if (count < 0) {
            p = skip_bytes(p, end); /* the block's size, then the block */
            if (p == NULL) {
                return NULL;
            }
            continue;
        }
        if (!keyed && skipper->nodes[item].empty) {
            continue;
        }
        for (int64_t i = 0; i < count && p != NULL; i++) {
            p = keyed ? skip_bytes(p, end) : p;
            p = p == NULL ? NULL : skip_node(skipper, item, p, end, depth);
        }
        if (p == NULL) {
            return NULL;
        }
    }
}

static const char *skip_node(const struct ts_avro_skipper *skipper,
                             uint32_t number,
                             const char *p,
                             const char *end,
                             int depth)
{
    const struct ts_avro_node *node = &skipper->nodes[number];
    int64_t value;
    if (node->empty) {
        return p;
    }
    if (depth == DEPTH_MAX) {
        return NULL;
    }
    switch (node->kind) {
    case TS_AVRO_NODE_FIXED:
        return node->size > end - p ? NULL : p + node->size;
    case TS_AVRO_NODE_VARINT:
        return ts_varint_get(p, end, &value);
    case TS_AVRO_NODE_BYTES:
        return skip_bytes(p, end);
    case TS_AVRO_NODE_ARRAY:
    case TS_AVRO_NODE_MAP:
        return skip_blocks(skipper, node, p, end, depth + 1);
    case TS_AVRO_NODE_UNION:
        p = ts_varint_get(p, end, &value);
        if (p == NULL || value < 0 || value >= (int64_t)node->count) {
            return NULL;
        }
        return skip_node(skipper, skipper->children[node->first + value], p, end, depth + 1);
    case TS_AVRO_NODE_RECORD:
        for (uint32_t i = 0; i < node->count && p != NULL; i++) {
            p = skip_node(skipper, skipper->children[node->first + i], p, end, depth + 1);
        }
        return p;
    }
    return NULL;
}

const char *
ts_avro_skip(const struct ts_avro_skipper *skipper, uint32_t node, const char *p, const char *end)
{
    return skip_node(skipper, node, p, end, 0);
}
