-- SPDX-License-Identifier: Apache-2.0
-- Where each input partition stands, which server each Redis bucket lives on, and what became of
-- inputs that were not settled as usage.

-- One row a partition of an input topic. A settle moves next_offset by compare-and-set on
-- (epoch, next_offset); a claim or a reopen raises the epoch, so a former owner's settle finds
-- nothing to update. The counters add up: next_offset - first_offset =
-- settled + duplicates + dead_letters + holes.
CREATE TABLE stream_partition (
    group_name   text    NOT NULL,
    topic        text    NOT NULL,
    partition    integer NOT NULL CHECK (partition >= 0),
    epoch        bigint  NOT NULL,
    next_offset  bigint  NOT NULL CHECK (next_offset >= 0),
    first_offset bigint  NOT NULL,
    tail_hash    bigint  NOT NULL DEFAULT 0,     -- of the record at next_offset - 1
    has_tail     boolean NOT NULL DEFAULT false,
    settled      bigint  NOT NULL DEFAULT 0,
    duplicates   bigint  NOT NULL DEFAULT 0,
    dead_letters bigint  NOT NULL DEFAULT 0,
    holes        bigint  NOT NULL DEFAULT 0,     -- offsets without a record
    PRIMARY KEY (group_name, topic, partition)
) WITH (fillfactor = 20);

-- One row a bucket of accounts in Redis. Generation 0: never registered.
CREATE TABLE redis_bucket (
    bucket         integer PRIMARY KEY CHECK (bucket >= 0),
    run_id         text    NOT NULL DEFAULT '',
    replication_id text    NOT NULL DEFAULT '',
    generation     bigint  NOT NULL DEFAULT 0
);
INSERT INTO redis_bucket (bucket) SELECT generate_series(0, 255);

-- Messages that are to be told and perhaps were not yet: written by the settle that decided them,
-- deleted lazily once the topic's acknowledgement and the group's offset commit cover them.
CREATE TABLE outbox (
    topic      text     NOT NULL,
    partition  integer  NOT NULL,
    "offset"   bigint   NOT NULL, -- of the input that caused it
    n          integer  NOT NULL, -- its place among the messages of that input
    output     smallint NOT NULL, -- which output topic: ports/publisher.h
    account_no bigint   NOT NULL, -- 0: a dead letter
    sequence   bigint   NOT NULL, -- of the account; 0: a dead letter
    key        bytea,
    payload    bytea    NOT NULL,
    PRIMARY KEY (topic, partition, "offset", n)
);
CREATE INDEX outbox_account ON outbox (account_no, sequence);

-- Inputs whose identity was settled before with the same content.
CREATE TABLE duplicate (
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    "offset"      bigint      NOT NULL,
    start_time    timestamptz NOT NULL,
    identity_hash bigint      NOT NULL,
    settled_at    timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);

-- Inputs that could not be charged, whole, until someone requeues them.
CREATE TABLE dead_letter (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    key         bytea,
    value       bytea,
    headers     bytea,       -- ports/headers.h
    record_time timestamptz, -- the broker's
    reason      text        NOT NULL,
    message     text        NOT NULL,
    account_id  text,        -- when the record could be decoded
    created_at  timestamptz NOT NULL,
    status      text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'requeued', 'closed')),
    status_at   timestamptz,
    UNIQUE (topic, partition, "offset")
);
CREATE INDEX dead_letter_open ON dead_letter (reason, id) WHERE status = 'open';

-- Ids of credits and commands: each is applied once, for ever, so this table is never pruned.
CREATE TABLE command_id (
    command_id  text        PRIMARY KEY,
    fingerprint bigint      NOT NULL, -- the same id with other content is refused
    account_no  bigint      NOT NULL,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    applied_at  timestamptz NOT NULL
);
