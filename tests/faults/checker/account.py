# SPDX-License-Identifier: Apache-2.0
"""A model of one account: what each movement of its balance tells, in the order of its ledger."""

import dataclasses
import datetime
import zoneinfo

AMOUNT_MAX = 9 * 10**15
CREDIT_PLANS = ("standard", "pro", "enterprise")
CAPS_TOLD = {
    "monthly_amount_cap": "recharge_monthly_amount",
    "monthly_credit_cap": "monthly_credit",
}
# Bodies whose values the model cannot know: made by the processor, checked for themselves.
MADE = {"recharge.requested": ("recharge_id", "expires_at")}


@dataclasses.dataclass(frozen=True)
class Allowance:
    """Units of each calendar month before calls of some kind cost money."""

    name: str
    units: int
    category: str = "*"
    license: str = "*"
    local_only: bool = False
    unit: str = "second"

    def fits(self, charge, license, local):
        return (
            charge.unit == self.unit
            and self.category in ("*", charge.category)
            and self.license in ("*", license.lower())
            and (local or not self.local_only)
        )

    def narrowness(self):
        """The narrowest first, then by name."""
        return (self.category == "*", self.license == "*", not self.local_only, self.name)


@dataclasses.dataclass
class Account:
    number: int
    account_id: str
    currency: str
    country: str
    timezone: str
    plan: int
    opening: int = 0
    thresholds: tuple = ()
    hysteresis: int = 0
    status: str = "active"
    closed_ms: int | None = None
    subscription: str = "standard"
    payment_method: str = "card"
    card_state: str = "none"
    monthly_credit_cap: int = 250_000_000
    recharge_on: bool = False
    recharge_mode: str = "fixed"
    recharge_threshold: int = 0
    recharge_amount: int = 0
    recharge_count_per_day_max: int = 0
    recharge_amount_per_month_max: int = 0
    # as PostgreSQL has them now
    balance: int = 0
    movements: int = 0
    sequence: int = 0
    created_ms: int = 0
    allowances: tuple = ()
    credit_amounts: tuple = ()
    invoice_day: int = 1

    def fitting(self, charge, license, local):
        """The allowances that this call may draw on, in order. What buys no units draws none."""
        if not self.allowances or charge.billed == 0:
            return []
        fits = [a for a in self.allowances if a.fits(charge, license, local)]
        return sorted(fits, key=Allowance.narrowness)

    def month_of(self, ms):
        """yyyymm of the account's calendar."""
        local = datetime.datetime.fromtimestamp(ms // 1000, zoneinfo.ZoneInfo(self.timezone))
        return local.year * 100 + local.month

    def begin(self):
        return Ledger(self)


class Ledger:
    """Walks the account's movements."""

    def __init__(self, account):
        self.account = account
        self.balance = account.opening
        self.armed = [threshold <= account.opening for threshold in account.thresholds]
        self.exhausted = account.opening <= 0
        self.in_flight = False  # or the id, once an event told it
        self.request_ids = set()
        self.caps_told = set()  # months
        self.zone = zoneinfo.ZoneInfo(account.timezone)
        self.requested = {}  # day or month: how many, how much
        self.suppressed = set()
        self.used = {}  # (month, name of the allowance): units

    def draw(self, fits, billed, month):
        """[(name, units)] that the call draws, and what that exhausts, as events."""
        drawn, told = [], []
        for allowance in fits:
            left = allowance.units - self.used.get((month, allowance.name), 0)
            units = min(billed - sum(n for _, n in drawn), left)
            if units > 0:
                drawn.append((allowance.name, units))
                told += self.use(allowance, units, month)
        return drawn, told

    def drew(self, fits, said, billed, month):
        """The same of a call that may have found less left than there is: what it is said to have
        drawn, as far as that is possible."""
        drawn, told = [], []
        for allowance in fits:
            left = allowance.units - self.used.get((month, allowance.name), 0)
            units = dict(said).get(allowance.name, 0)
            if 0 < units <= min(billed - sum(n for _, n in drawn), left):
                drawn.append((allowance.name, units))
                told += self.use(allowance, units, month)
        return drawn, told

    def use(self, allowance, units, month):
        used = self.used[month, allowance.name] = (
            self.used.get((month, allowance.name), 0) + units
        )
        if used < allowance.units:
            return []
        text = f"{month // 100}-{month % 100:02}"
        return [("allowance.exhausted", {"name": allowance.name, "month": text})]

    def move(self, delta, now_ms):
        """Events told by it, as a list of (type, body)."""
        self.balance += delta
        if delta == 0:
            return []
        told = []
        for i, threshold in enumerate(self.account.thresholds):
            if self.armed[i] and self.balance < threshold:
                self.armed[i] = False
                told.append(("balance.low", {"threshold_micros": threshold}))
            elif not self.armed[i] and self.balance >= threshold + self.account.hysteresis:
                self.armed[i] = True
                told.append(("balance.low_cleared", {"threshold_micros": threshold}))
        if not self.exhausted and self.balance <= 0:
            self.exhausted = True
            told.append(("balance.exhausted", None))
        elif self.exhausted and self.balance > 0:
            self.exhausted = False
            told.append(("balance.restored", None))
        return told + self.recharge(now_ms)

    def note_request(self, recharge_id):
        self.in_flight = recharge_id
        self.request_ids.add(recharge_id)

    def succeed(self, recharge_id, amount, now_ms):
        """A request that had failed by then counts again."""
        if recharge_id == self.in_flight:
            self.in_flight = False
            return
        month = self.periods(now_ms)[1]
        for reason in ("monthly_amount_cap", "monthly_credit_cap"):
            self.requested[reason, month] = self.requested.get((reason, month), 0) + amount

    def spent(self, now_ms):
        """Bought and asked for in the month."""
        return self.requested.get(("monthly_credit_cap", self.periods(now_ms)[1]), 0)

    def spend(self, amount, now_ms):
        key = ("monthly_credit_cap", self.periods(now_ms)[1])
        self.requested[key] = self.requested.get(key, 0) + amount

    def cap_is_news(self, now_ms):
        month = self.periods(now_ms)[1]
        news = month not in self.caps_told
        self.caps_told.add(month)
        return news

    def recharge(self, now_ms):
        account = self.account
        if not account.recharge_on or self.in_flight or self.balance >= account.recharge_threshold:
            return []
        if account.subscription not in CREDIT_PLANS or account.status == "closed":
            return []
        if account.payment_method == "card" and account.card_state != "confirmed":
            return []
        amount = {
            "fixed": account.recharge_amount,
            "target": account.recharge_amount - self.balance,
            "shortfall_plus": account.recharge_threshold - self.balance + account.recharge_amount,
        }[account.recharge_mode]
        if amount <= 0:
            return []
        day, month = self.periods(now_ms)
        caps = (
            ("monthly_amount_cap", month, account.recharge_amount_per_month_max, amount),
            ("monthly_credit_cap", month, account.monthly_credit_cap, amount),
            ("daily_count_cap", day, account.recharge_count_per_day_max, 1),
        )
        for reason, period, most, more in caps:
            used = self.requested.get((reason, period), 0)
            if (most > 0 or reason == "monthly_credit_cap") and used + more > most:
                if period in self.suppressed:
                    return []
                self.suppressed.add(period)
                told = [("recharge.suppressed", {"reason": reason})]
                if reason in CAPS_TOLD:
                    body = {"kind": CAPS_TOLD[reason], "limit_micros": most}
                    told.append(("cap.reached", body))
                return told
        for reason, period, _, more in caps:
            self.requested[reason, period] = self.requested.get((reason, period), 0) + more
        self.in_flight = True
        body = {"amount_micros": amount, "payment_method": account.payment_method, "attempt": 1}
        return [("recharge.requested", body)]

    def periods(self, now_ms):
        """The day and the month of the account's calendar."""
        local = datetime.datetime.fromtimestamp(now_ms // 1000, self.zone)
        return local.strftime("%Y-%m-%d"), local.strftime("%Y-%m")

    def date(self, now_ms):
        return datetime.datetime.fromtimestamp(now_ms // 1000, self.zone).date()
