/* SPDX-License-Identifier: Apache-2.0 */
/* A page of a replay: some thousands of calls, read and rated, looked up together and judged by
 * what the books say of each. */
#ifndef TS_APP_REPLAY_PAGE_H
#define TS_APP_REPLAY_PAGE_H

#include "adapters/postgres/replay_bulk.h"
#include "adapters/postgres/replay_lookup.h"
#include "app/replay.h"
#include "base/arena.h"
#include "core/cdr.h"
#include "core/rating.h"
#include "core/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_REPLAY_PAGE = 4096 };

struct ts_replay_call {
    struct ts_cdr cdr; /* views into the page's arena */
    struct ts_rating rating;
    enum ts_reason reason;                    /* why it has no price; NONE: it has */
    bool fits;                                /* some allowance */
    bool judged;                              /* before it was looked up */
    const struct ts_account_profile *profile; /* while the page is rated */
    int64_t account_no;                       /* when it fits; and the rate plan: */
    int32_t plan_no;
    int32_t partition;
    int64_t offset;
    uint64_t identity_hash;
};

struct ts_replay_page {
    struct ts_replay_call calls[TS_REPLAY_PAGE];
    struct ts_replay_asked asked[TS_REPLAY_PAGE];
    uint32_t call_of[TS_REPLAY_PAGE];                      /* of each asked */
    const struct ts_replay_bulk_row *rows[TS_REPLAY_PAGE]; /* of each asked; NULL: looked up */
    size_t count;
    size_t asked_count;
    size_t bytes;
    int64_t *next; /* by range: behind its last record */
    struct ts_arena arena;
    struct ts_replay_lookup *lookup;
    bool under_way;
};

/* Reports each call of a page that was looked up, and tells the sink what it changes. */
bool ts_replay_judge(struct ts_replay *replay, struct ts_replay_page *page, struct ts_error *err);

#endif
