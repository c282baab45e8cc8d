/* SPDX-License-Identifier: Apache-2.0 */
/* Time zone files. A zone that is accepted has spans that follow each other, offsets of less than a
 * day, and a way from the wall clock back to a moment. */
#include "tests/fuzz/fuzz.h"

#include "core/zone.h"

#define DAY_S INT64_C(86400)

static void check_moment(const struct ts_zone *zone, int64_t utc_s)
{
    struct ts_zone_span span = ts_zone_span_at(zone, utc_s);
    TS_ASSERT(span.from_s <= utc_s && utc_s < span.to_s);
    TS_ASSERT(span.offset_s > -DAY_S && span.offset_s < DAY_S);
    int64_t utc_ms = utc_s * 1000 + 999;
    int64_t local_ms = ts_zone_local_ms(zone, utc_ms);
    TS_ASSERT(local_ms == utc_ms + (int64_t)span.offset_s * 1000);
    int64_t back_ms = ts_zone_utc_ms(zone, local_ms);
    TS_ASSERT(back_ms <= utc_ms); /* the first pass of a repeated hour */
    TS_ASSERT(ts_zone_local_ms(zone, back_ms) >= local_ms);
}

static void check_spans(const struct ts_zone *zone)
{
    struct ts_zone_span span = ts_zone_span_at(zone, INT64_MIN);
    TS_ASSERT(span.from_s == INT64_MIN);
    while (span.to_s != INT64_MAX) {
        struct ts_zone_span next = ts_zone_span_at(zone, span.to_s);
        TS_ASSERT(next.from_s == span.to_s && next.to_s > next.from_s);
        TS_ASSERT(next.offset_s != span.offset_s);
        span = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t moments_s[] = {0, 946684800, 1772953199, 1793512799, 4102444800};
    struct ts_error err = {0};
    struct ts_zone *zone = ts_zone_create("Fuzz/Zone", fuzz_bytes(data, size), &err);
    if (zone == NULL) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        return 0;
    }
    check_spans(zone);
    for (size_t i = 0; i < sizeof moments_s / sizeof moments_s[0]; i++) {
        struct ts_zone_span span = ts_zone_span_at(zone, moments_s[i]);
        check_moment(zone, moments_s[i]);
        if (span.to_s < INT64_C(1) << 40) {
            check_moment(zone, span.to_s - 1);
            check_moment(zone, span.to_s);
            check_moment(zone, span.to_s + DAY_S);
        }
    }
    ts_zone_destroy(zone);
    return 0;
}
