/* SPDX-License-Identifier: Apache-2.0 */
/* The settings as text: the example file, the settings in force as YAML that can be read again, and
 * as rows. Secrets never leave: they are shown as "***". */
#ifndef TS_APP_CONFIG_PRINT_H
#define TS_APP_CONFIG_PRINT_H

#include "app/config.h"
#include "base/buffer.h"

#include <stdbool.h>

/* deploy/tollstream.example.yaml: every key at its default, with its help, range and variable. */
void ts_config_example(struct ts_buffer *out);

/* The settings in force, each with where it comes from. */
void ts_config_effective(const struct ts_config *config, struct ts_buffer *out);

/* One setting in force. Valid during the call. */
struct ts_config_row {
    const char *key;    /* "kafka.consumer.fetch.min.bytes" */
    const char *value;  /* without secrets */
    const char *origin; /* "default", "FILE:LINE", the variable's name */
    bool is_text;
};
typedef void ts_config_row_fn(void *arg, const struct ts_config_row *row);
void ts_config_each(const struct ts_config *config, ts_config_row_fn *fn, void *arg);

#endif
