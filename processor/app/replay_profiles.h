/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of a replay: their profiles as they are now. */
#ifndef TS_APP_REPLAY_PROFILES_H
#define TS_APP_REPLAY_PROFILES_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/account.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_REPLAY_ACCOUNTS_MAX = 1 << 19 }; /* whose profiles are kept */

struct ts_replay;

bool ts_replay_connect_profiles(struct ts_replay *replay, struct ts_error *err);

/* Before many records are read: takes in about as many accounts as there is room and use for. */
bool ts_replay_preload_profiles(struct ts_replay *replay, int64_t records, struct ts_error *err);

/* The profile of an account, NULL when there is none; false with err set when it can't be had.
 * Lives until the next call of these two. */
bool ts_replay_profile(struct ts_replay *replay,
                       struct ts_bytes account_id,
                       const struct ts_account_profile **out,
                       struct ts_error *err);

/* Asks once for many that will be wanted: absent[i] tells of ids[i] that there is no such
 * account. */
bool ts_replay_load_profiles(struct ts_replay *replay,
                             const struct ts_bytes *ids,
                             size_t count,
                             bool *absent,
                             struct ts_error *err);
/* The same without asking: NULL when it was not met lately. */
const struct ts_account_profile *ts_replay_known_profile(const struct ts_replay *replay,
                                                         struct ts_bytes account_id);

#endif
