/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/records.h"

#include "bench/loadgen/json.h"

enum { KIND_RECORD = 0x4ec, KIND_FAULT = 0xfa017, VALUE_MAX = 1 << 20, NEAR = 100, FAR = 100000 };

bool lg_records_init(struct lg_records *records,
                     const struct lg_options *options,
                     const struct lg_calls *calls,
                     struct ts_error *err)
{
    records->options = options;
    records->calls = calls;
    return ts_avro_cdr_encoder_init(&records->encoder, err);
}

void lg_record_init(struct lg_record *record)
{
    *record = (struct lg_record){.partition_shift = 0};
    lg_call_init(&record->call);
    ts_buffer_init(&record->value, VALUE_MAX);
}

void lg_record_finish(struct lg_record *record)
{
    lg_call_finish(&record->call);
    ts_buffer_finish(&record->value);
}

static uint64_t earlier(const struct lg_records *records, uint64_t n, struct lg_random *random)
{
    uint64_t most = n - records->options->first;
    uint64_t reach = lg_random_chance(random, 500000) ? NEAR : FAR;
    return n - 1 - lg_random_below(random, reach < most ? reach : most);
}

/* Which call message n tells: its own, or an earlier one, perhaps by way of a duplicate. */
static uint64_t told_by(const struct lg_records *records, uint64_t n, uint32_t *partition_shift)
{
    *partition_shift = 0;
    for (;;) {
        struct lg_random random = lg_random_of(records->options->seed, KIND_RECORD, n);
        if (n == records->options->first ||
            !lg_random_chance(&random, records->options->duplicate_ppm)) {
            return n;
        }
        *partition_shift = (uint32_t)lg_random_below(&random, 2);
        n = earlier(records, n, &random);
    }
}

static void encode(const struct lg_records *records,
                   enum lg_fault fault,
                   struct lg_random *random,
                   struct lg_record *record)
{
    ts_buffer_clear(&record->value);
    if (records->options->json) {
        lg_json_write(&record->call.cdr, &record->value);
        return;
    }
    bool older = lg_random_chance(random, records->options->older_schema_ppm) &&
                 fault != LG_FAULT_MANY_ATTRIBUTES;
    ts_avro_cdr_encode(&records->encoder,
                       older ? TS_AVRO_CDR_VERSION_1 : TS_AVRO_CDR_VERSION_CURRENT,
                       &record->call.cdr,
                       &record->value);
}

bool lg_records_make(const struct lg_records *records, uint64_t n, struct lg_record *record)
{
    uint64_t told = told_by(records, n, &record->partition_shift);
    struct lg_random random = lg_random_of(records->options->seed, KIND_FAULT, told);
    enum lg_fault fault = LG_FAULT_NONE;
    uint64_t call = told;
    if (lg_random_chance(&random, records->options->malformed_ppm)) {
        fault = (enum lg_fault)(1 + lg_random_below(&random, LG_FAULT_COUNT - 1));
        if (fault == LG_FAULT_CONFLICT && told > records->options->first) {
            call = earlier(records, told, &random);
        }
    }
    lg_calls_make(records->calls, call, &record->call);
    if (fault != LG_FAULT_NONE) {
        lg_fault_spoil_call(fault, &record->call);
    }
    encode(records, fault, &random, record);
    if (fault != LG_FAULT_NONE && !record->value.failed) {
        lg_fault_spoil_message(fault, &random, &record->value);
    }
    record->key = record->call.cdr.account_id;
    return !record->value.failed;
}
