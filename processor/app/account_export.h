/* SPDX-License-Identifier: Apache-2.0 */
/* An account as one JSON line: the fields that import takes (app/account_json.h), and `balance`,
 * the settled one. Import refuses that field, so that nobody takes an export for an import by
 * mistake: whoever moves accounts decides whether they open with what they opened with or with what
 * they have. */
#ifndef TS_APP_ACCOUNT_EXPORT_H
#define TS_APP_ACCOUNT_EXPORT_H

#include "adapters/postgres/accounts_store.h"
#include "base/buffer.h"

/* Appends the line with its end. */
void ts_account_export_line(const struct ts_stored_account *account, struct ts_buffer *out);

#endif
