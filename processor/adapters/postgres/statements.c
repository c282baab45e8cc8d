/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are locked in one order by all sessions, so no two settles can wait for each other: the
 * arrays of accounts come sorted, those of lanes are sorted here, and the sessions' settings make
 * the planner walk them in that order (connection.c). */
#include "adapters/postgres/statements.h"

/* Settles share this lock; raising a bucket's generation takes it alone. "toll", "gene". */
#define GENERATION_LOCK "1953459308, 1734700645"

const struct ts_pg_statement ts_pg_reading[TS_PG_READING_COUNT] = {
    [TS_PG_READ_KNOWN] = {"known",
                          "SELECT 1 FROM stream_partition"
                          " WHERE group_name = $1::text AND topic = $2::text"
                          " AND partition = $3::int"},

    [TS_PG_READ_CLAIM] = {"claim",
                          "INSERT INTO stream_partition AS p"
                          " (group_name, topic, partition, epoch, next_offset, first_offset)"
                          " VALUES ($1::text, $2::text, $3::int, greatest(1, $5::bigint),"
                          " $4::bigint, $4::bigint)"
                          " ON CONFLICT (group_name, topic, partition)"
                          " DO UPDATE SET epoch = greatest(p.epoch + 1, $5::bigint)"
                          " RETURNING epoch, next_offset, has_tail, tail_hash"},

    [TS_PG_READ_BUCKETS] = {"buckets",
                            "SELECT bucket, generation, run_id, replication_id FROM redis_bucket"},

    [TS_PG_READ_REOPEN] =
        {"reopen",
         "UPDATE stream_partition p SET epoch = greatest(p.epoch + 1, $2::bigint)"
         " FROM (SELECT * FROM unnest($3::text[], $4::int[], $5::bigint[]) WITH ORDINALITY"
         " AS v(topic, partition, epoch, n) ORDER BY topic, partition) v"
         " WHERE p.group_name = $1::text AND p.topic = v.topic AND p.partition = v.partition"
         " AND p.epoch = v.epoch"
         " RETURNING v.n, p.epoch, p.next_offset, p.has_tail, p.tail_hash"},

    [TS_PG_READ_RAISE_LOCK] = {"raise_lock", "SELECT pg_advisory_xact_lock(" GENERATION_LOCK ")"},

    /* Read after the lock was had, by a statement of its own: so its snapshot has all that the lock
     * waited for. */
    [TS_PG_READ_RAISE] =
        {"raise",
         "WITH wanted AS (SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[])"
         " WITH ORDINALITY AS v(bucket, generation, seen, n)),"
         " raised AS (UPDATE redis_bucket b SET run_id = $5::text, replication_id = $6::text,"
         " generation = greatest(b.generation + 1, v.seen + 1, $4::bigint)"
         " FROM wanted v WHERE b.bucket = v.bucket AND b.generation = v.generation"
         " RETURNING v.n, b.generation)"
         " SELECT v.n, r.n IS NOT NULL, coalesce(r.generation, b.generation)"
         " FROM wanted v JOIN redis_bucket b ON b.bucket = v.bucket"
         " LEFT JOIN raised r ON r.n = v.n"},

    /* A row for each allowance of the account, or one. */
    [TS_PG_READ_PROFILES] =
        {"profiles",
         "SELECT v.n, a.account_no, a.country, a.timezone, a.plan_no, a.revision, a.status,"
         " a.closed_at, x.name, x.category, x.license, x.unit, coalesce(x.local_only, false),"
         " coalesce(x.units, 0)"
         " FROM unnest($1::text[]) WITH ORDINALITY AS v(id, n)"
         " JOIN account a ON a.account_id = v.id"
         " LEFT JOIN LATERAL jsonb_to_recordset(a.allowances) AS x(name text, category text,"
         " license text, unit text, local_only boolean, units bigint) ON true ORDER BY v.n"},

    /* One statement, so one snapshot of the generation and the balances. */
    [TS_PG_READ_BALANCES] =
        {"balances",
         "SELECT v.n, b.generation, a.account_no IS NOT NULL, a.balance_micros"
         " FROM redis_bucket b CROSS JOIN unnest($2::text[]) WITH ORDINALITY AS v(id, n)"
         " LEFT JOIN account a ON a.account_id = v.id WHERE b.bucket = $1::int"},

    [TS_PG_READ_COUNTERS] =
        {"counters",
         "SELECT v.n, b.generation, coalesce(u.used, 0)"
         " FROM redis_bucket b CROSS JOIN unnest($2::bigint[], $3::int[], $4::text[])"
         " WITH ORDINALITY AS v(account_no, month, name, n)"
         " LEFT JOIN allowance_used u USING (account_no, month, name) WHERE b.bucket = $1::int"},

    /* OFFSET 0 keeps it a lookup a row: flattened, it becomes a join that reads whole leaves. */
    [TS_PG_READ_IDENTITIES] =
        {"identities",
         "SELECT v.n, u.source, u.cdr_id, u.leg, u.fingerprint"
         " FROM unnest($1::timestamptz[], $2::bigint[]) WITH ORDINALITY AS v(start_time, hash, n)"
         " CROSS JOIN LATERAL (SELECT u.source, u.cdr_id, u.leg, u.fingerprint FROM usage u"
         " WHERE u.start_time = v.start_time AND u.identity_hash = v.hash OFFSET 0) u"},

    /* Dead letters can be large: a page ends with the row that passes the bytes, too. */
    [TS_PG_READ_OUTBOX] =
        {"outbox",
         "SELECT topic, partition, \"offset\", n, output, account_no, sequence, key, payload, rows"
         " FROM (SELECT *, count(*) OVER () AS rows,"
         " sum(size) OVER (ORDER BY \"offset\", n) - size AS before"
         " FROM (SELECT *, octet_length(payload) AS size FROM outbox"
         " WHERE topic = $1::text AND partition = $2::int"
         " AND \"offset\" >= $3::bigint AND \"offset\" < $4::bigint"
         " ORDER BY \"offset\", n LIMIT $5::bigint) o) o"
         " WHERE before < $6::bigint ORDER BY \"offset\", n"},

    [TS_PG_READ_OUTBOX_OLDER] =
        {"outbox_older",
         "SELECT o.topic, o.partition, o.\"offset\", o.n, o.output, o.account_no, o.sequence,"
         " o.key, o.payload"
         " FROM unnest($1::bigint[], $2::bigint[]) AS v(account_no, sequence)"
         " JOIN outbox o ON o.account_no = v.account_no AND o.sequence < v.sequence"
         " WHERE (o.account_no, o.sequence) > ($3::bigint, $4::bigint)"
         " ORDER BY o.account_no, o.sequence LIMIT $5::bigint"},

    [TS_PG_READ_OUTBOX_TRIM] = {"outbox_trim",
                                "DELETE FROM outbox WHERE topic = $1::text"
                                " AND partition = $2::int AND \"offset\" < $3::bigint"},

    [TS_PG_READ_TOPIC] = {"topic", "SELECT topic_no FROM topic WHERE name = $1::text"},
};

const struct ts_pg_statement ts_pg_writing[TS_PG_WRITING_COUNT] = {
    [TS_PG_WRITE_BEGIN] = {"begin", "BEGIN ISOLATION LEVEL READ COMMITTED"},

    [TS_PG_WRITE_LOCK] = {"settle_lock",
                          "SELECT pg_advisory_xact_lock_shared(" GENERATION_LOCK ")"},

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
         " a.watch_low, a.watch_high"},

    /* The account's row is locked by now, so nobody else moves its counters. */
    [TS_PG_WRITE_COUNTERS] =
        {"settle_counters",
         "INSERT INTO allowance_used AS u (account_no, month, name, used)"
         " SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[])"
         " ON CONFLICT (account_no, month, name) DO UPDATE SET used = u.used + excluded.used"
         " RETURNING account_no, month, name, used"},

    [TS_PG_WRITE_STATES_READ] =
        {"states_read",
         "SELECT v.n, a.balance_micros, a.sequence, a.currency, a.armed, a.exhausted,"
         " a.thresholds, a.hysteresis, a.payment_method, a.card_state, a.subscription,"
         " a.monthly_credit_cap, a.watch_low, a.watch_high,"
         " a.recharge_on AND a.status <> 2 /* closed: nobody is to be charged for it any more */,"
         " a.recharge_mode,"
         " a.recharge_threshold, a.recharge_amount, a.recharge_count_per_day_max,"
         " a.recharge_amount_per_month_max, a.recharge_in_flight_id,"
         " a.recharge_in_flight_micros, a.recharge_expires_at, a.recharge_failures,"
         " a.recharge_next_try, a.recharge_day, a.recharge_day_count, a.recharge_month,"
         " a.recharge_month_micros, a.recharge_suppressed_day, a.recharge_suppressed_month,"
         " a.recharge_requests,"
         " to_char($2::timestamptz AT TIME ZONE a.timezone, 'YYYYMMDD')::int,"
         " to_char($2::timestamptz AT TIME ZONE a.timezone, 'YYYYMM')::int"
         " FROM unnest($1::bigint[]) WITH ORDINALITY AS v(account_no, n)"
         " JOIN account a ON a.account_no = v.account_no"},

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
         " card_state = v.card_state, recharge_in_flight_id = v.in_flight_id,"
         " recharge_in_flight_micros = v.in_flight_micros, recharge_expires_at = v.expires_at,"
         " recharge_failures = v.failures, recharge_next_try = v.next_try,"
         " recharge_day = v.day, recharge_day_count = v.day_count, recharge_month = v.month,"
         " recharge_month_micros = v.month_micros, recharge_suppressed_day = v.suppressed_day,"
         " recharge_suppressed_month = v.suppressed_month, recharge_requests = v.requests"
         " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[],"
         " $6::boolean[], $7::smallint[], $8::text[], $9::bigint[], $10::timestamptz[],"
         " $11::int[], $12::timestamptz[], $13::int[], $14::int[], $15::int[], $16::bigint[],"
         " $17::int[], $18::int[], $19::bigint[])"
         " AS v(account_no, sequence, watch_low, watch_high, armed, exhausted, card_state,"
         " in_flight_id, in_flight_micros, expires_at, failures, next_try, day, day_count, month,"
         " month_micros, suppressed_day, suppressed_month, requests)"
         " WHERE a.account_no = v.account_no"},

    [TS_PG_WRITE_OUTBOX] =
        {"outbox_add",
         "INSERT INTO outbox (topic, partition, \"offset\", n, output, account_no, sequence, key,"
         " payload) SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::int[],"
         " $5::smallint[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bytea[])"
         " ON CONFLICT DO NOTHING"},

    [TS_PG_WRITE_ATTACHED] = {"attached", "SELECT usage_require_attached($1::oid[])"},

    [TS_PG_WRITE_COMMIT] = {"commit", "COMMIT"},

    /* numeric: what is beyond the limit may be beyond a bigint too. */
    [TS_PG_WRITE_OVERFLOWS] =
        {"overflows",
         "SELECT v.n FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY"
         " AS v(account_no, delta, n) JOIN account a ON a.account_no = v.account_no"
         " WHERE abs(a.balance_micros::numeric + v.delta) > 9000000000000000"},
};
