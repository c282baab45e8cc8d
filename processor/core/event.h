/* SPDX-License-Identifier: Apache-2.0 */
/* What is told to others about an account: the envelope and the bodies of topic
 * `tollstream.events`. Decided in the settle transaction on the locked account row (core/decide.h),
 * encoded by the codec port. Type names and body fields are a contract (schemas/avro/event.avsc).
 */
#ifndef TS_CORE_EVENT_H
#define TS_CORE_EVENT_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* X(symbol, "type name") */
#define TS_EVENT_TYPES(X)                                                                          \
    X(BALANCE_LOW, "balance.low")                                                                  \
    X(BALANCE_LOW_CLEARED, "balance.low_cleared")                                                  \
    X(BALANCE_EXHAUSTED, "balance.exhausted")                                                      \
    X(BALANCE_RESTORED, "balance.restored")                                                        \
    X(RECHARGE_REQUESTED, "recharge.requested")                                                    \
    X(RECHARGE_SUCCEEDED, "recharge.succeeded")                                                    \
    X(RECHARGE_FAILED, "recharge.failed")                                                          \
    X(RECHARGE_SUPPRESSED, "recharge.suppressed")                                                  \
    X(RECHARGE_DISABLED, "recharge.disabled")                                                      \
    X(CREDIT_ADDED, "credit.added")                                                                \
    X(CREDIT_REFUSED, "credit.refused")                                                            \
    X(CARD_CONFIRMATION_STARTED, "card.confirmation_started")                                      \
    X(CARD_CONFIRMATION_FAILED, "card.confirmation_failed")                                        \
    X(CARD_CONFIRMED, "card.confirmed")                                                            \
    X(CARD_LOCKED, "card.locked")                                                                  \
    X(INVOICE_LINE_ADDED, "invoice.line_added")                                                    \
    X(CAP_REACHED, "cap.reached")                                                                  \
    X(ALLOWANCE_EXHAUSTED, "allowance.exhausted")

enum ts_event_type {
#define X(symbol, name) TS_EVENT_##symbol,
    TS_EVENT_TYPES(X)
#undef X
        TS_EVENT_TYPE_COUNT
};

const char *ts_event_type_name(enum ts_event_type type);

enum { TS_EVENT_ID_MAX = 48, TS_RECHARGE_ID_MAX = 48 };

struct ts_event {
    enum ts_event_type type;
    /* "<ts_hash64 of account_id, 16 hex digits>-<sequence>": made of what PostgreSQL keeps and of
     * nothing else, so the same thing told again has the same. */
    char event_id[TS_EVENT_ID_MAX];
    struct ts_bytes account_id;
    int64_t sequence; /* per account, from 1, without gaps */
    int64_t time_ms;  /* when decided, the processor's clock */
    /* Identity of what caused it: "cdr:<source>/<cdr_id>/<leg>/<start_ms>", "command:<command_id>",
     * "timer:<command_id>", "adjustment:<command_id>". */
    struct ts_bytes cause;
    char currency[4];
    int64_t balance_micros; /* after what caused it */
    union {
        struct {
            int64_t threshold_micros;
        } low; /* BALANCE_LOW, BALANCE_LOW_CLEARED */
        struct {
            char recharge_id[TS_RECHARGE_ID_MAX];
            int64_t amount_micros;
            const char *payment_method; /* "card" or "invoice" */
            int32_t attempt;            /* from 1 */
            int64_t expires_at_ms;
        } recharge; /* RECHARGE_REQUESTED */
        struct {
            struct ts_bytes recharge_id;
            int64_t amount_micros;
        } succeeded; /* RECHARGE_SUCCEEDED */
        struct {
            char recharge_id[TS_RECHARGE_ID_MAX];
            struct ts_bytes reason; /* the payment service's, or "expired" */
            bool has_next_try;
            int64_t next_try_ms;
        } failed; /* RECHARGE_FAILED */
        struct {
            int32_t failures; /* in a row */
        } disabled;           /* RECHARGE_DISABLED */
        struct {
            const char *reason; /* static text: "daily_count_cap", "monthly_amount_cap", … */
        } suppressed;           /* RECHARGE_SUPPRESSED */
        struct {
            struct ts_bytes credit_id;
            int64_t amount_micros;
            const char *kind;           /* static text: "purchase", … */
            const char *payment_method; /* static text; NULL when nothing was paid */
        } credit;                       /* CREDIT_ADDED */
        struct {
            struct ts_bytes credit_id;
            int64_t amount_micros;
            const char *reason; /* static text: core/decide_command.h */
        } refused;              /* CREDIT_REFUSED */
        struct {
            int32_t attempts_left;
        } confirmation; /* CARD_CONFIRMATION_FAILED */
        struct {
            int32_t date; /* yyyymmdd */
            int64_t amount_micros;
        } invoice; /* INVOICE_LINE_ADDED */
        struct {
            const char *kind; /* static text */
            int64_t limit_micros;
        } cap; /* CAP_REACHED */
        struct {
            struct ts_bytes name;
            char month[8]; /* "2026-11", by the account's clocks */
        } allowance;       /* ALLOWANCE_EXHAUSTED */
    } body;
};

#endif
