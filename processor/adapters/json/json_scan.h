/* SPDX-License-Identifier: Apache-2.0 */
/* Reads JSON (RFC 8259) from front to back without building anything: who reads knows what it
 * wants, and everything else is checked and passed over. It is for records by the million, where a
 * tree of nodes costs more than the rating; settings and accounts are read with
 * adapters/json/json_value.h. Inner to adapters/json.
 *
 * Strictly JSON: one fault and the text is no JSON, also in parts that nobody wants. */
#ifndef TS_ADAPTERS_JSON_JSON_SCAN_H
#define TS_ADAPTERS_JSON_JSON_SCAN_H

#include "adapters/json/json_value.h"
#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_JSON_DEPTH_MAX = 1000 };

struct ts_json_scan {
    const char *begin;
    const char *at;
    const char *end;
    struct ts_buffer *decoded; /* strings with escapes */
    const char *fault;         /* what is wrong at `at`; NULL so far */
};

/* A value as met. Of a list or an object, `text` is its whole text, to be scanned again by those
 * who want it. */
struct ts_json_scanned {
    enum ts_json_type type; /* ABSENT: null */
    bool out_of_range;      /* an integer beyond 64 bits: `integer` is 0 */
    struct ts_bytes text;   /* of a string, too: a view of the input, or of `decoded` */
    int64_t integer;
};

/* The buffer's limit is at least the size of the text; it is cleared, and `decoded` strings live
 * until that happens again. False when memory is short. */
bool ts_json_scan_init(struct ts_json_scan *scan, struct ts_bytes text, struct ts_buffer *decoded);

/* The next value, with all that is in it. False at a fault. */
bool ts_json_scan_value(struct ts_json_scan *scan, struct ts_json_scanned *out);

/* An object member by member: enter, then each key, whose value must be scanned before the next.
 * Enter is false, and nothing is read, when the next value is no object. The end of the object and
 * a fault both end it. */
bool ts_json_scan_enter(struct ts_json_scan *scan);
bool ts_json_scan_key(struct ts_json_scan *scan, bool first, struct ts_bytes *key);

/* True when there was no fault, and nothing but space is left. */
bool ts_json_scan_end(struct ts_json_scan *scan);

/* Where the fault is, in bytes, from 1. */
size_t ts_json_scan_column(const struct ts_json_scan *scan);

#endif
