/* SPDX-License-Identifier: Apache-2.0 */
/* Whether librdkafka takes the properties that are passed through to it, found out without
 * connecting to anything. */
#ifndef TS_ADAPTERS_KAFKA_CHECK_H
#define TS_ADAPTERS_KAFKA_CHECK_H

#include "adapters/kafka/connection.h"
#include "base/error.h"

#include <stdbool.h>

/* False, class FATAL, with librdkafka's text about the first property that is unknown, malformed or
 * refused. */
bool ts_kafka_check(const struct ts_kafka_connection *connection,
                    const struct ts_kafka_properties *consumer,
                    const struct ts_kafka_properties *producer,
                    struct ts_error *err);

#endif
