/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reason.h"

static const char *const names[TS_REASON_COUNT] = {[TS_REASON_NONE] = "none",
#define X(symbol, name) [TS_REASON_##symbol] = name,
                                                   TS_REASONS(X)
#undef X
};

const char *ts_reason_name(enum ts_reason reason)
{
    return (unsigned)reason < TS_REASON_COUNT ? names[reason] : "?";
}

enum ts_reason ts_reason_of(struct ts_bytes name)
{
    for (enum ts_reason reason = TS_REASON_NONE + 1; reason < TS_REASON_COUNT; reason++) {
        if (ts_bytes_equal_text(name, names[reason])) {
            return reason;
        }
    }
    return TS_REASON_NONE;
}
