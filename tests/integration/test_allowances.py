# SPDX-License-Identifier: Apache-2.0
"""Included units are used before money, once, and are given back with what is not settled."""

import datetime
import zoneinfo

import psycopg

import harness
from checker import redis_books

DECK = """\
prefix,rate,category,description,interval_1,interval_n,connect_fee
44,0.06,international_outbound,United Kingdom,60,60,0.01
*,0,local_outbound,Local,,,
"""
DRAWN = """
    SELECT cdr_id, charge_micros, allowance_names, allowance_units FROM usage ORDER BY "offset"
"""


def account(allowances, **changes):
    return {
        "account_id": "office",
        "country": "US",
        "timezone": "America/New_York",
        "rate_plan": harness.PLAN,
        "opening_balance": "10",
        "allowances": allowances,
        **changes,
    }


def bundle(name="bundle", units=90, category="international_outbound", **changes):
    return {"name": name, "category": category, "units": units, **changes}


def minutes(world, count, start=None, **changes):
    """A call abroad of so many minutes."""
    record = world.calls.answered(leg=0, **changes)
    start = record["start_time"] if start is None else start
    return dict(
        record,
        start_time=start,
        answer_time=start + 1000,
        end_time=start + 1000 + count * 60_000,
        duration_ms=count * 60_000,
    )


def month_start_ms():
    """Of New York's month, far enough in the past for calls to have ended."""
    zone = zoneinfo.ZoneInfo("America/New_York")
    first = (datetime.datetime.now(zone) - datetime.timedelta(hours=1)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return int(first.timestamp()) * 1000


def test_the_first_units_are_free(new_world):
    """90 of 60 + 60 + 60 seconds: free; 30 of 60 free, so half of 0.07; all of 0.07."""
    world = new_world().make(deck=DECK, accounts=[account([bundle()])])
    world.send(*(minutes(world, 1) for _ in range(3)))
    world.drain()
    rows = [row[1:] for row in world.query(DRAWN)]
    assert rows == [(0, ["bundle"], [60]), (35_000, ["bundle"], [30]), (70_000, None, None)]
    assert world.query("SELECT used FROM allowance_used") == [(90,)]
    assert world.query("SELECT sequence FROM account") == [(1,)]  # allowance.exhausted
    free = world.query("SELECT sum(free_calls), sum(calls) FROM usage_summary")[0]
    assert tuple(map(int, free)) == (0, 3)
    assert world.assert_books()["events"] == 1


def test_the_narrowest_first_and_several_for_one_call(new_world):
    """300 s: 100 of the local_only one do not fit, 60 of the category's, 70 of the license's."""
    allowances = [
        bundle("c", 70, "*", license="talk"),
        bundle("b", 60),
        bundle("a", 100, local_only=True),
        bundle("d", 1000, "*", unit="page"),
    ]
    world = new_world().make(deck=DECK, accounts=[account(allowances)])
    world.send(minutes(world, 5, license="TALK"))
    world.drain()
    # 0.31 x (300 - 130) / 300
    assert [row[1:] for row in world.query(DRAWN)] == [(175_667, ["b", "c"], [60, 70])]
    assert world.assert_books()["events"] == 2


def test_a_month_is_the_accounts(new_world):
    """The last call of a month by the clocks of New York, and the first of the next."""
    first = month_start_ms()
    world = new_world(settings={"usage": {"history_days": 70}}).make(
        deck=DECK, accounts=[account([bundle(units=60)])]
    )
    world.send(
        minutes(world, 1, start=first - 2000),
        minutes(world, 1, start=first + 2000),
        minutes(world, 1, start=first - 1000),
    )
    world.drain()
    assert [row[1] for row in world.query(DRAWN)] == [0, 0, 70_000]
    used = world.query("SELECT month, used FROM allowance_used ORDER BY month")
    assert [units for _, units in used] == [60, 60]
    assert world.assert_books()["events"] == 2


def live_units(world):
    """What Redis has counted for the account, settled or not."""
    fields = world.redis.hgetall(f"{{b{redis_books.bucket_of('office')}}}")
    return sum(int(value) for name, value in fields.items() if name.startswith(b"n:"))


def test_units_of_what_was_not_settled_are_given_back(new_world):
    """Its death finds the calls charged, and their settlement waiting for the account's row."""
    world = new_world().make(deck=DECK, accounts=[account([bundle(units=600)])])
    world.send(*(minutes(world, 1) for _ in range(4)))
    with psycopg.connect(world.postgres_url) as other:
        other.execute("SELECT 1 FROM account FOR UPDATE")
        processor = world.run()
        world.wait_for("four calls charged", lambda: live_units(world) == 240)
        processor.kill()
        assert world.query("SELECT count(*) FROM allowance_used") == [(0,)]
    world.drain()
    assert world.query("SELECT used FROM allowance_used") == [(240,)]
    assert live_units(world) == 240
    world.assert_books()


def test_redis_forgets_what_was_used(new_world):
    world = new_world().make(deck=DECK, accounts=[account([bundle()])])
    processor = world.run()
    world.send(minutes(world, 1))
    world.wait_settled(alive=processor)
    world.redis.flushdb()
    world.send(minutes(world, 1))
    world.wait_settled(alive=processor)
    processor.stop()
    assert [row[1] for row in world.query(DRAWN)] == [0, 35_000]
    world.assert_books()


def test_a_duplicate_draws_nothing(new_world):
    world = new_world().make(deck=DECK, accounts=[account([bundle(units=100)])])
    call = minutes(world, 1)
    world.send(call, call, minutes(world, 1))
    world.send(call, partition=1)
    world.drain()
    assert world.query("SELECT used FROM allowance_used") == [(100,)]
    assert world.assert_books()["duplicates"] == 2
