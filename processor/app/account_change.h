/* SPDX-License-Identifier: Apache-2.0 */
/* A change of an account as an operator writes it: KEY=VALUE texts with the fields of an import,
 * as the settings that a command of the credits topic sets. */
#ifndef TS_APP_ACCOUNT_CHANGE_H
#define TS_APP_ACCOUNT_CHANGE_H

#include "adapters/json/json_value.h"
#include "base/arena.h"
#include "base/error.h"
#include "core/command.h"

#include <stdbool.h>
#include <stddef.h>

/* The texts as a document. A list of amounts may be written without brackets, with commas:
 * alert_thresholds=25,10. `prefix` goes before every key: "auto_recharge." NULL, class REJECT, or
 * FATAL when memory is short. */
struct ts_json_document *ts_account_pairs_read(char *const *pairs,
                                               size_t count,
                                               const char *prefix,
                                               struct ts_arena *arena,
                                               struct ts_error *err);

/* Which settings the object sets, and to what. The views live as long as the document and the
 * arena. Class REJECT, naming the field. */
bool ts_account_change_read(const struct ts_json_value *object,
                            struct ts_arena *arena,
                            struct ts_account_change *out,
                            struct ts_error *err);

#endif
