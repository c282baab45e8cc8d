/* SPDX-License-Identifier: Apache-2.0 */
/* A call-detail record as decoded: one leg of one call, written by a switch after it ended.
 * The strings are views into the batch's arena (or the test's literals). Decoders fill it; whether
 * it makes sense is ts_cdr_validate's question (core/validate.h). */
#ifndef TS_CORE_CDR_H
#define TS_CORE_CDR_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* The order of the symbols is ours, decoders map them by name. */
enum ts_license { TS_LICENSE_TALK, TS_LICENSE_CONTACT_CENTER, TS_LICENSE_SELL, TS_LICENSE_COUNT };
enum ts_service { TS_SERVICE_VOICE, TS_SERVICE_FAX, TS_SERVICE_COUNT };
enum ts_direction {
    TS_DIRECTION_OUTBOUND,
    TS_DIRECTION_INBOUND,
    TS_DIRECTION_INTERNAL,
    TS_DIRECTION_COUNT
};
enum ts_disposition {
    TS_DISPOSITION_ANSWERED,
    TS_DISPOSITION_NO_ANSWER,
    TS_DISPOSITION_BUSY,
    TS_DISPOSITION_FAILED,
    TS_DISPOSITION_CANCELED,
    TS_DISPOSITION_COUNT
};

/* The names of the symbols, as in schemas/avro: "CONTACT_CENTER". */
const char *ts_license_name(enum ts_license license);
const char *ts_service_name(enum ts_service service);
const char *ts_direction_name(enum ts_direction direction);
const char *ts_disposition_name(enum ts_disposition disposition);

/* The map `attributes`, carried through and not interpreted: its Avro map encoding as received
 * (core/attributes.h). Size 0 when there are none. */
struct ts_cdr_attributes {
    struct ts_bytes encoded;
    uint32_t count;
};

struct ts_cdr {
    struct ts_bytes cdr_id;
    struct ts_bytes source;
    struct ts_bytes call_id; /* absent: data NULL, as for all nullable strings below */
    struct ts_bytes account_id;
    struct ts_bytes user_id;
    struct ts_bytes user_name;
    struct ts_bytes department;
    struct ts_bytes from_number;
    struct ts_bytes to_number;
    struct ts_bytes origin_country;
    struct ts_cdr_attributes attributes;
    int64_t start_ms;  /* since the epoch */
    int64_t answer_ms; /* meaningful if has_answer */
    int64_t end_ms;
    int64_t duration_ms; /* conversation */
    int32_t leg;
    int32_t pages;
    int32_t hangup_cause; /* Q.850, meaningful if has_hangup_cause */
    bool has_answer;
    bool has_hangup_cause;
    enum ts_license license;
    enum ts_service service;
    enum ts_direction direction;
    enum ts_disposition disposition;
    size_t encoded_size; /* of the record as received; validation bounds it */
};

/* Hash of the identity (source, cdr_id, leg, start_time) and the rating generation: the 8 bytes of
 * PostgreSQL's unique key. Generation 0 is the first settlement. Strings are length-prefixed in
 * the hashed form, so no two identities share it. Never changes: old rows are compared with it. */
uint64_t ts_cdr_identity_hash(const struct ts_cdr *cdr, uint32_t generation);

/* True when both have the same (source, cdr_id, leg, start_time). */
bool ts_cdr_same_identity(const struct ts_cdr *a, const struct ts_cdr *b);

/* The content fingerprint: account_id, license, service, direction, from_number, to_number,
 * origin_country, answer_time, end_time, duration_ms, pages, disposition, as decoded values. Tells
 * a retransmission (same) from an identity_conflict. Never changes. */
uint64_t ts_cdr_fingerprint(const struct ts_cdr *cdr);

#endif
