/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in on the credits topic, everything that changes an account other than a call (domain:
 * section 6), and on the adjustments topic, which a replay writes (section 8). Each command is
 * applied once by its command_id, for ever; what it does is decided on the locked account row
 * (core/decide_command.h). */
#ifndef TS_CORE_COMMAND_H
#define TS_CORE_COMMAND_H

#include "base/bytes.h"
#include "core/account.h"
#include "core/adjustment.h"
#include "core/allowance.h"
#include "core/decide.h"
#include "core/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ts_command_type {
    TS_COMMAND_CREDIT_ADDED,
    TS_COMMAND_RECHARGE_FAILED,
    TS_COMMAND_CARD_CHARGED,
    TS_COMMAND_CARD_CONFIRMATION,
    TS_COMMAND_CARD_REPLACED,
    TS_COMMAND_ACCOUNT_CHANGED,
    TS_COMMAND_TIMER_DUE,
    TS_COMMAND_ADJUSTMENT, /* of the adjustments topic, and there nothing else */
};

enum ts_credit_kind {
    TS_CREDIT_PURCHASE,
    TS_CREDIT_RECHARGE,
    TS_CREDIT_PROMOTIONAL,
    TS_CREDIT_ADJUSTMENT,
    TS_CREDIT_REFUND,
};

enum ts_timer { TS_TIMER_RECHARGE_RETRY, TS_TIMER_RECHARGE_EXPIRY, TS_TIMER_INVOICE };

struct ts_command_credit {
    struct ts_bytes credit_id;
    int64_t amount_micros; /* above 0; an adjustment's may be below */
    enum ts_credit_kind kind;
    bool has_payment_method; /* else the account's */
    enum ts_payment_method payment_method;
    struct ts_bytes recharge_id; /* absent: it answers no request */
};

/* X(symbol): the settings that a change may set; those that are not set stay as they are. */
#define TS_ACCOUNT_FIELDS(X)                                                                       \
    X(NAME)                                                                                        \
    X(COUNTRY)                                                                                     \
    X(TIMEZONE)                                                                                    \
    X(SUBSCRIPTION)                                                                                \
    X(RATE_PLAN)                                                                                   \
    X(PAYMENT_METHOD)                                                                              \
    X(CARD_STATE)                                                                                  \
    X(INVOICE_DAY)                                                                                 \
    X(CREDIT_AMOUNTS)                                                                              \
    X(MONTHLY_CREDIT_CAP)                                                                          \
    X(ALERT_THRESHOLDS)                                                                            \
    X(ALERT_HYSTERESIS)                                                                            \
    X(RECHARGE_ON)                                                                                 \
    X(RECHARGE_THRESHOLD)                                                                          \
    X(RECHARGE_MODE)                                                                               \
    X(RECHARGE_AMOUNT)                                                                             \
    X(RECHARGE_COUNT_PER_DAY_MAX)                                                                  \
    X(RECHARGE_AMOUNT_PER_MONTH_MAX)                                                               \
    X(ALLOWANCES)                                                                                  \
    X(STATUS)                                                                                      \
    X(CLOSED_AT)

enum ts_account_field {
#define X(symbol) TS_FIELD_##symbol,
    TS_ACCOUNT_FIELDS(X)
#undef X
        TS_ACCOUNT_FIELD_COUNT
};

static inline uint32_t ts_field_bit(enum ts_account_field field)
{
    return UINT32_C(1) << field;
}

/* Views and arrays live in the arena that the command was decoded into. */
struct ts_account_change {
    uint32_t set; /* bits by enum ts_account_field */
    struct ts_bytes name;
    struct ts_bytes country;
    struct ts_bytes timezone;
    struct ts_bytes rate_plan; /* its name */
    enum ts_subscription subscription;
    enum ts_payment_method payment_method;
    enum ts_card_state card_state;
    int32_t invoice_day;
    const int64_t *credit_amounts;
    size_t credit_amount_count;
    int64_t monthly_credit_cap_micros;
    const int64_t *thresholds;
    size_t threshold_count;
    int64_t hysteresis_micros;
    bool recharge_on;
    int64_t recharge_threshold_micros;
    enum ts_recharge_mode recharge_mode;
    int64_t recharge_amount_micros;
    int32_t recharge_count_per_day_max;
    int64_t recharge_amount_per_month_micros_max;
    const struct ts_allowance_text *allowances; /* replaces them all */
    size_t allowance_count;
    enum ts_account_status status;
    int64_t closed_ms;
};

struct ts_command {
    enum ts_command_type type;
    struct ts_bytes command_id;
    struct ts_bytes account_id; /* absent when only the record's key names it */
    struct ts_bytes issued_by;  /* the operator who did it; absent: a service */
    struct ts_bytes note;       /* and why */
    union {
        struct ts_command_credit credit; /* CREDIT_ADDED */
        struct {
            struct ts_bytes recharge_id;
            struct ts_bytes reason;
        } failed; /* RECHARGE_FAILED */
        struct {
            int64_t amount_micros;       /* posted to the card, or entered by the admin */
        } card;                          /* CARD_CHARGED, CARD_CONFIRMATION */
        struct ts_account_change change; /* ACCOUNT_CHANGED */
        struct {
            enum ts_timer timer;
            int64_t due_ms;
            struct ts_bytes subject;     /* a recharge_id; absent: none */
        } timer;                         /* TIMER_DUE */
        struct ts_adjustment adjustment; /* ADJUSTMENT; command_id is the adjustment_id */
    } body;
};

enum {
    TS_COMMAND_ID_MAX = 128,   /* bytes of command_id, credit_id and recharge_id */
    TS_COMMAND_TEXT_MAX = 256, /* bytes of issued_by, note, reason, name */
    TS_COMMAND_MESSAGE_MAX = 256,
};

/* "CreditAdded", …: the record's name in schemas/avro/credit.avsc. */
const char *ts_command_type_name(enum ts_command_type type);
/* "purchase", …: a ledger row's kind. */
const char *ts_credit_kind_name(enum ts_credit_kind kind);
/* "card", "invoice" */
const char *ts_payment_method_name(enum ts_payment_method method);

/* Does a decoded command make sense by itself. TS_REASON_NONE, or the first of MISSING_FIELD,
 * FIELD_TOO_LONG, INVALID_TEXT, INVALID_COMMAND that applies; `message` (TS_COMMAND_MESSAGE_MAX)
 * names the field and the value. account_id must be set by now. Pure. */
enum ts_reason ts_command_validate(const struct ts_command *command, char *message);

/* Of the command_id alone: tells candidates for the same command. Not 0. */
uint64_t ts_command_identity_hash(const struct ts_command *command);

/* Of the content without the command_id: the same id with another content is a conflict, and so is
 * the same credit_id. issued_by and note do not count. */
uint64_t ts_command_fingerprint(const struct ts_command *command);

#endif
