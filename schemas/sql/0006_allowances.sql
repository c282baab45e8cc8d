-- SPDX-License-Identifier: Apache-2.0
-- Allowances: units that an account has each month before calls cost money. Which there are is in
-- account.allowances; here is what was used of them.

-- One row an account, month and allowance, from the first unit on. Moved only by who holds the lock
-- on the account's row, in the transaction that writes the calls that used the units. Redis counts
-- the same and what is not settled yet.
CREATE TABLE allowance_used (
    account_no bigint  NOT NULL REFERENCES account,
    month      integer NOT NULL, -- yyyymm: the account's calendar month in which the calls began
    name       text    NOT NULL,
    used       bigint  NOT NULL CHECK (used >= 0),
    PRIMARY KEY (account_no, month, name)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- What the call drew, allowance by allowance in the order in which it did; both NULL when nothing.
-- charge_micros is what was left to pay.
ALTER TABLE usage ADD COLUMN allowance_names text[], ADD COLUMN allowance_units bigint[];

CREATE OR REPLACE VIEW usage_detail AS
SELECT a.account_id,
       account_month(u.start_time, a.timezone)     AS month,
       u.start_time,
       u.start_time AT TIME ZONE a.timezone        AS local_time,
       usage_category_name(u.category)             AS category,
       usage_direction_name(u.direction)           AS direction,
       usage_license_name(u.license)               AS license,
       usage_service_name(u.service)               AS service,
       u.user_id,
       u.user_name,
       u.department,
       CASE u.direction WHEN 1 THEN u.to_number ELSE u.from_number END AS own_number,
       CASE u.direction WHEN 1 THEN u.from_number ELSE u.to_number END AS other_number,
       u.region                                    AS country,
       u.description                               AS destination,
       u.duration_ms,
       u.pages,
       u.billed,
       usage_unit_name(u.unit)                     AS unit,
       u.rate_e8 * 0.00000001                      AS rate,
       u.connect_fee_e8 * 0.00000001               AS connect_fee,
       micros_decimal(u.charge_micros)             AS cost,
       micros_decimal(u.balance_after_micros)      AS balance_after,
       a.currency,
       usage_disposition_name(u.disposition)       AS disposition,
       u.hangup_cause,
       u.cdr_id,
       u.source,
       u.leg,
       u.call_id,
       u.answer_time,
       u.end_time,
       u.prefix,
       u.deck_version,
       u.generation,
       u.movement,
       u.charge_micros,
       u.balance_after_micros,
       u.settled_at,
       t.name                                      AS topic,
       u.partition,
       u."offset",
       u.account_no,
       coalesce((SELECT sum(n) FROM unnest(u.allowance_units) n), 0)::bigint AS allowance_units
FROM usage u
JOIN account a USING (account_no)
LEFT JOIN topic t USING (topic_no);

-- As before, but a call that an allowance paid for is no free call.
CREATE OR REPLACE VIEW usage_summary AS
WITH whole AS (
    SELECT a.account_no, a.account_id, a.currency, m.*,
           sum(m.made_with) OVER (PARTITION BY a.account_id, a.account_no, a.currency)
           + sum(m.credits + m.adjustments - m.charges)
                 OVER (PARTITION BY a.account_id, a.account_no, a.currency ORDER BY m.month)
               AS closing
    FROM account a
    CROSS JOIN LATERAL (
        SELECT month,
               coalesce(sum(rows), 0) AS calls,
               coalesce(sum(rows) FILTER (WHERE category IN (3, 6)), 0) AS toll_free_calls,
               coalesce(sum(ms) FILTER (WHERE category IN (3, 6)), 0) AS toll_free_ms,
               coalesce(sum(micros) FILTER (WHERE category IN (3, 6)), 0) AS toll_free,
               coalesce(sum(rows) FILTER (WHERE category = 8), 0) AS international_calls,
               coalesce(sum(ms) FILTER (WHERE category = 8), 0) AS international_ms,
               coalesce(sum(micros) FILTER (WHERE category = 8), 0) AS international,
               coalesce(sum(rows) FILTER (WHERE category IN (4, 5)), 0) AS faxes,
               coalesce(sum(pages) FILTER (WHERE category IN (4, 5)), 0) AS fax_pages,
               coalesce(sum(micros) FILTER (WHERE category IN (4, 5)), 0) AS fax,
               coalesce(sum(rows) FILTER (WHERE category IN (9, 10) AND NOT free), 0)
                   AS metered_local_calls,
               coalesce(sum(ms) FILTER (WHERE category IN (9, 10) AND NOT free), 0)
                   AS metered_local_ms,
               coalesce(sum(micros) FILTER (WHERE category IN (9, 10)), 0) AS metered_local,
               coalesce(sum(rows) FILTER (WHERE category = 7), 0) AS premium_calls,
               coalesce(sum(ms) FILTER (WHERE category = 7), 0) AS premium_ms,
               coalesce(sum(micros) FILTER (WHERE category = 7), 0) AS premium,
               coalesce(sum(rows) FILTER (WHERE free), 0) AS free_calls,
               coalesce(sum(micros), 0) AS charges,
               coalesce(sum(credit), 0) AS credits,
               coalesce(sum(adjustment), 0) AS adjustments,
               coalesce(sum(opening), 0) AS made_with
        FROM (
            SELECT date_trunc('month', u.start_time AT TIME ZONE a.timezone) AS month,
                   u.category,
                   u.charge_micros = 0 AND u.allowance_names IS NULL AS free,
                   count(*) AS rows,
                   sum(u.duration_ms) AS ms, sum(u.pages) AS pages,
                   sum(u.charge_micros) AS micros,
                   NULL::numeric AS credit, NULL::numeric AS adjustment, NULL::numeric AS opening
            FROM usage u
            WHERE u.account_no = a.account_no
            GROUP BY 1, 2, 3
            UNION ALL
            SELECT date_trunc('month', e.created_at AT TIME ZONE a.timezone),
                   NULL, NULL, NULL, NULL, NULL, NULL,
                   sum(e.amount_micros) FILTER (WHERE e.kind NOT IN ('opening', 'adjustment')),
                   sum(e.amount_micros) FILTER (WHERE e.kind = 'adjustment'),
                   sum(e.amount_micros) FILTER (WHERE e.kind = 'opening')
            FROM ledger_entry e
            WHERE e.account_no = a.account_no
            GROUP BY 1
            UNION ALL
            SELECT generate_series(date_trunc('month', a.created_at AT TIME ZONE a.timezone),
                                   date_trunc('month', now() AT TIME ZONE a.timezone),
                                   interval '1 month'),
                   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) movement
        GROUP BY month) m
)
SELECT account_id, to_char(month, 'YYYY-MM') AS month, currency,
       calls,
       toll_free_calls,
       round(toll_free_ms / 60000.0, 2) AS toll_free_minutes,
       toll_free * 0.000001 AS toll_free_cost,
       international_calls,
       round(international_ms / 60000.0, 2) AS international_minutes,
       international * 0.000001 AS international_cost,
       faxes,
       fax_pages,
       fax * 0.000001 AS fax_cost,
       metered_local_calls,
       round(metered_local_ms / 60000.0, 2) AS metered_local_minutes,
       metered_local * 0.000001 AS metered_local_cost,
       premium_calls,
       round(premium_ms / 60000.0, 2) AS premium_minutes,
       premium * 0.000001 AS premium_cost,
       free_calls,
       (closing + charges - credits - adjustments) * 0.000001 AS opening_balance,
       credits * 0.000001 AS credits_added,
       adjustments * 0.000001 AS adjustments,
       charges * 0.000001 AS charges,
       closing * 0.000001 AS closing_balance,
       account_no
FROM whole;
