# SPDX-License-Identifier: Apache-2.0
"""What an admin reads: the months of accounts in zones that change their clocks and in one that is
half an hour off, against sums made here from the calls that were sent; the ledger, the export and
the events of the same accounts."""

import collections
import csv
import datetime
import decimal
import io
import json
import random
import signal
import subprocess
import time
import zoneinfo

import psycopg
import pytest

import harness

UTC = datetime.UTC
NEW_YORK = "America/New_York"
KOLKATA = "Asia/Kolkata"
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
MICRO = decimal.Decimal("0.000001")
DECK = """\
prefix,rate,category,description,unit,connect_fee
*,0,local_outbound,Local,,
212,0.01,local_inbound,Metered local,,
*,0.02,toll_free_inbound,Toll-free inbound,,
*,0,toll_free_outbound,Toll-free,,
*,0.03,fax_outbound,Fax by the page,page,
*,1.5,premium_outbound,Premium,,0.5
*,0.0145,international_outbound,Abroad,,
1212,0.01,local_outbound,Metered local,,
"""
OWN, SECOND, FREEPHONE = "+13105550100", "+13105550199", "+18005550100"
# category: direction, from, to, service, micro-units a minute (a page), connect fee, the country
KINDS = {
    "international_outbound": ("OUTBOUND", OWN, "+442079460958", "VOICE", 14_500, 0, "GB"),
    "toll_free_inbound": ("INBOUND", "+14165550123", FREEPHONE, "VOICE", 20_000, 0, "CA"),
    "premium_outbound": ("OUTBOUND", SECOND, "+19005551234", "VOICE", 1_500_000, 500_000, "US"),
    "fax_outbound": ("OUTBOUND", SECOND, "+4930123456", "FAX", 30_000, 0, "DE"),
    "local_outbound": ("OUTBOUND", OWN, "+12125550123", "VOICE", 10_000, 0, "US"),
    "free": ("OUTBOUND", OWN, "+14155550123", "VOICE", 0, 0, "US"),
    "internal": ("INTERNAL", OWN, "1234", "VOICE", 0, 0, None),
}
PEOPLE = ((None, None, None), ("u1", "Zoë Ortega", "Sales"), ("u2", "Bo", "Support"))


def ms_of(moment):
    return round(moment.timestamp() * 1000)


def months_of_changed_clocks(zone, now):
    """The months of the last two changes of the clocks that are some days old: (year, month)."""
    tz = zoneinfo.ZoneInfo(zone)
    day = now - datetime.timedelta(days=3)
    found = []
    while len(found) < 2:
        before = day - datetime.timedelta(days=1)
        if day.astimezone(tz).utcoffset() != before.astimezone(tz).utcoffset():
            found.append((day.astimezone(tz).year, day.astimezone(tz).month))
        day = before
    return found


def bounds(zone, year, month):
    tz = zoneinfo.ZoneInfo(zone)
    ends = (year + month // 12, month % 12 + 1)
    return [ms_of(datetime.datetime(y, m, 1, tzinfo=tz)) for y, m in ((year, month), ends)]


def month_of(zone, ms):
    return datetime.datetime.fromtimestamp(ms / 1000, zoneinfo.ZoneInfo(zone)).strftime("%Y-%m")


def day_of(zone, ms):
    return datetime.datetime.fromtimestamp(ms / 1000, zoneinfo.ZoneInfo(zone)).strftime("%Y-%m-%d")


def amount(text):
    """Micro-units of a decimal with six digits behind the point."""
    assert isinstance(text, str) and len(text.partition(".")[2]) == 6, text
    return int(decimal.Decimal(text) / MICRO)


class Office:
    """An account, the calls it makes and what they must cost."""

    def __init__(self, name, zone, opening):
        self.name, self.zone, self.opening = name, zone, opening
        self.calls = []
        self.credits = []

    def row(self):
        return {
            "account_id": self.name,
            "name": f"Büro {self.name}",
            "country": "US",
            "timezone": self.zone,
            "rate_plan": harness.PLAN,
            "opening_balance": str(self.opening * MICRO),
            "alert_thresholds": ["2.5", "1"],
        }

    def call(self, kind, start, duration_ms, person=0):
        direction, from_, to, service, price, fee, country = KINDS[kind]
        units = max(1, -(-duration_ms // MINUTE_MS))
        user_id, user_name, department = PEOPLE[person]
        record = {
            "cdr_id": f"{self.name}-{len(self.calls)}",
            "source": "sbc",
            "leg": 0,
            "call_id": None,
            "account_id": self.name,
            "user_id": user_id,
            "user_name": user_name,
            "department": department,
            "license": "TALK",
            "service": service,
            "direction": direction,
            "from_number": from_,
            "to_number": to,
            "origin_country": None,
            "start_time": start,
            "answer_time": start,
            "end_time": start + duration_ms,
            "duration_ms": duration_ms,
            "pages": units if service == "FAX" else 0,
            "disposition": "ANSWERED",
            "hangup_cause": None,
            "attributes": {},
        }
        charge = units * price + fee
        self.calls.append((record, "local_outbound" if kind == "free" else kind, charge, country))
        return record

    def of_month(self, month):
        return [c for c in self.calls if month_of(self.zone, c[0]["start_time"]) == month]

    def expected(self, month):
        """The sums of a month, from the beginning of everything."""
        before = [c for c in self.calls if month_of(self.zone, c[0]["start_time"]) < month]
        calls = self.of_month(month)
        credits = collections.Counter()
        earlier = 0
        for kind, micros, ms in self.credits:
            if month_of(self.zone, ms) == month:
                credits[kind == "adjustment"] += micros
            elif month_of(self.zone, ms) < month:
                earlier += micros
        opening = self.opening + earlier - sum(c[2] for c in before)
        charges = sum(c[2] for c in calls)
        return {
            "calls": len(calls),
            "free_calls": sum(c[2] == 0 for c in calls),
            "opening_balance": opening,
            "credits_added": credits[False],
            "adjustments": credits[True],
            "charges": charges,
            "closing_balance": opening + credits[False] + credits[True] - charges,
        }

    def kind_sums(self, month, category, paid=True):
        chosen = [c for c in self.of_month(month) if c[1] == category and (c[2] > 0 or not paid)]
        minutes = sum(c[0]["duration_ms"] for c in chosen) / MINUTE_MS
        return len(chosen), minutes, sum(c[2] for c in chosen), sum(c[0]["pages"] for c in chosen)


class Offices:
    """Three offices with calls around each edge of two months, on a world of their own."""

    def __init__(self, stack):
        self.now = datetime.datetime.now(UTC)
        self.months = months_of_changed_clocks(NEW_YORK, self.now)
        self.present = self.now.astimezone(zoneinfo.ZoneInfo(NEW_YORK)).strftime("%Y-%m")
        self.offices = [
            Office("new-york", NEW_YORK, 500_000_000),
            Office("kolkata", KOLKATA, 300_000_000),
            Office("quiet", "UTC", 1_000_001),
        ]
        oldest = bounds(NEW_YORK, *self.months[-1])[0]
        history = (ms_of(self.now) - oldest) // (24 * HOUR_MS) + 5
        self.world = harness.World(stack, settings={"usage": {"history_days": history}})
        self.world.make(deck=DECK, accounts=[o.row() for o in self.offices])
        self.make_calls()
        self.make_credits()
        self.world.send(*(c[0] for o in self.offices for c in o.calls))
        self.world.drain()
        assert self.world.query("SELECT count(*) FROM dead_letter") == [(0,)]

    def edges(self):
        """The first moments of months, by every zone's clocks, and the changes themselves."""
        for year, month in self.months:
            for zone in (NEW_YORK, KOLKATA, "UTC"):
                yield from bounds(zone, year, month)

    def make_calls(self):
        r = random.Random(3)
        latest = ms_of(self.now) - HOUR_MS
        for office in self.offices[:2]:
            starts = [ms_of(self.now) - HOUR_MS]
            for edge in self.edges():
                starts += [edge - HOUR_MS, edge - 1, edge, edge + 1, edge + HOUR_MS]
            for year, month in self.months:
                low, high = bounds(office.zone, year, month)
                starts += [r.randrange(low, high) for _ in range(60)]
            for start in starts:
                if start <= latest:
                    kind = r.choice(sorted(KINDS))
                    office.call(kind, start, r.randrange(1, 400_000), r.randrange(len(PEOPLE)))

    def make_credits(self):
        """As a settle would have left them, of moments that a processor can't be told."""
        kinds = ("purchase", "recharge", "promotional", "refund", "adjustment")
        for office in self.offices[:2]:
            edges = sorted({e for y, m in self.months for e in bounds(office.zone, y, m)})
            for i, edge in enumerate(e for e in edges if e < ms_of(self.now)):
                office.credits.append((kinds[i % 5], 1_000_000 + i, edge - 1))
                office.credits.append(("adjustment", 17 - 40 * i, edge))
        with psycopg.connect(self.world.postgres_url) as connection:
            for office in self.offices:
                for kind, micros, ms in office.credits:
                    connection.execute(
                        """WITH a AS (UPDATE account SET movements = movements + 1,
                                      balance_micros = balance_micros + %(micros)s
                                      WHERE account_id = %(name)s RETURNING *)
                           INSERT INTO ledger_entry SELECT account_no, movements, %(kind)s,
                               %(micros)s, balance_micros, 'c', NULL, NULL, NULL,
                               to_timestamp(%(ms)s / 1000.0) FROM a""",
                        {"name": office.name, "kind": kind, "micros": micros, "ms": ms},
                    )

    def usage(self, office, *arguments):
        run = self.world.tollstream("usage", "--account", office.name, "--json", *arguments)
        return json.loads(run.stdout)


@pytest.fixture(scope="module")
def offices(stack):
    made = Offices(stack)
    try:
        yield made
    finally:
        made.world.finish()


def months(offices):
    return [f"{y}-{m:02}" for y, m in offices.months]


SUMS = ("opening_balance", "credits_added", "adjustments", "charges", "closing_balance")


def test_a_months_sums_are_those_of_its_calls(offices):
    for office in offices.offices:
        for month in {*months(offices), offices.present}:
            found = offices.usage(office, "--month", month)
            read = {**found, **{name: amount(found[name]) for name in SUMS}}
            wanted = office.expected(month)
            assert {name: read[name] for name in wanted} == wanted, (office.name, month)
            assert (found["month"], found["currency"]) == (month, "USD")


def test_each_kind_of_call_has_its_own_sums(offices):
    office, month = offices.offices[0], months(offices)[1]
    found = offices.usage(office, "--month", month)
    for name, category in {
        "toll_free": "toll_free_inbound",
        "international": "international_outbound",
        "metered_local": "local_outbound",
        "premium": "premium_outbound",
    }.items():
        calls, minutes, cost, _ = office.kind_sums(month, category)
        assert calls > 0
        assert found[f"{name}_calls"] == calls
        assert found[f"{name}_minutes"] == pytest.approx(minutes, abs=0.0051)
        assert amount(found[f"{name}_cost"]) == cost
    faxes, _, cost, pages = office.kind_sums(month, "fax_outbound")
    assert (found["faxes"], found["fax_pages"], amount(found["fax_cost"])) == (faxes, pages, cost)


def test_months_follow_each_other_without_a_gap(offices):
    """What a month closes with, the next opens with: over all of them, to the live balance."""
    for office in offices.offices:
        year, month = offices.months[-1]
        closing = office.opening
        while f"{year}-{month:02}" <= offices.present:
            found = offices.usage(office, "--month", f"{year}-{month:02}")
            opening, credits, adjustments, charges, end = (amount(found[n]) for n in SUMS)
            if (year, month) != offices.months[-1]:
                assert opening == closing
            assert opening + credits + adjustments - charges == end
            closing = end
            year, month = year + month // 12, month % 12 + 1
        shown = json.loads(offices.world.tollstream("accounts", "show", office.name, "--json").stdout)
        assert closing == amount(shown["live_balance"])


def test_the_detail_is_every_call_of_the_month_in_order(offices):
    for office in offices.offices:
        tz = zoneinfo.ZoneInfo(office.zone)
        for month in months(offices):
            calls = sorted(office.of_month(month), key=lambda c: c[0]["start_time"])
            found = offices.usage(office, "--month", month, "--by", "call")
            assert sorted(f["cdr_id"] for f in found) == sorted(c[0]["cdr_id"] for c in calls)
            by_id = {c[0]["cdr_id"]: c for c in calls}
            starts = [by_id[f["cdr_id"]][0]["start_time"] for f in found]
            assert starts == sorted(starts)
            for row in found:
                record, category, charge, country = by_id[row["cdr_id"]]
                local = datetime.datetime.fromisoformat(row["local_time"])
                assert ms_of(local) == record["start_time"]
                assert local.utcoffset() == local.astimezone(tz).utcoffset()
                utc = datetime.datetime.fromisoformat(row["start_time"])
                assert ms_of(utc) == record["start_time"] and row["start_time"].endswith("Z")
                own, other = record["from_number"], record["to_number"]
                if record["direction"] == "INBOUND":
                    own, other = other, own
                assert (row["own_number"], row["other_number"]) == (own, other)
                assert (row["category"], amount(row["cost"])) == (category, charge)
                assert country is None or row["country"] == country
                for name in ("user_id", "user_name", "department", "duration_ms", "disposition"):
                    assert row[name] == record[name]


KEYS = {
    "day": ("date", lambda office, c: day_of(office.zone, c[0]["start_time"])),
    "user": ("user_id", lambda _, c: c[0]["user_id"]),
    "department": ("department", lambda _, c: c[0]["department"]),
    "number": (
        "own_number",
        lambda _, c: c[0]["to_number" if c[0]["direction"] == "INBOUND" else "from_number"],
    ),
}


@pytest.mark.parametrize("by", sorted(KEYS))
def test_groups_share_out_the_month(offices, by):
    column, key_of = KEYS[by]
    for office in offices.offices[:2]:
        for month in months(offices):
            wanted = collections.defaultdict(lambda: [0, 0, 0])
            for call in office.of_month(month):
                group = wanted[key_of(office, call)]
                group[0] += 1
                group[1] += call[2] == 0
                group[2] += call[2]
            found = offices.usage(office, "--month", month, "--by", by)
            assert {
                f[column]: [f["calls"], f["free_calls"], amount(f["cost"])] for f in found
            } == wanted
            if by == "day":
                assert [f["date"] for f in found] == sorted(wanted)


def test_countries(offices):
    office, month = offices.offices[0], months(offices)[0]
    found = {f["country"]: f for f in offices.usage(office, "--month", month, "--by", "country")}
    for country in ("GB", "CA", "DE"):
        calls = [c for c in office.of_month(month) if c[3] == country]
        assert found[country]["calls"] == len(calls)
        assert amount(found[country]["cost"]) == sum(c[2] for c in calls)


def test_the_views_say_the_same(offices):
    for office in offices.offices:
        for month in months(offices):
            found = offices.usage(office, "--month", month)
            view = offices.world.query(
                "SELECT * FROM usage_summary WHERE account_id = %s AND month = %s",
                office.name,
                month,
            )
            columns = [c.name for c in offices.world.connection.execute(
                "SELECT * FROM usage_summary LIMIT 0").description]
            if view:
                row = dict(zip(columns, view[0], strict=True))
                for name in found.keys() & row.keys():
                    value = row[name]
                    if isinstance(value, decimal.Decimal):
                        assert decimal.Decimal(str(found[name])) == value, name
                    else:
                        assert found[name] == value, name


def test_formats(offices):
    office, month = offices.offices[0], months(offices)[0]
    run = offices.world.tollstream(
        "usage", "--account", office.name, "--month", month, "--by", "call", "--format", "csv"
    )
    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert len(rows) == len(office.of_month(month))
    assert sum(amount(r["cost"]) for r in rows) == office.expected(month)["charges"]
    table = offices.world.tollstream("usage", "--account", office.name, "--month", month).stdout
    closing = next(line.split()[1] for line in table.splitlines() if "closing_balance" in line)
    assert len(closing.partition(".")[2]) == 2  # of the dollar


def test_what_is_refused(offices):
    name = offices.offices[0].name
    for arguments, status, word in (
        (("--account", "nobody"), 1, "nobody"),
        (("--account", name, "--month", "2026-13"), 2, "2026-13"),
        (("--account", name, "--month", "11/2026"), 2, "--month"),
        (("--account", name, "--by", "moon"), 2, "moon"),
        ((), 2, "--account"),
    ):
        run = offices.world.tollstream("usage", *arguments, check=False)
        assert (run.returncode, run.stdout) == (status, "") and word in run.stderr


def test_a_call_that_an_allowance_paid_for_is_not_free(new_world):
    office = Office("allowed", NEW_YORK, 1_000_000)
    free = {"name": "abroad", "category": "international_outbound", "units": 90, "unit": "second"}
    world = new_world().make(deck=DECK, accounts=[{**office.row(), "allowances": [free]}])
    start = ms_of(datetime.datetime.now(UTC)) - HOUR_MS
    for kind in ("international_outbound", "international_outbound", "free"):
        office.call(kind, start, MINUTE_MS)
    world.send(*(c[0] for c in office.calls))
    world.drain()
    options = ("--account", office.name, "--month", month_of(NEW_YORK, start), "--json")
    found = json.loads(world.tollstream("usage", *options).stdout)
    assert (found["calls"], found["free_calls"], found["international_calls"]) == (3, 1, 2)
    assert amount(found["charges"]) == 14_500 // 2
    detail = json.loads(world.tollstream("usage", *options, "--by", "call").stdout)
    assert {d["cdr_id"]: d["allowance_units"] for d in detail} == {
        "allowed-0": 60,
        "allowed-1": 30,
        "allowed-2": 0,
    }


# --- the present month


def live_field(world, office):
    """(bucket's key, field) of the balance in Redis."""
    field = b"a:" + office.name.encode()
    for key in world.redis.keys("{b*}"):
        if world.redis.hexists(key, field):
            return key, field
    raise AssertionError("not in Redis")


def test_the_present_month_closes_with_the_live_balance(offices):
    office, world = offices.offices[0], offices.world
    key, field = live_field(world, office)
    before = offices.usage(office)
    settled = int(world.redis.hget(key, field))
    try:
        world.redis.hset(key, field, settled - 123_456)  # charged and not settled yet
        found = offices.usage(office)
        past = offices.usage(office, "--month", months(offices)[1])
    finally:
        world.redis.hset(key, field, settled)
    opening, credits, adjustments, charges, closing = (amount(found[n]) for n in SUMS)
    assert closing == amount(before["closing_balance"]) - 123_456
    assert amount(found["unsettled"]) == 123_456
    assert charges == amount(before["charges"]) + 123_456
    assert opening == amount(before["opening_balance"])
    assert opening + credits + adjustments - charges == closing
    assert past == offices.usage(office, "--month", months(offices)[1])


def test_without_redis_the_settled_balance_is_told_with_a_note(offices):
    office, world = offices.offices[0], offices.world
    before = offices.usage(office)
    config = json.loads(world.config.read_text())
    config["redis"]["url"] = "redis://127.0.0.1:1/0"
    other = world.folder / "no-redis.json"
    other.write_text(json.dumps(config))
    run = world.tollstream("usage", "--account", office.name, "--json", "--config", other)
    assert "settled" in run.stderr and json.loads(run.stdout) == before


# --- the ledger, the export, the events


def test_the_history_is_every_movement_with_its_balance(offices):
    for office in offices.offices:
        run = offices.world.tollstream("accounts", "history", office.name, "--json")
        found = json.loads(run.stdout)
        assert [f["movement"] for f in found] == list(range(1, len(found) + 1))
        assert len(found) == 1 + len(office.credits) + len(office.calls)
        assert (found[0]["kind"], amount(found[0]["amount"])) == ("opening", office.opening)
        balance = 0
        for row in found:
            balance += amount(row["amount"])
            assert amount(row["balance_after"]) == balance
        charges = {c[0]["cdr_id"]: c[2] for c in office.calls}
        assert {
            f["ref_id"].split("/")[1]: -amount(f["amount"]) for f in found if f["kind"] == "usage"
        } == charges


def test_a_stretch_of_the_history(offices):
    office = offices.offices[0]
    everything = json.loads(
        offices.world.tollstream("accounts", "history", office.name, "--json").stdout
    )
    middle = datetime.datetime.fromtimestamp(office.credits[1][2] / 1000, UTC).isoformat()

    def history(*arguments):
        run = offices.world.tollstream("accounts", "history", office.name, "--json", *arguments)
        return json.loads(run.stdout)

    assert [f["movement"] for f in history("--to", middle)] == [2]  # the opening is of now
    both = history("--to", middle) + history("--from", middle)
    assert sorted(f["movement"] for f in both) == [f["movement"] for f in everything]
    run = offices.world.tollstream("accounts", "history", office.name, "--from", "noon", check=False)
    assert run.returncode == 2 and "--from" in run.stderr


def test_an_export_can_be_imported(offices, tmp_path):
    world = offices.world
    file = tmp_path / "accounts.jsonl"
    world.tollstream("accounts", "export", "--output", file)
    text = file.read_text(encoding="utf-8")
    assert text == world.tollstream("accounts", "export").stdout
    rows = [json.loads(line) for line in text.splitlines()]
    assert [r["account_id"] for r in rows] == sorted(o.name for o in offices.offices)
    for office in offices.offices:
        row = next(r for r in rows if r["account_id"] == office.name)
        assert amount(row["opening_balance"]) == office.opening
        balance = office.opening + sum(c[1] for c in office.credits)
        assert amount(row["balance"]) == balance - sum(c[2] for c in office.calls)
        for name in ("name", "country", "timezone", "rate_plan"):
            assert row[name] == office.row()[name]
        assert [amount(t) for t in row["alert_thresholds"]] == [2_500_000, 1_000_000]
    copies = [{**r, "account_id": f"copy-{r['account_id']}"} for r in rows]
    refused = tmp_path / "refused.jsonl"
    refused.write_text(json.dumps(copies[0]) + "\n")
    assert world.tollstream("accounts", "import", refused, check=False).returncode == 1
    for copy in copies:
        copy["opening_balance"] = copy.pop("balance")
    again = tmp_path / "again.jsonl"
    again.write_text("".join(json.dumps(c) + "\n" for c in copies))
    try:
        world.tollstream("accounts", "import", again)
        exported = world.tollstream("accounts", "export").stdout.splitlines()
        found = [json.loads(line) for line in exported]
        for copy in copies:
            row = next(r for r in found if r["account_id"] == copy["account_id"])
            assert row == {**copy, "balance": copy["opening_balance"]}
    finally:
        world.query(
            "DELETE FROM ledger_entry WHERE account_no IN (SELECT account_no FROM account"
            " WHERE account_id LIKE 'copy-%%') RETURNING 1"
        )
        world.query("DELETE FROM account WHERE account_id LIKE 'copy-%%' RETURNING 1")


def told(run):
    return sorted((e["account_id"], e["sequence"]) for e in json.loads(run.stdout))


def test_the_tail_of_the_events(new_world):
    rows = [
        {
            "account_id": f"told-{i}",
            "country": "US",
            "rate_plan": harness.PLAN,
            "opening_balance": "0.02",
            "alert_thresholds": ["0.01"],
        }
        for i in range(2)
    ]
    world = new_world().make(deck="prefix,rate\n*,0.015\n", accounts=rows)
    world.send(*(world.calls.answered(account_id=r["account_id"]) for r in rows for _ in range(2)))
    world.drain()
    wanted = world.query("SELECT account_id, sequence FROM account ORDER BY 1")
    assert all(sequence == 2 for _, sequence in wanted)

    everything = world.tollstream("events", "tail", "--json")
    assert told(everything) == [(name, n + 1) for name, last in wanted for n in range(last)]
    events = json.loads(
        world.tollstream("events", "tail", "--account", "told-1", "--json").stdout
    )
    assert [e["type"] for e in events] == ["balance.low", "balance.exhausted"]
    assert events[0]["body"] == {"threshold_micros": 10_000} and events[1]["body"] is None
    assert (events[0]["balance"], events[1]["balance"]) == ("0.005000", "-0.010000")
    assert all(e["cause"].startswith("cdr:") and e["currency"] == "USD" for e in events)
    assert json.loads(world.tollstream("events", "tail", "--from", "end", "--json").stdout) == []
    table = world.tollstream("events", "tail").stdout
    assert len(table.splitlines()) == 5 and '{"threshold_micros": 10000}' in table
    assert world.tollstream("events", "tail", "--from", "noon", check=False).returncode == 2


def test_following_the_events(new_world):
    row = {
        "account_id": "followed",
        "country": "US",
        "rate_plan": harness.PLAN,
        "opening_balance": "0.01",
    }
    world = new_world().make(deck="prefix,rate\n*,0.015\n", accounts=[row])
    output = world.folder / "tail.jsonl"
    with open(output, "wb") as out:
        process = subprocess.Popen(
            [harness.PROGRAM, "events", "tail", "--follow", "--json"],
            env=world.environment,
            stdout=out,
        )
    try:
        time.sleep(3)  # it has looked up where the topic ends
        world.send(world.calls.answered(account_id="followed"))
        world.drain()
        harness.wait_for("the event", lambda: output.read_text().endswith("\n"), 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    (event,) = [json.loads(line) for line in output.read_text().splitlines()]
    assert (event["account_id"], event["type"]) == ("followed", "balance.exhausted")
