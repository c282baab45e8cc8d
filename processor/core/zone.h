/* SPDX-License-Identifier: Apache-2.0 */
/* An IANA time zone: from a moment to what its clocks on the wall show. Built from the bytes of a
 * TZif file (RFC 8536) that somebody else read; immutable afterwards. The rule at the file's end
 * is followed until the year 2200. */
#ifndef TS_CORE_ZONE_H
#define TS_CORE_ZONE_H

#include "base/bytes.h"

#include <stdint.h>

struct ts_error;
struct ts_zone;

/* NULL with err set (reject) when the bytes are not a TZif file of version 2 or later, or memory
 * is short. The name is copied. */
struct ts_zone *ts_zone_create(const char *name, struct ts_bytes tzif, struct ts_error *err);

/* NULL is fine, and so is ts_zone_utc(). */
void ts_zone_destroy(struct ts_zone *zone);

/* The one zone that needs no file. */
const struct ts_zone *ts_zone_utc(void);

const char *ts_zone_name(const struct ts_zone *zone);

/* A stretch of time with one offset, in seconds since the epoch. */
struct ts_zone_span {
    int64_t from_s;   /* included; INT64_MIN for the first */
    int64_t to_s;     /* excluded; INT64_MAX for the last */
    int32_t offset_s; /* wall clock = UTC + offset */
};

struct ts_zone_span ts_zone_span_at(const struct ts_zone *zone, int64_t utc_s);

/* The wall clock as if it were UTC: ts_civil_of_days(floor(local / 86400000)) is the local date. */
int64_t ts_zone_local_ms(const struct ts_zone *zone, int64_t utc_ms);

/* The first moment whose wall clock is `local_ms` or later: what "the month begins" means. A
 * repeated hour gives its first pass, a skipped one the moment of the jump. */
int64_t ts_zone_utc_ms(const struct ts_zone *zone, int64_t local_ms);

#endif
