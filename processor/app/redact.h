/* SPDX-License-Identifier: Apache-2.0 */
/* Takes secrets out of text that is shown to people: passwords in URLs (scheme://user:password@…),
 * and in `password=…` (libpq's connection strings, URL parameters) and the like. Whoever prints
 * text that may quote a setting sends it through here: the log does so with every line. */
#ifndef TS_APP_REDACT_H
#define TS_APP_REDACT_H

#include <stdbool.h>

/* In place: each secret becomes "***", or fewer stars where the secret was shorter. */
void ts_redact(char *text);

/* Whether a setting of this name is a secret as a whole: *.password, *.secret, keys in PEM, … */
bool ts_redact_name(const char *name);

#endif
