/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and runs of bytes that we make ourselves and get back from Redis, Kafka or a switch: undo
 * texts, names of counters, message headers, attributes, heads of events. Whatever can be taken off
 * them can be put together again and is the same; anything else is refused where it stands. */
#include "tests/fuzz/fuzz.h"

#include "adapters/avro/event_head.h"
#include "base/buffer.h"
#include "core/attributes.h"
#include "ports/counter.h"
#include "ports/headers.h"
#include "ports/undo.h"

static void expect_within(struct ts_bytes view, struct ts_bytes whole)
{
    TS_ASSERT(view.data == NULL || (view.data >= whole.data && view.size <= whole.size &&
                                    view.data + view.size <= whole.data + whole.size));
}

static void expect_same_item(const struct ts_undo_item *a, const struct ts_undo_item *b)
{
    TS_ASSERT(a->offset == b->offset);
    TS_ASSERT((a->counter.data == NULL) == (b->counter.data == NULL));
    if (a->counter.data != NULL) {
        TS_ASSERT(ts_bytes_equal(a->counter, b->counter) && a->units == b->units);
    } else {
        TS_ASSERT(ts_bytes_equal(a->account_id, b->account_id));
        TS_ASSERT(a->delta_micros == b->delta_micros);
    }
}

static void check_undo(struct ts_bytes text)
{
    struct ts_buffer copy;
    struct ts_bytes rest = text;
    struct ts_undo_item item;
    struct ts_undo_item again;
    ts_buffer_init(&copy, SIZE_MAX / 2);
    while (ts_undo_next(&rest, &item)) {
        expect_within(item.account_id, text);
        expect_within(item.counter, text);
        ts_undo_append(&copy, &item);
    }
    TS_ASSERT(!copy.failed);
    struct ts_bytes refused = rest;
    TS_ASSERT(!ts_undo_next(&rest, &item));
    TS_ASSERT(rest.data == refused.data && rest.size == refused.size);
    struct ts_bytes read = {text.data, text.size - rest.size};
    struct ts_bytes written = ts_buffer_bytes(&copy);
    while (ts_undo_next(&read, &item)) {
        TS_ASSERT(ts_undo_next(&written, &again));
        expect_same_item(&item, &again);
    }
    TS_ASSERT(read.size == 0 && written.size == 0);
    ts_buffer_finish(&copy);
}

/* There is one way to write headers: it comes back byte by byte. */
static void check_headers(struct ts_bytes encoded)
{
    struct ts_buffer copy;
    struct ts_bytes rest = encoded;
    struct ts_bytes name;
    struct ts_bytes value;
    size_t taken = 0;
    ts_buffer_init(&copy, SIZE_MAX / 2);
    while (ts_headers_next(&rest, &name, &value)) {
        expect_within(name, encoded);
        expect_within(value, encoded);
        ts_headers_append(&copy, name, value);
        taken = encoded.size - rest.size;
    }
    TS_ASSERT(!copy.failed);
    TS_ASSERT(ts_bytes_equal(ts_buffer_bytes(&copy), (struct ts_bytes){encoded.data, taken}));
    ts_buffer_finish(&copy);
}

static void check_counter(struct ts_bytes text)
{
    struct ts_counter counter;
    struct ts_counter again;
    struct ts_buffer copy;
    if (!ts_counter_parse(text, &counter)) {
        return;
    }
    expect_within(counter.account_id, text);
    expect_within(counter.allowance, text);
    ts_buffer_init(&copy, SIZE_MAX / 2);
    ts_counter_append(&copy, &counter);
    TS_ASSERT(!copy.failed && ts_counter_parse(ts_buffer_bytes(&copy), &again));
    TS_ASSERT(counter.month == again.month);
    TS_ASSERT(ts_bytes_equal(counter.account_id, again.account_id));
    TS_ASSERT(ts_bytes_equal(counter.allowance, again.allowance));
    ts_buffer_finish(&copy);
}

static void check_event_head(struct ts_bytes message)
{
    struct ts_avro_event_head head;
    if (ts_avro_event_head_read(message, &head)) {
        expect_within(head.event_id, message);
        expect_within(head.account_id, message);
    }
}

static void check_attributes(struct ts_bytes encoded)
{
    struct ts_cdr_attributes given = {.encoded = encoded};
    struct ts_cdr_attributes written;
    struct ts_attributes_walk walk;
    struct ts_attributes_walk again;
    struct ts_bytes name[2];
    struct ts_bytes value[2];
    struct ts_buffer copy;
    ts_buffer_init(&copy, SIZE_MAX / 2);
    ts_attributes_walk_init(&walk, &given);
    while (ts_attributes_next(&walk, &name[0], &value[0])) {
        expect_within(name[0], encoded);
        expect_within(value[0], encoded);
        ts_attributes_append(&copy, name[0], value[0]);
    }
    ts_attributes_end(&copy);
    TS_ASSERT(!copy.failed);
    written = (struct ts_cdr_attributes){.encoded = ts_buffer_bytes(&copy)};
    ts_attributes_walk_init(&walk, &given);
    ts_attributes_walk_init(&again, &written);
    while (ts_attributes_next(&walk, &name[0], &value[0])) {
        TS_ASSERT(ts_attributes_next(&again, &name[1], &value[1]));
        TS_ASSERT(ts_bytes_equal(name[0], name[1]) && ts_bytes_equal(value[0], value[1]));
    }
    TS_ASSERT(!ts_attributes_next(&again, &name[1], &value[1]));
    ts_buffer_finish(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ts_bytes bytes = fuzz_bytes(data, size);
    check_undo(bytes);
    check_counter(bytes);
    check_headers(bytes);
    check_event_head(bytes);
    check_attributes(bytes);
    return 0;
}
