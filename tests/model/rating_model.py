# SPDX-License-Identifier: Apache-2.0
"""What a call costs, in the most naive way: unit by unit, with fractions.

Written from the text of the contract (categories; rate plan and deck), never from the processor's
code, so that the two can be compared. Slow, and meant to be read. Numbers are looked up by a
function that is handed in: number -> (region, type).
"""

import csv
import dataclasses
import datetime
import io
import zoneinfo
from fractions import Fraction

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS_EMERGENCY = ("112", "911", "999")
CHARGE_MAX = Fraction(9_000_000_000)  # 9e15 micro-units
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FREE = ("internal", "emergency", "unanswered")
INBOUND = ("toll_free_inbound", "fax_inbound", "local_inbound")
CATEGORIES = FREE + INBOUND + (
    "fax_outbound",
    "toll_free_outbound",
    "premium_outbound",
    "international_outbound",
    "local_outbound",
)


# --- decks


def milliseconds(text):
    """RFC 3339 as milliseconds since the epoch."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    return (moment - EPOCH) // datetime.timedelta(milliseconds=1)


def days_of(text):
    if text == "*":
        return set(range(7))
    days = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        day, end = DAYS.index(first), DAYS.index(last or first)
        days.add(day)
        while day != end:
            day = (day + 1) % 7
            days.add(day)
    return days


def minutes_of(text):
    return int(text[:2]) * 60 + int(text[3:])


@dataclasses.dataclass
class Row:
    """A line of a deck, every default filled in."""

    cells: dict
    prefix: str
    rate: object  # Fraction, or None when blocked
    rate_text: str
    category: str
    license: str
    origin: str
    unit: str
    rate_unit: int
    interval_1: int
    interval_n: int
    connect_fee: Fraction
    grace: int
    from_unit: int
    days: set
    from_minute: int
    to_minute: int
    effective_from: object
    effective_to: object
    min_charge: object
    max_charge: object

    def key(self):
        """Rows with the same key are one rate."""
        return (self.category, self.license, self.origin, self.prefix, self.effective_from)

    def holds(self, weekday, minute):
        """Whether its window holds this minute of this day of the wall clock."""
        if self.to_minute > self.from_minute:
            return weekday in self.days and self.from_minute <= minute < self.to_minute
        if minute >= self.from_minute and weekday in self.days:
            return True
        return minute < self.to_minute and (weekday - 1) % 7 in self.days


def row_of(cells):
    def cell(name, default):
        return cells.get(name) or default

    unit = cell("unit", "second")
    default_units = "1" if unit == "page" else "60"
    blocked = cells["rate"] == "blocked"
    return Row(
        cells=cells,
        prefix=cells["prefix"],
        rate=None if blocked else Fraction(cells["rate"]),
        rate_text=cells["rate"],
        category=cell("category", "*"),
        license=cell("license", "*"),
        origin=cell("origin", "*"),
        unit=unit,
        rate_unit=int(cell("rate_unit", default_units)),
        interval_1=int(cell("interval_1", default_units)),
        interval_n=int(cell("interval_n", default_units)),
        connect_fee=Fraction(cell("connect_fee", "0")),
        grace=int(cell("grace", "0")),
        from_unit=int(cell("from_unit", "0")),
        days=days_of(cell("days", "*")),
        from_minute=minutes_of(cell("from_time", "00:00")),
        to_minute=minutes_of(cell("to_time", "24:00")),
        effective_from=milliseconds(cells["effective_from"]) if cells.get("effective_from") else None,
        effective_to=milliseconds(cells["effective_to"]) if cells.get("effective_to") else None,
        min_charge=Fraction(cells["min_charge"]) if cells.get("min_charge") else None,
        max_charge=Fraction(cells["max_charge"]) if cells.get("max_charge") else None,
    )


def read_deck(text):
    """The rates of a deck that is known to be well-formed: lists of rows."""
    rates = {}
    for cells in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))):
        row = row_of(cells)
        rates.setdefault(row.key(), []).append(row)
    return list(rates.values())


def deck_problems(rates, minutes=range(0, 1440)):
    """What makes a deck of well-formed cells refused, looking at these minutes of each day."""
    problems = set()
    for rows in rates:
        first = rows[0]
        for row in rows:
            if (row.unit, row.effective_to, row.rate is None) != (
                first.unit,
                first.effective_to,
                first.rate is None,
            ):
                problems.add("disagreement")
        for weekday in range(7):
            for minute in minutes:
                held = [row.from_unit for row in rows if row.holds(weekday, minute)]
                if 0 not in held:
                    problems.add("gap")
                if len(held) != len(set(held)):
                    problems.add("overlap")
    return problems


# --- plans and accounts


@dataclasses.dataclass
class Plan:
    rates: list
    timezone: str = "UTC"
    currency: str = "USD"
    decimals: int = 6
    rounding: str = "half_up"
    base: object = None  # another Plan


@dataclasses.dataclass
class Account:
    country: str = "US"
    local_zone: tuple = ()
    emergency_numbers: tuple = ()

    def zone(self):
        if self.local_zone:
            return set(self.local_zone)
        return {"US", "CA"} if self.country in ("US", "CA") else {self.country}


# --- categories


def is_full_number(number):
    return number[:1] == "+" and number[1:].isdigit() and 3 <= len(number) - 1 <= 15


def is_short_number(number):
    return 1 <= len(number) <= 8 and set(number) <= set("0123456789*#")


def look_up(number, account, numbering):
    if is_full_number(number):
        return numbering(number)
    if is_short_number(number):
        return account.country, "unknown"
    return "ZZ", "unknown"


def other_party(cdr):
    return cdr["from_number"] if cdr["direction"] == "INBOUND" else cdr["to_number"]


def category_of(cdr, account, numbering):
    direction, service, to = cdr["direction"], cdr["service"], cdr["to_number"]
    if direction == "INTERNAL":
        return "internal"
    emergency = ALWAYS_EMERGENCY + tuple(account.emergency_numbers)
    if direction == "OUTBOUND" and service == "VOICE" and to in emergency:
        return "emergency"
    if cdr["answer_time"] is None:
        return "unanswered"
    if cdr["duration_ms"] == 0 and (service == "VOICE" or cdr["pages"] == 0):
        return "unanswered"
    region, kind = look_up(to, account, numbering)
    if direction == "INBOUND" and kind == "toll_free":
        return "toll_free_inbound"
    if service == "FAX":
        return "fax_outbound" if direction == "OUTBOUND" else "fax_inbound"
    if direction == "INBOUND":
        return "local_inbound"
    local = region in account.zone()
    if to.startswith("+800") or (local and kind == "toll_free"):
        return "toll_free_outbound"
    if to.startswith("+979") or (local and kind == "premium_rate"):
        return "premium_outbound"
    return "local_outbound" if local else "international_outbound"


# --- which rate


def fits(row, cdr, account, category):
    number = cdr["to_number"]
    digits = number[1:] if number[0] == "+" else None
    if row.category not in ("*", category):
        return False
    if row.prefix != "*" and (digits is None or not digits.startswith(row.prefix)):
        return False
    if row.category == "*" and (category in INBOUND or digits is None) and row.prefix != "*":
        return False
    if row.license not in ("*", cdr["license"].lower()):
        return False
    if row.origin not in ("*", cdr["origin_country"] or account.country):
        return False
    if row.unit == "page" and cdr["service"] != "FAX":
        return False
    answer = cdr["answer_time"]
    if row.effective_from is not None and answer < row.effective_from:
        return False
    return row.effective_to is None or answer < row.effective_to


def preference(row):
    return (
        row.category != "*",
        0 if row.prefix == "*" else len(row.prefix),
        row.origin != "*",
        row.license != "*",
        float("-inf") if row.effective_from is None else row.effective_from,
    )


def find_rate(plan, cdr, account, category):
    """The rate, and the plan that has it."""
    while plan is not None:
        fitting = [rate for rate in plan.rates if fits(rate[0], cdr, account, category)]
        if fitting:
            return max(fitting, key=lambda rate: preference(rate[0])), plan
        plan = plan.base
    return None, None


# --- what it costs


class Clock:
    """The wall clock of a zone, as (weekday, minute)."""

    def __init__(self, timezone):
        self.zone = zoneinfo.ZoneInfo(timezone)

    def at(self, utc_seconds):
        local = (EPOCH + datetime.timedelta(seconds=utc_seconds)).astimezone(self.zone)
        return local.weekday(), local.hour * 60 + local.minute


def in_force(rows, weekday, minute, t):
    held = [row for row in rows if row.from_unit <= t and row.holds(weekday, minute)]
    return max(held, key=lambda row: row.from_unit)


def cost(rows, cdr, quantity, timezone):
    """Units bought, and the exact amount, bounds applied, not rounded."""
    clock = Clock(timezone)
    answer_s = cdr["answer_time"] // 1000

    def row_at(t):
        moment = answer_s if rows[0].unit == "page" else answer_s + t
        return in_force(rows, *clock.at(moment), t)

    first = row_at(0)
    if quantity <= first.grace:
        return first, 0, Fraction(0)
    t = 0
    amount = first.connect_fee
    while t < quantity:
        row = row_at(t)
        increment = row.interval_1 if t == 0 else row.interval_n
        amount += row.rate * increment / row.rate_unit
        t += increment
    if first.max_charge is not None:
        amount = min(amount, first.max_charge)
    if first.min_charge is not None:
        amount = max(amount, first.min_charge)
    return first, t, amount


def rounded(amount, decimals, rounding):
    scaled = amount * 10**decimals
    whole = scaled.numerator // scaled.denominator
    rest = scaled - whole
    half = Fraction(1, 2)
    up = {
        "half_up": rest >= half,
        "up": rest > 0,
        "down": False,
        "half_even": rest > half or (rest == half and whole % 2 == 1),
    }[rounding]
    return Fraction(whole + (1 if up else 0), 10**decimals)


def plain(fraction, decimals):
    """A non-negative fraction of at most so many decimals, with exactly so many."""
    scaled = fraction * 10**decimals
    assert scaled.denominator == 1
    digits = str(scaled.numerator).rjust(decimals + 1, "0")
    return digits[:-decimals] + "." + digits[-decimals:]


def shortest(fraction):
    return plain(fraction, 8).rstrip("0").rstrip(".")


def rate(cdr, account, plan, numbering):
    """The calculator's answer for a valid CDR (times in ms, enums in capitals, nothing absent)."""
    category = category_of(cdr, account, numbering)
    region = look_up(other_party(cdr), account, numbering)[0]
    seconds = -(-cdr["duration_ms"] // 1000)
    answer = {
        "cdr_id": cdr["cdr_id"],
        "category": category,
        "region": region,
        "prefix": "",
        "quantity": seconds,
        "billed": 0,
        "unit": "second",
        "charge": "0.000000",
        "currency": plan.currency,
        "rate": "0",
    }
    if category in FREE:
        return answer
    rows, owner = find_rate(plan, cdr, account, category)
    if rows is None:
        return {"cdr_id": cdr["cdr_id"], "error": "no_rate"}
    if rows[0].rate is None:
        return {"cdr_id": cdr["cdr_id"], "error": "blocked_destination"}
    quantity = seconds
    if rows[0].unit == "page":
        quantity = max(cdr["pages"], -(-seconds // 60))
    first, billed, amount = cost(rows, cdr, quantity, owner.timezone)
    charge = rounded(amount, plan.decimals, plan.rounding)
    if charge > CHARGE_MAX:
        return {"cdr_id": cdr["cdr_id"], "error": "charge_overflow"}
    answer.update(
        prefix=first.prefix,
        quantity=quantity,
        billed=billed,
        unit=first.unit,
        charge=plain(charge, 6),
        rate=shortest(first.rate),
    )
    return answer
