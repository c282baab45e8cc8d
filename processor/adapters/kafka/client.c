/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

enum { LOG_LINE_MAX = 1024, SECRET_SIZE_MIN = 3 };

int64_t ts_kafka_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- Log */

static void strike_out(char *text, const char *secret)
{
    size_t size = strlen(secret);
    if (size < SECRET_SIZE_MIN) {
        return;
    }
    for (char *at = strstr(text, secret); at != NULL; at = strstr(at + size, secret)) {
        memset(at, '*', size);
    }
}

static void redact(const struct ts_kafka_client *client, char *text)
{
    for (size_t list = 0; list < 2; list++) {
        const struct ts_kafka_properties *properties = client->properties[list];
        for (size_t i = 0; properties != NULL && i < properties->count; i++) {
            if (ts_kafka_settings_secret(properties->items[i].name)) {
                strike_out(text, properties->items[i].value);
            }
        }
    }
}

/* librdkafka calls an error what may pass by itself: whether it matters is for the pipeline to say,
 * from the events that it gets. A property meant for the other kind of client is no news either. */
static enum ts_level level_of(int syslog_level, const char *facility, const char *text)
{
    if (strcmp(facility, "CONFWARN") == 0 && strstr(text, "will be ignored by") != NULL) {
        return TS_LEVEL_DEBUG;
    }
    if (syslog_level <= LOG_CRIT) {
        return TS_LEVEL_ERROR;
    }
    if (syslog_level <= LOG_WARNING) {
        return TS_LEVEL_WARNING;
    }
    return syslog_level <= LOG_INFO ? TS_LEVEL_INFO : TS_LEVEL_DEBUG;
}

void ts_kafka_client_say(struct ts_kafka_client *client, enum ts_level level, const char *text)
{
    if (client->observer.ops == NULL || atomic_load(&client->abandoned)) {
        return;
    }
    char line[LOG_LINE_MAX];
    (void)snprintf(line, sizeof line, "%s", text);
    redact(client, line);
    client->observer.ops->say(client->observer.self, level, "kafka", "%s", line);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct ts_kafka_client *client = rd_kafka_opaque(rk);
    char line[LOG_LINE_MAX];
    (void)snprintf(line, sizeof line, "%s: %s", facility, text);
    ts_kafka_client_say(client, level_of(level, facility, text), line);
}

/* --- Making */

static bool
configure(rd_kafka_conf_t *conf, const struct ts_kafka_client_setup *setup, struct ts_error *err)
{
    if (!ts_kafka_settings_base(conf, setup->role, setup->connection, err)) {
        return false;
    }
    for (size_t i = 0; i < setup->first.count; i++) {
        const struct ts_kafka_property *property = &setup->first.items[i];
        if (!ts_kafka_settings_one(conf, property->name, property->value, err)) {
            return false;
        }
    }
    return ts_kafka_settings_pass(conf, "kafka.", &setup->connection->properties, err) &&
           (setup->own == NULL || ts_kafka_settings_pass(conf, setup->own_prefix, setup->own, err));
}

rd_kafka_conf_t *ts_kafka_client_configure(struct ts_kafka_client *client,
                                           const struct ts_kafka_client_setup *setup,
                                           struct ts_error *err)
{
    *client = (struct ts_kafka_client){
        .owner = setup->owner,
        .observer = setup->connection->observer,
        .brokers = setup->connection->brokers,
        .properties = {&setup->connection->properties, setup->own},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (configure(conf, setup, err)) {
        return conf;
    }
    if (err != NULL) {
        redact(client, err->text);
    }
    rd_kafka_conf_destroy(conf);
    return NULL;
}

bool ts_kafka_client_open(struct ts_kafka_client *client,
                          enum ts_kafka_role role,
                          rd_kafka_conf_t *conf,
                          struct ts_error *err)
{
    char text[TS_ERROR_TEXT_MAX];
    rd_kafka_type_t type = role == TS_KAFKA_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
    client->rk = rd_kafka_new(type, conf, text, sizeof text);
    if (client->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        redact(client, text);
        return ts_error_set(err, TS_ERROR_FATAL, 0, "Kafka client: %s", text);
    }
    (void)rd_kafka_set_log_queue(client->rk, NULL);
    return true;
}

/* --- End */

static void *end_handle(void *arg)
{
    struct ts_kafka_client *client = arg;
    if (rd_kafka_type(client->rk) == RD_KAFKA_CONSUMER) {
        (void)rd_kafka_consumer_close(client->rk);
    }
    if (!client->keep_handle) {
        rd_kafka_destroy(client->rk);
    }
    return NULL;
}

bool ts_kafka_client_close(struct ts_kafka_client *client, int timeout_ms)
{
    if (client->rk == NULL) {
        return true;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_handle, client) != 0) {
        atomic_store(&client->abandoned, true);
        return false;
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (pthread_timedjoin_np(thread, NULL, &until) != 0) {
        atomic_store(&client->abandoned, true);
        (void)pthread_detach(thread);
        return false;
    }
    client->rk = NULL;
    return true;
}

/* --- Errors */

enum ts_error_class ts_kafka_error_class(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return TS_ERROR_NONE;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return TS_ERROR_REJECT;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__CONFLICT:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
        return TS_ERROR_FATAL;
    default:
        return TS_ERROR_RETRY;
    }
}

bool ts_kafka_error_set(struct ts_error *err, rd_kafka_resp_err_t code, const char *format, ...)
{
    char text[TS_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ts_error_set(err, ts_kafka_error_class(code), 0, "%s: %s", text, rd_kafka_err2str(code));
}
