# SPDX-License-Identifier: Apache-2.0
"""Replays: settled calls rated again, against sums made here."""

import datetime
import decimal
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

import cdrs
import harness

DECK = """\
prefix,rate,category,description,interval_1,interval_n,connect_fee
44,0.06,international_outbound,United Kingdom,60,60,
49,0.0109,international_outbound,Germany,1,1,0.01
*,0.045,international_outbound,Elsewhere,60,60,
*,0.01,local_outbound,Local,60,60,
*,0.02,toll_free_inbound,Toll-free inbound,60,60,
"""
DEARER = DECK.replace("44,0.06,", "44,0.066,")
MICRO = decimal.Decimal("0.000001")


def micros(text):
    return int(decimal.Decimal(text) / MICRO)


def account(name, **changes):
    return {
        "account_id": name,
        "country": "US",
        "timezone": "America/New_York",
        "rate_plan": harness.PLAN,
        "opening_balance": "1000",
        **changes,
    }


def call(world, name, minutes=1, to="+442079460958", start=None, seconds=0, **changes):
    record = world.calls.answered(leg=0, account_id=name, to_number=to, **changes)
    start = record["start_time"] if start is None else start
    duration = minutes * 60_000 + seconds * 1000
    return dict(
        record,
        start_time=start,
        answer_time=start + 1000,
        end_time=start + 1000 + duration,
        duration_ms=duration,
        origin_country=None,
    )


class Report:
    def __init__(self, rows):
        self.rows = rows

    def row(self, section, item):
        found = [r for r in self.rows if (r["section"], r["item"]) == (section, item)]
        assert len(found) <= 1, found
        return found[0] if found else None

    def section(self, section):
        return {r["item"]: r for r in self.rows if r["section"] == section}

    @property
    def total(self):
        return self.row("total", "compared")

    @property
    def difference(self):
        return micros(self.total["difference"])

    def skipped(self, item):
        row = self.row("skipped", item)
        return row["calls"] if row else 0

    @property
    def changed(self):
        total = self.total
        return total["up"], total["down"]


def replay(world, *options):
    run = world.tollstream("replay", "--json", "--top", 1000, *options)
    return Report(json.loads(run.stdout))


def refusal(world, *options):
    run = world.tollstream("replay", "--json", *options, check=False)
    assert run.returncode == 2 and run.stdout == "", (run.returncode, run.stdout)
    return run.stderr


def nothing_changed(world):
    """What a dry run or a refused replay must leave as it was."""
    return (
        world.query("SELECT account_id, balance_micros, movements FROM account ORDER BY 1"),
        world.query("SELECT count(*) FROM ledger_entry"),
        world.query("SELECT count(*) FROM replay"),
        world.query("SELECT count(*) FROM dead_letter WHERE status <> 'open'"),
        world.query("SELECT sum(next_offset) FROM stream_partition"),
    )


@pytest.fixture
def settled(new_world):
    """The mixed stream of the other tests, settled at its deck."""
    world = new_world().make()
    world.produce(world.calls.stream(3000))
    world.drain()
    return world


def test_an_unchanged_deck_makes_no_difference(settled):
    before = nothing_changed(settled)
    report = replay(settled)
    counts = settled.query("SELECT count(*), sum(charge_micros) FROM usage")[0]
    refused = settled.query("SELECT count(*) FROM dead_letter")[0][0]
    duplicates = settled.query("SELECT count(*) FROM duplicate")[0][0]
    assert report.total["calls"] == counts[0]
    assert micros(report.total["settled"]) == micros(report.total["rated"]) == counts[1]
    assert report.changed == (0, 0) and report.difference == 0
    assert report.row("total", "read")["calls"] == 3000
    assert report.row("total", "units_only")["calls"] == 0
    assert report.skipped("duplicate") == duplicates
    assert report.skipped("still_refused") + report.skipped("identity_conflict") == refused
    assert report.skipped("missing") == 0
    assert not report.section("refused") and not report.section("first")
    assert nothing_changed(settled) == before


def test_one_prefix_dearer(new_world):
    """The total is that of the calls that were sent, account by account."""
    world = new_world().make(deck=DECK, accounts=[account(f"a{i}") for i in range(20)])
    world.calls.ids = [f"a{i}" for i in range(20)]
    expected = {}
    records = []
    random_ = world.calls.random
    for _ in range(800):
        name = random_.choice(world.calls.ids)
        minutes = random_.randrange(1, 30)
        to = random_.choice(("+442079460958", "+4930123456", "+33142000000", "+12125550123"))
        records.append(call(world, name, minutes, to))
        if to.startswith("+44"):
            expected[name] = expected.get(name, 0) + minutes * 6000
    world.produce((r["account_id"].encode(), cdrs.CDR.encode(r), i) for i, r in enumerate(records))
    world.drain()
    world.publish(DEARER)
    before = nothing_changed(world)
    # published now: the calls were answered before
    assert replay(world).difference == 0
    version = world.query("SELECT max(version) FROM deck_version")[0][0]
    report = replay(world, "--deck-version", version, "--sample", 3)
    assert report.difference == sum(expected.values())
    assert report.changed == (sum(r["to_number"].startswith("+44") for r in records), 0)
    assert {n: micros(r["difference"]) for n, r in report.section("account").items()} == expected
    assert set(report.section("prefix")) == {"international_outbound 44"}
    assert sum(r["calls"] for r in report.section("histogram").values()) == report.changed[0]
    samples = report.section("sample").values()
    assert len(samples) == 3
    assert all("won line 2: prefix 44" in sample["detail"] for sample in samples)
    assert nothing_changed(world) == before

    one = next(iter(expected))
    assert replay(world, "--deck-version", version, "--account", one).difference == expected[one]
    by_category = ("--deck-version", version, "--category")
    assert replay(world, *by_category, "international_outbound").difference == report.difference
    local = replay(world, *by_category, "local_outbound")
    assert local.difference == 0 and local.total["calls"] > 0
    assert replay(world, "--deck-version", version, "--prefix", "4").difference == report.difference
    germany = replay(world, "--deck-version", version, "--prefix", "49")
    assert germany.difference == 0
    assert germany.total["calls"] == sum(r["to_number"].startswith("+49") for r in records)
    # the range by offset, partition by partition
    parts = [
        replay(world, "--deck-version", version, "--partitions", p, *ends).difference
        for p in range(world.partitions)
        for ends in (("--to", 70), ("--from", 70))
    ]
    assert sum(parts) == report.difference and all(parts)
    # and by time
    now = datetime.datetime.now(datetime.UTC)
    early = (now - datetime.timedelta(hours=1)).isoformat()
    late = (now + datetime.timedelta(hours=1)).isoformat()
    by_time = replay(world, "--deck-version", version, "--from", early, "--to", late)
    assert by_time.difference == report.difference
    assert replay(world, "--deck-version", version, "--to", early).total["calls"] == 0
    # as they were in force before the dearer one, and after
    at = replay(world, "--effective-at", early)
    assert at.difference == 0
    assert replay(world, "--effective-at", late).difference == report.difference


def test_the_report_as_file_and_table(new_world):
    world = new_world().make(deck=DECK, accounts=[account("a")])
    world.send(call(world, "a", 3))
    world.drain()
    world.publish(DEARER)
    file = world.folder / "report.json"
    options = ("--effective-at", "2100-01-01T00:00:00Z", "--report", file, "--sample", 1)
    run = world.tollstream("replay", *options)
    assert "0.018000" in run.stdout and "SECTION" in run.stdout
    run = world.tollstream("replay", *options, "--format", "csv")
    assert run.stdout.splitlines()[0].startswith("section,item,calls,up,down,settled,rated")
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["topic"] == world.topics["cdrs"] and not report["applied"]
    assert Report(report["report"]).difference == 18_000


def test_programs_have_all_rows_and_people_the_largest(new_world):
    names = [f"a{i:02}" for i in range(30)]
    world = new_world().make(deck=DECK, accounts=[account(name) for name in names])
    world.send(*(call(world, name, 1 + i) for i, name in enumerate(names)))
    world.drain()
    world.publish(DEARER)
    options = ("replay", "--deck-version", newest(world))

    def accounts(*more):
        run = world.tollstream(*options, *more)
        rows = Report(json.loads(run.stdout)).section("account")
        return {item: (row["calls"], micros(row["difference"])) for item, row in rows.items()}

    all_rows = {name: (1, 6000 * (1 + i)) for i, name in reversed(list(enumerate(names)))}
    assert list(accounts("--json").items()) == list(all_rows.items())
    largest = dict(list(all_rows.items())[:4])
    rest = 6000 * sum(range(1, 27))
    assert accounts("--json", "--top", 4) == largest | {"26 more": (26, rest)}
    assert accounts("--json", "--top", 0) == {"30 more": (30, 6000 * sum(range(1, 31)))}
    csv = world.tollstream(*options, "--format", "csv").stdout
    assert sum(line.startswith("account,a") for line in csv.splitlines()) == 30
    table = world.tollstream(*options).stdout.splitlines()
    assert sum(line.startswith("account ") for line in table) == 21
    assert [line.split()[3:6] for line in table if "10 more" in line] == [["10", "10", "0"]]


def test_a_report_file_that_cannot_be_written(priced):
    world = priced
    options = ("replay", "--apply", "--deck-version", newest(world), "--format", "csv", "--report")
    before = nothing_changed(world)
    for path in (world.folder / "nowhere" / "report.json", world.folder):
        run = world.tollstream(*options, path, check=False)
        assert (run.returncode, run.stdout) == (2, "") and str(path) in run.stderr
        assert nothing_changed(world) == before
    # one that is refused leaves an earlier report
    file = world.folder / "report.json"
    file.write_text("earlier" * 10_000, encoding="utf-8")
    run = world.tollstream("replay", "--deck-version", 99, "--report", file, check=False)
    assert run.returncode == 2 and file.read_text(encoding="utf-8").startswith("earlier")
    # a disk that is full by then: the other output comes all the same
    run = world.tollstream(*options, "/dev/full", check=False)
    assert run.returncode == 2 and "/dev/full" in run.stderr
    assert run.stdout.startswith("section,item") and "total,compared,600," in run.stdout
    world.tollstream("replay", "--report", file)
    assert json.loads(file.read_text(encoding="utf-8"))["report"]


def test_dead_letters_and_prices_that_are_gone(new_world):
    world = new_world().make(deck=DECK, accounts=[account("a")])
    free_phone = "+18005550123"  # the deck has no rate for it
    world.send(call(world, "a", 1), call(world, "a", 2, to=free_phone), call(world, "b", 1))
    world.drain()
    world.publish("prefix,rate,category\n1,0.5,toll_free_outbound\n")
    report = replay(world, "--effective-at", "2100-01-01T00:00:00Z")
    assert report.difference == 0 and report.total["calls"] == 0
    assert report.row("refused", "no_rate")["calls"] == 1
    first = report.row("first", "no_rate")
    assert first["calls"] == 1 and micros(first["rated"]) == 1_000_000
    assert report.skipped("still_refused") == 1


def test_numbers_for_prometheus_while_it_runs(settled):
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    process = subprocess.Popen(
        [harness.PROGRAM, "replay", "--listen", f"127.0.0.1:{port}", "--max-rate", "100"],
        env=settled.environment,
        stdout=subprocess.DEVNULL,
    )

    def numbers():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        return dict(line.split() for line in lines if not line.startswith("#"))

    try:
        in_range = "tollstream_replay_records_in_range"
        harness.wait_for("its numbers", lambda: numbers().get(in_range) == "3000", 30)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    taken = settled.tollstream("replay", "--listen", "127.0.0.1:x", check=False)
    assert taken.returncode == 2 and "--listen" in taken.stderr


def refused_reasons(world, *options):
    before = nothing_changed(world)
    text = refusal(world, *options)
    assert nothing_changed(world) == before
    return text


def test_what_is_refused(new_world):
    world = new_world().make(deck=DECK, accounts=[account("a")])
    assert "settled nothing" in refusal(world)
    for i in range(6):
        world.send(call(world, "a", 1 + i), partition=1)
    world.drain()
    assert "no deck version 99" in refused_reasons(world, "--deck-version", 99)
    assert "no partition 7" in refused_reasons(world, "--partitions", 7)
    assert "neither beginning nor end" in refused_reasons(world, "--from", "yesterday")
    assert "has no calls" in refused_reasons(world, "--topic", world.topics["credits"])
    # retention takes the first three
    admin = harness.admin_client(world.stack.brokers)
    place = harness.confluent_kafka.TopicPartition(world.topics["cdrs"], 1, 3)
    for future in admin.delete_records([place]).values():
        future.result(10)
    assert "gone by retention" in refused_reasons(world, "--from", 1, "--partitions", 1)
    epoch = "2020-01-01T00:00:00Z"
    assert "gone by retention" in refused_reasons(world, "--from", epoch)
    assert replay(world, "--from", 1, "--allow-truncated").total["calls"] == 3
    assert replay(world).total["calls"] == 3
    assert replay(world, "--from", 4, "--partitions", 1).total["calls"] == 2


def test_a_topic_made_anew_is_refused(new_world):
    world = new_world().make(deck=DECK, accounts=[account("a")])
    world.send(*(call(world, "a", 1 + i) for i in range(3)))
    world.drain()
    admin = harness.admin_client(world.stack.brokers)
    for future in admin.delete_topics([world.topics["cdrs"]]).values():
        future.result(10)
    harness.wait_for(
        "the topic is gone",
        lambda: world.topics["cdrs"] not in admin.list_topics(timeout=10).topics,
        30,
    )
    world.tollstream("topics", "create", "--partitions", world.partitions, "--replication", 1)
    assert "recreated or truncated" in refused_reasons(world)
    world.send(*(call(world, "a", 1 + i) for i in range(5)))
    assert "is not the one that was settled" in refused_reasons(world)


# --- settling the difference


def balances(world):
    return dict(world.query("SELECT account_id, balance_micros FROM account"))


def net_charges(world):
    """What each call costs by now."""
    return dict(
        world.query(
            """SELECT u.cdr_id, u.charge_micros - coalesce((SELECT sum(d.amount_micros)
               FROM adjustment d WHERE d.start_time = u.start_time
               AND d.identity_hash = u.identity_hash), 0) FROM usage u"""
        )
    )


def assert_audit(world):
    status, report = world.audit()
    assert status == 0, json.dumps(report, indent=1)


def apply(world, name, *options):
    return replay(world, "--apply", "--generation", name, "--reason", "test", *options)


def newest(world):
    return world.query("SELECT max(version) FROM deck_version")[0][0]


def mixed_calls(world, names, count):
    random_ = world.calls.random
    for i in range(count):
        to = random_.choice(("+442079460958", "+4930123456", "+33142000000", "+12125550123"))
        record = call(world, random_.choice(names), random_.randrange(1, 30), to)
        yield record["account_id"].encode(), cdrs.CDR.encode(record), i


@pytest.fixture
def priced(new_world):
    """Calls settled at one deck, another one published, a processor that runs."""
    names = [f"a{i}" for i in range(10)]
    world = new_world().make(deck=DECK, accounts=[account(name) for name in names])
    world.calls.ids = names
    world.produce(mixed_calls(world, names, 600))
    world.drain()
    world.publish(DEARER)
    world.run(name="live")
    return world


def test_applied_once_and_reverted(priced):
    world = priced
    before, charges = balances(world), net_charges(world)
    version = newest(world)
    dry = replay(world, "--deck-version", version)
    assert dry.difference > 0
    up = dry.changed[0]
    report = apply(world, "dearer", "--deck-version", version)
    assert (report.difference, report.changed) == (dry.difference, dry.changed)
    after = balances(world)
    by_account = {n: micros(r["difference"]) for n, r in dry.section("account").items()}
    assert {n: before[n] - after[n] for n in by_account} == by_account
    rows = world.query(
        "SELECT count(*), -sum(amount_micros), min(issued_by), min(note) FROM ledger_entry"
        " WHERE kind = 'adjustment'"
    )
    assert rows[0][:2] == (dry.changed[0], dry.difference) and rows[0][3] == "test"
    assert_audit(world)
    # once more: nothing is left to do
    again = apply(world, "again", "--deck-version", version)
    assert again.changed == (0, 0) and again.difference == 0
    same_name = ("--apply", "--generation", "dearer", "--reason", "test")
    assert "there is a replay" in refusal(world, *same_name)
    assert balances(world) == after
    # and back
    run = world.tollstream("replay", "revert", "dearer", "--reason", "wrong", "--quiet")
    assert f"{up} calls\n" in run.stdout
    assert balances(world) == before and net_charges(world) == charges
    assert_audit(world)
    run = world.tollstream("replay", "revert", "dearer", "--reason", "wrong", check=False)
    assert run.returncode == 1 and "adjusted again since" in run.stderr
    assert balances(world) == before
    # a third time it can be settled anew, by another name
    assert apply(world, "third", "--deck-version", version).difference == dry.difference
    assert balances(world) == after
    assert_audit(world)
    listed = json.loads(world.tollstream("replay", "list", "--json").stdout)
    assert [(r["name"], r["status"], r["settled"]) for r in listed] == [
        ("dearer", "done", dry.changed[0]),
        ("again", "done", 0),
        (listed[2]["name"], "done", dry.changed[0]),
        ("third", "done", dry.changed[0]),
    ]
    assert listed[2]["reverts"] == 1
    number = listed[2]["generation"]
    status = json.loads(world.tollstream("replay", "status", number, "--json").stdout)
    assert status["name"] == listed[2]["name"] and status["reason"] == "wrong"
    assert (status["sent"], status["compared"], status["difference"]) == (up, None, None)
    status = json.loads(world.tollstream("replay", "status", "dearer", "--json").stdout)
    shown = [status[name] for name in ("read", "compared", "up", "down", "sent")]
    assert shown == [600, 600, up, 0, up] and micros(status["difference"]) == dry.difference
    table = world.tollstream("replay", "status", "dearer").stdout
    assert [line.split()[1:] for line in table.splitlines() if "sent" in line] == [[str(up)]], table


OF_ANOTHER_RANGE = {
    "topic": "x",
    "partitions": "0",
    "from": "beginning",
    "to": "end",
    "account": "a1",
    "category": "local_outbound",
    "prefix": "44",
    "deck-version": "1",
    "effective-at": "2026-01-01T00:00:00Z",
    "dry-run": None,
    "apply": None,
}


def test_what_was_settled_when_it_was_made_is_not_asked_again(priced):
    world = priced
    apply(world, "one", "--deck-version", newest(world))
    for option, value in OF_ANOTHER_RANGE.items():
        for action in ("resume", "revert"):
            words = [f"--{option}"] if value is None else [f"--{option}", value]
            before = nothing_changed(world)
            run = world.tollstream("replay", action, "one", *words, check=False)
            assert (run.returncode, run.stdout) == (2, ""), (action, option, run.stdout)
            assert f"--{option} " in run.stderr and action in run.stderr
            assert nothing_changed(world) == before


def test_a_program_is_answered_in_its_format(priced):
    world = priced
    apply(world, "one", "--deck-version", newest(world))
    status = world.tollstream("replay", "status", "one", "--json").stdout
    assert world.tollstream("replay", "resume", "one", "--json").stdout == status
    run = world.tollstream("replay", "revert", "one", "--generation", "back", "--json")
    assert run.stdout == world.tollstream("replay", "status", "back", "--json").stdout
    back = json.loads(run.stdout)
    assert (back["name"], back["status"], back["reverts"]) == ("back", "done", 1)
    assert back["settled"] == json.loads(status)["settled"] > 0
    run = world.tollstream("replay", "resume", "back", "--format", "csv")
    assert run.stdout.startswith("generation,name,status,") and run.stdout.count("\n") == 2
    for action in ("status", "revert", "resume"):
        run = world.tollstream("replay", action, "nobody", "--json", check=False)
        assert (run.returncode, run.stdout) == (1, ""), action
        assert "there is no replay" in run.stderr


def test_a_reason_may_be_left_out(priced):
    world = priced
    before = balances(world)
    report = replay(world, "--apply", "--generation", "mute", "--deck-version", newest(world))
    assert report.difference > 0
    world.tollstream("replay", "revert", "mute", "--generation", "back")
    assert balances(world) == before
    kept = world.query("SELECT name, reason FROM replay ORDER BY generation")
    assert kept == [("mute", ""), ("back", "")]
    notes = "SELECT coalesce(note, ''), count(*) FROM ledger_entry WHERE kind = 'adjustment'"
    assert world.query(f"{notes} GROUP BY 1") == [("", 2 * sum(report.changed))]
    assert_audit(world)


# --- with included units

ALLOWANCES = [
    {"name": "world", "category": "international_outbound", "units": 3600, "unit": "second"},
    {"name": "any", "category": "*", "units": 900, "unit": "second"},
]
# by the second instead of the minute, dearer, and Germany cheaper
BY_SECOND = """\
prefix,rate,category,description,interval_1,interval_n,connect_fee
44,0.066,international_outbound,United Kingdom,1,1,
49,0.006,international_outbound,Germany,30,6,
*,0.045,international_outbound,Elsewhere,60,60,
*,0.01,local_outbound,Local,60,60,
*,0.02,toll_free_inbound,Toll-free inbound,60,60,
"""


def by_second(record):
    """(price in micro-units, billed seconds, the names of its allowances) at the deck above."""
    seconds = -(-record["duration_ms"] // 1000)
    to = record["to_number"]
    if to.startswith("+44"):
        rate, billed = 66_000, seconds
    elif to.startswith("+49"):
        rate, billed = 6_000, max(30, -(-seconds // 6) * 6)
    else:
        rate, billed = (10_000 if to.startswith("+1") else 45_000), -(-seconds // 60) * 60
    names = ("any",) if to.startswith("+1") else ("world", "any")
    price = half_up(rate * billed, 60)
    return price, billed, names


def half_up(numerator, denominator):
    return (2 * numerator + denominator) // (2 * denominator)


def model(world, records, price_of):
    """The calls of each account and month in the order in which they were settled."""
    units = {row["name"]: row["units"] for row in ALLOWANCES}
    rows = world.query(
        """SELECT u.cdr_id, a.account_id, account_month(u.start_time, a.timezone)
           FROM usage u JOIN account a USING (account_no) ORDER BY u.account_no, u.movement"""
    )
    used, charges = {}, {}
    for cdr_id, name, month in rows:
        price, billed, names = price_of(records[cdr_id])
        left = billed
        for allowance in names:
            key = name, month, allowance
            draw = max(0, min(left, units[allowance] - used.get(key, 0)))
            used[key] = used.get(key, 0) + draw
            left -= draw
        charges[cdr_id] = half_up(price * left, billed) if left < billed else price
    return charges, {key: value for key, value in used.items() if value}


def allowances_used(world):
    return {
        (name, f"{month // 100}-{month % 100:02}", allowance): used
        for name, month, allowance, used in world.query(
            """SELECT a.account_id, month, u.name, used FROM allowance_used u
               JOIN account a USING (account_no) WHERE used <> 0"""
        )
    }


def drawn(world):
    """The same from the rows of calls and adjustments."""
    rows = world.query(
        """SELECT a.account_id, account_month(start_time, a.timezone), n, sum(c)::bigint
           FROM (SELECT account_no, start_time, allowance_names AS names, allowance_units AS counts
                 FROM usage UNION ALL
                 SELECT account_no, start_time, unit_names, unit_counts FROM adjustment) x
           JOIN account a USING (account_no) CROSS JOIN LATERAL unnest(names, counts) AS v(n, c)
           GROUP BY 1, 2, 3 HAVING sum(c) <> 0"""
    )
    return {(name, month, allowance): used for name, month, allowance, used in rows}


@pytest.fixture(params=["in one partition", "over all partitions"])
def included(new_world, request):
    """Calls of accounts with allowances, late, out of order, of two months; those of an account in
    one partition, as by its key, or anywhere."""
    anywhere = request.param == "over all partitions"
    names = [f"a{i}" for i in range(6)]
    zones = ("America/New_York", "Asia/Kolkata", "UTC")
    accounts = [
        account(name, allowances=ALLOWANCES, timezone=zones[i % 3]) for i, name in enumerate(names)
    ]
    settings = {"usage": {"history_days": 45}}
    world = new_world(settings=settings).make(deck=DECK, accounts=accounts)
    random_ = world.calls.random
    world.records = {}
    messages = []
    for i in range(500):
        to = random_.choice(("+442079460958", "+4930123456", "+33142000000", "+12125550123"))
        start = world.now_ms - random_.randrange(3_600_000, 40 * cdrs.DAY_MS)
        seconds = random_.randrange(60)
        record = call(world, random_.choice(names), random_.randrange(5), to, start, seconds + 1)
        world.records[record["cdr_id"]] = record
        pick = i if anywhere else sum(record["account_id"].encode())
        messages.append((record["account_id"].encode(), cdrs.CDR.encode(record), pick))
    world.produce(messages)
    world.drain()
    return world


def test_included_units_stay_with_an_unchanged_deck(included):
    report = replay(included)
    assert report.total["calls"] == 500 and report.difference == 0
    assert report.changed == (0, 0) and report.row("total", "units_only")["calls"] == 0


def test_included_units_are_drawn_again_in_order(included):
    world = included
    world.publish(BY_SECOND)
    world.run(name="live")
    before, used, first = net_charges(world), allowances_used(world), balances(world)
    version = newest(world)
    charges, units = model(world, world.records, by_second)
    dry = replay(world, "--deck-version", version, "--sample", 5)
    assert dry.difference == sum(charges.values()) - sum(before.values())
    assert dry.total["up"] and dry.total["down"] and dry.row("total", "units_only")["calls"]
    report = apply(world, "seconds", "--deck-version", version)
    assert report.rows[0] == dry.rows[0] | {"detail": "applied"}
    assert net_charges(world) == charges
    assert_audit(world)
    assert drawn(world) == units
    assert allowances_used(world) == units
    again = replay(world, "--deck-version", version)
    assert again.difference == 0 and again.changed == (0, 0)
    assert again.row("total", "units_only")["calls"] == 0
    world.tollstream("replay", "revert", "seconds", "--reason", "back")
    assert net_charges(world) == before
    assert allowances_used(world) == used and balances(world) == first
    assert_audit(world)
    # one account alone, then half of the calls of all: those outside keep what they use
    apply(world, "alone", "--deck-version", version, "--account", "a1")
    theirs = {i for i, record in world.records.items() if record["account_id"] == "a1"}
    assert net_charges(world) == {i: (charges if i in theirs else before)[i] for i in before}
    dry = replay(world, "--deck-version", version, "--to", 60)
    report = apply(world, "half", "--deck-version", version, "--to", 60)
    assert report.rows[0] == dry.rows[0] | {"detail": "applied"}
    assert_audit(world)
    apply(world, "all", "--deck-version", version)
    assert net_charges(world) == charges and allowances_used(world) == units
    assert_audit(world)


# --- while something goes wrong


def start_apply(world, name, *options, **environment):
    return subprocess.Popen(
        [
            harness.PROGRAM,
            "replay",
            "--apply",
            "--generation",
            name,
            "--reason",
            "test",
            *map(str, options),
        ],
        env={**world.environment, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def stopped(process):
    """Whether a signal suspended it."""
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


KILLS = 20 if os.environ.get("TOLLSTREAM_TEST_DEPTH") == "full" else 8
FAULTS = ("before_adjustments:1", "after_adjustments:1", "replay_page:1")


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_and_resumed(priced, fault):
    world = priced
    dry = replay(world, "--deck-version", newest(world))
    before = balances(world)
    killed = start_apply(
        world, "k", "--deck-version", newest(world), TOLLSTREAM_FAULT_POINT=fault
    )
    assert killed.wait(60) != 0, killed.stderr.read()
    world.tollstream("replay", "resume", "k", "--json")
    assert sum(before.values()) - sum(balances(world).values()) == dry.difference
    assert replay(world, "--deck-version", newest(world)).difference == 0
    assert_audit(world)
    assert "is done" in world.tollstream("replay", "resume", "k").stdout


def stored(world, name):
    return world.query("SELECT status, progress, totals FROM replay WHERE name = %s", name)[0]


def test_a_resume_that_fails_says_so(new_world):
    world = new_world().make(deck=DECK, accounts=[account("a")])
    world.send(*(call(world, "a", 1 + i) for i in range(6)))
    world.drain()
    world.publish(DEARER)
    fault = {"TOLLSTREAM_FAULT_POINT": "replay_page:2"}
    killed = start_apply(world, "k", "--deck-version", newest(world), **fault)
    assert killed.wait(60) != 0, killed.stderr.read()
    status, progress, totals = stored(world, "k")
    assert status == "comparing" and progress and totals["read"] == 6
    # no processor settles what was sent
    resume = ("replay", "resume", "k", "--timeout", 1)
    run = world.tollstream(*resume, check=False)
    assert run.returncode == 2 and "replay k stopped" in run.stderr
    assert stored(world, "k") == ("stopped", progress, totals)
    # what is at work on it is not disturbed
    world.query("SELECT pg_advisory_lock(hashtext('tollstream replay'), 1)")
    world.query("UPDATE replay SET status = 'applying' RETURNING 1")
    run = world.tollstream(*resume, check=False)
    assert run.returncode == 2 and "another process" in run.stderr
    assert stored(world, "k")[0] == "applying"
    world.query("SELECT pg_advisory_unlock_all()")
    # no retry will help
    world.query("UPDATE replay SET progress = '[]' RETURNING 1")
    admin = harness.admin_client(world.stack.brokers)
    place = harness.confluent_kafka.TopicPartition(world.topics["cdrs"], 0, 3)
    for future in admin.delete_records([place]).values():
        future.result(10)
    run = world.tollstream(*resume, check=False)
    assert run.returncode == 2 and "gone by retention" in run.stderr
    assert stored(world, "k") == ("failed", [], totals)


def test_what_could_not_be_sent_is_not_stored_as_compared(new_world):
    world = new_world().make(deck=DECK, accounts=[account("a")])
    world.send(*(call(world, "a", 1 + i) for i in range(6)))
    world.drain()
    world.publish(DEARER)
    waits = {"TOLLSTREAM_FAULT_POINT": "before_adjustments:1:stop"}
    process = start_apply(world, "k", "--deck-version", newest(world), **waits)
    harness.wait_for("it to stop", lambda: stopped(process), 30)
    admin = harness.admin_client(world.stack.brokers)
    for future in admin.delete_topics([world.topics["adjustments"]]).values():
        future.result(10)
    process.send_signal(signal.SIGCONT)
    assert process.wait(90) == 2
    assert stored(world, "k")[1] == [], process.stderr.read()


def test_a_live_stream_that_stands_still_is_not_waited_for_in_vain(new_world):
    world = new_world().make(deck=DECK, accounts=[account("a")])
    world.send(*(call(world, "a", 1 + i) for i in range(6)))
    world.drain()
    world.publish(DEARER)
    world.send(*(call(world, "a", 1 + i) for i in range(20)))
    options = ("--deck-version", newest(world), "--max-lag", 5, "--timeout", 2)
    waiting = start_apply(world, "k", *options)
    assert waiting.wait(30) == 2
    assert "20 records that are not settled" in waiting.stderr.read().decode()
    assert stored(world, "k")[0] == "stopped"
    world.run(name="live")
    world.wait_settled()
    world.tollstream("replay", "resume", "k", "--max-lag", 5)
    assert world.query("SELECT count(*) FROM adjustment") == [(6,)]
    status = json.loads(world.tollstream("replay", "status", "k", "--json").stdout)
    counts = [status[name] for name in ("read", "compared", "up", "sent", "settled")]
    assert (status["status"], counts) == ("done", [6] * 5)
    assert_audit(world)


def test_killed_at_random_beside_live_traffic(priced):
    world = priced
    dry = replay(world, "--deck-version", newest(world))
    random_ = world.calls.random
    with world.flow(KILLS * 180, 150):
        process = start_apply(world, "k", "--deck-version", newest(world), "--max-rate", 200)
        for _ in range(KILLS):
            time.sleep(random_.random() * 1.5)
            process.kill()
            process.wait()
            process = subprocess.Popen(
                [harness.PROGRAM, "replay", "resume", "k", "--max-rate", "200"],
                env=world.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        assert process.wait(120) in (0, 2)
    run = world.tollstream("replay", "resume", "k", check=False)
    assert run.returncode == 0, run.stderr
    world.wait_settled()
    adjusted = world.query("SELECT -sum(amount_micros), count(*) FROM adjustment")[0]
    assert adjusted == (dry.difference, dry.changed[0])
    assert_audit(world)


def test_two_at_once_settle_each_difference_once(priced):
    world = priced
    version = newest(world)
    dry = replay(world, "--deck-version", version)
    before = balances(world)
    both = [start_apply(world, name, "--deck-version", version) for name in ("one", "two")]
    assert [process.wait(120) for process in both] == [0, 0], [p.stderr.read() for p in both]
    assert sum(before.values()) - sum(balances(world).values()) == dry.difference
    assert world.query("SELECT count(*) FROM adjustment")[0][0] == dry.changed[0]
    open_letters = world.query("SELECT reason FROM dead_letter WHERE status = 'open'")
    assert open_letters == []
    assert_audit(world)


def test_killed_when_another_one_came_before(new_world):
    """Its letters are closed, and nothing else tells of what they were to settle."""
    names = [f"a{i}" for i in range(10)]
    world = new_world().make(deck=DECK, accounts=[account(name) for name in names])
    world.calls.ids = names
    world.produce(mixed_calls(world, names, 600))
    world.drain()
    world.publish(DECK.replace("44,0.06,", "44,0.3,"))
    first = newest(world)
    world.publish(DEARER.replace("49,0.0109,", "49,0.02,"))
    second = newest(world)
    before = balances(world)
    dry = replay(world, "--deck-version", second)
    # both compare with the settlements, and the adjustments of `first` are the first on the topic
    waits = {"TOLLSTREAM_FAULT_POINT": "before_adjustments:1:stop"}
    other = start_apply(world, "first", "--deck-version", first, **waits)
    harness.wait_for("it to stop", lambda: stopped(other), 30)
    dies = {"TOLLSTREAM_FAULT_POINT": "replay_superseded:1"}
    killed = start_apply(world, "k", "--deck-version", second, "--max-rate", 200, **dies)
    status = "SELECT count(*) FROM replay WHERE name = 'k' AND status = %s"
    harness.wait_for("it began", lambda: world.query(status, "comparing") == [(1,)], 30)
    other.send_signal(signal.SIGCONT)
    harness.wait_for("it sent", lambda: world.query(status, "applying") == [(1,)], 30)
    world.run(name="live")
    assert killed.wait(60) == -signal.SIGKILL, killed.stderr.read()
    assert other.wait(60) == 0, other.stderr.read()
    letters = "SELECT reason, status FROM dead_letter GROUP BY 1, 2"
    assert world.query(letters) == [("adjustment_superseded", "closed")]
    assert replay(world, "--deck-version", second).difference != 0
    world.tollstream("replay", "resume", "k")
    assert replay(world, "--deck-version", second).difference == 0
    assert sum(before.values()) - sum(balances(world).values()) == dry.difference
    assert_audit(world)


def test_a_dead_letter_that_has_a_price_now_is_settled_first(new_world):
    world = new_world().make(deck=DECK, accounts=[account("a")])
    world.send(call(world, "a", 1), call(world, "a", 2, to="+18005550123"))
    world.drain()
    with_toll_free = DECK + "*,0.5,toll_free_outbound,Toll-free,60,60,\n"
    world.publish(with_toll_free, "--effective-from", "2020-01-01T00:00:00Z")
    world.run(name="live")
    report = apply(world, "late")
    assert report.difference == 0 and report.row("first", "no_rate")["calls"] == 1
    world.wait_for(
        "the call settled",
        lambda: world.query("SELECT charge_micros, generation FROM usage ORDER BY movement")
        == [(60_000, 0), (1_000_000, 0)],
    )
    assert world.query("SELECT status FROM dead_letter") == [("requeued",)]
    again = replay(world)
    assert again.difference == 0 and again.skipped("duplicate") == 1
    assert_audit(world)
