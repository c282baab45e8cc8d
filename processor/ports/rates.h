/* SPDX-License-Identifier: Apache-2.0 */
/* Where the worker gets the rating catalog. A background thread of the adapter follows what is
 * published; the worker swaps between two batches. */
#ifndef TS_PORTS_RATES_H
#define TS_PORTS_RATES_H

#include "core/catalog.h"

struct ts_rates_ops {
    /* The newest snapshot, which the caller holds until release; NULL when there is none yet. */
    const struct ts_catalog *(*acquire)(void *self);
    void (*release)(void *self, const struct ts_catalog *catalog);
};

struct ts_rates {
    const struct ts_rates_ops *ops;
    void *self;
};

#endif
