-- SPDX-License-Identifier: Apache-2.0
-- Which call was adjusted. The three are absent where its usage partition was taken away.

CREATE OR REPLACE VIEW adjustment_detail AS
SELECT a.account_id,
       account_month(d.start_time, a.timezone) AS month,
       d.start_time,
       d.settled_at                            AS applied_at,
       r.name                                  AS replay,
       d.generation,
       d.category,
       d.prefix,
       d.deck_version,
       micros_decimal(d.amount_micros)         AS amount,
       micros_decimal(d.charge_micros)         AS cost,
       a.currency,
       coalesce((SELECT sum(n) FROM unnest(d.unit_counts) n), 0)::bigint AS allowance_units,
       r.operator,
       r.reason,
       d.movement,
       d.follows,
       d.amount_micros,
       d.charge_micros,
       d.identity_hash,
       d.account_no,
       u.source,
       u.cdr_id,
       u.leg
FROM adjustment d
JOIN account a USING (account_no)
LEFT JOIN replay r USING (generation)
LEFT JOIN usage u ON u.start_time = d.start_time AND u.identity_hash = d.identity_hash;
