/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/ledger.h"
#include "app/replay.h"

#include <stdlib.h>

enum { ARENA_BLOCK = 1 << 16, ARENA_MAX = 64 << 20 };

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

bool ts_replay_knows_profile(const struct ts_replay *replay, struct ts_bytes account_id)
{
    return ts_account_cache_get(replay->accounts, account_id) != NULL;
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
                       struct ts_account_profile *out,
                       bool *found,
                       struct ts_error *err)
{
    const struct ts_account_profile *known = ts_account_cache_get(replay->accounts, account_id);
    if (known == NULL) {
        struct ts_profile_request request = {.account_id = account_id};
        if (!ask(replay, &request, 1, err)) {
            return false;
        }
        known = ts_account_cache_get(replay->accounts, account_id);
    }
    *found = known != NULL;
    if (known != NULL) {
        *out = *known;
    }
    return true;
}

bool ts_replay_load_profiles(struct ts_replay *replay,
                             const struct ts_bytes *ids,
                             size_t count,
                             bool *absent,
                             struct ts_error *err)
{
    struct ts_profile_request *requests = calloc(count, sizeof *requests);
    if (requests == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        requests[i].account_id = ids[i];
    }
    bool good = ask(replay, requests, count, err);
    for (size_t i = 0; good && i < count; i++) {
        absent[i] = !requests[i].found;
    }
    free(requests);
    return good;
}
