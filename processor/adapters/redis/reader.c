/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/reader.h"

#include "adapters/redis/command.h"
#include "adapters/redis/connection.h"
#include "adapters/redis/fields.h"
#include "core/account.h"
#include "ports/undo.h"

#include <errno.h>
#include <stdlib.h>

struct ts_redis_reader {
    struct ts_redis_connection connection;
};

struct ts_redis_reader *ts_redis_reader_create(const struct ts_redis_options *options,
                                               struct ts_error *err)
{
    struct ts_redis_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        (void)ts_error_no_memory(err);
        return NULL;
    }
    if (!ts_redis_connection_init(&reader->connection, options, err)) {
        free(reader);
        return NULL;
    }
    return reader;
}

void ts_redis_reader_destroy(struct ts_redis_reader *reader)
{
    if (reader != NULL) {
        ts_redis_connection_finish(&reader->connection);
        free(reader);
    }
}

static struct ts_buffer *begin(struct ts_redis_reader *reader, struct ts_error *err)
{
    struct ts_redis_connection *connection = &reader->connection;
    if (connection->context == NULL && !ts_redis_connection_open(connection, err)) {
        return NULL;
    }
    return ts_redis_connection_begin(connection, err);
}

static bool damaged(uint32_t bucket, struct ts_bytes field, struct ts_error *err)
{
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "redis bucket %u: field '%.*s' is damaged; delete the key {b%u} and it is "
                        "rebuilt from PostgreSQL",
                        bucket,
                        TS_ARGS(field),
                        bucket);
}

static struct ts_bytes text_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (struct ts_bytes){reply->str, reply->len}
                                             : (struct ts_bytes){NULL, 0};
}

static bool parse_number(struct ts_bytes text, int64_t *value)
{
    char *end = NULL;
    errno = 0;
    long long parsed = text.size > 0 ? strtoll(text.data, &end, 10) : 0; /* NUL follows: hiredis */
    if (end == NULL || end == text.data || errno != 0 || end != text.data + text.size) {
        return false;
    }
    *value = parsed;
    return true;
}

bool ts_redis_reader_balance(struct ts_redis_reader *reader,
                             struct ts_bytes account_id,
                             struct ts_redis_balance *out,
                             struct ts_error *err)
{
    uint32_t bucket = ts_account_bucket(account_id);
    struct ts_redis_name key = ts_redis_bucket_key(bucket);
    struct ts_buffer *command = begin(reader, err);
    if (command == NULL) {
        return false;
    }
    ts_redis_command_begin(command, 4);
    ts_redis_command_bytes(command, TS_LITERAL("HMGET"));
    ts_redis_command_bytes(command, ts_redis_name_bytes(&key));
    ts_redis_command_bytes(command, TS_LITERAL("g"));
    ts_redis_command_pair(command, TS_LITERAL("a:"), account_id);
    redisReply *reply = ts_redis_connection_wait(&reader->connection, err);
    if (reply == NULL) {
        return false;
    }
    struct ts_redis_balance read = {0};
    bool ok = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    if (ok && reply->element[0]->type == REDIS_REPLY_STRING) {
        ok = parse_number(text_of(reply->element[0]), &read.generation);
    }
    if (ok && reply->element[1]->type == REDIS_REPLY_STRING) {
        read.present = true;
        ok = parse_number(text_of(reply->element[1]), &read.balance_micros);
    }
    freeReplyObject(reply);
    if (!ok) {
        return damaged(bucket, account_id, err);
    }
    *out = read;
    return true;
}

/* The value of a field in a HGETALL reply; NULL when it is not there. */
static const redisReply *find_field(const redisReply *all, struct ts_bytes name)
{
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        if (ts_bytes_equal(text_of(all->element[i]), name)) {
            return all->element[i + 1];
        }
    }
    return NULL;
}

/* Tells of the lane whose token field this is: its other fields are looked up. */
static bool visit_lane(const struct ts_redis_bucket_visitor *visitor,
                       const redisReply *all,
                       struct ts_bytes tag,
                       struct ts_bytes token)
{
    struct ts_redis_lane_state state = {0};
    if (!ts_redis_lane_parse(tag, &state.lane) || !parse_number(token, &state.token)) {
        return false;
    }
    struct ts_redis_name applied = ts_redis_lane_field('o', state.lane);
    struct ts_redis_name floor = ts_redis_lane_field('f', state.lane);
    const redisReply *applied_value = find_field(all, ts_redis_name_bytes(&applied));
    const redisReply *floor_value = find_field(all, ts_redis_name_bytes(&floor));
    if (applied_value == NULL || floor_value == NULL ||
        !parse_number(text_of(applied_value), &state.applied) ||
        !parse_number(text_of(floor_value), &state.floor)) {
        return false;
    }
    if (visitor->lane != NULL) {
        visitor->lane(visitor->context, &state);
    }
    return true;
}

/* "<first> <last> <items>": the items alone are told. */
static bool visit_undo(const struct ts_redis_bucket_visitor *visitor,
                       struct ts_bytes tag,
                       struct ts_bytes record)
{
    struct ts_lane lane;
    if (record.data == NULL || !ts_redis_lane_parse(tag, &lane)) {
        return false;
    }
    for (int spaces = 0; spaces < 2; spaces++) {
        const char *space = memchr(record.data, ' ', record.size);
        if (space == NULL) {
            return false;
        }
        size_t taken = (size_t)(space - record.data) + 1;
        record = (struct ts_bytes){space + 1, record.size - taken};
    }
    struct ts_undo_item item;
    while (ts_undo_next(&record, &item)) {
        if (item.counter.data != NULL && visitor->undo_counter != NULL) {
            visitor->undo_counter(visitor->context, lane, item.offset, item.counter, item.units);
        } else if (item.counter.data == NULL && visitor->undo != NULL) {
            visitor->undo(visitor->context, lane, item.offset, item.account_id, item.delta_micros);
        }
    }
    return record.size == 0;
}

static bool visit_field(const struct ts_redis_bucket_visitor *visitor,
                        const redisReply *all,
                        struct ts_bytes field,
                        struct ts_bytes value)
{
    if (field.size < 2 || field.data[1] != ':') {
        return true; /* g, about */
    }
    struct ts_bytes rest = {field.data + 2, field.size - 2};
    int64_t number = 0;
    switch (field.data[0]) {
    case 'a':
        if (!parse_number(value, &number)) {
            return false;
        }
        if (visitor->account != NULL) {
            visitor->account(visitor->context, rest, number);
        }
        return true;
    case 'n':
        if (!parse_number(value, &number)) {
            return false;
        }
        if (visitor->counter != NULL) {
            visitor->counter(visitor->context, rest, number);
        }
        return true;
    case 't':
        return visit_lane(visitor, all, rest, value);
    case 'u':
        return visit_undo(visitor, rest, value);
    default:
        return true;
    }
}

static bool visit_bucket(const redisReply *all,
                         uint32_t bucket,
                         const struct ts_redis_bucket_visitor *visitor,
                         int64_t *generation,
                         struct ts_error *err)
{
    const redisReply *stored = find_field(all, TS_LITERAL("g"));
    if (all->elements == 0) {
        *generation = 0;
        return true;
    }
    if (stored == NULL || !parse_number(text_of(stored), generation)) {
        return damaged(bucket, TS_LITERAL("g"), err);
    }
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        struct ts_bytes field = text_of(all->element[i]);
        if (!visit_field(visitor, all, field, text_of(all->element[i + 1]))) {
            return damaged(bucket, field, err);
        }
    }
    return true;
}

bool ts_redis_reader_bucket(struct ts_redis_reader *reader,
                            uint32_t bucket,
                            const struct ts_redis_bucket_visitor *visitor,
                            int64_t *generation,
                            struct ts_error *err)
{
    struct ts_redis_name key = ts_redis_bucket_key(bucket);
    struct ts_buffer *command = begin(reader, err);
    if (command == NULL) {
        return false;
    }
    ts_redis_command_begin(command, 2);
    ts_redis_command_bytes(command, TS_LITERAL("HGETALL"));
    ts_redis_command_bytes(command, ts_redis_name_bytes(&key));
    redisReply *all = ts_redis_connection_wait(&reader->connection, err);
    if (all == NULL) {
        return false;
    }
    bool ok = all->type == REDIS_REPLY_ARRAY && visit_bucket(all, bucket, visitor, generation, err);
    freeReplyObject(all);
    return ok;
}
