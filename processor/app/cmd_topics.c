/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/admin.h"
#include "app/cli.h"
#include "app/config_value.h"
#include "app/servers.h"
#include "app/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS = 5, PARTITIONS_DEFAULT = 12, PARTITIONS_MAX = 10000, REPLICATION_MAX = 100 };

struct topic {
    const char *role;
    const char *name;
    int64_t retention_ms; /* 0: the cluster's default */
};

static void
topics_of(const struct ts_config *config, int64_t retention_ms, struct topic topics[TOPICS])
{
    topics[0] = (struct topic){"cdrs", config->kafka.topics.cdrs, retention_ms};
    topics[1] = (struct topic){"credits", config->kafka.topics.credits, retention_ms};
    topics[2] = (struct topic){"adjustments", config->kafka.topics.adjustments, retention_ms};
    topics[3] = (struct topic){"events", config->kafka.topics.events, retention_ms};
    /* Kept until somebody requeues them. */
    topics[4] = (struct topic){"dead_letters", config->kafka.topics.dead_letters, -1};
}

static const char *made_text(enum ts_kafka_made made)
{
    switch (made) {
    case TS_KAFKA_MADE:
        return "made";
    case TS_KAFKA_MADE_BEFORE:
        return "was there";
    case TS_KAFKA_MADE_FAILED:
        return "failed";
    }
    return "unknown";
}

static int print_made(const struct ts_session *session,
                      enum ts_format format,
                      const struct topic topics[TOPICS],
                      const struct ts_kafka_topic_result results[TOPICS])
{
    static const struct ts_column columns[] = {{"topic", TS_COLUMN_TEXT},
                                               {"partitions", TS_COLUMN_NUMBER},
                                               {"result", TS_COLUMN_TEXT},
                                               {"message", TS_COLUMN_TEXT}};
    struct ts_table table;
    bool failed = false;
    ts_table_init(&table, stdout, format, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < TOPICS; i++) {
        bool bad = results[i].made == TS_KAFKA_MADE_FAILED;
        failed = failed || bad;
        ts_table_text(&table, ts_bytes_of(topics[i].name));
        ts_table_number(&table, results[i].partitions);
        ts_table_text(&table, ts_bytes_of(made_text(results[i].made)));
        ts_table_text(&table, ts_bytes_of(bad ? results[i].error.text : ""));
    }
    int status = ts_session_finish_table(session, &table);
    return status == TS_EXIT_OK && failed ? TS_EXIT_FINDING : status;
}

/* False after telling. Untouched when it was not given. */
static bool retention_of(const struct ts_args *args, int64_t *out)
{
    static const struct ts_config_key key = {
        .path = "retention", .type = TS_CONFIG_DURATION, .min = 1000, .max = INT64_MAX};
    const char *text = ts_args_value(args, "retention");
    if (text == NULL) {
        return true;
    }
    if (strcmp(text, "forever") == 0) {
        *out = -1;
        return true;
    }
    if (!ts_config_value_parse(&key, text, out, NULL)) {
        ts_args_refuse(
            args, "--retention: \"%s\" should be a time of 1s or more, as 30d, or forever", text);
        return false;
    }
    return true;
}

static int
create(const struct ts_session *session, enum ts_format format, struct ts_kafka_admin *admin)
{
    int64_t partitions = PARTITIONS_DEFAULT;
    int64_t replication = 0;
    int64_t retention_ms = 0;
    if (!ts_args_number(&session->args, "partitions", 1, PARTITIONS_MAX, &partitions) ||
        !ts_args_number(&session->args, "replication", 1, REPLICATION_MAX, &replication) ||
        !retention_of(&session->args, &retention_ms)) {
        return TS_EXIT_USAGE;
    }
    struct topic topics[TOPICS];
    struct ts_kafka_topic_wanted wanted[TOPICS] = {0};
    struct ts_kafka_topic_result results[TOPICS] = {0};
    struct ts_error err = {0};
    topics_of(&session->config, retention_ms, topics);
    for (size_t i = 0; i < TOPICS; i++) {
        wanted[i] = (struct ts_kafka_topic_wanted){.name = topics[i].name,
                                                   .partitions = (int32_t)partitions,
                                                   .replication = (int32_t)replication,
                                                   .retention_ms = topics[i].retention_ms};
    }
    if (!ts_kafka_admin_create(admin, wanted, TOPICS, results, &err)) {
        return ts_session_fail(session, &err);
    }
    return print_made(session, format, topics, results);
}

static const struct ts_kafka_topic *
find(const struct ts_kafka_topic *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

/* A topic that is missing is a row too: with 0 partitions. */
static void
print_topic(struct ts_table *table, const struct topic *topic, const struct ts_kafka_topic *found)
{
    ts_table_text(table, ts_bytes_of(topic->role));
    ts_table_text(table, ts_bytes_of(topic->name));
    ts_table_number(table, found != NULL ? found->partitions : 0);
    if (found == NULL) {
        for (int i = 0; i < 4; i++) {
            ts_table_absent(table);
        }
        return;
    }
    ts_table_number(table, found->replication);
    ts_table_number(table, found->leaderless);
    if (found->retention_ms >= -1) {
        ts_table_number(table, found->retention_ms);
    } else {
        ts_table_absent(table);
    }
    ts_table_text(table, ts_bytes_of(found->cleanup_policy));
}

static int
list(const struct ts_session *session, enum ts_format format, struct ts_kafka_admin *admin)
{
    static const struct ts_column columns[] = {{"role", TS_COLUMN_TEXT},
                                               {"topic", TS_COLUMN_TEXT},
                                               {"partitions", TS_COLUMN_NUMBER},
                                               {"replication", TS_COLUMN_NUMBER},
                                               {"leaderless", TS_COLUMN_NUMBER},
                                               {"retention_ms", TS_COLUMN_NUMBER},
                                               {"cleanup_policy", TS_COLUMN_TEXT}};
    struct topic topics[TOPICS];
    struct ts_kafka_topic *found = NULL;
    size_t count = 0;
    struct ts_error err = {0};
    if (!ts_kafka_admin_list(admin, &found, &count, &err)) {
        return ts_session_fail(session, &err);
    }
    struct ts_table table;
    ts_table_init(&table, stdout, format, columns, sizeof columns / sizeof *columns);
    topics_of(&session->config, 0, topics);
    for (size_t i = 0; i < TOPICS; i++) {
        print_topic(&table, &topics[i], find(found, count, topics[i].name));
    }
    free(found);
    return ts_session_finish_table(session, &table);
}

static int act(struct ts_session *session)
{
    enum ts_format format;
    struct ts_servers_kafka kafka;
    struct ts_kafka_admin *admin = NULL;
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 0, 0) || !ts_args_format(&session->args, &format)) {
        return TS_EXIT_USAGE;
    }
    struct ts_observer observer = ts_log_observer(&session->log);
    if (!ts_servers_kafka_init(&kafka, &session->config, observer, &err)) {
        return ts_session_fail(session, &err);
    }
    int status = TS_EXIT_USAGE;
    if (!ts_kafka_admin_open(&kafka.connection, TS_SERVERS_TIMEOUT_MS, &admin, &err)) {
        ts_session_fail(session, &err);
    } else if (ts_args_action_is(&session->args, "create")) {
        status = create(session, format, admin);
    } else {
        status = list(session, format, admin);
    }
    ts_kafka_admin_close(admin);
    ts_servers_kafka_finish(&kafka);
    return status;
}

int ts_cmd_topics(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "topics", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
