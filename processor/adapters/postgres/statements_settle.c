/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are locked in one order by all sessions, so no two settles can wait for each other: the
 * arrays of accounts come sorted, those of lanes are sorted here, and the sessions' settings make
 * the planner walk them in that order (connection.c). */
#include "adapters/postgres/account_state.h"
#include "adapters/postgres/statements.h"

const struct ts_pg_statement ts_pg_writing[TS_PG_WRITING_COUNT] = {
    [TS_PG_WRITE_BEGIN] = {"begin", "BEGIN ISOLATION LEVEL READ COMMITTED"},

    [TS_PG_WRITE_LOCK] = {"settle_lock",
                          "SELECT pg_advisory_xact_lock_shared(" TS_PG_GENERATION_LOCK ")"},

    [TS_PG_WRITE_LANES] =
        {"lanes",
         "UPDATE stream_partition p SET next_offset = v.end_offset, tail_hash = v.tail_hash,"
         " has_tail = true, settled = p.settled + v.settled,"
         " duplicates = p.duplicates + v.duplicates,"
         " dead_letters = p.dead_letters + v.dead_letters, holes = p.holes + v.holes"
         " FROM (SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[],"
         " $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])"
         " WITH ORDINALITY AS v(topic, partition, epoch, start_offset, end_offset, tail_hash,"
         " settled, duplicates, dead_letters, holes, n) ORDER BY topic, partition) v"
         " WHERE p.group_name = $1::text AND p.topic = v.topic AND p.partition = v.partition"
         " AND p.epoch = v.epoch AND p.next_offset = v.start_offset"
         " RETURNING v.n"},

    [TS_PG_WRITE_BUCKETS] = {"settle_buckets",
                             "SELECT count(*) FROM unnest($1::int[], $2::bigint[])"
                             " AS v(bucket, generation) JOIN redis_bucket b"
                             " ON b.bucket = v.bucket AND b.generation = v.generation"},

    [TS_PG_WRITE_ACCOUNTS] =
        {"accounts",
         "UPDATE account a SET balance_micros = a.balance_micros + v.delta,"
         " movements = a.movements + v.rows"
         " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS v(account_no, delta, rows)"
         " WHERE a.account_no = v.account_no"
         " RETURNING a.account_no, a.balance_micros, a.movements, a.sequence, a.revision,"
         " a.watch_low, a.watch_high, a.summed"},

    /* The account's row is locked by now, so nobody else moves its counters. */
    [TS_PG_WRITE_COUNTERS] =
        {"settle_counters",
         "INSERT INTO allowance_used AS u (account_no, month, name, used)"
         " SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[])"
         " ON CONFLICT (account_no, month, name) DO UPDATE SET used = u.used + excluded.used"
         " RETURNING account_no, month, name, used"},

    [TS_PG_WRITE_STATES_READ] = {"states_read", TS_PG_SELECT_STATES},

    /* Before ours are written, so those are not among them. */
    [TS_PG_WRITE_OLDER] =
        {"older",
         "SELECT o.topic, o.partition, o.\"offset\", o.n, o.output, o.account_no, o.sequence,"
         " o.key, o.payload"
         " FROM unnest($1::bigint[], $2::bigint[]) AS v(account_no, sequence)"
         " JOIN outbox o ON o.account_no = v.account_no AND o.sequence < v.sequence"
         " ORDER BY o.account_no, o.sequence LIMIT $3::bigint"},

    /* A place that has a row was read before, by a group of another name: of the next three, what
     * the first group wrote stays. */
    [TS_PG_WRITE_DUPLICATES] =
        {"duplicates",
         "INSERT INTO duplicate (topic, partition, \"offset\", start_time, identity_hash,"
         " settled_at) SELECT v.*, $6::timestamptz"
         " FROM unnest($1::text[], $2::int[], $3::bigint[], $4::timestamptz[], $5::bigint[]) v"
         " ON CONFLICT DO NOTHING"},

    [TS_PG_WRITE_DEAD_LETTERS] =
        {"dead_letters",
         "INSERT INTO dead_letter (topic, partition, \"offset\", key, value, headers, record_time,"
         " reason, message, account_id, created_at) SELECT v.*, $11::timestamptz"
         " FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[],"
         " $6::bytea[], $7::timestamptz[], $8::text[], $9::text[], $10::text[]) v"
         " ON CONFLICT (topic, partition, \"offset\") DO NOTHING"},

    [TS_PG_WRITE_STATES] =
        {"states",
         "UPDATE account a SET sequence = v.sequence, watch_low = v.watch_low,"
         " watch_high = v.watch_high, armed = v.armed, exhausted = v.exhausted,"
         " card_state = v.card_state, card_charge_micros = v.card_charge,"
         " card_wrong = v.card_wrong, purchases_month = v.purchases_month,"
         " purchases_month_micros = v.purchases_month_micros,"
         " purchases_capped_month = v.purchases_capped_month, timer_at = v.timer_at,"
         " recharge_in_flight_id = v.in_flight_id,"
         " recharge_in_flight_micros = v.in_flight_micros, recharge_expires_at = v.expires_at,"
         " recharge_failures = v.failures, recharge_next_try = v.next_try,"
         " recharge_day = v.day, recharge_day_count = v.day_count, recharge_month = v.month,"
         " recharge_month_micros = v.month_micros, recharge_suppressed_day = v.suppressed_day,"
         " recharge_suppressed_month = v.suppressed_month, recharge_look_again = v.look_again,"
         " recharge_requests = v.requests"
         " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[],"
         " $6::boolean[], $7::smallint[], $8::bigint[], $9::int[], $10::int[], $11::bigint[],"
         " $12::int[], $13::timestamptz[], $14::text[], $15::bigint[], $16::timestamptz[],"
         " $17::int[], $18::timestamptz[], $19::int[], $20::int[], $21::int[], $22::bigint[],"
         " $23::int[], $24::int[], $25::timestamptz[], $26::bigint[])"
         " AS v(account_no, sequence, watch_low, watch_high, armed, exhausted, card_state,"
         " card_charge, card_wrong, purchases_month, purchases_month_micros,"
         " purchases_capped_month, timer_at, in_flight_id, in_flight_micros, expires_at,"
         " failures, next_try, day, day_count, month, month_micros, suppressed_day,"
         " suppressed_month, look_again, requests)"
         " WHERE a.account_no = v.account_no"},

    /* Sorted, so that two settles which wait for each other's ids do so in one order. */
    [TS_PG_WRITE_COMMAND_IDS] =
        {"command_ids",
         "INSERT INTO command_id (space, command_id, fingerprint, account_no, topic, partition,"
         " \"offset\", applied_at) SELECT v.space, v.command_id, v.fingerprint, v.account_no,"
         " v.topic, v.partition, v.place, $8::timestamptz"
         " FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[],"
         " $6::int[], $7::bigint[], $9::boolean[]) AS v(space, command_id, fingerprint, account_no,"
         " topic, partition, place, expected_free)"
         /* One that is expected to be free is not taken; it fails, as a taken one does, when it is
          * not. OFFSET: by the index, for those alone. */
         " WHERE NOT v.expected_free OR EXISTS (SELECT FROM command_id c WHERE c.space = v.space"
         " AND c.command_id = v.command_id OFFSET 0) ORDER BY v.space, v.command_id"},

    [TS_PG_WRITE_ENTRIES] =
        {"entries",
         "INSERT INTO ledger_entry (account_no, movement, kind, amount_micros,"
         " balance_after_micros, ref_id, issued_by, note, topic, partition, \"offset\","
         " created_at) SELECT v.*, $12::timestamptz"
         " FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[],"
         " $6::text[], $7::text[], $8::text[], $9::text[], $10::int[], $11::bigint[]) v"},

    [TS_PG_WRITE_ADJUSTMENTS] =
        {"adjustments",
         "INSERT INTO adjustment (account_no, movement, generation, start_time, identity_hash,"
         " follows, amount_micros, charge_micros, deck_version, category, prefix, month,"
         " unit_names, unit_counts, settled_at, topic_no, partition, \"offset\")"
         " SELECT v.account_no, v.movement, v.generation, v.start_time, v.identity_hash,"
         " v.follows, v.amount, v.charge, v.deck_version, v.category, v.prefix, v.month,"
         " (SELECT array_agg(u->>0 ORDER BY n)"
         " FROM jsonb_array_elements(v.units::jsonb) WITH ORDINALITY AS x(u, n)),"
         " (SELECT array_agg((u->>1)::bigint ORDER BY n)"
         " FROM jsonb_array_elements(v.units::jsonb) WITH ORDINALITY AS x(u, n)),"
         " $17::timestamptz, t.topic_no, v.partition, v.place"
         " FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::timestamptz[], $5::bigint[],"
         " $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::text[],"
         " $12::int[], $13::text[], $14::text[], $15::int[], $16::bigint[])"
         " AS v(account_no, movement, generation, start_time, identity_hash, follows, amount,"
         " charge, deck_version, category, prefix, month, units, topic, partition, place)"
         " JOIN topic t ON t.name = v.topic ORDER BY v.account_no, v.follows"},

    [TS_PG_WRITE_INVOICE_LINES] =
        {"invoice_lines",
         "INSERT INTO invoice_line (account_no, invoice_date, credit_id, amount_micros, currency,"
         " created_at, topic, partition, \"offset\")"
         " SELECT v.account_no, make_date(v.date / 10000, v.date / 100 % 100, v.date % 100),"
         " v.credit_id, v.amount, a.currency, $8::timestamptz, v.topic, v.partition, v.place"
         " FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[], $5::text[], $6::int[],"
         " $7::bigint[]) AS v(account_no, date, credit_id, amount, topic, partition, place)"
         " JOIN account a ON a.account_no = v.account_no"},

    [TS_PG_WRITE_CHANGES] =
        {"changes",
         "INSERT INTO account_change (account_no, command_id, issued_by, note, change, topic,"
         " partition, \"offset\", changed_at)"
         " SELECT v.account_no, v.command_id, v.issued_by, v.note, v.change::jsonb, v.topic,"
         " v.partition, v.place, $9::timestamptz"
         " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
         " $7::int[], $8::bigint[])"
         " AS v(account_no, command_id, issued_by, note, change, topic, partition, place)"},

    /* A time zone that this server does not know fails here, and not in every later settle. */
    [TS_PG_WRITE_SETTINGS] =
        {"settings",
         "UPDATE account a SET revision = a.revision + 1, status = v.status,"
         " closed_at = v.closed_at, subscription = v.subscription,"
         " payment_method = v.payment_method, invoice_day = v.invoice_day,"
         " credit_amounts = v.credit_amounts::bigint[], monthly_credit_cap = v.credit_cap,"
         " thresholds = v.thresholds::bigint[], hysteresis = v.hysteresis,"
         " recharge_on = v.recharge_on, recharge_mode = v.recharge_mode,"
         " recharge_threshold = v.recharge_threshold, recharge_amount = v.recharge_amount,"
         " recharge_count_per_day_max = v.day_max, recharge_amount_per_month_max = v.month_max,"
         " name = coalesce(v.name, a.name), country = coalesce(v.country, a.country),"
         " timezone = coalesce(v.timezone, a.timezone), plan_no = coalesce(v.plan_no, a.plan_no),"
         " allowances = coalesce(v.allowances::jsonb, a.allowances)"
         " FROM unnest($1::bigint[], $2::smallint[], $3::timestamptz[], $4::smallint[],"
         " $5::smallint[], $6::smallint[], $7::text[], $8::bigint[], $9::text[], $10::bigint[],"
         " $11::boolean[], $12::smallint[], $13::bigint[], $14::bigint[], $15::int[],"
         " $16::bigint[], $17::text[], $18::text[], $19::text[], $20::int[], $21::text[])"
         " AS v(account_no, status, closed_at, subscription, payment_method, invoice_day,"
         " credit_amounts, credit_cap, thresholds, hysteresis, recharge_on, recharge_mode,"
         " recharge_threshold, recharge_amount, day_max, month_max, name, country, timezone,"
         " plan_no, allowances)"
         " WHERE a.account_no = v.account_no"
         " AND (v.timezone IS NULL OR $22::timestamptz AT TIME ZONE v.timezone IS NOT NULL)"},

    [TS_PG_WRITE_OUTBOX] =
        {"outbox_add",
         "INSERT INTO outbox (topic, partition, \"offset\", n, output, account_no, sequence, key,"
         " payload) SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::int[],"
         " $5::smallint[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bytea[])"
         " ON CONFLICT DO NOTHING"},

    /* Of the partitions that are summed up, alone. */
    [TS_PG_WRITE_HOURS] =
        {"hours",
         "INSERT INTO usage_hour AS h (account_no, hour, category, free, calls, duration_ms,"
         " pages, charge_micros) SELECT v.* FROM unnest($1::bigint[], $2::timestamptz[],"
         " $3::smallint[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[],"
         " $8::bigint[]) AS v(account_no, hour, category, free, calls, duration_ms, pages,"
         " charge_micros) WHERE EXISTS (SELECT FROM usage_summed k"
         " WHERE k.account_no = v.account_no AND v.hour >= k.from_time AND v.hour < k.to_time"
         " OFFSET 0) ON CONFLICT (account_no, hour, category, free) DO UPDATE"
         " SET calls = h.calls + excluded.calls,"
         " duration_ms = h.duration_ms + excluded.duration_ms,"
         " pages = h.pages + excluded.pages,"
         " charge_micros = h.charge_micros + excluded.charge_micros"},

    [TS_PG_WRITE_ATTACHED] = {"attached", "SELECT usage_require_attached($1::oid[])"},

    [TS_PG_WRITE_COMMIT] = {"commit", "COMMIT"},

    /* numeric: what is beyond the limit may be beyond a bigint too. */
    [TS_PG_WRITE_OVERFLOWS] =
        {"overflows",
         "SELECT v.n, a.balance_micros::numeric + v.delta > 0"
         " FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY"
         " AS v(account_no, delta, n) JOIN account a ON a.account_no = v.account_no"
         " WHERE abs(a.balance_micros::numeric + v.delta) > 9000000000000000"},
};
