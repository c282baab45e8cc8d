# SPDX-License-Identifier: Apache-2.0
"""How a processor ends: a first signal drains, a second ends it at once; either loses nothing."""

import contextlib
import signal
import time

import psycopg
import pytest

import harness


@pytest.mark.smoke
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_in_mid_stream(new_world, number):
    """All that was taken is settled and told before it ends with 0."""
    world = new_world().make(accounts=100)
    processor = world.run()
    with world.flow(6000, 2000):
        world.wait_settled(2000, alive=processor)
        processor.signal(number)
        assert processor.wait(30) == 0, processor.log
    settled = world.query("SELECT topic, partition, next_offset FROM stream_partition")
    assert {(t, p): n for t, p, n in settled if n > 0} == world.committed()
    assert world.query("SELECT count(*) FROM stream_partition WHERE next_offset > 0")[0][0] == 4
    world.drain()
    report = world.assert_books()
    assert report["events_told_again"] == report["dead_letters_told_again"] == 0


@contextlib.contextmanager
def settles_held(world, processor):
    """Somebody holds a lock that every settle needs, and there is something to settle."""
    with psycopg.connect(world.postgres_url) as holder:
        holder.execute("LOCK TABLE account IN ACCESS EXCLUSIVE MODE")
        world.produce(world.calls.stream(500))
        waiting = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND application_name = 'tollstream settle' AND wait_event_type = 'Lock'"""
        harness.wait_for("a settle waits", lambda: world.query(waiting)[0][0], 10)
        processor.signal(signal.SIGTERM)
        harness.wait_for("draining", lambda: processor.said("draining"), 5)
        yield
        holder.rollback()


def test_a_second_signal_ends_it_at_once(world):
    processor = world.run()
    world.produce(world.calls.stream(500))
    world.wait_settled(alive=processor)
    with settles_held(world, processor):
        time.sleep(0.5)
        assert processor.running()
        processor.signal(signal.SIGTERM)
        assert processor.wait(2) == 1
    world.drain()
    world.assert_books()


def test_a_second_signal_ends_what_waits_in_the_background(world):
    """Nothing is left to settle, but the timers wait for a lock."""
    processor = world.run()
    harness.wait_for("started", lambda: processor.said("timers"), 20)
    waiting = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'tollstream timers' AND wait_event_type = 'Lock'"""
    with psycopg.connect(world.postgres_url) as holder:
        holder.execute("LOCK TABLE account IN ACCESS EXCLUSIVE MODE")
        harness.wait_for("the timers wait", lambda: world.query(waiting)[0][0], 10)
        processor.signal(signal.SIGTERM)
        harness.wait_for("draining", lambda: processor.said("draining"), 5)
        time.sleep(0.5)
        assert processor.running()
        processor.signal(signal.SIGTERM)
        assert processor.wait(2) == 1
        holder.rollback()


def test_a_drain_that_takes_too_long_is_given_up(new_world):
    world = new_world(settings={"shutdown_timeout": "2s"}).make()
    processor = world.run()
    world.produce(world.calls.stream(500))
    world.wait_settled(alive=processor)
    with settles_held(world, processor):
        assert processor.wait(5) == 1
    world.drain()
    world.assert_books()


def test_an_idle_processor_ends_at_once(world):
    processor = world.run()
    harness.wait_for("started", lambda: processor.said("started"), 20)
    time.sleep(1)
    began = time.monotonic()
    processor.stop()
    assert time.monotonic() - began < 3
