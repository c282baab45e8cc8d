# SPDX-License-Identifier: Apache-2.0
"""Decks published while the stream flows: each row names the version that priced it, and none is
rated from half a deck."""

import random
import time

import cdrs
import harness

PUBLISHED_WITHIN_S = 2
OLD, NEW = "prefix,rate\n*,0.01\n44,0.6\n", "prefix,rate\n*,0.02\n44,0.9\n"


def paying():
    """Accounts that nothing is included for."""
    rows = cdrs.accounts(random.Random(1), 3, harness.PLAN)
    return [{name: value for name, value in row.items() if name != "allowances"} for row in rows]


def versions(world):
    """[(offset, deck version, charge)] of what was settled, in order."""
    return world.query('SELECT "offset", deck_version, charge_micros FROM usage ORDER BY "offset"')


def test_a_new_version_holds_within_two_seconds_and_changes_nothing_settled(new_world):
    world = new_world().make(deck=OLD, allowances=False)
    processor = world.run()
    world.send(world.calls.answered(), world.calls.answered())
    world.wait_settled(alive=processor)
    before = versions(world)
    world.publish(NEW, "--effective-from", "2020-01-01T00:00:00Z")
    time.sleep(PUBLISHED_WITHIN_S)
    world.send(world.calls.answered())
    world.wait_settled(alive=processor)
    processor.stop()
    after = versions(world)
    assert after[:2] == before
    assert [charge for _, _, charge in after] == [600_000, 600_000, 900_000]
    assert after[2][1] > after[0][1] == after[1][1]
    world.assert_books(publish_lag_ms=PUBLISHED_WITHIN_S * 1000)


def test_a_stream_that_meets_five_versions(new_world):
    """The checker prices each call by the version its row names, and knows which it may name."""
    world = new_world(partitions=4).make(accounts=100)
    processors = [world.run(name=name) for name in ("a", "b")]
    with world.flow(12_000, 1500):
        for rate in (11, 12, 13, 14):
            time.sleep(1.5)
            deck = cdrs.DECK.replace("0.0", f"0.{rate}")
            world.publish(deck, "--effective-from", f"20{rate}-01-01T00:00:00Z")
    world.wait_settled()
    for processor in processors:
        processor.stop()
    met = {version for _, version, _ in versions(world)} - {0}
    assert len(met) >= 4, "on a busy machine one may be superseded before it is met"
    world.assert_books(publish_lag_ms=PUBLISHED_WITHIN_S * 1000)


def test_the_time_of_the_answer_chooses_the_version(new_world):
    world = new_world().make(deck=OLD, allowances=False)
    change = world.now_ms // 1000 * 1000 - cdrs.HOUR_MS
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(change // 1000))
    world.publish(NEW, "--effective-from", stamp)
    calls = []
    for answer in (change - 1, change, change + 1):
        times = {"start_time": answer - 500, "answer_time": answer, "end_time": answer + 60_000}
        calls.append(world.calls.answered(**times))
    world.send(*calls)
    world.drain()
    assert [charge for _, _, charge in versions(world)] == [600_000, 900_000, 900_000]
    world.assert_books()


def test_a_refused_deck_leaves_everything_as_it_was(new_world):
    world = new_world().make(deck=OLD, allowances=False)
    processor = world.run()
    file = world.folder / "bad.csv"
    file.write_text("prefix,rate,days\n44,0.5,mon-fri\n33,x,\n")
    run = world.tollstream("decks", "publish", file, "--rate-plan", harness.PLAN, check=False)
    assert run.returncode != 0
    assert "line 2" in run.stderr or ":2" in run.stderr, run.stderr
    assert "line 3" in run.stderr or ":3" in run.stderr, run.stderr
    assert world.query("SELECT count(*) FROM deck_version") == [(1,)]
    world.send(world.calls.answered())
    world.wait_settled(alive=processor)
    processor.stop()
    assert [charge for _, _, charge in versions(world)] == [600_000]


def test_without_a_deck_nothing_is_free(new_world):
    """No plan has a deck yet: a call without a rate is a dead letter, not a free call."""
    world = new_world().make(deck=None)
    world.send(world.calls.answered())
    world.drain()
    assert world.query("SELECT reason FROM dead_letter") == [("no_rate",)]
    world.assert_books()


def test_a_base_plan_prices_what_the_plan_does_not(new_world):
    world = new_world().make(deck="prefix,rate\n44,0.6\n", allowances=False)
    base = world.folder / "base.csv"
    base.write_text("prefix,rate\n*,0.3\n")
    world.tollstream("rate-plans", "set", "wholesale", "timezone=UTC")
    world.tollstream("decks", "publish", base, "--rate-plan", "wholesale")
    world.tollstream("rate-plans", "set", harness.PLAN, "base_plan=wholesale", "decimals=0")
    world.send(world.calls.answered(), world.calls.answered(to_number="+4930123456"))
    world.drain()
    rows = versions(world)
    # 0.6 and 0.3 a minute, rounded by the account's own plan
    assert [charge for _, _, charge in rows] == [1_000_000, 0]
    assert rows[0][1] != rows[1][1]
    world.assert_books()


def test_a_late_call_finds_the_deck_of_its_time(world):
    """As long as there is a partition for it, however few days are kept by now."""
    first = world.run(name="first", TOLLSTREAM_USAGE_HISTORY_DAYS="40")
    harness.wait_for(
        "partitions",
        lambda: world.query("SELECT count(*) FROM usage_leaf")[0][0] > 40,
        20,
    )
    first.stop()
    change = time.gmtime(world.now_ms // 1000 - 20 * 86400)
    world.publish(NEW, "--effective-from", time.strftime("%Y-%m-%dT%H:%M:%SZ", change))
    begin = world.now_ms - 30 * cdrs.DAY_MS
    late = {"start_time": begin, "answer_time": begin, "end_time": begin + 60_000}
    world.send(world.calls.answered(**late), world.calls.answered())
    world.drain()
    assert [row[1] for row in versions(world)] == [1, 2]
    world.assert_books()
