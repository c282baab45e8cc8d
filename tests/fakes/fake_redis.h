/* SPDX-License-Identifier: Apache-2.0 */
/* Redis as the pipeline meets it: the four scripts on buckets in memory, several servers at once
 * (a split brain, an older copy that becomes the master), connections that break before or after a
 * command ran, and commands of abandoned connections that run much later. */
#ifndef TS_TESTS_FAKES_FAKE_REDIS_H
#define TS_TESTS_FAKES_FAKE_REDIS_H

#include "tests/fakes/fake_host.h"

#include "ports/balances.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_HOT_BUCKETS = 3, FAKE_SERVERS = 24, FAKE_COPIES = 4, FAKE_CALLS = 64 };

struct fake_redis_lane {
    bool opened;
    int64_t token;
    int64_t applied;
    int64_t floor;
};

/* What every bucket has. */
struct fake_redis_bucket {
    int64_t generation; /* 0: there is no such key */
    struct fake_redis_lane lanes[FAKE_LANES];
};

/* What only buckets with accounts have. */
struct fake_redis_accounts {
    bool there[FAKE_ACCOUNTS];
    int64_t balance[FAKE_ACCOUNTS];
    struct {
        bool there;
        int64_t used;
    } counters[FAKE_ACCOUNTS][FAKE_COUNTERS];
    struct {
        bool there;
        int64_t last;
        struct ts_bytes text;
    } undo[FAKE_LANES][TS_UNDO_SLOTS];
};

struct fake_redis_data {
    struct fake_redis_bucket buckets[TS_BUCKET_COUNT];
    struct fake_redis_accounts hot[FAKE_HOT_BUCKETS];
};

struct fake_server {
    bool alive;
    int64_t dies_us; /* a master that lost the election lives on until then; 0: no end */
    struct ts_balances_identity identity;
    struct fake_redis_data data;
};

enum fake_command_type { FAKE_CREATE, FAKE_OPEN, FAKE_APPLY, FAKE_LOAD };

struct fake_counting {
    int account;
    int counter;
    int64_t before; /* apply: what was believed */
    int64_t after;  /* apply; load: what was used */
};

/* One script call as it was sent: nothing in it belongs to the sender any more. */
struct fake_command {
    enum fake_command_type type;
    int server;
    uint64_t connection;
    uint32_t bucket;
    int64_t generation;
    int lane;
    int64_t token;
    int64_t position; /* open: next; apply: committed */
    int64_t first;
    int64_t last;
    uint32_t slot;
    struct ts_bytes undo;
    size_t account_count;
    int accounts[FAKE_ACCOUNTS];
    int64_t values[FAKE_ACCOUNTS]; /* apply: deltas; load: balances */
    size_t counting_count;
    struct fake_counting countings[FAKE_ACCOUNTS * FAKE_COUNTERS];

    bool ran;
    enum ts_balances_status status;
    int64_t seen_generation;
    unsigned absent;                             /* LOAD: mask over accounts[] … */
    uint64_t absent_counters;                    /* … and over countings[] */
    int64_t used[FAKE_ACCOUNTS * FAKE_COUNTERS]; /* ALLOWANCE */
    size_t overflow;
    int64_t overflow_balance;
};

struct fake_redis {
    struct fake_host *host;
    struct fake_server *servers; /* [FAKE_SERVERS] */
    int server_count;
    int current; /* where a new connection goes, as a rule */
    int64_t down_until_us;
    struct fake_redis_data *copies; /* [FAKE_COPIES] of the current server, at earlier times */
    int copy_count;
    int hot_of[TS_BUCKET_COUNT]; /* index into hot[], -1: no account lives there */
    uint64_t connections;
    struct fake_command *late; /* [FAKE_LATE]: sent on connections that are no more */
    size_t late_count;
};

enum { FAKE_LATE = 1024 };

/* `buckets`: those with accounts. Keeps its large memory: zero it before the first use. */
void fake_redis_init(struct fake_redis *redis, struct fake_host *host, const uint32_t *buckets);
void fake_redis_finish(struct fake_redis *redis);

void fake_redis_tick(struct fake_redis *redis);
bool fake_redis_settled(const struct fake_redis *redis);

/* A copy of the current server's data, as its replica or its file will have it. */
void fake_redis_copy(struct fake_redis *redis);
/* Another server becomes the master, with one of the copies (or with nothing). The old one dies now
 * or `old_lives_us` later. */
void fake_redis_replace(struct fake_redis *redis, int64_t old_lives_us);
void fake_redis_flush(struct fake_redis *redis);
void fake_redis_delete(struct fake_redis *redis, uint32_t bucket);

/* Number of the account with this id (FAKE_ACCOUNTS ids are known to a world). */
int fake_account_number(struct ts_bytes account_id);

/* fake_redis_scripts.c: runs a command and sets its answer. */
void fake_redis_run(struct fake_redis *redis, struct fake_command *command);

/* One process's connection. */
struct fake_redis_client {
    struct fake_redis *redis;
    int server; /* -1: not connected */
    uint64_t connection;
    struct ts_apply *calls; /* the caller's, while a group is under way */
    struct fake_command commands[FAKE_CALLS];
    size_t count;
    size_t executed;
    bool cut; /* the connection broke under the group */
};
struct ts_balances fake_balances_port(struct fake_redis_client *client);
/* The process died: what it had sent may still run. */
void fake_redis_abandon(struct fake_redis_client *client);

#endif
