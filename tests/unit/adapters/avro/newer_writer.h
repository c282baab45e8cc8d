/* SPDX-License-Identifier: Apache-2.0 */
/* A schema and a record of a writer of the future. */
#ifndef TS_TESTS_UNIT_ADAPTERS_AVRO_NEWER_WRITER_H
#define TS_TESTS_UNIT_ADAPTERS_AVRO_NEWER_WRITER_H

#include "tests/unit/adapters/avro/oracle.h"

#include "core/cdr.h"

/* A writer of the future: fields of every type that we don't know, unions the other way round,
 * ints for longs, required fields nullable, a symbol and an order of symbols of its own. */
static const char newer_avsc[] =
    "{\"type\":\"record\",\"name\":\"CallDetailRecord\",\"namespace\":\"tollstream\",\"fields\":["
    "{\"name\":\"x_null\",\"type\":\"null\"},{\"name\":\"x_boolean\",\"type\":\"boolean\"},"
    "{\"name\":\"x_int\",\"type\":\"int\"},{\"name\":\"x_long\",\"type\":\"long\"},"
    "{\"name\":\"x_float\",\"type\":\"float\"},{\"name\":\"x_double\",\"type\":\"double\"},"
    "{\"name\":\"x_bytes\",\"type\":\"bytes\"},{\"name\":\"x_string\",\"type\":\"string\"},"
    "{\"name\":\"x_fixed\",\"type\":{\"type\":\"fixed\",\"name\":\"Five\",\"size\":5}},"
    "{\"name\":\"x_enum\",\"type\":{\"type\":\"enum\",\"name\":\"Color\",\"symbols\":[\"RED\","
    "\"BLUE\"]}},"
    "{\"name\":\"x_array\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"Five\",{\"type\":"
    "\"map\",\"values\":\"double\"}]}},"
    "{\"name\":\"x_nulls\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
    "{\"name\":\"x_tree\",\"type\":{\"type\":\"record\",\"name\":\"Tree\",\"fields\":["
    "{\"name\":\"left\",\"type\":[\"null\",\"Tree\"]},{\"name\":\"color\",\"type\":\"Color\"}]}},"
    "{\"name\":\"user_name\",\"type\":[\"string\",\"null\"]},"
    "{\"name\":\"account_id\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"cdr_id\",\"type\":\"bytes\"},{\"name\":\"source\",\"type\":\"string\"},"
    "{\"name\":\"license\",\"type\":{\"type\":\"enum\",\"name\":\"License\",\"symbols\":[\"SELL\","
    "\"ROOMS\",\"TALK\",\"CONTACT_CENTER\"]}},"
    "{\"name\":\"service\",\"type\":[{\"type\":\"enum\",\"name\":\"Service\",\"symbols\":[\"FAX\","
    "\"VIDEO\",\"VOICE\"]},\"null\"]},"
    "{\"name\":\"direction\",\"type\":{\"type\":\"enum\",\"name\":\"Direction\",\"symbols\":["
    "\"OUTBOUND\",\"INBOUND\",\"INTERNAL\"]}},"
    "{\"name\":\"from_number\",\"type\":\"string\"},{\"name\":\"to_number\",\"type\":\"string\"},"
    "{\"name\":\"start_time\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"answer_time\",\"type\":[{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},"
    "\"null\"]},"
    "{\"name\":\"end_time\",\"type\":\"long\"},{\"name\":\"duration_ms\",\"type\":\"int\"},"
    "{\"name\":\"leg\",\"type\":[\"null\",\"int\"]},"
    "{\"name\":\"hangup_cause\",\"type\":\"int\"},"
    "{\"name\":\"disposition\",\"type\":{\"type\":\"enum\",\"name\":\"Disposition\",\"symbols\":["
    "\"CANCELED\",\"ANSWERED\",\"NO_ANSWER\",\"BUSY\",\"FAILED\"]}}]}";

static inline void fill_newer(struct oracle *oracle, const struct ts_cdr *cdr)
{
    avro_value_t value = oracle_field(&oracle->value, "x_fixed");
    assert_int_equal(avro_value_set_fixed(&value, "12345", 5), 0);
    value = oracle_field(&oracle->value, "x_array");
    for (int branch = 0; branch < 3; branch++) {
        avro_value_t item;
        assert_int_equal(avro_value_append(&value, &item, NULL), 0);
        item = oracle_branch(item, branch);
        avro_value_t entry;
        if (branch == 0) {
            assert_int_equal(avro_value_set_null(&item), 0);
        } else if (branch == 1) {
            assert_int_equal(avro_value_set_fixed(&item, "abcde", 5), 0);
        } else {
            assert_int_equal(avro_value_add(&item, "pi", &entry, NULL, NULL), 0);
            assert_int_equal(avro_value_set_double(&entry, 3.14), 0);
        }
    }
    value = oracle_field(&oracle->value, "x_nulls");
    for (int i = 0; i < 100; i++) {
        avro_value_t item;
        assert_int_equal(avro_value_append(&value, &item, NULL), 0);
    }
    value = oracle_field(&oracle->value, "x_tree");
    for (int depth = 0; depth < 5; depth++) {
        avro_value_t color = oracle_field(&value, "color");
        assert_int_equal(avro_value_set_enum(&color, 1), 0);
        value = oracle_branch(oracle_field(&value, "left"), 1);
    }
    avro_value_t color = oracle_field(&value, "color");
    assert_int_equal(avro_value_set_enum(&color, 0), 0);
    set_null(oracle, "x_null", 0);
    avro_value_t left = oracle_branch(oracle_field(&value, "left"), 0);
    assert_int_equal(avro_value_set_null(&left), 0);
    value = oracle_field(&oracle->value, "x_boolean");
    assert_int_equal(avro_value_set_boolean(&value, 1), 0);
    set_number(oracle, "x_int", 0, -1);
    set_number(oracle, "x_long", 0, INT64_MAX);
    value = oracle_field(&oracle->value, "x_float");
    assert_int_equal(avro_value_set_float(&value, 1.5f), 0);
    value = oracle_field(&oracle->value, "x_double");
    assert_int_equal(avro_value_set_double(&value, -2.5), 0);
    set_text(oracle, "x_bytes", 0, TS_LITERAL("\x01\xff"));
    set_text(oracle, "x_string", 0, TS_LITERAL("skip me"));
    set_symbol(oracle, "x_enum", 0, "BLUE");

    set_text(oracle, "user_name", cdr->user_name.data == NULL, cdr->user_name);
    set_text(oracle, "account_id", 1, cdr->account_id);
    set_text(oracle, "cdr_id", 0, cdr->cdr_id);
    set_text(oracle, "source", 0, cdr->source);
    set_symbol(oracle, "license", 0, ts_license_name(cdr->license));
    set_symbol(oracle, "service", 0, ts_service_name(cdr->service));
    set_symbol(oracle, "direction", 0, ts_direction_name(cdr->direction));
    set_text(oracle, "from_number", 0, cdr->from_number);
    set_text(oracle, "to_number", 0, cdr->to_number);
    set_number(oracle, "start_time", 1, cdr->start_ms);
    set_number(oracle, "answer_time", 0, cdr->answer_ms);
    set_number(oracle, "end_time", 0, cdr->end_ms);
    set_number(oracle, "duration_ms", 0, cdr->duration_ms);
    set_null(oracle, "leg", 0);
    set_number(oracle, "hangup_cause", 0, cdr->hangup_cause);
    set_symbol(oracle, "disposition", 0, ts_disposition_name(cdr->disposition));
}

static inline struct ts_cdr newer_cdr(void)
{
    return (struct ts_cdr){
        .cdr_id = TS_LITERAL("c-1"),
        .source = TS_LITERAL("switch"),
        .account_id = TS_LITERAL("office"),
        .user_name = TS_LITERAL("Ann"),
        .license = TS_LICENSE_CONTACT_CENTER,
        .service = TS_SERVICE_VOICE,
        .direction = TS_DIRECTION_INBOUND,
        .from_number = TS_LITERAL("anonymous"),
        .to_number = TS_LITERAL("+18005550100"),
        .start_ms = 1,
        .has_answer = true,
        .answer_ms = 2,
        .end_ms = 3,
        .duration_ms = 4,
        .has_hangup_cause = true,
        .hangup_cause = 16,
        .disposition = TS_DISPOSITION_ANSWERED,
    };
}

#endif
