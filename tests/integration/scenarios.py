# SPDX-License-Identifier: Apache-2.0
"""The scenarios of tests/scenarios: read, played, and compared with what was told.

All are played at once, in lock-step: each takes its next step, then the processor is waited for.
The clock is everybody's, so steps are ordered by the time they are at, then by their place."""

import collections
import contextlib
import dataclasses
import datetime
import functools
import io
import json
import pathlib
import random
import re
import threading
import time
from decimal import Decimal

import confluent_kafka
import fastavro
import yaml

import cdrs
import harness

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "scenarios"
BEGIN = datetime.datetime(2031, 1, 10, 12, tzinfo=datetime.timezone.utc)
BEGIN_MS = int(BEGIN.timestamp() * 1000)
UNITS_MS = {"h": 3_600_000, "d": 86_400_000}
LATER_MS = 10 * 60_000  # a moment is hit when it is at most so much later: the steps take time
DECK = """\
prefix,rate,category,rate_unit,interval_1,interval_n
*,0.01,international_outbound,1,1,1
*,0,local_outbound,1,1,1
"""
ACCOUNT = {
    "country": "US",
    "timezone": "UTC",
    "currency": "USD",
    "subscription": "standard",
    "rate_plan": harness.PLAN,
    "payment_method": "card",
    "card_state": "confirmed",
    "opening_balance": "100",
}
WHOLE = ("invoice_day", "max_count_per_day", "units")
COMMAND = cdrs.Writer.of("credit.avsc")
EVENT = cdrs.Writer.of("event.avsc")
ACTIONS = (
    "call calls credit recharged recharge_failed card_charged card_entered card_replaced change"
    " timer again all"
).split()
BESIDE = {"at", "events", "ends", "recorded"}
LEDGER = """SELECT account_id FROM account a WHERE balance_micros <>
    (SELECT sum(amount_micros) FROM ledger_entry l WHERE l.account_no = a.account_no)
    - coalesce((SELECT sum(charge_micros) FROM usage u WHERE u.account_no = a.account_no), 0)"""


def micros(text):
    amount = Decimal(text) * 1_000_000
    assert amount == int(amount), text
    return int(amount)


def duration_ms(text):
    found = re.fullmatch(r"(\d+)([hd])", text)
    assert found, f"{text!r} is no duration such as 24h"
    return int(found[1]) * UNITS_MS[found[2]]


def moment_ms(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def typed(value, key=None):
    """YAML's texts as the JSON of `accounts import` has them: amounts stay texts."""
    if isinstance(value, dict):
        return {k: typed(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [typed(v) for v in value]
    if key in WHOLE:
        return int(value)
    return {"true": True, "false": False}.get(value, value)


@dataclasses.dataclass
class Step:
    number: int
    at_ms: int
    action: str | None
    value: object
    ends: str
    events: list
    recorded: dict | None


class Scenario:
    def __init__(self, row, file):
        self.name = row.pop("name")
        self.file = file
        self.account = ACCOUNT | typed(row.pop("account"))
        self.balance = micros(row.pop("balance"))
        self.invoice = {date: micros(sum_) for date, sum_ in row.pop("invoice", {}).items()}
        self.steps = []
        for step in row.pop("steps"):
            self.add(step)
        assert not row, f"{self}: {sorted(row)} are unknown"

    def __str__(self):
        return f"{self.file}: {self.name}"

    def add(self, row):
        names = [name for name in row if name not in BESIDE]
        assert len(names) <= 1 and set(names) <= set(ACTIONS), f"{self}: {row}"
        last = self.steps[-1].at_ms if self.steps else 0
        at_ms = duration_ms(row["at"]) if "at" in row else last
        assert at_ms >= last, f"{self}: time goes back in {row}"
        events = [
            (event, {}) if isinstance(event, str) else next(iter(event.items()))
            for event in row.get("events", [])
        ]
        self.steps.append(
            Step(
                number=len(self.steps) + 1,
                at_ms=at_ms,
                action=names[0] if names else None,
                value=row[names[0]] if names else None,
                ends=row.get("ends", "settled"),
                events=events,
                recorded=row.get("recorded"),
            )
        )


def load():
    """Every value is read as a text: no amount passes through a float."""
    found = []
    for file in sorted(FOLDER.glob("*.yaml")):
        rows = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        found += [Scenario(row, file.name) for row in rows]
    assert len({s.name for s in found}) == len(found), "a name comes twice"
    return found


def schedule(scenarios):
    """[(at_ms, [(number of the scenario, step)])]: what is done at once. Each time begins with
    nothing but its timers."""
    places = collections.defaultdict(list)
    for number, scenario in enumerate(scenarios):
        counts = collections.Counter()
        for step in scenario.steps:
            counts[step.at_ms] += 1
            places[step.at_ms, counts[step.at_ms]].append((number, step))
    for at_ms in {at_ms for at_ms, _ in places}:
        places[at_ms, 0] = []
    return [(at_ms, places[at_ms, n]) for at_ms, n in sorted(places)]


@dataclasses.dataclass
class Message:
    topic: str
    key: bytes
    value: bytes
    cause: str
    ends: str
    place: tuple = None  # (topic, partition, offset) once it is delivered


CHANGED_AMOUNTS = ("monthly_credit_cap", "alert_hysteresis")
RECHARGE_AMOUNTS = ("threshold", "amount", "max_amount_per_month")


def in_micros(fields, amounts):
    return {
        (f"{k}_micros" if k in amounts else k): (micros(v) if k in amounts else v)
        for k, v in fields.items()
    }


def changed(fields):
    """The fields of AccountChanged, of those of an import."""
    out = in_micros(typed(fields), CHANGED_AMOUNTS)
    for name in ("alert_thresholds", "credit_amounts"):
        if name in out:
            out[f"{name}_micros"] = [micros(amount) for amount in out.pop(name)]
    if "auto_recharge" in out:
        out["auto_recharge"] = in_micros(out["auto_recharge"], RECHARGE_AMOUNTS)
    if "closed_at" in out:
        out["closed_at"] = moment_ms(out["closed_at"])
    for allowance in out.get("allowances", []):
        allowance["units_per_month"] = allowance.pop("units")
        allowance.setdefault("unit", "second")
    return out


class Player:
    """One scenario on its account."""

    def __init__(self, scenario, account_id, pick):
        self.scenario = scenario
        self.account_id = account_id
        self.pick = pick  # chooses its partitions
        self.events = {}  # event_id: event
        self.sent = {}  # number of the step: its messages

    def row(self):
        return {"account_id": self.account_id, "name": self.scenario.name} | self.scenario.account

    # --- what it sends

    def messages(self, step, now_ms):
        found = self.make(step.action, step.value, str(step.number), now_ms) if step.action else []
        for message in found:
            message.ends = step.ends
        self.sent[step.number] = found
        return found

    def make(self, action, value, id_, now_ms):
        if action == "all":
            return [
                message
                for i, item in enumerate(value)
                for message in self.make(*next(iter(item.items())), f"{id_}.{i}", now_ms)
            ]
        if action == "again":
            return [dataclasses.replace(message) for message in self.sent[int(value)]]
        if action in ("call", "calls"):
            calls = value if action == "calls" else [value]
            return [self.call(call, f"{id_}.{i}", now_ms) for i, call in enumerate(calls)]
        return [getattr(self, action)(value, id_)]

    def call(self, value, id_, now_ms):
        value = value if isinstance(value, dict) else {"cost": value}
        cost = micros(value["cost"])
        assert cost % 10_000 == 0, f"{self.scenario}: calls cost 0.01 a second"
        duration = cost // 10 if cost else 60_000
        start = moment_ms(value["began"]) if "began" in value else now_ms - duration - 5000
        record = {
            "cdr_id": f"{self.account_id}-{id_}",
            "source": "scenario",
            "account_id": self.account_id,
            "license": "TALK",
            "service": "VOICE",
            "direction": "OUTBOUND",
            "from_number": "+12125550100",
            "to_number": "+442079460958" if cost else "+13105550100",
            "start_time": start,
            "answer_time": start + 1000,
            "end_time": start + 1000 + duration,
            "duration_ms": duration,
            "disposition": "ANSWERED",
        }
        cause = f"cdr:scenario/{record['cdr_id']}/0/{start}"
        return Message("cdrs", self.account_id.encode(), cdrs.CDR.encode(record), cause, "")

    def command(self, kind, id_, fields, account=""):
        """In the scenario's own ids. By default the record names the account, and so does the
        key."""
        record = {"command_id": f"{self.account_id}/{id_}", "account_id": account or self.account_id}
        key = record["account_id"].encode()
        if account in ("by-key", "none"):
            record["account_id"] = None
            key = self.account_id.encode() if account == "by-key" else None
        value = COMMAND.encode((f"tollstream.{kind}", record | fields))
        return Message("credits", key, value, f"command:{record['command_id']}", "")

    def credit(self, value, id_):
        value = dict(value) if isinstance(value, dict) else {"amount": value}
        fields = {
            "credit_id": f"{self.account_id}/{value.get('id', id_)}",
            "amount_micros": micros(value["amount"]),
            "kind": value.get("kind", "purchase"),
            "payment_method": value.get("payment_method"),
            "recharge_id": value.get("recharge_id"),
            "issued_by": value.get("operator"),
            "note": value.get("note"),
        }
        id_ = value.get("command", id_)
        return self.command("CreditAdded", id_, fields, value.get("account", ""))

    def recharged(self, value, id_):
        value = dict(value) if isinstance(value, dict) else {"request": value}
        request = self.request(value["request"])
        fields = {
            "credit_id": f"{self.account_id}/{value.get('id', id_)}",
            "amount_micros": micros(value["amount"])
            if "amount" in value
            else request["amount_micros"],
            "kind": "recharge",
            "payment_method": value.get("payment_method"),
            "recharge_id": request["recharge_id"],
        }
        return self.command("CreditAdded", value.get("command", id_), fields)

    def recharge_failed(self, value, id_):
        value = value if isinstance(value, dict) else {"request": value}
        fields = {
            "recharge_id": value.get("recharge_id")
            or self.request(value["request"])["recharge_id"],
            "reason": value.get("reason", "declined"),
        }
        return self.command("RechargeFailed", id_, fields)

    def card_charged(self, value, id_):
        return self.command("CardCharged", id_, {"amount_micros": micros(value)})

    def card_entered(self, value, id_):
        return self.command("CardConfirmation", id_, {"amount_micros": micros(value)})

    def card_replaced(self, _, id_):
        return self.command("CardReplaced", id_, {})

    def change(self, value, id_):
        value = dict(value)
        id_ = value.pop("command", id_)
        fields = {"issued_by": value.pop("operator", None), "note": value.pop("note", None)}
        return self.command("AccountChanged", id_, fields | changed(value))

    def timer(self, value, id_):
        subject = value.get("subject")
        if "request" in value:
            subject = self.request(value["request"])["recharge_id"]
        due = BEGIN_MS + duration_ms(value["due_at"])
        fields = {"timer": value["timer"], "due_at": due, "subject": subject}
        message = self.command("TimerDue", id_, fields)
        message.cause = message.cause.replace("command:", "timer:", 1)
        return message

    # --- what was told

    def in_order(self):
        return sorted(self.events.values(), key=lambda event: event["sequence"])

    def request(self, number):
        """The body of the account's n-th recharge.requested."""
        found = [e["body"] for e in self.in_order() if e["type"] == "recharge.requested"]
        assert int(number) <= len(found), f"{self.scenario}: no request {number}\n{self.told()}"
        return found[int(number) - 1]

    def told(self):
        return "\n".join(
            f"  {e['sequence']} {e['type']} {e['body']} balance {e['balance_micros']} {e['cause']}"
            for e in self.in_order()
        )

    def judge(self):
        """The faults of what was told so far, against all the steps."""
        expected = [(step, *event) for step in self.scenario.steps for event in step.events]
        found = self.in_order()
        faults = []
        if [e["sequence"] for e in found] != list(range(1, len(found) + 1)):
            faults.append("sequences with gaps")
        types = [event["type"] for event in found]
        if types != [type_ for _, type_, _ in expected]:
            faults.append(f"expected {[type_ for _, type_, _ in expected]}")
        else:
            for (step, type_, fields), event in zip(expected, found):
                faults += self.judge_event(step, type_, fields, event)
        return [f"{fault}; told\n{self.told()}" for fault in faults]

    def judge_event(self, step, type_, fields, event):
        causes = {message.cause for message in self.sent[step.number]}
        by_timer = event["cause"].startswith("timer:") and step.at_ms > 0
        if event["cause"] not in causes and not by_timer:
            yield f"step {step.number}: {type_} was caused by {event['cause']}"
        if event["account_id"] != self.account_id or event["currency"] != "USD":
            yield f"step {step.number}: {type_} is of {event['account_id']} {event['currency']}"
        for name, expected in fields.items():
            if not self.equal(name, expected, event):
                yield f"step {step.number}: {type_} has not {name} {expected}"

    def equal(self, name, expected, event):
        body = event["body"] or {}
        if name == "balance":
            return event["balance_micros"] == micros(expected)
        if name == "request":
            return body["recharge_id"] == self.request(expected)["recharge_id"]
        if f"{name}_micros" in body:
            return body[f"{name}_micros"] == micros(expected)
        value = body[name]
        if expected == "none":
            return value is None
        if name in ("next_try", "expires_at"):
            due = BEGIN_MS + duration_ms(expected)
            return value is not None and due <= value <= due + LATER_MS
        if name == "invoice_date":
            return (datetime.date(1970, 1, 1) + datetime.timedelta(value)).isoformat() == expected
        if name == "credit_id":
            return value == f"{self.account_id}/{expected}"
        return str(value) == expected


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
            for message in self.consumer.consume(1000, timeout=1):
                assert message.error() is None, message.error()
                self.next[message.partition()] = message.offset() + 1
                data = io.BytesIO(message.value()[len(EVENT.header) :])
                found.append(fastavro.schemaless_reader(data, EVENT.schema, EVENT.schema))
        return found

    def high(self, topic, partition):
        place = confluent_kafka.TopicPartition(topic, partition)
        return self.asker.get_watermark_offsets(place, timeout=10)[1]

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
