# SPDX-License-Identifier: Apache-2.0
"""Region and type of a phone number, from schemas/numbering-plan/numbering_plan.csv as its README
says it is to be read."""

import csv
import functools
import itertools
import pathlib
import re

PLAN = pathlib.Path(__file__).resolve().parents[3] / "schemas/numbering-plan/numbering_plan.csv"
UNKNOWN = ("ZZ", "unknown")
E164 = re.compile(r"\+[0-9]{3,15}", re.ASCII)
SHORT = re.compile(r"[0-9*#]{1,8}", re.ASCII)


def prefixes(cell):
    """12423[234] stands for 124232, 124233 and 124234."""
    parts = re.findall(r"\[([0-9]+)\]|([0-9])", cell)
    return map("".join, itertools.product(*(many or one for many, one in parts)))


def sizes(cell):
    """9 12-31: how many digits the number may have."""
    found = set()
    for part in cell.split():
        least, _, most = part.partition("-")
        found.update(range(int(least), int(most or least) + 1))
    return frozenset(found)


class NumberingPlan:
    def __init__(self, path=PLAN):
        self.lines = {}
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.reader(line for line in file if not line.startswith("#"))
            assert next(rows) == ["prefix", "digits", "region", "type"]
            for cell, digits, region, kind in rows:
                fits = sizes(digits) if digits else None
                for prefix in prefixes(cell):
                    self.lines.setdefault(prefix, []).append((fits, region, kind))
        self.longest = max(map(len, self.lines))
        self.look_up = functools.lru_cache(maxsize=1 << 18)(self._look_up)

    def _look_up(self, number):
        """(region, type) of a number in E.164 with its +."""
        digits = number[1:]
        for size in range(min(len(digits), self.longest), 0, -1):
            for fits, region, kind in self.lines.get(digits[:size], ()):
                # 31 stands for any greater number of digits, too
                if fits is None or min(len(digits), 31) in fits:
                    return region, kind
        return UNKNOWN

    def of(self, number, country):
        """Of any number as a CDR has it; a short one is the account's country's."""
        if E164.fullmatch(number):
            return self.look_up(number)
        if SHORT.fullmatch(number):
            return country, "unknown"
        return UNKNOWN


@functools.cache
def numbering_plan():
    return NumberingPlan()
