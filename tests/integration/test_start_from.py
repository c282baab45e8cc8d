# SPDX-License-Identifier: Apache-2.0
"""Where a partition begins that has no position in PostgreSQL: never at its end."""

import confluent_kafka

import harness


INPUTS = 3  # topics that are read
PARTITIONS = 2


def wait_for_all_stopped(processor):
    lanes = INPUTS * PARTITIONS
    harness.wait_for(
        "all stopped", lambda: processor.log.count("event=lane_stopped ") == lanes, 30
    )


def test_stop_waits_for_a_person(new_world):
    world = new_world(partitions=PARTITIONS, settings={"start_from": "stop"}).make()
    world.produce(world.calls.stream(40, malformed=0))
    processor = world.run()
    wait_for_all_stopped(processor)
    assert "TOLLSTREAM_START_FROM" in processor.log
    processor.stop()
    assert world.query("SELECT count(*) FROM stream_partition") == [(0,)]

    # once by hand: from then on there is a position, and the setting holds nothing back
    processor = world.run(name="earliest", TOLLSTREAM_START_FROM="earliest")
    world.wait_settled(alive=processor)
    processor.stop()
    world.produce(world.calls.stream(40, malformed=0))
    processor = world.drain()
    assert not processor.said("lane_stopped")
    world.assert_books()


def test_stop_survives_trouble(new_world):
    """Reopening is not a reason to begin."""
    world = new_world(partitions=PARTITIONS, settings={"start_from": "stop"}).make()
    world.produce(world.calls.stream(20, malformed=0))
    processor = world.run()
    wait_for_all_stopped(processor)
    world.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()")
    other = world.run(name="other")
    harness.wait_for("the other has one", lambda: other.said("lane_stopped"), 30)
    processor.stop()
    other.stop()
    assert world.query("SELECT count(*) FROM stream_partition") == [(0,)]


def test_earliest_tells_what_is_gone(new_world):
    world = new_world(partitions=1).make()
    world.produce(world.calls.stream(30, malformed=0))
    admin = harness.admin_client(world.stack.brokers)
    place = confluent_kafka.TopicPartition(world.topics["cdrs"], 0, 10)
    for future in admin.delete_records([place]).values():
        future.result(10)
    processor = world.run()
    harness.wait_for("it begins late", lambda: processor.said("begins_late"), 30)
    world.wait_settled(alive=processor)
    processor.stop()
    assert "offset 10:" in processor.log
    positions = "SELECT first_offset, next_offset FROM stream_partition WHERE topic = %s"
    assert world.query(positions, world.topics["cdrs"]) == [(10, 30)]
