/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/balances.h"

const char *ts_balances_status_name(enum ts_balances_status status)
{
    switch (status) {
    case TS_BALANCES_OK:
        return "ok";
    case TS_BALANCES_LOST:
        return "lost";
    case TS_BALANCES_STALE:
        return "stale";
    case TS_BALANCES_FENCED:
        return "fenced";
    case TS_BALANCES_REOPEN:
        return "reopen";
    case TS_BALANCES_LOAD:
        return "load";
    case TS_BALANCES_ALLOWANCE:
        return "allowance";
    case TS_BALANCES_RANGE:
        return "range";
    case TS_BALANCES_FULL:
        return "full";
    case TS_BALANCES_ERROR:
        return "error";
    }
    return "unknown";
}
