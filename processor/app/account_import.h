/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts from a file of JSON lines into the database: all of them or none. Every bad line is
 * told, not the first only. A million lines take a minute at most and bounded memory: nothing is
 * kept of a line that was handed on. */
#ifndef TS_APP_ACCOUNT_IMPORT_H
#define TS_APP_ACCOUNT_IMPORT_H

#include "adapters/postgres/accounts_store.h"
#include "app/progress.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ts_account_import {
    const char *name; /* of the file, for messages */
    FILE *in;
    FILE *notes; /* where bad lines are told, "NAME:LINE: text" */
    int64_t now_ms;
    bool quiet; /* no progress bar */

    /* Out. */
    int64_t line_count; /* that are not empty */
    int64_t bad_count;
    int64_t imported;

    struct ts_progress progress;
};

/* Class REJECT: bad lines, or accounts that stand in the way. */
bool ts_account_import_run(struct ts_account_import *import,
                           struct ts_accounts_store *store,
                           struct ts_error *err);

#endif
