/* SPDX-License-Identifier: Apache-2.0 */
/* Where IANA time zones come from: the machine's zoneinfo files as a rule. */
#ifndef TS_PORTS_ZONES_H
#define TS_PORTS_ZONES_H

#include "base/error.h"
#include "core/zone.h"

struct ts_zones {
    /* The caller owns the zone (ts_zone_destroy). NULL with err set: class REJECT when there is no
     * such zone, RETRY when that cannot be said just now. Any number of threads. */
    struct ts_zone *(*load)(void *self, const char *name, struct ts_error *err);
    void *self;
};

#endif
