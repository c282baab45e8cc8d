# SPDX-License-Identifier: Apache-2.0
"""A thousand accounts that recharge themselves, under as many calls as the processor takes, with a
payment service whose cards decline and delay, and which is killed on the way.

TOLLSTREAM_RECHARGE_LOAD_S: how long (5, or 60 with TOLLSTREAM_TEST_DEPTH=full)."""

import collections
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import zoneinfo

import pytest

import harness
import recompute
import stage

FULL = os.environ.get("TOLLSTREAM_TEST_DEPTH") == "full"
SECONDS = int(os.environ.get("TOLLSTREAM_RECHARGE_LOAD_S", "60" if FULL else "5"))
ACCOUNTS = 1000
CALLS_A_SECOND = 150_000  # more than are taken: the load is as full as it gets
BACKLOG = 60_000  # records at which the generator pauses
LOADGEN = pathlib.Path(harness.PROGRAM).parent / "tollstream-loadgen"
SERVICE = harness.ROOT / "deploy/examples/recharge-service/recharge-service"
CLOCK = "2031-02-01T20:00:00+00:00"  # all accounts' day ends later; the calls are of two months
CALLS_BEGIN = "2031-01-31T22:30:00Z"
SETTINGS = {
    "batch": {"records_max": 5000, "linger_ms": "50ms"},
    "settle": {"records_max": 20000},
    "usage": {"history_days": 20},
    "recharge": {"backoff_first": "1s", "backoff_longest": "4s"},
    "log": {"level": "info"},
}


def recharging(number, row):
    """The generator's offices, all with recharge on, and caps that some of them reach."""
    pick = number % 12
    return row | {
        "subscription": "standard",
        "payment_method": "invoice" if number % 7 == 0 else "card",
        "card_state": "none" if number % 7 == 0 else "confirmed",
        "opening_balance": str(number % 30),
        "allowances": [],
        "monthly_credit_cap": "50" if pick == 0 else "1000000",
        "auto_recharge": {
            "on": True,
            "threshold": "10",
            "mode": ("fixed", "target", "shortfall_plus")[number % 3],
            "amount": ("11", "15", "30", "20")[number % 4],
            "max_count_per_day": (0, 0, 1, 5, 0)[number % 5],
            "max_amount_per_month": "60" if pick == 1 else "0",
        },
    }


class Load:
    def __init__(self, world):
        self.world = world
        self.clock_ms = int(datetime.datetime.fromisoformat(CLOCK).timestamp() * 1000)
        clock = world.folder / "clock"
        clock.write_text(str(self.clock_ms - time.time_ns() // 1_000_000))
        world.environment["TOLLSTREAM_TEST_CLOCK_FILE"] = str(clock)
        self.loadgen = [LOADGEN, "--seed", world.seed, "--accounts", ACCOUNTS, "--zipf", 0.5]
        self.services = []

    def make(self):
        deck, accounts = self.world.folder / "load.csv", self.world.folder / "load.jsonl"
        self.run_loadgen("--write-deck", deck, "--write-accounts", accounts).wait()
        rows = [json.loads(line) for line in accounts.read_text().splitlines()]
        self.accounts = [recharging(number, row) for number, row in enumerate(rows)]
        self.world.make(deck=deck.read_text(), accounts=self.accounts)

    def run_loadgen(self, *arguments):
        return subprocess.Popen(
            [str(a) for a in (*self.loadgen, *arguments)], stderr=subprocess.DEVNULL
        )

    def run_service(self):
        world = self.world
        output = open(world.folder / f"service-{len(self.services)}.log", "wb")
        options = {
            "--brokers": world.stack.brokers,
            "--events": world.topics["events"],
            "--credits": world.topics["credits"],
            "--group": f"{world.name}.recharge",
            "--state": world.folder / "recharges.db",
            "--decline": "0.1",
            "--delay": "200ms",
        }
        arguments = [str(text) for option in options.items() for text in option]
        command = [sys.executable, str(SERVICE), *arguments]
        self.services.append(subprocess.Popen(command, stdout=output, stderr=output))
        return self.services[-1]

    def high(self, tail, kind):
        topic = self.world.topics[kind]
        return sum(tail.high(topic, p) for p in range(self.world.partitions))

    def play(self):
        """Ends with everything settled and told."""
        tail = stage.Tail(self.world)
        processor = self.world.run()
        service = self.run_service()
        generator = self.run_loadgen(
            *("--brokers", self.world.stack.brokers, "--topic", self.world.topics["cdrs"]),
            *("--cdrs", CALLS_A_SECOND * SECONDS, "--start", CALLS_BEGIN, "--days", 1),
        )
        began = time.monotonic()
        killed = False
        while time.monotonic() - began < SECONDS:
            backlog = self.high(tail, "cdrs") - self.world.settled_offsets()
            generator.send_signal(signal.SIGSTOP if backlog > BACKLOG else signal.SIGCONT)
            if not killed and time.monotonic() - began > SECONDS / 2:
                service.kill()
                service.wait()
                service = self.run_service()
                killed = True
            time.sleep(0.05)
            assert processor.running() and service.poll() is None and generator.poll() is None
        generator.send_signal(signal.SIGCONT)
        generator.terminate()
        generator.wait()
        self.world.produced = self.high(tail, "cdrs")
        self.world.wait_settled(seconds=120, alive=processor)
        in_flight = "SELECT count(*) FROM account WHERE recharge_in_flight_id <> ''"
        harness.wait_for(
            "nearly all answered",
            lambda: self.world.query(in_flight)[0][0] < ACCOUNTS / 20,
            60,
        )
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
        processor.stop(60)
        self.events = tail.read()
        tail.close()

    def end(self):
        for service in self.services:
            if service.poll() is None:
                service.kill()


class Walk:
    """One account's events in order: what was requested, and how it went on."""

    def __init__(self, row):
        self.row = row
        self.recharge = row["auto_recharge"]
        self.zone = zoneinfo.ZoneInfo(row["timezone"])
        self.in_flight = None  # (recharge_id, amount, day, month)
        self.disabled = False
        self.not_before = 0
        self.counted = collections.Counter()  # requests by day
        self.spent = collections.Counter()  # by month, without what failed
        self.requests = 0
        self.most = 0
        self.faults = []

    def add(self, event):
        handle = getattr(self, event["type"].replace(".", "_"), None)
        if handle is not None:
            handle(event, event["body"])

    def fault(self, event, text):
        self.faults.append(f"{event['account_id']} {event['sequence']} {event['type']}: {text}")

    def recharge_requested(self, event, body):
        local = datetime.datetime.fromtimestamp(event["time"] / 1000, self.zone)
        day, month = local.strftime("%Y%m%d"), local.strftime("%Y%m")
        amount = body["amount_micros"]
        if self.in_flight is not None:
            self.fault(event, f"{self.in_flight[0]} is in flight")
        if self.disabled or event["time"] < self.not_before:
            self.fault(event, "too early after a failure")
        if amount != self.expected_amount(event["balance_micros"]):
            self.fault(event, f"asks for {amount}")
        self.in_flight = (body["recharge_id"], amount, day, month)
        self.requests += 1
        self.counted[day] += 1
        self.spent[month] += amount
        self.judge_caps(event, day, month)

    def expected_amount(self, balance):
        amount = int(self.recharge["amount"]) * 1_000_000
        threshold = int(self.recharge["threshold"]) * 1_000_000
        return {
            "fixed": amount,
            "target": amount - balance,
            "shortfall_plus": threshold - balance + amount,
        }[self.recharge["mode"]]

    def judge_caps(self, event, day, month):
        count_max = self.recharge["max_count_per_day"]
        if count_max and self.counted[day] > count_max:
            self.fault(event, f"number {self.counted[day]} of the day")
        for cap in (self.recharge["max_amount_per_month"], self.row["monthly_credit_cap"]):
            if int(cap) and self.spent[month] > int(cap) * 1_000_000:
                self.fault(event, f"{self.spent[month]} in the month, above {cap}")

    def recharge_succeeded(self, event, body):
        if self.in_flight is None or body["recharge_id"] != self.in_flight[0]:
            self.fault(event, f"{body['recharge_id']} was not in flight: {self.in_flight}")
        elif body["amount_micros"] != self.in_flight[1]:
            self.fault(event, f"{body['amount_micros']} of {self.in_flight[1]}")
        self.in_flight = None
        self.not_before = 0

    def recharge_failed(self, event, body):
        if self.in_flight is None or body["recharge_id"] != self.in_flight[0]:
            self.fault(event, f"{body['recharge_id']} was not in flight: {self.in_flight}")
            return
        self.spent[self.in_flight[3]] -= self.in_flight[1]
        self.not_before = body["next_try"] or 0
        self.in_flight = None

    def recharge_disabled(self, event, body):
        self.disabled = True
        if body["failures"] != 3:
            self.fault(event, f"after {body['failures']}")


@pytest.fixture
def load(new_world):
    made = Load(new_world(partitions=8, settings=SETTINGS))
    try:
        yield made
    finally:
        made.end()


@pytest.mark.timeout(300 + 12 * SECONDS)
def test_accounts_recharge_under_full_load(load):
    world = load.world
    load.make()
    load.play()
    told = {}
    for event in load.events:
        assert told.setdefault(event["event_id"], event) == event
    by_account = collections.defaultdict(list)
    for event in told.values():
        by_account[event["account_id"]].append(event)
    sequences = dict(world.query("SELECT account_id, sequence FROM account"))
    types, faults, requests = collections.Counter(), [], 0
    for row in load.accounts:
        account_id = row["account_id"]
        events = sorted(by_account[account_id], key=lambda event: event["sequence"])
        numbers = [event["sequence"] for event in events]
        assert numbers == list(range(1, sequences[account_id] + 1)), account_id
        walk = Walk(row)
        for event in events:
            types[event["type"]] += 1
            walk.add(event)
        faults += walk.faults
        requests += walk.requests
    assert not faults, "\n".join(faults[:20])
    print(f"{world.produced} CDRs in {SECONDS} s; {dict(types)}")
    # everything that the load is to meet was met
    assert requests > ACCOUNTS / 10 and types["recharge.succeeded"] > 0.7 * requests
    assert types["recharge.failed"] > 0 and types["recharge.suppressed"] > 0
    if FULL:
        assert 0.05 * requests < types["recharge.failed"] < 0.2 * requests
        assert types["cap.reached"] > 0 and types["recharge.disabled"] > 0
    recharged = "SELECT count(*) FROM ledger_entry WHERE kind = 'recharge'"
    assert world.query(recharged)[0][0] == types["recharge.succeeded"]
    status, audit = world.audit()
    assert status == 0, json.dumps(audit, indent=1)
    assert not world.query(stage.LEDGER)

    # the month's usage of every account
    count, differing = recompute.differences(world, load.clock_ms)
    assert count > ACCOUNTS and not differing, "\n".join(differing[:10])
