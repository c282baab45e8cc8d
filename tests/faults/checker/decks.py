# SPDX-License-Identifier: Apache-2.0
"""A rate deck: its CSV, and what the rows of one rate make of a call. Amounts are whole numbers of
1e-8 of the currency; what is not whole is a Fraction."""

import collections
import csv
import datetime
import decimal
import functools
import io
from fractions import Fraction

DAY_MS = 86_400_000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
ALWAYS, NEVER = float("-inf"), float("inf")


def amount_e8(text):
    value = decimal.Decimal(text).scaleb(8)
    assert value == int(value) and value >= 0, text
    return int(value)


def moment_ms(text):
    """RFC 3339 to milliseconds; finer digits are cut."""
    moment = datetime.datetime.fromisoformat(text.strip().upper().replace("Z", "+00:00"))
    return (moment - EPOCH) // datetime.timedelta(milliseconds=1)


def days_of(text):
    found = set()
    for part in text.lower().split(","):
        first, _, last = (day.strip() for day in part.partition("-"))
        if first == "*":
            return frozenset(range(7))
        start, end = DAYS.index(first), DAYS.index(last or first)
        found.update((start + i) % 7 for i in range((end - start) % 7 + 1))
    return frozenset(found)


def time_ms(text):
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000


class Row:
    """One line of a deck, with the defaults of what it leaves empty."""

    def __init__(self, line, cells):
        def cell(name, default):
            return cells.get(name) or default

        self.line = line
        self.unit = cell("unit", "second").lower()
        few = 1 if self.unit == "page" else 60
        self.category = cell("category", "*").lower()
        self.license = cell("license", "*").lower()
        self.origin = cell("origin", "*").upper()
        self.prefix = cells["prefix"]
        self.description = cell("description", "")
        self.blocked = cells["rate"].lower() == "blocked"
        self.rate = 0 if self.blocked else amount_e8(cells["rate"])
        self.rate_unit = int(cell("rate_unit", few))
        self.interval_1 = int(cell("interval_1", few))
        self.interval_n = int(cell("interval_n", few))
        self.connect_fee = amount_e8(cell("connect_fee", "0"))
        self.grace = int(cell("grace", 0))
        self.from_unit = int(cell("from_unit", 0))
        self.days = days_of(cell("days", "*"))
        self.from_time = time_ms(cell("from_time", "00:00"))
        self.to_time = time_ms(cell("to_time", "24:00"))
        begin, end = cells.get("effective_from"), cells.get("effective_to")
        self.effective_from = moment_ms(begin) if begin else ALWAYS
        self.effective_to = moment_ms(end) if end else NEVER
        least, most = cells.get("min_charge"), cells.get("max_charge")
        self.min_charge = amount_e8(least) if least else None
        self.max_charge = amount_e8(most) if most else None
        self.whole_week = (
            len(self.days) == 7 and self.from_time == 0 and self.to_time in (0, DAY_MS)
        )

    def holds(self, weekday, ms_of_day):
        """Whether its days and window hold this moment of the wall clock. A window that wraps
        midnight belongs to the day it starts on."""
        if self.to_time > self.from_time:
            return weekday in self.days and self.from_time <= ms_of_day < self.to_time
        return (weekday in self.days and ms_of_day >= self.from_time) or (
            (weekday - 1) % 7 in self.days and ms_of_day < self.to_time
        )


class Rate:
    """The tiers and windows that share category, license, origin, prefix and effective_from."""

    def __init__(self, rows):
        self.rows = rows
        self.unit = rows[0].unit
        self.blocked = rows[0].blocked
        self.effective_from = rows[0].effective_from
        self.effective_to = rows[0].effective_to
        self.windows = any(not row.whole_week for row in rows)
        self.without_clock = functools.lru_cache(maxsize=4096)(self._without_clock)

    def in_effect(self, answer_ms):
        return self.effective_from <= answer_ms < self.effective_to

    def row_at(self, t, answer_ms, zone):
        best = None
        if self.windows:
            moment_at = answer_ms + (0 if self.unit == "page" else t * 1000)
            local = (EPOCH + datetime.timedelta(milliseconds=moment_at)).astimezone(zone)
            weekday = local.weekday()
            ms_of_day = (
                (local.hour * 60 + local.minute) * 60 + local.second
            ) * 1000 + local.microsecond // 1000
        for row in self.rows:
            if row.from_unit <= t and (best is None or row.from_unit > best.from_unit):
                if row.whole_week or row.holds(weekday, ms_of_day):
                    best = row
        return best

    def price(self, quantity, answer_ms, zone):
        """(units bought, charge in 1e-8 before rounding, row in force at the start)."""
        if self.windows:
            return self._step(quantity, answer_ms, zone)
        return self.without_clock(quantity)

    def _without_clock(self, quantity):
        return self._step(quantity, 0, None)

    def _step(self, quantity, answer_ms, zone):
        first = self.row_at(0, answer_ms, zone)
        if quantity <= first.grace:
            return 0, Fraction(0), first
        if len(self.rows) == 1:
            billed, total = self._one_row(first, quantity)
        else:
            billed, bought = 0, collections.Counter()  # by rate_unit: rate times units
            while billed < quantity:
                row = first if billed == 0 else self.row_at(billed, answer_ms, zone)
                increment = row.interval_n if billed else row.interval_1
                bought[row.rate_unit] += row.rate * increment
                billed += increment
            total = sum(Fraction(amount, unit) for unit, amount in bought.items())
        total += first.connect_fee
        if first.max_charge is not None:
            total = min(total, first.max_charge)
        if first.min_charge is not None:
            total = max(total, first.min_charge)
        return billed, Fraction(total), first

    @staticmethod
    def _one_row(row, quantity):
        rest = max(0, quantity - row.interval_1)
        billed = row.interval_1 + -(-rest // row.interval_n) * row.interval_n
        return billed, Fraction(row.rate * billed, row.rate_unit)


class Deck:
    """rates[(category, license, origin, prefix)]: the rates with that key, latest first."""

    def __init__(self, content):
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip().lower() for name in next(reader)]
        groups = {}
        for cells in reader:
            if not cells:
                continue
            row = Row(reader.line_num, dict(zip(header, (cell.strip() for cell in cells))))
            key = (row.category, row.license, row.origin, row.prefix)
            groups.setdefault(key, {}).setdefault(row.effective_from, []).append(row)
        self.rates = {
            key: [Rate(rows) for _, rows in sorted(by_start.items(), reverse=True)]
            for key, by_start in groups.items()
        }
        self.longest = max((len(key[3]) for key in groups), default=0)
