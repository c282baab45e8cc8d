# SPDX-License-Identifier: Apache-2.0
"""From a CDR, an account and what is published to a category, a rate and an exact charge."""

import dataclasses
import datetime
import functools
import zoneinfo
from fractions import Fraction

AMOUNT_MAX = 9 * 10**15
BASE_PLANS_MAX = 8
EMERGENCY = ("112", "911", "999")
FREE = ("internal", "emergency", "unanswered")
INBOUND = ("toll_free_inbound", "fax_inbound", "local_inbound")


@dataclasses.dataclass
class Plan:
    number: int
    name: str
    currency: str = "USD"
    timezone: str = "UTC"
    rounding: str = "half_up"
    decimals: int = 6
    local_zones: tuple = (frozenset({"US", "CA"}),)
    base_plan: str = ""
    emergency_numbers: frozenset = frozenset(EMERGENCY)

    def __post_init__(self):
        self.zone = zoneinfo.ZoneInfo(self.timezone)

    def is_local(self, country, region):
        for zone in self.local_zones:
            if country in zone:
                return region in zone
        return region == country


@dataclasses.dataclass
class Version:
    number: int
    plan: int
    effective_ms: int
    published_ms: int
    deck: object


@dataclasses.dataclass(frozen=True)
class Charge:
    """What a settlement of this call must say."""

    category: str
    region: str
    unit: str = "second"
    billed: int = 0
    micros: int = 0
    rate_e8: int = 0
    connect_fee_e8: int = 0
    prefix: str = ""
    description: str = ""
    deck_version: int = 0


def rounded_micros(e8, rounding, decimals):
    """Once, to the plan's decimals; amounts are never negative."""
    step = 10 ** (8 - decimals)
    whole, rest = divmod(e8, step)
    up = {
        "up": rest > 0,
        "down": False,
        "half_up": 2 * rest >= step,
        "half_even": 2 * rest > step or (2 * rest == step and whole % 2 == 1),
    }[rounding]
    return int(whole + up) * 10 ** (6 - decimals)


def left_to_pay(charge, free, plan):
    """Of a call of which so many billed units were free."""
    part = Fraction(charge.micros * 100 * (charge.billed - free), charge.billed)
    return rounded_micros(part, plan.rounding, plan.decimals)


def category_of(cdr, plan, country, numbering):
    """The first rule that fits, and the other party's region."""
    outbound = cdr["direction"] == "OUTBOUND"
    inbound = cdr["direction"] == "INBOUND"
    fax = cdr["service"] == "FAX"
    other = cdr["from_number"] if inbound else cdr["to_number"]
    region, kind = numbering.of(other, country)
    local = plan.is_local(country, region)
    if cdr["direction"] == "INTERNAL":
        return "internal", region
    if outbound and not fax and other in plan.emergency_numbers:
        return "emergency", region
    if cdr["answer_time"] is None or (cdr["duration_ms"] == 0 and not (fax and cdr["pages"])):
        return "unanswered", region
    if inbound and numbering.of(cdr["to_number"], country)[1] == "toll_free":
        return "toll_free_inbound", region
    if fax:
        return ("fax_outbound" if outbound else "fax_inbound"), region
    if inbound:
        return "local_inbound", region
    if (local and kind == "toll_free") or other.startswith("+800"):
        return "toll_free_outbound", region
    if (local and kind == "premium_rate") or other.startswith("+979"):
        return "premium_outbound", region
    return ("local_outbound" if local else "international_outbound"), region


class Catalog:
    def __init__(self, plans, versions, numbering):
        self.numbering = numbering
        self.plans = {plan.number: plan for plan in plans}
        self.by_name = {plan.name: plan for plan in plans}
        self.versions = sorted(versions, key=lambda v: v.number)
        self.search = functools.lru_cache(maxsize=1 << 17)(self._search)

    def version_of(self, plan, answer_ms, published):
        """The latest effective at the answer, of the same time the later published, among the
        first `published` publications."""
        known = (
            v
            for v in self.versions[:published]
            if v.plan == plan.number and v.effective_ms <= answer_ms
        )
        return max(known, key=lambda v: (v.effective_ms, v.number), default=None)

    def _search(self, version, category, license, origin, digits, fax):
        """Every rate that fits but for its time, the best first."""
        deck = self.deck_of[version]
        by_own_number = category in INBOUND
        found = []
        for want in (category, "*"):
            for size in range(min(len(digits), deck.longest), -1, -1):
                if size > 0 and want == "*" and by_own_number:
                    continue
                prefix = digits[:size] if size else "*"
                for country in (origin, "*"):
                    for product in (license, "*"):
                        for rate in deck.rates.get((want, product, country, prefix), ()):
                            if fax or rate.unit != "page":
                                found.append((prefix, rate))
        return found

    @functools.cached_property
    def deck_of(self):
        return {version.number: version.deck for version in self.versions}

    def find(self, plan, cdr, category, country, published):
        """(version, prefix, rate) in this plan or the nearest base plan that prices the call."""
        answer_ms = cdr["answer_time"]
        number = cdr["to_number"]
        # a short number is never matched against destination digits
        digits = number[1:] if number.startswith("+") else ""
        origin = cdr["origin_country"] or country
        for _ in range(BASE_PLANS_MAX + 1):
            version = self.version_of(plan, answer_ms, published)
            if version is not None:
                for prefix, rate in self.search(
                    version.number,
                    category,
                    cdr["license"].lower(),
                    origin.upper(),
                    digits[: version.deck.longest],
                    cdr["service"] == "FAX",
                ):
                    if rate.in_effect(answer_ms):
                        return version, plan, prefix, rate
            if not plan.base_plan:
                break
            plan = self.by_name[plan.base_plan]
        return None

    def rate(self, plan, country, cdr, published):
        """A Charge, or the reason why there is none."""
        category, region = category_of(cdr, plan, country, self.numbering)
        if category in FREE:
            return Charge(category, region)
        found = self.find(plan, cdr, category, country, published)
        if found is None:
            return "no_rate"
        version, priced_by, prefix, rate = found
        if rate.blocked:
            return "blocked_destination"
        seconds = -(-cdr["duration_ms"] // 1000)
        if rate.unit == "page":
            quantity = max(cdr["pages"], -(-seconds // 60))
        else:
            quantity = seconds
        billed, exact, first = rate.price(quantity, cdr["answer_time"], priced_by.zone)
        micros = rounded_micros(exact, plan.rounding, plan.decimals)
        if micros > AMOUNT_MAX:
            return "charge_overflow"
        return Charge(
            category,
            region,
            rate.unit,
            billed,
            micros,
            first.rate,
            first.connect_fee,
            prefix,
            first.description,
            version.number,
        )
