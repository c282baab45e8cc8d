/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "base/utf8.h"
#include "core/attributes.h"
#include "core/numbering.h"
#include "core/numbering_data.h"

#include <string.h>

uint8_t fuzz_take(struct fuzz_input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

int64_t fuzz_take_i64(struct fuzz_input *input)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | fuzz_take(input);
    }
    return (int64_t)value;
}

void fuzz_expect_text(const char *text)
{
    TS_ASSERT(text[0] != '\0');
    TS_ASSERT(ts_utf8_is_text(ts_bytes_of(text)));
}

void fuzz_expect_error(const struct ts_error *err, enum ts_error_class class)
{
    TS_ASSERT(err->class == class);
    TS_ASSERT(memchr(err->text, '\0', sizeof err->text) != NULL);
    fuzz_expect_text(err->text);
}

static void expect_same(struct ts_bytes a, struct ts_bytes b)
{
    TS_ASSERT((a.data == NULL) == (b.data == NULL));
    TS_ASSERT(ts_bytes_equal(a, b));
}

static void expect_same_attributes(const struct ts_cdr_attributes *a,
                                   const struct ts_cdr_attributes *b)
{
    struct ts_attributes_walk walk_a;
    struct ts_attributes_walk walk_b;
    struct ts_bytes name[2];
    struct ts_bytes value[2];
    TS_ASSERT(a->count == b->count);
    ts_attributes_walk_init(&walk_a, a);
    ts_attributes_walk_init(&walk_b, b);
    for (uint32_t i = 0; i < a->count; i++) {
        TS_ASSERT(ts_attributes_next(&walk_a, &name[0], &value[0]));
        TS_ASSERT(ts_attributes_next(&walk_b, &name[1], &value[1]));
        expect_same(name[0], name[1]);
        expect_same(value[0], value[1]);
    }
    TS_ASSERT(!ts_attributes_next(&walk_a, &name[0], &value[0]));
    TS_ASSERT(!ts_attributes_next(&walk_b, &name[1], &value[1]));
}

void fuzz_expect_same_cdr(const struct ts_cdr *a, const struct ts_cdr *b)
{
    expect_same(a->cdr_id, b->cdr_id);
    expect_same(a->source, b->source);
    expect_same(a->call_id, b->call_id);
    expect_same(a->account_id, b->account_id);
    expect_same(a->user_id, b->user_id);
    expect_same(a->user_name, b->user_name);
    expect_same(a->department, b->department);
    expect_same(a->from_number, b->from_number);
    expect_same(a->to_number, b->to_number);
    expect_same(a->origin_country, b->origin_country);
    expect_same_attributes(&a->attributes, &b->attributes);
    TS_ASSERT(a->start_ms == b->start_ms && a->end_ms == b->end_ms);
    TS_ASSERT(a->has_answer == b->has_answer && a->answer_ms == b->answer_ms);
    TS_ASSERT(a->duration_ms == b->duration_ms && a->leg == b->leg && a->pages == b->pages);
    TS_ASSERT(a->has_hangup_cause == b->has_hangup_cause && a->hangup_cause == b->hangup_cause);
    TS_ASSERT(a->license == b->license && a->service == b->service);
    TS_ASSERT(a->direction == b->direction && a->disposition == b->disposition);
    TS_ASSERT(ts_cdr_same_identity(a, b));
    TS_ASSERT(ts_cdr_identity_hash(a, 0) == ts_cdr_identity_hash(b, 0));
    TS_ASSERT(ts_cdr_fingerprint(a) == ts_cdr_fingerprint(b));
}

const struct ts_numbering *fuzz_numbering(void)
{
    static struct ts_numbering *numbering;
    if (numbering == NULL) {
        struct ts_error err;
        numbering = ts_numbering_create(ts_numbering_plan_embedded(), &err);
        TS_ASSERT(numbering != NULL);
    }
    return numbering;
}
