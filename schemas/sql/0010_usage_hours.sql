-- SPDX-License-Identifier: Apache-2.0
-- Accounts with very many calls have them summed up by the hour, so that a month's report need not
-- read them. Which accounts and partitions, the keeper decides by what it finds there
-- (adapters/postgres/rollup.c); from then on each settle adds what it writes, in its transaction.

ALTER TABLE account ADD COLUMN summed boolean NOT NULL DEFAULT false; -- some partitions of it are

-- An account's calls that began in [from_time, to_time), one usage partition, are in usage_hour;
-- all of them when it is complete.
CREATE TABLE usage_summed (
    account_no bigint      NOT NULL,
    from_time  timestamptz NOT NULL,
    to_time    timestamptz NOT NULL,
    complete   boolean     NOT NULL,
    PRIMARY KEY (account_no, from_time)
);

CREATE TABLE usage_hour (
    account_no    bigint      NOT NULL,
    hour          timestamptz NOT NULL, -- its first moment
    category      smallint    NOT NULL,
    free          boolean     NOT NULL, -- no charge, and no allowance paid for it
    calls         bigint      NOT NULL,
    duration_ms   bigint      NOT NULL,
    pages         bigint      NOT NULL,
    charge_micros bigint      NOT NULL,
    PRIMARY KEY (account_no, hour, category, free)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- Partitions that the keeper has looked at for such accounts, and how big they were.
CREATE TABLE usage_examined (
    from_time timestamptz PRIMARY KEY,
    pages     bigint NOT NULL
);
