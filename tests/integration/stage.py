# SPDX-License-Identifier: Apache-2.0
"""Scenarios played on real servers.

All are played at once, in lock-step: each takes its next step, then the processor is waited for.
The clock is everybody's, so steps are ordered by the time they are at, then by their place."""

import collections
import contextlib
import functools
import io
import json
import random
import threading
import time

import confluent_kafka
import fastavro

import cdrs
from scenarios import BEGIN_MS, Player, schedule

DECK = """\
prefix,rate,category,rate_unit,interval_1,interval_n
*,0.01,international_outbound,1,1,1
*,0,local_outbound,1,1,1
"""
EVENT = cdrs.Writer.of("event.avsc")
LEDGER = """SELECT account_id FROM account
    LEFT JOIN (SELECT account_no, sum(amount_micros) AS added FROM ledger_entry GROUP BY 1) l
        USING (account_no)
    LEFT JOIN (SELECT account_no, sum(charge_micros) AS charged FROM usage GROUP BY 1) u
        USING (account_no)
    WHERE balance_micros <> coalesce(added, 0) - coalesce(charged, 0)"""


class Tail:
    """The events topic from its beginning, read as far as it goes."""

    def __init__(self, world):
        self.topic = world.topics["events"]
        settings = {
            "bootstrap.servers": world.stack.brokers,
            "group.id": f"{world.name}.tail",
            "enable.auto.commit": False,
            "log_level": 0,
        }
        self.consumer = confluent_kafka.Consumer(settings)
        self.asker = confluent_kafka.Consumer(settings)  # whose questions wait behind no fetch
        self.next = {}

    def read(self):
        """The events since the last time."""
        if not self.next:
            places = self.consumer.list_topics(self.topic, 10).topics[self.topic].partitions
            self.next = dict.fromkeys(places, 0)
            self.consumer.assign(
                [confluent_kafka.TopicPartition(self.topic, p, 0) for p in self.next]
            )
        ends = {p: self.high(self.topic, p) for p in self.next}
        found = []
        while any(self.next[p] < end for p, end in ends.items()):
            for message in self.consumer.consume(1000, timeout=0.01):
                assert message.error() is None, message.error()
                self.next[message.partition()] = message.offset() + 1
                data = io.BytesIO(message.value()[len(EVENT.header) :])
                found.append(fastavro.schemaless_reader(data, EVENT.schema, EVENT.schema))
        return found

    def high(self, topic, partition):
        """The offset after the last record; of a topic so new that nobody leads it yet: soon."""
        place = confluent_kafka.TopicPartition(topic, partition)
        for _ in range(50):
            with contextlib.suppress(confluent_kafka.KafkaException):
                return self.asker.get_watermark_offsets(place, timeout=10)[1]
            time.sleep(0.1)
        raise AssertionError(f"{topic} [{partition}] does not tell where it ends")

    def close(self):
        self.consumer.close()
        self.asker.close()


class Stage:
    """A world with all the scenarios on it."""

    def __init__(self, world, scenarios, seed=0):
        self.world = world
        self.random = random.Random(seed)
        self.schedule = schedule(scenarios)
        self.players = [
            Player(scenario, f"s{number:03}", self.random.randrange(1000))
            for number, scenario in enumerate(scenarios)
        ]
        self.by_id = {player.account_id: player for player in self.players}
        self.clock = world.folder / "clock"
        self.environment = {"TOLLSTREAM_TEST_CLOCK_FILE": str(self.clock)}
        world.environment |= self.environment
        self.shift_ms = 0
        self.faults = []
        self.runs = 0

    def now_ms(self):
        return time.time_ns() // 1_000_000 + self.shift_ms

    def set_clock(self, at_ms):
        """The real time that passes goes on top."""
        if self.shift_ms == 0:
            self.began_ms = time.time_ns() // 1_000_000
        self.shift_ms = BEGIN_MS + at_ms - self.began_ms
        new = self.clock.with_suffix(".new")
        new.write_text(str(self.shift_ms))
        new.rename(self.clock)

    # --- the run

    def start(self):
        self.runs += 1
        self.processor = self.world.run(name=f"run-{self.runs}")

    def play(self, kill_at=None):
        """kill_at: the number of the step of the schedule in which the processor is killed."""
        self.set_clock(0)
        self.world.make(deck=DECK, accounts=[player.row() for player in self.players])
        self.tail = Tail(self.world)
        with contextlib.closing(self.tail):
            self.start()
            clock = 0
            for number, (at_ms, steps) in enumerate(self.schedule):
                steps = [(self.players[n], step) for n, step in steps]
                killer = self.killer() if number == kill_at else None
                if at_ms != clock:
                    self.set_clock(at_ms)
                    clock = at_ms
                    time.sleep(0.15)  # until it has looked
                self.send([m for p, step in steps for m in self.numbered(p, step)])
                if killer:
                    killer.join()
                self.settle()
                self.judge_ended(steps)
            self.processor.stop()
        self.judge_books()

    def killer(self):
        def kill():
            time.sleep(self.random.uniform(0, 0.3))
            self.processor.kill()
            self.start()

        thread = threading.Thread(target=kill)
        thread.start()
        return thread

    def numbered(self, player, step):
        return [(player, message) for message in player.messages(step, self.now_ms())]

    def send(self, messages):
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": self.world.stack.brokers, "linger.ms": 5, "log_level": 0}
        )

        def place(message, error, told):
            assert error is None, error
            message.place = told.topic(), told.partition(), told.offset()

        for player, message in messages:
            producer.produce(
                self.world.topics[message.topic],
                message.value,
                message.key,
                partition=player.pick % self.world.partitions,
                on_delivery=functools.partial(place, message),
            )
        assert producer.flush(30) == 0

    def settle(self):
        """Until all there is, and all that falls due, is settled and told."""

        def settled():
            assert self.processor.running(), self.processor.log[-3000:]
            due = "SELECT count(*) FROM account WHERE timer_at <= to_timestamp(%s::float8 / 1000)"
            if self.world.query(due, self.now_ms())[0][0] > 0:
                return False
            rows = self.world.query("SELECT topic, partition, next_offset FROM stream_partition")
            positions = {(topic, p): offset for topic, p, offset in rows}
            return all(
                positions.get((self.world.topics[kind], p), 0)
                == self.tail.high(self.world.topics[kind], p)
                for kind in ("cdrs", "credits")
                for p in range(self.world.partitions)
            )

        def told():
            for event in self.tail.read():
                self.by_id[event["account_id"]].events.setdefault(event["event_id"], event)
            found = sum(len(player.events) for player in self.players)
            return found >= self.world.query("SELECT sum(sequence) FROM account")[0][0]

        self.world.wait_for("the step settled", settled, every=0.02)
        self.world.wait_for("the step told", told, every=0.02)

    # --- the verdicts

    def judge_ended(self, steps):
        for player, step in steps:
            if step is player.scenario.steps[-1]:
                self.faults += [f"{player.scenario}: {fault}" for fault in player.judge()]

    def endings(self):
        duplicates = self.world.query('SELECT topic, partition, "offset" FROM duplicate')
        found = {tuple(place): "duplicate" for place in duplicates}
        letters = 'SELECT topic, partition, "offset", reason FROM dead_letter'
        for *place, reason in self.world.query(letters):
            found[tuple(place)] = reason
        return found

    def judge_books(self):
        rows = self.world.query("SELECT account_id, balance_micros FROM account")
        balances = dict(rows)
        endings = self.endings()
        lines = collections.defaultdict(dict)
        for account_id, date, sum_ in self.world.query(
            "SELECT account_id, invoice_date, sum(amount_micros)::bigint FROM invoice_line"
            " JOIN account USING (account_no) WHERE billed_at IS NULL GROUP BY 1, 2"
        ):
            lines[account_id][date.isoformat()] = sum_
        changes = {
            command_id: {"by": by, "note": note}
            for command_id, by, note in self.world.query(
                "SELECT command_id, issued_by, note FROM account_change"
            )
        }
        for player in self.players:
            scenario = player.scenario
            found = balances[player.account_id]
            if found != scenario.balance:
                self.faults.append(f"{scenario}: balance {found}, not {scenario.balance}")
            if lines[player.account_id] != scenario.invoice:
                self.faults.append(f"{scenario}: invoice lines {lines[player.account_id]}")
            for step in scenario.steps:
                self.faults += self.judge_step(player, step, endings, changes)
        if wrong := self.world.query(LEDGER):
            self.faults.append(f"ledger rows are not the balance of {wrong}")
        status, audit = self.world.audit()
        if status != 0:
            self.faults.append(json.dumps(audit, indent=1))

    @staticmethod
    def judge_step(player, step, endings, changes):
        for message in player.sent[step.number]:
            found = endings.get(message.place, "settled")
            if found != step.ends:
                yield f"{player.scenario}: step {step.number} ended as {found}, not {step.ends}"
            if step.recorded is not None:
                row = changes.get(message.cause.removeprefix("command:"))
                if row != step.recorded:
                    yield f"{player.scenario}: step {step.number} is recorded as {row}"
