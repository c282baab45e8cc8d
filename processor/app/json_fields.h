/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a JSON object, each read as what it should be or refused: class REJECT, with the field,
 * the value and what would be right. Outputs are set only on success, unless told otherwise. */
#ifndef TS_APP_JSON_FIELDS_H
#define TS_APP_JSON_FIELDS_H

#include "adapters/json/json_value.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "FIELD: VALUE should be EXPECTED". Returns false. */
bool ts_json_field_refuse(struct ts_error *err,
                          const char *field,
                          const struct ts_json_value *value,
                          const char *expected);

/* Micro-units of a decimal text or a whole number; `positive`: not below 0. */
bool ts_json_field_amount(const char *field,
                          const struct ts_json_value *value,
                          int64_t *out,
                          struct ts_error *err);
bool ts_json_field_positive(const char *field,
                            const struct ts_json_value *value,
                            int64_t *out,
                            struct ts_error *err);

/* A list of at most `max` different amounts; `out` may be partly filled on failure. */
bool ts_json_field_amounts(const char *field,
                           const struct ts_json_value *list,
                           size_t max,
                           int64_t *out,
                           uint8_t *count,
                           struct ts_error *err);

/* A whole number; a text of digits will do. */
bool ts_json_field_integer(const char *field,
                           const struct ts_json_value *value,
                           int64_t min,
                           int64_t max,
                           int64_t *out,
                           struct ts_error *err);

bool ts_json_field_bool(const char *field,
                        const struct ts_json_value *value,
                        bool *out,
                        struct ts_error *err);

/* The index of the text among the names, which end in NULL. */
bool ts_json_field_choice(const char *field,
                          const struct ts_json_value *value,
                          const char *const *names,
                          int *out,
                          struct ts_error *err);

/* A text of min to max bytes without control characters, into `out` of max + 1 bytes. */
bool ts_json_field_text(const char *field,
                        const struct ts_json_value *value,
                        size_t min,
                        size_t max,
                        char *out,
                        struct ts_error *err);

#endif
