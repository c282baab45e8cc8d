/* SPDX-License-Identifier: Apache-2.0 */
/* What librdkafka is configured with: our settings first, then those passed through, of which the
 * ones that correctness rests on are refused. Knows nothing of clients. */
#ifndef TS_ADAPTERS_KAFKA_SETTINGS_H
#define TS_ADAPTERS_KAFKA_SETTINGS_H

#include "adapters/kafka/connection.h"
#include "base/error.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

enum ts_kafka_role { TS_KAFKA_CONSUMER, TS_KAFKA_PRODUCER, TS_KAFKA_ADMIN };

/* Sets what every client of this role has: for the consumer the settings that make the pipeline's
 * positions the only ones, for the producer idempotence. Class FATAL, text from librdkafka. */
bool ts_kafka_settings_base(rd_kafka_conf_t *conf,
                            enum ts_kafka_role role,
                            const struct ts_kafka_connection *connection,
                            struct ts_error *err);

/* Passes properties through. `prefix` is where they stand in our configuration ("kafka." or
 * "kafka.consumer."), for the error's text. Class FATAL. */
bool ts_kafka_settings_pass(rd_kafka_conf_t *conf,
                            const char *prefix,
                            const struct ts_kafka_properties *properties,
                            struct ts_error *err);

bool ts_kafka_settings_one(rd_kafka_conf_t *conf,
                           const char *name,
                           const char *value,
                           struct ts_error *err);

/* Whether the values of this property are secrets. */
bool ts_kafka_settings_secret(const char *name);

#endif
