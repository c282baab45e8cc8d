/* SPDX-License-Identifier: Apache-2.0 */
/* Replay: rows of the outbox that a predecessor, or we before a lost connection or a failed
 * delivery, settled and perhaps never told. A page of a lane at a time, each behind the older rows
 * of its accounts in all lanes; what the producer can't take now goes on in a later step. */
#include "pipeline/stages.h"

#include <stdlib.h>

enum { PAGE_ROWS = 500 };

/* A stopped lane is ours too: what was settled of it is told. */
static bool is_due(const struct ts_lane_state *lane)
{
    return lane->replay_outbox && (lane->phase == TS_LANE_OPEN || lane->phase == TS_LANE_STOPPED);
}

bool ts_replay_due(const struct ts_worker *worker)
{
    for (size_t i = 0; i < worker->lane_count; i++) {
        if (is_due(worker->lanes[i])) {
            return true;
        }
    }
    return false;
}

void ts_replay_forget(struct ts_worker *worker)
{
    worker->publishing.replay.active = false;
}

static int compare_marks(const void *a, const void *b)
{
    const struct ts_outbox_mark *left = a;
    const struct ts_outbox_mark *right = b;
    if (left->account_no != right->account_no) {
        return left->account_no < right->account_no ? -1 : 1;
    }
    return (left->sequence < right->sequence) - (left->sequence > right->sequence);
}

/* The accounts of the page, each with its highest sequence. */
static bool mark_accounts(struct ts_replay *replay, struct ts_error *err)
{
    const struct ts_outbox_page *page = &replay->page;
    replay->below = ts_arena_take(&replay->arena, (page->count + 1) * sizeof *replay->below);
    if (replay->below == NULL) {
        return ts_error_no_memory(err);
    }
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++) {
        if (page->rows[i].account_no != 0) {
            replay->below[count++] =
                (struct ts_outbox_mark){page->rows[i].account_no, page->rows[i].sequence};
        }
    }
    if (count > 0) {
        qsort(replay->below, count, sizeof *replay->below, compare_marks);
    }
    replay->below_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || replay->below[i].account_no != replay->below[i - 1].account_no) {
            replay->below[replay->below_count++] = replay->below[i];
        }
    }
    return true;
}

static bool
read_page(struct ts_worker *worker, const struct ts_lane_state *lane, struct ts_error *err)
{
    struct ts_replay *replay = &worker->publishing.replay;
    const struct ts_ledger *ledger = &worker->ports.ledger;
    ts_arena_reset(&replay->arena);
    replay->lane = lane->id;
    replay->end = lane->next_offset;
    replay->next = 0;
    replay->older = (struct ts_outbox_page){0};
    replay->older_next = 0;
    replay->after = (struct ts_outbox_mark){0};
    if (!ledger->ops->outbox(ledger->self,
                             lane->id,
                             lane->outbox_from,
                             lane->next_offset,
                             PAGE_ROWS,
                             &replay->arena,
                             &replay->page,
                             err) ||
        !mark_accounts(replay, err)) {
        return false;
    }
    replay->older_due = replay->below_count > 0;
    replay->active = true;
    return true;
}

static bool read_older(struct ts_worker *worker, struct ts_error *err)
{
    struct ts_replay *replay = &worker->publishing.replay;
    const struct ts_ledger *ledger = &worker->ports.ledger;
    ts_arena_reset(&replay->older_arena);
    if (!ledger->ops->outbox_older(ledger->self,
                                   replay->below,
                                   replay->below_count,
                                   replay->after,
                                   PAGE_ROWS,
                                   &replay->older_arena,
                                   &replay->older,
                                   err)) {
        return false;
    }
    replay->older_next = 0;
    replay->older_due = replay->older.more && replay->older.count > 0;
    if (replay->older.count > 0) {
        const struct ts_outbox_row *last = &replay->older.rows[replay->older.count - 1];
        replay->after = (struct ts_outbox_mark){last->account_no, last->sequence};
    }
    return true;
}

/* False when the producer can take no more now. */
static bool tell_older(struct ts_worker *worker)
{
    struct ts_replay *replay = &worker->publishing.replay;
    for (; replay->older_next < replay->older.count; replay->older_next++) {
        if (!ts_publish_hand_over_older(worker, &replay->older.rows[replay->older_next])) {
            return false;
        }
    }
    return true;
}

static bool tell_page(struct ts_worker *worker, struct ts_lane_state *lane)
{
    struct ts_replay *replay = &worker->publishing.replay;
    const struct ts_outbox_page *page = &replay->page;
    for (; replay->next < page->count; replay->next++) {
        size_t i = replay->next;
        if (!ts_publish_hand_over(worker, &page->rows[i])) {
            return false;
        }
        bool last_of_input =
            i + 1 == page->count ? !page->more : page->rows[i + 1].offset != page->rows[i].offset;
        if (last_of_input) {
            lane->outbox_from = page->rows[i].offset + 1;
        }
    }
    return true;
}

static bool go_on(struct ts_worker *worker, struct ts_lane_state *lane, struct ts_error *err)
{
    struct ts_replay *replay = &worker->publishing.replay;
    for (;;) {
        if (!tell_older(worker)) {
            return true;
        }
        if (!replay->older_due) {
            break;
        }
        if (!read_older(worker, err)) {
            return false;
        }
    }
    if (tell_page(worker, lane)) {
        replay->active = false;
        if (!replay->page.more && replay->end == lane->next_offset) {
            lane->replay_outbox = false; /* else: settled meanwhile, and left to be told here */
            ts_publish_add_fence(worker, lane->id, lane->next_offset);
        }
    }
    return true;
}

/* The lane of the page under way, or the next one due. */
static struct ts_lane_state *pick_lane(struct ts_worker *worker)
{
    const struct ts_replay *replay = &worker->publishing.replay;
    if (replay->active) {
        return ts_worker_lane(worker, replay->lane);
    }
    for (size_t i = 0; i < worker->lane_count; i++) {
        if (is_due(worker->lanes[i])) {
            return worker->lanes[i];
        }
    }
    return NULL;
}

bool ts_worker_replay(struct ts_worker *worker)
{
    struct ts_lane_state *lane = pick_lane(worker);
    uint64_t before = worker->publishing.ticket_next;
    struct ts_error err = {0};
    if (lane == NULL || worker->publishing.fence_count == TS_FENCES_MAX) {
        return false;
    }
    if ((!worker->publishing.replay.active && !read_page(worker, lane, &err)) ||
        !go_on(worker, lane, &err)) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return true;
    }
    return worker->publishing.ticket_next != before || !worker->publishing.replay.active;
}
