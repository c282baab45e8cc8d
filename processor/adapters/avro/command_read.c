/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a plan over the bytes of a command. */
#include "adapters/avro/command_plan_inner.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "core/reason.h"

#include <avro.h>

#include <string.h>

struct reading {
    const struct ts_avro_command_plan *plan;
    const char *end;
    struct ts_arena *arena;
    struct ts_command *command;
    bool no_memory;

    /* What is wrong that does not keep the rest from being read: the first of each. */
    const struct ts_avro_command_op *unknown;
    int64_t symbol;
    const struct ts_avro_command_op *missing;
};

/* --- values: each function returns where the next one begins, or NULL when the bytes are no such
 * value, or the arena is full */

static const char *
run(struct reading *r, const struct ts_avro_command_op *op, const char *p, char *base);

static const char *read_text(const struct reading *r, const char *p, struct ts_bytes *out)
{
    int64_t size;
    p = ts_varint_get(p, r->end, &size);
    if (p == NULL || size < 0 || size > r->end - p) {
        return NULL;
    }
    *out = (struct ts_bytes){p, (size_t)size};
    return p + size;
}

static const char *read_int(const struct reading *r, const char *p, int32_t *out)
{
    int64_t value;
    p = ts_varint_get(p, r->end, &value);
    if (p == NULL || value < INT32_MIN || value > INT32_MAX) {
        return NULL;
    }
    *out = (int32_t)value;
    return p;
}

static const char *read_boolean(const struct reading *r, const char *p, bool *out)
{
    if (p == r->end || (*p != 0 && *p != 1)) {
        return NULL;
    }
    *out = *p == 1;
    return p + 1;
}

static const char *
read_symbol(struct reading *r, const struct ts_avro_command_op *op, const char *p, char *out)
{
    int64_t symbol;
    p = ts_varint_get(p, r->end, &symbol);
    if (p == NULL || symbol < 0 || symbol >= op->count) {
        return NULL;
    }
    uint32_t value = r->plan->symbols[op->first + (uint32_t)symbol];
    if (value == TS_AVRO_UNKNOWN_SYMBOL) {
        if (r->unknown == NULL) {
            r->unknown = op;
            r->symbol = symbol;
        }
    } else if (op->field->want == TS_AVRO_WANT_SYMBOL) {
        memcpy(out, &value, sizeof value);
    } else {
        *(struct ts_bytes *)(void *)out = ts_bytes_of(op->field->symbols[value]);
    }
    return p;
}

static const char *
read_fields(struct reading *r, const struct ts_avro_command_op *op, const char *p, char *base)
{
    for (uint32_t i = 0; i < op->count && p != NULL; i++) {
        p = run(r, &r->plan->ops[op->first + i], p, base);
    }
    return p;
}

/* How many items the next block has; 0 at the end. Its size, where it is given, is of no use here:
 * the items are read. */
static const char *read_block(const struct reading *r, const char *p, uint64_t *count)
{
    int64_t number = 0;
    int64_t size;
    p = ts_varint_get(p, r->end, &number);
    if (p != NULL && number < 0) {
        p = ts_varint_get(p, r->end, &size);
    }
    *count = number < 0 ? -(uint64_t)number : (uint64_t)number;
    return p;
}

static char *take_zeroed(struct reading *r, size_t size)
{
    char *taken = ts_arena_take(r->arena, size);
    if (taken == NULL) {
        r->no_memory = true;
        return NULL;
    }
    return memset(taken, 0, size);
}

/* A list. Of one that is too long, one item more than there may be is kept, for ts_command_validate
 * to refuse it; then all of it is skipped, so that no count, however large, costs more than its
 * bytes. */
static const char *
read_list(struct reading *r, const struct ts_avro_command_op *op, const char *p, char *base)
{
    const struct ts_avro_command_field *field = op->field;
    bool is_records = field->want == TS_AVRO_WANT_RECORDS;
    size_t item_size = is_records ? field->shape->size : sizeof(int64_t);
    size_t room = field->count_max + (size_t)1;
    const char *start = p;
    char *items = NULL;
    size_t read = 0;
    uint64_t left;
    for (p = read_block(r, p, &left); p != NULL && left > 0; p = read_block(r, p, &left)) {
        if (items == NULL) {
            items = take_zeroed(r, room * item_size);
        }
        if (items == NULL) {
            return NULL;
        }
        for (; p != NULL && left > 0 && read < room; left--, read++) {
            char *item = items + read * item_size;
            p = is_records ? read_fields(r, op, p, item)
                           : ts_varint_get(p, r->end, (int64_t *)(void *)item);
        }
        if (p == NULL) {
            return NULL;
        }
        if (left > 0) {
            p = ts_avro_skip(&r->plan->skipper, op->node, start, r->end);
            break;
        }
    }
    memcpy(base + field->offset, &items, sizeof items);
    memcpy(base + field->count_offset, &read, sizeof read);
    return p;
}

static const char *
read_value(struct reading *r, const struct ts_avro_command_op *op, const char *p, char *base)
{
    void *out = base + op->field->offset;
    switch (op->field->want) {
    case TS_AVRO_WANT_TEXT:
        return read_text(r, p, out);
    case TS_AVRO_WANT_INT:
        return read_int(r, p, out);
    case TS_AVRO_WANT_LONG:
        return ts_varint_get(p, r->end, out);
    case TS_AVRO_WANT_BOOLEAN:
        return read_boolean(r, p, out);
    case TS_AVRO_WANT_SYMBOL:
    case TS_AVRO_WANT_SYMBOL_TEXT:
        return read_symbol(r, op, p, out);
    case TS_AVRO_WANT_LONGS:
    case TS_AVRO_WANT_RECORDS:
        return read_list(r, op, p, base);
    case TS_AVRO_WANT_RECORD:
        return read_fields(r, op, p, base);
    }
    return NULL;
}

/* Notes that the field is there. */
static void mark(struct reading *r, const struct ts_avro_command_field *field, char *base)
{
    if (field->flag != TS_AVRO_NO_MARK) {
        *(bool *)(base + field->flag) = true;
    }
    if (field->setting != TS_AVRO_NO_MARK) {
        r->command->body.change.set |= ts_field_bit((enum ts_account_field)field->setting);
    }
}

/* Runs one operation; the value at p goes into the struct at base. */
static const char *
run(struct reading *r, const struct ts_avro_command_op *op, const char *p, char *base)
{
    if (op->code == TS_AVRO_OP_UNION) {
        int64_t branch;
        p = ts_varint_get(p, r->end, &branch);
        if (p == NULL || branch < 0 || branch >= op->count) {
            return NULL;
        }
        op = &r->plan->ops[op->first + (uint32_t)branch];
    }
    switch ((enum ts_avro_command_op_code)op->code) {
    case TS_AVRO_OP_SKIP:
        return ts_avro_skip(&r->plan->skipper, op->node, p, r->end);
    case TS_AVRO_OP_NULL:
        if (op->field->required && r->missing == NULL) {
            r->missing = op;
        }
        return p;
    case TS_AVRO_OP_VALUE:
        p = read_value(r, op, p, base);
        if (p != NULL) {
            mark(r, op->field, base);
        }
        return p;
    case TS_AVRO_OP_UNION: /* a union holds no union */
        break;
    }
    return NULL;
}

/* --- what is wrong */

static bool report_unknown(struct ts_error *err, const char *what, const char *name, const char *of)
{
    char quoted[100];
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        TS_REASON_UNKNOWN_ENUM,
                        "%s: %s is none of the %s known here",
                        what,
                        ts_utf8_quote(ts_bytes_of(name), quoted, sizeof quoted),
                        of);
}

static bool report(const struct reading *r, struct ts_error *err)
{
    if (r->unknown != NULL) {
        return report_unknown(err,
                              r->unknown->field->path,
                              avro_schema_enum_get(r->unknown->schema, (int)r->symbol),
                              "symbols");
    }
    if (r->missing != NULL) {
        return ts_error_set(
            err, TS_ERROR_REJECT, TS_REASON_MISSING_FIELD, "%s: null", r->missing->field->path);
    }
    return true;
}

static bool malformed(const char *what, size_t at, size_t size, struct ts_error *err)
{
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        TS_REASON_DECODE_ERROR,
                        "%s: malformed, or the command is cut off in it (at byte %zu of %zu)",
                        what,
                        at,
                        size);
}

static bool expect_end(struct ts_bytes body, const char *p, struct ts_error *err)
{
    size_t left = (size_t)(body.data + body.size - p);
    return left == 0 || ts_error_set(err,
                                     TS_ERROR_REJECT,
                                     TS_REASON_DECODE_ERROR,
                                     "%zu bytes follow its last field",
                                     left);
}

/* --- a whole command */

/* Which record it is; p goes behind the number of the union's branch. NULL: malformed. */
static const struct ts_avro_command_branch *
read_branch(const struct ts_avro_command_plan *plan, const char **p, const char *end)
{
    int64_t branch = 0;
    if (plan->is_union) {
        *p = ts_varint_get(*p, end, &branch);
    }
    return *p == NULL || branch < 0 || branch >= plan->branch_count ? NULL
                                                                    : &plan->branches[branch];
}

/* A command that a newer writer has: it is refused as a symbol is, to be requeued once this program
 * knows it. */
static bool refuse_branch(const struct ts_avro_command_plan *plan,
                          const struct ts_avro_command_branch *branch,
                          struct ts_bytes body,
                          const char *p,
                          struct ts_error *err)
{
    const char *name = avro_schema_type_name(branch->schema);
    const char *end = ts_avro_skip(&plan->skipper, branch->node, p, body.data + body.size);
    if (end == NULL) {
        return malformed(name, (size_t)(p - body.data), body.size, err);
    }
    return expect_end(body, end, err) && report_unknown(err, "command", name, "records");
}

static bool read_command(struct reading *r,
                         const struct ts_avro_command_branch *branch,
                         struct ts_bytes body,
                         const char *p,
                         struct ts_error *err)
{
    r->command->type = branch->shape->type;
    for (uint32_t i = 0; i < branch->count; i++) {
        const char *next = run(r, &r->plan->ops[branch->first + i], p, (char *)r->command);
        if (r->no_memory) {
            return ts_error_no_memory(err);
        }
        if (next == NULL) {
            return malformed(avro_schema_record_field_name(branch->schema, (int)i),
                             (size_t)(p - body.data),
                             body.size,
                             err);
        }
        p = next;
    }
    return expect_end(body, p, err) && report(r, err);
}

bool ts_avro_command_plan_run(const struct ts_avro_command_plan *plan,
                              struct ts_bytes body,
                              struct ts_arena *arena,
                              struct ts_command *out,
                              struct ts_error *err)
{
    struct reading reading = {
        .plan = plan, .end = body.data + body.size, .arena = arena, .command = out};
    const char *p = body.data;
    *out = (struct ts_command){0};
    const struct ts_avro_command_branch *branch = read_branch(plan, &p, reading.end);
    if (branch == NULL) {
        return malformed("which command it is", 0, body.size, err);
    }
    if (branch->shape == NULL) {
        return refuse_branch(plan, branch, body, p, err);
    }
    return read_command(&reading, branch, body, p, err) ||
           ts_error_prefix(err, "%s", branch->shape->name);
}
