/* SPDX-License-Identifier: Apache-2.0 */
#include "app/servers.h"

#include <stdlib.h>

/* Copies the map to `items` and moves on behind it. */
static struct ts_kafka_properties take_map(const struct ts_config_map *map,
                                           struct ts_kafka_property **items)
{
    struct ts_kafka_properties properties = {*items, map->count};
    for (size_t i = 0; i < map->count; i++) {
        *(*items)++ = (struct ts_kafka_property){map->pairs[i].name, map->pairs[i].value};
    }
    return properties;
}

bool ts_servers_kafka_init(struct ts_servers_kafka *kafka,
                           const struct ts_config *config,
                           struct ts_observer observer,
                           struct ts_error *err)
{
    size_t count = config->kafka.properties.count + config->kafka.consumer.count +
                   config->kafka.producer.count;
    struct ts_kafka_property *items = calloc(count + 1, sizeof *items);
    if (items == NULL) {
        return ts_error_no_memory(err);
    }
    kafka->items = items;
    kafka->connection =
        (struct ts_kafka_connection){.brokers = config->kafka.brokers,
                                     .client_id = "tollstream-command",
                                     .properties = take_map(&config->kafka.properties, &items),
                                     .observer = observer};
    kafka->consumer = take_map(&config->kafka.consumer, &items);
    kafka->producer = take_map(&config->kafka.producer, &items);
    return true;
}

void ts_servers_kafka_finish(struct ts_servers_kafka *kafka)
{
    free(kafka->items);
    kafka->items = NULL;
}

struct ts_redis_options ts_servers_redis(const struct ts_config *config)
{
    return (struct ts_redis_options){.url = config->redis.url,
                                     .client_name = "tollstream-command",
                                     .connect_timeout_ms = (int)config->redis.connect_timeout_ms,
                                     .command_timeout_ms = (int)config->redis.command_timeout_ms};
}

const char *ts_servers_operator(void)
{
    static const char *const variables[] = {"SUDO_USER", "USER"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *name = getenv(variables[i]);
        if (name != NULL && name[0] != '\0') {
            return name;
        }
    }
    return "unknown";
}
