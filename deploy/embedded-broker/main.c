/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for Kafka where Maven Central cannot be reached: hosts librdkafka's mock cluster.
 *
 * It speaks the real protocol for producing, consuming, consumer groups and idempotent producers.
 * It is not Kafka: everything is in memory and gone with the process, each partition keeps only
 * its last 5 MiB, topics appear by themselves on first use with 4 partitions, and the admin
 * requests (creating topics, for one) are not served: name the topics on the command line. With
 * librdkafka 2.0 a group's first assignment takes 3 s, so session time-outs must be longer, and
 * each later one, also after a member left, takes about the session time-out.
 *
 * The mock cluster cannot be told a port, so the address it got is printed and written to a file,
 * whole or not at all, once the cluster serves. SIGTERM or SIGINT ends it.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKERS_MAX = 9, TOPICS_MAX = 64, TOPIC_NAME_MAX = 249, PARTITIONS_MAX = 512 };

struct topic {
    char name[TOPIC_NAME_MAX + 1];
    int partitions;
};

struct options {
    int brokers;
    const char *bootstrap_file; /* NULL: standard output only */
    struct topic topics[TOPICS_MAX];
    int topic_count;
};

static bool parse_count(const char *text, int max, int *count)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > max)
        return false;
    *count = (int)value;
    return true;
}

/* NAME:PARTITIONS */
static bool parse_topic(const char *text, struct topic *topic)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon - text > TOPIC_NAME_MAX)
        return false;
    size_t length = (size_t)(colon - text);
    memcpy(topic->name, text, length);
    topic->name[length] = '\0';
    return parse_count(colon + 1, PARTITIONS_MAX, &topic->partitions);
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        bool ok = false;
        if (strcmp(argv[i], "--brokers") == 0) {
            ok = parse_count(value, BROKERS_MAX, &options->brokers);
        } else if (strcmp(argv[i], "--bootstrap-file") == 0) {
            options->bootstrap_file = value;
            ok = true;
        } else if (strcmp(argv[i], "--topic") == 0 && options->topic_count < TOPICS_MAX) {
            ok = parse_topic(value, &options->topics[options->topic_count++]);
        }
        if (!ok) {
            fprintf(stderr, "tollstream-embedded-broker: wrong option: %s %s\n", argv[i], value);
            return false;
        }
    }
    return argc % 2 == 1;
}

static bool create_topics(rd_kafka_mock_cluster_t *cluster, const struct options *options)
{
    int replicas = options->brokers < 3 ? options->brokers : 3;
    for (int i = 0; i < options->topic_count; i++) {
        const struct topic *topic = &options->topics[i];
        rd_kafka_resp_err_t error =
            rd_kafka_mock_topic_create(cluster, topic->name, topic->partitions, replicas);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fprintf(stderr,
                    "tollstream-embedded-broker: creating topic %s: %s\n",
                    topic->name,
                    rd_kafka_err2str(error));
            return false;
        }
    }
    return true;
}

/* Renamed into place, so that a reader never sees half an address. */
static bool write_address(const char *path, const char *address)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        fprintf(stderr, "tollstream-embedded-broker: path too long: %s\n", path);
        return false;
    }
    FILE *file = fopen(temporary, "w");
    bool ok = file != NULL && fprintf(file, "%s\n", address) > 0;
    if (file != NULL)
        ok = fclose(file) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok)
        perror(path);
    return ok;
}

static bool serve(const struct options *options, rd_kafka_t *host, const sigset_t *ends)
{
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, options->brokers);
    if (cluster == NULL) {
        fputs("tollstream-embedded-broker: no mock cluster (no free port or memory?)\n", stderr);
        return false;
    }
    const char *address = rd_kafka_mock_cluster_bootstraps(cluster);
    bool ok = create_topics(cluster, options);
    if (ok && options->bootstrap_file != NULL)
        ok = write_address(options->bootstrap_file, address);
    if (ok) {
        printf("%s\n", address);
        fflush(stdout);
        int signal_number;
        sigwait(ends, &signal_number);
    }
    rd_kafka_mock_cluster_destroy(cluster);
    return ok;
}

int main(int argc, char **argv)
{
    static struct options options = {.brokers = 1};
    if (!parse_options(argc, argv, &options)) {
        fputs("usage: tollstream-embedded-broker [--brokers N] [--topic NAME:PARTITIONS]...\n"
              "                                  [--bootstrap-file FILE]\n",
              stderr);
        return 2;
    }
    /* Before librdkafka starts threads: they inherit the mask, so the signal waits for sigwait. */
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);

    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", text, sizeof text);
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (host == NULL) {
        rd_kafka_conf_destroy(conf);
        fprintf(stderr, "tollstream-embedded-broker: %s\n", text);
        return 1;
    }
    bool ok = serve(&options, host, &ends);
    rd_kafka_destroy(host);
    return ok ? 0 : 1;
}
