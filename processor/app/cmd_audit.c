/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream audit`: are the invariants kept, on the live system? Money is conserved and every
 * input ended once (the books, adapters/postgres/audit_store.h), Redis is a fold of them
 * (app/audit_balances.h), every event is told (app/audit_events.h). */
#include "app/audit_balances.h"
#include "app/audit_events.h"
#include "app/cli.h"
#include "app/json_text.h"
#include "app/servers.h"
#include "app/session.h"

#include <inttypes.h>
#include <string.h>

enum { TIMEOUT_S = 30, TIMEOUT_S_MAX = 86400, LISTED = 100, LISTED_MAX = 100000 };
enum { FINDINGS_SIZE_MAX = 64 << 20, PARTS = 3 };

/* The findings that are listed, each as three texts that end in NUL. */
struct findings {
    int64_t count; /* all of them */
    int64_t listed;
    int64_t listed_max;
    struct ts_buffer texts;
};

struct audit {
    struct ts_session *session;
    struct findings findings;
    struct ts_audit_totals books;
    struct ts_audit_inputs inputs;
    struct ts_audit_balances balances;
    struct ts_audit_events events;
};

static void take_finding(void *self, const struct ts_audit_finding *finding)
{
    struct findings *findings = self;
    if (findings->listed < findings->listed_max) {
        findings->listed++;
        ts_buffer_append_text(&findings->texts, finding->check);
        ts_buffer_append_char(&findings->texts, '\0');
        ts_buffer_append_bytes(&findings->texts, finding->subject);
        ts_buffer_append_char(&findings->texts, '\0');
        ts_buffer_append_bytes(&findings->texts, finding->detail);
        ts_buffer_append_char(&findings->texts, '\0');
    }
}

/* ---- running
 * ------------------------------------------------------------------------------------- */

/* The live side first: what it compares is moving, while the books stand still for their checks. */
static bool run_with(struct audit *audit,
                     struct ts_audit_live *live,
                     struct ts_redis_reader *reader,
                     const struct ts_servers_kafka *kafka,
                     int64_t timeout_s,
                     struct ts_error *err)
{
    const struct ts_config *config = &audit->session->config;
    struct ts_audit_visitor visitor = {.visit = take_finding, .self = &audit->findings};
    audit->balances = (struct ts_audit_balances){
        .live = live, .reader = reader, .timeout_ms = timeout_s * 1000, .visitor = visitor};
    audit->events = (struct ts_audit_events){.live = live,
                                             .connection = &kafka->connection,
                                             .consumer = &kafka->consumer,
                                             .topic = config->kafka.topics.events,
                                             .timeout_ms = TS_SERVERS_TIMEOUT_MS,
                                             .visitor = visitor};
    bool done = ts_audit_balances_run(&audit->balances, err) &&
                ts_audit_events_run(&audit->events, err) &&
                ts_audit_live_inputs(live, &audit->inputs, err) &&
                ts_audit_run(config->postgres.url, &visitor, &audit->books, err);
    audit->findings.count =
        audit->balances.findings + audit->events.findings + audit->books.findings;
    return done;
}

static bool run(struct audit *audit, int64_t timeout_s, struct ts_error *err)
{
    const struct ts_config *config = &audit->session->config;
    const char *const topics[TS_INPUT_COUNT] = {[TS_INPUT_CDRS] = config->kafka.topics.cdrs,
                                                [TS_INPUT_CREDITS] = config->kafka.topics.credits,
                                                [TS_INPUT_ADJUSTMENTS] =
                                                    config->kafka.topics.adjustments};
    struct ts_servers_kafka kafka = {.items = NULL};
    struct ts_redis_options redis = ts_servers_redis(config);
    struct ts_observer observer = ts_log_observer(&audit->session->log);
    struct ts_redis_reader *reader = ts_redis_reader_create(&redis, err);
    struct ts_audit_live *live =
        ts_audit_live_create(config->postgres.url, config->kafka.group, topics, err);
    bool done = reader != NULL && live != NULL &&
                ts_servers_kafka_init(&kafka, config, observer, err) &&
                run_with(audit, live, reader, &kafka, timeout_s, err);
    ts_servers_kafka_finish(&kafka);
    ts_audit_live_destroy(live);
    ts_redis_reader_destroy(reader);
    return done;
}

/* ---- telling
 * -------------------------------------------------------------------------------------- */

struct total {
    const char *name;
    int64_t value;
};

enum { TOTALS = 14 };

static void totals_of(const struct audit *audit, struct total totals[TOTALS])
{
    const struct total all[TOTALS] = {
        {"accounts", audit->books.accounts},
        {"consumed", audit->inputs.consumed},
        {"settled", audit->inputs.settled},
        {"duplicates", audit->inputs.duplicates},
        {"dead_letters", audit->inputs.dead_letters},
        {"difference_micros", audit->balances.difference_micros + audit->books.difference_micros},
        {"ledger_rows", audit->books.ledger_rows},
        {"partitions", audit->books.partitions},
        {"live_accounts", audit->balances.compared},
        {"unsettled_micros", audit->balances.unsettled_micros},
        {"events", audit->events.events},
        {"events_waiting", audit->events.waiting},
        {"events_missing", audit->events.missing},
        {"findings", audit->findings.count},
    };
    memcpy(totals, all, sizeof all);
}

/* The next finding's texts; false at the end. */
static bool next_finding(const char **at, const struct ts_buffer *texts, const char *parts[PARTS])
{
    if (texts->data == NULL || *at >= texts->data + texts->size) {
        return false;
    }
    for (int i = 0; i < PARTS; i++) {
        parts[i] = *at;
        *at += strlen(*at) + 1;
    }
    return true;
}

static void print_json(const struct audit *audit)
{
    static const char *const keys[PARTS] = {"check", "subject", "detail"};
    struct total totals[TOTALS];
    struct ts_buffer text;
    const char *parts[PARTS];
    const char *at = audit->findings.texts.data;
    totals_of(audit, totals);
    ts_buffer_init(&text, FINDINGS_SIZE_MAX * 2);
    ts_buffer_format(&text, "{\"ok\":%s", audit->findings.count == 0 ? "true" : "false");
    for (size_t i = 0; i < TOTALS; i++) {
        ts_buffer_format(&text, ",\"%s\":%" PRId64, totals[i].name, totals[i].value);
    }
    ts_buffer_append_text(&text, ",\"differences\":[");
    for (bool first = true; next_finding(&at, &audit->findings.texts, parts); first = false) {
        ts_buffer_append_text(&text, first ? "" : ",");
        for (int i = 0; i < PARTS; i++) {
            ts_buffer_format(&text, "%s\"%s\":", i == 0 ? "{" : ",", keys[i]);
            ts_json_append_string(&text, ts_bytes_of(parts[i]));
        }
        ts_buffer_append_char(&text, '}');
    }
    ts_buffer_append_text(&text, "]}\n");
    fwrite(text.data, 1, text.size, stdout);
    ts_buffer_finish(&text);
}

/* Totals and findings as rows of one kind, so that one reader reads both. */
static void print_rows(const struct audit *audit, struct ts_table *table)
{
    struct total totals[TOTALS];
    const char *parts[PARTS];
    const char *at = audit->findings.texts.data;
    totals_of(audit, totals);
    for (size_t i = 0; i < TOTALS; i++) {
        char value[24];
        snprintf(value, sizeof value, "%" PRId64, totals[i].value);
        ts_table_text(table, TS_LITERAL("total"));
        ts_table_text(table, ts_bytes_of(totals[i].name));
        ts_table_text(table, ts_bytes_of(value));
    }
    while (next_finding(&at, &audit->findings.texts, parts)) {
        for (int i = 0; i < PARTS; i++) {
            ts_table_text(table, ts_bytes_of(parts[i]));
        }
    }
}

static int tell(const struct audit *audit, enum ts_format format)
{
    static const struct ts_column columns[PARTS] = {
        {"check", TS_COLUMN_TEXT}, {"subject", TS_COLUMN_TEXT}, {"detail", TS_COLUMN_TEXT}};
    bool good = audit->findings.count == 0;
    int verdict = good ? TS_EXIT_OK : TS_EXIT_FINDING;
    if (format == TS_FORMAT_JSON) {
        print_json(audit);
        return fflush(stdout) == 0 ? verdict : TS_EXIT_USAGE;
    }
    struct ts_table table;
    ts_table_init(&table, stdout, format, columns, PARTS);
    print_rows(audit, &table);
    int status = ts_session_finish_table(audit->session, &table);
    if (status == TS_EXIT_OK && format == TS_FORMAT_TABLE) {
        if (audit->events.trimmed) {
            puts("note: the events topic has lost its beginning; events before it were not looked "
                 "for");
        }
        if (audit->balances.rebuilding > 0) {
            printf("note: %" PRId64 " buckets are not in Redis now; they are made again when "
                   "their accounts are charged\n",
                   audit->balances.rebuilding);
        }
        puts(good ? "ok: the books add up" : "NOT OK: see the differences above");
    }
    return status == TS_EXIT_OK ? verdict : status;
}

static int act(struct ts_session *session)
{
    enum ts_format format;
    struct ts_error err = {0};
    struct audit audit = {.session = session, .findings = {.listed_max = LISTED}};
    int64_t timeout_s = TIMEOUT_S;
    if (!ts_args_count(&session->args, 0, 0) || !ts_args_format(&session->args, &format) ||
        !ts_args_number(&session->args, "timeout", 0, TIMEOUT_S_MAX, &timeout_s) ||
        !ts_args_number(&session->args, "limit", 0, LISTED_MAX, &audit.findings.listed_max)) {
        return TS_EXIT_USAGE;
    }
    ts_buffer_init(&audit.findings.texts, FINDINGS_SIZE_MAX);
    int status =
        run(&audit, timeout_s, &err) ? tell(&audit, format) : ts_session_fail(session, &err);
    ts_buffer_finish(&audit.findings.texts);
    return status;
}

int ts_cmd_audit(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "audit", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
