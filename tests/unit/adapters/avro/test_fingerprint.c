/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/adapters/avro/oracle.h"

#include "adapters/avro/fingerprint.h"

static void expect(const char *json, const char *canonical, uint64_t fingerprint)
{
    avro_schema_t schema;
    if (avro_schema_from_json_length(json, strlen(json), &schema) != 0) {
        fail_msg("%s", avro_strerror());
    }
    struct ts_buffer form;
    ts_buffer_init(&form, 10000);
    ts_avro_canonical_form(schema, &form);
    ts_buffer_append_char(&form, '\0');
    assert_string_equal(form.data, canonical);
    struct ts_bytes bytes = {form.data, form.size - 1};
    if (ts_avro_fingerprint(bytes) != fingerprint) {
        fail_msg("%s: %016llx", canonical, (unsigned long long)ts_avro_fingerprint(bytes));
    }
    ts_buffer_finish(&form);
    avro_schema_decref(schema);
}

/* Vectors of the Avro project (share/test/data/schema-tests.txt). */
static void test_specification(void **state)
{
    (void)state;
    expect("\"null\"", "\"null\"", UINT64_C(0x63dd24e7cc258f8a));
    expect("{\"type\":\"boolean\"}", "\"boolean\"", UINT64_C(0x9f42fc78a4d4f764));
    expect("\"int\"", "\"int\"", UINT64_C(0x7275d51a3f395c8f));
    expect("\"long\"", "\"long\"", UINT64_C(0xd054e14493f41db7));
    expect("\"float\"", "\"float\"", UINT64_C(0x4d7c02cb3ea8d790));
    expect("\"double\"", "\"double\"", UINT64_C(0x8e7535c032ab957e));
    expect("\"bytes\"", "\"bytes\"", UINT64_C(0x4fc016dac3201965));
    expect("\"string\"", "\"string\"", UINT64_C(0x8f014872634503c7));
}

/* What must not count, and names: the fingerprint was computed with fastavro. */
static void test_canonical_form(void **state)
{
    (void)state;
    expect("{ \"namespace\": \"a.b\", \"name\": \"R\", \"type\": \"record\", \"doc\": \"d\", "
           "\"aliases\": [\"Old\"], \"fields\": ["
           "{\"doc\": \"x\", \"type\": {\"logicalType\": \"timestamp-millis\", \"type\": "
           "\"long\"}, \"name\": \"at\"},"
           "{\"name\": \"e\", \"type\": {\"type\": \"enum\", \"name\": \"E\", \"symbols\": "
           "[\"A\", \"B\"]}, \"default\": \"A\"},"
           "{\"name\": \"f\", \"type\": {\"type\": \"fixed\", \"size\": 16, \"name\": \"c.F\"}},"
           "{\"name\": \"again\", \"type\": [\"null\", \"E\", \"c.F\"], \"default\": null},"
           "{\"name\": \"m\", \"type\": {\"type\": \"map\", \"values\": {\"items\": \"string\", "
           "\"type\": \"array\"}}, \"default\": {}},"
           "{\"name\": \"next\", \"type\": [\"null\", \"R\"], \"default\": null}]}",
           "{\"name\":\"a.b.R\",\"type\":\"record\",\"fields\":["
           "{\"name\":\"at\",\"type\":\"long\"},"
           "{\"name\":\"e\",\"type\":{\"name\":\"a.b.E\",\"type\":\"enum\",\"symbols\":[\"A\","
           "\"B\"]}},"
           "{\"name\":\"f\",\"type\":{\"name\":\"c.F\",\"type\":\"fixed\",\"size\":16}},"
           "{\"name\":\"again\",\"type\":[\"null\",\"a.b.E\",\"c.F\"]},"
           "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":"
           "\"string\"}}},"
           "{\"name\":\"next\",\"type\":[\"null\",\"a.b.R\"]}]}",
           UINT64_C(0xc2f6fe9e9b3b5ffa));
}

/* Of every version that wrote records; computed with fastavro. A former version's can never change,
 * the present one's only together with a new file in schemas/avro/history. */
static void test_published_versions(void **state)
{
    (void)state;
    static const struct {
        enum ts_avro_embedded which;
        uint64_t fingerprint;
    } published[] = {
        {TS_AVRO_CDR, UINT64_C(0xd59140f325b8f575)},
        {TS_AVRO_CDR_1, UINT64_C(0xc2c5f10e6954de01)},
        {TS_AVRO_CREDIT, UINT64_C(0xdb26fdaa17aa7aee)},
        {TS_AVRO_EVENT, UINT64_C(0x7a915090ed2bf0ca)},
        {TS_AVRO_DEAD_LETTER, UINT64_C(0xe73cab9401598fef)},
    };
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        struct ts_error err = {0};
        uint64_t fingerprint = 0;
        avro_schema_t schema = ts_avro_schema_parse(ts_avro_embedded_text(published[i].which),
                                                    ts_avro_embedded_name(published[i].which),
                                                    &fingerprint,
                                                    &err);
        assert_non_null(schema);
        if (fingerprint != published[i].fingerprint) {
            fail_msg("%s: %016llx",
                     ts_avro_embedded_name(published[i].which),
                     (unsigned long long)fingerprint);
        }
        avro_schema_decref(schema);
    }
}

static void test_no_schema(void **state)
{
    (void)state;
    struct ts_error err = {0};
    uint64_t fingerprint;
    assert_null(ts_avro_schema_parse(TS_LITERAL("{\"type\":"), "broken.avsc", &fingerprint, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    assert_non_null(strstr(err.text, "broken.avsc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification),
        cmocka_unit_test(test_canonical_form),
        cmocka_unit_test(test_published_versions),
        cmocka_unit_test(test_no_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
