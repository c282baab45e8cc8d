/* SPDX-License-Identifier: Apache-2.0 */
/* What every librdkafka handle of ours shares: its making, its log, its end within a bound, and the
 * meaning of its errors. librdkafka's own threads never call us: log lines, errors and results wait
 * in its queue until the owner polls. */
#ifndef TS_ADAPTERS_KAFKA_CLIENT_H
#define TS_ADAPTERS_KAFKA_CLIENT_H

#include "adapters/kafka/connection.h"
#include "adapters/kafka/settings.h"
#include "base/error.h"

#include <librdkafka/rdkafka.h>

#include <stdatomic.h>
#include <stdbool.h>

struct ts_kafka_client {
    rd_kafka_t *rk;
    void *owner; /* source or publisher, for callbacks */
    struct ts_observer observer;
    const char *brokers;
    const struct ts_kafka_properties *properties[2]; /* to take secrets out of the log */
    bool keep_handle;                                /* its close must not free it */
    atomic_bool abandoned;                           /* says nothing any more */
};

/* What a client is made with, later settings overruling earlier ones: the role's base settings,
 * `first` of its owner, the connection's properties, `own` (the role's properties). */
struct ts_kafka_client_setup {
    enum ts_kafka_role role;
    const struct ts_kafka_connection *connection;
    struct ts_kafka_properties first;
    const struct ts_kafka_properties *own; /* NULL: none */
    const char *own_prefix;                /* where they stand in our configuration */
    void *owner;
};

/* NULL on failure, class FATAL. `client`, the connection and the properties must stay where they
 * are until it is closed. */
rd_kafka_conf_t *ts_kafka_client_configure(struct ts_kafka_client *client,
                                           const struct ts_kafka_client_setup *setup,
                                           struct ts_error *err);

/* Makes the handle; takes `conf` in any case. */
bool ts_kafka_client_open(struct ts_kafka_client *client,
                          enum ts_kafka_role role,
                          rd_kafka_conf_t *conf,
                          struct ts_error *err);

/* Leaves the group (consumer) and ends the handle, at most `timeout_ms`: librdkafka can block for
 * ever while brokers are away. False: it did not end in time. Then its threads and everything they
 * refer to, `client` too, must be left alone until the process ends. */
bool ts_kafka_client_close(struct ts_kafka_client *client, int timeout_ms);

/* Says a line, secrets struck out. */
void ts_kafka_client_say(struct ts_kafka_client *client, enum ts_level level, const char *text);

/* FATAL for what only another configuration or a person can mend; REJECT for what no retry of this
 * message can; RETRY for the rest. */
enum ts_error_class ts_kafka_error_class(rd_kafka_resp_err_t code);

/* Class by `code`; its text follows the formatted one. Returns false. */
bool ts_kafka_error_set(struct ts_error *err, rd_kafka_resp_err_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Microseconds that never go back. */
int64_t ts_kafka_now_us(void);

#endif
