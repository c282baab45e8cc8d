/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/command_plan.h"

#include "adapters/avro/command_plan_inner.h"
#include "base/assert.h"
#include "core/reason.h"

#include <avro.h>

#include <stdlib.h>

enum { OPS_MAX = 2048, SYMBOLS_MAX = 4096, BRANCHES_MAX = 256 };

static avro_schema_t resolve(avro_schema_t schema)
{
    return is_avro_link(schema) ? avro_schema_link_target(schema) : schema;
}

static bool refuse(struct ts_error *err, const char *field, const char *why)
{
    return ts_error_set(
        err, TS_ERROR_REJECT, TS_REASON_UNKNOWN_SCHEMA, "the schema's field %s %s", field, why);
}

static bool reserve(struct ts_avro_command_plan *plan,
                    size_t count,
                    struct ts_avro_command_op *op,
                    struct ts_error *err)
{
    if (count > OPS_MAX - plan->op_count) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            TS_REASON_UNKNOWN_SCHEMA,
                            "the schema has more than %d fields and branches of unions",
                            OPS_MAX);
    }
    op->first = plan->op_count;
    op->count = (uint32_t)count;
    plan->op_count += (uint32_t)count;
    return true;
}

static bool compile_record(struct ts_avro_command_plan *plan,
                           avro_schema_t schema,
                           const struct ts_avro_shape *shape,
                           struct ts_avro_command_op *op,
                           struct ts_error *err);

static bool compile_symbols(struct ts_avro_command_plan *plan,
                            avro_schema_t schema,
                            struct ts_avro_command_op *op,
                            struct ts_error *err)
{
    const char *const *ours = op->field->symbols;
    uint32_t count = (uint32_t)avro_schema_enum_number_of_symbols(schema);
    if (count > SYMBOLS_MAX - plan->symbol_count) {
        return refuse(err, op->field->path, "has too many symbols");
    }
    op->schema = schema;
    op->first = plan->symbol_count;
    op->count = count;
    for (uint32_t i = 0; i < count; i++) {
        const char *written = avro_schema_enum_get(schema, (int)i);
        uint8_t value = 0;
        while (ours[value] != NULL && strcmp(ours[value], written) != 0) {
            value++;
        }
        plan->symbols[plan->symbol_count++] = ours[value] != NULL ? value : TS_AVRO_UNKNOWN_SYMBOL;
    }
    return true;
}

static bool compile_list(struct ts_avro_command_plan *plan,
                         avro_schema_t schema,
                         struct ts_avro_command_op *op,
                         struct ts_error *err)
{
    avro_schema_t items = resolve(avro_schema_array_items(schema));
    op->node = ts_avro_skipper_add(&plan->skipper, schema, err);
    if (op->node == UINT32_MAX) {
        return false;
    }
    if (op->field->want == TS_AVRO_WANT_LONGS && (is_avro_int32(items) || is_avro_int64(items))) {
        return true;
    }
    if (op->field->want == TS_AVRO_WANT_RECORDS && is_avro_record(items)) {
        return compile_record(plan, items, op->field->shape, op, err);
    }
    return refuse(err, op->field->path, "is a list of a type that cannot be read as ours");
}

/* A type that is not a union, for a field of ours. */
static bool compile_value(struct ts_avro_command_plan *plan,
                          avro_schema_t schema,
                          struct ts_avro_command_op *op,
                          struct ts_error *err)
{
    enum ts_avro_want want = op->field->want;
    schema = resolve(schema);
    op->code = TS_AVRO_OP_VALUE;
    switch (avro_typeof(schema)) {
    case AVRO_NULL:
        op->code = TS_AVRO_OP_NULL;
        return true;
    case AVRO_STRING:
    case AVRO_BYTES: /* resolvable as string; whether it is text is judged of all strings */
        if (want == TS_AVRO_WANT_TEXT) {
            return true;
        }
        break;
    case AVRO_INT32:
        if (want == TS_AVRO_WANT_INT || want == TS_AVRO_WANT_LONG) {
            return true;
        }
        break;
    case AVRO_INT64:
        if (want == TS_AVRO_WANT_LONG) {
            return true;
        }
        break;
    case AVRO_BOOLEAN:
        if (want == TS_AVRO_WANT_BOOLEAN) {
            return true;
        }
        break;
    case AVRO_ENUM:
        if (want == TS_AVRO_WANT_SYMBOL || want == TS_AVRO_WANT_SYMBOL_TEXT) {
            return compile_symbols(plan, schema, op, err);
        }
        break;
    case AVRO_ARRAY:
        if (want == TS_AVRO_WANT_LONGS || want == TS_AVRO_WANT_RECORDS) {
            return compile_list(plan, schema, op, err);
        }
        break;
    case AVRO_RECORD:
        if (want == TS_AVRO_WANT_RECORD) {
            return compile_record(plan, schema, op->field->shape, op, err);
        }
        break;
    default:
        break;
    }
    return refuse(err, op->field->path, "has a type that cannot be read as ours");
}

static bool compile_union(struct ts_avro_command_plan *plan,
                          avro_schema_t schema,
                          struct ts_avro_command_op *op,
                          struct ts_error *err)
{
    op->code = TS_AVRO_OP_UNION;
    if (!reserve(plan, avro_schema_union_size(schema), op, err)) {
        return false;
    }
    for (uint32_t i = 0; i < op->count; i++) {
        struct ts_avro_command_op *branch = &plan->ops[op->first + i];
        branch->field = op->field;
        if (!compile_value(plan, avro_schema_union_branch(schema, (int)i), branch, err)) {
            return false;
        }
    }
    return true;
}

static const struct ts_avro_command_field *find_field(const struct ts_avro_shape *shape,
                                                      const char *name)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (strcmp(shape->fields[i].name, name) == 0) {
            return &shape->fields[i];
        }
    }
    return NULL;
}

static bool compile_field(struct ts_avro_command_plan *plan,
                          avro_schema_t schema,
                          struct ts_avro_command_op *op,
                          struct ts_error *err)
{
    if (op->field == NULL) {
        op->code = TS_AVRO_OP_SKIP;
        op->node = ts_avro_skipper_add(&plan->skipper, schema, err);
        return op->node != UINT32_MAX;
    }
    return is_avro_union(schema) ? compile_union(plan, schema, op, err)
                                 : compile_value(plan, schema, op, err);
}

/* The fields of a record of the writer's, for a record of ours. A writer's record that holds itself
 * ends here: ours don't. */
static bool compile_record(struct ts_avro_command_plan *plan,
                           avro_schema_t schema,
                           const struct ts_avro_shape *shape,
                           struct ts_avro_command_op *op,
                           struct ts_error *err)
{
    bool found[TS_AVRO_COMMAND_FIELDS_MAX] = {false};
    if (!reserve(plan, avro_schema_record_size(schema), op, err)) {
        return false;
    }
    for (uint32_t i = 0; i < op->count; i++) {
        const char *name = avro_schema_record_field_name(schema, (int)i);
        struct ts_avro_command_op *field = &plan->ops[op->first + i];
        field->field = find_field(shape, name);
        if (field->field != NULL) {
            found[field->field - shape->fields] = true;
        }
        if (!compile_field(
                plan, avro_schema_record_field_get_by_index(schema, (int)i), field, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->fields[i].required && !found[i]) {
            return refuse(
                err, shape->fields[i].path, "is missing; it is required and has no default");
        }
    }
    return true;
}

static bool compile_branch(struct ts_avro_command_plan *plan,
                           avro_schema_t schema,
                           struct ts_avro_command_branch *branch,
                           struct ts_error *err)
{
    struct ts_avro_command_op fields = {.code = TS_AVRO_OP_VALUE};
    branch->schema = resolve(schema);
    branch->node = ts_avro_skipper_add(&plan->skipper, branch->schema, err);
    if (branch->node == UINT32_MAX) {
        return false;
    }
    if (is_avro_record(branch->schema)) {
        branch->shape = ts_avro_command_shape(avro_schema_name(branch->schema));
    }
    if (branch->shape == NULL) {
        return true;
    }
    bool ok = compile_record(plan, branch->schema, branch->shape, &fields, err);
    branch->first = fields.first;
    branch->count = fields.count;
    return ok || ts_error_prefix(err, "%s", branch->shape->name);
}

static bool compile(struct ts_avro_command_plan *plan, struct ts_error *err)
{
    size_t count = plan->is_union ? avro_schema_union_size(plan->schema) : 1;
    if (count > BRANCHES_MAX) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            TS_REASON_UNKNOWN_SCHEMA,
                            "the schema has more than %d records",
                            BRANCHES_MAX);
    }
    plan->branches = calloc(count, sizeof *plan->branches);
    plan->ops = calloc(OPS_MAX, sizeof *plan->ops);
    plan->symbols = calloc(SYMBOLS_MAX, sizeof *plan->symbols);
    if (plan->branches == NULL || plan->ops == NULL || plan->symbols == NULL) {
        return ts_error_no_memory(err);
    }
    plan->branch_count = (uint32_t)count;
    for (uint32_t i = 0; i < plan->branch_count; i++) {
        avro_schema_t schema =
            plan->is_union ? avro_schema_union_branch(plan->schema, (int)i) : plan->schema;
        if (!compile_branch(plan, schema, &plan->branches[i], err)) {
            return false;
        }
    }
    return true;
}

/* Gives back what the schema did not need: there may be thousands of plans. */
static void trim(struct ts_avro_command_plan *plan)
{
    struct ts_avro_command_op *ops = realloc(plan->ops, (plan->op_count + 1) * sizeof *ops);
    uint8_t *symbols = realloc(plan->symbols, plan->symbol_count + 1);
    plan->ops = ops != NULL ? ops : plan->ops;
    plan->symbols = symbols != NULL ? symbols : plan->symbols;
    ts_avro_skipper_trim(&plan->skipper);
}

static bool is_command_record(avro_schema_t schema)
{
    return is_avro_record(schema) && ts_avro_command_shape(avro_schema_name(schema)) != NULL;
}

bool ts_avro_is_command(avro_schema_t schema)
{
    bool found = is_command_record(schema);
    size_t count = is_avro_union(schema) ? avro_schema_union_size(schema) : 0;
    for (size_t i = 0; i < count && !found; i++) {
        found = is_command_record(avro_schema_union_branch(schema, (int)i));
    }
    return found;
}

struct ts_avro_command_plan *ts_avro_command_plan_create(avro_schema_t schema, struct ts_error *err)
{
    TS_ASSERT(ts_avro_is_command(schema));
    struct ts_avro_command_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    plan->schema = avro_schema_incref(schema);
    plan->is_union = is_avro_union(schema);
    if (!compile(plan, err)) {
        ts_avro_command_plan_destroy(plan);
        return NULL;
    }
    trim(plan);
    return plan;
}

void ts_avro_command_plan_destroy(struct ts_avro_command_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    avro_schema_decref(plan->schema);
    ts_avro_skipper_finish(&plan->skipper);
    free(plan->branches);
    free(plan->ops);
    free(plan->symbols);
    free(plan);
}
