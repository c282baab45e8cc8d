/* SPDX-License-Identifier: Apache-2.0 */
/* What nearly every command begins and ends with: arguments, settings, a log on stderr, and how a
 * failure is told. */
#ifndef TS_APP_SESSION_H
#define TS_APP_SESSION_H

#include "app/args.h"
#include "app/config.h"
#include "app/log.h"
#include "base/error.h"

#include <stdbool.h>

struct ts_session {
    struct ts_args args;
    struct ts_config config;
    struct ts_log log;
};

/* Parses argv by the table's row of `command`, and reads the settings. False after telling what is
 * wrong on stderr: return TS_EXIT_USAGE. End it in either case. */
bool ts_session_begin(struct ts_session *session, const char *command, int argc, char **argv);
void ts_session_end(struct ts_session *session);

/* Tells the error on stderr, without secrets. Returns TS_EXIT_USAGE. */
int ts_session_fail(const struct ts_session *session, const struct ts_error *err);

/* Ends a listing: TS_EXIT_OK, or tells why the output could not be written. */
int ts_session_finish_table(const struct ts_session *session, struct ts_table *table);

#endif
