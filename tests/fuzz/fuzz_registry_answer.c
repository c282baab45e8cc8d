/* SPDX-License-Identifier: Apache-2.0 */
/* What a Schema Registry, or whoever is taken for one, answers: the first byte chooses the status.
 * A schema that comes out is compiled as a writer's and then reads nonsense. */
#include "tests/fuzz/fuzz.h"

#include "adapters/avro/embedded.h"
#include "adapters/avro/known.h"
#include "adapters/registry/answer.h"
#include "core/reason.h"

#include <avro.h>

enum { SCHEMA_SIZE_MAX = 1024 * 1024, ARENA_BLOCK = 4096, ARENA_MAX = 1024 * 1024 };

/* Avro C leaks parts of a schema that it refuses. A refusal is kept, so that it happens once for
 * each id. Called by the leak sanitizer. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libavro";
}

static void read_nonsense(const struct ts_avro_known *known, struct ts_bytes body)
{
    struct ts_error err = {0};
    struct ts_cdr cdr;
    struct ts_command command;
    struct ts_arena arena;
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    bool ok = (known->cdr == NULL || ts_avro_plan_run(known->cdr, body, &cdr, &err)) &&
              (known->command == NULL ||
               ts_avro_command_plan_run(known->command, body, &arena, &command, &err));
    if (!ok) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
    }
    ts_arena_finish(&arena);
}

static void compile(struct ts_bytes text)
{
    struct ts_error err = {0};
    avro_schema_t schema = ts_avro_schema_parse(text, "id 1", NULL, &err);
    if (schema == NULL) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        TS_ASSERT(err.code == TS_REASON_UNKNOWN_SCHEMA);
        return;
    }
    struct ts_avro_known known;
    if (!ts_avro_known_init(&known, schema, &err)) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        TS_ASSERT(err.code == TS_REASON_UNKNOWN_SCHEMA);
    } else {
        read_nonsense(&known, text);
    }
    ts_avro_known_finish(&known);
    avro_schema_decref(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long statuses[] = {200, 200, 200, 200, 200, 200, 404, 500};
    struct fuzz_input input = {data, size};
    long status = statuses[fuzz_take(&input) % 8];
    struct ts_buffer schema;
    struct ts_error err = {0};
    ts_buffer_init(&schema, SCHEMA_SIZE_MAX);
    if (ts_registry_answer_read(status, fuzz_bytes(input.at, input.left), &schema, &err)) {
        TS_ASSERT(status == 200);
        compile(ts_buffer_bytes(&schema));
    } else {
        TS_ASSERT(err.class == TS_ERROR_RETRY || err.code == TS_REASON_UNKNOWN_SCHEMA);
        fuzz_expect_error(&err, err.class == TS_ERROR_RETRY ? TS_ERROR_RETRY : TS_ERROR_REJECT);
    }
    ts_buffer_finish(&schema);
    return 0;
}
