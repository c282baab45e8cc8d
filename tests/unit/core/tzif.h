/* SPDX-License-Identifier: Apache-2.0 */
/* TZif files made up for tests: a table of changes and a rule. */
#ifndef TS_TESTS_UNIT_CORE_TZIF_H
#define TS_TESTS_UNIT_CORE_TZIF_H

#include "base/bytes.h"

#include <stdint.h>
#include <string.h>

struct tzif {
    char data[2048];
    size_t size;
};

static inline void tzif_put(struct tzif *file, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        file->data[file->size++] = (char)(value >> (8 * (i - 1)));
    }
}

static inline void tzif_header(struct tzif *file, uint32_t times, uint32_t types)
{
    memcpy(file->data + file->size, "TZif2", 5);
    memset(file->data + file->size + 5, 0, 15);
    file->size += 20;
    tzif_put(file, 0, 4);
    tzif_put(file, 0, 4);
    tzif_put(file, 0, 4);
    tzif_put(file, times, 4);
    tzif_put(file, types, 4);
    tzif_put(file, 1, 4); /* abbreviations: one NUL */
}

struct tzif_change {
    int64_t at_s;
    int32_t offset_s;
};

/* The first offset, changes and the footer's rule ("" for none). */
static inline struct tzif tzif_make(int32_t first_offset_s,
                                    const struct tzif_change *changes,
                                    uint32_t count,
                                    const char *rule)
{
    struct tzif file = {.size = 0};
    tzif_header(&file, 0, 1);
    tzif_put(&file, 0, 6 + 1); /* its type and its abbreviation */
    tzif_header(&file, count, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        tzif_put(&file, (uint64_t)changes[i].at_s, 8);
    }
    for (uint32_t i = 0; i < count; i++) {
        tzif_put(&file, i + 1, 1);
    }
    for (uint32_t i = 0; i <= count; i++) {
        tzif_put(&file, (uint32_t)(i == 0 ? first_offset_s : changes[i - 1].offset_s), 4);
        tzif_put(&file, 0, 2);
    }
    tzif_put(&file, 0, 1);
    file.data[file.size++] = '\n';
    memcpy(file.data + file.size, rule, strlen(rule));
    file.size += strlen(rule);
    file.data[file.size++] = '\n';
    return file;
}

static inline struct ts_bytes tzif_bytes(const struct tzif *file)
{
    return (struct ts_bytes){file->data, file->size};
}

#endif
