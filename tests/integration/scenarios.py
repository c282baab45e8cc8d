# SPDX-License-Identifier: Apache-2.0
"""The scenarios of tests/scenarios: read, turned into messages, and compared with what was told."""

import collections
import dataclasses
import datetime
import pathlib
import re
from decimal import Decimal

import yaml

import cdrs
import harness
from credits import COMMAND

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "scenarios"
BEGIN = datetime.datetime(2031, 1, 10, 12, tzinfo=datetime.timezone.utc)
BEGIN_MS = int(BEGIN.timestamp() * 1000)
UNITS_MS = {"h": 3_600_000, "d": 86_400_000}
LATER_MS = 10 * 60_000  # a moment is hit when it is at most so much later: the steps take time
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
ACTIONS = (
    "call calls credit recharged recharge_failed card_charged card_entered card_replaced change"
    " timer again all"
).split()
BESIDE = {"at", "events", "ends", "recorded"}


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
