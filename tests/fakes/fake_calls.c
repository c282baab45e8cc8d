/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fakes/fake_calls.h"

#include "tests/fakes/fake_orders.h"
#include "tests/fakes/fake_redis.h"

#include "base/assert.h"
#include "core/money.h"
#include "ports/counter.h"
#include "ports/record.h"

#include <stdio.h>
#include <string.h>

/* --- their form */

void fake_call_make(struct fake_call *call, const char *account_id, int32_t number, int32_t content)
{
    memset(call, 0, sizeof *call);
    call->number = number;
    call->content = content;
    snprintf(call->account_id, sizeof call->account_id, "%s", account_id);
    snprintf(call->cdr_id, sizeof call->cdr_id, "call-%d", number);
    snprintf(call->to_number, sizeof call->to_number, "+44207%05d", content);
}

int64_t fake_call_start_ms(int32_t number)
{
    int64_t start_ms = FAKE_EPOCH_MS - 3600000 + number * INT64_C(1000);
    return number % 5 == 4 ? start_ms - INT64_C(30) * 86400000 : start_ms;
}

/* --- what was used of allowances */

const char *fake_allowance_name(int allowance)
{
    static const char *const names[FAKE_ALLOWANCES] = {"far", "any: 1=2"};
    return names[allowance];
}

struct ts_allowance_text fake_allowance_text(int allowance, int64_t units)
{
    return (struct ts_allowance_text){
        .name = ts_bytes_of(fake_allowance_name(allowance)),
        .category = allowance == 0 ? TS_LITERAL("international_outbound") : TS_LITERAL("*"),
        .units = units};
}

int fake_counter(int32_t month, struct ts_bytes allowance)
{
    TS_ASSERT(month == 202608 || month == 202609);
    for (int i = 0; i < FAKE_ALLOWANCES; i++) {
        if (ts_bytes_equal_text(allowance, fake_allowance_name(i))) {
            return i * FAKE_MONTHS + (month - 202608);
        }
    }
    TS_ASSERT(false);
    return -1;
}

int fake_counter_of_call(int32_t number, int allowance)
{
    int32_t month = ts_allowance_month(ts_zone_utc(), fake_call_start_ms(number));
    return fake_counter(month, ts_bytes_of(fake_allowance_name(allowance)));
}

void fake_counter_parse(struct ts_bytes name, int *account, int *counter)
{
    struct ts_counter parsed;
    TS_ASSERT(ts_counter_parse(name, &parsed));
    *account = fake_account_number(parsed.account_id);
    *counter = fake_counter(parsed.month, parsed.allowance);
}

static struct ts_zone *load_zone(void *self, const char *name, struct ts_error *err)
{
    if (fake_fault(self, 50)) {
        fake_away(err, "no zone can be read");
        return NULL;
    }
    if (strcmp(name, "UTC") != 0) {
        ts_error_set(err, TS_ERROR_REJECT, 0, "there is no such zone");
        return NULL;
    }
    return (struct ts_zone *)ts_zone_utc();
}

struct ts_zones fake_zones_port(struct fake_host *host)
{
    return (struct ts_zones){.load = load_zone, .self = host};
}

/* --- the codec */

static bool decode_cdr(void *self, struct ts_bytes value, struct ts_cdr *out, struct ts_error *err)
{
    struct fake_host *host = self;
    struct fake_call call;
    if (fake_fault(host, 4)) {
        return fake_away(err, "the schema registry does not answer");
    }
    if (value.size != sizeof call) {
        return ts_error_set(err, TS_ERROR_REJECT, TS_REASON_DECODE_ERROR, "not a CDR");
    }
    memcpy(&call, value.data, sizeof call);
    const char *at = value.data;
    int64_t start_ms = fake_call_start_ms(call.number);
    *out = (struct ts_cdr){
        .cdr_id = ts_bytes_of(at + offsetof(struct fake_call, cdr_id)),
        .source = TS_LITERAL("switch"),
        .account_id = ts_bytes_of(at + offsetof(struct fake_call, account_id)),
        .from_number = TS_LITERAL("+12025550100"),
        .to_number = ts_bytes_of(at + offsetof(struct fake_call, to_number)),
        .start_ms = start_ms,
        .answer_ms = start_ms + 5000,
        .end_ms = call.flaw == FAKE_FLAW_ORDER ? start_ms : start_ms + 65000,
        .duration_ms = 60000,
        .has_answer = true,
        .license = TS_LICENSE_TALK,
        .service = TS_SERVICE_VOICE,
        .direction = TS_DIRECTION_OUTBOUND,
        .disposition = TS_DISPOSITION_ANSWERED,
        .encoded_size = value.size,
    };
    return true;
}

static bool decode_command(void *self,
                           struct ts_bytes value,
                           struct ts_arena *arena,
                           struct ts_command *out,
                           struct ts_error *err)
{
    if (fake_fault(self, 4)) {
        return fake_away(err, "the schema registry does not answer");
    }
    return fake_order_decode(value, arena, out) ||
           ts_error_set(err, TS_ERROR_REJECT, TS_REASON_DECODE_ERROR, "not a command");
}

#define PUT(told, field, text) snprintf((told)->field, sizeof(told)->field, "%s", text)

static void put_id(struct fake_told_event *told, struct ts_bytes id)
{
    snprintf(told->id, sizeof told->id, "%.*s", TS_ARGS(id));
}

static void encode_recharge(const struct ts_event *event, struct fake_told_event *told)
{
    switch (event->type) {
    case TS_EVENT_RECHARGE_REQUESTED:
        PUT(told, id, event->body.recharge.recharge_id);
        PUT(told, reason, event->body.recharge.payment_method);
        told->amount = event->body.recharge.amount_micros;
        told->number = event->body.recharge.attempt;
        told->moment_ms = event->body.recharge.expires_at_ms;
        break;
    case TS_EVENT_RECHARGE_SUCCEEDED:
        put_id(told, event->body.succeeded.recharge_id);
        told->amount = event->body.succeeded.amount_micros;
        break;
    case TS_EVENT_RECHARGE_FAILED:
        PUT(told, id, event->body.failed.recharge_id);
        snprintf(told->reason, sizeof told->reason, "%.*s", TS_ARGS(event->body.failed.reason));
        told->moment_ms = event->body.failed.has_next_try ? event->body.failed.next_try_ms : 0;
        break;
    case TS_EVENT_RECHARGE_SUPPRESSED:
        PUT(told, reason, event->body.suppressed.reason);
        break;
    case TS_EVENT_RECHARGE_DISABLED:
        told->number = event->body.disabled.failures;
        break;
    default:
        break;
    }
}

static void encode_body(const struct ts_event *event, struct fake_told_event *told)
{
    switch (event->type) {
    case TS_EVENT_BALANCE_LOW:
    case TS_EVENT_BALANCE_LOW_CLEARED:
        told->amount = event->body.low.threshold_micros;
        break;
    case TS_EVENT_CREDIT_ADDED:
        put_id(told, event->body.credit.credit_id);
        PUT(told, reason, event->body.credit.kind);
        told->amount = event->body.credit.amount_micros;
        told->number = event->body.credit.payment_method == NULL                ? 0
                       : strcmp(event->body.credit.payment_method, "card") == 0 ? 1
                                                                                : 2;
        break;
    case TS_EVENT_CREDIT_REFUSED:
        put_id(told, event->body.refused.credit_id);
        PUT(told, reason, event->body.refused.reason);
        told->amount = event->body.refused.amount_micros;
        break;
    case TS_EVENT_CARD_CONFIRMATION_FAILED:
        told->number = event->body.confirmation.attempts_left;
        break;
    case TS_EVENT_INVOICE_LINE_ADDED:
        told->amount = event->body.invoice.amount_micros;
        told->number = event->body.invoice.date;
        break;
    case TS_EVENT_CAP_REACHED:
        PUT(told, reason, event->body.cap.kind);
        told->amount = event->body.cap.limit_micros;
        break;
    case TS_EVENT_ALLOWANCE_EXHAUSTED:
        put_id(told, event->body.allowance.name);
        PUT(told, reason, event->body.allowance.month);
        break;
    default:
        encode_recharge(event, told);
        break;
    }
}

static void encode_event(void *self, const struct ts_event *event, struct ts_buffer *out)
{
    (void)self;
    struct fake_told_event told;
    memset(&told, 0, sizeof told);
    told.type = (int32_t)event->type;
    told.sequence = event->sequence;
    told.balance_micros = event->balance_micros;
    told.time_ms = event->time_ms;
    encode_body(event, &told);
    PUT(&told, event_id, event->event_id);
    snprintf(told.account_id, sizeof told.account_id, "%.*s", TS_ARGS(event->account_id));
    snprintf(told.cause, sizeof told.cause, "%.*s", TS_ARGS(event->cause));
    ts_buffer_append(out, &told, sizeof told);
}

static void encode_dead_letter(void *self,
                               const struct ts_record *record,
                               struct ts_bytes topic,
                               int64_t now_ms,
                               struct ts_buffer *out)
{
    (void)topic;
    (void)now_ms;
    struct fake_told_dead_letter told;
    memset(&told, 0, sizeof told);
    told.lane = fake_lane_number(self, record->lane);
    told.offset = record->offset;
    told.reason = (int32_t)record->reason;
    ts_buffer_append(out, &told, sizeof told);
}

struct ts_codec fake_codec_port(struct fake_host *host)
{
    static const struct ts_codec_ops ops = {
        .decode_cdr = decode_cdr,
        .decode_command = decode_command,
        .encode_event = encode_event,
        .encode_dead_letter = encode_dead_letter,
    };
    return (struct ts_codec){&ops, host};
}

/* --- what they cost */

bool fake_price(int32_t number, int32_t content, int64_t revision, int64_t *charge_micros)
{
    struct fake_random random = {(uint64_t)number * 1000 + (uint64_t)content};
    uint32_t mixed = (uint32_t)fake_random_next(&random);
    *charge_micros = 0;
    if ((mixed / 64 + 3 * (uint64_t)revision) % 11 == 0) {
        return false;
    }
    if (mixed % 8 != 0) { /* an eighth of the calls is free */
        *charge_micros = FAKE_PRICE_UNIT * (1 + mixed % 31 + revision % 3);
    }
    return true;
}

struct ts_catalog {
    int64_t revision;
};
static struct ts_catalog catalogs[FAKE_REVISIONS];

int64_t ts_catalog_revision(const struct ts_catalog *catalog)
{
    return catalog->revision;
}

bool ts_catalog_has_plan(const struct ts_catalog *catalog, int32_t plan_no)
{
    (void)catalog;
    (void)plan_no;
    return true;
}

int64_t ts_catalog_share(const struct ts_catalog *catalog,
                         int32_t plan_no,
                         int64_t micros,
                         int64_t numerator,
                         int64_t denominator)
{
    (void)catalog;
    (void)plan_no;
    return ts_money_share(micros, numerator, denominator, TS_ROUNDING_HALF_UP, 6);
}

void ts_catalog_rate(const struct ts_catalog *catalog,
                     const struct ts_account_profile *account,
                     const struct ts_cdr *cdr,
                     struct ts_rating *out,
                     char *message)
{
    (void)account;
    int number = 0;
    int content = 0;
    TS_ASSERT(sscanf(cdr->cdr_id.data, "call-%d", &number) == 1);
    TS_ASSERT(sscanf(cdr->to_number.data, "+44207%d", &content) == 1);
    *out = (struct ts_rating){
        .category = TS_CATEGORY_INTERNATIONAL_OUTBOUND,
        .unit = TS_UNIT_SECOND,
        .region = "GB",
        .quantity = FAKE_BILLED,
        .billed = FAKE_BILLED,
        .prefix = TS_LITERAL("44"),
        .deck_version = catalog->revision,
    };
    if (!fake_price(number, content, catalog->revision, &out->charge_micros)) {
        out->reason = TS_REASON_NO_RATE;
        snprintf(message, TS_RATING_MESSAGE_MAX, "to_number has no rate");
    }
}

static const struct ts_catalog *acquire(void *self)
{
    struct fake_rates *rates = self;
    if (rates->revision == 0) {
        return NULL;
    }
    TS_ASSERT(rates->revision < FAKE_REVISIONS);
    struct ts_catalog *catalog = &catalogs[rates->revision];
    catalog->revision = rates->revision;
    rates->held++;
    return catalog;
}

static void release(void *self, const struct ts_catalog *catalog)
{
    struct fake_rates *rates = self;
    TS_ASSERT(catalog != NULL && rates->held > 0);
    rates->held--;
}

struct ts_rates fake_rates_port(struct fake_rates *rates)
{
    static const struct ts_rates_ops ops = {.acquire = acquire, .release = release};
    return (struct ts_rates){&ops, rates};
}
