/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker reads between settles, and how it claims what it owns. */
#include "adapters/postgres/account_state.h"
#include "adapters/postgres/statements.h"

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

    [TS_PG_READ_RAISE_LOCK] = {"raise_lock",
                               "SELECT pg_advisory_xact_lock(" TS_PG_GENERATION_LOCK ")"},

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

    /* OFFSET 0 for the same reason. */
    [TS_PG_READ_COMMANDS] =
        {"commands",
         "SELECT v.n, c.fingerprint, d.fingerprint, r.command_id IS NOT NULL, p.plan_no,"
         " coalesce(p.settings->>'currency', 'USD'), b.there IS NOT NULL OR e.there IS NOT NULL,"
         " f.there IS NOT NULL"
         " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],"
         " $6::bigint[], $7::timestamptz[], $8::bigint[])"
         " WITH ORDINALITY AS v(command_id, credit_id, recharge_id, rate_plan, account_no,"
         " follows, start_time, identity_hash, n)"
         " LEFT JOIN LATERAL (SELECT c.fingerprint FROM command_id c"
         " WHERE c.space = 0 AND c.command_id = v.command_id OFFSET 0) c ON true"
         " LEFT JOIN LATERAL (SELECT d.fingerprint FROM command_id d"
         " WHERE d.space = 1 AND d.command_id = v.credit_id OFFSET 0) d ON true"
         " LEFT JOIN LATERAL (SELECT r.command_id FROM command_id r"
         " WHERE r.space = 2 AND r.command_id = v.recharge_id OFFSET 0) r ON true"
         /* The row that an adjustment follows: the settlement, or an adjustment of the same call.
          */
         " LEFT JOIN LATERAL (SELECT true AS there FROM usage u"
         " WHERE u.start_time = v.start_time AND u.identity_hash = v.identity_hash"
         " AND u.account_no = v.account_no AND u.movement = v.follows OFFSET 0) b ON true"
         " LEFT JOIN LATERAL (SELECT true AS there FROM adjustment e"
         " WHERE e.account_no = v.account_no AND e.movement = v.follows"
         " AND e.start_time = v.start_time AND e.identity_hash = v.identity_hash OFFSET 0) e"
         " ON true"
         " LEFT JOIN LATERAL (SELECT true AS there FROM adjustment f"
         " WHERE f.account_no = v.account_no AND f.follows = v.follows OFFSET 0) f ON true"
         " LEFT JOIN rate_plan p ON p.name = v.rate_plan"},

    [TS_PG_READ_STATES] = {"states", TS_PG_SELECT_STATES},

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
