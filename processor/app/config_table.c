/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_table.h"

#include "app/config.h"

#include <ctype.h>
#include <stdio.h>

static const char *const assignments[] = {"cooperative", "eager", NULL};
static const char *const leaves[] = {"1d", "6h", "1h", NULL};
static const char *const retentions[] = {"detach", "drop", NULL};
static const char *const starts[] = {"earliest", "stop", NULL};
static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const formats[] = {"text", "json", NULL};

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

#define AT(member) offsetof(struct ts_config, member)
#define TEXT(path, member, unset, help)                                                            \
    {                                                                                              \
        path, AT(member), unset, help, 0, 0, NULL, TS_CONFIG_TEXT, false                           \
    }
#define REQUIRED(path, member, unset, help)                                                        \
    {                                                                                              \
        path, AT(member), unset, help, 0, 0, NULL, TS_CONFIG_TEXT, true                            \
    }
#define TOPIC(path, member, unset, help)                                                           \
    {                                                                                              \
        path, AT(member), unset, help, 0, 0, NULL, TS_CONFIG_TOPIC, true                           \
    }
#define CHOICE(path, member, unset, choices, help)                                                 \
    {                                                                                              \
        path, AT(member), unset, help, 0, 0, choices, TS_CONFIG_CHOICE, true                       \
    }
#define NUMBER(path, member, unset, min, max, help)                                                \
    {                                                                                              \
        path, AT(member), unset, help, min, max, NULL, TS_CONFIG_NUMBER, true                      \
    }
#define SIZE(path, member, unset, min, max, help)                                                  \
    {                                                                                              \
        path, AT(member), unset, help, min, max, NULL, TS_CONFIG_SIZE, true                        \
    }
#define DURATION(path, member, unset, min, max, help)                                              \
    {                                                                                              \
        path, AT(member), unset, help, min, max, NULL, TS_CONFIG_DURATION, true                    \
    }
#define PROPERTIES(path, member, help)                                                             \
    {                                                                                              \
        path, AT(member), "", help, 0, 0, NULL, TS_CONFIG_PROPERTIES, false                        \
    }
#define DURATIONS(path, member, min, max, help)                                                    \
    {                                                                                              \
        path, AT(member), "", help, min, max, NULL, TS_CONFIG_DURATIONS, false                     \
    }

/* By section, each in the order in which a reader wants them; the example file keeps it. */
const struct ts_config_key ts_config_keys[] = {
    NUMBER("workers",
           workers,
           "1",
           1,
           64,
           "Members of the consumer group in this process, each with its own connections and "
           "threads. More than the CPUs or the topic's partitions help nothing."),
    CHOICE("start_from",
           start_from,
           "earliest",
           starts,
           "Where a partition begins that was never settled before: at the earliest record kept, "
           "or not at all, with an alarm, until somebody has looked. A position that exists is "
           "never skipped."),
    DURATION("shutdown_timeout",
             shutdown_timeout_ms,
             "30s",
             SECOND,
             10 * MINUTE,
             "How long a stop may take to settle what is in flight. What is not settled then is "
             "done again by the next owner, once."),
    TEXT("schemas_dir",
         schemas_dir,
         "",
         "Folder of further Avro schemas (*.avsc) of writers. Empty: the embedded ones only."),

    REQUIRED("kafka.brokers",
             kafka.brokers,
             "127.0.0.1:9092",
             "host:port of some brokers, separated by commas."),
    REQUIRED("kafka.group",
             kafka.group,
             "tollstream",
             "Consumer group. It is part of the identity of every position in PostgreSQL: with "
             "another name everything is read again from the beginning (and found to be settled)."),
    TOPIC("kafka.topics.cdrs", kafka.topics.cdrs, "tollstream.cdrs", "Call-detail records: input."),
    TOPIC("kafka.topics.events",
          kafka.topics.events,
          "tollstream.events",
          "What is told about accounts: output."),
    TOPIC("kafka.topics.dead_letters",
          kafka.topics.dead_letters,
          "tollstream.dead-letters",
          "Records that can't be charged, whole, with the reason: output."),
    TOPIC("kafka.topics.credits",
          kafka.topics.credits,
          "tollstream.credits",
          "Credits and account commands: input."),
    TOPIC("kafka.topics.adjustments",
          kafka.topics.adjustments,
          "tollstream.adjustments",
          "What replays found calls to cost more or less: written by tollstream replay, input."),
    CHOICE("kafka.assignment",
           kafka.assignment,
           "eager",
           assignments,
           "How partitions move between members of the group: all at once, or one by one while the "
           "others flow (cooperative). With librdkafka before 2.6 eager loses less: "
           "processor/ARCHITECTURE.md."),
    DURATION("kafka.session_timeout_ms",
             kafka.session_timeout_ms,
             "15s",
             SECOND,
             30 * MINUTE,
             "A member silent for so long loses its partitions to the others."),
    PROPERTIES("kafka",
               kafka.properties,
               "Any property of librdkafka that has a dot in its name goes to consumer and "
               "producer as it is. Those that correctness rests on are refused."),
    PROPERTIES("kafka.consumer", kafka.consumer, "Properties of librdkafka, the consumer only."),
    PROPERTIES("kafka.producer", kafka.producer, "Properties of librdkafka, the producer only."),

    REQUIRED("redis.url",
             redis.url,
             "redis://127.0.0.1:6379",
             "redis://[[user]:password@]host[:port][/database], the live balances."),
    DURATION("redis.connect_timeout_ms",
             redis.connect_timeout_ms,
             "2s",
             10,
             MINUTE,
             "Longest wait for a connection."),
    DURATION("redis.command_timeout_ms",
             redis.command_timeout_ms,
             "5s",
             10,
             MINUTE,
             "Longest wait for an answer. After it what was charged is taken back and decided "
             "again."),

    REQUIRED("postgres.url",
             postgres.url,
             "postgresql://127.0.0.1/tollstream",
             "libpq connection string or URL of the books."),
    DURATION("postgres.connect_timeout_ms",
             postgres.connect_timeout_ms,
             "5s",
             SECOND,
             MINUTE,
             "Longest wait for a connection, in whole seconds."),
    DURATION("postgres.claim_timeout_ms",
             postgres.claim_timeout_ms,
             "5s",
             100,
             MINUTE,
             "How long a claim of a partition waits for a transaction of its former owner before "
             "it ends that session."),
    DURATION("postgres.statement_timeout_ms",
             postgres.statement_timeout_ms,
             "30s",
             100,
             10 * MINUTE,
             "Longest time of one statement."),
    DURATION("postgres.lock_timeout_ms",
             postgres.lock_timeout_ms,
             "10s",
             100,
             10 * MINUTE,
             "Longest wait for one lock."),

    TEXT(
        "schema_registry.url",
        schema_registry.url,
        "",
        "http(s)://[user:password@]host:port[/path] of a Schema Registry of Confluent's "
        "interface. While it does not answer, records in Confluent's wire format wait. Empty: they "
        "can't be read."),
    DURATION("schema_registry.timeout_ms",
             schema_registry.timeout_ms,
             "5s",
             100,
             MINUTE,
             "Longest wait for one answer."),
    TEXT("schema_registry.cache_dir",
         schema_registry.cache_dir,
         "",
         "Folder in which schemas are kept by id, so that a restart needs no registry. Remove its "
         "files when the registry is set up anew: its ids begin again. Empty: none."),

    NUMBER("batch.records_max", batch.records_max, "5000", 1, 16000, "Records in one batch."),
    SIZE("batch.bytes_max",
         batch.bytes_max,
         "16MiB",
         256 * KIB,
         256 * MIB,
         "Bytes of one batch, with what is worked out for it."),
    DURATION("batch.linger_ms",
             batch.linger_ms,
             "50ms",
             0,
             10 * SECOND,
             "How long a batch that isn't full waits for more records."),
    NUMBER(
        "batch.pool",
        batch.pool,
        "32",
        2,
        64,
        "Batches of a worker: one fills up for each of its partitions while others are on their "
        "way, "
        "so about three for each. All in use, or twice settle.records_max in them: reading stops "
        "until one is settled. So memory is bounded, by workers × pool × bytes_max at the very "
        "most."),

    NUMBER("settle.records_max",
           settle.records_max,
           "20000",
           1,
           200000,
           "Records in one transaction in PostgreSQL. Not below batch.records_max."),

    CHOICE("usage.leaf",
           usage.leaf,
           "1d",
           leaves,
           "Time range of one partition of the usage table. Aim at no more than 3 million rows "
           "in one."),
    NUMBER("usage.history_days",
           usage.history_days,
           "62",
           1,
           3660,
           "Days back for which partitions are made. A call from before the oldest partition can't "
           "be charged (too_old)."),
    NUMBER("usage.ahead_days",
           usage.ahead_days,
           "3",
           2,
           366,
           "Days for which partitions are made ahead of time."),
    NUMBER("usage.retention_days",
           usage.retention_days,
           "0",
           0,
           36600,
           "Days after its end for which a partition is kept; 0: for ever. Not below "
           "usage.history_days. What the books need of it stays."),
    CHOICE("usage.retention_action",
           usage.retention_action,
           "detach",
           retentions,
           "What becomes of it then: detach leaves a table of its own, to be kept elsewhere and "
           "dropped by hand; drop deletes its calls."),

    DURATION("validate.duration_tolerance_ms",
             validate.duration_tolerance_ms,
             "2000ms",
             0,
             7 * DAY,
             "How far duration_ms may be from end_time - answer_time."),
    DURATIONS("validate.source_duration_tolerance_ms",
              validate.source_duration_tolerance_ms,
              0,
              7 * DAY,
              "The same for single sources, by their name."),

    DURATION("recharge.expires_after",
             recharge.expires_after_ms,
             "24h",
             MINUTE,
             30 * DAY,
             "A recharge requested and not answered for so long counts as failed."),
    DURATION("recharge.backoff_first",
             recharge.backoff_first_ms,
             "1h",
             SECOND,
             30 * DAY,
             "After a failed recharge, how long the next waits. It doubles with each failure in a "
             "row; the third stops recharging until a success, a new card or an operator."),
    DURATION("recharge.backoff_longest",
             recharge.backoff_longest_ms,
             "24h",
             SECOND,
             30 * DAY,
             "The longest of these waits."),

    TEXT("http.listen",
         http.listen,
         "127.0.0.1:9464",
         "address:port of /metrics, /healthz and /readyz. They have no authentication: keep them "
         "on loopback or a private network. Empty: none."),

    CHOICE("log.level", log.level, "info", levels, "The least important line that is written."),
    CHOICE("log.format", log.format, "text", formats, "Lines for people (logfmt) or for machines."),
};

const size_t ts_config_key_count = sizeof ts_config_keys / sizeof *ts_config_keys;

void ts_config_env_name(const char *path, char *name, size_t size)
{
    snprintf(name, size, TS_CONFIG_ENV_PREFIX "%s", path);
    for (char *c = name; *c != '\0'; c++) {
        *c = (char)(*c == '.' ? '_' : toupper((unsigned char)*c));
    }
}
