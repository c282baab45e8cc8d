# SPDX-License-Identifier: Apache-2.0
"""The checker's rating against the examples of the domain's text, and, on random decks and calls,
against `tollstream rate`: two implementations of one text that share no code."""

import csv
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import zoneinfo
from fractions import Fraction

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import cdrs  # noqa: E402
from checker import rating, validate  # noqa: E402
from checker.decks import Deck  # noqa: E402
from checker.numbering import NumberingPlan  # noqa: E402

PROGRAM = os.environ.get("TOLLSTREAM_BIN", str(HERE.parents[1] / "build/dev/tollstream"))
NUMBERING = NumberingPlan()
NOW_MS = 1_763_800_000_000
ZONE = "America/New_York"


def catalog(*decks, **plan):
    """The first deck is of the account's plan, the others of its base plans."""
    names = [f"plan{i}" for i in range(len(decks))]
    plans = [
        rating.Plan(i + 1, name, base_plan=names[i + 1] if i + 1 < len(names) else "", **plan)
        for i, name in enumerate(names)
    ]
    versions = [
        rating.Version(i + 1, i + 1, float("-inf"), 0, Deck(deck.encode()))
        for i, deck in enumerate(decks)
    ]
    return rating.Catalog(plans, versions, NUMBERING)


def price(books, country="US", **changes):
    calls = cdrs.Calls(1, ["a"], NOW_MS)
    return books.rate(books.plans[1], country, calls.answered(**changes), len(books.versions))


@pytest.mark.parametrize(
    ("deck", "changes", "micros", "billed"),
    [
        (
            "prefix,rate,category\n*,0.02,toll_free_inbound\n",
            {"direction": "INBOUND", "to_number": "+18005551234", "duration_ms": 61_000},
            40_000,
            120,
        ),
        ("prefix,rate\n44,0.0073\n", {"duration_ms": 125_000}, 21_900, 180),
        ("prefix,rate,interval_1,interval_n\n44,0.05,30,6\n", {"duration_ms": 45_000}, 40_000, 48),
        ("prefix,rate,interval_1,interval_n\n44,0.01,1,1\n", {"duration_ms": 60_000}, 10_000, 60),
    ],
)
def test_the_examples_of_the_text(deck, changes, micros, billed):
    charge = price(catalog(deck), **changes)
    assert (charge.micros, charge.billed) == (micros, billed)


@pytest.mark.parametrize(
    ("rounding", "e8", "micros"),
    [
        ("half_up", 150, 2),
        ("half_up", 149, 1),
        ("half_even", 150, 2),
        ("half_even", 250, 2),
        ("up", 101, 2),
        ("up", 100, 1),
        ("down", 199, 1),
        ("half_up", Fraction(299, 2), 1),
        ("half_up", Fraction(301, 2), 2),
    ],
)
def test_rounding_of_micro_units(rounding, e8, micros):
    assert rating.rounded_micros(e8, rounding, 6) == micros


def test_rounding_to_cents():
    assert rating.rounded_micros(500_000, "half_up", 2) == 10_000
    assert rating.rounded_micros(499_999, "half_up", 2) == 0


# --- against the program


def random_deck(r):
    """Rows that fit together: every rate covers the week, each window from its first unit on."""
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\r\n" if r.random() < 0.3 else "\n")
    lines.writerow(COLUMNS)
    prefixes = ["*", "1", "1212", "1800", "1900", "44", "447", "4420", "49", "4930", "33", "52"]
    categories = ["", "*", *(name for name in CATEGORIES)]
    seen = set()
    for _ in range(60):
        key = (
            r.choice(prefixes),
            r.choice(categories),
            r.choice(["", "*", "talk", "sell"]),
            r.choice(["", "*", "US", "DE"]),
            r.choice(["", "", "2025-11-20T00:00:00Z", "2025-11-21T12:00:00+02:00"]),
        )
        plain = tuple(part.replace("*", "") for part in key)
        if plain in seen:
            continue
        seen.add(plain)
        lines.writerows(rate_rows(r, key))
    return file.getvalue()


COLUMNS = (
    "prefix rate category license origin description unit rate_unit interval_1 interval_n"
    " connect_fee grace from_unit days from_time to_time effective_from effective_to"
    " min_charge max_charge"
).split()


CATEGORIES = (
    "toll_free_inbound",
    "fax_outbound",
    "fax_inbound",
    "toll_free_outbound",
    "premium_outbound",
    "international_outbound",
    "local_outbound",
    "local_inbound",
)
WINDOWS = (
    [("", "", "")],
    [("*", "08:00", "20:00"), ("", "20:00", "08:00")],
    [("mon-fri", "", ""), ("sat,sun", "00:00", "24:00")],
    [
        ("fri-mon", "07:30", "07:30"),
        ("tue,wed,thu", "07:30", "19:00"),
        ("tue-thu", "19:00", "07:30"),
    ],
)


def amount(r):
    fine = f"0.{r.randrange(10**8):08}"
    return r.choice(("0", "0.01", "1.5", fine, f"{r.randrange(5)}.{r.randrange(1000):03}"))


def rate_rows(r, key):
    prefix, category, license, origin, start = key
    unit = r.choice(("", "second", "second", "page"))
    end = r.choice(("", "", "2025-11-21T18:00:00Z"))
    blocked = r.random() < 0.05
    rows = []
    for days, from_time, to_time in r.choice(WINDOWS):
        for from_unit in r.choice(([""], ["0"], ["", "60"], ["", "1", "300"])):
            few = r.choice(("", "1", "6", "30", "60", "7"))
            rows.append(
                (
                    prefix,
                    "blocked" if blocked else amount(r),
                    category,
                    license,
                    origin,
                    'A, "quoted" place' if r.random() < 0.1 else f"Place {prefix}",
                    unit,
                    r.choice(("", "1", "60", "100")),
                    few,
                    r.choice(("", "1", "6", "60")),
                    r.choice(("", amount(r))),
                    r.choice(("", "", "0", "5", "30")),
                    from_unit,
                    days,
                    from_time,
                    to_time,
                    start,
                    end,
                    r.choice(("", "", amount(r))),
                    r.choice(("", "", amount(r))),
                )
            )
    return rows


def as_json(record):
    return json.dumps({name: value for name, value in record.items() if value is not None})


def ask_program(folder, decks, calls, country, plan):
    files = []
    for i, deck in enumerate(decks):
        files.append(folder / f"deck{i}.csv")
        files[-1].write_text(deck, encoding="utf-8")
    account = folder / "account.json"
    account.write_text(json.dumps({"country": country, "timezone": "UTC"}))
    command = [PROGRAM, "rate", "--deck", str(files[0]), "--account", str(account)]
    for file in files[1:]:
        command += ["--base", str(file)]
    for option in ("timezone", "rounding", "decimals"):
        command += [f"--{option}", str(plan[option])]
    text = "\n".join(map(as_json, calls)) + "\n"
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[:2000]
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(int(os.environ.get("TOLLSTREAM_TEST_DECKS", "12"))))
def test_the_program_agrees(tmp_path, seed):
    r = random.Random(seed)
    decks = [random_deck(r) for _ in range(r.choice((1, 2)))]
    plan = {
        "timezone": r.choice((ZONE, "UTC", "Asia/Kathmandu")),
        "rounding": r.choice(("half_up", "up", "down", "half_even")),
        "decimals": r.choice((6, 6, 2, 4, 0)),
    }
    country = r.choice(("US", "GB", "CA", "DE"))
    zones = (frozenset({"US", "CA"}),) if country in ("US", "CA") else ()
    books = catalog(*decks, local_zones=zones, **plan)
    source = cdrs.Calls(seed, ["a"], NOW_MS)
    calls = [source.good() for _ in range(1500)]
    met = set()
    answers = ask_program(tmp_path, decks, calls, country, plan)
    for record, answer in zip(calls, answers, strict=True):
        reason = validate.reason_of(record, 100, NOW_MS)
        expected = reason or books.rate(books.plans[1], country, record, len(books.versions))
        assert told(answer) == predicted(expected, record), (record, answer)
        met.add(expected if isinstance(expected, str) else expected.category)
    assert {"unanswered", "internal", "emergency"} < met
    assert len(met) >= 5, met


def told(answer):
    if "error" in answer:
        return answer["error"]
    names = ("category", "region", "prefix", "quantity", "billed", "unit", "charge", "rate")
    return {name: answer[name] for name in names}


def predicted(charge, record):
    if isinstance(charge, str):
        return charge
    seconds = -(-record["duration_ms"] // 1000)
    pages = max(record["pages"], -(-seconds // 60))
    return {
        "category": charge.category,
        "region": charge.region,
        "prefix": charge.prefix,
        "quantity": pages if charge.unit == "page" else seconds,
        "billed": charge.billed,
        "unit": charge.unit,
        "charge": f"{charge.micros // 10**6}.{charge.micros % 10**6:06}",
        "rate": decimal_of(charge.rate_e8),
    }


def decimal_of(e8):
    whole, rest = divmod(e8, 10**8)
    text = f"{whole}.{rest:08}".rstrip("0").rstrip(".")
    return text


def test_zones_are_known():
    assert zoneinfo.ZoneInfo(ZONE).key == ZONE
