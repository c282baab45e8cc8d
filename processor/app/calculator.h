/* SPDX-License-Identifier: Apache-2.0 */
/* The calculator: prices CDRs, one JSON object a line, with the processor's own code and no server.
 * Its memory does not grow with the input. */
#ifndef TS_APP_CALCULATOR_H
#define TS_APP_CALCULATOR_H

#include "app/progress.h"
#include "base/error.h"
#include "core/account.h"
#include "core/catalog.h"

#include <stdbool.h>
#include <stdio.h>

struct ts_calculator {
    const struct ts_catalog *catalog;
    struct ts_account_profile profile;
    const char *currency;
    bool explain;
    struct ts_progress *progress; /* told how many bytes and lines were read; NULL: nobody looks */
};

/* `in` must not have been read from. One line out for each line in that is not blank, in order.
 * False with err set when reading or writing fails. */
bool ts_calculator_run(const struct ts_calculator *calculator,
                       FILE *in,
                       FILE *out,
                       struct ts_error *err);

#endif
