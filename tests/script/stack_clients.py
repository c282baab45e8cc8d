# SPDX-License-Identifier: Apache-2.0
"""What test_stack.sh does to the servers as a client: leaves a mark in each, finds it again.

usage: stack_clients.py write|read MARK kafka|redis|postgres...   (servers from `deploy/stack env`)
"""

import os
import sys
import time

import confluent_kafka
import confluent_kafka.admin
import psycopg
import redis

TOPIC = "stack-test"
EMBEDDED = os.environ.get("STACK_TEST_BROKER") == "embedded"


def kafka_settings(**more):
    return {"bootstrap.servers": os.environ["TOLLSTREAM_KAFKA_BROKERS"], **more}


def kafka_write(mark):
    if not EMBEDDED:  # the mock cluster makes topics by itself
        admin = confluent_kafka.admin.AdminClient(kafka_settings())
        if TOPIC not in admin.list_topics(timeout=10).topics:
            topic = confluent_kafka.admin.NewTopic(TOPIC, 1, 1)
            admin.create_topics([topic])[TOPIC].result(10)
    failures = []
    producer = confluent_kafka.Producer(kafka_settings(acks="all"))
    producer.produce(TOPIC, mark, on_delivery=lambda error, _: error and failures.append(error))
    left = producer.flush(10)
    assert not failures and left == 0, f"not acknowledged: {failures or left}"


def kafka_read(mark):
    """By a member of a group with a short session, from the beginning."""
    session_ms = 6000 if EMBEDDED else 2000  # the mock cluster drops members with shorter ones
    consumer = confluent_kafka.Consumer(
        kafka_settings(
            **{
                "group.id": f"test-{time.time_ns()}",
                "auto.offset.reset": "earliest",
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": 500,
            }
        )
    )
    consumer.subscribe([TOPIC])
    deadline = time.monotonic() + 15
    seen = []
    while time.monotonic() < deadline and mark not in seen:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            seen.append(message.value().decode())
    consumer.close()
    assert mark in seen, f"{mark} not among {seen}"


def redis_write(mark):
    client = redis.Redis.from_url(os.environ["TOLLSTREAM_REDIS_URL"])
    client.set("stack-test:" + mark, mark)
    time.sleep(1.2)  # the append-only file is synced every second
    for setting, value in (("appendonly", "yes"), ("maxmemory-policy", "noeviction"), ("save", "")):
        found = client.config_get(setting)[setting]
        assert found == value, f"{setting}: {found!r} instead of {value!r}"


def redis_read(mark):
    client = redis.Redis.from_url(os.environ["TOLLSTREAM_REDIS_URL"], decode_responses=True)
    found = client.get("stack-test:" + mark)
    assert found == mark, f"{found!r} instead of {mark!r}"


def postgres_write(mark):
    with psycopg.connect(os.environ["TOLLSTREAM_POSTGRES_URL"]) as connection:
        for setting, value in (
            ("fsync", "on"),
            ("wal_compression", "lz4"),
            ("server_encoding", "UTF8"),
            ("lc_collate", "C.UTF-8"),
        ):
            found = connection.execute(f"SHOW {setting}").fetchone()[0]
            assert found == value, f"{setting}: {found!r} instead of {value!r}"
        connection.execute("CREATE TABLE IF NOT EXISTS stack_test (mark text)")
        connection.execute("INSERT INTO stack_test VALUES (%s)", [mark])


def postgres_read(mark):
    with psycopg.connect(os.environ["TOLLSTREAM_POSTGRES_URL"]) as connection:
        found = connection.execute("SELECT mark FROM stack_test WHERE mark = %s", [mark]).fetchall()
    assert found == [(mark,)], f"{found!r} instead of {mark!r}"


def main():
    verb, mark, *servers = sys.argv[1:]
    assert verb in ("write", "read") and servers, __doc__
    for server in servers:
        globals()[f"{server}_{verb}"](mark)


main()
