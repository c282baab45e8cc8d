/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts as JSON: what operators import, and what the calculator prices for. What is refused is
 * told in text; an account that is accepted is within the limits that the database keeps. */
#include "tests/fuzz/fuzz.h"

#include "adapters/json/json_value.h"
#include "adapters/json/profile_json.h"
#include "app/account_json.h"
#include "base/arena.h"
#include "base/utf8.h"
#include "core/timestamp.h"

#include <string.h>

enum { ARENA_BLOCK = 4096, ARENA_MAX = 1024 * 1024 };

static void check_account(const struct ts_stored_account *account)
{
    char text[TS_TIMESTAMP_TEXT_MAX];
    size_t id = strlen(account->account_id);
    TS_ASSERT(id >= 1 && id <= TS_ACCOUNT_ID_MAX);
    TS_ASSERT(ts_utf8_is_text((struct ts_bytes){account->account_id, id}));
    TS_ASSERT(ts_utf8_is_text(account->name));
    TS_ASSERT(account->state.threshold_count <= TS_THRESHOLDS_MAX);
    TS_ASSERT(account->state.credit_amount_count <= TS_CREDIT_AMOUNTS_MAX);
    TS_ASSERT(account->state.invoice_day >= 1 && account->state.invoice_day <= 31);
    TS_ASSERT(account->state.balance_micros >= -TS_AMOUNT_MAX &&
              account->state.balance_micros <= TS_AMOUNT_MAX);
    TS_ASSERT(ts_timestamp_format(account->state.closed_ms, text) < sizeof text);
}

static void read_account(struct ts_bytes text)
{
    struct ts_error err = {0};
    struct ts_stored_account account;
    struct ts_arena arena;
    struct ts_json_document *document = ts_json_document_read(text, &err);
    if (document == NULL) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        return;
    }
    struct ts_json_value root = ts_json_document_root(document);
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    if (ts_account_json_read(&root, &arena, 1767312000000, &account, &err)) {
        TS_ASSERT(err.class == TS_ERROR_NONE);
        check_account(&account);
    } else {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
    }
    ts_arena_finish(&arena);
    ts_json_document_destroy(document);
}

static void read_profile(struct ts_bytes text)
{
    struct ts_error err = {0};
    struct ts_rate_plan plan;
    struct ts_account_profile profile = {.country = "US", .timezone = "UTC"};
    ts_rate_plan_init(&plan, "fuzz");
    if (!ts_json_profile_read(text, &profile, &plan, &err)) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        return;
    }
    TS_ASSERT(profile.country[0] >= 'A' && profile.country[0] <= 'Z');
    TS_ASSERT(profile.country[1] >= 'A' && profile.country[1] <= 'Z' && profile.country[2] == '\0');
    TS_ASSERT(memchr(profile.timezone, '\0', sizeof profile.timezone) != NULL);
    TS_ASSERT(ts_rate_plan_is_emergency(&plan, TS_LITERAL("911")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_account(fuzz_bytes(data, size));
    read_profile(fuzz_bytes(data, size));
    return 0;
}
