/* SPDX-License-Identifier: Apache-2.0 */
/* The background thread that keeps the usage partitions: makes leaves ahead of the calls, closes
 * old ones. A worker that meets a day without a leaf waits for it. */
#ifndef TS_APP_LEAF_KEEPER_H
#define TS_APP_LEAF_KEEPER_H

#include "app/config.h"
#include "app/duty.h"
#include "base/error.h"
#include "ports/observer.h"

struct ts_leaf_keeper;

/* Makes what is missing first, so that workers find their leaves. NULL: class FATAL. A server that
 * is away is no failure: the thread tries again. The config outlives it. */
struct ts_leaf_keeper *ts_leaf_keeper_start(const struct ts_config *config,
                                            struct ts_observer observer,
                                            struct ts_error *err);
/* Waits for what it is doing, which may take minutes. */
void ts_leaf_keeper_stop(struct ts_leaf_keeper *keeper);

/* To be drained ahead of stop. */
struct ts_duty *ts_leaf_keeper_duty(struct ts_leaf_keeper *keeper);

#endif
