# SPDX-License-Identifier: Apache-2.0
"""Accounts with very many calls are summed up by the hour while their calls are settled, and the
sums are those of the calls, whoever dies meanwhile."""

import json

import pytest

import harness

SUMMED = "SELECT count(*) FROM usage_summed WHERE complete"
CALLS = 24_000


def report(world, account):
    run = world.tollstream("usage", "--account", account, "--json")
    return json.loads(run.stdout)


@pytest.mark.timeout(300)
def test_sums_that_begin_in_full_flow(new_world):
    world = new_world()
    accounts = [
        {
            "account_id": f"busy-{i}",
            "rate_plan": harness.PLAN,
            "country": "US",
            "timezone": "Asia/Kolkata",  # whose months begin within an hour
            "opening_balance": "1000000",
        }
        for i in range(3)
    ]
    world.make(accounts=accounts)
    world.calls.days = 1
    processor = world.run()
    with world.flow(CALLS, 1200):
        world.wait_for("sums", lambda: world.query(SUMMED)[0][0] > 0, 120)
        settled = world.settled_offsets()
        world.wait_settled(min(settled + 1000, CALLS), alive=processor)
        processor.kill()
        processor = world.run(name="second")
    world.wait_settled(alive=processor, seconds=120)
    processor.stop()
    in_hours = world.query("SELECT sum(calls) FROM usage_hour")[0][0]
    assert 0 < in_hours <= world.query("SELECT count(*) FROM usage")[0][0]
    world.assert_books()
    with_sums = [report(world, row["account_id"]) for row in accounts]
    world.query("UPDATE usage_summed SET complete = false RETURNING 1")
    assert with_sums == [report(world, row["account_id"]) for row in accounts]


def test_wrong_sums_are_found_by_the_audit(new_world):
    world = new_world()
    world.make(accounts=4)
    world.produce(world.calls.stream(200))
    world.drain()
    world.query(
        "INSERT INTO usage_summed SELECT account_no, from_time, to_time, true"
        " FROM account, usage_leaf RETURNING 1"
    )
    run = world.tollstream("audit", check=False)
    assert run.returncode == 1 and "by the hour" in run.stdout
