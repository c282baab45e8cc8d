/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay_profiles.h"

#include "adapters/postgres/ledger.h"
#include "app/replay.h"
#include "base/hash.h"

#include <stdlib.h>

enum { ARENA_BLOCK = 1 << 16, ARENA_MAX = 64 << 20, PAGE = 5000 };

bool ts_replay_connect_profiles(struct ts_replay *replay, struct ts_error *err)
{
    const struct ts_config *config = &replay->session->config;
    struct ts_postgres_options options = ts_postgres_defaults();
    options.url = config->postgres.url;
    options.group = config->kafka.group;
    options.topics[TS_INPUT_CDRS] = config->kafka.topics.cdrs;
    options.topics[TS_INPUT_CREDITS] = config->kafka.topics.credits;
    options.topics[TS_INPUT_ADJUSTMENTS] = config->kafka.topics.adjustments;
    options.connect_timeout_ms = (int)config->postgres.connect_timeout_ms;
    options.statement_timeout_ms = (int)config->postgres.statement_timeout_ms;
    options.observer = ts_log_observer(&replay->session->log);
    replay->postgres = ts_postgres_create(&options, err);
    if (replay->postgres == NULL) {
        return false;
    }
    struct ts_ledger ledger = ts_postgres_ledger(replay->postgres);
    return ledger.ops->connect(ledger.self, err);
}

static void keep(void *self, const struct ts_account_profile *profile)
{
    ts_account_cache_put(self, profile);
}

/* More than half of the cache, and its sets begin to forget; an account that no call names costs as
 * much as one that is named once saves. */
bool ts_replay_preload_profiles(struct ts_replay *replay, int64_t records, struct ts_error *err)
{
    int64_t room = TS_REPLAY_ACCOUNTS_MAX / 2;
    int64_t wanted = replay->options->account != NULL ? 0 : records / 2;
    wanted = wanted < room ? wanted : room;
    const struct ts_profile_visitor visitor = {keep, replay->accounts};
    int64_t after = 0;
    int64_t before = -1;
    struct ts_arena arena;
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    bool good = true;
    for (; good && wanted >= PAGE && after != before; wanted -= PAGE) {
        before = after;
        good = ts_postgres_profiles_page(replay->postgres, &after, PAGE, &visitor, &arena, err);
        ts_arena_reset(&arena);
    }
    ts_arena_finish(&arena);
    return good;
}

const struct ts_account_profile *ts_replay_known_profile(const struct ts_replay *replay,
                                                         struct ts_bytes account_id)
{
    return ts_account_cache_get(replay->accounts, account_id);
}

static bool ask(struct ts_replay *replay,
                struct ts_profile_request *requests,
                size_t count,
                struct ts_error *err)
{
    struct ts_ledger ledger = ts_postgres_ledger(replay->postgres);
    struct ts_arena arena;
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    bool good = ledger.ops->profiles(ledger.self, requests, count, &arena, err);
    for (size_t i = 0; good && i < count; i++) {
        if (requests[i].found) {
            ts_account_cache_put(replay->accounts, &requests[i].profile);
        }
    }
    ts_arena_finish(&arena);
    return good;
}

bool ts_replay_profile(struct ts_replay *replay,
                       struct ts_bytes account_id,
                       const struct ts_account_profile **out,
                       struct ts_error *err)
{
    *out = ts_account_cache_get(replay->accounts, account_id);
    if (*out == NULL) {
        struct ts_profile_request request = {.account_id = account_id};
        if (!ask(replay, &request, 1, err)) {
            return false;
        }
        *out = ts_account_cache_get(replay->accounts, account_id);
    }
    return true;
}

/* Ids asked for, each once: in a page many are the same. */
struct slot {
    struct ts_bytes id;
    size_t request;
};

static struct slot *slot_of(struct slot *slots, size_t capacity, struct ts_bytes id)
{
    size_t at = (size_t)ts_hash64(id) & (capacity - 1);
    while (slots[at].id.data != NULL && !ts_bytes_equal(slots[at].id, id)) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

bool ts_replay_load_profiles(struct ts_replay *replay,
                             const struct ts_bytes *ids,
                             size_t count,
                             bool *absent,
                             struct ts_error *err)
{
    size_t capacity = 16;
    while (capacity < 2 * count) {
        capacity *= 2;
    }
    struct ts_profile_request *requests = calloc(count + 1, sizeof *requests);
    struct slot *slots = calloc(capacity, sizeof *slots);
    if (requests == NULL || slots == NULL) {
        free(requests);
        free(slots);
        return ts_error_no_memory(err);
    }
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = slot_of(slots, capacity, ids[i]);
        if (slot->id.data == NULL) {
            *slot = (struct slot){ids[i], asked};
            requests[asked++].account_id = ids[i];
        }
    }
    bool good = ask(replay, requests, asked, err);
    for (size_t i = 0; good && i < count; i++) {
        absent[i] = !requests[slot_of(slots, capacity, ids[i])->request].found;
    }
    free(slots);
    free(requests);
    return good;
}
