# SPDX-License-Identifier: Apache-2.0
"""The operator's commands, from outside: what they do to the servers, what they print, and their
exit codes (0 done, 1 the answer is no, 2 it could not be done)."""

import json
import socket
import urllib.error
import urllib.request

import confluent_kafka
import pytest

import cdrs
import harness

HEADERS = [("trace", b"a1"), ("trace", b"\x00\xff"), ("empty", b""), ("absent", None)]


def records(world, topic):
    """[(key, value, headers)] of a whole topic."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": world.stack.brokers,
            "group.id": f"{world.name}.reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    found, ends = [], 0
    for partition in range(world.partitions):
        place = confluent_kafka.TopicPartition(topic, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=10)
        ends += high - low
    consumer.assign(
        [confluent_kafka.TopicPartition(topic, n, 0) for n in range(world.partitions)]
    )
    while len(found) < ends:
        message = consumer.poll(10)
        assert message is not None and message.error() is None
        found.append((message.key(), message.value(), message.headers()))
    consumer.close()
    return found


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(port, path):
    """(status, body)"""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def test_a_requeued_dead_letter_is_the_record_as_it_came(world):
    producer = confluent_kafka.Producer({"bootstrap.servers": world.stack.brokers})
    garbage = bytes(range(256))
    for key in (b"\x00key\xff", None):
        producer.produce(world.topics["cdrs"], garbage, key, headers=HEADERS)
    producer.flush(10)
    world.produced += 2
    world.drain()
    listed = json.loads(world.tollstream("dead-letters", "list", "--open", "--json").stdout)
    assert [row["status"] for row in listed] == ["open", "open"]
    shown = json.loads(world.tollstream("dead-letters", "show", listed[0]["id"], "--json").stdout)
    assert bytes.fromhex(shown["value_hex"]) == garbage
    done = world.tollstream("dead-letters", "requeue", "--reason", listed[0]["reason"])
    assert done.stdout == "2 requeued\n"
    found = records(world, world.topics["cdrs"])
    assert len(found) == 4
    assert all(found.count(record) == 2 for record in found)
    again = world.tollstream("dead-letters", "requeue", listed[0]["id"], check=False)
    assert (again.returncode, again.stdout) == (1, "0 requeued\n")
    assert "there is no open dead letter" in again.stderr


def test_a_dead_letter_is_settled_once_its_reason_is_gone(world):
    account = {"account_id": "late", "country": "US", "rate_plan": harness.PLAN}
    call = {**world.calls.answered(), "account_id": "late"}
    world.send(call)
    world.drain()
    world.import_accounts([{**account, "opening_balance": "5"}])
    world.tollstream("dead-letters", "requeue", "--account", "late")
    world.produced += 1
    world.drain(name="again")
    assert world.query("SELECT count(*) FROM usage")[0][0] == 1
    status, report = world.audit()
    assert (status, report["settled"], report["dead_letters"]) == (0, 1, 1)


def test_the_audit_finds_what_was_tampered_with(world):
    world.produce(world.calls.stream(400))
    world.drain()
    world.assert_books()
    account = world.query("SELECT account_id FROM account ORDER BY movements DESC LIMIT 1")[0][0]

    def found():
        status, report = world.audit()
        assert status == 1 and not report["ok"]
        return report["difference_micros"], {
            (d["check"], d["subject"]) for d in report["differences"]
        }

    bucket = next(k for k in world.redis.keys("{b*") if world.redis.hexists(k, f"a:{account}"))
    world.redis.hincrby(bucket, f"a:{account}", 7)
    assert found() == (7, {("live_balance", account)})
    world.redis.hincrby(bucket, f"a:{account}", -7)
    assert world.audit()[0] == 0

    world.query("UPDATE account SET sequence = sequence + 2 WHERE account_id = %s RETURNING 1", account)
    assert found() == (0, {("events_missing", account)})
    world.query("UPDATE account SET sequence = sequence - 2 WHERE account_id = %s RETURNING 1", account)

    world.query("DELETE FROM duplicate WHERE ctid = (SELECT min(ctid) FROM duplicate) RETURNING 1")
    assert {check for check, _ in found()[1]} == {"inputs"}


def test_the_audit_is_right_while_traffic_flows(world):
    processor = world.run()
    with world.flow(3000, 600):
        for _ in range(5):
            status, report = world.audit()
            assert status == 0, report
    world.wait_settled(alive=processor)
    processor.stop()
    world.assert_books()


def test_redis_may_be_empty_for_the_audit(world):
    world.produce(world.calls.stream(100))
    world.drain()
    world.redis.flushdb()
    assert world.audit()[0] == 0


def test_import_is_all_or_nothing_and_names_every_bad_line(world):
    file = world.folder / "mixed.jsonl"
    good = {"account_id": "new", "country": "US", "rate_plan": harness.PLAN}
    lines = [good, {**good, "country": "usa"}, {**good, "opening_balance": 1.5}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + "{\n")
    run = world.tollstream("accounts", "import", file, check=False)
    assert run.returncode == 1
    assert [line.split(":")[1] for line in run.stderr.splitlines()[:3]] == ["2", "3", "4"]
    assert "3 of 4 accounts are bad; nothing was imported" in run.stderr
    assert world.tollstream("accounts", "show", "new", check=False).returncode == 1
    world.import_accounts([{**good, "opening_balance": "12.5"}])
    shown = json.loads(world.tollstream("accounts", "show", "new", "--json").stdout)
    assert (shown["balance"], shown["live_balance"]) == ("12.500000", "12.500000")
    file.write_text(json.dumps(good) + "\n" + json.dumps({**good, "account_id": "newer"}) + "\n")
    run = world.tollstream("accounts", "import", file, check=False)
    assert run.returncode == 1 and "there already" in run.stderr
    assert world.tollstream("accounts", "show", "newer", check=False).returncode == 1


def test_listing_pages_through_all_accounts(world):
    rows = json.loads(world.tollstream("accounts", "list", "--json").stdout)
    ids = [row["account_id"] for row in rows]
    assert len(ids) == 40 and ids == sorted(ids)
    some = world.tollstream("accounts", "list", "--after", ids[9], "--limit", 5, "--format", "csv")
    assert [line.split(",")[0] for line in some.stdout.splitlines()[1:]] == ids[10:15]


def test_show_tells_the_live_balance_before_it_is_settled(world):
    call = world.calls.answered()
    world.send(call)
    world.drain()
    shown = json.loads(world.tollstream("accounts", "show", call["account_id"], "--json").stdout)
    assert shown["balance"] == shown["live_balance"]
    world.redis.flushdb()
    shown = json.loads(world.tollstream("accounts", "show", call["account_id"], "--json").stdout)
    assert shown["balance"] == shown["live_balance"]


def test_topics_are_made_once(world):
    rows = json.loads(world.tollstream("topics", "create", "--partitions", 4, "--json").stdout)
    assert {row["result"] for row in rows} == {"was there"}
    other = world.tollstream("topics", "create", "--partitions", 7, check=False)
    assert other.returncode == 1
    listed = json.loads(world.tollstream("topics", "list", "--json").stdout)
    assert {row["topic"] for row in listed} == set(world.topics.values())
    assert {row["partitions"] for row in listed} == {4}


def test_topics_keep_their_records_as_long_as_told(new_world):
    """But dead letters for ever: until somebody requeues them."""
    world = new_world()
    world.tollstream("topics", "create", "--partitions", 1, "--retention", "30d")
    rows = json.loads(world.tollstream("topics", "list", "--json").stdout)
    kept = {row["role"]: row["retention_ms"] for row in rows}
    assert kept.pop("dead_letters") == -1
    assert set(kept.values()) == {30 * 86_400_000}
    bad = world.tollstream("topics", "create", "--retention", "30", check=False)
    assert bad.returncode == 2 and "30d" in bad.stderr


def test_a_refused_deck_changes_nothing(world):
    before = world.tollstream("decks", "list", "--json").stdout
    bad = world.folder / "bad.csv"
    bad.write_text("prefix,rate\n44,0.01\n44,x\n,1\n")
    assert world.tollstream("decks", "validate", bad, check=False).returncode == 1
    run = world.tollstream("decks", "publish", bad, "--rate-plan", harness.PLAN, check=False)
    assert run.returncode == 2 and ":3:" in run.stderr and ":4:" in run.stderr
    assert world.tollstream("decks", "list", "--json").stdout == before
    version = json.loads(before)[0]["version"]
    assert world.tollstream("decks", "show", version).stdout == cdrs.DECK


@pytest.mark.parametrize("keys", [["timezone=Mars/Olympus"], ["base_plan=none"], ["decimals=7"]])
def test_a_rate_plan_that_no_processor_could_load_is_refused(world, keys):
    before = world.tollstream("rate-plans", "list", "--json").stdout
    run = world.tollstream("rate-plans", "set", harness.PLAN, *keys, check=False)
    assert run.returncode == 2 and run.stderr
    assert world.tollstream("rate-plans", "list", "--json").stdout == before


def test_metrics_and_health_of_a_running_processor(world):
    port = free_port()
    processor = world.run(TOLLSTREAM_HTTP_LISTEN=f"127.0.0.1:{port}")
    harness.wait_for("it has started", lambda: processor.said("started"), 30)
    harness.wait_for("it is ready", lambda: get(port, "/readyz")[0] == 200, 30)
    world.produce(world.calls.stream(300))
    world.wait_settled(alive=processor)

    def consumed():
        lines = get(port, "/metrics")[1].splitlines()
        return "tollstream_records_consumed_total 300" in lines

    harness.wait_for("all records are counted", consumed, 10)
    assert get(port, "/healthz") == (200, "ok\n")
    assert get(port, "/other")[0] == 404
    processor.stop()


def test_a_server_that_is_away_is_no_finding(world):
    world.environment["TOLLSTREAM_POSTGRES_URL"] = f"postgresql://127.0.0.1:{free_port()}/none"
    for command in (["audit"], ["accounts", "list"], ["migrate"], ["decks", "list"]):
        run = world.tollstream(*command, check=False)
        assert run.returncode == 2 and run.stdout == "" and "refused" in run.stderr
