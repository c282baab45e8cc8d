/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fakes/fake_postgres.h"

#include "tests/fakes/fake_redis.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

void fake_postgres_init(struct fake_postgres *postgres, struct fake_host *host, int lane_count)
{
    struct fake_tables *copies = postgres->copies;
    memset(postgres, 0, sizeof *postgres);
    postgres->copies = copies != NULL ? copies : calloc(FAKE_STANDBYS, sizeof *copies);
    TS_ASSERT(postgres->copies != NULL);
    postgres->host = host;
    postgres->lane_count = lane_count;
    postgres->window_to_ms = INT64_MAX;
    /* One input has at most so many rows here, and a page must hold one. */
    postgres->page_max =
        (size_t)fake_random_range(&host->random, 2 * TS_DECIDE_COMMAND_EVENTS_MAX, 60);
}

const struct fake_id *
fake_id_find(const struct fake_tables *tables, int space, struct ts_bytes text)
{
    for (size_t i = 0; i < tables->id_count; i++) {
        if (tables->ids[i].space == space && ts_bytes_equal_text(text, tables->ids[i].text)) {
            return &tables->ids[i];
        }
    }
    return NULL;
}

/* Whether it is closed stands in the row's state. */
struct ts_account_profile fake_profile(const struct fake_account *account)
{
    struct ts_account_profile profile = account->profile;
    profile.status = account->state.status;
    profile.closed_ms = account->state.closed_ms;
    return profile;
}

void fake_postgres_finish(struct fake_postgres *postgres)
{
    free(postgres->copies);
}

void fake_postgres_hold(struct fake_postgres *postgres, int account, int64_t us)
{
    if (postgres->operators_until_us == 0 && postgres->tables.accounts[account].locked_by == NULL) {
        fake_trace(
            postgres->host, "account %d is held by somebody for %lld us", account, (long long)us);
        postgres->tables.accounts[account].locked_by = &postgres->operators;
        postgres->operators_until_us = postgres->host->now_us + us;
    }
}

static void end_hold(struct fake_postgres *postgres)
{
    for (int i = 0; i < FAKE_ACCOUNTS; i++) {
        if (postgres->tables.accounts[i].locked_by == &postgres->operators) {
            postgres->tables.accounts[i].locked_by = NULL;
        }
    }
    postgres->operators_until_us = 0;
}

static void replicate(struct fake_postgres *postgres)
{
    int place = postgres->copy_count < FAKE_STANDBYS
                    ? postgres->copy_count++
                    : fake_random_range(&postgres->host->random, 0, FAKE_STANDBYS - 1);
    postgres->copies[place] = postgres->tables;
}

void fake_postgres_tick(struct fake_postgres *postgres)
{
    for (int i = 0; i < FAKE_PROCESSES; i++) {
        if (postgres->txns[i].open) {
            fake_txn_tick(postgres, &postgres->txns[i]);
        }
    }
    if (postgres->operators_until_us != 0 &&
        (postgres->operators_until_us < postgres->host->now_us || !postgres->host->faulty)) {
        end_hold(postgres);
    }
    if (postgres->lags && fake_chance(postgres->host, 10)) {
        replicate(postgres);
    }
}

bool fake_postgres_settled(const struct fake_postgres *postgres)
{
    for (int i = 0; i < FAKE_PROCESSES; i++) {
        if (postgres->txns[i].open) {
            return false;
        }
    }
    return true;
}

void fake_postgres_crash(struct fake_postgres *postgres, int64_t down_us)
{
    fake_trace(postgres->host, "FAULT postgres restarts");
    postgres->down_until_us = postgres->host->now_us + down_us;
    postgres->incarnation++;
    for (int i = 0; i < FAKE_PROCESSES; i++) {
        if (postgres->txns[i].open) {
            fake_txn_terminate(postgres, &postgres->txns[i]);
        }
    }
}

void fake_postgres_lose(struct fake_postgres *postgres, int64_t down_us)
{
    if (postgres->copy_count == 0) {
        return;
    }
    fake_postgres_crash(postgres, down_us);
    fake_trace(postgres->host, "FAULT postgres: the standby takes over, without the last commits");
    postgres->tables =
        postgres
            ->copies[fake_random_below(&postgres->host->random, (uint32_t)postgres->copy_count)];
    postgres->copy_count = 0;
    postgres->lost_commits = true;
    for (int i = 0; i < FAKE_LANES; i++) {
        postgres->tables.partitions[i].locked_by = NULL;
    }
    for (int i = 0; i < FAKE_ACCOUNTS; i++) {
        postgres->tables.accounts[i].locked_by = NULL;
    }
}
