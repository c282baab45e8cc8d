/* SPDX-License-Identifier: Apache-2.0 */
/* One value of one setting: from its text to a number, and back to the shortest text that means the
 * same. */
#ifndef TS_APP_CONFIG_VALUE_H
#define TS_APP_CONFIG_VALUE_H

#include "app/config_table.h"
#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The number of a CHOICE, NUMBER, SIZE, DURATION or one of DURATIONS, checked against the row's
 * range. The error quotes the value and says what is allowed, but does not name the key. */
bool ts_config_value_parse(const struct ts_config_key *key,
                           const char *text,
                           int64_t *out,
                           struct ts_error *err);

/* Checks a TEXT or TOPIC. */
bool ts_config_text_check(const struct ts_config_key *key, const char *text, struct ts_error *err);

/* "15s", "8MiB", "eager", "5000". */
void ts_config_value_format(const struct ts_config_key *key, int64_t value, struct ts_buffer *out);

/* "from 1 to 64", "cooperative or eager"; nothing for texts. */
void ts_config_range_format(const struct ts_config_key *key, struct ts_buffer *out);

#endif
