/* SPDX-License-Identifier: Apache-2.0 */
/* What a command of the credits topic does to an account: a credit accepted or refused, the card
 * check, the answers to an automatic recharge, changed settings, a timer (domain: section 6).
 * Decided only on the account row that the settle transaction has locked; the same function makes
 * the guess that is charged before. Pure. */
#ifndef TS_CORE_DECIDE_COMMAND_H
#define TS_CORE_DECIDE_COMMAND_H

#include "core/command.h"
#include "core/decide.h"

/* X(symbol, "name"): why a credit is refused; the names are a contract. In the order in which they
 * are judged: the first that applies is told. */
#define TS_REFUSALS(X)                                                                             \
    X(ACCOUNT_CLOSED, "account_closed")                                                            \
    X(DUPLICATE_RECHARGE, "duplicate_recharge")                                                    \
    X(PLAN_NOT_ELIGIBLE, "plan_not_eligible")                                                      \
    X(AMOUNT_NOT_OFFERED, "amount_not_offered")                                                    \
    X(CARD_LOCKED, "card_locked")                                                                  \
    X(CARD_NOT_CONFIRMED, "card_not_confirmed")                                                    \
    X(CAP_REACHED, "cap_reached")                                                                  \
    X(BALANCE_LIMIT, "balance_limit")

enum ts_refusal {
    TS_REFUSAL_NONE,
#define X(symbol, name) TS_REFUSAL_##symbol,
    TS_REFUSALS(X)
#undef X
};

/* "card_locked"; NULL for NONE. */
const char *ts_refusal_name(enum ts_refusal refusal);

/* What is known of a command beside the account's row. */
struct ts_command_facts {
    bool recharge_credited; /* another credit answered this recharge_id before */
    bool over_limit;        /* the live balance would pass +-9e15 with it */
};

/* What it did, for who writes it down. */
struct ts_command_effect {
    int64_t delta_micros; /* the movement: 0 for none */
    enum ts_refusal refusal;
    bool changed; /* settings: the row's revision goes up */
    bool invoiced;
    int32_t invoice_date; /* yyyymmdd, of a line of delta_micros; when invoiced */
};

/* credit.added, recharge.succeeded and invoice.line_added beside what the movement means. */
enum { TS_DECIDE_COMMAND_EVENTS_MAX = TS_DECIDE_EVENTS_MAX + 4 };

/* Applies the command to the state (its balance, watch levels and timer too) and writes the events
 * in the order they are to be told, as ts_decide_movement does. Returns how many. A recharge is
 * judged after it, whatever it was. */
size_t ts_decide_command(struct ts_account_state *state,
                         const struct ts_decide_settings *settings,
                         const struct ts_decide_time *time,
                         struct ts_bytes account_id,
                         struct ts_bytes cause,
                         const struct ts_command *command,
                         const struct ts_command_facts *facts,
                         struct ts_command_effect *effect,
                         struct ts_event events[TS_DECIDE_COMMAND_EVENTS_MAX]);

/* The next date, after `day` (yyyymmdd), that is the invoice day of its month, or the last day of a
 * month that has none. */
int32_t ts_next_invoice_date(int32_t day, int32_t invoice_day);

#endif
