# SPDX-License-Identifier: Apache-2.0
"""A record that can't be charged ends as a dead letter with its own reason; the stream goes on."""

import datetime
import json
import random

import pytest

import cdrs

DAY_MS = cdrs.DAY_MS


def reasons(world):
    """{offset: reason} of partition 0."""
    rows = world.query('SELECT "offset", reason, message FROM dead_letter WHERE partition = 0')
    return {offset: (reason, message) for offset, reason, message in rows}


@pytest.mark.smoke
def test_each_malformed_record_has_its_own_reason_and_the_stream_goes_on(world):
    names = sorted(cdrs.BREAK)
    for name in names:
        broken = cdrs.BREAK[name](world.calls)
        value = cdrs.CDR.encode(broken) if isinstance(broken, dict) else broken
        good = world.calls.answered()
        world.produce([(b"key", value, 0), (b"key", cdrs.CDR.encode(good), 0)])
    world.drain()
    found = reasons(world)
    assert {n: found[2 * i][0] for i, n in enumerate(names)} == {
        n: n.partition(".")[0] for n in names
    }
    assert all(message for _, message in found.values())
    report = world.assert_books()
    assert (report["settled"], report["dead_letters"]) == (len(names), len(names))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing_field.account_id", ["account_id"]),
        ("field_too_long.user_name", ["user_name", "258"]),
        ("invalid_number.letters", ["to_number", "+44CALLME"]),
        ("duration_mismatch.long", ["duration_ms", "63001"]),
        ("answer_mismatch.disposition", ["disposition", "BUSY"]),
        ("unknown_account.id", ["account_id", "nobody"]),
        ("blocked_destination.satellite", ["+88212345678", "882"]),
    ],
)
def test_the_message_names_the_field_and_the_value(world, name, words):
    world.send(cdrs.BREAK[name](world.calls))
    world.drain()
    message = reasons(world)[0][1]
    for word in words:
        assert word in message


def test_an_identity_with_other_content_is_a_conflict(world):
    first = world.calls.answered()
    world.send(first, first, dict(first, duration_ms=first["duration_ms"] + 1000))
    processor = world.run()
    world.wait_settled(alive=processor)
    # settled long since, in another batch, in another partition
    world.send(dict(first, to_number="+4930123456"), first, partition=1)
    world.wait_settled(alive=processor)
    processor.stop()
    rows = world.query('SELECT partition, "offset", reason FROM dead_letter ORDER BY 1, 2')
    assert rows == [(0, 2, "identity_conflict"), (1, 0, "identity_conflict")]
    report = world.assert_books()
    assert (report["settled"], report["duplicates"], report["dead_letters"]) == (1, 2, 2)


def test_what_is_not_part_of_the_content_may_differ(world):
    first = world.calls.answered()
    world.send(first, dict(first, user_name="Somebody else", hangup_cause=31))
    world.drain()
    report = world.assert_books()
    assert (report["settled"], report["duplicates"]) == (1, 1)


def test_a_closed_account_pays_for_calls_that_began_before(new_world):
    world = new_world()
    row = cdrs.accounts(random.Random(1), 1, "standard")[0]
    closed = world.now_ms - DAY_MS
    row |= {"status": "closed", "closed_at": iso(closed)}
    world.make(accounts=[row])
    calls = [world.calls.answered() for _ in range(3)]
    for call, begin in zip(calls, (closed - 1, closed, closed + 1), strict=True):
        call.update(start_time=begin, answer_time=begin, end_time=begin + 60_000)
    world.send(*calls)
    world.drain()
    assert {k: v[0] for k, v in reasons(world).items()} == {
        1: "account_closed",
        2: "account_closed",
    }
    world.assert_books()


def iso(ms):
    seconds, rest = divmod(ms, 1000)
    stamp = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{rest:03}Z"


def test_a_balance_never_leaves_its_range(new_world):
    """A charge that would is refused, however often it comes; others of the batch are charged."""
    world = new_world()
    rows = cdrs.accounts(random.Random(1), 2, "standard")
    rows[0] |= {
        "opening_balance": "-9000000000",
        "auto_recharge": {"on": False},
        "allowances": [],
    }
    world.make(accounts=rows)
    refused = world.calls.answered(account_id=rows[0]["account_id"])
    free = world.calls.answered(account_id=rows[0]["account_id"], to_number="+12125550199")
    paid = world.calls.answered(account_id=rows[1]["account_id"])
    world.send(paid, refused, free, refused)
    processor = world.run()
    world.wait_settled(alive=processor)
    world.send(refused)
    world.wait_settled(alive=processor)
    processor.stop()
    report = world.assert_books()
    assert report["reasons"] == {"charge_overflow": 3}
    assert report["settled"] == 2


def test_a_call_older_than_the_usage_kept_is_too_old(world):
    """history_days is 5 here."""
    begin = world.now_ms - 20 * DAY_MS
    old = world.calls.answered(start_time=begin, answer_time=begin, end_time=begin + 60_000)
    recent = world.calls.answered()
    world.send(old, recent)
    world.drain()
    assert reasons(world)[0][0] == "too_old"
    assert world.assert_books()["settled"] == 1


def test_writers_of_a_known_folder(new_world, tmp_path):
    """A schema of the operator's: its records are read by name; a symbol that nobody knows is a
    reason of its own."""
    schema = cdrs.unknown_enum_schema()
    (tmp_path / "newer.avsc").write_text(json.dumps(schema))
    world = new_world(settings={"schemas_dir": str(tmp_path)}).make()
    writer = cdrs.Writer(schema)
    world.produce([(b"k", writer.encode(world.calls.answered()), 0)])
    world.produce([(b"k", cdrs.unknown_enum(world.calls), 0)])
    world.drain()
    assert {k: v[0] for k, v in reasons(world).items()} == {1: "unknown_enum"}


def test_older_writers(world):
    """Every schema that was ever in schemas/avro/history is read."""
    history = sorted((cdrs.SCHEMAS / "history").glob("call_detail_record.*.avsc"))
    assert history
    for file in history:
        writer = cdrs.Writer.of(file.relative_to(cdrs.SCHEMAS))
        names = {field["name"] for field in writer.json["fields"]}
        record = {k: v for k, v in world.calls.answered().items() if k in names}
        world.produce([(b"k", writer.encode(record), 0)])
    world.drain()
    assert world.assert_books()["settled"] == len(history)
