# SPDX-License-Identifier: Apache-2.0
"""A checker that cannot fail is worth nothing: each test makes a whole, right set of books by hand,
damages one thing, and expects it to be named."""

import io
import pathlib
import sys

import fastavro
import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import cdrs  # noqa: E402
from checker import decode, rating, redis_books, verdict  # noqa: E402
from checker.account import Account, Allowance  # noqa: E402
from checker.decks import Deck  # noqa: E402
from checker.evidence import (  # noqa: E402
    CDR_FIELDS,
    Bucket,
    DeadLetter,
    Duplicate,
    Entry,
    Evidence,
    Input,
    Partition,
    Usage,
)

NOW_MS = 1_763_800_000_000
START_MS = NOW_MS - 3_600_000
DECK = "prefix,rate,category,description\n44,0.03,international_outbound,United Kingdom\n"
MINUTE = 30_000  # micro-units


class Books:
    """Two partitions and one account with 0.1: its calls cost 0.03 a minute. What is right is said
    by hand here, line by line, not computed by what is under test."""

    def __init__(self):
        self.calls = cdrs.Calls(1, ["acct"], NOW_MS)
        self.found = Evidence(
            plans=[rating.Plan(1, "standard")],
            versions=[rating.Version(7, 1, float("-inf"), 0, Deck(DECK.encode()))],
            accounts=[
                Account(
                    11, "acct", "USD", "US", "UTC", 1, 100_000, thresholds=(50_000, 80_000)
                )
            ],
            entry_rows=[Entry(11, 1, "opening", 100_000, 100_000)],
        )
        self.rows = {0: [], 1: []}
        self.inputs = {0: [], 1: []}
        self.events = []
        self.balance = 100_000
        self.movement = 1
        first = self.charge(0, minutes=1)  # 0.07: below 0.08
        self.event("balance.low", {"threshold_micros": 80_000})
        self.charge(0, minutes=0)
        self.charge(1, minutes=1)  # 0.04: below 0.05
        self.event("balance.low", {"threshold_micros": 50_000})
        self.again(0, first)
        self.again(1, first)
        self.refuse(1, dict(first, duration_ms=60_001), "identity_conflict")
        self.refuse(0, self.call(to_number="+4930123"), "no_rate")
        self.refuse(0, self.call(account_id="nobody"), "unknown_account")
        self.refuse(1, b"", "decode_error")
        self.charge(0, minutes=2)  # -0.02
        self.event("balance.exhausted", None)

    def call(self, minutes=1, **changes):
        record = self.calls.answered(attributes={})
        record["start_time"] = START_MS
        record["answer_time"] = START_MS if minutes else None
        record["end_time"] = START_MS + minutes * 60_000
        record["duration_ms"] = minutes * 60_000
        record["disposition"] = "ANSWERED" if minutes else "BUSY"
        return {**record, **changes}

    def put(self, partition, record):
        value = record if isinstance(record, bytes) else cdrs.CDR.encode(record)
        offset = len(self.inputs[partition])
        self.inputs[partition].append(Input(offset, NOW_MS - 60_000, b"acct", value))
        return offset, value

    def charge(self, partition, minutes):
        record = self.call(minutes)
        offset, _ = self.put(partition, record)
        charge = minutes * MINUTE
        self.balance -= charge
        self.movement += 1
        priced = ("international_outbound", "GB", "second", minutes * 60, 3_000_000, 0, "44")
        free = ("unanswered", "GB", "second", 0, 0, 0, "")
        category, region, unit, billed, rate, fee, prefix = priced if minutes else free
        row = Usage(
            offset,
            11,
            self.movement,
            charge,
            self.balance,
            NOW_MS,
            1000 + self.movement,
            category,
            region,
            unit,
            billed,
            rate,
            fee,
            prefix,
            "United Kingdom" if minutes else "",
            7 if minutes else 0,
            0,
            tuple(record[name] for name in CDR_FIELDS),
            None,
        )
        self.rows[partition].append(row)
        self.cause = f"cdr:{record['source']}/{record['cdr_id']}/{record['leg']}/{START_MS}"
        return record

    def again(self, partition, record):
        offset, _ = self.put(partition, record)
        self.rows[partition].append(Duplicate(offset, START_MS, 1002))

    def refuse(self, partition, record, reason):
        offset, value = self.put(partition, record)
        self.rows[partition].append(
            DeadLetter(offset, b"acct", value, NOW_MS - 60_000, reason, "why", NOW_MS)
        )

    def event(self, type_, body):
        sequence = len(self.events) + 1
        self.events.append(
            {
                "event_id": f"e{sequence}",
                "account_id": "acct",
                "sequence": sequence,
                "time": NOW_MS,
                "type": type_,
                "cause": self.cause,
                "currency": "USD",
                "balance_micros": self.balance,
                "body": body and ("tollstream.BalanceLow", body),
            }
        )

    def evidence(self):
        found, account = self.found, self.found.accounts[0]
        account.balance, account.movements = self.balance, self.movement
        account.sequence = len(self.events)
        for p, rows in self.rows.items():
            found.input_rows[p] = self.inputs[p]
            found.usage_rows[p] = [row for row in rows if isinstance(row, Usage)]
            found.duplicate_rows[p] = [row for row in rows if isinstance(row, Duplicate)]
            found.dead_letter_rows[p] = [row for row in rows if isinstance(row, DeadLetter)]
            counts = [len(found.usage_rows[p]), len(found.duplicate_rows[p])]
            counts += [len(found.dead_letter_rows[p]), 0]
            end = len(self.inputs[p])
            found.partition_rows.append(Partition(p, 0, end, *counts, end))
        found.event_values = [(b"acct", encode("event", event)) for event in self.events]
        found.dead_letter_values = [
            (row.key, encode("dead_letter", dead_letter(p, row)))
            for p in self.rows
            for row in found.dead_letter_rows[p]
        ]
        bucket = redis_books.bucket_of("acct")
        fields = {b"g": b"5", b"about": b"x", b"a:acct": str(self.balance).encode()}
        fields |= {b"t:c0": b"9", b"o:c0": b"6", b"f:c0": b"6", b"u:c0:3": b"1 2 2 -60000 4 acct\n"}
        found.bucket_rows = {bucket: Bucket(5, fields)}
        self.bucket = bucket
        return found


def dead_letter(partition, row):
    return {
        "reason": row.reason,
        "message": row.message,
        "topic": "cdrs",
        "partition": partition,
        "offset": row.offset,
        "timestamp": row.timestamp_ms,
        "time": row.created_ms,
        "key": row.key,
        "value": row.value,
        "headers": [],
    }


def encode(name, record):
    messages = decode.Messages(name)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, messages.schema, record)
    return decode.MARKER + messages.wire + out.getvalue()


def judged(evidence):
    return verdict.Judge(evidence, NOW_MS + 60_000).run().report()


def damaged(change):
    """The kinds of fault that are found after the books were changed."""
    books = Books()
    evidence = books.evidence()
    change(books, evidence)
    return judged(evidence)


def test_right_books_are_right():
    report = judged(Books().evidence())
    assert report["ok"], report["faults"]
    assert (report["consumed"], report["settled"]) == (10, 4)
    assert (report["duplicates"], report["dead_letters"]) == (2, 4)
    assert (report["unaccounted"], report["difference_micros"]) == (0, 0)
    assert report["charged_micros"] == 4 * MINUTE and report["events"] == 3
    assert report["accounts_in_redis"] == 1


def replace(rows, place, **changes):
    rows[place] = rows[place]._replace(**changes)


def lose_usage(books, found):
    del found.usage_rows[0][0]


def lose_duplicate(books, found):
    del found.duplicate_rows[1][0]


def lose_dead_letter(books, found):
    del found.dead_letter_rows[1][0]


def end_twice(books, found):
    found.duplicate_rows[0].insert(0, Duplicate(0, START_MS, 1002))


def charge_copy(books, found):
    """The duplicate in the other partition was charged as well."""
    row = found.usage_rows[0][0]
    found.duplicate_rows[1].clear()
    copy = row._replace(offset=1, movement=6, balance_after=-50_000, identity_hash=77)
    found.usage_rows[1].append(copy)


def duplicate_of_nothing(books, found):
    found.usage_rows[0][1:2] = []
    found.duplicate_rows[0].insert(0, Duplicate(1, START_MS, 1003))


def invent_row(books, found):
    found.usage_rows[1].append(found.usage_rows[0][2]._replace(offset=99))


def lag(books, found):
    found.input_rows[0].append(Input(6, NOW_MS, b"acct", cdrs.CDR.encode(books.call())))
    replace(found.partition_rows, 0, high=7)


def skip(books, found):
    """An offset was passed over: next_offset covers it, nothing accounts for it."""
    found.input_rows[0].append(Input(6, NOW_MS, b"acct", cdrs.CDR.encode(books.call())))
    replace(found.partition_rows, 0, high=7, next_offset=7)


def other_tombstone(books, found):
    replace(found.dead_letter_rows[1], 1, value=b"x")


def change_event(number, **changes):
    def change(books, found):
        event = {**books.events[number], **changes}
        found.event_values[number] = (b"acct", encode("event", event))

    return change


def tell_differently(books, found):
    event = {**books.events[0], "balance_micros": 1}
    found.event_values.append((b"acct", encode("event", event)))


def tell_twice(books, found):
    """Under a new id and number: somebody would be told twice."""
    event = {**books.events[0], "event_id": "other", "sequence": 4}
    found.event_values.append((b"acct", encode("event", event)))
    found.accounts[0].sequence = 4


def set_bucket(books, found, **changes):
    bucket = found.bucket_rows[books.bucket]
    found.bucket_rows[books.bucket] = bucket._replace(**changes)


def set_field(name, value):
    def change(books, found):
        found.bucket_rows[books.bucket].fields[name] = value

    return change


def row(place, **changes):
    return lambda books, found: replace(found.usage_rows[0], place, **changes)


def dead_letter_row(place, **changes):
    return lambda books, found: replace(found.dead_letter_rows[0], place, **changes)


def account(**changes):
    def change(books, found):
        for name, value in changes.items():
            setattr(found.accounts[0], name, value)

    return change


DAMAGE = {
    "a settled row is missing": (lose_usage, "lost"),
    "a duplicate is missing": (lose_duplicate, "lost"),
    "a dead letter is missing": (lose_dead_letter, "lost"),
    "a record ended twice": (end_twice, "ended_twice"),
    "a copy was charged": (charge_copy, "settled_twice"),
    "a duplicate of nothing": (duplicate_of_nothing, "wrong_ending"),
    "a row without a record": (invent_row, "row_without_input"),
    "rows of another topic": (lambda b, f: setattr(f, "strays", 1), "stray_row"),
    "records that nobody took": (lag, "not_drained"),
    "a record passed over": (skip, "lost"),
    "counters that do not add up": (
        lambda b, f: replace(f.partition_rows, 0, settled=99),
        "counters",
    ),
    "a wrong charge": (row(0, charge=MINUTE + 1), "wrong_charge"),
    "a wrong category": (row(0, category="local_outbound"), "wrong_charge"),
    "a wrong deck version": (row(0, deck_version=8), "wrong_charge"),
    "a wrong count of units": (row(2, billed=119), "wrong_charge"),
    "a wrong field": (
        lambda b, f: replace(
            f.usage_rows[0], 0, cdr=(*f.usage_rows[0][0].cdr[:-1], 31)
        ),
        "wrong_field",
    ),
    "attributes made up": (row(0, attributes=b"\x02\x02a\x02b\x00"), "wrong_field"),
    "another account's row": (row(0, account=12), "wrong_account"),
    "rows out of order": (row(2, movement=2), "out_of_order"),
    "a gap in the movements": (row(2, movement=9), "movement_gap"),
    "a wrong balance after": (row(2, balance_after=-19_999), "wrong_balance"),
    "a wrong balance": (account(balance=-20_001), "wrong_balance"),
    "a wrong opening": (account(opening=100_001), "wrong_opening"),
    "a wrong count of movements": (account(movements=9), "wrong_counters"),
    "a wrong count of events": (account(sequence=2), "wrong_counters"),
    "another reason": (dead_letter_row(0, reason="unknown_account"), "wrong_ending"),
    "a good record refused": (dead_letter_row(1, reason="account_closed"), "wrong_ending"),
    "a dead letter that is not whole": (other_tombstone, "dead_letter_not_whole"),
    "a dead letter that was not told": (
        lambda b, f: f.dead_letter_values.pop(),
        "dead_letter_not_told",
    ),
    "a dead letter told under another key": (
        lambda b, f: f.dead_letter_values.append((b"x", f.dead_letter_values[0][1])),
        "dead_letter_differs",
    ),
    "an event lost": (lambda b, f: f.event_values.pop(0), "event_lost"),
    "the last event lost": (lambda b, f: f.event_values.pop(), "event_lost"),
    "an event told twice": (tell_twice, "event_unexpected"),
    "an event told differently": (tell_differently, "event_told_differently"),
    "an event of another type": (change_event(2, type="balance.restored"), "event_wrong"),
    "an event with a wrong threshold": (
        change_event(0, body=("tollstream.BalanceLow", {"threshold_micros": 1})),
        "event_wrong",
    ),
    "an event with a wrong balance": (change_event(1, balance_micros=1), "event_wrong"),
    "an event with another cause": (change_event(1, cause="cdr:x/y/0/1"), "event_wrong"),
    "an event id used twice": (change_event(1, event_id="e1"), "event_id_used_twice"),
    "an event under another key": (
        lambda b, f: f.event_values.append((b"x", f.event_values[0][1])),
        "event_key",
    ),
    "an event of nobody": (change_event(2, account_id="nobody"), "event_unexpected"),
    "a wrong balance in Redis": (set_field(b"a:acct", b"-19999"), "redis_balance"),
    "an account in a wrong bucket": (set_field(b"a:other", b"0"), "redis_account"),
    "a charge not taken back": (
        set_field(b"u:c0:4", b"6 6 6 -30000 4 acct\n"),
        "redis_unsettled",
    ),
    "an undo record that is damaged": (set_field(b"u:c0:4", b"6 6 6 x"), "redis_undo"),
    "a floor beyond what is settled": (set_field(b"f:c1", b"99"), "redis_floor"),
    "a generation of nobody": (lambda b, f: set_bucket(b, f, generation=6), "redis_generation"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(name):
    change, kind = DAMAGE[name]
    report = damaged(change)
    assert not report["ok"]
    assert kind in report["faults"], report["faults"]


@pytest.mark.parametrize(
    ("change", "micros"),
    [
        (account(balance=-20_001), 1 + 1),  # and Redis differs from it
        (set_field(b"a:acct", b"0"), 20_000),
        (row(2, charge=2 * MINUTE + 5, balance_after=-20_005), 5),
    ],
)
def test_the_difference_is_told_to_the_micro_unit(change, micros):
    assert damaged(change)["difference_micros"] == micros


def test_what_is_told_again_is_no_fault():
    books = Books()
    evidence = books.evidence()
    evidence.event_values += evidence.event_values
    evidence.dead_letter_values += evidence.dead_letter_values
    report = judged(evidence)
    assert report["ok"], report["faults"]
    assert (report["events_told_again"], report["dead_letters_told_again"]) == (3, 4)


def test_a_bucket_that_is_gone_is_no_fault():
    books = Books()
    evidence = books.evidence()
    set_bucket(books, evidence, fields={})
    assert judged(evidence)["ok"]


# --- parts


@pytest.mark.parametrize("name", sorted(cdrs.BREAK))
def test_each_broken_record_has_its_reason(name):
    value = cdrs.BREAK[name](cdrs.Calls(3, ["acct"], NOW_MS))
    if isinstance(value, dict):
        value = cdrs.CDR.encode(value)
    reason = name.partition(".")[0]
    try:
        cdr = decode.Decoder().decode(value)
        found = verdict.validate.reason_of(cdr, len(value), NOW_MS)
    except decode.Refused as err:
        found = err.reason
    if reason in ("unknown_account", "no_rate", "blocked_destination"):
        assert found is None
    else:
        assert found == reason


def test_a_new_symbol_of_a_known_writer(tmp_path):
    calls = cdrs.Calls(3, ["acct"], NOW_MS)
    schema = cdrs.unknown_enum_schema()
    file = tmp_path / "newer.avsc"
    file.write_text(cdrs.json.dumps(schema))
    decoder = decode.Decoder([file])
    with pytest.raises(decode.Refused, match="unknown_enum"):
        decoder.decode(cdrs.unknown_enum(calls))


def test_murmur2_as_kafkas():
    """Values that Kafka's own tests state."""
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    known |= {b"a-little-bit-longer-string": -1486304829, b"": 275646681}
    for data, value in known.items():
        assert redis_books.murmur2(data) == value & 0xFFFFFFFF


def ledger(opening, **settings):
    return Account(1, "a", "USD", "US", "America/New_York", 1, opening, **settings).begin()


def types(events):
    return [name for name, _ in events]


def test_three_thresholds_at_once_and_equality_is_not_below():
    book = ledger(100, thresholds=(90, 50, 60))
    assert types(book.move(-10, NOW_MS)) == []
    assert types(book.move(-41, NOW_MS)) == ["balance.low"] * 3
    assert book.move(-1, NOW_MS) == []


def test_hysteresis_holds_the_alarm_back():
    book = ledger(100, thresholds=(90,), hysteresis=20)
    assert types(book.move(-20, NOW_MS)) == ["balance.low"]
    assert book.move(20, NOW_MS) == []
    assert types(book.move(10, NOW_MS)) == ["balance.low_cleared"]
    assert types(book.move(-30, NOW_MS)) == ["balance.low"]


def test_thresholds_above_the_opening_and_an_exhausted_opening_are_not_told():
    book = ledger(0, thresholds=(5,))
    assert book.move(-1, NOW_MS) == []
    assert types(book.move(2, NOW_MS)) == ["balance.restored"]
    assert types(book.move(-1, NOW_MS)) == ["balance.exhausted"]


def test_recharge_is_requested_once_and_caps_are_told_once_a_period():
    usable = {"recharge_on": True, "card_state": "confirmed", "recharge_threshold": 50}
    book = ledger(100, **usable, recharge_amount=10)
    assert book.move(-50, NOW_MS) == []
    assert types(book.move(-1, NOW_MS)) == ["recharge.requested"]
    assert book.move(-1, NOW_MS) == []
    capped = ledger(100, **usable, recharge_amount=10, recharge_amount_per_month_max=9)
    assert types(capped.move(-60, NOW_MS)) == ["recharge.suppressed", "cap.reached"]
    assert capped.move(-1, NOW_MS) == []
    unusable = ledger(100, **{**usable, "card_state": "locked"}, recharge_amount=10)
    assert unusable.move(-60, NOW_MS) == []


@pytest.mark.parametrize(
    ("mode", "setting", "amount"),
    [("fixed", 20, 20), ("target", 70, 30), ("target", 40, None), ("shortfall_plus", 20, 30)],
)
def test_amount_of_a_recharge(mode, setting, amount):
    """From 100 to 40, with a threshold of 50."""
    usable = {"recharge_on": True, "payment_method": "invoice", "recharge_threshold": 50}
    told = ledger(100, **usable, recharge_mode=mode, recharge_amount=setting).move(-60, NOW_MS)
    body = {"amount_micros": amount, "payment_method": "invoice", "attempt": 1}
    assert told == ([] if amount is None else [("recharge.requested", body)])


# --- allowances


def included(units, **changes):
    """Books with one account that has so many free seconds abroad."""
    books = Books()
    found = books.evidence()
    found.accounts[0].allowances = (Allowance("abroad", units, "international_outbound"),)
    found.allowance_rows = {(11, 202511, "abroad"): min(units, 240)}
    for (p, place), drawn, paid in changes.pop("calls"):
        replace(found.usage_rows[p], place, drawn=drawn, charge=paid)
    return books, found


def test_an_allowance_pays_for_the_first_units_in_the_ledgers_order():
    """90 free seconds: the first minute is free, of the second half, the rest is paid."""
    calls = [
        ((0, 0), (("abroad", 60),), 0),
        ((1, 0), (("abroad", 30),), 15_000),
        ((0, 2), (), 60_000),
    ]
    books, found = included(90, calls=calls)
    report = judged(found)
    assert "wrong_allowance" not in report["faults"] and "wrong_charge" not in report["faults"]
    calls[1] = ((1, 0), (("abroad", 31),), 14_500)
    assert "wrong_allowance" in judged(included(90, calls=calls)[1])["faults"]


def test_an_allowance_that_is_not_drawn_on_is_found():
    assert "wrong_allowance" in judged(included(90, calls=[])[1])["faults"]


def test_the_narrowest_allowance_is_drawn_on_first():
    charge = rating.Charge("local_outbound", "US", "second", 120, 100)
    wide, licensed, local, narrow = (
        Allowance("a wide", 10),
        Allowance("b", 10, license="talk"),
        Allowance("c", 10, category="local_outbound"),
        Allowance("d", 10, category="local_outbound", local_only=True),
    )
    account_ = Account(1, "a", "USD", "US", "UTC", 1, allowances=(wide, licensed, local, narrow))
    assert account_.fitting(charge, "TALK", True) == [narrow, local, licensed, wide]
    assert account_.fitting(charge, "SELL", False) == [local, wide]
    drawn, told_ = account_.begin().draw([narrow, local], 15, 202511)
    assert drawn == [("d", 10), ("c", 5)]
    assert told_ == [("allowance.exhausted", {"name": "d", "month": "2025-11"})]
