# SPDX-License-Identifier: Apache-2.0
"""The numbering plan agrees with the library it was derived from, seen through the program."""

import collections
import importlib
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAN_DIR = ROOT / "schemas" / "numbering-plan"
PROGRAM = os.environ.get("TOLLSTREAM_BIN", str(ROOT / "build" / "release" / "tollstream"))
NUMBERS = 200_000


def tool(name):
    """A module of the plan's own folder, which is no package."""
    sys.path.insert(0, str(PLAN_DIR))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(PLAN_DIR))


def numbers(text):
    run = subprocess.run([PROGRAM, "numbers"], input=text, capture_output=True, check=True)
    return run.stdout


@pytest.fixture(scope="module")
def comparison():
    return tool("compare").compare([PROGRAM, "numbers"], NUMBERS, seed=20240501)


@pytest.mark.timeout(300)
def test_regions_agree_but_for_the_corrections(comparison):
    """The one correction: all toll-free numbers of +1 are US."""
    assert comparison.numbers == NUMBERS
    assert len(comparison.region_differs) <= 0.001 * NUMBERS
    for number, theirs, ours in comparison.region_differs:
        assert number.startswith("+180014")
        assert (theirs, ours) == (("DO", "toll_free"), ("US", "toll_free"))


def test_types_agree(comparison):
    assert comparison.type_differs == []


def test_the_comparison_meets_every_type_and_region():
    compare = tool("compare")
    met = collections.Counter()
    for number, (region, kind) in compare.random_valid_numbers(5000, seed=1):
        assert number.startswith("+")
        met[region] += 1
        met[kind] += 1
    regions = {region for code in compare.COUNTRY_CODE_TO_REGION_CODE.values() for region in code}
    # Western Sahara's numbers are Morocco's, too, and the library says MA.
    assert regions - set(met) == {"EH"}
    assert set(compare.KINDS) - {"fixed_line", "mobile"} < set(met)
    assert {"fixed_line", "mobile", "fixed_line_or_mobile"} < set(met)


def test_the_committed_plan_is_what_the_generator_makes(tmp_path):
    made = tmp_path / "numbering_plan.csv"
    command = [sys.executable, "-B", str(PLAN_DIR / "generate.py"), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    assert made.read_bytes() == (PLAN_DIR / "numbering_plan.csv").read_bytes()


def test_lines_come_out_as_given_and_in_order():
    given = b"+442079460958\n\nanonymous\n+12005551234\r\n+1212\nWeitergeleitet, 7\n+97"
    assert numbers(given).splitlines() == [
        b"+442079460958,GB,fixed_line",
        b",ZZ,unknown",
        b"anonymous,ZZ,unknown",
        b"+12005551234,ZZ,unknown",
        b"+1212,US,fixed_line_or_mobile",
        b"Weitergeleitet, 7,ZZ,unknown",
        b"+97,ZZ,unknown",
    ]
    assert numbers(b"") == b""


def test_a_file_and_a_file_that_is_not_there(tmp_path):
    file = tmp_path / "numbers"
    file.write_text("+80012345678\n")
    run = subprocess.run([PROGRAM, "numbers", str(file)], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "+80012345678,001,toll_free\n")
    run = subprocess.run([PROGRAM, "numbers", str(file) + "x"], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (2, "")
    assert str(file) + "x" in run.stderr
