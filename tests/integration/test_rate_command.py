# SPDX-License-Identifier: Apache-2.0
"""`tollstream rate` from outside: what it prints, where, and how it ends."""

import json
import os
import pathlib
import resource
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TOLLSTREAM_BIN", str(ROOT / "build" / "release" / "tollstream"))
pytestmark = pytest.mark.smoke

CALL = {
    "cdr_id": "c1",
    "source": "sw",
    "account_id": "office",
    "license": "TALK",
    "service": "VOICE",
    "direction": "OUTBOUND",
    "from_number": "+12125550100",
    "to_number": "+442071838750",
    "start_time": "2026-11-02T10:00:00Z",
    "answer_time": "2026-11-02T10:00:05Z",
    "end_time": "2026-11-02T10:02:10Z",
    "duration_ms": 125000,
    "disposition": "ANSWERED",
}


def run(*arguments, text=""):
    return subprocess.run([PROGRAM, *map(str, arguments)], input=text, capture_output=True, text=True)


def answers(*arguments, calls):
    done = run("rate", *arguments, text="".join(json.dumps(call) + "\n" for call in calls))
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def deck(tmp_path):
    def write(text, name="deck.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_the_line_is_as_in_the_contract(deck):
    path = deck("prefix,rate\n44207,0.0073\n")
    done = run("rate", "--deck", path, text=json.dumps(CALL))
    assert done.stdout == (
        '{"cdr_id":"c1","category":"international_outbound","region":"GB","prefix":"44207",'
        '"quantity":125,"billed":180,"unit":"second","charge":"0.021900","currency":"USD",'
        '"rate":"0.0073"}\n'
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_line_is_answered_in_order(deck, tmp_path):
    path = deck("prefix,rate\n44,0.01\n49,blocked\n33,999999999.9\n")
    lines = [
        json.dumps({**CALL, "cdr_id": "a"}),
        "not json",
        json.dumps({**CALL, "cdr_id": "b", "to_number": "+4930123456"}),
        json.dumps({**CALL, "cdr_id": "c", "to_number": "+390612345"}),
        json.dumps({**CALL, "cdr_id": "d", "to_number": "+33142685300", "duration_ms": 600000,
                    "end_time": "2026-11-02T10:10:05Z"}),
        json.dumps({**CALL, "cdr_id": "e", "to_number": "911"}),
        json.dumps({**CALL, "cdr_id": "f", "duration_ms": 1}),
        json.dumps({**CALL, "cdr_id": "g", "pages": 1}),
        json.dumps({**CALL, "cdr_id": "h", "user_id": "x" * 70000}),
        json.dumps({**CALL, "cdr_id": "i", "user_id": "x" * 2000000}),
        json.dumps({**CALL, "cdr_id": "j", "direction": "UP"}),
        json.dumps({**CALL, "cdr_id": "k", "source": ""}),
        json.dumps({**CALL, "cdr_id": "l", "start_time": "1999-12-31T23:59:59Z"}),
        json.dumps({**CALL, "cdr_id": "m", "to_number": "+44 20"}),
        json.dumps({**CALL, "cdr_id": "n", "user_name": "a\u0000b"}),
        json.dumps({**CALL, "cdr_id": "o", "answer_time": None, "duration_ms": 0, "disposition": "BUSY"}),
    ]
    calls = tmp_path / "calls.jsonl"
    calls.write_text("\n".join(lines))
    done = run("rate", "--deck", path, calls)
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(a["cdr_id"], a.get("error", a.get("category"))) for a in found] == [
        ("a", "international_outbound"),
        (None, "malformed_json"),
        ("b", "blocked_destination"),
        ("c", "no_rate"),
        ("d", "charge_overflow"),
        ("e", "emergency"),
        ("f", "duration_mismatch"),
        ("g", "invalid_pages"),
        ("h", "field_too_long"),
        (None, "field_too_long"),
        ("j", "unknown_enum"),
        ("k", "missing_field"),
        ("l", "time_out_of_range"),
        ("m", "invalid_number"),
        ("n", "invalid_text"),
        ("o", "unanswered"),
    ]
    assert all(a["message"] for a in found if "error" in a)


def test_account_and_plan_options(deck, tmp_path):
    path = deck("prefix,rate,category\n*,0.01234,local_outbound\n*,9,international_outbound\n")
    account = tmp_path / "account.json"
    account.write_text(json.dumps({"country": "GB", "emergency_numbers": ["101"]}))
    options = ("--account", account, "--currency", "GBP", "--decimals=2", "--rounding", "up")
    first, second = answers("--deck", path, *options, calls=[CALL, {**CALL, "to_number": "101"}])
    assert (first["category"], first["charge"], first["currency"]) == ("local_outbound", "0.040000", "GBP")
    assert second["category"] == "emergency"


def test_base_decks_follow_one_another(deck):
    paths = [deck(f"prefix,rate\n{prefix},{rate}\n", f"{prefix}.csv")
             for rate, prefix in enumerate(("1", "33", "44207", "44"), start=1)]
    arguments = ["--deck", paths[0], "--base", paths[1], "--base", paths[2], "--base", paths[3]]
    assert answers(*arguments, calls=[CALL])[0]["rate"] == "3"


def test_windows_are_in_the_plan_s_time_zone(deck):
    path = deck("prefix,rate,from_time,to_time\n*,1,05:00,06:00\n*,2,06:00,05:00\n")
    assert answers("--deck", path, calls=[CALL])[0]["rate"] == "2"
    zone = ("--timezone", "America/New_York")
    assert answers("--deck", path, *zone, calls=[CALL])[0]["rate"] == "1"


def test_explain(deck):
    path = deck("prefix,rate\n44,0.01\n4420,0.02\n")
    [answer] = answers("--deck", path, "--explain", calls=[CALL])
    steps = "\n".join(answer["steps"])
    assert "won line 3" in steps and "a longer prefix counts more" in steps
    [refused] = answers("--deck", path, "--explain", calls=[{**CALL, "to_number": "+33142685300"}])
    assert refused["error"] == "no_rate" and refused["steps"]


def test_a_refused_deck_names_every_fault_and_prices_nothing(deck):
    bad = deck("prefix,rate,colour\n44,1,red\n", "a.csv")
    worse = deck("prefix,rate,days\n44,-1,\n45,1,mon\n46,1,\n46,1,\n", "b.csv")
    done = run("rate", "--deck", bad, "--base", worse, text=json.dumps(CALL))
    assert (done.returncode, done.stdout) == (2, "")
    faults = [line.split(":")[1:3] for line in done.stderr.splitlines() if ".csv:" in line]
    assert sorted(faults) == [["1", ' column "colour"'], ["2", " column rate"],
                              ["3", " column from_unit"], ["5", " column prefix"]]


@pytest.mark.parametrize("arguments", [
    [],
    ["--deck", "/nowhere/deck.csv"],
    ["--deck", "GOOD", "/nowhere/calls.jsonl"],
    ["--deck", "GOOD", "/"],
    ["--deck", "GOOD", "--account", "/nowhere/account.json"],
    ["--deck", "GOOD", "--timezone", "Mars/Olympus"],
    ["--deck", "GOOD", "--currency", "dollars"],
    ["--deck", "GOOD", "--decimals", "7"],
    ["--deck", "GOOD", "--rounding", "sideways"],
    ["--deck", "GOOD", "--deck", "GOOD"],
    ["--deck", "GOOD"] + ["--base", "GOOD"] * 9,
    ["--deck", "GOOD", "--frobnicate"],
    ["--deck", "GOOD", "a", "b"],
])
def test_what_cannot_be_done_says_so(deck, arguments):
    good = deck("prefix,rate\n*,1\n")
    done = run("rate", *[good if a == "GOOD" else a for a in arguments], text=json.dumps(CALL))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_eight_base_decks_are_fine(deck):
    good = deck("prefix,rate\n33,1\n", "good.csv")
    last = deck("prefix,rate\n*,8\n", "last.csv")
    arguments = ["--deck", good] + ["--base", good] * 7 + ["--base", last]
    assert answers(*arguments, calls=[CALL])[0]["rate"] == "8"


@pytest.mark.skipif("asan" in PROGRAM, reason="the sanitizer keeps what is freed")
def test_memory_does_not_grow_with_the_input(deck):
    path = deck("prefix,rate\n*,1\n")
    line = json.dumps(CALL) + "\n"
    process = subprocess.Popen([PROGRAM, "rate", "--deck", path], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 26, 1 << 26)))
    for _ in range(300):
        process.stdin.write(line * 1000)
    process.stdin.close()
    assert process.wait() == 0
