/* SPDX-License-Identifier: Apache-2.0 */
/* What a world begins with: its accounts and the messages that will come in. */
#include "tests/simulation/world.h"

#include "base/assert.h"
#include "core/decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- accounts */

static char ids[FAKE_ACCOUNTS][16];
static uint32_t hot_buckets[FAKE_HOT_BUCKETS];

/* Ids whose buckets are the same few: the first ones found decide which. */
static void make_ids(void)
{
    for (int i = 0; i < FAKE_ACCOUNTS && ids[i][0] == '\0'; i++) {
        for (int salt = 0;; salt++) {
            snprintf(ids[i], sizeof ids[i], "a%d-%d", i, salt);
            uint32_t bucket = ts_account_bucket(ts_bytes_of(ids[i]));
            if (i < FAKE_HOT_BUCKETS) {
                hot_buckets[i] = bucket;
                break;
            }
            if (bucket == hot_buckets[i % FAKE_HOT_BUCKETS]) {
                break;
            }
        }
    }
}

const char *world_account_id(int account)
{
    return ids[account];
}

int fake_account_number(struct ts_bytes account_id)
{
    int number = account_id.data[1] - '0';
    TS_ASSERT(ts_bytes_equal_text(account_id, ids[number]));
    return number;
}

/* Half of the accounts have none. Their units are a few calls', and seldom whole ones'. */
static const struct ts_allowances *make_allowances(struct fake_host *host,
                                                   struct made_account *made)
{
    struct ts_allowance_text texts[FAKE_ALLOWANCES];
    size_t count = 0;
    for (int i = 0; i < FAKE_ALLOWANCES; i++) {
        made->units[i] = fake_chance(host, 400) ? fake_random_range(&host->random, 0, 300) : -1;
        if (made->units[i] >= 0) {
            texts[count++] = fake_allowance_text(i, made->units[i]);
        }
    }
    return fake_allowances_of(host, texts, count);
}

static int64_t draw_opening(struct fake_random *random, bool *at_limit)
{
    int64_t units = FAKE_PRICE_UNIT * fake_random_range(random, 0, 300);
    *at_limit = fake_random_chance(random, 50);
    if (!*at_limit) {
        return units;
    }
    return fake_random_chance(random, 500) ? units - TS_AMOUNT_MAX : TS_AMOUNT_MAX - units;
}

static void make_state(struct fake_random *random, int number, struct made_account *made)
{
    struct ts_account_state *state = &made->opening;
    state->account_no = number + 1;
    state->balance_micros = draw_opening(random, &made->at_limit);
    snprintf(state->currency, sizeof state->currency, "USD");
    state->threshold_count = (uint8_t)fake_random_range(random, 0, TS_THRESHOLDS_MAX);
    for (int i = 0; i < state->threshold_count; i++) {
        state->thresholds_micros[i] =
            FAKE_PRICE_UNIT * (fake_random_range(random, 0, 39) + 40 * (i - 1));
    }
    world_draw_settings(random, state);
    ts_decide_opening(state);
}

static void make_account(struct world *world, int number)
{
    struct made_account *made = &world->accounts[number];
    *made = (struct made_account){0};
    make_state(&world->host.random, number, made);
    made->absent_at_first = fake_chance(&world->host, 60);
    struct fake_account *stored = &world->postgres.tables.accounts[number];
    *stored = (struct fake_account){.exists = !made->absent_at_first,
                                    .state = made->opening,
                                    .opening_micros = made->opening.balance_micros};
    struct ts_account_profile *profile = &stored->profile;
    profile->account_no = number + 1;
    profile->account_id_size = (uint8_t)strlen(ids[number]);
    memcpy(profile->account_id, ids[number], profile->account_id_size);
    snprintf(profile->country, sizeof profile->country, "US");
    snprintf(profile->timezone, sizeof profile->timezone, "UTC");
    profile->rate_plan = 1;
    profile->revision = 1;
    profile->allowances = make_allowances(&world->host, made);
}

void world_make_accounts(struct world *world)
{
    make_ids();
    fake_redis_init(&world->redis, &world->host, hot_buckets);
    int most = world->crowded ? 1 : FAKE_ACCOUNTS;
    world->account_count = fake_random_range(&world->host.random, 1, most);
    for (int i = 0; i < world->account_count; i++) {
        make_account(world, i);
    }
}

/* --- messages */

enum { PLANNED_MAX = FAKE_MESSAGES / 2 };

int world_some_lane(struct world *world, enum ts_input input)
{
    int partition = fake_random_range(&world->host.random, 0, world->host.partitions[input] - 1);
    return fake_lane_number(&world->host, (struct ts_lane){input, partition});
}

static const struct fake_call *some_planned(struct world *world)
{
    struct fake_random *random = &world->host.random;
    int lane = world_some_lane(world, TS_INPUT_CDRS);
    if (world->planned_count[lane] == 0) {
        return NULL;
    }
    const struct fake_message *message =
        &world->planned[lane][fake_random_below(random, (uint32_t)world->planned_count[lane])];
    return message->hole || message->call.flaw != FAKE_FLAW_NONE ? NULL : &message->call;
}

static struct fake_call draw_call(struct world *world)
{
    struct fake_random *random = &world->host.random;
    const struct fake_call *former = fake_random_chance(random, 250) ? some_planned(world) : NULL;
    int account = fake_random_range(random, 0, world->account_count - 1);
    struct fake_call call;
    if (former != NULL && fake_random_chance(random, 800)) {
        return *former; /* a retransmission */
    }
    if (former != NULL) { /* the same identity, another call */
        fake_call_make(&call, ids[account], former->number, former->content + 1);
        return call;
    }
    fake_call_make(&call, ids[account], world->numbers++, 0);
    static const enum fake_flaw flaws[] = {
        FAKE_FLAW_BYTES, FAKE_FLAW_ABSENT, FAKE_FLAW_ORDER, FAKE_FLAW_REFUSED};
    if (fake_random_chance(random, 50)) {
        call.flaw = flaws[fake_random_below(random, 4)];
    }
    return call;
}

static void plan_messages(struct world *world, enum ts_input input)
{
    struct fake_random *random = &world->host.random;
    int most = fake_random_range(random, 4, 40);
    for (int left = most * world->host.partitions[input]; left > 0; left--) {
        int lane = world_some_lane(world, input);
        if (world->planned_count[lane] >= PLANNED_MAX) {
            continue;
        }
        struct fake_message *message = &world->planned[lane][world->planned_count[lane]];
        memset(message, 0, sizeof *message);
        message->hole = fake_random_chance(random, 50);
        if (input == TS_INPUT_CDRS) {
            message->call = draw_call(world);
        } else {
            world_draw_order(world, &message->order);
        }
        world->planned_count[lane]++;
    }
}

void world_plan_messages(struct world *world)
{
    struct fake_random *random = &world->host.random;
    world->numbers = (int)fake_random_below(random, 1000);
    world->order_numbers = 0;
    memset(world->planned_count, 0, sizeof world->planned_count);
    memset(world->planned_next, 0, sizeof world->planned_next);
    if (fake_random_chance(random, 50)) { /* a leaf is missing for calls from some time on */
        world->postgres.window_to_ms = fake_call_start_ms(world->numbers + 10);
    }
    plan_messages(world, TS_INPUT_CDRS);
    plan_messages(world, TS_INPUT_CREDITS);
    world->services = (struct services){.messages_left = fake_random_range(random, 0, 120)};
    world->replays = (struct replays){.messages_left = fake_random_range(random, 0, 80)};
}

/* One new call on each account on some partition. */
void world_plan_probes(struct world *world)
{
    for (int i = 0; i < world->account_count; i++) {
        int lane = world_some_lane(world, TS_INPUT_CDRS);
        struct fake_message *message = &world->planned[lane][world->planned_count[lane]++];
        memset(message, 0, sizeof *message);
        int64_t charge = 0;
        while (!fake_price(world->numbers, 0, world->rates.revision, &charge) || charge == 0) {
            world->numbers++;
        }
        fake_call_make(&message->call, ids[i], world->numbers++, 0);
    }
}
