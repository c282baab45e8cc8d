/* SPDX-License-Identifier: Apache-2.0 */
/* What a Redis error reply means to us: each kind by name, with what to do about it. */
#ifndef TS_ADAPTERS_REDIS_REPLY_H
#define TS_ADAPTERS_REDIS_REPLY_H

#include "base/error.h"

#include <stdbool.h>

/* What an ACL must grant us (ACL SETUSER). */
#define TS_REDIS_RIGHTS "~{b* ~deck:* +@connection +@scripting +@hash +info +unlink +get +set"

/* From the text of an error reply ("OOM command not allowed …"). Class FATAL for what only a human
 * can mend (credentials, rights, another program's key), RETRY for everything else. Returns false.
 */
bool ts_redis_reply_error(const char *text, struct ts_error *err);

/* The same without the server's words, for answers to a command that carries a password: some
 * repeat the arguments. */
bool ts_redis_reply_error_secret(const char *text, struct ts_error *err);

#endif
