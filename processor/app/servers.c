/* SPDX-License-Identifier: Apache-2.0 */
#include "app/servers.h"

#include <stdlib.h>

bool ts_servers_kafka_init(struct ts_servers_kafka *kafka,
                           const struct ts_config *config,
                           struct ts_observer observer,
                           struct ts_error *err)
{
    const struct ts_config_map *map = &config->kafka.properties;
    kafka->properties = calloc(map->count + 1, sizeof *kafka->properties);
    if (kafka->properties == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < map->count; i++) {
        kafka->properties[i] = (struct ts_kafka_property){map->pairs[i].name, map->pairs[i].value};
    }
    kafka->connection = (struct ts_kafka_connection){.brokers = config->kafka.brokers,
                                                     .client_id = "tollstream-command",
                                                     .properties = {kafka->properties, map->count},
                                                     .observer = observer};
    return true;
}

void ts_servers_kafka_finish(struct ts_servers_kafka *kafka)
{
    free(kafka->properties);
    kafka->properties = NULL;
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
