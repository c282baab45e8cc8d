/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/torture.h"

#include "adapters/csv/deck_csv.h"
#include "core/deck.h"

/* libcsv's own buffer is not made to fail; everything around it is. */
static bool read_deck(void *context, struct ts_error *err)
{
    struct ts_deck *deck = ts_csv_read_deck(*(const struct ts_bytes *)context, NULL, NULL, err);
    assert_true(deck == NULL || ts_deck_row_count(deck) == 2);
    ts_deck_destroy(deck);
    return deck != NULL;
}

static void test_deck(void **state)
{
    (void)state;
    static const char csv[] =
        "prefix,rate,description,days\r\n44,0.01,\"Great, Britain\",\r\n*,1,,mon-sun\r\n";
    struct ts_bytes text = TS_LITERAL(csv);
    assert_in_range(torture(read_deck, &text, TS_ERROR_FATAL), 10, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
