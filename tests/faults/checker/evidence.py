# SPDX-License-Identifier: Apache-2.0
"""What was found, in one shape: made by hand in a test of the checker, or read from live servers
(live.py). A partition's records, and the rows that name them, come in the order of their offsets,
so that millions can be compared without being held at once."""

import dataclasses
import typing


class Input(typing.NamedTuple):
    """A record of the input topic."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: list | None = None


class Usage(typing.NamedTuple):
    """A settled row; times in milliseconds, amounts in micro-units."""

    offset: int
    account: int
    movement: int
    charge: int
    balance_after: int
    settled_ms: int
    identity_hash: int
    category: str
    region: str
    unit: str
    billed: int
    rate_e8: int
    connect_fee_e8: int
    prefix: str
    description: str
    deck_version: int
    generation: int
    cdr: tuple  # of CDR_FIELDS
    attributes: bytes | None
    drawn: tuple = ()  # (allowance, units)


CDR_FIELDS = (
    "source",
    "cdr_id",
    "leg",
    "start_time",
    "answer_time",
    "end_time",
    "duration_ms",
    "pages",
    "license",
    "service",
    "direction",
    "disposition",
    "from_number",
    "to_number",
    "origin_country",
    "call_id",
    "user_id",
    "user_name",
    "department",
    "hangup_cause",
)


class Duplicate(typing.NamedTuple):
    offset: int
    start_ms: int
    identity_hash: int


class DeadLetter(typing.NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int | None
    reason: str
    message: str
    created_ms: int


class Entry(typing.NamedTuple):
    """A ledger row that is no call."""

    account: int
    movement: int
    kind: str
    amount: int
    balance_after: int
    ref_id: str = ""
    issued_by: str | None = None
    note: str | None = None
    created_ms: int | None = None
    topic: str | None = None  # the record that brought it; none for an opening
    partition: int | None = None
    offset: int | None = None


class Applied(typing.NamedTuple):
    """A command that was settled, whatever it did."""

    offset: int
    command_id: str
    account: int


class Partition(typing.NamedTuple):
    """How far the group got in a partition, and the counters kept with it."""

    number: int
    first_offset: int
    next_offset: int
    settled: int
    duplicates: int
    dead_letters: int
    holes: int
    high: int  # the offset after the last record in the topic


class Bucket(typing.NamedTuple):
    """A hash in Redis, and the generation that PostgreSQL has for it."""

    generation: int
    fields: dict


@dataclasses.dataclass
class Credits:
    """The credits topic, by hand. live.Credits has the same methods."""

    topic: str = "credits"
    partition_rows: list = dataclasses.field(default_factory=list)
    input_rows: dict = dataclasses.field(default_factory=dict)
    applied_rows: dict = dataclasses.field(default_factory=dict)
    duplicate_rows: dict = dataclasses.field(default_factory=dict)
    dead_letter_rows: dict = dataclasses.field(default_factory=dict)
    invoice_lines: dict = dataclasses.field(default_factory=dict)

    def inputs(self, partition):
        return iter(self.input_rows.get(partition, ()))

    def applied(self, partition):
        return iter(self.applied_rows.get(partition, ()))

    def duplicates(self, partition):
        return iter(self.duplicate_rows.get(partition, ()))

    def dead_letters(self, partition):
        return iter(self.dead_letter_rows.get(partition, ()))


@dataclasses.dataclass
class Evidence:
    """Everything a verdict is made from, by hand. live.Evidence has the same methods."""

    topic: str = "cdrs"
    plans: list = dataclasses.field(default_factory=list)
    versions: list = dataclasses.field(default_factory=list)
    accounts: list = dataclasses.field(default_factory=list)
    entry_rows: list = dataclasses.field(default_factory=list)
    partition_rows: list = dataclasses.field(default_factory=list)
    input_rows: dict = dataclasses.field(default_factory=dict)
    usage_rows: dict = dataclasses.field(default_factory=dict)
    duplicate_rows: dict = dataclasses.field(default_factory=dict)
    dead_letter_rows: dict = dataclasses.field(default_factory=dict)
    bucket_rows: dict = dataclasses.field(default_factory=dict)
    event_values: list = dataclasses.field(default_factory=list)
    dead_letter_values: list = dataclasses.field(default_factory=list)
    allowance_rows: dict = dataclasses.field(default_factory=dict)
    credits: Credits = dataclasses.field(default_factory=Credits)
    strays: int = 0  # rows of usage that name no partition of the topic
    oldest_usage: int = 0  # start of the oldest leaf, in milliseconds

    def partitions(self):
        return self.partition_rows

    def inputs(self, partition):
        return iter(self.input_rows.get(partition, ()))

    def usage(self, partition):
        return iter(self.usage_rows.get(partition, ()))

    def duplicates(self, partition):
        return iter(self.duplicate_rows.get(partition, ()))

    def dead_letters(self, partition):
        return iter(self.dead_letter_rows.get(partition, ()))

    def entries(self):
        return iter(self.entry_rows)

    def buckets(self):
        return self.bucket_rows

    def events(self):
        """(key, value) of every message of the events topic, from its beginning."""
        return iter(self.event_values)

    def told_dead_letters(self):
        return iter(self.dead_letter_values)

    def allowances_used(self):
        """{(account, month, allowance): units}"""
        return self.allowance_rows

    def stray_rows(self):
        return self.strays

    def oldest_usage_ms(self):
        return self.oldest_usage
