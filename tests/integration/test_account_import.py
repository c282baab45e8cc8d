# SPDX-License-Identifier: Apache-2.0
"""Many accounts in one file: whole or not at all, whatever is wrong with it or befalls it."""

import json
import os
import pty
import random
import re
import subprocess

import pytest

import cdrs
import harness

MANY = 30_000
IMPORTED = "SELECT count(*) FROM account WHERE account_id LIKE 'many-%%'"


@pytest.fixture
def rows():
    return cdrs.accounts(random.Random(7), MANY, harness.PLAN, "many")


def written(world, rows, name="many.jsonl"):
    file = world.folder / name
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def imported(world):
    return world.query(IMPORTED)[0][0]


def test_every_row_and_its_opening(world, rows):
    run = world.tollstream("accounts", "import", written(world, rows))
    assert f"{MANY} accounts imported" in run.stdout
    assert imported(world) == MANY
    opened = world.query(
        "SELECT count(*), sum(balance_micros)::bigint, sum(amount_micros)::bigint,"
        " count(*) FILTER (WHERE kind = 'opening' AND movement = 1 AND movements = 1)"
        " FROM account JOIN ledger_entry USING (account_no) WHERE account_id LIKE 'many-%%'"
    )[0]
    expected = sum(round(float(row["opening_balance"]) * 1_000_000) for row in rows)
    moved = sum(row["opening_balance"] != "0" for row in rows)
    assert opened[1:3] == (expected, expected) and opened[0] == opened[3] >= moved
    assert world.audit()[0] == 0


def test_each_bad_line_is_named_and_nothing_is_imported(world, rows):
    """What a line shows by itself, and what only the whole shows, in one go."""
    existing = world.query("SELECT account_id FROM account LIMIT 1")[0][0]
    bad = {
        17: ("not JSON", '{"account_id": "many-broken"'),
        50: (existing, rows[49] | {"account_id": existing}),
        51: ("more than once", rows[50] | {"account_id": "many-0005"}),
        4000: ("opening_balance", rows[3999] | {"opening_balance": "ten"}),
        4001: ("no_such_field", rows[4000] | {"no_such_field": 1}),
        12_345: ("time zone", rows[12_344] | {"timezone": "Mars/Olympus"}),
        12_346: ("rate plan", rows[12_345] | {"rate_plan": "none"}),
        12_347: ("currency", rows[12_346] | {"currency": "EUR"}),
        MANY - 1: ("more than once", rows[MANY - 2] | {"account_id": "many-0005"}),
        MANY: ("alert_thresholds", rows[MANY - 1] | {"alert_thresholds": ["1"] * 9}),
    }
    for number, (_, row) in bad.items():
        rows[number - 1] = row
    run = world.tollstream("accounts", "import", written(world, rows), check=False)
    assert run.returncode != 0
    named = dict(re.findall(r"many\.jsonl:(\d+): (.*)", run.stderr))
    assert {int(number) for number in named} == set(bad), run.stderr
    for number, (why, _) in bad.items():
        assert why in named[str(number)]
    assert f"{len(bad)} of {MANY} accounts are bad; nothing was imported" in run.stderr
    assert imported(world) == 0


def test_killed_in_the_middle_nothing_is_imported(world, rows):
    file = written(world, rows)
    command = [harness.PROGRAM, "accounts", "import", str(file)]
    for share in (0.3, 0.6, 0.9):
        started = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        before = world.query(started)[0][0]
        process = subprocess.Popen(
            command, env=world.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        place = f"/proc/{process.pid}/io"

        def read_far(place=place, share=share, process=process):
            with open(place, encoding="ascii") as io:
                read = int(io.readline().split()[1])
            return read > share * file.stat().st_size or process.poll() is not None

        harness.wait_for("a part of the file is read", read_far, 30, every=0.001)
        process.kill()
        assert process.wait() == -9
        harness.wait_for("it is gone", lambda: world.query(started)[0][0] <= before, 30)
        assert imported(world) == 0
    world.tollstream("accounts", "import", file)
    assert imported(world) == MANY


def test_progress_is_shown_on_a_terminal_only(world, rows):
    file = written(world, rows)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [harness.PROGRAM, "accounts", "import", str(file)],
        env=world.environment,
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # what Linux says when nobody has the other end any more
            break
        if not part:
            break
        shown += part
    os.close(master)
    output = process.stdout.read()
    assert process.wait() == 0
    assert re.search(rb"\[#+\.*\] +\d+ %  \d+ accounts, \d+/s", shown), shown[-300:]
    assert b"\x1b" not in output and f"{MANY} accounts imported".encode() in output
