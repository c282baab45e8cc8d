/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/admin.h"

#include "adapters/kafka/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLOSE_TIMEOUT_MS = 3000, SETTLE_STEP_MS = 50 };

struct ts_kafka_admin {
    struct ts_kafka_client client;
    int timeout_ms;
};

bool ts_kafka_admin_open(const struct ts_kafka_connection *connection,
                         int timeout_ms,
                         struct ts_kafka_admin **out,
                         struct ts_error *err)
{
    struct ts_kafka_admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL) {
        return ts_error_no_memory(err);
    }
    const struct ts_kafka_client_setup setup = {.role = TS_KAFKA_ADMIN, .connection = connection};
    rd_kafka_conf_t *conf = ts_kafka_client_configure(&admin->client, &setup, err);
    if (conf == NULL || !ts_kafka_client_open(&admin->client, TS_KAFKA_ADMIN, conf, err)) {
        free(admin);
        return false;
    }
    admin->timeout_ms = timeout_ms;
    *out = admin;
    return true;
}

void ts_kafka_admin_close(struct ts_kafka_admin *admin)
{
    if (admin != NULL && ts_kafka_client_close(&admin->client, CLOSE_TIMEOUT_MS)) {
        free(admin);
    }
}

static bool no_answer(struct ts_kafka_admin *admin, rd_kafka_resp_err_t code, struct ts_error *err)
{
    (void)rd_kafka_poll(admin->client.rk, 0); /* its log */
    return ts_kafka_error_set(err, code, "Kafka at %s", admin->client.brokers);
}

/* --- Create */

static bool configure_topic(rd_kafka_NewTopic_t *topic,
                            const struct ts_kafka_topic_wanted *wanted,
                            struct ts_error *err)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (wanted->retention_ms != 0) {
        char text[24];
        (void)snprintf(text, sizeof text, "%lld", (long long)wanted->retention_ms);
        code = rd_kafka_NewTopic_set_config(topic, "retention.ms", text);
    }
    for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < wanted->config.count; i++) {
        const struct ts_kafka_property *property = &wanted->config.items[i];
        code = rd_kafka_NewTopic_set_config(topic, property->name, property->value);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           ts_kafka_error_set(err, code, "topic \"%s\"", wanted->name);
}

static rd_kafka_NewTopic_t *new_topic(const struct ts_kafka_topic_wanted *wanted,
                                      struct ts_error *err)
{
    char text[TS_ERROR_TEXT_MAX];
    if (wanted->partitions < 1) {
        ts_error_set(err, TS_ERROR_FATAL, 0, "topic \"%s\": 1 partition at least", wanted->name);
        return NULL;
    }
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(wanted->name,
                              wanted->partitions,
                              wanted->replication > 0 ? wanted->replication : -1,
                              text,
                              sizeof text);
    if (topic == NULL) {
        ts_error_set(err, TS_ERROR_FATAL, 0, "topic \"%s\": %s", wanted->name, text);
        return NULL;
    }
    if (!configure_topic(topic, wanted, err)) {
        rd_kafka_NewTopic_destroy(topic);
        return NULL;
    }
    return topic;
}

/* Sends one admin request and waits. NULL on failure. */
static rd_kafka_event_t *
await(struct ts_kafka_admin *admin, rd_kafka_queue_t *queue, struct ts_error *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, admin->timeout_ms + 1000);
    rd_kafka_resp_err_t code =
        event != NULL ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        no_answer(admin, code, err);
        rd_kafka_event_destroy(event);
        return NULL;
    }
    return event;
}

static rd_kafka_AdminOptions_t *options_for(struct ts_kafka_admin *admin, rd_kafka_admin_op_t op)
{
    char text[TS_ERROR_TEXT_MAX];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->client.rk, op);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, admin->timeout_ms, text, sizeof text);
    if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS) {
        (void)rd_kafka_AdminOptions_set_operation_timeout(
            options, admin->timeout_ms, text, sizeof text);
    }
    return options;
}

static rd_kafka_event_t *request_create(struct ts_kafka_admin *admin,
                                        rd_kafka_NewTopic_t **topics,
                                        size_t count,
                                        struct ts_error *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->client.rk);
    rd_kafka_AdminOptions_t *options = options_for(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(admin->client.rk, topics, count, options, queue);
    rd_kafka_event_t *event = await(admin, queue, err);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return event;
}

static const rd_kafka_metadata_t *ask_metadata(struct ts_kafka_admin *admin, struct ts_error *err)
{
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->client.rk, 1, NULL, &metadata, admin->timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        no_answer(admin, code, err);
        return NULL;
    }
    return metadata;
}

static const rd_kafka_metadata_topic_t *find_topic(const rd_kafka_metadata_t *metadata,
                                                   const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0) {
            return &metadata->topics[i];
        }
    }
    return NULL;
}

static int32_t count_leaderless(const rd_kafka_metadata_topic_t *topic)
{
    int32_t count = 0;
    for (int i = 0; i < topic->partition_cnt; i++) {
        count += topic->partitions[i].leader < 0;
    }
    return count;
}

static void judge(const struct ts_kafka_topic_wanted *wanted,
                  const rd_kafka_topic_result_t *answer,
                  struct ts_kafka_topic_result *result)
{
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(answer);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *result =
            (struct ts_kafka_topic_result){.made = TS_KAFKA_MADE, .partitions = wanted->partitions};
    } else if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        result->made = TS_KAFKA_MADE_BEFORE; /* its partitions are compared below */
        result->partitions = 0;
    } else {
        const char *text = rd_kafka_topic_result_error_string(answer);
        result->made = TS_KAFKA_MADE_FAILED;
        result->partitions = 0;
        ts_error_set(&result->error,
                     ts_kafka_error_class(code),
                     0,
                     "topic \"%s\" was not created: %s",
                     wanted->name,
                     text != NULL ? text : rd_kafka_err2str(code));
    }
}

static void compare(const struct ts_kafka_topic_wanted *wanted,
                    const rd_kafka_metadata_topic_t *found,
                    struct ts_kafka_topic_result *result)
{
    if (found == NULL) {
        return;
    }
    result->partitions = found->partition_cnt;
    if (found->partition_cnt != wanted->partitions) {
        result->made = TS_KAFKA_MADE_FAILED;
        ts_error_set(&result->error,
                     TS_ERROR_FATAL,
                     0,
                     "topic \"%s\" exists with %d partitions, not %d: its partitions are positions "
                     "and order, so it is left as it is; name another topic or ask for %d",
                     wanted->name,
                     found->partition_cnt,
                     wanted->partitions,
                     found->partition_cnt);
    }
}

static void sleep_ms(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Compares topics that were there, and waits until the new ones have leaders. */
static bool settle(struct ts_kafka_admin *admin,
                   const struct ts_kafka_topic_wanted *wanted,
                   size_t count,
                   struct ts_kafka_topic_result *results,
                   struct ts_error *err)
{
    int64_t until_us = ts_kafka_now_us() + admin->timeout_ms * INT64_C(1000);
    for (;;) {
        const rd_kafka_metadata_t *metadata = ask_metadata(admin, err);
        if (metadata == NULL) {
            return false;
        }
        bool ready = true;
        for (size_t i = 0; i < count; i++) {
            const rd_kafka_metadata_topic_t *found = find_topic(metadata, wanted[i].name);
            if (results[i].made == TS_KAFKA_MADE_BEFORE) {
                compare(&wanted[i], found, &results[i]);
            } else if (results[i].made == TS_KAFKA_MADE) {
                ready = ready && found != NULL && found->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                        found->partition_cnt == wanted[i].partitions &&
                        count_leaderless(found) == 0;
            }
        }
        rd_kafka_metadata_destroy(metadata);
        if (ready || ts_kafka_now_us() > until_us) {
            return true;
        }
        sleep_ms(SETTLE_STEP_MS);
    }
}

bool ts_kafka_admin_create(struct ts_kafka_admin *admin,
                           const struct ts_kafka_topic_wanted *wanted,
                           size_t count,
                           struct ts_kafka_topic_result *results,
                           struct ts_error *err)
{
    if (count == 0) {
        return true;
    }
    rd_kafka_NewTopic_t **topics = calloc(count, sizeof *topics);
    rd_kafka_event_t *event = NULL;
    size_t made = 0;
    if (topics == NULL) {
        return ts_error_no_memory(err);
    }
    while (made < count && (topics[made] = new_topic(&wanted[made], err)) != NULL) {
        made++;
    }
    if (made == count) {
        event = request_create(admin, topics, count, err);
    }
    rd_kafka_NewTopic_destroy_array(topics, made);
    free(topics);
    if (event == NULL) {
        return false;
    }
    size_t answers = 0;
    const rd_kafka_topic_result_t **list =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &answers);
    for (size_t i = 0; i < count && i < answers; i++) { /* in the order asked */
        judge(&wanted[i], list[i], &results[i]);
    }
    rd_kafka_event_destroy(event);
    return settle(admin, wanted, count, results, err);
}

/* --- List */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ts_kafka_topic *)a)->name,
                  ((const struct ts_kafka_topic *)b)->name);
}

static bool is_internal(const char *name)
{
    return strncmp(name, "__", 2) == 0;
}

static void describe(struct ts_kafka_topic *topic, const rd_kafka_ConfigResource_t *resource)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value != NULL && strcmp(name, "retention.ms") == 0) {
            topic->retention_ms = strtoll(value, NULL, 10);
        } else if (value != NULL && strcmp(name, "cleanup.policy") == 0) {
            (void)snprintf(topic->cleanup_policy, sizeof topic->cleanup_policy, "%s", value);
        }
    }
}

/* What may not be described stays not known. */
static void describe_all(struct ts_kafka_admin *admin, struct ts_kafka_topic *topics, size_t count)
{
    rd_kafka_ConfigResource_t **asked = calloc(count, sizeof *asked);
    if (asked == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        asked[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i].name);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->client.rk);
    rd_kafka_AdminOptions_t *options = options_for(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(admin->client.rk, asked, count, options, queue);
    rd_kafka_event_t *event = await(admin, queue, NULL);
    if (event != NULL) {
        size_t answers = 0;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &answers);
        for (size_t i = 0; i < answers; i++) {
            struct ts_kafka_topic key;
            (void)snprintf(key.name, sizeof key.name, "%s", rd_kafka_ConfigResource_name(found[i]));
            struct ts_kafka_topic *topic = bsearch(&key, topics, count, sizeof key, by_name);
            if (topic != NULL) {
                describe(topic, found[i]);
            }
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy_array(asked, count);
    free(asked);
}

bool ts_kafka_admin_list(struct ts_kafka_admin *admin,
                         struct ts_kafka_topic **topics,
                         size_t *count,
                         struct ts_error *err)
{
    const rd_kafka_metadata_t *metadata = ask_metadata(admin, err);
    if (metadata == NULL) {
        return false;
    }
    struct ts_kafka_topic *list = calloc((size_t)metadata->topic_cnt + 1, sizeof *list);
    if (list == NULL) {
        rd_kafka_metadata_destroy(metadata);
        return ts_error_no_memory(err);
    }
    size_t n = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *found = &metadata->topics[i];
        if (is_internal(found->topic)) {
            continue;
        }
        struct ts_kafka_topic *topic = &list[n++];
        (void)snprintf(topic->name, sizeof topic->name, "%s", found->topic);
        topic->partitions = found->partition_cnt;
        topic->replication = found->partition_cnt > 0 ? found->partitions[0].replica_cnt : 0;
        topic->leaderless = count_leaderless(found);
        topic->retention_ms = -2;
    }
    rd_kafka_metadata_destroy(metadata);
    qsort(list, n, sizeof *list, by_name);
    if (n > 0) {
        describe_all(admin, list, n);
    }
    *topics = list;
    *count = n;
    return true;
}
