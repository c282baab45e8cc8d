# SPDX-License-Identifier: Apache-2.0
"""The calculator agrees with the naive model, on random decks and calls.

TOLLSTREAM_RATING_CALLS: how many calls (default 5,000, or 100,000 with TOLLSTREAM_TEST_DEPTH=full);
TOLLSTREAM_SEED: where to begin. A failure names its seed and keeps deck and call in its message.
"""

import json
import os
import pathlib
import random
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "model"))

import random_rating  # noqa: E402
import rating_model  # noqa: E402

PROGRAM = os.environ.get("TOLLSTREAM_BIN", str(ROOT / "build" / "release" / "tollstream"))
FULL = os.environ.get("TOLLSTREAM_TEST_DEPTH") == "full"
CALLS = int(os.environ.get("TOLLSTREAM_RATING_CALLS", "100000" if FULL else "5000"))
SEED = int(os.environ.get("TOLLSTREAM_SEED", "1"))
CALLS_A_DECK = 100


def run(*arguments, text=""):
    return subprocess.run([PROGRAM, *map(str, arguments)], input=text, capture_output=True, text=True)


def rate(*arguments, text):
    done = run("rate", *arguments, text=text)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(seed, folder):
    """One set of decks, one account, and calls. Returns the first disagreement, or None."""
    draw = random.Random(seed)
    texts = [random_rating.deck(draw) for _ in range(draw.choice((1, 1, 2, 3)))]
    account = random_rating.account(draw)
    options = {"timezone": draw.choice(random_rating.ZONES), "currency": "EUR",
               "decimals": draw.randint(0, 6), "rounding": draw.choice(random_rating.ROUNDINGS)}
    calls = [random_rating.call(draw, n) for n in range(CALLS_A_DECK)]

    arguments = [f"--{name}={value}" for name, value in options.items()]
    plan = None
    for index in reversed(range(len(texts))):
        path = folder / f"deck-{index}.csv"
        path.write_text(texts[index], encoding="utf-8", newline="")
        plan = rating_model.Plan(rates=rating_model.read_deck(texts[index]), base=plan, **options)
    for index in range(len(texts)):
        arguments += ["--deck" if index == 0 else "--base", folder / f"deck-{index}.csv"]
    (folder / "account.json").write_text(json.dumps(account))
    arguments += ["--account", folder / "account.json"]

    lines = [random_rating.call_json(draw, call) for call in calls]
    answers = rate(*arguments, text="\n".join(lines) + "\n")
    assert len(answers) == len(calls)
    model_account = rating_model.Account(**{k: tuple(v) if isinstance(v, list) else v
                                            for k, v in account.items()})
    for call, line, answer in zip(calls, lines, answers):
        expected = rating_model.rate(call, model_account, plan, random_rating.NUMBERS.__getitem__)
        answer.pop("message", None)
        if answer != expected:
            return f"seed {seed}\n{line}\nmodel:   {expected}\nprogram: {answer}\n" \
                   f"{options} {account}\n" + "\n".join(texts)
    return None


def test_the_numbers_are_known_as_the_model_has_them():
    numbers = "\n".join(random_rating.NUMBERS) + "\n"
    expected = [f"{n},{region},{kind}" for n, (region, kind) in random_rating.NUMBERS.items()]
    assert run("numbers", text=numbers).stdout.splitlines() == expected


@pytest.mark.timeout(3600)
def test_charges_agree(tmp_path):
    for seed in range(SEED, SEED + max(1, CALLS // CALLS_A_DECK)):
        difference = compare(seed, tmp_path)
        assert difference is None, difference


@pytest.mark.timeout(600)
def test_decks_are_refused_where_the_model_finds_gaps_and_overlaps(tmp_path):
    refused = 0
    decks = 1500 if FULL else 300
    for seed in range(SEED, SEED + decks):
        text = random_rating.doubtful_deck(random.Random(seed))
        path = tmp_path / "deck.csv"
        path.write_text(text, encoding="utf-8", newline="")
        rates = rating_model.read_deck(text)
        problems = rating_model.deck_problems(rates, boundaries(rates))
        done = run("rate", "--deck", path)
        assert (done.returncode == 2) == bool(problems), f"seed {seed}: {problems}\n{text}\n{done}"
        assert done.stdout == ""
        refused += 1 if problems else 0
    assert decks / 10 < refused < decks * 9 / 10


def boundaries(rates):
    """Minutes at which anything can change."""
    return sorted({0} | {minute % 1440 for rows in rates for row in rows
                         for minute in (row.from_minute, row.to_minute)})


EXAMPLES = [
    # rows of the deck after prefix and rate, the call, charge, billed
    ("interval_1,interval_n,rate_unit", "*,0.01,1,1,60", 60, "0.010000", 60),
    ("interval_1,interval_n", "*,0.02,60,60", 61, "0.040000", 120),
    ("interval_1,interval_n", "*,0.0073,60,60", 125, "0.021900", 180),
    ("interval_1,interval_n", "*,0.05,30,6", 45, "0.040000", 48),
    ("interval_1,interval_n", "*,0.006,30,6", 32, "0.003600", 36),
    ("interval_1,interval_n", "*,0.006,30,6", 57, "0.006000", 60),
    ("interval_1,interval_n", "*,0.006,30,6", 75, "0.007800", 78),
    ("interval_1,interval_n,connect_fee,from_unit", "*,0.2,1,1,0.4,0\n*,0.1,1,1,,60", 120,
     "0.700000", 120),
]


@pytest.mark.smoke
@pytest.mark.parametrize("columns,rows,seconds,charge,billed", EXAMPLES)
def test_examples(tmp_path, columns, rows, seconds, charge, billed):
    deck = tmp_path / "deck.csv"
    deck.write_text(f"prefix,rate,{columns}\n{rows}\n")
    call = {**random_rating.call(random.Random(1), 1), "service": "VOICE", "pages": 0,
            "direction": "OUTBOUND", "to_number": "+442071838750", "from_number": "100",
            "disposition": "ANSWERED", "start_time": 1700000000000, "answer_time": 1700000000000,
            "end_time": 1700000000000 + seconds * 1000, "duration_ms": seconds * 1000}
    [answer] = rate("--deck", deck, text=json.dumps(call))
    assert (answer["charge"], answer["billed"]) == (charge, billed)
    assert answer == rating_model.rate(call, rating_model.Account(), rating_model.Plan(
        rating_model.read_deck(deck.read_text())), random_rating.NUMBERS.__getitem__)
