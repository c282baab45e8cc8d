/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "core/attributes.h"
#include "core/cdr.h"

static struct ts_cdr international(void)
{
    return (struct ts_cdr){
        .cdr_id = TS_LITERAL("call-42"),
        .source = TS_LITERAL("switch-1"),
        .account_id = TS_LITERAL("office-1"),
        .license = TS_LICENSE_CONTACT_CENTER,
        .service = TS_SERVICE_VOICE,
        .direction = TS_DIRECTION_OUTBOUND,
        .from_number = TS_LITERAL("+14155550100"),
        .to_number = TS_LITERAL("+442071234567"),
        .origin_country = TS_LITERAL("GB"),
        .start_ms = INT64_C(1767225600000),
        .has_answer = true,
        .answer_ms = INT64_C(1767225605000),
        .end_ms = INT64_C(1767225666000),
        .duration_ms = 61000,
        .disposition = TS_DISPOSITION_ANSWERED,
    };
}

/* The values were computed by another implementation (Python's struct and xxhash) from the layout
 * in core/cdr.c. They are in databases: a change here is never right. */
static void test_hashes_never_change(void **state)
{
    (void)state;
    struct ts_cdr cdr = international();
    assert_true(ts_cdr_identity_hash(&cdr, 0) == UINT64_C(0xd114b4cc39a755de));
    assert_true(ts_cdr_fingerprint(&cdr) == UINT64_C(0x4baa9360febf1a6b));
    cdr.leg = 1;
    assert_true(ts_cdr_identity_hash(&cdr, 7) == UINT64_C(0xaabd3aa833d3efd));

    struct ts_cdr fax = {
        .account_id = TS_LITERAL("office-1"),
        .license = TS_LICENSE_TALK,
        .service = TS_SERVICE_FAX,
        .direction = TS_DIRECTION_INBOUND,
        .disposition = TS_DISPOSITION_NO_ANSWER,
        .answer_ms = 77, /* means nothing without has_answer */
        .end_ms = INT64_C(1767225666000),
        .from_number = TS_LITERAL(""),
        .to_number = TS_LITERAL("+18005550100"),
    };
    assert_true(ts_cdr_fingerprint(&fax) == UINT64_C(0x1b94f198e67535b2));

    char long_source[65];
    memset(long_source, 's', sizeof long_source);
    struct ts_cdr oversized = {
        .source = {long_source, sizeof long_source},
        .cdr_id = TS_LITERAL("x"),
        .leg = -1,
        .start_ms = -1,
    };
    assert_true(ts_cdr_identity_hash(&oversized, 0) == UINT64_C(0x23c99bf2b0cf5ee8));
}

static void test_identity_is_its_four_fields(void **state)
{
    (void)state;
    struct ts_cdr a = international();
    struct ts_cdr b = international();
    b.duration_ms++;
    b.account_id = TS_LITERAL("office-2");
    assert_true(ts_cdr_same_identity(&a, &b));
    assert_true(ts_cdr_identity_hash(&a, 0) == ts_cdr_identity_hash(&b, 0));
    assert_true(ts_cdr_identity_hash(&a, 0) != ts_cdr_identity_hash(&a, 1));

    struct ts_cdr other[4];
    for (int i = 0; i < 4; i++) {
        other[i] = international();
    }
    other[0].source = TS_LITERAL("switch-2");
    other[1].cdr_id = TS_LITERAL("call-43");
    other[2].leg = 1;
    other[3].start_ms++;
    for (int i = 0; i < 4; i++) {
        assert_false(ts_cdr_same_identity(&a, &other[i]));
        assert_true(ts_cdr_identity_hash(&a, 0) != ts_cdr_identity_hash(&other[i], 0));
    }

    /* What separates two strings belongs to the hash. */
    struct ts_cdr left = {.source = TS_LITERAL("ab"), .cdr_id = TS_LITERAL("c")};
    struct ts_cdr right = {.source = TS_LITERAL("a"), .cdr_id = TS_LITERAL("bc")};
    assert_true(ts_cdr_identity_hash(&left, 0) != ts_cdr_identity_hash(&right, 0));
}

static void test_fingerprint_depends_on_each_field(void **state)
{
    (void)state;
    struct ts_cdr variants[14];
    for (int i = 0; i < 14; i++) {
        variants[i] = international();
    }
    variants[1].account_id = TS_LITERAL("office-2");
    variants[2].license = TS_LICENSE_SELL;
    variants[3].service = TS_SERVICE_FAX;
    variants[4].direction = TS_DIRECTION_INTERNAL;
    variants[5].from_number = TS_LITERAL("+14155550101");
    variants[6].to_number = TS_LITERAL("+442071234568");
    variants[7].origin_country = TS_LITERAL("");
    variants[8].origin_country = (struct ts_bytes){NULL, 0};
    variants[9].answer_ms++;
    variants[10].end_ms++;
    variants[11].duration_ms++;
    variants[12].pages++;
    variants[13].disposition = TS_DISPOSITION_FAILED;
    for (int i = 0; i < 14; i++) {
        for (int j = 0; j < i; j++) {
            assert_true(ts_cdr_fingerprint(&variants[i]) != ts_cdr_fingerprint(&variants[j]));
        }
    }
    struct ts_cdr renamed = international();
    renamed.user_name = TS_LITERAL("Ann");
    renamed.hangup_cause = 16;
    renamed.has_hangup_cause = true;
    assert_true(ts_cdr_fingerprint(&renamed) == ts_cdr_fingerprint(&variants[0]));
}

static void test_attributes(void **state)
{
    (void)state;
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, 1000);
    ts_attributes_append(&buffer, TS_LITERAL("trunk"), TS_LITERAL("t-1"));
    ts_attributes_append(&buffer, TS_LITERAL("campaign"), TS_LITERAL(""));
    ts_attributes_end(&buffer);

    struct ts_cdr_attributes attributes = {ts_buffer_bytes(&buffer), 2};
    struct ts_attributes_walk walk;
    struct ts_bytes name;
    struct ts_bytes value;
    ts_attributes_walk_init(&walk, &attributes);
    assert_true(ts_attributes_next(&walk, &name, &value));
    assert_true(ts_bytes_equal_text(name, "trunk") && ts_bytes_equal_text(value, "t-1"));
    assert_true(ts_attributes_next(&walk, &name, &value));
    assert_true(ts_bytes_equal_text(name, "campaign") && ts_bytes_equal_text(value, ""));
    assert_false(ts_attributes_next(&walk, &name, &value));
    assert_false(ts_attributes_next(&walk, &name, &value));

    /* A block of two with its size in bytes (a negative count), as other writers make them. */
    struct ts_cdr_attributes sized = {TS_LITERAL("\x03\x10\x02"
                                                 "a\x02"
                                                 "b\x02"
                                                 "c\x02"
                                                 "d\x00"),
                                      2};
    ts_attributes_walk_init(&walk, &sized);
    assert_true(ts_attributes_next(&walk, &name, &value));
    assert_true(ts_bytes_equal_text(name, "a") && ts_bytes_equal_text(value, "b"));
    assert_true(ts_attributes_next(&walk, &name, &value));
    assert_true(ts_bytes_equal_text(name, "c") && ts_bytes_equal_text(value, "d"));
    assert_false(ts_attributes_next(&walk, &name, &value));

    /* Cut anywhere, it ends without reading on. */
    for (size_t size = 0; size < sized.encoded.size; size++) {
        struct ts_cdr_attributes cut = {{sized.encoded.data, size}, 2};
        int entries = 0;
        ts_attributes_walk_init(&walk, &cut);
        while (ts_attributes_next(&walk, &name, &value)) {
            entries++;
        }
        assert_true(entries <= 2);
    }
    ts_attributes_walk_init(&walk, &(struct ts_cdr_attributes){.count = 0});
    assert_false(ts_attributes_next(&walk, &name, &value));
    ts_buffer_finish(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_never_change),
        cmocka_unit_test(test_identity_is_its_four_fields),
        cmocka_unit_test(test_fingerprint_depends_on_each_field),
        cmocka_unit_test(test_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
