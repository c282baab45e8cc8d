-- SPDX-License-Identifier: Apache-2.0
-- Credits, the card check, automatic recharge and invoices; and the end of usage partitions, which
-- leaves behind what the books need of them.

-- The ids that are used up for ever: each settled command's own; and of those that credited, the
-- credit_id and the recharge_id. `fingerprint` is the same for all ids of a command.
ALTER TABLE command_id
    DROP CONSTRAINT command_id_pkey,
    ADD COLUMN space smallint NOT NULL DEFAULT 0 -- 0 command_id, 1 credit_id, 2 recharge_id
        CHECK (space IN (0, 1, 2)),
    ADD PRIMARY KEY (space, command_id);
ALTER TABLE command_id ALTER COLUMN space DROP DEFAULT;

-- A command has no start time.
ALTER TABLE duplicate ALTER COLUMN start_time DROP NOT NULL;

-- What moves; NULL stands for 0, or that it was never used.
ALTER TABLE account
    ADD COLUMN card_charge_micros     bigint,  -- the confirmation charge that was posted
    ADD COLUMN card_wrong             integer, -- amounts entered since
    ADD COLUMN purchases_month        integer, -- yyyymm
    ADD COLUMN purchases_month_micros bigint,
    ADD COLUMN purchases_capped_month integer,
    ADD COLUMN recharge_look_again    timestamptz,
    ADD COLUMN timer_at               timestamptz; -- when something falls due by time

-- Few accounts have a timer and few settles move it, so updates of the row stay on their page.
CREATE INDEX account_timer ON account (timer_at) WHERE timer_at IS NOT NULL;

ALTER TABLE ledger_entry
    ADD COLUMN issued_by text, -- the operator, if one did it
    ADD COLUMN note      text; -- and why

-- Each change of an account's settings: who, why and what, as it came on the credits topic.
CREATE TABLE account_change (
    account_no bigint      NOT NULL REFERENCES account,
    changed_at timestamptz NOT NULL,
    command_id text        NOT NULL,
    issued_by  text,
    note       text,
    change     jsonb       NOT NULL, -- the fields of AccountChanged that were set
    topic      text        NOT NULL,
    partition  integer     NOT NULL,
    "offset"   bigint      NOT NULL,
    PRIMARY KEY (account_no, command_id)
);

-- What accounts that pay by invoice owe for the credit they were given.
CREATE TABLE invoice_line (
    account_no    bigint      NOT NULL REFERENCES account,
    invoice_date  date        NOT NULL, -- by the account's calendar
    credit_id     text        NOT NULL,
    amount_micros bigint      NOT NULL,
    currency      text        NOT NULL,
    created_at    timestamptz NOT NULL,
    billed_at     timestamptz, -- NULL: open
    billed_by     text,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    "offset"      bigint      NOT NULL,
    PRIMARY KEY (account_no, credit_id)
);
CREATE INDEX invoice_line_date ON invoice_line (invoice_date);

-- Usage partitions whose time was over: detached by the keeper, or dropped with their rows. No
-- partition is made for the time before the last of them ends: an empty one would take calls that
-- are settled already.
CREATE TABLE usage_retired (
    leaf       text        NOT NULL, -- the table, when it was not dropped
    from_time  timestamptz NOT NULL,
    to_time    timestamptz NOT NULL,
    dropped    boolean     NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (from_time, to_time)
);

-- What retired partitions held, so that the books add up without them: by account …
CREATE TABLE usage_carried (
    account_no    bigint PRIMARY KEY,
    row_count     bigint NOT NULL,
    charge_micros bigint NOT NULL
);
-- … by allowance …
CREATE TABLE usage_carried_units (
    account_no bigint NOT NULL,
    name       text   NOT NULL,
    units      bigint NOT NULL,
    PRIMARY KEY (account_no, name)
);
-- … and by input partition.
CREATE TABLE usage_carried_lane (
    topic_no  smallint NOT NULL,
    partition integer  NOT NULL,
    settled   bigint   NOT NULL,
    PRIMARY KEY (topic_no, partition)
);

-- As before, with who gave a credit and why.
CREATE OR REPLACE VIEW ledger AS
SELECT a.account_id, u.movement, 'usage' AS kind, -u.charge_micros AS amount_micros,
       u.balance_after_micros, u.start_time AS dated, u.settled_at AS applied_at,
       u.source || '/' || u.cdr_id || '/' || u.leg AS ref_id, a.currency,
       micros_decimal(-u.charge_micros) AS amount,
       micros_decimal(u.balance_after_micros) AS balance_after, u.account_no,
       NULL AS issued_by, NULL AS note
FROM usage u JOIN account a USING (account_no)
UNION ALL
SELECT a.account_id, e.movement, e.kind, e.amount_micros,
       e.balance_after_micros,
       CASE e.kind WHEN 'opening' THEN '-infinity' ELSE e.created_at END, e.created_at,
       e.ref_id, a.currency,
       micros_decimal(e.amount_micros),
       micros_decimal(e.balance_after_micros), e.account_no, e.issued_by, e.note
FROM ledger_entry e JOIN account a USING (account_no);

-- As before; what retired partitions held was charged before everything that is shown.
CREATE OR REPLACE VIEW usage_summary AS
WITH whole AS (
    SELECT a.account_no, a.account_id, a.currency, m.*,
           sum(m.made_with) OVER (PARTITION BY a.account_id, a.account_no, a.currency)
           - coalesce((SELECT c.charge_micros FROM usage_carried c
                       WHERE c.account_no = a.account_no), 0)
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
