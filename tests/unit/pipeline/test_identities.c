/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "pipeline/identities.h"

#include <stdlib.h>

enum { UNSETTLED_MAX = 200 };

/* Against a plain list, with hashes that collide in the table: removal must not hide what was
 * pushed aside by what is removed. */
static void test_unsettled(void **state)
{
    (void)state;
    struct ts_error err;
    struct ts_identities *identities = ts_identities_create(UNSETTLED_MAX, 100, &err);
    struct ts_record records[UNSETTLED_MAX];
    bool there[UNSETTLED_MAX] = {false};
    uint32_t random = 12345;
    for (size_t i = 0; i < UNSETTLED_MAX; i++) {
        /* Few low bits, so few homes; the wrap at the table's end too. */
        records[i] = (struct ts_record){.identity_hash = (uint64_t)i << 32 | (0x1fdu + i % 5)};
    }
    for (int step = 0; step < 20000; step++) {
        random = random * 1103515245 + 12345;
        size_t i = random >> 16 & 0x7fff;
        i %= UNSETTLED_MAX;
        if (there[i]) {
            ts_identities_remove(identities, &records[i]);
        } else {
            ts_identities_add(identities, &records[i]);
        }
        there[i] = !there[i];
        size_t other = (i * 7 + (size_t)step) % UNSETTLED_MAX;
        const struct ts_record *found =
            ts_identities_unsettled(identities, records[other].identity_hash);
        assert_ptr_equal(found, there[other] ? &records[other] : NULL);
    }
    ts_identities_destroy(identities);
}

static uint64_t spread(uint64_t i)
{
    i = (i ^ (i >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ (i >> 27)) * UINT64_C(0x94d049bb133111eb);
    return i ^ (i >> 31);
}

/* "No" is never said of the last `recent` settled, and seldom "perhaps" of others. */
static void test_filter(void **state)
{
    (void)state;
    struct ts_error err;
    enum { RECENT = 1000 };
    struct ts_identities *identities = ts_identities_create(1, RECENT, &err);
    size_t wrong = 0;
    size_t asked = 0;
    for (uint64_t i = 1; i <= 10 * RECENT; i++) {
        ts_identities_settled(identities, spread(i));
        for (uint64_t back = 0; back < RECENT && back < i && i % 97 == 0; back += 13) {
            assert_true(ts_identities_perhaps_settled(identities, spread(i - back)));
        }
        wrong += ts_identities_perhaps_settled(identities, spread(i + 1000000));
        asked++;
    }
    assert_in_range(wrong, 0, asked / 50);
    ts_identities_destroy(identities);
}

/* What was settled long ago is forgotten, or the filter would say "perhaps" of everything. */
static void test_forgets(void **state)
{
    (void)state;
    struct ts_error err;
    enum { RECENT = 1000 };
    struct ts_identities *identities = ts_identities_create(1, RECENT, &err);
    for (uint64_t i = 1; i <= 5 * RECENT; i++) {
        ts_identities_settled(identities, spread(i));
    }
    size_t known = 0;
    for (uint64_t i = 1; i <= RECENT; i++) {
        known += ts_identities_perhaps_settled(identities, spread(i));
    }
    assert_in_range(known, 0, RECENT / 20);
    ts_identities_destroy(identities);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsettled),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
