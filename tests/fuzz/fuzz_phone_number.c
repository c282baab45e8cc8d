/* SPDX-License-Identifier: Apache-2.0 */
/* The number parser: any bytes as a phone number. It has a region and a type, the same each time; a
 * number that validation lets pass gets a category and a price for every direction and service. */
#include "tests/fuzz/fuzz.h"

#include "core/category.h"
#include "core/numbering.h"
#include "core/validate.h"

#include <string.h>

static bool is_region(const char *region)
{
    bool country = region[0] >= 'A' && region[0] <= 'Z' && region[1] >= 'A' && region[1] <= 'Z' &&
                   region[2] == '\0';
    return country || strcmp(region, TS_REGION_WORLD) == 0;
}

static bool is_e164(struct ts_bytes number)
{
    bool digits = number.size > 1 && number.data[0] == '+';
    for (size_t i = 1; i < number.size; i++) {
        digits = digits && number.data[i] >= '0' && number.data[i] <= '9';
    }
    return digits;
}

static void look_up(struct ts_bytes number)
{
    struct ts_number_info info = ts_numbering_lookup(fuzz_numbering(), number);
    struct ts_number_info again = ts_numbering_lookup(fuzz_numbering(), number);
    TS_ASSERT(is_region(info.region) && info.type < TS_NUMBER_TYPE_COUNT);
    TS_ASSERT(strcmp(info.region, again.region) == 0 && info.type == again.type);
    if (!is_e164(number)) {
        TS_ASSERT(strcmp(info.region, TS_REGION_UNKNOWN) == 0);
        TS_ASSERT(info.type == TS_NUMBER_TYPE_UNKNOWN);
    }
}

static struct ts_cdr call_to(struct ts_bytes number, unsigned form)
{
    bool fax = (form & 1) != 0;
    return (struct ts_cdr){
        .cdr_id = TS_LITERAL("1"),
        .source = TS_LITERAL("fuzz"),
        .account_id = TS_LITERAL("a"),
        .from_number = (form & 8) != 0 ? number : TS_LITERAL("+12125550100"),
        .to_number = (form & 8) != 0 ? TS_LITERAL("+18005550100") : number,
        .service = fax ? TS_SERVICE_FAX : TS_SERVICE_VOICE,
        .direction = (enum ts_direction)((form >> 1) % TS_DIRECTION_COUNT),
        .has_answer = true,
        .start_ms = 1767312000000,
        .answer_ms = 1767312000000,
        .end_ms = 1767312061000,
        .duration_ms = 61000,
        .pages = fax ? 3 : 0,
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { FORMS = 16 };
    struct ts_bytes number = fuzz_bytes(data, size);
    look_up(number);
    for (unsigned form = 0; form < FORMS; form++) {
        struct ts_cdr cdr = call_to(number, form);
        fuzz_validate_and_rate(&cdr);
    }
    return 0;
}
