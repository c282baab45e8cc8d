/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/messages.h"

#include "adapters/avro/embedded.h"
#include "adapters/avro/write.h"
#include "base/utf8.h"
#include "core/reason.h"
#include "core/timestamp.h"
#include "ports/headers.h"

#include <avro.h>

/* The record of the union `body` for each type; NULL: the branch null. */
static const char *const bodies[TS_EVENT_TYPE_COUNT] = {
    [TS_EVENT_BALANCE_LOW] = "BalanceLow",
    [TS_EVENT_BALANCE_LOW_CLEARED] = "BalanceLowCleared",
    [TS_EVENT_BALANCE_EXHAUSTED] = NULL,
    [TS_EVENT_BALANCE_RESTORED] = NULL,
    [TS_EVENT_RECHARGE_REQUESTED] = "RechargeRequested",
    [TS_EVENT_RECHARGE_SUCCEEDED] = "RechargeSucceeded",
    [TS_EVENT_RECHARGE_FAILED] = "RechargeFailed",
    [TS_EVENT_RECHARGE_SUPPRESSED] = "RechargeSuppressed",
    [TS_EVENT_RECHARGE_DISABLED] = "RechargeDisabled",
    [TS_EVENT_CREDIT_ADDED] = "CreditAdded",
    [TS_EVENT_CREDIT_REFUSED] = "CreditRefused",
    [TS_EVENT_CARD_CONFIRMATION_STARTED] = NULL,
    [TS_EVENT_CARD_CONFIRMATION_FAILED] = "CardConfirmationFailed",
    [TS_EVENT_CARD_CONFIRMED] = NULL,
    [TS_EVENT_CARD_LOCKED] = NULL,
    [TS_EVENT_INVOICE_LINE_ADDED] = "InvoiceLineAdded",
    [TS_EVENT_CAP_REACHED] = "CapReached",
    [TS_EVENT_ALLOWANCE_EXHAUSTED] = "AllowanceExhausted",
};

static int64_t branch_of(avro_schema_t body, const char *name)
{
    for (int i = 0; i < (int)avro_schema_union_size(body); i++) {
        avro_schema_t branch = avro_schema_union_branch(body, i);
        if (name == NULL ? is_avro_null(branch)
                         : is_avro_record(branch) && strcmp(avro_schema_name(branch), name) == 0) {
            return i;
        }
    }
    return -1;
}

bool ts_avro_event_writer_init(struct ts_avro_event_writer *writer, struct ts_error *err)
{
    avro_schema_t schema = ts_avro_schema_parse(ts_avro_embedded_text(TS_AVRO_EVENT),
                                                ts_avro_embedded_name(TS_AVRO_EVENT),
                                                &writer->fingerprint,
                                                err);
    if (schema == NULL) {
        return false;
    }
    bool found = true;
    avro_schema_t body = avro_schema_record_field_get(schema, "body");
    for (int type = 0; type < TS_EVENT_TYPE_COUNT; type++) {
        writer->branches[type] = branch_of(body, bodies[type]);
        if (writer->branches[type] < 0) {
            found = ts_error_set(err,
                                 TS_ERROR_FATAL,
                                 0,
                                 "schema event.avsc: no body %s for %s",
                                 bodies[type],
                                 ts_event_type_name((enum ts_event_type)type));
        }
    }
    avro_schema_decref(schema);
    return found;
}

static void write_optional_time(struct ts_buffer *out, bool there, int64_t time_ms)
{
    ts_avro_write_long(out, there);
    if (there) {
        ts_avro_write_long(out, time_ms);
    }
}

/* A date as Avro has it: days since 1970-01-01. */
static int64_t days_of(int32_t yyyymmdd)
{
    return ts_days_of_civil((struct ts_civil){
        .year = yyyymmdd / 10000, .month = yyyymmdd / 100 % 100, .day = yyyymmdd % 100});
}

static void write_body(const struct ts_event *event, struct ts_buffer *out)
{
    switch (event->type) {
    case TS_EVENT_BALANCE_LOW:
    case TS_EVENT_BALANCE_LOW_CLEARED:
        ts_avro_write_long(out, event->body.low.threshold_micros);
        break;
    case TS_EVENT_RECHARGE_REQUESTED:
        ts_avro_write_text(out, event->body.recharge.recharge_id);
        ts_avro_write_long(out, event->body.recharge.amount_micros);
        ts_avro_write_text(out, event->body.recharge.payment_method);
        ts_avro_write_long(out, event->body.recharge.attempt);
        ts_avro_write_long(out, event->body.recharge.expires_at_ms);
        break;
    case TS_EVENT_RECHARGE_SUCCEEDED:
        ts_avro_write_bytes(out, event->body.succeeded.recharge_id);
        ts_avro_write_long(out, event->body.succeeded.amount_micros);
        break;
    case TS_EVENT_RECHARGE_FAILED:
        ts_avro_write_text(out, event->body.failed.recharge_id);
        ts_avro_write_bytes(out, event->body.failed.reason);
        write_optional_time(out, event->body.failed.has_next_try, event->body.failed.next_try_ms);
        break;
    case TS_EVENT_RECHARGE_SUPPRESSED:
        ts_avro_write_text(out, event->body.suppressed.reason);
        break;
    case TS_EVENT_RECHARGE_DISABLED:
        ts_avro_write_long(out, event->body.disabled.failures);
        break;
    case TS_EVENT_CREDIT_ADDED:
        ts_avro_write_bytes(out, event->body.credit.credit_id);
        ts_avro_write_long(out, event->body.credit.amount_micros);
        ts_avro_write_text(out, event->body.credit.kind);
        ts_avro_write_optional(out, ts_bytes_of(event->body.credit.payment_method));
        break;
    case TS_EVENT_CREDIT_REFUSED:
        ts_avro_write_bytes(out, event->body.refused.credit_id);
        ts_avro_write_long(out, event->body.refused.amount_micros);
        ts_avro_write_text(out, event->body.refused.reason);
        break;
    case TS_EVENT_CARD_CONFIRMATION_FAILED:
        ts_avro_write_long(out, event->body.confirmation.attempts_left);
        break;
    case TS_EVENT_INVOICE_LINE_ADDED:
        ts_avro_write_long(out, days_of(event->body.invoice.date));
        ts_avro_write_long(out, event->body.invoice.amount_micros);
        break;
    case TS_EVENT_CAP_REACHED:
        ts_avro_write_text(out, event->body.cap.kind);
        ts_avro_write_long(out, event->body.cap.limit_micros);
        break;
    case TS_EVENT_ALLOWANCE_EXHAUSTED:
        ts_avro_write_bytes(out, event->body.allowance.name);
        ts_avro_write_text(out, event->body.allowance.month);
        break;
    case TS_EVENT_BALANCE_EXHAUSTED:
    case TS_EVENT_BALANCE_RESTORED:
    case TS_EVENT_CARD_CONFIRMATION_STARTED:
    case TS_EVENT_CARD_CONFIRMED:
    case TS_EVENT_CARD_LOCKED:
    case TS_EVENT_TYPE_COUNT:
        break;
    }
}

void ts_avro_event_write(const struct ts_avro_event_writer *writer,
                         const struct ts_event *event,
                         struct ts_buffer *out)
{
    ts_avro_write_header(out, writer->fingerprint);
    ts_avro_write_text(out, event->event_id);
    ts_avro_write_bytes(out, event->account_id);
    ts_avro_write_long(out, event->sequence);
    ts_avro_write_long(out, event->time_ms);
    ts_avro_write_text(out, ts_event_type_name(event->type));
    ts_avro_write_bytes(out, event->cause);
    ts_avro_write_text(out, event->currency);
    ts_avro_write_long(out, event->balance_micros);
    ts_avro_write_long(out, writer->branches[event->type]);
    write_body(event, out);
}

bool ts_avro_dead_letter_fingerprint(uint64_t *fingerprint, struct ts_error *err)
{
    avro_schema_t schema = ts_avro_schema_parse(ts_avro_embedded_text(TS_AVRO_DEAD_LETTER),
                                                ts_avro_embedded_name(TS_AVRO_DEAD_LETTER),
                                                fingerprint,
                                                err);
    if (schema == NULL) {
        return false;
    }
    avro_schema_decref(schema);
    return true;
}

/* What should be text, from outside: kept as it is when it is, shown escaped when it is not,
 * because no reader accepts a string that is not UTF-8. */
static void write_doubtful(struct ts_buffer *out, struct ts_bytes text)
{
    char quoted[256];
    if (ts_utf8_is_text(text)) {
        ts_avro_write_bytes(out, text);
    } else {
        ts_avro_write_text(out, ts_utf8_quote(text, quoted, sizeof quoted));
    }
}

static void write_headers(struct ts_buffer *out, struct ts_bytes headers)
{
    struct ts_bytes name;
    struct ts_bytes value;
    while (ts_headers_next(&headers, &name, &value)) {
        ts_avro_write_long(out, 1); /* a block of one */
        write_doubtful(out, name);
        ts_avro_write_optional(out, value);
    }
    ts_avro_write_long(out, 0);
}

void ts_avro_dead_letter_write(uint64_t fingerprint,
                               const struct ts_record *record,
                               struct ts_bytes topic,
                               int64_t now_ms,
                               struct ts_buffer *out)
{
    ts_avro_write_header(out, fingerprint);
    ts_avro_write_text(out, ts_reason_name(record->reason));
    write_doubtful(out, record->message);
    ts_avro_write_bytes(out, topic);
    ts_avro_write_long(out, record->lane.partition);
    ts_avro_write_long(out, record->offset);
    write_optional_time(out, record->timestamp_ms >= 0, record->timestamp_ms);
    ts_avro_write_long(out, now_ms);
    ts_avro_write_optional(out, record->key);
    ts_avro_write_optional(out, record->value);
    write_headers(out, record->headers);
}
