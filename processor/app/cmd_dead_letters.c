/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"
#include "app/dead_letters.h"
#include "app/servers.h"
#include "app/session.h"
#include "app/suggest.h"
#include "app/system_clock.h"
#include "core/reason.h"
#include "ports/headers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_DEFAULT = 1000, PAGE = 1000, HEX_MAX = 4 << 20 };

/* ---- list
 * ---------------------------------------------------------------------------------------- */

static const struct ts_column list_columns[] = {
    {"id", TS_COLUMN_NUMBER},
    {"created_at", TS_COLUMN_TIME},
    {"reason", TS_COLUMN_TEXT},
    {"status", TS_COLUMN_TEXT},
    {"account_id", TS_COLUMN_TEXT},
    {"topic", TS_COLUMN_TEXT},
    {"partition", TS_COLUMN_NUMBER},
    {"offset", TS_COLUMN_NUMBER},
    {"message", TS_COLUMN_TEXT},
};

struct listing {
    struct ts_table table;
    int64_t count; /* of this page */
    int64_t last;
};

static void list_letter(void *self, const struct ts_dead_letter *letter)
{
    struct listing *listing = self;
    struct ts_table *table = &listing->table;
    ts_table_number(table, letter->id);
    ts_table_time(table, letter->created_ms);
    ts_table_text(table, letter->reason);
    ts_table_text(table, letter->status);
    ts_table_text(table, letter->account_id);
    ts_table_text(table, letter->topic);
    ts_table_number(table, letter->partition);
    ts_table_number(table, letter->offset);
    ts_table_text(table, letter->message);
    listing->count++;
    listing->last = letter->id;
}

/* --reason, --account; false after telling. */
static bool narrow(const struct ts_args *args, struct ts_dead_letter_filter *filter)
{
    filter->reason = ts_args_value(args, "reason");
    filter->account_id = ts_args_value(args, "account");
    if (filter->reason == NULL || ts_reason_of(ts_bytes_of(filter->reason)) != TS_REASON_NONE) {
        return true;
    }
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, filter->reason);
    for (int i = TS_REASON_NONE + 1; i < TS_REASON_COUNT; i++) {
        ts_suggest_offer(&suggest, ts_reason_name((enum ts_reason)i));
    }
    ts_args_refuse(args,
                   "--reason: there is no reason %s%s%s%s",
                   filter->reason,
                   suggest.best != NULL ? ": did you mean " : "",
                   suggest.best != NULL ? suggest.best : "",
                   suggest.best != NULL ? "?" : "");
    return false;
}

static int
list(const struct ts_session *session, enum ts_format format, struct ts_dead_letter_store *store)
{
    const struct ts_args *args = &session->args;
    struct listing listing = {.count = PAGE};
    struct ts_dead_letter_visitor visitor = {.visit = list_letter, .self = &listing};
    struct ts_dead_letter_filter filter = {.status = ts_args_flag(args, "open") ? "open" : NULL};
    struct ts_error err = {0};
    int64_t left = LIST_DEFAULT;
    if (!ts_args_count(args, 0, 0) || !narrow(args, &filter) ||
        !ts_args_number(args, "limit", 1, INT64_MAX, &left) ||
        !ts_args_number(args, "after", 0, INT64_MAX, &filter.after)) {
        return TS_EXIT_USAGE;
    }
    size_t columns = sizeof list_columns / sizeof *list_columns;
    ts_table_init(&listing.table, stdout, format, list_columns, columns);
    bool good = true;
    while (good && left > 0 && listing.count == PAGE) {
        listing.count = 0;
        filter.max = left < PAGE ? left : PAGE;
        good = ts_dead_letter_store_list(store, &filter, &visitor, &err);
        filter.after = listing.last;
        left -= listing.count;
    }
    if (!good) {
        ts_table_abandon(&listing.table);
        return ts_session_fail(session, &err);
    }
    return ts_session_finish_table(session, &listing.table);
}

/* ---- show
 * ---------------------------------------------------------------------------------------- */

static const struct ts_column show_columns[] = {
    {"id", TS_COLUMN_NUMBER},
    {"status", TS_COLUMN_TEXT},
    {"status_at", TS_COLUMN_TIME},
    {"reason", TS_COLUMN_TEXT},
    {"message", TS_COLUMN_TEXT},
    {"account_id", TS_COLUMN_TEXT},
    {"topic", TS_COLUMN_TEXT},
    {"partition", TS_COLUMN_NUMBER},
    {"offset", TS_COLUMN_NUMBER},
    {"record_time", TS_COLUMN_TIME},
    {"created_at", TS_COLUMN_TIME},
    {"key", TS_COLUMN_TEXT},
    {"headers", TS_COLUMN_TEXT},
    {"value_size", TS_COLUMN_NUMBER},
    {"value_hex", TS_COLUMN_TEXT},
};

struct showing {
    struct ts_table table;
    bool found;
};

static void time_or_absent(struct ts_table *table, int64_t ms, bool known)
{
    if (known) {
        ts_table_time(table, ms);
    } else {
        ts_table_absent(table);
    }
}

static void hex_cell(struct ts_table *table, struct ts_bytes bytes)
{
    struct ts_buffer text;
    if (bytes.data == NULL) {
        ts_table_absent(table);
        return;
    }
    ts_buffer_init(&text, HEX_MAX);
    for (size_t i = 0; i < bytes.size; i++) {
        static const char digits[] = "0123456789abcdef";
        ts_buffer_append_char(&text, digits[(unsigned char)bytes.data[i] >> 4]);
        ts_buffer_append_char(&text, digits[(unsigned char)bytes.data[i] & 15]);
    }
    ts_table_text(table, text.failed ? TS_LITERAL("(too large)") : ts_buffer_bytes(&text));
    ts_buffer_finish(&text);
}

static void headers_cell(struct ts_table *table, struct ts_bytes headers)
{
    struct ts_buffer text;
    struct ts_bytes name;
    struct ts_bytes value;
    ts_buffer_init(&text, HEX_MAX);
    while (ts_headers_next(&headers, &name, &value)) {
        ts_buffer_append_text(&text, text.size > 0 ? ", " : "");
        ts_buffer_append_bytes(&text, name);
        ts_buffer_append_char(&text, '=');
        ts_buffer_append_bytes(&text, value);
    }
    ts_table_text(table, ts_buffer_bytes(&text));
    ts_buffer_finish(&text);
}

static void show_letter(void *self, const struct ts_dead_letter *letter)
{
    struct showing *showing = self;
    struct ts_table *table = &showing->table;
    showing->found = true;
    ts_table_number(table, letter->id);
    ts_table_text(table, letter->status);
    time_or_absent(table, letter->status_ms, letter->status_ms != 0);
    ts_table_text(table, letter->reason);
    ts_table_text(table, letter->message);
    ts_table_text(table, letter->account_id);
    ts_table_text(table, letter->topic);
    ts_table_number(table, letter->partition);
    ts_table_number(table, letter->offset);
    time_or_absent(table, letter->record_ms, letter->record_ms >= 0);
    ts_table_time(table, letter->created_ms);
    ts_table_text(table, letter->key);
    headers_cell(table, letter->headers);
    ts_table_number(table, (int64_t)letter->value.size);
    hex_cell(table, letter->value);
}

static bool parse_id(const struct ts_args *args, const char *text, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long id = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || id < 1) {
        ts_args_refuse(args, "\"%s\" is no id: `dead-letters list` shows them", text);
        return false;
    }
    *out = id;
    return true;
}

static int
show(const struct ts_session *session, enum ts_format format, struct ts_dead_letter_store *store)
{
    const struct ts_args *args = &session->args;
    struct showing showing = {.found = false};
    struct ts_dead_letter_visitor visitor = {.visit = show_letter, .self = &showing};
    struct ts_dead_letter_filter filter = {.max = 1, .contents = true};
    struct ts_error err = {0};
    if (!ts_args_count(args, 1, 1) || !parse_id(args, args->operands[0], &filter.id)) {
        return TS_EXIT_USAGE;
    }
    size_t columns = sizeof show_columns / sizeof *show_columns;
    ts_table_init_record(&showing.table, stdout, format, show_columns, columns);
    bool good = ts_dead_letter_store_list(store, &filter, &visitor, &err);
    if (good && showing.found) {
        return ts_session_finish_table(session, &showing.table);
    }
    ts_table_abandon(&showing.table);
    if (good) {
        ts_error_set(&err, TS_ERROR_REJECT, 0, "there is no dead letter %" PRId64, filter.id);
    }
    ts_session_fail(session, &err);
    return good ? TS_EXIT_FINDING : TS_EXIT_USAGE;
}

/* ---- requeue
 * -------------------------------------------------------------------------------------- */

/* By ids: each must be there and open, else nothing more is done. */
static bool
requeue_ids(struct ts_requeue *requeue, const struct ts_args *args, struct ts_error *err)
{
    for (size_t i = 0; i < args->operand_count; i++) {
        struct ts_dead_letter_filter filter = {.status = "open"};
        int64_t before = requeue->requeued;
        if (!parse_id(args, args->operands[i], &filter.id)) {
            return ts_error_set(err, TS_ERROR_REJECT, 0, "nothing further was requeued");
        }
        if (!ts_requeue_run(requeue, &filter, err)) {
            return ts_error_prefix(err, "dead letter %" PRId64, filter.id);
        }
        if (requeue->requeued == before) {
            return ts_error_set(
                err, TS_ERROR_REJECT, 0, "there is no open dead letter %" PRId64, filter.id);
        }
    }
    return true;
}

static int requeue_with(const struct ts_session *session,
                        struct ts_dead_letter_store *store,
                        struct ts_kafka_writer *writer,
                        struct ts_dead_letter_filter *filter)
{
    struct ts_requeue requeue = {.store = store, .writer = writer, .now_ms = ts_system_now_ms()};
    struct ts_error err = {0};
    bool done = session->args.operand_count > 0 ? requeue_ids(&requeue, &session->args, &err)
                                                : ts_requeue_run(&requeue, filter, &err);
    printf("%" PRId64 " requeued\n", requeue.requeued);
    if (done) {
        return TS_EXIT_OK;
    }
    ts_session_fail(session, &err);
    return err.class == TS_ERROR_REJECT ? TS_EXIT_FINDING : TS_EXIT_USAGE;
}

static int requeue(struct ts_session *session, struct ts_dead_letter_store *store)
{
    const struct ts_args *args = &session->args;
    struct ts_dead_letter_filter filter = {.status = "open"};
    if (!narrow(args, &filter)) {
        return TS_EXIT_USAGE;
    }
    bool by_filter = filter.reason != NULL || filter.account_id != NULL;
    if ((args->operand_count > 0) == by_filter) {
        return ts_args_refuse(args, "which ones? Name ids, or a --reason or --account");
    }
    struct ts_error err = {0};
    struct ts_servers_kafka kafka;
    struct ts_observer observer = ts_log_observer(&session->log);
    if (!ts_servers_kafka_init(&kafka, &session->config, observer, &err)) {
        return ts_session_fail(session, &err);
    }
    struct ts_kafka_writer *writer =
        ts_kafka_writer_open(&kafka.connection, &kafka.producer, TS_SERVERS_TIMEOUT_MS, &err);
    int status = writer != NULL ? requeue_with(session, store, writer, &filter)
                                : ts_session_fail(session, &err);
    ts_kafka_writer_close(writer);
    ts_servers_kafka_finish(&kafka);
    return status;
}

static int act(struct ts_session *session)
{
    enum ts_format format;
    struct ts_error err = {0};
    if (!ts_args_format(&session->args, &format)) {
        return TS_EXIT_USAGE;
    }
    struct ts_dead_letter_store *store =
        ts_dead_letter_store_create(session->config.postgres.url, &err);
    if (store == NULL) {
        return ts_session_fail(session, &err);
    }
    int status = TS_EXIT_USAGE;
    if (ts_args_action_is(&session->args, "list")) {
        status = list(session, format, store);
    } else if (ts_args_action_is(&session->args, "show")) {
        status = show(session, format, store);
    } else {
        status = requeue(session, store);
    }
    ts_dead_letter_store_destroy(store);
    return status;
}

int ts_cmd_dead_letters(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "dead-letters", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
