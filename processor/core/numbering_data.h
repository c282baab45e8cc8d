/* SPDX-License-Identifier: Apache-2.0 */
/* The numbering plan that this build carries: schemas/numbering-plan/numbering_plan.csv, linked in
 * by processor/cmake/TsEmbed.cmake. It is data for ts_numbering_create(), nothing more. */
#ifndef TS_CORE_NUMBERING_DATA_H
#define TS_CORE_NUMBERING_DATA_H

#include "base/bytes.h"

#include <stddef.h>

extern const unsigned char ts_numbering_plan_csv[];
extern const size_t ts_numbering_plan_csv_size;

static inline struct ts_bytes ts_numbering_plan_embedded(void)
{
    return (struct ts_bytes){(const char *)ts_numbering_plan_csv, ts_numbering_plan_csv_size};
}

#endif
