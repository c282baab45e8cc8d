/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of rate plans, as lines of key=value. What is set can be shown, and what is shown can be
 * set and is shown the same; what is refused changes nothing and is told in text. */
#include "tests/fuzz/fuzz.h"

#include "base/buffer.h"
#include "core/rate_plan.h"

#include <string.h>

static void show(const struct ts_rate_plan *plan, struct ts_buffer *out)
{
    for (size_t i = 0; i < ts_rate_plan_key_count(); i++) {
        ts_rate_plan_get(plan, i, out);
        ts_buffer_append_char(out, '\n');
    }
    TS_ASSERT(!out->failed);
}

static void set_line(struct ts_rate_plan *plan, struct ts_bytes line)
{
    const char *equals = line.size == 0 ? NULL : memchr(line.data, '=', line.size);
    size_t size = equals == NULL ? line.size : (size_t)(equals - line.data);
    struct ts_bytes key = {line.data, size};
    struct ts_bytes value = {line.data + size, 0};
    struct ts_rate_plan before = *plan;
    struct ts_error err = {0};
    if (equals != NULL) {
        value = (struct ts_bytes){equals + 1, line.size - size - 1};
    }
    if (!ts_rate_plan_set(plan, key, value, &err)) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        TS_ASSERT(memcmp(&before, plan, sizeof before) == 0);
    } else {
        TS_ASSERT(err.class == TS_ERROR_NONE);
    }
}

static void check_shown(const struct ts_rate_plan *plan)
{
    struct ts_rate_plan copy;
    struct ts_buffer text;
    struct ts_buffer again;
    struct ts_error err;
    ts_rate_plan_init(&copy, plan->name);
    ts_buffer_init(&text, SIZE_MAX / 2);
    ts_buffer_init(&again, SIZE_MAX / 2);
    show(plan, &text);
    struct ts_bytes rest = ts_buffer_bytes(&text);
    for (size_t i = 0; i < ts_rate_plan_key_count(); i++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        TS_ASSERT(end != NULL);
        struct ts_bytes value = {rest.data, (size_t)(end - rest.data)};
        TS_ASSERT(ts_rate_plan_set(&copy, ts_bytes_of(ts_rate_plan_key(i)), value, &err));
        rest = (struct ts_bytes){end + 1, rest.size - value.size - 1};
    }
    TS_ASSERT(rest.size == 0);
    show(&copy, &again);
    TS_ASSERT(ts_bytes_equal(ts_buffer_bytes(&text), ts_buffer_bytes(&again)));
    ts_buffer_finish(&text);
    ts_buffer_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ts_rate_plan plan;
    struct ts_bytes rest = fuzz_bytes(data, size);
    ts_rate_plan_init(&plan, "fuzz");
    while (rest.size > 0) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t line = end == NULL ? rest.size : (size_t)(end - rest.data);
        size_t taken = end == NULL ? line : line + 1;
        set_line(&plan, (struct ts_bytes){rest.data, line});
        rest = (struct ts_bytes){rest.data + taken, rest.size - taken};
    }
    TS_ASSERT(ts_rate_plan_is_emergency(&plan, TS_LITERAL("112")));
    check_shown(&plan);
    return 0;
}
