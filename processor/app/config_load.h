/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of config loading share: the readers of the file and of the environment find out
 * which row of the table is meant, and set it through here. Only config*.c includes this. */
#ifndef TS_APP_CONFIG_LOAD_H
#define TS_APP_CONFIG_LOAD_H

#include "app/config.h"
#include "app/config_table.h"

/* Where a value comes from, for messages and for the list of origins. */
struct ts_config_place {
    const char *file;     /* NULL: the environment */
    const char *variable; /* of the environment */
    int line;             /* of the file */
};

void ts_config_fault(struct ts_config *config,
                     const struct ts_config_place *place,
                     const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

/* Set, or tell a fault. */
void ts_config_set_key(struct ts_config *config,
                       const struct ts_config_key *key,
                       const char *value,
                       const struct ts_config_place *place);
void ts_config_set_pair(struct ts_config *config,
                        const struct ts_config_key *key,
                        const char *name,
                        const char *value,
                        const struct ts_config_place *place);

void ts_config_read_file(struct ts_config *config, const char *path);
void ts_config_read_environment(struct ts_config *config, char *const *environment);

#endif
