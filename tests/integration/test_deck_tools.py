# SPDX-License-Identifier: Apache-2.0
"""`tollstream decks` from outside: faults and warnings, differences, which rate a number has, and
other systems' price lists."""

import csv
import io
import json
import os
import pty
import re
import subprocess

import pytest

import harness

SAMPLES = harness.ROOT / "tests/data/import"

NO_SETTINGS = {key: value for key, value in os.environ.items() if not key.startswith("TOLLSTREAM_")}

DECK = """prefix,rate,category,description,interval_1,from_unit
44,0.0100,,United Kingdom,60,
4420,0.0200,,London,60,
33,0.5,,France,60,
33,0.4,,France,60,600
*,0,local_outbound,Local,60,
"""


def tollstream(*arguments, text=""):
    """Without settings of anybody's, and so without servers."""
    return subprocess.run(
        [harness.PROGRAM, *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=NO_SETTINGS,
        cwd=SAMPLES,
    )


@pytest.fixture
def file(tmp_path):
    def write(text, name="deck.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


# --- validate


@pytest.mark.smoke
def test_every_fault_has_line_and_column(file):
    path = file(
        "prefix,rate,days,from_time,to_time,category\n"
        "44,0.01,,,,\n"
        "44,0.02,,,,\n"  # duplicate
        "33,abc,,,,\n"  # bad number
        "49,0.01,mon-fri,,,\n"  # a gap
        "34,0.01,,08:00,18:00,\n34,0.02,,17:00,08:00,\n"  # an overlap
        "39,0.01,,,,no_such\n"
    )
    done = tollstream("decks", "validate", path, "--json")
    assert done.returncode == 1
    notes = {(note["line"], note["column"]) for note in json.loads(done.stdout)}
    assert {(3, "prefix"), (4, "rate"), (8, "category")} <= notes
    assert {line for line, _ in notes} >= {3, 4, 5, 8} and {6, 7} & {line for line, _ in notes}
    lines = tollstream("decks", "validate", path).stdout.splitlines()
    assert f"{path}:4: column rate: " in lines[0] + "\n".join(lines)
    assert lines[-1].startswith(f"{path}: refused, faults: ")


@pytest.mark.smoke
def test_prefixes_outside_the_plan_are_warnings(file):
    path = file("prefix,rate\n44,1\n2105,1\n999,1\n")
    done = tollstream("decks", "validate", path, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert done.returncode == 0
    assert {(row["line"], row["severity"]) for row in rows} == {("3", "warning"), ("4", "warning")}


# --- diff


@pytest.mark.smoke
def test_differences_as_rows_and_sums(file):
    before = file(DECK, "before.csv")
    after = file(
        DECK.replace("0.0100", "0.0150").replace("0.0200", "0.0100").replace("33,0.4,,France,60", "33,0.4,,France,30")
        + "49,1,,Germany,60,\n",
        "after.csv",
    )
    rows = list(csv.DictReader(io.StringIO(tollstream("decks", "diff", before, after, "--format", "csv").stdout)))
    told = {(row["change"], row["prefix"], row["tier"]): row for row in rows}
    assert set(told) == {
        ("up", "44", ""),
        ("down", "4420", ""),
        ("changed", "33", "from_unit=600"),
        ("added", "49", ""),
    }
    up = told["up", "44", ""]
    assert (up["before"], up["after"], up["difference"], up["percent"]) == ("0.01", "0.015", "0.005", "50.00")
    assert (up["line_before"], up["line_after"]) == ("2", "2")
    assert told["changed", "33", "from_unit=600"]["also"] == "interval_1 60 -> 30"
    sums = json.loads(tollstream("decks", "diff", before, after, "--summary", "--json").stdout)
    assert {row["change"]: row["rows"] for row in sums} == {
        "added": 1,
        "removed": 0,
        "up": 1,
        "down": 1,
        "changed": 1,
        "same": 2,
    }
    down = next(row for row in sums if row["change"] == "down")
    assert (down["mean"], down["mean_percent"], down["largest"], down["largest_prefix"]) == ("-0.01", "-50.00", "-0.01", "4420")
    table = tollstream("decks", "diff", before, after).stdout
    assert "LARGEST PREFIX" in table and "United Kingdom" in table


@pytest.mark.smoke
def test_a_deck_is_the_same_as_itself_and_a_bad_one_is_no_deck(file):
    good, bad = file(DECK), file("prefix,rate\n44,x\n", "bad.csv")
    same = tollstream("decks", "diff", good, good, "--format", "csv")
    assert (same.returncode, len(same.stdout.splitlines())) == (0, 1)
    refused = tollstream("decks", "diff", good, bad)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"{bad}:2: column rate: " in refused.stderr
    missing = tollstream("decks", "diff", good, "nowhere.csv")
    assert missing.returncode == 2 and "nowhere.csv" in missing.stderr
    assert tollstream("decks", "diff", good).returncode == 2


# --- show --number


@pytest.mark.smoke
def test_the_rate_of_a_number_and_why(file):
    path = file(DECK)
    done = tollstream("decks", "show", path, "--number", "+442071838750", "--at", "2026-11-02T10:00:00Z", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert (told["line"], told["prefix"], told["rate"], told["charge"]) == (3, "4420", "0.02", "0.020000")
    assert told["category"] == "international_outbound" and told["deck_version"] is None
    why = told["why"].splitlines()
    assert "considered line 2: prefix 44, category *, origin *, license *: a longer prefix counts more" in why
    text = tollstream("decks", "show", path, "--number", "+442071838750").stdout
    assert "won line 3: prefix 4420" in text


@pytest.mark.smoke
def test_a_number_without_a_rate(file):
    done = tollstream("decks", "show", file(DECK), "--number", "+4930123456", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]) == (1, "no_rate")


@pytest.mark.smoke
@pytest.mark.parametrize(
    "arguments, line, quantity",
    [
        (["--number", "+33142685300", "--duration", "700"], 4, 700),
        (["--number", "+12125550100"], 6, 60),
        (["--number", "+442071838750", "--country", "GB"], 6, 60),
        (["--number", "100", "--country", "gb"], 6, 60),
    ],
)
def test_the_call_can_be_described(file, arguments, line, quantity):
    told = json.loads(tollstream("decks", "show", file(DECK), *arguments, "--json").stdout)
    assert (told["line"], told["quantity"]) == (line, quantity)


@pytest.mark.smoke
@pytest.mark.parametrize(
    "arguments",
    [
        ["--number", "abc"],
        ["--number", "+44", "--at", "today"],
        ["--number", "+442071838750", "--duration", "0"],
        ["--number", "+442071838750", "--license", "gold"],
        ["--number", "+442071838750", "--country", "GBR"],
    ],
)
def test_what_is_no_call(file, arguments):
    done = tollstream("decks", "show", file(DECK), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tollstream decks: ")


# --- versions


def test_published_versions(new_world, tmp_path):
    """12, plan@TIME and --rate-plan name what was published; a base plan prices the rest."""
    world = new_world().make(deck=DECK)
    first = json.loads(world.tollstream("decks", "list", "--json").stdout)[0]["version"]
    world.publish(DECK.replace("0.0200", "0.0300"), "--effective-from", "2026-11-01T00:00:00Z")
    second = first + 1
    early, late = (f"{harness.PLAN}@2026-{month}-01T00:00:00Z" for month in ("10", "11"))
    for pair in ((first, second), (early, late), (early, second)):
        rows = list(csv.DictReader(io.StringIO(world.tollstream("decks", "diff", *pair, "--format", "csv").stdout)))
        assert [(row["change"], row["prefix"], row["difference"]) for row in rows] == [("up", "4420", "0.01")]
    assert world.tollstream("decks", "show", late).stdout == DECK.replace("0.0200", "0.0300")

    def rate(*arguments):
        done = world.tollstream("decks", "show", "--number", "+442071838750", *arguments, "--json", check=False)
        told = json.loads(done.stdout)
        return told["deck_version"], told["rate"]

    plan = ["--rate-plan", harness.PLAN]
    assert rate(*plan, "--at", "2026-10-31T23:59:59Z") == (first, "0.02")
    assert rate(*plan, "--at", "2026-11-01T00:00:00Z") == (second, "0.03")
    assert rate(second, "--at", "2026-10-01T00:00:00Z") == (second, "0.03")
    assert rate(early, "--at", "2026-12-01T00:00:00Z") == (first, "0.02")
    assert rate("--at", "2026-11-01T00:00:00Z") == (second, "0.03")  # the only rate plan
    world.tollstream("rate-plans", "set", "special", f"base_plan={harness.PLAN}", "currency=USD")
    special = tmp_path / "special.csv"
    special.write_text("prefix,rate\n33,9\n")
    world.tollstream("decks", "publish", special, "--rate-plan", "special")
    assert rate("--rate-plan", "special", "--at", "2026-11-02T00:00:00Z") == (second, "0.03")
    assert rate(special, "--rate-plan", "special", "--at", "2026-11-02T00:00:00Z") == (second, "0.03")
    for wrong in (["diff", "999", first], ["diff", "nobody@2026-01-01T00:00:00Z", first], ["show", "999"], ["show", "--number", "+44"]):
        assert world.tollstream("decks", *wrong, check=False).returncode == 2


# --- import


@pytest.mark.smoke
@pytest.mark.parametrize("name", ["telnyx", "telecomsxchange", "astpp", "kazoo", "cgrates"])
def test_an_import_is_a_deck_and_a_report(name, tmp_path):
    deck = tmp_path / "deck.csv"
    files = [SAMPLES / f"{name}.csv"]
    if name == "cgrates":
        files = [
            SAMPLES / "cgrates.rates.csv",
            "--destinations",
            SAMPLES / "cgrates.destinations.csv",
            "--destination-rates",
            SAMPLES / "cgrates.destination-rates.csv",
        ]
    done = tollstream("decks", "import", "--from", name, *files, "--output", deck)
    assert (done.returncode, done.stdout) == (0, "")
    assert deck.read_text() == (SAMPLES / f"{name}.deck.csv").read_text()
    assert tollstream("decks", "validate", deck).returncode == 0
    report = done.stderr.splitlines()
    assert all(re.match(r".*\.csv:\d+: (column [^:]+: )?(left out|not carried over): ", line) for line in report[:-1])
    counts = re.fullmatch(
        r".*: (\d+) rows read, (\d+) deck rows made, (\d+) rows left out, (\d+) cells not carried over", report[-1]
    )
    assert int(counts[2]) == len(deck.read_text().splitlines()) - 1
    assert int(counts[3]) == len({line.split(": ")[0] for line in report if ": left out: " in line})
    strict = tollstream("decks", "import", "--strict", "--from", name, *files)
    assert (strict.returncode, strict.stdout) == (1, deck.read_text())


@pytest.mark.smoke
def test_nothing_is_written_when_nothing_comes_out(file, tmp_path):
    deck = tmp_path / "deck.csv"
    deck.write_text("before")
    for text in ("prefix,rate\n44,1\n", "prefix,rate_cost\n44,x\n", ""):
        done = tollstream("decks", "import", "--from", "kazoo", file(text, "rates.csv"), "--output", deck)
        assert done.returncode == 2 and "rates.csv" in done.stderr
        assert deck.read_text() == "before" and os.listdir(tmp_path).count("deck.csv.new") == 0


@pytest.mark.smoke
@pytest.mark.parametrize(
    "arguments",
    [
        ["rates.csv"],
        ["--from", "nobody", "rates.csv"],
        ["--from", "kazoo"],
        ["--from", "kazoo", "a.csv", "b.csv"],
        ["--from", "cgrates", "rates.csv"],
        ["--from", "cgrates", "rates.csv", "--destinations", "d.csv"],
        ["--from", "kazoo", "rates.csv", "--destinations", "d.csv"],
        ["--from", "kazoo", "nowhere.csv"],
    ],
)
def test_wrong_arguments(arguments):
    done = tollstream("decks", "import", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tollstream decks: ")


@pytest.mark.smoke
def test_an_imported_price_is_the_price(file, tmp_path):
    """30 seconds free, then 60 at once, then by 6: 100 s are 30 + 60 + 12 s, of which 72 cost."""
    deck = tmp_path / "deck.csv"
    rates = file("pattern,comment,connectcost,includedseconds,cost,inc,init_inc\n^44.*,UK,0.05,30,0.0100,6,60\n")
    tollstream("decks", "import", "--from", "astpp", rates, "--output", deck)
    told = json.loads(tollstream("decks", "show", deck, "--number", "+442071838750", "--duration", "100", "--json").stdout)
    assert (told["billed"], told["charge"]) == (102, "0.062000")


# --- progress


def rate_on_a_terminal(*arguments, stdout):
    """What `tollstream rate` writes to standard error where that is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([harness.PROGRAM, "rate", *map(str, arguments)], stdout=stdout or theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    try:
        while block := os.read(ours, 65536):
            text += block
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    return text.decode()


def test_progress_is_for_terminals_and_files(file, tmp_path):
    call = {
        "cdr_id": "c1",
        "source": "sw",
        "account_id": "office",
        "license": "TALK",
        "service": "VOICE",
        "direction": "OUTBOUND",
        "from_number": "+12125550100",
        "to_number": "+442071838750",
        "start_time": "2026-11-02T10:00:00Z",
        "answer_time": "2026-11-02T10:00:00Z",
        "end_time": "2026-11-02T10:01:00Z",
        "duration_ms": 60000,
        "disposition": "ANSWERED",
    }
    deck, calls = file(DECK), tmp_path / "calls.jsonl"
    calls.write_text((json.dumps(call) + "\n") * 300_000)
    with open(os.devnull, "wb") as nowhere:
        drawn = rate_on_a_terminal("--deck", deck, calls, stdout=nowhere)
    assert re.search(r"\[#*\.*\] +\d+ %  \d+ records, \d+/s", drawn)
    assert drawn.endswith("\r\x1b[K")
    quiet = tollstream("rate", "--deck", deck, calls)
    assert quiet.stderr == "" and quiet.stdout.count("\n") == 300_000
    calls.write_text(json.dumps(call) + "\n")
    assert "[" not in rate_on_a_terminal("--deck", deck, calls, stdout=None).replace('{"', "")
