/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event.h"

static const char *const names[TS_EVENT_TYPE_COUNT] = {
#define X(symbol, name) [TS_EVENT_##symbol] = name,
    TS_EVENT_TYPES(X)
#undef X
};

const char *ts_event_type_name(enum ts_event_type type)
{
    return (unsigned)type < TS_EVENT_TYPE_COUNT ? names[type] : "?";
}
