/* SPDX-License-Identifier: Apache-2.0 */
/* Why an input could not be charged: the reason codes of dead letters, in order of precedence
 * (several apply: the first is told). The names are a contract. */
#ifndef TS_CORE_REASON_H
#define TS_CORE_REASON_H

#include "base/bytes.h"

/* X(symbol, "name") in order of precedence. */
#define TS_REASONS(X)                                                                              \
    X(DECODE_ERROR, "decode_error")                                                                \
    X(UNKNOWN_SCHEMA, "unknown_schema")                                                            \
    X(UNKNOWN_ENUM, "unknown_enum")                                                                \
    X(MISSING_FIELD, "missing_field")                                                              \
    X(FIELD_TOO_LONG, "field_too_long")                                                            \
    X(INVALID_TEXT, "invalid_text")                                                                \
    X(INVALID_NUMBER, "invalid_number")                                                            \
    X(TIME_OUT_OF_RANGE, "time_out_of_range")                                                      \
    X(TIME_ORDER, "time_order")                                                                    \
    X(DURATION_OUT_OF_RANGE, "duration_out_of_range")                                              \
    X(DURATION_MISMATCH, "duration_mismatch")                                                      \
    X(ANSWER_MISMATCH, "answer_mismatch")                                                          \
    X(INVALID_PAGES, "invalid_pages")                                                              \
    X(INVALID_COMMAND, "invalid_command") /* on the credits topic: a value that can't be */        \
    X(ADJUSTMENT_SUPERSEDED, "adjustment_superseded") /* another one follows the same row */       \
    X(IDENTITY_CONFLICT, "identity_conflict")                                                      \
    X(UNKNOWN_ACCOUNT, "unknown_account")                                                          \
    X(ACCOUNT_CLOSED, "account_closed")                                                            \
    X(NO_RATE, "no_rate")                                                                          \
    X(BLOCKED_DESTINATION, "blocked_destination")                                                  \
    X(CHARGE_OVERFLOW, "charge_overflow")                                                          \
    X(TOO_OLD, "too_old")                                                                          \
    X(IDENTITY_COLLISION, "identity_collision")                                                    \
    X(ROW_REFUSED, "row_refused") /* PostgreSQL refused the row: never seen, kept if it happens */

enum ts_reason {
    TS_REASON_NONE = 0,
#define X(symbol, name) TS_REASON_##symbol,
    TS_REASONS(X)
#undef X
        TS_REASON_COUNT
};

/* "no_rate"; "none" for TS_REASON_NONE. */
const char *ts_reason_name(enum ts_reason reason);

/* TS_REASON_NONE when there is no such name. */
enum ts_reason ts_reason_of(struct ts_bytes name);

#endif
