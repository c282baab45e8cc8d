/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/undo.h"

#include <stddef.h>

void ts_undo_append(struct ts_buffer *text, const struct ts_undo_item *item)
{
    bool counts = item->counter.data != NULL;
    struct ts_bytes name = counts ? item->counter : item->account_id;
    ts_buffer_append_i64(text, item->offset);
    ts_buffer_append_char(text, ' ');
    ts_buffer_append_i64(text, counts ? item->units : item->delta_micros);
    ts_buffer_append_char(text, ' ');
    if (counts) {
        ts_buffer_append_char(text, 'n');
    }
    ts_buffer_append_i64(text, (int64_t)name.size);
    ts_buffer_append_char(text, ' ');
    ts_buffer_append_bytes(text, name);
    ts_buffer_append_char(text, '\n');
}

static bool take_number(struct ts_bytes *rest, int64_t *value)
{
    size_t at = 0;
    bool negative = rest->size > 0 && rest->data[0] == '-';
    at += negative;
    size_t digits = at;
    int64_t sum = 0;
    for (; at < rest->size && rest->data[at] >= '0' && rest->data[at] <= '9'; at++) {
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, rest->data[at] - '0', &sum)) {
            return false;
        }
    }
    if (at == digits || at == rest->size || rest->data[at] != ' ') {
        return false;
    }
    *value = negative ? -sum : sum;
    *rest = (struct ts_bytes){rest->data + at + 1, rest->size - at - 1};
    return true;
}

static bool take_letter(struct ts_bytes *rest, char letter)
{
    if (rest->size == 0 || rest->data[0] != letter) {
        return false;
    }
    *rest = (struct ts_bytes){rest->data + 1, rest->size - 1};
    return true;
}

bool ts_undo_next(struct ts_bytes *rest, struct ts_undo_item *item)
{
    struct ts_bytes left = *rest;
    struct ts_undo_item taken = {0};
    int64_t delta = 0;
    int64_t size = 0;
    if (!take_number(&left, &taken.offset) || !take_number(&left, &delta)) {
        return false;
    }
    bool counts = take_letter(&left, 'n');
    if (!take_number(&left, &size) || size < 0 || (uint64_t)size >= left.size ||
        left.data[size] != '\n') {
        return false;
    }
    struct ts_bytes name = {left.data, (size_t)size};
    if (counts) {
        taken.counter = name;
        taken.units = delta;
    } else {
        taken.account_id = name;
        taken.delta_micros = delta;
    }
    *item = taken;
    *rest = (struct ts_bytes){left.data + size + 1, left.size - (size_t)size - 1};
    return true;
}
