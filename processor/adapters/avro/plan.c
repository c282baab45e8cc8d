/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/plan.h"

#include "adapters/avro/skip.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "core/reason.h"

#include <avro.h>

#include <stddef.h>
#include <stdlib.h>

/* What our reader schema wants, field by field. */
enum slot_type { SLOT_STRING, SLOT_INT, SLOT_LONG, SLOT_ENUM, SLOT_ATTRIBUTES };

struct slot {
    const char *name;
    enum slot_type type;
    bool required;
    uint16_t offset;
    uint16_t flag; /* offset of the bool that says that it is there, or NO_FLAG */
    const char *(*symbol)(unsigned value);
};

#define NO_FLAG UINT16_MAX

static const char *license_symbol(unsigned value)
{
    return ts_license_name((enum ts_license)value);
}

static const char *service_symbol(unsigned value)
{
    return ts_service_name((enum ts_service)value);
}

static const char *direction_symbol(unsigned value)
{
    return ts_direction_name((enum ts_direction)value);
}

static const char *disposition_symbol(unsigned value)
{
    return ts_disposition_name((enum ts_disposition)value);
}

#define AT(member) offsetof(struct ts_cdr, member)

static const struct slot slots[] = {
    {"cdr_id", SLOT_STRING, true, AT(cdr_id), NO_FLAG, NULL},
    {"source", SLOT_STRING, true, AT(source), NO_FLAG, NULL},
    {"leg", SLOT_INT, false, AT(leg), NO_FLAG, NULL},
    {"call_id", SLOT_STRING, false, AT(call_id), NO_FLAG, NULL},
    {"account_id", SLOT_STRING, true, AT(account_id), NO_FLAG, NULL},
    {"user_id", SLOT_STRING, false, AT(user_id), NO_FLAG, NULL},
    {"user_name", SLOT_STRING, false, AT(user_name), NO_FLAG, NULL},
    {"department", SLOT_STRING, false, AT(department), NO_FLAG, NULL},
    {"license", SLOT_ENUM, true, AT(license), NO_FLAG, license_symbol},
    {"service", SLOT_ENUM, true, AT(service), NO_FLAG, service_symbol},
    {"direction", SLOT_ENUM, true, AT(direction), NO_FLAG, direction_symbol},
    {"from_number", SLOT_STRING, true, AT(from_number), NO_FLAG, NULL},
    {"to_number", SLOT_STRING, true, AT(to_number), NO_FLAG, NULL},
    {"origin_country", SLOT_STRING, false, AT(origin_country), NO_FLAG, NULL},
    {"start_time", SLOT_LONG, true, AT(start_ms), NO_FLAG, NULL},
    {"answer_time", SLOT_LONG, false, AT(answer_ms), AT(has_answer), NULL},
    {"end_time", SLOT_LONG, true, AT(end_ms), NO_FLAG, NULL},
    {"duration_ms", SLOT_LONG, true, AT(duration_ms), NO_FLAG, NULL},
    {"pages", SLOT_INT, false, AT(pages), NO_FLAG, NULL},
    {"disposition", SLOT_ENUM, true, AT(disposition), NO_FLAG, disposition_symbol},
    {"hangup_cause", SLOT_INT, false, AT(hangup_cause), AT(has_hangup_cause), NULL},
    {"attributes", SLOT_ATTRIBUTES, false, AT(attributes), NO_FLAG, NULL},
};
enum { SLOT_COUNT = sizeof slots / sizeof slots[0], SLOT_NONE = SLOT_COUNT };

_Static_assert(sizeof(enum ts_license) == sizeof(uint32_t) &&
                   sizeof(enum ts_service) == sizeof(uint32_t) &&
                   sizeof(enum ts_direction) == sizeof(uint32_t) &&
                   sizeof(enum ts_disposition) == sizeof(uint32_t),
               "enums are stored as 32 bits");

enum op_code {
    OP_NOTHING, /* null for a field that may be absent */
    OP_MISSING, /* null for one that may not */
    OP_STRING,
    OP_INT,
    OP_LONG,
    OP_FLAGGED_INT,
    OP_FLAGGED_LONG,
    OP_ENUM, /* symbols[arg .. arg + count): ours for each of the writer's */
    OP_ATTRIBUTES,
    OP_SKIP,  /* node `arg` */
    OP_UNION, /* one of ops[arg .. arg + count) */
};

struct op {
    uint8_t code;
    uint8_t slot;
    uint16_t offset;
    uint16_t flag;
    uint16_t count;
    uint32_t arg;
};

enum { OPS_MAX = 2048, SYMBOLS_MAX = 4096, UNKNOWN_SYMBOL = 0xff };

struct ts_avro_plan {
    avro_schema_t schema; /* for the names of fields and symbols in messages */
    uint32_t field_count; /* ops[0 .. field_count): the writer's fields in order */
    uint32_t op_count;
    struct op *ops;
    uint32_t symbol_count;
    uint8_t *symbols;
    struct ts_avro_skipper skipper;
};

static bool refuse(struct ts_error *err, const char *field, const char *why)
{
    return ts_error_set(
        err, TS_ERROR_REJECT, TS_REASON_UNKNOWN_SCHEMA, "the schema's field %s %s", field, why);
}

static uint8_t find_slot(const char *name)
{
    uint8_t slot = 0;
    while (slot < SLOT_COUNT && strcmp(slots[slot].name, name) != 0) {
        slot++;
    }
    return slot;
}

static bool
compile_enum(struct ts_avro_plan *plan, avro_schema_t schema, struct op *op, struct ts_error *err)
{
    const struct slot *slot = &slots[op->slot];
    uint32_t count = (uint32_t)avro_schema_enum_number_of_symbols(schema);
    if (plan->symbol_count + count > SYMBOLS_MAX) {
        return refuse(err, slot->name, "has too many symbols");
    }
    op->code = OP_ENUM;
    op->arg = plan->symbol_count;
    op->count = (uint16_t)count;
    for (uint32_t i = 0; i < count; i++) {
        const char *written = avro_schema_enum_get(schema, (int)i);
        uint8_t ours = 0;
        while (ours < UNKNOWN_SYMBOL && strcmp(slot->symbol(ours), written) != 0) {
            ours++;
        }
        plan->symbols[plan->symbol_count++] = ours;
    }
    return true;
}

/* A type that is not a union, for a slot. */
static bool
compile_value(struct ts_avro_plan *plan, avro_schema_t schema, struct op *op, struct ts_error *err)
{
    const struct slot *slot = &slots[op->slot];
    if (avro_typeof(schema) == AVRO_LINK) {
        schema = avro_schema_link_target(schema);
    }
    bool is_int = avro_typeof(schema) == AVRO_INT32;
    switch (avro_typeof(schema)) {
    case AVRO_NULL:
        op->code = slot->required ? OP_MISSING : OP_NOTHING;
        return true;
    case AVRO_STRING:
    case AVRO_BYTES: /* resolvable as string; whether it is text is judged of all strings */
        if (slot->type == SLOT_STRING) {
            op->code = OP_STRING;
            return true;
        }
        break;
    case AVRO_INT32:
    case AVRO_INT64:
        if (slot->type == SLOT_LONG) {
            op->code = slot->flag == NO_FLAG ? OP_LONG : OP_FLAGGED_LONG;
            return true;
        }
        if (slot->type == SLOT_INT && is_int) {
            op->code = slot->flag == NO_FLAG ? OP_INT : OP_FLAGGED_INT;
            return true;
        }
        break;
    case AVRO_ENUM:
        if (slot->type == SLOT_ENUM) {
            return compile_enum(plan, schema, op, err);
        }
        break;
    case AVRO_MAP:
        if (slot->type == SLOT_ATTRIBUTES && is_avro_string(avro_schema_map_values(schema))) {
            op->code = OP_ATTRIBUTES;
            return true;
        }
        break;
    default:
        break;
    }
    return refuse(err, slot->name, "has a type that cannot be read as ours");
}

static bool
compile_union(struct ts_avro_plan *plan, avro_schema_t schema, struct op *op, struct ts_error *err)
{
    uint32_t count = (uint32_t)avro_schema_union_size(schema);
    if (plan->op_count + count > OPS_MAX) {
        return refuse(err, slots[op->slot].name, "has too many branches");
    }
    struct op *branches = &plan->ops[plan->op_count];
    op->code = OP_UNION;
    op->arg = plan->op_count;
    op->count = (uint16_t)count;
    plan->op_count += count;
    for (uint32_t i = 0; i < count; i++) {
        branches[i] = *op;
        branches[i].arg = 0;
        branches[i].count = 0;
        if (!compile_value(plan, avro_schema_union_branch(schema, (int)i), &branches[i], err)) {
            return false;
        }
    }
    return true;
}

static bool compile_field(struct ts_avro_plan *plan, uint32_t field, struct ts_error *err)
{
    const char *name = avro_schema_record_field_name(plan->schema, (int)field);
    avro_schema_t schema = avro_schema_record_field_get_by_index(plan->schema, (int)field);
    struct op *op = &plan->ops[field];
    op->slot = find_slot(name);
    if (op->slot == SLOT_NONE) {
        op->code = OP_SKIP;
        op->arg = ts_avro_skipper_add(&plan->skipper, schema, err);
        return op->arg != UINT32_MAX || ts_error_prefix(err, "the schema's field %s", name);
    }
    op->offset = slots[op->slot].offset;
    op->flag = slots[op->slot].flag;
    return is_avro_union(schema) ? compile_union(plan, schema, op, err)
                                 : compile_value(plan, schema, op, err);
}

static bool compile(struct ts_avro_plan *plan, struct ts_error *err)
{
    bool found[SLOT_COUNT + 1] = {false};
    plan->ops = calloc(OPS_MAX, sizeof *plan->ops);
    plan->symbols = calloc(SYMBOLS_MAX, sizeof *plan->symbols);
    if (plan->ops == NULL || plan->symbols == NULL) {
        return ts_error_no_memory(err);
    }
    size_t fields = avro_schema_record_size(plan->schema);
    if (fields > OPS_MAX) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            TS_REASON_UNKNOWN_SCHEMA,
                            "the schema has more than %d fields",
                            OPS_MAX);
    }
    plan->field_count = (uint32_t)fields;
    plan->op_count = plan->field_count;
    for (uint32_t i = 0; i < plan->field_count; i++) {
        if (!compile_field(plan, i, err)) {
            return false;
        }
        found[plan->ops[i].slot] = true;
    }
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        if (slots[slot].required && !found[slot]) {
            return refuse(err, slots[slot].name, "is missing; it is required and has no default");
        }
    }
    return true;
}

/* Gives back what the schema did not need: there may be thousands of plans. */
static void trim(struct ts_avro_plan *plan)
{
    struct op *ops = realloc(plan->ops, (plan->op_count + 1) * sizeof *ops);
    uint8_t *symbols = realloc(plan->symbols, plan->symbol_count + 1);
    plan->ops = ops != NULL ? ops : plan->ops;
    plan->symbols = symbols != NULL ? symbols : plan->symbols;
    ts_avro_skipper_trim(&plan->skipper);
}

struct ts_avro_plan *ts_avro_plan_create(avro_schema_t schema, struct ts_error *err)
{
    if (!is_avro_record(schema)) {
        ts_error_set(
            err, TS_ERROR_REJECT, TS_REASON_UNKNOWN_SCHEMA, "the schema is not a record's");
        return NULL;
    }
    struct ts_avro_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    plan->schema = avro_schema_incref(schema);
    if (!compile(plan, err)) {
        ts_avro_plan_destroy(plan);
        return NULL;
    }
    trim(plan);
    return plan;
}

void ts_avro_plan_destroy(struct ts_avro_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    avro_schema_decref(plan->schema);
    ts_avro_skipper_finish(&plan->skipper);
    free(plan->ops);
    free(plan->symbols);
    free(plan);
}

/* What a record has wrong that does not keep the rest of it from being read. */
struct trouble {
    const struct op *unknown_enum; /* the first field with one */
    int64_t symbol;
    const struct op *missing; /* the first required field that is null */
};

static inline const char *read_string(const char *p, const char *end, struct ts_bytes *out)
{
    int64_t size;
    p = ts_varint_get(p, end, &size);
    if (p == NULL || (uint64_t)size > (uint64_t)(end - p)) {
        return NULL;
    }
    *out = (struct ts_bytes){p, (size_t)size};
    return p + size;
}

static inline const char *read_int(const char *p, const char *end, void *out)
{
    int64_t value;
    p = ts_varint_get(p, end, &value);
    if (p == NULL || value < INT32_MIN || value > INT32_MAX) {
        return NULL;
    }
    memcpy(out, &(int32_t){(int32_t)value}, sizeof(int32_t));
    return p;
}

static const char *read_attributes(const char *p, const char *end, struct ts_cdr_attributes *out)
{
    const char *start = p;
    struct ts_bytes ignored;
    for (;;) {
        int64_t count;
        int64_t size;
        p = ts_varint_get(p, end, &count);
        if (p != NULL && count < 0) {
            count = count == INT64_MIN ? INT64_MAX : -count;
            p = ts_varint_get(p, end, &size);
        }
        if (p == NULL) {
            return NULL;
        }
        if (count == 0) {
            break;
        }
        if (count > end - p) { /* each entry takes at least a byte */
            return NULL;
        }
        for (int64_t i = 0; i < 2 * count && p != NULL; i++) {
            p = read_string(p, end, &ignored);
        }
        if (p == NULL) {
            return NULL;
        }
        out->count += (uint32_t)count;
    }
    out->encoded = (struct ts_bytes){start, out->count == 0 ? 0 : (size_t)(p - start)};
    return p;
}

static inline const char *read_enum(const struct ts_avro_plan *plan,
                                    const struct op *op,
                                    const char *p,
                                    const char *end,
                                    void *out,
                                    struct trouble *trouble)
{
    int64_t symbol;
    p = ts_varint_get(p, end, &symbol);
    if (p == NULL || symbol < 0 || symbol >= op->count) {
        return NULL;
    }
    uint32_t value = plan->symbols[op->arg + (uint32_t)symbol];
    if (value == UNKNOWN_SYMBOL) {
        if (trouble->unknown_enum == NULL) {
            trouble->unknown_enum = op;
            trouble->symbol = symbol;
        }
        return p;
    }
    memcpy(out, &value, sizeof value);
    return p;
}

/* Runs one operation: the value at p goes to its slot. Returns where the next value begins, or NULL
 * when the bytes are no such value. */
static inline const char *run_op(const struct ts_avro_plan *plan,
                                 const struct op *op,
                                 const char *p,
                                 const char *end,
                                 struct ts_cdr *cdr,
                                 struct trouble *trouble)
{
    if (op->code == OP_UNION) {
        int64_t branch;
        p = ts_varint_get(p, end, &branch);
        if (p == NULL || branch < 0 || branch >= op->count) {
            return NULL;
        }
        op = &plan->ops[op->arg + (uint32_t)branch];
    }
    char *out = (char *)cdr + op->offset;
    switch ((enum op_code)op->code) {
    case OP_NOTHING:
        return p;
    case OP_MISSING:
        trouble->missing = trouble->missing == NULL ? op : trouble->missing;
        return p;
    case OP_STRING:
        return read_string(p, end, (struct ts_bytes *)(void *)out);
    case OP_FLAGGED_INT:
        *((char *)cdr + op->flag) = true;
        return read_int(p, end, out);
    case OP_INT:
        return read_int(p, end, out);
    case OP_FLAGGED_LONG:
        *((char *)cdr + op->flag) = true;
        return ts_varint_get(p, end, (int64_t *)(void *)out);
    case OP_LONG:
        return ts_varint_get(p, end, (int64_t *)(void *)out);
    case OP_ENUM:
        return read_enum(plan, op, p, end, out, trouble);
    case OP_ATTRIBUTES:
        return read_attributes(p, end, (struct ts_cdr_attributes *)(void *)out);
    case OP_SKIP:
        return ts_avro_skip(&plan->skipper, op->arg, p, end);
    case OP_UNION: /* a union holds no union */
        break;
    }
    return NULL;
}

static bool malformed(
    const struct ts_avro_plan *plan, uint32_t field, size_t at, size_t size, struct ts_error *err)
{
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        TS_REASON_DECODE_ERROR,
                        "%s: malformed, or the record is cut off in it (at byte %zu of %zu)",
                        avro_schema_record_field_name(plan->schema, (int)field),
                        at,
                        size);
}

/* The symbol's name as the writer's schema has it. */
static const char *symbol_name(const struct ts_avro_plan *plan, const struct trouble *trouble)
{
    const char *name = slots[trouble->unknown_enum->slot].name;
    avro_schema_t schema = avro_schema_record_field_get(plan->schema, name);
    for (int i = 0; is_avro_union(schema); i++) {
        avro_schema_t branch = avro_schema_union_branch(schema, i);
        schema = is_avro_enum(branch) || is_avro_link(branch) ? branch : schema;
    }
    if (is_avro_link(schema)) {
        schema = avro_schema_link_target(schema);
    }
    return avro_schema_enum_get(schema, (int)trouble->symbol);
}

static bool
report(const struct ts_avro_plan *plan, const struct trouble *trouble, struct ts_error *err)
{
    if (trouble->unknown_enum != NULL) {
        char quoted[100];
        return ts_error_set(
            err,
            TS_ERROR_REJECT,
            TS_REASON_UNKNOWN_ENUM,
            "%s: %s is none of the symbols known here",
            slots[trouble->unknown_enum->slot].name,
            ts_utf8_quote(ts_bytes_of(symbol_name(plan, trouble)), quoted, sizeof quoted));
    }
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        TS_REASON_MISSING_FIELD,
                        "%s: null",
                        slots[trouble->missing->slot].name);
}

bool ts_avro_plan_run(const struct ts_avro_plan *plan,
                      struct ts_bytes body,
                      struct ts_cdr *out,
                      struct ts_error *err)
{
    struct trouble trouble = {0};
    const char *p = body.data;
    const char *end = body.data + body.size;
    *out = (struct ts_cdr){0};
    for (uint32_t i = 0; i < plan->field_count; i++) {
        const char *next = run_op(plan, &plan->ops[i], p, end, out, &trouble);
        if (next == NULL) {
            return malformed(plan, i, (size_t)(p - body.data), body.size, err);
        }
        p = next;
    }
    if (p != end) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            TS_REASON_DECODE_ERROR,
                            "record: %zu bytes follow its last field",
                            (size_t)(end - p));
    }
    if (trouble.unknown_enum != NULL || trouble.missing != NULL) {
        return report(plan, &trouble, err);
    }
    return true;
}
