/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"
#include "app/replay.h"

#include <string.h>

static int compare(struct ts_session *session)
{
    struct ts_replay_options options;
    struct ts_replay replay;
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 0, 0) || !ts_replay_options_read(session, &options)) {
        return TS_EXIT_USAGE;
    }
    int status = TS_EXIT_USAGE;
    bool good = ts_replay_open(&replay, session, &options, &err);
    replay.quiet = ts_args_flag(&session->args, "quiet");
    good = good && ts_replay_resolve(&replay, &err);
    if (good && options.apply) {
        status = ts_replay_apply(&replay);
    } else if (good && ts_replay_compare(&replay, &err)) {
        status = ts_replay_print(&replay, NULL);
    } else {
        status = ts_session_fail(session, &err);
    }
    ts_replay_finish(&replay);
    ts_replay_options_finish(&options);
    return status;
}

/* ---- list, status */

enum { LIST_COLUMNS = 11, STATUS_COLUMNS = 17 };

static const struct ts_column status_columns[STATUS_COLUMNS] = {
    {"generation", TS_COLUMN_NUMBER},
    {"name", TS_COLUMN_TEXT},
    {"status", TS_COLUMN_TEXT},
    {"created_at", TS_COLUMN_TIME},
    {"updated_at", TS_COLUMN_TIME},
    {"settled", TS_COLUMN_NUMBER},
    {"amount", TS_COLUMN_AMOUNT},
    {"reverts", TS_COLUMN_NUMBER},
    {"deck_version", TS_COLUMN_NUMBER},
    {"operator", TS_COLUMN_TEXT},
    {"reason", TS_COLUMN_TEXT},
    /* up to here those of a list */
    {"read", TS_COLUMN_NUMBER},
    {"compared", TS_COLUMN_NUMBER},
    {"up", TS_COLUMN_NUMBER},
    {"down", TS_COLUMN_NUMBER},
    {"difference", TS_COLUMN_AMOUNT},
    {"sent", TS_COLUMN_NUMBER},
};

static void number_or_absent(struct ts_table *table, int64_t number)
{
    if (number != 0) {
        ts_table_number(table, number);
    } else {
        ts_table_absent(table);
    }
}

static void list_one(void *self, const struct ts_replay_generation *generation)
{
    struct ts_table *table = self;
    ts_table_number(table, generation->generation);
    ts_table_text(table, ts_bytes_of(generation->name));
    ts_table_text(table, ts_bytes_of(generation->status));
    ts_table_time(table, generation->created_ms);
    ts_table_time(table, generation->updated_ms);
    ts_table_number(table, generation->settled);
    ts_table_amount(table, generation->settled_micros, 6);
    number_or_absent(table, generation->reverts);
    number_or_absent(table, generation->deck_version);
    ts_table_text(table, ts_bytes_of(generation->operator_name));
    ts_table_text(table, ts_bytes_of(generation->reason));
}

/* A revert compares nothing. */
static void show_totals(struct ts_table *table, const struct ts_replay_generation *generation)
{
    const int64_t counts[] = {
        generation->read, generation->compared, generation->up, generation->down};
    bool compares = generation->reverts == 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (compares) {
            ts_table_number(table, counts[i]);
        } else {
            ts_table_absent(table);
        }
    }
    if (compares) {
        ts_table_amount(table, generation->difference_micros, 6);
    } else {
        ts_table_absent(table);
    }
    ts_table_number(table, generation->sent);
}

int ts_replay_list(struct ts_session *session)
{
    enum ts_format format;
    struct ts_table table;
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 0, 0) || !ts_args_format(&session->args, &format)) {
        return TS_EXIT_USAGE;
    }
    struct ts_replay_store *store = ts_replay_store_open(session->config.postgres.url, &err);
    if (store == NULL) {
        return ts_session_fail(session, &err);
    }
    const struct ts_replay_visitor visitor = {.visit = list_one, .self = &table};
    ts_table_init(&table, stdout, format, status_columns, LIST_COLUMNS);
    bool good = ts_replay_store_list(store, NULL, &visitor, &err);
    ts_replay_store_close(store);
    if (!good) {
        ts_table_abandon(&table);
        return ts_session_fail(session, &err);
    }
    return ts_session_finish_table(session, &table);
}

int ts_replay_find(struct ts_session *session, const char *name, struct ts_replay_generation *out)
{
    struct ts_error err = {0};
    struct ts_replay_store *store = ts_replay_store_open(session->config.postgres.url, &err);
    bool asked = store != NULL;
    bool found = asked && ts_replay_store_find(store, name, out, &err);
    ts_replay_store_close(store);
    if (found) {
        return TS_EXIT_OK;
    }
    int status = ts_session_fail(session, &err);
    return asked && err.class == TS_ERROR_REJECT ? TS_EXIT_FINDING : status;
}

int ts_replay_show(struct ts_session *session, const char *name)
{
    enum ts_format format;
    struct ts_table table;
    struct ts_replay_generation found = {0};
    if (!ts_args_format(&session->args, &format)) {
        return TS_EXIT_USAGE;
    }
    int status = ts_replay_find(session, name, &found);
    if (status != TS_EXIT_OK) {
        return status;
    }
    ts_table_init_record(&table, stdout, format, status_columns, STATUS_COLUMNS);
    list_one(&table, &found);
    show_totals(&table, &found);
    return ts_session_finish_table(session, &table);
}

int ts_replay_status(struct ts_session *session)
{
    return ts_args_count(&session->args, 1, 1) ? ts_replay_show(session, session->args.operands[0])
                                               : TS_EXIT_USAGE;
}

int ts_cmd_replay(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct ts_session *session);
    } actions[] = {{"", compare},
                   {"list", ts_replay_list},
                   {"status", ts_replay_status},
                   {"resume", ts_replay_resume},
                   {"revert", ts_replay_revert}};
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "replay", argc, argv)) {
        for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
            if (ts_args_action_is(&session.args, actions[i].name)) {
                status = actions[i].run(&session);
            }
        }
    }
    ts_session_end(&session);
    return status;
}
