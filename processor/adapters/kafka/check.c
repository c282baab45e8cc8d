/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/check.h"

#include "adapters/kafka/client.h"

static bool check_role(enum ts_kafka_role role,
                       const struct ts_kafka_connection *connection,
                       const struct ts_kafka_properties *own,
                       const char *own_prefix,
                       struct ts_error *err)
{
    struct ts_kafka_client client = {0};
    const struct ts_kafka_client_setup setup = {
        .role = role, .connection = connection, .own = own, .own_prefix = own_prefix};
    rd_kafka_conf_t *conf = ts_kafka_client_configure(&client, &setup, err);
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    return conf != NULL;
}

bool ts_kafka_check(const struct ts_kafka_connection *connection,
                    const struct ts_kafka_properties *consumer,
                    const struct ts_kafka_properties *producer,
                    struct ts_error *err)
{
    return check_role(TS_KAFKA_CONSUMER, connection, consumer, "kafka.consumer.", err) &&
           check_role(TS_KAFKA_PRODUCER, connection, producer, "kafka.producer.", err);
}
