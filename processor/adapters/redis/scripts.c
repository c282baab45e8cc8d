/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/scripts.h"

#include "adapters/redis/command.h"
#include "base/assert.h"

#include <stdio.h>
#include <string.h>

enum { SHA_SIZE = 40, CALL_WORDS = 4, APPLY_HEAD_MAX = 48 };

static const int64_t money_limit = 9000000000000000; /* micro-units; also LIMIT in the scripts */

extern const unsigned char ts_redis_create_lua[];
extern const size_t ts_redis_create_lua_size;
extern const unsigned char ts_redis_open_lua[];
extern const size_t ts_redis_open_lua_size;
extern const unsigned char ts_redis_apply_lua[];
extern const size_t ts_redis_apply_lua_size;
extern const unsigned char ts_redis_load_lua[];
extern const size_t ts_redis_load_lua_size;

struct ts_bytes ts_redis_script_text(enum ts_redis_script script)
{
    switch (script) {
    case TS_REDIS_CREATE:
        return (struct ts_bytes){(const char *)ts_redis_create_lua, ts_redis_create_lua_size};
    case TS_REDIS_OPEN:
        return (struct ts_bytes){(const char *)ts_redis_open_lua, ts_redis_open_lua_size};
    case TS_REDIS_APPLY:
        return (struct ts_bytes){(const char *)ts_redis_apply_lua, ts_redis_apply_lua_size};
    case TS_REDIS_LOAD:
        return (struct ts_bytes){(const char *)ts_redis_load_lua, ts_redis_load_lua_size};
    case TS_REDIS_SCRIPT_COUNT:
        break;
    }
    TS_ASSERT(script < TS_REDIS_SCRIPT_COUNT);
    return (struct ts_bytes){NULL, 0};
}

bool ts_redis_scripts_load(struct ts_redis_scripts *scripts,
                           struct ts_redis_connection *connection,
                           struct ts_error *err)
{
    for (int i = 0; i < TS_REDIS_SCRIPT_COUNT; i++) {
        struct ts_bytes text = ts_redis_script_text((enum ts_redis_script)i);
        redisReply *reply =
            ts_redis_connection_call(connection, err, "SCRIPT", "LOAD", text.data, NULL);
        if (reply == NULL) {
            return false;
        }
        bool sha = reply->type == REDIS_REPLY_STRING && reply->len == SHA_SIZE;
        if (sha) {
            memcpy(scripts->sha[i], reply->str, SHA_SIZE + 1);
        }
        freeReplyObject(reply);
        if (!sha) {
            return ts_redis_connection_fail(
                connection, err, TS_ERROR_RETRY, "SCRIPT LOAD did not answer with a hash");
        }
    }
    return true;
}

/* EVALSHA <sha> 1 {b17}, with room for `arguments` more. */
static void begin_call(const struct ts_redis_scripts *scripts,
                       struct ts_buffer *out,
                       enum ts_redis_script script,
                       uint32_t bucket,
                       size_t arguments)
{
    TS_ASSERT(bucket < TS_BUCKET_COUNT);
    struct ts_redis_name key = ts_redis_bucket_key(bucket);
    ts_redis_command_begin(out, CALL_WORDS + arguments);
    ts_redis_command_bytes(out, TS_LITERAL("EVALSHA"));
    ts_redis_command_bytes(out, (struct ts_bytes){scripts->sha[script], SHA_SIZE});
    ts_redis_command_bytes(out, TS_LITERAL("1"));
    ts_redis_command_bytes(out, ts_redis_name_bytes(&key));
}

static void write_account_name(struct ts_buffer *out, struct ts_bytes account_id)
{
    ts_redis_command_pair(out, TS_LITERAL("a:"), account_id);
}

static void write_counter_name(struct ts_buffer *out, struct ts_bytes name)
{
    ts_redis_command_pair(out, TS_LITERAL("n:"), name);
}

void ts_redis_write_create(const struct ts_redis_scripts *scripts,
                           struct ts_buffer *out,
                           uint32_t bucket,
                           int64_t generation)
{
    begin_call(scripts, out, TS_REDIS_CREATE, bucket, 1);
    ts_redis_command_i64(out, generation);
}

void ts_redis_write_open(const struct ts_redis_scripts *scripts,
                         struct ts_buffer *out,
                         uint32_t bucket,
                         int64_t generation,
                         struct ts_lane lane,
                         int64_t token,
                         int64_t next)
{
    struct ts_redis_name tag = ts_redis_lane_tag(lane);
    begin_call(scripts, out, TS_REDIS_OPEN, bucket, 5);
    ts_redis_command_i64(out, generation);
    ts_redis_command_i64(out, token);
    ts_redis_command_i64(out, next);
    ts_redis_command_bytes(out, ts_redis_name_bytes(&tag));
    ts_redis_command_i64(out, TS_UNDO_SLOTS);
}

struct ts_redis_apply_names ts_redis_apply_names_of(struct ts_lane lane, uint32_t slot)
{
    TS_ASSERT(slot < TS_UNDO_SLOTS);
    return (struct ts_redis_apply_names){.token = ts_redis_lane_field('t', lane),
                                         .applied = ts_redis_lane_field('o', lane),
                                         .floor = ts_redis_lane_field('f', lane),
                                         .undo = ts_redis_undo_field(lane, slot)};
}

static void write_apply_numbers(struct ts_buffer *out, const struct ts_apply *call)
{
    for (size_t i = 0; i < call->account_count; i++) {
        int64_t delta = call->accounts[i].delta_micros;
        TS_ASSERT(delta >= -money_limit && delta <= money_limit);
        ts_redis_command_i64(out, delta);
    }
    for (size_t i = 0; i < call->counter_count; i++) {
        ts_redis_command_i64(out, call->counters[i].before);
    }
    for (size_t i = 0; i < call->counter_count; i++) {
        TS_ASSERT(call->counters[i].after >= -money_limit &&
                  call->counters[i].after <= money_limit);
        ts_redis_command_i64(out, call->counters[i].after);
    }
}

void ts_redis_write_apply(const struct ts_redis_scripts *scripts,
                          struct ts_buffer *out,
                          const struct ts_redis_apply_names *names,
                          const struct ts_apply *call)
{
    TS_ASSERT(call->first <= call->last);
    TS_ASSERT(call->account_count <= TS_APPLY_ACCOUNTS_MAX);
    TS_ASSERT(call->counter_count <= TS_APPLY_COUNTERS_MAX);
    char head[APPLY_HEAD_MAX];
    int head_size =
        snprintf(head, sizeof head, "%lld %lld ", (long long)call->first, (long long)call->last);

    begin_call(scripts,
               out,
               TS_REDIS_APPLY,
               call->bucket,
               12 + 2 * call->account_count + 3 * call->counter_count);
    ts_redis_command_i64(out, call->generation);
    ts_redis_command_i64(out, call->token);
    ts_redis_command_i64(out, call->committed);
    ts_redis_command_i64(out, call->first);
    ts_redis_command_i64(out, call->last);
    ts_redis_command_pair(out, (struct ts_bytes){head, (size_t)head_size}, call->undo);
    ts_redis_command_i64(out, (int64_t)call->account_count);
    ts_redis_command_bytes(out, TS_LITERAL("g"));
    ts_redis_command_bytes(out, ts_redis_name_bytes(&names->token));
    ts_redis_command_bytes(out, ts_redis_name_bytes(&names->applied));
    ts_redis_command_bytes(out, ts_redis_name_bytes(&names->floor));
    ts_redis_command_bytes(out, ts_redis_name_bytes(&names->undo));
    for (size_t i = 0; i < call->account_count; i++) {
        write_account_name(out, call->accounts[i].account_id);
    }
    for (size_t i = 0; i < call->counter_count; i++) {
        write_counter_name(out, call->counters[i].name);
    }
    write_apply_numbers(out, call);
}

void ts_redis_write_load(const struct ts_redis_scripts *scripts,
                         struct ts_buffer *out,
                         uint32_t bucket,
                         int64_t generation,
                         const struct ts_load_account *accounts,
                         size_t count,
                         const struct ts_load_counter *counters,
                         size_t counter_count)
{
    begin_call(scripts, out, TS_REDIS_LOAD, bucket, 2 + 2 * (count + counter_count));
    ts_redis_command_i64(out, generation);
    ts_redis_command_bytes(out, TS_LITERAL("g"));
    for (size_t i = 0; i < count; i++) {
        write_account_name(out, accounts[i].account_id);
    }
    for (size_t i = 0; i < counter_count; i++) {
        write_counter_name(out, counters[i].name);
    }
    for (size_t i = 0; i < count; i++) {
        ts_redis_command_i64(out, accounts[i].balance_micros);
    }
    for (size_t i = 0; i < counter_count; i++) {
        ts_redis_command_i64(out, counters[i].used);
    }
}

enum ts_balances_status ts_redis_answer_status(const redisReply *reply)
{
    static const struct {
        const char *name;
        enum ts_balances_status status;
    } answers[] = {
        {"OK", TS_BALANCES_OK},
        {"LOST", TS_BALANCES_LOST},
        {"STALE", TS_BALANCES_STALE},
        {"FENCED", TS_BALANCES_FENCED},
        {"REOPEN", TS_BALANCES_REOPEN},
        {"FULL", TS_BALANCES_FULL},
        {"LOAD", TS_BALANCES_LOAD},
        {"ALLOWANCE", TS_BALANCES_ALLOWANCE},
        {"RANGE", TS_BALANCES_RANGE},
    };
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
        reply = reply->element[0];
    }
    if (reply->type == REDIS_REPLY_STRING) {
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
            if (strcmp(reply->str, answers[i].name) == 0) {
                return answers[i].status;
            }
        }
    }
    return TS_BALANCES_ERROR;
}

size_t ts_redis_answer_size(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 ? reply->elements - 1 : 0;
}

int64_t ts_redis_answer_number(const redisReply *reply, size_t i, int64_t otherwise)
{
    bool given =
        i < ts_redis_answer_size(reply) && reply->element[i + 1]->type == REDIS_REPLY_INTEGER;
    return given ? reply->element[i + 1]->integer : otherwise;
}
