/* SPDX-License-Identifier: Apache-2.0 */
#include "app/issue.h"

#include "adapters/avro/command_encode.h"
#include "adapters/avro/event_head.h"
#include "adapters/kafka/scan.h"
#include "adapters/kafka/writer.h"
#include "app/servers.h"
#include "app/system_clock.h"
#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { MESSAGE_SIZE_MAX = 1 << 20, RANDOM_BYTES = 16, EVENTS_MAX = 4096 };

struct issuing {
    struct ts_issue *issue;
    struct ts_servers_kafka kafka;
    struct ts_kafka_writer *writer;
    struct ts_command_store *store;
    struct ts_avro_event_reader *reader;
    struct ts_buffer message;
    struct ts_buffer cause;
    struct ts_command_place place;
    bool sent;
    int64_t until_us;
    struct ts_error trouble; /* what went wrong last; class NONE: nothing */
    bool seen[EVENTS_MAX];   /* by the sequence after issue->sequence */
    bool unread;             /* one of them can't be read: it may be the command's */
};

/* ---- events
 * ------------------------------------------------------------------------------------------ */

static bool take_event(void *self, const struct ts_kafka_scan_record *record, struct ts_error *err)
{
    (void)err;
    struct issuing *issuing = self;
    const struct ts_issue *issue = issuing->issue;
    struct ts_avro_event_head head;
    struct ts_avro_event_text event;
    struct ts_error damaged;
    if (!ts_avro_event_head_read(record->value, &head) ||
        !ts_bytes_equal(head.account_id, issue->command->account_id)) {
        return true;
    }
    int64_t place = head.sequence - issue->sequence - 1;
    if (place < 0 || place >= EVENTS_MAX || issuing->seen[place]) {
        return true; /* told before, or told again */
    }
    issuing->seen[place] = true;
    if (!ts_avro_event_read(issuing->reader, record->value, &event, &damaged)) {
        issuing->unread = true;
    } else if (ts_bytes_equal(event.cause, ts_buffer_bytes(&issuing->cause))) {
        issue->event(issue->self, &event);
    }
    return true;
}

/* Whether everything came that the account was told until the command was settled. */
static bool all_told(const struct issuing *issuing)
{
    const struct ts_issue *issue = issuing->issue;
    int64_t count = issue->outcome.sequence - issue->sequence;
    for (int64_t i = 0; i < count && i < EVENTS_MAX; i++) {
        if (!issuing->seen[i]) {
            return false;
        }
    }
    return count <= EVENTS_MAX;
}

/* ---- the command
 * ------------------------------------------------------------------------------------- */

static bool send(struct issuing *issuing, struct ts_error *err)
{
    struct ts_issue *issue = issuing->issue;
    struct ts_kafka_write write = {.topic = issue->session->config.kafka.topics.credits,
                                   .key = issue->command->account_id,
                                   .value = ts_buffer_bytes(&issuing->message)};
    if (!ts_kafka_writer_write(issuing->writer, &write, 1, err)) {
        return false;
    }
    issuing->sent = true;
    issuing->place.partition = write.partition;
    issuing->place.offset = write.offset;
    issuing->until_us = ts_system_clock.ops->mono_us(NULL) + issue->timeout_ms * 1000;
    return true;
}

/* Called by the scan, which stands at the topic's end by now. False when there is nothing more to
 * wait for. */
static bool look(void *self)
{
    struct issuing *issuing = self;
    struct ts_issue *issue = issuing->issue;
    struct ts_command_outcome *outcome = &issue->outcome;
    if (!issuing->sent) {
        return send(issuing, &issuing->trouble);
    }
    if (outcome->end == TS_COMMAND_END_PENDING) {
        /* A server that is away for a moment may be back before the time is over. */
        (void)ts_command_store_outcome(issuing->store, &issuing->place, outcome, &issuing->trouble);
    }
    bool over = ts_system_clock.ops->mono_us(NULL) >= issuing->until_us;
    switch (outcome->end) {
    case TS_COMMAND_END_PENDING:
        return !over;
    case TS_COMMAND_END_APPLIED:
        issue->untold = issuing->unread || !all_told(issuing);
        return !all_told(issuing) && !over;
    case TS_COMMAND_END_DUPLICATE:
    case TS_COMMAND_END_DEAD_LETTER:
        break;
    }
    return false;
}

static bool not_ended(const struct issuing *issuing, struct ts_error *err)
{
    const struct ts_issue *issue = issuing->issue;
    const struct ts_command *command = issue->command;
    ts_error_set(err,
                 TS_ERROR_RETRY,
                 0,
                 "%s was sent (partition %" PRId32 ", offset %" PRId64
                 ") and not settled in %" PRId64
                 " s: it will be when a processor runs (tollstream run)",
                 ts_command_type_name(command->type),
                 issuing->place.partition,
                 issuing->place.offset,
                 issue->timeout_ms / 1000);
    char told[TS_ERROR_TEXT_MAX];
    if (command->type == TS_COMMAND_CREDIT_ADDED) {
        snprintf(told, sizeof told, "%s", err->text);
        ts_error_set(err,
                     TS_ERROR_RETRY,
                     0,
                     "%s; repeated with --id %.*s it is credited once",
                     told,
                     TS_ARGS(command->body.credit.credit_id));
    }
    if (issuing->trouble.class != TS_ERROR_NONE) {
        snprintf(told, sizeof told, "%s", err->text);
        ts_error_set(err, TS_ERROR_RETRY, 0, "%s; %s", told, issuing->trouble.text);
    }
    return false;
}

static bool wait_for_it(struct issuing *issuing, struct ts_error *err)
{
    struct ts_issue *issue = issuing->issue;
    struct ts_kafka_scan scan = {.connection = &issuing->kafka.connection,
                                 .consumer = &issuing->kafka.consumer,
                                 .topic = issue->session->config.kafka.topics.events,
                                 .timeout_ms = TS_SERVERS_TIMEOUT_MS,
                                 .record = take_event,
                                 .tick = look,
                                 .self = issuing,
                                 .from_end = true,
                                 .follow = true};
    bool scanned = ts_kafka_scan_run(&scan, err);
    if (!issuing->sent) {
        *err = scanned ? issuing->trouble : *err;
        err->class = TS_ERROR_FATAL; /* whatever it was: nothing is under way */
        return ts_error_prefix(
            err,
            "the command was not sent (`tollstream topics list` tells whether its topic is there)");
    }
    if (issue->outcome.end == TS_COMMAND_END_PENDING) {
        issuing->trouble = scanned ? issuing->trouble : *err;
        return not_ended(issuing, err);
    }
    return true;
}

/* ---- life
 * -------------------------------------------------------------------------------------------- */

static bool open_all(struct issuing *issuing, struct ts_error *err)
{
    struct ts_issue *issue = issuing->issue;
    const struct ts_config *config = &issue->session->config;
    struct ts_observer observer = ts_log_observer(&issue->session->log);
    issuing->place = (struct ts_command_place){.group = config->kafka.group,
                                               .topic = config->kafka.topics.credits,
                                               .account_id = issue->command->account_id.data};
    ts_buffer_append_text(&issuing->cause, "command:");
    ts_buffer_append_bytes(&issuing->cause, issue->command->command_id);
    ts_avro_command_encode(issue->command, &issuing->message);
    if (issuing->message.failed || issuing->cause.failed) {
        return ts_error_no_memory(err);
    }
    issuing->store = ts_command_store_create(config->postgres.url, err);
    issuing->reader = issuing->store == NULL ? NULL : ts_avro_event_reader_create(err);
    if (issuing->reader == NULL || !ts_servers_kafka_init(&issuing->kafka, config, observer, err)) {
        return false;
    }
    issuing->writer = ts_kafka_writer_open(
        &issuing->kafka.connection, &issuing->kafka.producer, TS_SERVERS_TIMEOUT_MS, err);
    return issuing->writer != NULL;
}

bool ts_issue_run(struct ts_issue *issue, struct ts_error *err)
{
    struct issuing *issuing = calloc(1, sizeof *issuing);
    if (issuing == NULL) {
        return ts_error_no_memory(err);
    }
    issuing->issue = issue;
    issue->outcome = (struct ts_command_outcome){.end = TS_COMMAND_END_PENDING};
    issue->untold = false;
    ts_buffer_init(&issuing->message, MESSAGE_SIZE_MAX);
    ts_buffer_init(&issuing->cause, MESSAGE_SIZE_MAX);
    bool good = open_all(issuing, err) && wait_for_it(issuing, err);
    ts_kafka_writer_close(issuing->writer);
    ts_servers_kafka_finish(&issuing->kafka);
    ts_avro_event_reader_destroy(issuing->reader);
    ts_command_store_destroy(issuing->store);
    ts_buffer_finish(&issuing->cause);
    ts_buffer_finish(&issuing->message);
    free(issuing);
    return good;
}

void ts_issue_new_id(char out[TS_ISSUE_ID_MAX])
{
    unsigned char bytes[RANDOM_BYTES];
    ssize_t got = getrandom(bytes, sizeof bytes, 0); /* so few are given whole, or not at all */
    TS_ASSERT(got == (ssize_t)sizeof bytes);
    int size = snprintf(out, TS_ISSUE_ID_MAX, "cli-");
    for (size_t i = 0; i < sizeof bytes; i++) {
        size += snprintf(out + size, (size_t)(TS_ISSUE_ID_MAX - size), "%02x", bytes[i]);
    }
}
