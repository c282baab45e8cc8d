# SPDX-License-Identifier: Apache-2.0
"""Processors share a group: they divide the partitions, and take over from each other."""

import time

import pytest

import harness


def claimed(processor):
    """Partitions it ever claimed."""
    lines = [line for line in processor.log.splitlines() if "event=claimed" in line]
    return {int(line.split("partition ", 1)[1].split()[0]) for line in lines}


@pytest.mark.smoke
def test_one_of_two_dies_and_the_other_takes_over(new_world):
    world = new_world(partitions=8).make(accounts=100)
    first, second = world.run(name="first"), world.run(name="second")
    with world.flow(9000, 1500):
        world.wait_settled(1500)
        harness.wait_for("both work", lambda: claimed(first) and claimed(second), 20)
        first.kill()
    world.wait_settled(alive=second)  # of every partition: there is nobody else
    second.stop()
    world.assert_books()


def test_one_leaves_and_the_other_goes_on(new_world):
    world = new_world(partitions=8).make(accounts=100)
    first, second = world.run(name="first"), world.run(name="second")
    with world.flow(9000, 1500):
        world.wait_settled(1500)
        harness.wait_for("both work", lambda: claimed(first) and claimed(second), 20)
        first.stop()
    world.wait_settled(alive=second)
    second.stop()
    world.assert_books()


def test_a_stopped_owner_is_fenced_when_it_comes_back(new_world):
    world = new_world(partitions=4).make(accounts=100)
    first = world.run(name="first")
    world.produce(world.calls.stream(1000))
    world.wait_settled(200, alive=first)
    first.signal(harness.signal.SIGSTOP)
    time.sleep(1.5 * harness.SESSION_TIMEOUT_MS / 1000)
    second = world.run(name="second")
    world.produce(world.calls.stream(1000))
    world.wait_settled(alive=second)
    first.signal(harness.signal.SIGCONT)
    world.produce(world.calls.stream(1000))
    world.wait_settled(alive=second)
    first.stop()
    second.stop()
    world.assert_books()
