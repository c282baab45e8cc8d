/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/counter.h"

#include <stddef.h>

void ts_counter_append(struct ts_buffer *text, const struct ts_counter *counter)
{
    ts_buffer_append_i64(text, counter->month);
    ts_buffer_append_char(text, ':');
    ts_buffer_append_i64(text, (int64_t)counter->account_id.size);
    ts_buffer_append_char(text, ':');
    ts_buffer_append_bytes(text, counter->account_id);
    ts_buffer_append_bytes(text, counter->allowance);
}

static bool take_number(struct ts_bytes *rest, int32_t *value)
{
    size_t at = 0;
    int32_t sum = 0;
    for (; at < rest->size && rest->data[at] >= '0' && rest->data[at] <= '9'; at++) {
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, rest->data[at] - '0', &sum)) {
            return false;
        }
    }
    if (at == 0 || at == rest->size || rest->data[at] != ':') {
        return false;
    }
    *value = sum;
    *rest = (struct ts_bytes){rest->data + at + 1, rest->size - at - 1};
    return true;
}

bool ts_counter_parse(struct ts_bytes text, struct ts_counter *counter)
{
    int32_t month = 0;
    int32_t size = 0;
    if (!take_number(&text, &month) || !take_number(&text, &size) || (size_t)size > text.size) {
        return false;
    }
    *counter = (struct ts_counter){
        .month = month,
        .account_id = {text.data, (size_t)size},
        .allowance = {text.data + size, text.size - (size_t)size},
    };
    return true;
}
