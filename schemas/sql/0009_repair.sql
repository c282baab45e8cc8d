-- SPDX-License-Identifier: Apache-2.0
-- The operator's repair of account rows that do not agree with their ledger, which is the truth:
-- adapters/postgres/repair_store.h.

-- What was repaired, by whom and why: the one change of an account that no record brought.
CREATE TABLE account_repair (
    account_no      bigint      NOT NULL REFERENCES account,
    repaired_at     timestamptz NOT NULL,
    operator        text        NOT NULL,
    reason          text        NOT NULL DEFAULT '',
    balance_change  bigint      NOT NULL, -- micro-units, to what the ledger adds up to
    movements       bigint      NOT NULL, -- before and …
    movements_after bigint      NOT NULL, -- … after: the number of ledger rows
    units           jsonb,                -- [[allowance, month, change]]; NULL: none
    PRIMARY KEY (account_no, repaired_at)
);

-- Numbers an account's ledger rows anew: each number once, and none missing but as many as retired
-- partitions had rows, the first ones, since those are old. The order stays; among numbers that
-- were given twice it is that of the settles. Returns how many numbers were given by now.
--
-- For who alone may settle (the exclusive lock of a raise): nothing may be numbered meanwhile.
CREATE FUNCTION ledger_renumber(whose bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    retired bigint := coalesce((SELECT row_count FROM usage_carried c
                                WHERE c.account_no = whose), 0);
    changed regclass;
    last    bigint;
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS ledger_number (
        place regclass, line tid, start_time timestamptz, identity_hash bigint,
        movement bigint, number bigint) ON COMMIT DROP;
    DELETE FROM ledger_number;
    INSERT INTO ledger_number
    WITH ledger AS (
        SELECT u.tableoid::regclass AS place, u.ctid AS line, u.start_time, u.identity_hash,
               u.movement, u.settled_at AS at, t.name AS topic, u.partition, u."offset"
        FROM usage u JOIN topic t USING (topic_no) WHERE u.account_no = whose
        UNION ALL
        SELECT e.tableoid::regclass, e.ctid, j.start_time, j.identity_hash,
               e.movement, e.created_at, e.topic, e.partition, e."offset"
        FROM ledger_entry e LEFT JOIN adjustment j USING (account_no, movement)
        WHERE e.account_no = whose),
    again AS (
        SELECT min(movement) AS low, max(movement) AS high
        FROM (SELECT movement FROM ledger GROUP BY movement HAVING count(*) > 1) x)
    SELECT place, line, start_time, identity_hash, movement,
           n + max(least(movement - numbers, retired)) OVER (ORDER BY n)
    FROM (SELECT ledger.*, dense_rank() OVER (ORDER BY movement) AS numbers,
                 row_number() OVER (ORDER BY (movement >= low)::integer + (movement > high)::integer,
                                    CASE WHEN movement BETWEEN low AND high THEN at END,
                                    movement, topic, partition, "offset") AS n
          FROM ledger, again) x;
    last := retired + (SELECT count(*) FROM ledger_number);
    DELETE FROM ledger_number WHERE number = movement;
    ANALYZE ledger_number;
    FOR changed IN SELECT DISTINCT place FROM ledger_number WHERE place <> 'ledger_entry'::regclass
    LOOP
        EXECUTE format('UPDATE %s u SET movement = n.number FROM ledger_number n'
                       ' WHERE n.place = $1 AND u.ctid = n.line', changed) USING changed;
    END LOOP;
    -- Unique numbers cannot be moved one by one onto each other: by way of the negative ones.
    UPDATE adjustment j SET follows = -n.number FROM ledger_number n
    WHERE j.account_no = whose AND n.movement = j.follows AND n.start_time = j.start_time
      AND n.identity_hash = j.identity_hash;
    UPDATE adjustment j SET movement = -n.number FROM ledger_number n
    WHERE j.account_no = whose AND n.place = 'ledger_entry'::regclass
      AND n.movement = j.movement;
    UPDATE ledger_entry e SET movement = -n.number FROM ledger_number n
    WHERE e.account_no = whose AND n.place = 'ledger_entry'::regclass
      AND n.movement = e.movement;
    UPDATE adjustment SET movement = abs(movement), follows = abs(follows)
    WHERE account_no = whose AND (movement < 0 OR follows < 0);
    UPDATE ledger_entry SET movement = -movement WHERE account_no = whose AND movement < 0;
    UPDATE account SET movements = last WHERE account_no = whose;
    RETURN last;
END $$;
