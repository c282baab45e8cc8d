/* SPDX-License-Identifier: Apache-2.0 */
/* What we want of commands, record by record and field by field: our reader's schemas as tables.
 * They follow schemas/avro/credit.avsc and schemas/avro/adjustment.avsc. */
#ifndef TS_ADAPTERS_AVRO_COMMAND_FIELDS_H
#define TS_ADAPTERS_AVRO_COMMAND_FIELDS_H

#include "core/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ts_avro_want {
    TS_AVRO_WANT_TEXT,        /* struct ts_bytes */
    TS_AVRO_WANT_INT,         /* int32_t */
    TS_AVRO_WANT_LONG,        /* int64_t */
    TS_AVRO_WANT_BOOLEAN,     /* bool */
    TS_AVRO_WANT_SYMBOL,      /* an enum, of 32 bits */
    TS_AVRO_WANT_SYMBOL_TEXT, /* struct ts_bytes: the symbol's name */
    TS_AVRO_WANT_LONGS,       /* a pointer to int64_t, and their count */
    TS_AVRO_WANT_RECORD,      /* read into the same struct as what it is in */
    TS_AVRO_WANT_RECORDS,     /* a pointer to structs, and their count */
};

enum { TS_AVRO_NO_MARK = UINT16_MAX, TS_AVRO_COMMAND_FIELDS_MAX = 32 };

struct ts_avro_shape;

struct ts_avro_command_field {
    const char *name;
    const char *path; /* in messages: with what it is in */
    enum ts_avro_want want;
    bool required;
    uint16_t offset;            /* in the struct that the record is read into */
    uint16_t count_offset;      /* of a list's size_t */
    uint16_t count_max;         /* of a list */
    uint16_t flag;              /* offset of the bool that says that it is there, or NO_MARK */
    uint16_t setting;           /* enum ts_account_field: set in the change when it is there */
    const char *const *symbols; /* ours, by value; NULL ends them */
    const struct ts_avro_shape *shape; /* of a record, or of each of the records */
};

/* A record of ours. */
struct ts_avro_shape {
    const char *name;
    enum ts_command_type type; /* of a command */
    size_t size;               /* of the struct, for lists */
    size_t count;
    const struct ts_avro_command_field *fields;
};

/* The command of that name; NULL when there is none. */
const struct ts_avro_shape *ts_avro_command_shape(const char *name);

#endif
