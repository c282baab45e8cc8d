/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the credits and the adjustments topic. The first byte chooses: 0 the whole rest is
 * the message; otherwise it is a command, and the header of a present schema, or of another
 * writer's, is put before it, because nobody guesses a fingerprint. What decodes lies within the
 * message and the arena, keeps its bounds, is the same after being written by the present schema,
 * and can be validated. What does not is told, and no part of what decodes does. */
#include "tests/fuzz/fuzz.h"

#include "adapters/avro/codec.h"
#include "adapters/avro/command_encode.h"
#include "adapters/avro/embedded.h"
#include "adapters/avro/write.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "core/reason.h"

#include <avro.h>

enum { ARENA_BLOCK = 4096, ARENA_MAX = 1024 * 1024 };

/* Fields in another order and of other types, unions the other way round, symbols, fields and a
 * record that we don't have. */
static const char other_avsc[] =
    "[{\"type\":\"record\",\"name\":\"AccountChanged\",\"fields\":["
    "{\"name\":\"x\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"double\",{\"type\":\"map\","
    "\"values\":\"bytes\"}]}},"
    "{\"name\":\"command_id\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"allowances\",\"type\":[{\"type\":\"array\",\"items\":{\"type\":\"record\","
    "\"name\":\"Allowance\",\"fields\":[{\"name\":\"name\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"category\",\"type\":[\"null\",\"bytes\"]},"
    "{\"name\":\"units_per_month\",\"type\":[\"int\",\"null\"]},"
    "{\"name\":\"x\",\"type\":[\"null\",\"Allowance\"]},"
    "{\"name\":\"unit\",\"type\":[\"null\",{\"type\":\"enum\",\"name\":\"Unit\",\"symbols\":["
    "\"hour\",\"page\",\"second\"]}]}]}},\"null\"]},"
    "{\"name\":\"credit_amounts_micros\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"
    "{\"name\":\"auto_recharge\",\"type\":{\"type\":\"record\",\"name\":\"Recharge\",\"fields\":["
    "{\"name\":\"mode\",\"type\":{\"type\":\"enum\",\"name\":\"Mode\",\"symbols\":[\"weekly\","
    "\"target\"]}},{\"name\":\"on\",\"type\":\"boolean\"}]}},"
    "{\"name\":\"invoice_day\",\"type\":[\"int\",\"null\"]}]},"
    "{\"type\":\"record\",\"name\":\"CardExpired\",\"fields\":[{\"name\":\"on\",\"type\":\"int\"}]}"
    ",{\"type\":\"record\",\"name\":\"TimerDue\",\"fields\":["
    "{\"name\":\"timer\",\"type\":{\"type\":\"enum\",\"name\":\"Timer\",\"symbols\":[\"invoice\","
    "\"midnight\"]}},{\"name\":\"due_at\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"command_id\",\"type\":\"bytes\"}]},"
    "{\"type\":\"record\",\"name\":\"Adjustment\",\"fields\":["
    "{\"name\":\"units\",\"type\":[{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
    "\"AllowanceUnits\",\"fields\":[{\"name\":\"units\",\"type\":[\"int\",\"null\"]},{\"name\":"
    "\"x\","
    "\"type\":[\"null\",\"AllowanceUnits\"]},{\"name\":\"allowance\",\"type\":\"bytes\"}]}},"
    "\"null\"]},"
    "{\"name\":\"adjustment_id\",\"type\":\"string\"},"
    "{\"name\":\"account_id\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"generation\",\"type\":\"int\"},"
    "{\"name\":\"identity_hash\",\"type\":\"long\"},"
    "{\"name\":\"start_time\",\"type\":\"int\"},"
    "{\"name\":\"follows\",\"type\":[\"long\",\"null\"]},"
    "{\"name\":\"amount_micros\",\"type\":\"long\"},"
    "{\"name\":\"charge_micros\",\"type\":\"long\"},"
    "{\"name\":\"deck_version\",\"type\":\"long\"},"
    "{\"name\":\"category\",\"type\":\"string\"},"
    "{\"name\":\"prefix\",\"type\":\"bytes\"},"
    "{\"name\":\"operator\",\"type\":\"string\"},"
    "{\"name\":\"reason\",\"type\":[\"string\",\"null\"]}]}]";

static struct ts_avro_codec *codec;
static struct ts_codec port;
static uint64_t fingerprints[3];
static struct ts_arena arena;

static void learn_fingerprint(struct ts_bytes text, uint64_t *out)
{
    struct ts_error err;
    avro_schema_t schema = ts_avro_schema_parse(text, "fuzz", out, &err);
    TS_ASSERT(schema != NULL);
    avro_schema_decref(schema);
}

static void open_all(void)
{
    static const struct ts_avro_schema other = {"other.avsc", {other_avsc, sizeof other_avsc - 1}};
    struct ts_error err;
    if (codec == NULL) {
        codec = ts_avro_codec_create(&other, 1, &err);
        TS_ASSERT(codec != NULL);
        port = ts_avro_codec_port(codec);
        learn_fingerprint(ts_avro_embedded_text(TS_AVRO_ADJUSTMENT), &fingerprints[0]);
        learn_fingerprint(other.text, &fingerprints[1]);
        learn_fingerprint(ts_avro_embedded_text(TS_AVRO_CREDIT), &fingerprints[2]);
        ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    }
}

static bool read(struct ts_bytes message, struct ts_command *out, struct ts_error *err)
{
    return port.ops->decode_command(port.self, message, &arena, out, err);
}

static void expect_within(struct ts_bytes view, struct ts_bytes whole)
{
    TS_ASSERT(view.data == NULL || (view.data >= whole.data && view.size <= whole.size &&
                                    view.data + view.size <= whole.data + whole.size));
}

static void check_change(const struct ts_account_change *change, struct ts_bytes message)
{
    expect_within(change->name, message);
    expect_within(change->country, message);
    expect_within(change->timezone, message);
    expect_within(change->rate_plan, message);
    TS_ASSERT(change->set >> TS_ACCOUNT_FIELD_COUNT == 0);
    TS_ASSERT(change->subscription <= TS_SUBSCRIPTION_ENTERPRISE);
    TS_ASSERT(change->payment_method <= TS_PAYMENT_INVOICE);
    TS_ASSERT(change->card_state <= TS_CARD_LOCKED);
    TS_ASSERT(change->recharge_mode <= TS_RECHARGE_SHORTFALL_PLUS);
    TS_ASSERT(change->status <= TS_ACCOUNT_CLOSED);
    TS_ASSERT(change->credit_amount_count <= TS_CREDIT_AMOUNTS_MAX + 1);
    TS_ASSERT(change->threshold_count <= TS_THRESHOLDS_MAX + 1);
    TS_ASSERT(change->allowance_count <= TS_ALLOWANCES_MAX + 1);
    for (size_t i = 0; i < change->allowance_count; i++) {
        const struct ts_allowance_text *allowance = &change->allowances[i];
        expect_within(allowance->name, message);
        expect_within(allowance->category, message);
        expect_within(allowance->license, message);
        TS_ASSERT(ts_bytes_equal_text(allowance->unit, "second") ||
                  ts_bytes_equal_text(allowance->unit, "page"));
    }
}

static void check_adjustment(const struct ts_adjustment *adjustment, struct ts_bytes message)
{
    expect_within(adjustment->category, message);
    expect_within(adjustment->prefix, message);
    TS_ASSERT(adjustment->unit_count <= TS_ADJUSTMENT_UNITS_MAX + 1);
    for (size_t i = 0; i < adjustment->unit_count; i++) {
        expect_within(adjustment->units[i].allowance, message);
    }
}

static void check(const struct ts_command *command, struct ts_bytes message)
{
    expect_within(command->command_id, message);
    expect_within(command->account_id, message);
    expect_within(command->issued_by, message);
    expect_within(command->note, message);
    switch (command->type) {
    case TS_COMMAND_CREDIT_ADDED:
        expect_within(command->body.credit.credit_id, message);
        expect_within(command->body.credit.recharge_id, message);
        TS_ASSERT(command->body.credit.kind <= TS_CREDIT_REFUND);
        TS_ASSERT(command->body.credit.payment_method <= TS_PAYMENT_INVOICE);
        return;
    case TS_COMMAND_RECHARGE_FAILED:
        expect_within(command->body.failed.recharge_id, message);
        expect_within(command->body.failed.reason, message);
        return;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
    case TS_COMMAND_CARD_REPLACED:
        return;
    case TS_COMMAND_ACCOUNT_CHANGED:
        check_change(&command->body.change, message);
        return;
    case TS_COMMAND_TIMER_DUE:
        expect_within(command->body.timer.subject, message);
        TS_ASSERT(command->body.timer.timer <= TS_TIMER_INVOICE);
        return;
    case TS_COMMAND_ADJUSTMENT:
        check_adjustment(&command->body.adjustment, message);
        return;
    }
    TS_ASSERT(false);
}

/* Written, read and written again: both times the same. */
static void write_and_read(const struct ts_command *command)
{
    struct ts_command again;
    struct ts_error err;
    struct ts_buffer first;
    struct ts_buffer second;
    ts_buffer_init(&first, SIZE_MAX / 2);
    ts_buffer_init(&second, SIZE_MAX / 2);
    ts_avro_command_encode(command, &first);
    TS_ASSERT(read(ts_buffer_bytes(&first), &again, &err));
    check(&again, ts_buffer_bytes(&first));
    ts_avro_command_encode(&again, &second);
    TS_ASSERT(ts_bytes_equal(ts_buffer_bytes(&first), ts_buffer_bytes(&second)));
    ts_buffer_finish(&first);
    ts_buffer_finish(&second);
}

/* Good or not, it can be said which; and the same twice. */
static void validate(const struct ts_command *command)
{
    char message[TS_COMMAND_MESSAGE_MAX] = "";
    enum ts_reason reason = ts_command_validate(command, message);
    if (reason != TS_REASON_NONE) {
        fuzz_expect_text(message);
        return;
    }
    if (command->type == TS_COMMAND_ACCOUNT_CHANGED) {
        TS_ASSERT(command->body.change.credit_amount_count <= TS_CREDIT_AMOUNTS_MAX);
        TS_ASSERT(command->body.change.threshold_count <= TS_THRESHOLDS_MAX);
        TS_ASSERT(command->body.change.allowance_count <= TS_ALLOWANCES_MAX);
    }
    if (command->type == TS_COMMAND_ADJUSTMENT) {
        TS_ASSERT(command->body.adjustment.unit_count <= TS_ADJUSTMENT_UNITS_MAX);
    }
    TS_ASSERT(ts_command_identity_hash(command) != 0);
    TS_ASSERT(ts_command_fingerprint(command) == ts_command_fingerprint(command));
}

static void decode(struct ts_bytes message)
{
    struct ts_command command;
    struct ts_error err = {0};
    ts_arena_reset(&arena);
    if (!read(message, &command, &err)) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        TS_ASSERT(err.code >= TS_REASON_DECODE_ERROR && err.code <= TS_REASON_MISSING_FIELD);
        return;
    }
    TS_ASSERT(err.class == TS_ERROR_NONE);
    check(&command, message);
    write_and_read(&command);
    validate(&command);
    for (size_t cut = message.size; cut > 0; cut /= 2) {
        struct ts_command part;
        TS_ASSERT(!read((struct ts_bytes){message.data, cut - 1}, &part, &err));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_all();
    if (size == 0) {
        return 0;
    }
    struct ts_bytes rest = fuzz_bytes(data + 1, size - 1);
    if (data[0] == 0) {
        decode(rest);
        return 0;
    }
    struct ts_buffer message;
    ts_buffer_init(&message, SIZE_MAX / 2);
    ts_avro_write_header(&message, fingerprints[data[0] % 3]);
    ts_buffer_append_bytes(&message, rest);
    decode(ts_buffer_bytes(&message));
    ts_buffer_finish(&message);
    return 0;
}
