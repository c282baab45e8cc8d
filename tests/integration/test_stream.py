# SPDX-License-Identifier: Apache-2.0
"""The main job: a mixed stream ends in right books, whatever its batches."""

import pytest

import cdrs
import harness


@pytest.mark.smoke
@pytest.mark.parametrize("seed", [1, 2])
def test_a_mixed_stream_ends_in_right_books(new_world, seed):
    world = new_world(seed=seed).make(accounts=100)
    world.produce(world.calls.stream(3000))
    world.drain()
    report = world.assert_books()
    assert report["duplicates"] > 30 and report["dead_letters"] > 30 and report["events"] > 50


@pytest.mark.parametrize(
    "settings",
    [
        {"batch": {"records_max": 1, "linger_ms": "0ms"}, "settle": {"records_max": 1}},
        {"batch": {"records_max": 5000, "linger_ms": "50ms"}, "settle": {"records_max": 20000}},
        {"workers": 3},
        {"kafka": {"assignment": "eager"}},
    ],
    ids=["one by one", "defaults", "three workers", "eager"],
)
def test_other_settings(new_world, settings):
    world = new_world(settings=settings).make(accounts=100)
    world.produce(world.calls.stream(1500))
    world.drain()
    world.assert_books()


def test_a_second_run_changes_nothing(world):
    world.produce(world.calls.stream(1000))
    world.drain()
    first = world.assert_books()
    world.drain(name="again")
    second = world.assert_books()
    for name in ("settled", "duplicates", "dead_letters", "charged_micros", "events"):
        assert second[name] == first[name]
    assert second["events_told_again"] == first["events_told_again"] == 0


@pytest.mark.smoke
def test_the_whole_topic_again_is_all_duplicates(world):
    messages = list(world.calls.stream(800, duplicates=0, malformed=0))
    world.produce(messages)
    processor = world.run()
    world.wait_settled(alive=processor)
    world.produce((key, value, pick + 1) for key, value, pick in messages)
    world.wait_settled(alive=processor)
    world.produce(messages)
    world.wait_settled(alive=processor)
    processor.stop()
    report = world.assert_books()
    assert report["duplicates"] == 2 * report["settled"]


def test_a_group_that_forgot_its_offsets_reads_nothing_twice(world):
    """Positions are PostgreSQL's: the group's offsets are only what was told."""
    world.produce(world.calls.stream(1000))
    world.drain()
    first = world.assert_books()
    admin = harness.admin_client(world.stack.brokers)
    for future in admin.delete_consumer_groups([world.group]).values():
        future.result(10)
    world.produce(world.calls.stream(200))
    world.drain(name="after")
    second = world.assert_books()
    assert second["settled"] > first["settled"]


def test_records_without_a_key_or_with_another(world):
    for key in (None, b"", b"acct-0001", b"\xff\x00"):
        world.produce([(key, cdrs.CDR.encode(world.calls.answered()), 0)])
    world.drain()
    assert world.assert_books()["settled"] == 4
