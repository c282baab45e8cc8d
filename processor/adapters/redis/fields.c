/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/fields.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>

/* Stored in every bucket: a letter, once given, stays. */
static const char input_letters[] = {
    [TS_INPUT_CDRS] = 'c', [TS_INPUT_CREDITS] = 'k', [TS_INPUT_ADJUSTMENTS] = 'j'};
_Static_assert(sizeof input_letters == TS_INPUT_COUNT, "each input has a letter of its own");

static struct ts_redis_name name_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct ts_redis_name name_of(const char *format, ...)
{
    struct ts_redis_name name;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(name.text, sizeof name.text, format, args);
    va_end(args);
    TS_ASSERT(size > 0 && (size_t)size < sizeof name.text);
    name.size = (size_t)size;
    return name;
}

struct ts_redis_name ts_redis_bucket_key(uint32_t bucket)
{
    return name_of("{b%u}", bucket);
}

struct ts_redis_name ts_redis_lane_tag(struct ts_lane lane)
{
    return name_of("%c%d", input_letters[lane.input], lane.partition);
}

struct ts_redis_name ts_redis_lane_field(char letter, struct ts_lane lane)
{
    return name_of("%c:%c%d", letter, input_letters[lane.input], lane.partition);
}

struct ts_redis_name ts_redis_undo_field(struct ts_lane lane, uint32_t slot)
{
    return name_of("u:%c%d:%u", input_letters[lane.input], lane.partition, slot);
}

static bool parse_input(char letter, enum ts_input *input)
{
    for (int i = 0; i < TS_INPUT_COUNT; i++) {
        if (input_letters[i] == letter) {
            *input = (enum ts_input)i;
            return true;
        }
    }
    return false;
}

bool ts_redis_lane_parse(struct ts_bytes text, struct ts_lane *lane)
{
    struct ts_lane parsed = {.partition = 0};
    if (text.size < 2 || !parse_input(text.data[0], &parsed.input)) {
        return false;
    }
    size_t at = 1;
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        if (__builtin_mul_overflow(parsed.partition, 10, &parsed.partition) ||
            __builtin_add_overflow(parsed.partition, text.data[at] - '0', &parsed.partition)) {
            return false;
        }
    }
    if (at == 1 || (at < text.size && text.data[at] != ':')) {
        return false;
    }
    *lane = parsed;
    return true;
}
