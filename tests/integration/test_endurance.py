# SPDX-License-Identifier: Apache-2.0
"""What must not stop the stream: records as large as the broker takes, a group under another name,
accounts that change under a running processor, servers that are away at the end."""

import json
import random
import signal
import socket
import time
import urllib.error
import urllib.request

import pytest

import cdrs
import harness

KIB = 1024


def garbage(size, seed=1):
    return random.Random(seed).randbytes(size)


@pytest.mark.smoke
def test_a_record_as_large_as_the_broker_takes_is_a_dead_letter(world):
    """The broker's limit is 1 MiB of a whole batch; incompressible, so that ours is no smaller."""
    settings = {"bootstrap.servers": world.stack.brokers, "message.max.bytes": 4 * KIB * KIB}
    producer = harness.confluent_kafka.Producer(settings)
    large = [garbage(1_048_000), garbage(1_000_000), b"\xc3\x01" + garbage(1_030_000)]
    for value in large:
        producer.produce(world.topics["cdrs"], value, key=garbage(300), partition=0)
        world.produced += 1
    assert producer.flush(30) == 0
    world.send(world.calls.answered())
    world.drain()
    rows = world.query('SELECT "offset", octet_length(value) FROM dead_letter ORDER BY 1')
    assert rows == [(i, len(value)) for i, value in enumerate(large)]
    report = world.assert_books()
    assert (report["settled"], report["dead_letters"]) == (1, 3)


def test_many_large_dead_letters_that_were_not_told_are_told_later(world):
    """More of them than a worker has memory for at once."""
    world.send(*(world.calls.answered() for _ in range(600)))
    world.drain()
    world.query(
        "INSERT INTO outbox SELECT %s, 0, i, 99, 1, 0, 0, NULL,"
        " convert_to(repeat('x', 120 * 1024), 'UTF8') FROM generate_series(0, 599) i RETURNING 1",
        world.topics["cdrs"],
    )
    admin = harness.admin_client(world.stack.brokers)
    for future in admin.delete_consumer_groups([world.name]).values():
        future.result(10)
    processor = world.run(name="later")

    def told():
        assert processor.running(), processor.log[-3000:]
        return world.query("SELECT count(*) FROM outbox")[0][0] == 0

    harness.wait_for("everything told", told, 60)
    processor.stop()


def test_the_same_records_for_a_group_of_another_name(world):
    """Everything is read again and found to be settled; dead letters are dead letters again."""
    world.produce(world.calls.stream(1000))
    world.drain()
    before = world.query("SELECT count(*), sum(balance_micros) FROM account")
    for name in ("another", "a third"):
        processor = world.run(name=name, TOLLSTREAM_KAFKA_GROUP=f"{world.name}.{name}")

        def read_again(group=f"{world.name}.{name}"):
            assert processor.running(), processor.log[-3000:]
            rows = world.query(
                "SELECT coalesce(sum(next_offset), 0) FROM stream_partition"
                " WHERE group_name = %s",
                group,
            )
            return rows[0][0] == world.produced

        harness.wait_for("everything read again", read_again, 30)
        processor.stop()
        assert world.query("SELECT count(*), sum(balance_micros) FROM account") == before


def test_an_account_opened_again_pays_again(new_world):
    """Its profile was remembered while each of its calls was refused for it."""
    world = new_world()
    row = cdrs.accounts(random.Random(1), 1, "standard")[0]
    world.make(accounts=[row | {"status": "closed", "closed_at": "2020-01-01T00:00:00Z"}])
    processor = world.run()
    world.send(world.calls.answered())
    world.wait_settled(alive=processor)
    world.query(
        "UPDATE account SET status = 0, closed_at = NULL, revision = revision + 1 RETURNING 1"
    )
    world.send(world.calls.answered())
    world.wait_settled(alive=processor)
    processor.stop()
    assert world.query("SELECT count(*) FROM usage")[0][0] == 1


def test_a_drain_takes_back_what_it_could_not_settle(world):
    """Told to end while PostgreSQL is away, a processor waits for it instead of saying that
    nothing is left."""
    processor = world.run()
    world.produce(world.calls.stream(400))
    world.wait_settled(alive=processor)
    world.stack.kill("postgres")
    try:
        world.produce(world.calls.stream(400))
        time.sleep(1.5)
        processor.signal(signal.SIGTERM)
        time.sleep(1)
        assert processor.running()
    finally:
        world.stack.start("postgres")
    assert processor.wait(40) == 0
    books = dict(world.query("SELECT account_id, balance_micros FROM account"))
    for key in world.redis.keys("{b*}"):
        for field, value in world.redis.hgetall(key).items():
            if field.startswith(b"a:"):
                assert int(value) == books[field[2:].decode()]
    world.drain()
    world.assert_books()


def test_a_dead_letter_that_is_refused_blocks_and_is_tried_seldom(new_world):
    """Nothing is dropped, no producer is made anew as fast as it can be, and what was held goes on
    when the cause is gone."""
    world = new_world(settings={"kafka": {"producer": {"message.max.bytes": "2000"}}}).make()
    world.produce([(b"k", garbage(5000), 0), (b"k", garbage(10), 0)])
    processor = world.run()
    time.sleep(6)
    assert 2 < processor.log.count("event=publish_failed") < 10  # more are not written
    assert "lost to another member" not in processor.log
    processor.kill()
    world.config.write_text(json.dumps(world.settings()))
    world.send(world.calls.answered())
    world.drain()
    assert world.assert_books()["dead_letters"] == 2


def test_a_partition_never_settled_before_waits_where_the_operator_said_so(new_world):
    world = new_world(partitions=2).make()
    world.send(world.calls.answered())
    world.drain()
    forget = "DELETE FROM stream_partition WHERE topic = %s AND partition = 1 RETURNING 1"
    world.query(forget, world.topics["cdrs"])
    processor = world.run(TOLLSTREAM_START_FROM="stop")
    world.send(world.calls.answered(), partition=0)
    world.send(world.calls.answered(), partition=1)
    world.wait_settled(2, alive=processor)
    assert processor.log.count("event=lane_stopped") == 1 and 'start_from is \\"stop' in processor.log
    time.sleep(1)
    assert world.settled_offsets() == 2
    processor.stop()
    world.drain()
    world.assert_books()


def test_a_processor_without_work_and_without_a_broker_is_not_ready(new_world):
    """Nothing to do and nothing that can be had look the same from inside."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    world = new_world(settings={"http": {"listen": f"127.0.0.1:{port}"}}).make()
    processor = world.run()

    def status():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as err:
            return err.code

    world.send(world.calls.answered())
    world.wait_settled(alive=processor)
    time.sleep(12)
    assert status() == 200
    world.stack.kill("kafka")
    try:
        harness.wait_for("not ready", lambda: status() == 503, 45, every=0.5)
    finally:
        world.stack.start("kafka")
    harness.wait_for("ready again", lambda: status() == 200, 45, every=0.5)
    world.send(world.calls.answered())
    world.wait_settled(2, alive=processor)
    processor.stop()
    world.assert_books()


def test_what_one_transaction_can_not_hold_is_settled_in_more(new_world):
    """PostgreSQL is so slow that a whole settlement never ends within the statement time-out."""
    world = new_world(
        settings={
            "batch": {"records_max": 50, "pool": 64},
            "settle": {"records_max": 5000},
            "postgres": {"statement_timeout_ms": "1500ms"},
        }
    ).make()
    world.run(name="first").stop()  # makes the partitions
    world.query("SELECT 1")
    world.connection.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END $$"
    )
    for (leaf,) in world.query("SELECT leaf::text FROM usage_leaf"):
        world.connection.execute(
            f"CREATE TRIGGER slow BEFORE INSERT ON {leaf} FOR EACH ROW EXECUTE FUNCTION slow()"
        )
    world.produce(world.calls.stream(3000))
    processor = world.drain()
    assert "begin_anew" in processor.log
    world.assert_books()
