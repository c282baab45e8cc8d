/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/check.h"
#include "adapters/redis/reader.h"
#include "app/cli.h"
#include "app/config_print.h"
#include "app/servers.h"
#include "app/session.h"

#include <errno.h>
#include <string.h>

enum { TEXT_MAX = 4 << 20 };

static int print(const struct ts_session *session, const struct ts_buffer *text)
{
    struct ts_error err;
    if (text->failed) {
        ts_error_no_memory(&err);
        return ts_session_fail(session, &err);
    }
    fwrite(text->data, 1, text->size, stdout);
    if (fflush(stdout) != 0) {
        ts_error_set(&err, TS_ERROR_FATAL, 0, "cannot write the output: %s", strerror(errno));
        return ts_session_fail(session, &err);
    }
    return TS_EXIT_OK;
}

/* What only the libraries know: whether they take what is passed on to them. */
static bool check_with_libraries(struct ts_session *session)
{
    struct ts_servers_kafka kafka;
    struct ts_error err = {0};
    struct ts_observer observer = ts_log_observer(&session->log);
    bool good = ts_servers_kafka_init(&kafka, &session->config, observer, &err);
    if (good) {
        good = ts_kafka_check(&kafka.connection, &kafka.consumer, &kafka.producer, &err);
        ts_servers_kafka_finish(&kafka);
    }
    if (good) {
        struct ts_redis_options options = ts_servers_redis(&session->config);
        struct ts_redis_reader *reader = ts_redis_reader_create(&options, &err);
        good = reader != NULL || ts_error_prefix(&err, "redis.url");
        ts_redis_reader_destroy(reader);
    }
    if (!good) {
        ts_session_fail(session, &err);
    }
    return good;
}

static void print_row(void *arg, const struct ts_config_row *row)
{
    struct ts_table *table = arg;
    ts_table_text(table, ts_bytes_of(row->key));
    ts_table_text(table, ts_bytes_of(row->value));
    ts_table_text(table, ts_bytes_of(row->origin));
}

static int print_rows(const struct ts_session *session, enum ts_format format)
{
    static const struct ts_column columns[] = {
        {"key", TS_COLUMN_TEXT}, {"value", TS_COLUMN_TEXT}, {"origin", TS_COLUMN_TEXT}};
    struct ts_table table;
    ts_table_init(&table, stdout, format, columns, sizeof columns / sizeof *columns);
    ts_config_each(&session->config, print_row, &table);
    return ts_session_finish_table(session, &table);
}

static int print_effective(const struct ts_session *session)
{
    const char *format_name = ts_args_value(&session->args, "format");
    bool yaml = format_name == NULL || strcmp(format_name, "yaml") == 0;
    enum ts_format format;
    if (!yaml || ts_args_flag(&session->args, "json")) {
        return ts_args_format(&session->args, &format) ? print_rows(session, format)
                                                       : TS_EXIT_USAGE;
    }
    struct ts_buffer text;
    ts_buffer_init(&text, TEXT_MAX);
    ts_config_effective(&session->config, &text);
    int status = print(session, &text);
    ts_buffer_finish(&text);
    return status;
}

/* Needs no settings, so that it works where they are broken. */
static int print_example(int argc, char **argv)
{
    struct ts_session session = {0};
    if (!ts_args_parse(&session.args, "check-config", argc, argv) ||
        !ts_args_count(&session.args, 0, 0)) {
        return TS_EXIT_USAGE;
    }
    struct ts_buffer text;
    ts_buffer_init(&text, TEXT_MAX);
    ts_config_example(&text);
    int status = print(&session, &text);
    ts_buffer_finish(&text);
    return status;
}

int ts_cmd_check_config(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--example") == 0) {
            return print_example(argc, argv);
        }
    }
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "check-config", argc, argv) &&
        ts_args_count(&session.args, 0, 0) && check_with_libraries(&session)) {
        status = print_effective(&session);
    }
    ts_session_end(&session);
    return status;
}
