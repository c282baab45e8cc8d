/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/writer.h"

#include "adapters/kafka/client.h"
#include "base/assert.h"
#include "ports/headers.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLOSE_TIMEOUT_MS = 3000, POLL_MS = 100 };

struct ts_kafka_writer {
    struct ts_kafka_client client;
    size_t pending;
};

/* Runs inside rd_kafka_poll. Every record gets exactly one report, at the latest when its
 * message.timeout.ms is over. */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct ts_kafka_client *client = opaque;
    struct ts_kafka_writer *writer = client->owner;
    struct ts_kafka_write *write = message->_private;
    TS_ASSERT(writer->pending > 0);
    writer->pending--;
    write->delivered = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    write->partition = message->partition;
    write->offset = message->offset;
    if (!write->delivered) {
        ts_kafka_error_set(&write->error, message->err, "topic \"%s\"", write->topic);
    }
}

struct ts_kafka_writer *ts_kafka_writer_open(const struct ts_kafka_connection *connection,
                                             const struct ts_kafka_properties *producer,
                                             int timeout_ms,
                                             struct ts_error *err)
{
    char timeout[16];
    (void)snprintf(timeout, sizeof timeout, "%d", timeout_ms);
    const struct ts_kafka_property first[] = {{"message.timeout.ms", timeout}};
    struct ts_kafka_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    const struct ts_kafka_client_setup setup = {.role = TS_KAFKA_PRODUCER,
                                                .connection = connection,
                                                .first = {first, 1},
                                                .own = producer,
                                                .own_prefix = "kafka.producer.",
                                                .owner = writer};
    rd_kafka_conf_t *conf = ts_kafka_client_configure(&writer->client, &setup, err);
    if (conf != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    if (conf == NULL || !ts_kafka_client_open(&writer->client, TS_KAFKA_PRODUCER, conf, err)) {
        free(writer);
        return NULL;
    }
    return writer;
}

void ts_kafka_writer_close(struct ts_kafka_writer *writer)
{
    if (writer != NULL && ts_kafka_client_close(&writer->client, CLOSE_TIMEOUT_MS)) {
        free(writer);
    }
}

/* NULL when there are none; sets *good to false when memory is short. */
static rd_kafka_headers_t *headers_of(struct ts_bytes encoded, bool *good)
{
    struct ts_bytes name;
    struct ts_bytes value;
    rd_kafka_headers_t *headers = encoded.size > 0 ? rd_kafka_headers_new(8) : NULL;
    *good = encoded.size == 0 || headers != NULL;
    while (headers != NULL && ts_headers_next(&encoded, &name, &value)) {
        rd_kafka_header_add(
            headers, name.data, (ssize_t)name.size, value.data, (ssize_t)value.size);
    }
    return headers;
}

static rd_kafka_resp_err_t produce(rd_kafka_t *rk, struct ts_kafka_write *write)
{
    bool good = true;
    rd_kafka_headers_t *headers = headers_of(write->headers, &good);
    if (!good) {
        return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    }
    rd_kafka_resp_err_t code =
        rd_kafka_producev(rk,
                          RD_KAFKA_V_TOPIC(write->topic),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(write->key.data, write->key.size),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)write->value.data, write->value.size),
                          RD_KAFKA_V_HEADERS(headers),
                          RD_KAFKA_V_OPAQUE(write),
                          RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL) {
        rd_kafka_headers_destroy(headers); /* ours again */
    }
    return code;
}

static void hand_over(struct ts_kafka_writer *writer, struct ts_kafka_write *write)
{
    rd_kafka_resp_err_t code = produce(writer->client.rk, write);
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        (void)rd_kafka_poll(writer->client.rk, POLL_MS);
        code = produce(writer->client.rk, write);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        writer->pending++;
    } else {
        ts_kafka_error_set(&write->error, code, "topic \"%s\"", write->topic);
    }
}

bool ts_kafka_writer_write(struct ts_kafka_writer *writer,
                           struct ts_kafka_write *writes,
                           size_t count,
                           struct ts_error *err)
{
    for (size_t i = 0; i < count; i++) {
        writes[i].delivered = false;
        writes[i].error = (struct ts_error){0};
        hand_over(writer, &writes[i]);
    }
    while (writer->pending > 0) {
        (void)rd_kafka_poll(writer->client.rk, POLL_MS);
    }
    for (size_t i = 0; i < count; i++) {
        if (!writes[i].delivered) {
            if (err != NULL) {
                *err = writes[i].error;
            }
            return false;
        }
    }
    return true;
}
