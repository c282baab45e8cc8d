/* SPDX-License-Identifier: Apache-2.0 */
/* The producer's side of the fake: messages arrive in order, or fail, or arrive and fail. */
#include "tests/fakes/fake_kafka.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static void arrive(struct fake_kafka *kafka, const struct fake_told *message)
{
    if (kafka->told_count == kafka->told_capacity) {
        kafka->told_capacity = kafka->told_capacity == 0 ? 1024 : 2 * kafka->told_capacity;
        kafka->told = realloc(kafka->told, kafka->told_capacity * sizeof *kafka->told);
        TS_ASSERT(kafka->told != NULL);
    }
    kafka->told[kafka->told_count++] = *message;
    if (message->output == TS_OUTPUT_EVENTS) {
        struct fake_told_event event;
        memcpy(&event, message->payload.data, sizeof event);
        fake_trace(kafka->host,
                   "topic: event %lld of %s, \"%s\"",
                   (long long)event.sequence,
                   event.account_id,
                   ts_event_type_name((enum ts_event_type)event.type));
    }
}

static void take_head(struct fake_producer *producer)
{
    producer->count--;
    memmove(producer->queue, producer->queue + 1, producer->count * sizeof *producer->queue);
    memmove(producer->tickets, producer->tickets + 1, producer->count * sizeof *producer->tickets);
}

static void acknowledge(struct fake_producer *producer, uint64_t ticket, bool delivered)
{
    TS_ASSERT(producer->ack_count < sizeof producer->acks / sizeof *producer->acks);
    struct ts_delivery *ack = &producer->acks[producer->ack_count++];
    *ack = (struct ts_delivery){.ticket = ticket, .delivered = delivered};
    if (!delivered) {
        fake_away(&ack->error, "a message was not delivered");
    }
}

void fake_producer_tick(struct fake_member *member)
{
    struct fake_kafka *kafka = member->kafka;
    struct fake_producer *producer = &member->producer;
    if (!member->there && fake_chance(kafka->host, 300)) {
        producer->count = 0; /* died with its process */
        return;
    }
    if (!producer->broken && fake_fault(kafka->host, 10)) {
        fake_trace(kafka->host, "topic: a message of process %d fails", member->number);
        producer->broken = true;
        if (fake_chance(kafka->host, 500)) {
            arrive(kafka, &producer->queue[0]); /* only its answer is lost */
        }
    }
    bool delivered = !producer->broken;
    if (producer->count == 0 || !fake_chance(kafka->host, 400)) {
        return;
    }
    if (delivered) {
        arrive(kafka, &producer->queue[0]);
    }
    if (member->there) {
        acknowledge(producer, producer->tickets[0], delivered);
    }
    take_head(producer);
}

static enum ts_send publisher_send(void *self,
                                   enum ts_output output,
                                   struct ts_bytes key,
                                   struct ts_bytes value,
                                   uint64_t ticket,
                                   struct ts_error *err)
{
    struct fake_member *member = self;
    struct fake_host *host = member->kafka->host;
    struct fake_producer *producer = &member->producer;
    fake_pause(host);
    if (producer->broken) {
        fake_away(err, "the producer is broken");
        return TS_SEND_FAILED;
    }
    if (producer->count >= member->kafka->queue_max ||
        producer->ack_count + producer->count >= FAKE_QUEUE) {
        return TS_SEND_FULL;
    }
    producer->tickets[producer->count] = ticket;
    producer->queue[producer->count++] =
        (struct fake_told){output, fake_copy(host, key), fake_copy(host, value)};
    return TS_SEND_OK;
}

static bool publisher_poll(void *self, struct ts_delivery *out)
{
    struct fake_member *member = self;
    struct fake_producer *producer = &member->producer;
    fake_pause(member->kafka->host);
    if (producer->ack_count == 0) {
        return false;
    }
    *out = producer->acks[0];
    producer->ack_count--;
    memmove(producer->acks, producer->acks + 1, producer->ack_count * sizeof *producer->acks);
    return true;
}

static bool publisher_reset(void *self, struct ts_error *err)
{
    struct fake_member *member = self;
    struct fake_kafka *kafka = member->kafka;
    struct fake_producer *producer = &member->producer;
    fake_pause(kafka->host);
    if (kafka->host->now_us < kafka->down_until_us || fake_fault(kafka->host, 20)) {
        return fake_away(err, "no broker to make a producer with");
    }
    while (!producer->broken && producer->count > 0 && fake_chance(kafka->host, 500)) {
        arrive(kafka, &producer->queue[0]); /* was on its way already */
        take_head(producer);
    }
    producer->count = 0;
    producer->ack_count = 0;
    producer->broken = false;
    return true;
}

struct ts_publisher fake_publisher_port(struct fake_member *member)
{
    static const struct ts_publisher_ops ops = {
        .send = publisher_send,
        .poll = publisher_poll,
        .reset = publisher_reset,
    };
    return (struct ts_publisher){&ops, member};
}
