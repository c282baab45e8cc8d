/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream events tail`: what accounts were told, as the events topic has it. */
#include "adapters/avro/event_head.h"
#include "adapters/avro/event_text.h"
#include "adapters/kafka/scan.h"
#include "app/cli.h"
#include "app/currency.h"
#include "app/servers.h"
#include "app/session.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

enum { CURRENCY_SIZE = 4 };

static const struct ts_column columns[] = {
    {"account_id", TS_COLUMN_TEXT},
    {"sequence", TS_COLUMN_NUMBER},
    {"time", TS_COLUMN_TIME},
    {"type", TS_COLUMN_TEXT},
    {"balance", TS_COLUMN_AMOUNT},
    {"currency", TS_COLUMN_TEXT},
    {"body", TS_COLUMN_TEXT},
    {"cause", TS_COLUMN_TEXT},
    {"event_id", TS_COLUMN_TEXT},
    {"partition", TS_COLUMN_NUMBER},
    {"offset", TS_COLUMN_NUMBER},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

struct tail {
    struct ts_session *session;
    struct ts_avro_event_reader *reader;
    const char *account; /* NULL: all */
    enum ts_format format;
    bool lines; /* JSON without an end: an object a line */
    struct ts_table table;
    int64_t unreadable;
};

static volatile sig_atomic_t stopped; /* by a signal */

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

/* So that --follow ends as a listing does. No SA_RESTART, nor a second chance: the next signal ends
 * the program. */
static void stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void put_cells(struct ts_table *table,
                      const struct ts_avro_event_text *event,
                      const struct ts_kafka_scan_record *record)
{
    char currency[CURRENCY_SIZE] = "";
    if (event->currency.size < sizeof currency) {
        memcpy(currency, event->currency.data, event->currency.size);
    }
    ts_table_text(table, event->account_id);
    ts_table_number(table, event->sequence);
    ts_table_time(table, event->time_ms);
    ts_table_text(table, event->type);
    ts_table_amount(table, event->balance_micros, ts_currency_decimals(currency));
    ts_table_text(table, event->currency);
    if (event->body.data != NULL) {
        ts_table_json(table, event->body);
    } else {
        ts_table_absent(table);
    }
    ts_table_text(table, event->cause);
    ts_table_text(table, event->event_id);
    ts_table_number(table, record->partition);
    ts_table_number(table, record->offset);
}

static bool is_wanted(const struct tail *tail, struct ts_bytes message)
{
    struct ts_avro_event_head head;
    return tail->account == NULL || (ts_avro_event_head_read(message, &head) &&
                                     ts_bytes_equal_text(head.account_id, tail->account));
}

static bool cannot_write(struct ts_error *err)
{
    return ts_error_set(err, TS_ERROR_FATAL, 0, "cannot write the output");
}

static bool put_event(void *self, const struct ts_kafka_scan_record *record, struct ts_error *err)
{
    struct tail *tail = self;
    struct ts_avro_event_text event;
    struct ts_error fault;
    if (!is_wanted(tail, record->value)) {
        return true;
    }
    if (!ts_avro_event_read(tail->reader, record->value, &event, &fault)) {
        tail->unreadable++;
        fprintf(stderr,
                "tollstream events: warning: partition %" PRId32 ", offset %" PRId64 ": %s\n",
                record->partition,
                record->offset,
                fault.text);
        return true;
    }
    if (!tail->lines) {
        put_cells(&tail->table, &event, record);
        return !ferror(stdout) || cannot_write(err);
    }
    struct ts_table line;
    ts_table_init_record(&line, stdout, tail->format, columns, COLUMNS);
    put_cells(&line, &event, record);
    return ts_table_finish(&line) || cannot_write(err);
}

/* Whoever looks has seen all there is; and a signal is heard within a moment. */
static bool look_up(void *self)
{
    struct tail *tail = self;
    if (!tail->lines) {
        ts_table_flush(&tail->table);
    }
    return !stopped;
}

static bool read_topic(struct tail *tail, bool follow, bool from_end, struct ts_error *err)
{
    const struct ts_config *config = &tail->session->config;
    struct ts_servers_kafka kafka;
    struct ts_observer observer = ts_log_observer(&tail->session->log);
    if (!ts_servers_kafka_init(&kafka, config, observer, err)) {
        return false;
    }
    struct ts_kafka_scan scan = {.connection = &kafka.connection,
                                 .consumer = &kafka.consumer,
                                 .topic = config->kafka.topics.events,
                                 .timeout_ms = TS_SERVERS_TIMEOUT_MS,
                                 .record = put_event,
                                 .tick = follow ? look_up : NULL,
                                 .self = tail,
                                 .from_end = from_end,
                                 .follow = follow};
    bool done = ts_kafka_scan_run(&scan, err);
    ts_servers_kafka_finish(&kafka);
    return done;
}

static int print(struct tail *tail, bool follow, bool from_end)
{
    struct ts_error err = {0};
    tail->lines = follow && tail->format == TS_FORMAT_JSON;
    if (!tail->lines) {
        ts_table_init(&tail->table, stdout, tail->format, columns, COLUMNS);
    }
    if (!read_topic(tail, follow, from_end, &err)) {
        ts_table_abandon(&tail->table);
        return ts_session_fail(tail->session, &err);
    }
    int status = tail->lines ? TS_EXIT_OK : ts_session_finish_table(tail->session, &tail->table);
    return status == TS_EXIT_OK && tail->unreadable > 0 ? TS_EXIT_FINDING : status;
}

static int act(struct ts_session *session)
{
    const struct ts_args *args = &session->args;
    struct tail tail = {.session = session, .account = ts_args_value(args, "account")};
    struct ts_error err = {0};
    bool follow = ts_args_flag(args, "follow");
    const char *from = ts_args_value(args, "from");
    if (!ts_args_count(args, 0, 0) || !ts_args_format(args, &tail.format)) {
        return TS_EXIT_USAGE;
    }
    if (from != NULL && strcmp(from, "beginning") != 0 && strcmp(from, "end") != 0) {
        return ts_args_refuse(args, "--from: %s is neither beginning nor end", from);
    }
    bool from_end = from != NULL ? strcmp(from, "end") == 0 : follow;
    if (follow) {
        stop_on_signals();
    }
    tail.reader = ts_avro_event_reader_create(&err);
    int status =
        tail.reader != NULL ? print(&tail, follow, from_end) : ts_session_fail(session, &err);
    ts_avro_event_reader_destroy(tail.reader);
    return status;
}

int ts_cmd_events(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "events", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
