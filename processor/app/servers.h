/* SPDX-License-Identifier: Apache-2.0 */
/* From the settings to the options of the adapters that commands use. */
#ifndef TS_APP_SERVERS_H
#define TS_APP_SERVERS_H

#include "adapters/kafka/connection.h"
#include "adapters/redis/options.h"
#include "app/config.h"
#include "base/error.h"

#include <stdbool.h>

enum { TS_SERVERS_TIMEOUT_MS = 30000 }; /* of one call to Kafka by a command */

/* A Kafka connection with the properties passed through. The config outlives it. */
struct ts_servers_kafka {
    struct ts_kafka_connection connection;
    struct ts_kafka_properties consumer;
    struct ts_kafka_properties producer;
    struct ts_kafka_property *items; /* of all three */
};

bool ts_servers_kafka_init(struct ts_servers_kafka *kafka,
                           const struct ts_config *config,
                           struct ts_observer observer,
                           struct ts_error *err);
void ts_servers_kafka_finish(struct ts_servers_kafka *kafka);

struct ts_redis_options ts_servers_redis(const struct ts_config *config);

/* Who does this, as the books remember it: $SUDO_USER, else $USER, else "unknown". */
const char *ts_servers_operator(void);

#endif
