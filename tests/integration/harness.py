# SPDX-License-Identifier: Apache-2.0
"""Real servers, and worlds on them: each test has a database, topics, a consumer group and a Redis
database of its own, so that tests share servers and nothing else."""

import contextlib
import fcntl
import functools
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import confluent_kafka
import confluent_kafka.admin
import psycopg
import redis

import cdrs
import credit_stream

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/faults"))

from checker import live, verdict  # noqa: E402

PROGRAM = os.environ.get("TOLLSTREAM_BIN", str(ROOT / "build/dev/tollstream"))
PLAN = "standard"
SESSION_TIMEOUT_MS = 2000
POSITIONS = "SELECT topic, partition, epoch, next_offset FROM stream_partition ORDER BY 1, 2"
SETTLED = "SELECT sum(next_offset) FROM stream_partition WHERE topic = %s"
SESSIONS = """SELECT pid, application_name, state, wait_event_type, wait_event, now() - xact_start,
    left(query, 100) FROM pg_stat_activity WHERE datname = current_database()"""
REDIS_DATABASES = range(1, 16)
DRAIN_TIMEOUT_S = float(os.environ.get("TOLLSTREAM_TEST_DRAIN_TIMEOUT_S", "60"))


class Stack:
    """The private servers of deploy/stack, where the environment says, else a place for tests."""

    DEFAULTS = {
        "TOLLSTREAM_STACK_DIR": f"/var/tmp/tollstream-tests-{os.getuid()}",
        "TOLLSTREAM_STACK_KAFKA_PORT": "29092",
        "TOLLSTREAM_STACK_REDIS_PORT": "29379",
        "TOLLSTREAM_STACK_POSTGRES_PORT": "29432",
        "TOLLSTREAM_STACK_KAFKA_HEAP": "512m",
        "TOLLSTREAM_STACK_POSTGRES_BUFFERS": "128MB",
    }

    def __init__(self):
        self.environment = {**self.DEFAULTS, **os.environ}
        if worker := os.environ.get("PYTEST_XDIST_WORKER"):
            self.stand_apart(int(worker.removeprefix("gw")))
        self.folder = pathlib.Path(self.environment["TOLLSTREAM_STACK_DIR"])
        self.was_up = self.run("status", check=False).returncode == 0

    def stand_apart(self, number):
        """Tests kill and restart servers, so each of several workers has its own."""
        self.environment["TOLLSTREAM_STACK_DIR"] += f"-{number}"
        for service in ("KAFKA", "REDIS", "POSTGRES"):
            port = f"TOLLSTREAM_STACK_{service}_PORT"
            self.environment[port] = str(int(self.environment[port]) + 10 * number)

    def run(self, *arguments, check=True):
        run = subprocess.run(
            [str(ROOT / "deploy/stack"), *arguments],
            env=self.environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert not check or run.returncode == 0, f"stack {arguments}: {run.returncode}\n{run.stdout}"
        return run

    def up(self):
        self.run("up")
        urls = self.run("env").stdout
        self.urls = dict(
            line.removeprefix("export ").split("=", 1)
            for line in urls.splitlines()
            if line.startswith("export ")
        )
        self.brokers = self.urls["TOLLSTREAM_KAFKA_BROKERS"]
        self.redis = self.urls["TOLLSTREAM_REDIS_URL"].rsplit("/", 1)[0]
        self.postgres = self.urls["TOLLSTREAM_POSTGRES_URL"]
        return self

    def down(self):
        if not self.was_up:
            self.run("down", "--wipe", check=False)

    def sql(self, statement):
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(statement)

    def drop_database(self, name):
        """An autovacuum worker in it can't be ended by us, but ends by itself."""
        for _ in range(20):
            try:
                self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                return
            except psycopg.errors.InsufficientPrivilege:
                time.sleep(0.5)
        raise AssertionError(f"database {name} can't be dropped")

    def database_url(self, name):
        return f"{self.postgres.rsplit('/', 1)[0]}/{name}"

    def redis_database(self):
        """A number that nobody else uses, and the lock that says so: several sessions may share the
        servers. Not in the servers' folder, which goes when they do."""
        port = self.environment["TOLLSTREAM_STACK_REDIS_PORT"]
        for number in REDIS_DATABASES:
            name = f"tollstream-redis-{port}-{number}.lock"
            lock = open(pathlib.Path(tempfile.gettempdir()) / name, "w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return number, lock
            except BlockingIOError:
                lock.close()
        raise AssertionError("every database of Redis is in use")

    def kill(self, *services):
        self.run("kill", *services)

    def start(self, *services):
        self.run("start", *services)

    @property
    def redis_append_file(self):
        """The part of Redis's append-only file that is being written."""
        parts = (self.folder / "redis/appendonlydir").glob("*.incr.aof")
        return max(parts, key=lambda part: part.stat().st_mtime)


def wait_for(what, condition, seconds, every=0.05):
    """The first true answer of the condition."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(every)


class Processor:
    """A `tollstream run`."""

    most_memory_mib = 0  # of any

    def __init__(self, world, name, environment):
        self.log_path = world.folder / f"{name}.log"
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [PROGRAM, "run"],
            env={**world.environment, **environment},
            stdout=self.log_file,
            stderr=subprocess.STDOUT,
        )
        self.memory_mib = 0
        threading.Thread(target=self.watch_memory, daemon=True).start()

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def stacks(self):
        """Where its threads are, if there is a debugger."""
        if not self.running() or shutil.which("gdb") is None:
            return ""
        command = ["gdb", "-p", str(self.process.pid), "-batch", "-ex", "thread apply all bt 12"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return "\n".join(line for line in run.stdout.splitlines() if line[:1] in "#T")

    def said(self, event):
        return f"event={event} " in self.log

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=30):
        return self.process.wait(seconds)

    def stop(self, seconds=30):
        """Drains: what was taken is settled and told."""
        # before that a signal just ends it
        wait_for("started", lambda: self.said("started") or not self.running(), seconds)
        self.signal(signal.SIGTERM)
        status = self.wait(seconds)
        assert status == 0, f"exit code {status}: {self.log[-3000:]}"

    def kill(self):
        if self.running():
            self.process.kill()
        self.process.wait()
        self.log_file.close()

    def proc_status(self, name):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(line for line in status.splitlines() if line.startswith(name + ":"))

    def watch_memory(self):
        """The most it ever held, looked at often: of a process that was killed nothing tells."""
        with contextlib.suppress(OSError, StopIteration):
            while self.process.returncode is None:
                self.memory_mib = int(self.proc_status("VmHWM").split()[1]) / 1024
                Processor.most_memory_mib = max(Processor.most_memory_mib, self.memory_mib)
                time.sleep(0.1)

    def stopped(self):
        """By SIGSTOP."""
        return self.running() and self.proc_status("State").split()[1] == "T"


class World:
    def __init__(self, stack, partitions=4, seed=1, settings=None):
        self.stack = stack
        self.partitions = partitions
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.group = self.name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tollstream-test-"))
        self.processors = []
        self.produced = 0
        self.credits_produced = 0
        self.numbered_schemas = {}  # {id: schema} of the world's registry
        self.now_ms = time.time_ns() // 1_000_000
        self.seed = seed
        self.connection = None
        number, self.redis_lock = stack.redis_database()
        self.redis_url = f"{stack.redis}/{number}"
        self.redis = redis.Redis.from_url(self.redis_url)
        self.postgres_url = stack.database_url(self.name)
        self.topics = {
            kind: f"{self.name}.{kind}"
            for kind in ("cdrs", "credits", "adjustments", "events", "dead_letters")
        }
        self.config = self.folder / "tollstream.yaml"
        self.config.write_text(json.dumps(merged(self.settings(), settings or {})))
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("TOLLSTREAM_")
        }
        self.environment["TOLLSTREAM_CONFIG"] = str(self.config)

    def settings(self):
        return {
            "kafka": {
                "brokers": self.stack.brokers,
                "group": self.group,
                "topics": self.topics,
                "session_timeout_ms": f"{SESSION_TIMEOUT_MS}ms",
            },
            "redis": {"url": self.redis_url},
            "postgres": {"url": self.postgres_url},
            "batch": {"records_max": 200, "linger_ms": "5ms"},
            "settle": {"records_max": 400},
            "usage": {"history_days": 5, "ahead_days": 2},
            "http": {"listen": ""},
            "log": {"level": "debug"},
        }

    # --- making it

    def make(self, deck=cdrs.DECK, accounts=40, allowances=True):
        """The database, the topics, the plan with its deck, and accounts (how many, or which);
        without allowances each call costs what its deck says."""
        self.redis.flushdb()
        self.stack.sql(f"CREATE DATABASE {self.name}")
        self.tollstream("migrate")
        self.tollstream("topics", "create", "--partitions", self.partitions, "--replication", 1)
        self.tollstream("rate-plans", "set", PLAN, "timezone=America/New_York")
        if deck:
            self.publish(deck)
        if isinstance(accounts, int):
            random_ = random.Random(self.seed)
            accounts = cdrs.accounts(random_, accounts, PLAN)
            if not allowances:
                accounts = [row | {"allowances": []} for row in accounts]
        self.import_accounts(accounts)
        ids = [a["account_id"] for a in accounts]
        self.calls = cdrs.Calls(self.seed, ids, self.now_ms)
        self.credits = credit_stream.Credits(self.seed, ids)
        return self

    def tollstream(self, *arguments, check=True):
        run = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or run.returncode == 0, f"{arguments}: {run.returncode}\n{run.stderr}"
        return run

    def publish(self, deck, *options):
        file = self.folder / "deck.csv"
        file.write_text(deck, encoding="utf-8")
        return self.tollstream("decks", "publish", file, "--rate-plan", PLAN, *options)

    def import_accounts(self, rows):
        file = self.folder / "accounts.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        self.tollstream("accounts", "import", file)

    # --- input

    def produce(self, messages, per_second=None, topic="cdrs"):
        """(key, value, pick), or with the topic as the fourth: pick chooses the partition. What
        goes to the inputs is counted."""
        failures = []
        producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": self.stack.brokers,
                "linger.ms": 5,
                "acks": "all",
                "enable.idempotence": True,
                "log_level": 0,
            }
        )
        began = time.monotonic()
        for count, (key, value, pick, *other) in enumerate(messages):
            if per_second is not None and count % 20 == 0:
                producer.poll(0)
                time.sleep(max(0, began + count / per_second - time.monotonic()))
            place = other[0] if other else topic
            self.offer(producer, place, key, value, pick, failures)
            self.produced += place == "cdrs"
            self.credits_produced += place == "credits"
        assert producer.flush(60) == 0 and not failures, failures[:3]

    def offer(self, producer, topic, key, value, pick, failures):
        def delivered(error, _):
            if error:
                failures.append(error)

        while True:
            try:
                producer.produce(
                    self.topics[topic],
                    value,
                    key,
                    partition=pick % self.partitions,
                    on_delivery=delivered,
                )
                return
            except BufferError:
                producer.poll(0.1)

    def mixed(self, count, credits):
        """So many calls, and such a share of credits beside them."""
        added = self.credits.stream(count)
        for message in self.calls.stream(count):
            yield message
            if self.credits.random.random() < credits:
                yield next(added)

    @contextlib.contextmanager
    def flow(self, count, per_second, credits=0):
        """A stream that goes on while the block does its mischief."""
        failures = []

        def run():
            try:
                self.produce(self.mixed(count, credits), per_second)
            except Exception as err:  # told to the thread that waits
                failures.append(err)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        assert not failures, failures

    def send(self, *records, partition=0):
        """Records in one partition, one after the other."""
        self.produce((r["account_id"].encode(), cdrs.CDR.encode(r), partition) for r in records)

    # --- the run

    def run(self, fault=None, name="run", **environment):
        if fault is not None:
            environment["TOLLSTREAM_FAULT_POINT"] = fault
        processor = Processor(self, name, environment)
        self.processors.append(processor)
        return processor

    def query(self, statement, *arguments):
        """Rows; over restarts of the server, too."""
        for attempt in (1, 2):
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = psycopg.connect(self.postgres_url, autocommit=True)
                return self.connection.execute(statement, arguments).fetchall()
            except psycopg.OperationalError:
                self.connection = None
                if attempt == 2:
                    raise

    def close_connection(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def settled_offsets(self, topic="cdrs"):
        with contextlib.suppress(psycopg.OperationalError):
            return int(self.query(SETTLED, self.topics[topic])[0][0] or 0)
        return -1

    def wait_settled(self, count=None, seconds=DRAIN_TIMEOUT_S, alive=None):
        """Until so many offsets are settled; without a count: all that were produced, and told."""
        wanted = self.produced if count is None else count

        def done():
            assert alive is None or alive.running(), f"it ended early:\n{alive.log[-3000:]}"
            credits = 0 if count is not None else self.credits_produced
            return (
                self.settled_offsets() >= wanted and self.settled_offsets("credits") >= credits
            )

        self.wait_for(f"{wanted} records settled", done, seconds)
        if count is None:
            self.wait_for("everything told", self.told, seconds, every=0.1)

    def wait_for(self, what, condition, seconds=DRAIN_TIMEOUT_S, every=0.05):
        """With everything that helps to see why it took too long."""
        try:
            return wait_for(what, condition, seconds, every)
        except AssertionError as err:
            stacks = "\n".join(processor.stacks() for processor in self.processors)
            text = f"{err}\n{self.positions()}\n{self.logs()}\n{stacks}"
            raise AssertionError(text) from None

    def positions(self):
        with contextlib.suppress(psycopg.Error, confluent_kafka.KafkaException):
            sessions = "\n".join(map(str, self.query(SESSIONS)))
            return f"settled {self.query(POSITIONS)}, told {self.committed()}\n{sessions}"
        return "positions can't be read"

    def committed(self):
        """The group's offsets by (topic, partition): how far everything was told."""
        request = confluent_kafka.ConsumerGroupTopicPartitions(self.group)
        admin = admin_client(self.stack.brokers)
        found = admin.list_consumer_group_offsets([request])[self.group].result(10)
        return {(place.topic, place.partition): place.offset for place in found.topic_partitions}

    def told(self):
        """Whether the messages of all that is settled were acknowledged."""
        settled = self.query("SELECT topic, partition, next_offset FROM stream_partition")
        with contextlib.suppress(confluent_kafka.KafkaException):
            committed = self.committed()
            return all(committed.get((t, p), 0) >= offset for t, p, offset in settled)
        return False

    def drain(self, seconds=DRAIN_TIMEOUT_S, name="drain"):
        """A fresh processor settles all there is, tells what a dead one did not, and ends."""
        processor = self.run(name=name)
        self.wait_settled(seconds=seconds, alive=processor)
        processor.stop()
        return processor

    def logs(self, size=2500):
        return "\n".join(f"--- {p.log_path.name}\n{p.log[-size:]}" for p in self.processors)

    # --- the verdicts

    def server_variables(self):
        """The settings that say where everything is, as variables."""
        return {
            "TOLLSTREAM_KAFKA_BROKERS": self.stack.brokers,
            "TOLLSTREAM_REDIS_URL": self.redis_url,
            "TOLLSTREAM_POSTGRES_URL": self.postgres_url,
            "TOLLSTREAM_KAFKA_GROUP": self.group,
            **{f"TOLLSTREAM_KAFKA_TOPICS_{k.upper()}": v for k, v in self.topics.items()},
        }

    def check(self, publish_lag_ms=0):
        """The independent checker's report. Decks are published before a processor starts, unless a
        test says otherwise."""
        servers = live.Servers(self.server_variables())
        evidence = live.Evidence(servers)
        try:
            clock_ms = time.time_ns() // 1_000_000
            judge = verdict.Judge(
                evidence, clock_ms, publish_lag_ms, numbered=self.numbered_schemas
            )
            return judge.run().report()
        finally:
            evidence.close()

    def audit(self):
        """(exit code, report) of the processor's own audit."""
        run = self.tollstream("audit", "--json", check=False)
        assert run.returncode in (0, 1), run.stderr
        return run.returncode, json.loads(run.stdout)

    def assert_books(self, publish_lag_ms=0):
        """What must hold after whatever happened, once everything is drained."""
        report = self.check(publish_lag_ms)
        assert report["ok"], json.dumps(report["faults"], indent=1) + "\n" + self.logs()
        assert report["consumed"] == self.produced
        assert report["unaccounted"] == 0 and report["difference_micros"] == 0
        status, audit = self.audit()
        assert status == 0, json.dumps(audit, indent=1)
        return report

    # --- the end

    def finish(self, keep=False):
        for processor in self.processors:
            if processor.running():
                processor.signal(signal.SIGCONT)
            processor.kill()
        self.close_connection()
        if keep:
            print(f"kept: {self.folder}, database {self.name}, {self.redis_url}")
            self.redis_lock.close()
            return
        with contextlib.suppress(redis.RedisError):
            self.redis.flushdb()
        self.redis.close()
        self.redis_lock.close()
        self.stack.drop_database(self.name)
        admin = admin_client(self.stack.brokers)
        for future in admin.delete_topics(list(self.topics.values())).values():
            with contextlib.suppress(confluent_kafka.KafkaException):
                future.result(10)
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def admin_client(brokers):
    return confluent_kafka.admin.AdminClient(
        {"bootstrap.servers": brokers, "log_level": 0}
    )


def merged(base, changes):
    """Settings with others laid over them."""
    result = dict(base)
    for name, value in changes.items():
        inner = isinstance(value, dict) and isinstance(base.get(name), dict)
        result[name] = merged(base[name], value) if inner else value
    return result


@contextlib.contextmanager
def world(stack, keep=False, **options):
    made = World(stack, **options)
    try:
        yield made
    finally:
        made.finish(keep)
