/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/csv/deck_csv.h"
#include "adapters/postgres/rates_store.h"
#include "app/cli.h"
#include "app/deck_file.h"
#include "app/deck_operand.h"
#include "app/decks.h"
#include "app/servers.h"
#include "app/session.h"
#include "core/numbering.h"
#include "core/numbering_data.h"
#include "core/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- validate
 * ------------------------------------------------------------------------------------ */

static const struct ts_column note_columns[] = {{"file", TS_COLUMN_TEXT},
                                                {"line", TS_COLUMN_NUMBER},
                                                {"column", TS_COLUMN_TEXT},
                                                {"severity", TS_COLUMN_TEXT},
                                                {"text", TS_COLUMN_TEXT}};

/* Notes as rows of a table. */
struct note_rows {
    const char *file;
    struct ts_table *table;
};

static void take_note(void *self, const struct ts_deck_note *note)
{
    const struct note_rows *rows = self;
    bool fault = note->severity == TS_DECK_FAULT;
    ts_table_text(rows->table, ts_bytes_of(rows->file));
    ts_table_number(rows->table, note->line);
    ts_table_text(rows->table, ts_bytes_of(note->column));
    ts_table_text(rows->table, fault ? TS_LITERAL("fault") : TS_LITERAL("warning"));
    ts_table_text(rows->table, ts_bytes_of(note->text));
}

/* NULL when the deck is refused, class REJECT (the notes say why), or can't be read. */
static struct ts_deck *read_deck(const char *path,
                                 const struct ts_numbering *numbering,
                                 const struct ts_deck_listener *listener,
                                 struct ts_buffer *csv,
                                 struct ts_error *err)
{
    ts_buffer_init(csv, TS_DECK_FILE_SIZE_MAX);
    if (!ts_file_read(path, csv, err)) {
        return NULL;
    }
    return ts_csv_read_deck(ts_buffer_bytes(csv), numbering, listener, err);
}

/* `table` is NULL when lines for people are wanted. */
static int validate_file(const struct ts_session *session,
                         const char *path,
                         const struct ts_numbering *numbering,
                         struct ts_table *table)
{
    struct note_rows rows = {.file = path, .table = table};
    struct ts_deck_notes lines = {.path = path, .out = stdout, .warnings = true};
    struct ts_deck_listener listener = ts_deck_notes_listener(&lines);
    if (table != NULL) {
        listener = (struct ts_deck_listener){.note = take_note, .self = &rows};
    }
    struct ts_error err = {0};
    struct ts_buffer csv;
    struct ts_deck *deck = read_deck(path, numbering, &listener, &csv, &err);
    int status = TS_EXIT_OK;
    if (deck != NULL && table == NULL) {
        printf("%s: good, %zu rows\n", path, ts_deck_row_count(deck));
    } else if (deck == NULL && err.class == TS_ERROR_REJECT) {
        status = TS_EXIT_FINDING;
    } else if (deck == NULL) {
        status = ts_session_fail(session, &err);
    }
    if (status == TS_EXIT_FINDING && table == NULL) {
        printf("%s: refused, faults: %zu\n", path, lines.fault_count);
    }
    ts_deck_destroy(deck);
    ts_buffer_finish(&csv);
    return status;
}

static int validate(const struct ts_session *session, const struct ts_numbering *numbering)
{
    const struct ts_args *args = &session->args;
    enum ts_format format;
    struct ts_table table;
    if (!ts_args_count(args, 1, SIZE_MAX) || !ts_args_format(args, &format)) {
        return TS_EXIT_USAGE;
    }
    bool rows = format != TS_FORMAT_TABLE;
    if (rows) {
        size_t columns = sizeof note_columns / sizeof *note_columns;
        ts_table_init(&table, stdout, format, note_columns, columns);
    }
    int worst = TS_EXIT_OK;
    for (size_t i = 0; i < args->operand_count; i++) {
        int status = validate_file(session, args->operands[i], numbering, rows ? &table : NULL);
        worst = status > worst ? status : worst;
    }
    int written = rows ? ts_session_finish_table(session, &table) : TS_EXIT_OK;
    return written > worst ? written : worst;
}

/* ---- the store
 * ------------------------------------------------------------------------------------- */

static const char *plan_name(const struct ts_stored_rates *rates, int32_t plan_no)
{
    for (size_t i = 0; i < rates->plan_count; i++) {
        if (rates->plans[i].plan_no == plan_no) {
            return rates->plans[i].plan.name;
        }
    }
    return "";
}

static const struct ts_column version_columns[] = {{"version", TS_COLUMN_NUMBER},
                                                   {"rate_plan", TS_COLUMN_TEXT},
                                                   {"effective_from", TS_COLUMN_TIME},
                                                   {"rows", TS_COLUMN_NUMBER},
                                                   {"published_at", TS_COLUMN_TIME},
                                                   {"size_bytes", TS_COLUMN_NUMBER},
                                                   {"operator", TS_COLUMN_TEXT}};

static void
print_version(struct ts_table *table, const char *plan, const struct ts_stored_version *version)
{
    ts_table_number(table, version->version);
    ts_table_text(table, ts_bytes_of(plan));
    if (version->effective_ms == INT64_MIN) {
        ts_table_absent(table); /* since ever */
    } else {
        ts_table_time(table, version->effective_ms);
    }
    ts_table_number(table, version->row_count);
    ts_table_time(table, version->published_ms);
    ts_table_number(table, version->content_size);
    ts_table_text(table, ts_bytes_of(version->operator_name));
}

static int print_versions(const struct ts_session *session,
                          const struct ts_stored_rates *rates,
                          const char *only_plan,
                          int64_t only_version)
{
    enum ts_format format;
    struct ts_table table;
    if (!ts_args_format(&session->args, &format)) {
        return TS_EXIT_USAGE;
    }
    size_t columns = sizeof version_columns / sizeof *version_columns;
    ts_table_init(&table, stdout, format, version_columns, columns);
    for (size_t i = 0; i < rates->version_count; i++) {
        const struct ts_stored_version *version = &rates->versions[i];
        const char *plan = plan_name(rates, version->plan_no);
        if ((only_plan == NULL || strcmp(only_plan, plan) == 0) &&
            (only_version == 0 || only_version == version->version)) {
            print_version(&table, plan, version);
        }
    }
    return ts_session_finish_table(session, &table);
}

static bool has_versions(const struct ts_stored_rates *rates, const char *plan)
{
    for (size_t i = 0; i < rates->version_count; i++) {
        if (strcmp(plan_name(rates, rates->versions[i].plan_no), plan) == 0) {
            return true;
        }
    }
    return false;
}

/* From now on, as a rule. The first deck of a rate plan holds since ever: there is nothing before
 * it that could have priced the calls on their way. */
static bool effective_time(const struct ts_args *args,
                           const struct ts_stored_rates *rates,
                           const char *plan,
                           int64_t *out)
{
    const char *text = ts_args_value(args, "effective-from");
    if (text != NULL && !ts_timestamp_parse(ts_bytes_of(text), out)) {
        ts_args_refuse(args,
                       "--effective-from: \"%s\" should be a time with its offset, as "
                       "2026-12-01T00:00:00Z",
                       text);
        return false;
    }
    if (text == NULL) {
        *out = has_versions(rates, plan) ? (int64_t)time(NULL) * 1000 : INT64_MIN;
    }
    return true;
}

static int publish_deck(const struct ts_session *session,
                        struct ts_rates_store *store,
                        const char *plan,
                        struct ts_bytes csv,
                        const struct ts_deck *deck)
{
    struct ts_error err = {0};
    struct ts_stored_rates rates = {0};
    int64_t effective_ms = 0;
    int64_t version = 0;
    int status = TS_EXIT_USAGE;
    if (!ts_rates_store_read(store, &rates, &err)) {
        ts_session_fail(session, &err);
    } else if (effective_time(&session->args, &rates, plan, &effective_ms)) {
        bool done = ts_rates_store_publish(store,
                                           plan,
                                           csv,
                                           (int64_t)ts_deck_row_count(deck),
                                           effective_ms,
                                           ts_servers_operator(),
                                           &version,
                                           &err);
        ts_stored_rates_finish(&rates);
        rates = (struct ts_stored_rates){0};
        done = done && ts_rates_store_read(store, &rates, &err);
        status =
            done ? print_versions(session, &rates, NULL, version) : ts_session_fail(session, &err);
    }
    ts_stored_rates_finish(&rates);
    return status;
}

static int publish(const struct ts_session *session,
                   struct ts_rates_store *store,
                   const struct ts_numbering *numbering)
{
    const struct ts_args *args = &session->args;
    const char *plan = ts_args_value(args, "rate-plan");
    if (!ts_args_count(args, 1, 1)) {
        return TS_EXIT_USAGE;
    }
    if (plan == NULL) {
        return ts_args_refuse(args, "whose deck is it? --rate-plan NAME");
    }
    struct ts_error err = {0};
    struct ts_deck_notes notes = {.path = args->operands[0], .out = stderr, .warnings = true};
    struct ts_deck_listener listener = ts_deck_notes_listener(&notes);
    struct ts_buffer csv;
    struct ts_deck *deck = read_deck(args->operands[0], numbering, &listener, &csv, &err);
    int status = deck != NULL ? publish_deck(session, store, plan, ts_buffer_bytes(&csv), deck)
                              : ts_session_fail(session, &err);
    ts_deck_destroy(deck);
    ts_buffer_finish(&csv);
    return status;
}

static int list(const struct ts_session *session, struct ts_rates_store *store)
{
    struct ts_error err = {0};
    struct ts_stored_rates rates = {0};
    int status = TS_EXIT_USAGE;
    if (!ts_args_count(&session->args, 0, 0)) {
        return status;
    }
    if (ts_rates_store_read(store, &rates, &err)) {
        status = print_versions(session, &rates, ts_args_value(&session->args, "rate-plan"), 0);
    } else {
        ts_session_fail(session, &err);
    }
    ts_stored_rates_finish(&rates);
    return status;
}

/* A published deck, byte for byte. */
static int show(const struct ts_session *session, struct ts_rates_store *store)
{
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 1, 1)) {
        return TS_EXIT_USAGE;
    }
    struct ts_deck_operand operand = ts_deck_operand_of(session->args.operands[0]);
    if (operand.kind == TS_DECK_OPERAND_FILE) {
        return ts_args_refuse(
            &session->args, "\"%s\" is no version: `decks list` shows them", operand.text);
    }
    struct ts_buffer csv;
    int64_t version = 0;
    ts_buffer_init(&csv, TS_DECK_FILE_SIZE_MAX);
    bool done = ts_deck_operand_read(&operand, store, &csv, &version, &err);
    if (done) {
        fwrite(csv.data, 1, csv.size, stdout);
        done =
            fflush(stdout) == 0 ||
            ts_error_set(&err, TS_ERROR_FATAL, 0, "cannot write the output: %s", strerror(errno));
    }
    ts_buffer_finish(&csv);
    return done ? TS_EXIT_OK : ts_session_fail(session, &err);
}

static int act_on_store(const struct ts_session *session, const struct ts_numbering *numbering)
{
    struct ts_error err = {0};
    struct ts_rates_store *store = ts_rates_store_create(session->config.postgres.url, &err);
    if (store == NULL) {
        return ts_session_fail(session, &err);
    }
    const struct ts_args *args = &session->args;
    int status = TS_EXIT_USAGE;
    if (ts_args_action_is(args, "publish")) {
        status = publish(session, store, numbering);
    } else if (ts_args_action_is(args, "list")) {
        status = list(session, store);
    } else if (ts_args_action_is(args, "diff")) {
        status = ts_decks_diff(session, store);
    } else if (ts_args_flag(args, "number")) {
        status = ts_decks_show_number(session, store, numbering);
    } else {
        status = show(session, store);
    }
    ts_rates_store_destroy(store);
    return status;
}

int ts_cmd_decks(int argc, char **argv)
{
    struct ts_session session;
    struct ts_error err = {0};
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "decks", argc, argv)) {
        struct ts_numbering *numbering = ts_numbering_create(ts_numbering_plan_embedded(), &err);
        if (numbering == NULL) {
            ts_session_fail(&session, &err);
        } else if (ts_args_action_is(&session.args, "validate")) {
            status = validate(&session, numbering);
        } else if (ts_args_action_is(&session.args, "import")) {
            status = ts_decks_import(&session);
        } else {
            status = act_on_store(&session, numbering);
        }
        ts_numbering_destroy(numbering);
    }
    ts_session_end(&session);
    return status;
}
