/* SPDX-License-Identifier: Apache-2.0 */
/* Numbering plans as CSV. One that is refused says why in text; one that is accepted answers for
 * any number, the same each time, and only with regions that it names. */
#include "tests/fuzz/fuzz.h"

#include "core/numbering.h"

#include <string.h>

static void look_up(const struct ts_numbering *plan, struct ts_bytes csv, struct ts_bytes number)
{
    struct ts_number_info info = ts_numbering_lookup(plan, number);
    struct ts_number_info again = ts_numbering_lookup(plan, number);
    TS_ASSERT(info.type < TS_NUMBER_TYPE_COUNT && info.type == again.type);
    TS_ASSERT(strcmp(info.region, again.region) == 0);
    if (strcmp(info.region, TS_REGION_UNKNOWN) != 0) {
        TS_ASSERT(memmem(csv.data, csv.size, info.region, strlen(info.region)) != NULL);
    }
}

/* Each run of digits in the file as a number, and with every digit behind it. */
static void look_up_its_prefixes(const struct ts_numbering *plan, struct ts_bytes csv)
{
    enum { NUMBER_MAX = 40 };
    char number[NUMBER_MAX + 1] = "+";
    size_t size = 1;
    for (size_t i = 0; i < csv.size; i++) {
        bool digit = csv.data[i] >= '0' && csv.data[i] <= '9';
        if (digit && size < NUMBER_MAX) {
            number[size++] = csv.data[i];
            look_up(plan, csv, (struct ts_bytes){number, size});
            number[size] = (char)('0' + i % 10);
            look_up(plan, csv, (struct ts_bytes){number, size + 1});
        } else if (!digit) {
            size = 1;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ts_bytes csv = fuzz_bytes(data, size);
    struct ts_error err = {0};
    struct ts_numbering *plan = ts_numbering_create(csv, &err);
    if (plan == NULL) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        return 0;
    }
    look_up(plan, csv, csv);
    look_up_its_prefixes(plan, csv);
    ts_numbering_destroy(plan);
    return 0;
}
