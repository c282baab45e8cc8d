# SPDX-License-Identifier: Apache-2.0
"""The comparison of what was predicted with what was found.

Within a partition everything is determined by the order of its records. Between partitions it is
not: which of two copies of a call is charged, and in which order an account's charges come, is the
ledger's word, and must then hold everywhere else: balances, events, sequence."""

import collections
import hashlib
import heapq
import typing

from . import credits, decode, redis_books, validate
from .account import AMOUNT_MAX, MADE
from .evidence import CDR_FIELDS, DeadLetter, Duplicate, Usage
from .numbering import numbering_plan
from .rating import Catalog, Charge, left_to_pay

CONTENT = (
    "account_id",
    "license",
    "service",
    "direction",
    "from_number",
    "to_number",
    "origin_country",
    "answer_time",
    "end_time",
    "duration_ms",
    "pages",
    "disposition",
)
CHARGE_FIELDS = (
    ("category", "category"),
    ("region", "region"),
    ("unit", "unit"),
    ("billed", "billed"),
    ("micros", "charge"),
    ("rate_e8", "rate_e8"),
    ("connect_fee_e8", "connect_fee_e8"),
    ("prefix", "prefix"),
    ("description", "description"),
    ("deck_version", "deck_version"),
)
EXAMPLES = 5
ACCOUNT_MADE_MS = 5000  # a record that came so soon after its account may have missed it


class Faults:
    def __init__(self):
        self.count = collections.Counter()
        self.examples = collections.defaultdict(list)

    def add(self, kind, text):
        self.count[kind] += 1
        if len(self.examples[kind]) < EXAMPLES:
            self.examples[kind].append(text)


class Move(typing.NamedTuple):
    """A ledger row, as far as the account's walk needs it."""

    number: int
    delta: int
    balance_after: int
    where: str
    settled_ms: int | None = None
    cause: str | None = None
    included: "Included | None" = None
    command: credits.Command | None = None
    place: tuple | None = None  # of the command: partition, offset


def identity_of(cdr):
    text = f"{cdr['source']}\0{cdr['cdr_id']}\0{cdr['leg']}\0{cdr['start_time']}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class Included:
    """A call that allowances may pay for: how much is known only in the order of the ledger."""

    __slots__ = ("charge", "plan", "fits", "month", "drawn")

    def __init__(self, charge, plan, fits, month, drawn):
        self.charge = charge
        self.plan = plan
        self.fits = fits
        self.month = month
        self.drawn = drawn


class Judge:
    def __init__(
        self, evidence, clock_ms, publish_lag_ms=5000, tolerances=None, schemas=(), numbered=None
    ):
        self.found = evidence
        self.clock_ms = clock_ms
        self.publish_lag_ms = publish_lag_ms
        self.tolerances = tolerances or {}
        self.faults = Faults()
        self.decoder = decode.Decoder(schemas, numbered)
        self.catalog = Catalog(evidence.plans, evidence.versions, numbering_plan())
        self.accounts = {account.account_id: account for account in evidence.accounts}
        self.by_number = {account.number: account for account in evidence.accounts}
        self.moves = collections.defaultdict(list)
        self.settled = {}  # identity: (partition, offset, hash of the content, identity_hash)
        self.copies = []  # what names a settlement that is perhaps in a later partition
        self.overflows = []
        self.counters = {}  # (month, account, allowance): units used
        self.came_by = collections.defaultdict(set)  # account_id: partitions
        self.refused = {}  # (topic, partition, offset): dead letter
        self.credits = credits.Credits(self)
        self.totals = collections.Counter()
        self.reasons = collections.Counter()
        self.difference_micros = 0

    def run(self):
        for partition in self.found.partitions():
            self.judge_calls(partition)
        self.credits.judge_records()
        if strays := self.found.stray_rows():
            self.faults.add("stray_row", f"{strays} rows of another topic or partition")
        self.judge_copies()
        self.judge_dead_letter_topic()
        self.judge_accounts()
        redis_books.judge(self)
        return self

    # --- the records of a partition, and what became of each

    def judge_calls(self, partition):
        p = partition.number
        endings = heapq.merge(
            self.found.usage(p),
            self.found.duplicates(p),
            self.found.dead_letters(p),
            key=lambda row: row.offset,
        )
        last_movement = {}

        def judge(p, record, row):
            self.judge_ending(p, record, row, last_movement)

        self.totals.update(self.judge_partition(partition, self.found.inputs(p), endings, judge))

    def judge_partition(self, partition, records, endings, judge_ending, topic=""):
        """Every record has one ending. Returns the numbers of each kind."""
        p = partition.number
        counts = collections.Counter()
        row = next(endings, None)

        def lone(row):
            kind = type(row).__name__
            self.faults.add("row_without_input", f"{topic}{p}@{row.offset}: {kind}")

        for record in records:
            while row is not None and row.offset < record.offset:
                lone(row)
                row = next(endings, None)
            if record.offset < partition.first_offset:
                continue
            ends = []
            while row is not None and row.offset == record.offset:
                ends.append(row)
                row = next(endings, None)
            counts["inputs"] += 1
            if len(ends) == 1:
                counts[type(ends[0]).__name__] += 1
                judge_ending(p, record, ends[0])
            elif record.offset >= partition.next_offset:
                self.faults.add("not_drained", f"{topic}{p}@{record.offset}")
            else:
                kinds = [type(end).__name__ for end in ends]
                kind = "ended_twice" if ends else "lost"
                self.faults.add(kind, f"{topic}{p}@{record.offset}: {kinds}")
        while row is not None:
            lone(row)
            row = next(endings, None)
        self.judge_counters(partition, counts, topic)
        return counts

    def judge_counters(self, partition, counts, topic):
        covered = partition.next_offset - partition.first_offset
        holes = max(0, covered - counts["inputs"])
        settled = counts["Usage"] + counts["Applied"]
        expected = (settled, counts["Duplicate"], counts["DeadLetter"], holes)
        told = (partition.settled, partition.duplicates, partition.dead_letters, partition.holes)
        if expected != told:
            self.faults.add(
                "counters",
                f"{topic}partition {partition.number}: settled, duplicates, dead letters, holes are"
                f" {expected}, stream_partition says {told}",
            )
        if partition.next_offset != partition.high:
            self.faults.add(
                "not_drained",
                f"{topic}partition {partition.number}: {partition.next_offset} of {partition.high}",
            )

    def judge_ending(self, p, record, row, last_movement):
        where = f"{p}@{record.offset}"
        if isinstance(row, DeadLetter):
            self.note_dead_letter(self.found.topic, p, record, row, where)
        try:
            cdr, reason = self.validated(record, row)
        except decode.Refused as err:
            cdr, reason = None, err.reason
        if cdr is not None:
            self.came_by[cdr["account_id"]].add(p)
        if reason is not None:
            self.totals["malformed"] += 1
            if not isinstance(row, DeadLetter) or row.reason != reason:
                self.faults.add("wrong_ending", f"{where}: {reason} expected, {told(row)} found")
        elif isinstance(row, Usage):
            self.judge_usage(p, record, cdr, row, last_movement)
        elif isinstance(row, Duplicate):
            self.copies.append((p, record.offset, cdr_key(cdr), row))
        else:
            self.judge_refusal(p, record, cdr, row)

    def note_dead_letter(self, topic, p, record, row, where):
        self.reasons[row.reason] += 1
        self.refused[topic, p, record.offset] = row
        if (row.key, row.value) != (record.key, record.value):
            self.faults.add("dead_letter_not_whole", where)

    def validated(self, record, row):
        """The CDR and the reason why it is refused, by itself. Between its append and its ending
        the clock went on, and with it the times that are allowed."""
        cdr = self.decoder.decode(record.value)
        size = len(record.value)
        tolerance = self.tolerances.get(cdr["source"], 2000)
        reason = validate.reason_of(cdr, size, record.timestamp_ms, tolerance)
        if reason == "time_out_of_range" and told(row) != reason:
            ended_ms = getattr(row, "settled_ms", getattr(row, "created_ms", self.clock_ms))
            reason = validate.reason_of(cdr, size, ended_ms, tolerance)
        return cdr, reason

    # --- settled

    def judge_usage(self, p, record, cdr, row, last_movement):
        where = f"{p}@{record.offset}"
        key, content = cdr_key(cdr)
        if key in self.settled:
            first = self.settled[key]
            self.faults.add("settled_twice", f"{where} and {first[0]}@{first[1]}: {cdr['cdr_id']}")
        else:
            self.settled[key] = (p, record.offset, content, row.identity_hash)
        account = self.accounts.get(cdr["account_id"])
        if account is None or account.number != row.account:
            self.faults.add("wrong_account", f"{where}: {cdr['account_id']}, row {row.account}")
            return
        self.judge_copy_of_cdr(where, cdr, row)
        predicted = self.predict(account, record, cdr, row.settled_ms)
        included = self.included(account, cdr, predicted, row)
        if included is None and not any(matches(charge, row) for charge in predicted):
            self.faults.add("wrong_charge", f"{where}: {differences(predicted[-1], row)}")
        if row.movement <= last_movement.get(row.account, 0):
            self.faults.add("out_of_order", f"{where}: movement {row.movement}")
        last_movement[row.account] = row.movement
        self.totals["charged_micros"] += row.charge
        cause = f"cdr:{cdr['source']}/{cdr['cdr_id']}/{cdr['leg']}/{cdr['start_time']}"
        self.moves[row.account].append(
            Move(
                row.movement,
                -row.charge,
                row.balance_after,
                where,
                row.settled_ms,
                cause,
                included,
            )
        )

    def included(self, account, cdr, predicted, row):
        """None when no allowance fits, or when nothing predicted is what was settled."""
        plan = self.catalog.plans[account.plan]
        for charge in predicted:
            if isinstance(charge, Charge) and matches(charge, row._replace(charge=charge.micros)):
                local = plan.is_local(account.country, charge.region)
                if fits := account.fitting(charge, cdr["license"], local):
                    month = account.month_of(cdr["start_time"])
                    return Included(charge, plan, fits, month, row.drawn)
        if row.drawn:
            self.faults.add("wrong_allowance", f"{account.account_id}: {row.drawn}, none fits")
        return None

    def judge_copy_of_cdr(self, where, cdr, row):
        for name, value in zip(CDR_FIELDS, row.cdr):
            if value != cdr[name]:
                self.faults.add("wrong_field", f"{where}: {name} {value!r}, not {cdr[name]!r}")
        if row.generation != 0:
            self.faults.add("wrong_field", f"{where}: generation {row.generation}")
        attributes = decode.attributes(row.attributes)
        if attributes != cdr["attributes"]:
            self.faults.add("wrong_field", f"{where}: attributes {attributes!r}")

    def predict(self, account, record, cdr, settled_ms):
        """What may be charged: one answer, unless a deck was published meanwhile."""
        if account.status == "closed" and cdr["start_time"] >= account.closed_ms:
            return ["account_closed"]
        versions = self.catalog.versions
        known = sum(v.published_ms <= record.timestamp_ms - self.publish_lag_ms for v in versions)
        latest = sum(v.published_ms <= settled_ms + 1000 for v in versions)
        plan = self.catalog.plans[account.plan]
        return [
            self.catalog.rate(plan, account.country, cdr, published)
            for published in range(known, max(known, latest) + 1)
        ]

    # --- refused, and told before

    def judge_refusal(self, p, record, cdr, row):
        where = f"{p}@{record.offset}"
        key, content = cdr_key(cdr)
        first = self.settled.get(key)
        if row.reason == "identity_conflict":
            self.copies.append((p, record.offset, (key, content), row))
            return
        if first is not None and first[0] == p:
            self.faults.add(
                "wrong_ending",
                f"{where}: {row.reason} found, but {p}@{first[1]} settled this identity before",
            )
            return
        account = self.accounts.get(cdr["account_id"])
        if account is None:
            expected = ["unknown_account"]
        else:
            expected = self.predict(account, record, cdr, row.created_ms)
            if record.timestamp_ms <= account.created_ms + ACCOUNT_MADE_MS:
                expected.append("unknown_account")
        charges = [charge for charge in expected if isinstance(charge, Charge)]
        if row.reason == "charge_overflow" and charges:
            self.overflows.append((account, where, charges[-1].micros))
        elif row.reason == "too_old":
            if cdr["start_time"] >= self.found.oldest_usage_ms():
                self.faults.add("wrong_ending", f"{where}: too_old, started {cdr['start_time']}")
        elif row.reason not in expected:
            what = f"{told(expected[0])} expected, {row.reason} found"
            self.faults.add("wrong_ending", f"{where}: {what}")

    def judge_copies(self):
        """Duplicates and conflicts: what they name must be settled, and not later in their own
        partition."""
        for p, offset, (key, content), row in self.copies:
            where = f"{p}@{offset}"
            first = self.settled.get(key)
            if first is None or (first[0] == p and first[1] > offset):
                self.faults.add("wrong_ending", f"{where}: {told(row)} of nothing settled before")
            elif (first[2] == content) != isinstance(row, Duplicate):
                self.faults.add("wrong_ending", f"{where}: {told(row)}, of {first[0]}@{first[1]}")
            elif isinstance(row, Duplicate) and row.identity_hash != first[3]:
                self.faults.add("wrong_field", f"{where}: identity_hash of the duplicate")

    def judge_dead_letter_topic(self):
        messages = decode.Messages("dead_letter")
        seen = set()
        for key, value in self.found.told_dead_letters():
            message = messages.decode(value)
            place = (message["topic"], message["partition"], message["offset"])
            self.totals["dead_letters_told_again"] += place in seen
            seen.add(place)
            row = self.refused.get(place)
            if row is None:
                self.faults.add("dead_letter_unexpected", f"{place}")
                continue
            expected = (row.reason, row.message, row.key, row.value, row.key)
            found = (message["reason"], message["message"], message["key"], message["value"], key)
            if "cut for this topic" in message["message"]:
                expected, found = self.as_cut(row, found)
            if expected != found:
                self.faults.add("dead_letter_differs", f"{place}: {found[:2]}, row {expected[:2]}")
        for place in self.refused.keys() - seen:
            self.faults.add("dead_letter_not_told", f"{place}: {self.refused[place].reason}")

    @staticmethod
    def as_cut(row, found):
        """Of a record too large for the topic's brokers it has the beginning."""
        key, value = (row.key or b"")[:65536], (row.value or b"")[:524288]
        told = (found[0], found[1].startswith(row.message), *(part or b"" for part in found[2:]))
        return (row.reason, len(row.value or b"") > 500_000, key, value, key), told

    # --- accounts: the walk through each ledger

    def judge_accounts(self):
        for entry in self.found.entries():
            self.moves[entry.account].append(self.move_of(entry))
        events = self.collect_events()
        self.allowances = self.found.allowances_used()
        for account in self.found.accounts:
            moves = sorted(self.moves.pop(account.number, ()), key=lambda move: move.number)
            self.judge_account(account, moves, events.pop(account.account_id, {}))
        self.credits.judge_copies()
        self.credits.judge_rest()
        for account_id in events:
            self.faults.add("event_unexpected", f"of account {account_id}, which does not exist")
        for number, month, name in self.allowances:
            self.faults.add("wrong_allowance", f"account_no {number}: {name} in {month}, unused")
        for number in self.moves:
            self.faults.add("row_without_account", f"account_no {number}")
        for account, where, micros in self.overflows:
            if account.lowest - micros >= -AMOUNT_MAX:
                self.faults.add("wrong_ending", f"{where}: charge_overflow, it would have fitted")

    def move_of(self, entry):
        command = self.credits.command_of(entry)
        if command is None:
            return Move(entry.movement, entry.amount, entry.balance_after, entry.kind)
        place, cause = (entry.partition, entry.offset), f"command:{command.command_id}"
        moved = (entry.movement, entry.amount, entry.balance_after, command.where)
        return Move(*moved, entry.created_ms, cause, command=command, place=place)

    def collect_events(self):
        """account: sequence: event. Told again is fine, told differently is not."""
        messages = decode.Messages("event")
        by_account = collections.defaultdict(dict)
        ids = {}
        for key, value in self.found.events():
            event = messages.decode(value)
            place = (event["account_id"], event["sequence"])
            if key != event["account_id"].encode():
                self.faults.add("event_key", f"{place}: {key!r}")
            first = by_account[event["account_id"]].setdefault(event["sequence"], event)
            if first is not event:
                self.totals["events_told_again"] += 1
                if first != event:
                    self.faults.add("event_told_differently", f"{place}: {first} and {event}")
            if ids.setdefault(event["event_id"], place) != place:
                self.faults.add("event_id_used_twice", f"{place} and {ids[event['event_id']]}")
        self.totals["events"] = len(ids)
        return by_account

    def judge_account(self, account, moves, events):
        who = account.account_id
        opening = sum(move.delta for move in moves if move.where == "opening")
        if opening != account.opening:
            self.faults.add("wrong_opening", f"{who}: {opening}, imported with {account.opening}")
        ledger = account.begin()
        balance = account.lowest = account.opening
        sequence = 0
        for place, move in enumerate(moves, 1):
            if move.number != place:
                self.faults.add("movement_gap", f"{who}: movement {move.number} in place {place}")
                break
            if move.where == "opening":
                if place != 1 or move.balance_after != opening:
                    self.faults.add("wrong_balance", f"{who}: the opening is movement {place}")
                continue
            sequence = self.credits.judge_refusals(account, ledger, events, sequence)
            balance += move.delta
            account.lowest = min(account.lowest, balance)
            if move.balance_after != balance:
                self.faults.add(
                    "wrong_balance",
                    f"{who}: {move.balance_after} after {move.where}, {balance} expected",
                )
            if move.command is not None:
                expected = self.credits.credit(account, ledger, move)
            else:
                included = self.judge_included(account, ledger, move)
                expected = ledger.move(move.delta, move.settled_ms) + included
            if expected and move.cause is None:
                self.faults.add("not_modelled", f"{who}: events of a {move.where}")
            self.judge_events(account, move, ledger, balance, expected, events, sequence)
            sequence += len(expected)
        sequence = self.credits.judge_refusals(account, ledger, events, sequence, last=True)
        for (month, name), used in ledger.used.items():
            found = self.allowances.pop((account.number, month, name), 0)
            if found != used:
                what = f"{found}, {used} expected"
                self.faults.add("wrong_allowance", f"{who}: {name} in {month}: {what}")
            self.counters[month, who, name] = used
        for extra in sorted(events):
            self.faults.add("event_unexpected", f"{who}: {extra} {events[extra]['type']}")
        self.judge_totals(account, moves, balance, sequence)

    def judge_included(self, account, ledger, move):
        """What the call drew on its allowances, and what was left to pay. Returns the events. The
        order of the charges is the ledger's only where one partition has all of the account's
        records: between partitions a call may have found used what a later row says."""
        included = move.included
        if included is None:
            return []
        billed = included.charge.billed
        if len(self.came_by[account.account_id]) > 1:
            found = ledger.drew(included.fits, included.drawn, billed, included.month)
        else:
            found = ledger.draw(included.fits, billed, included.month)
        drawn, told_by_it = found
        free = sum(units for _, units in drawn)
        micros = left_to_pay(included.charge, free, included.plan)
        if (tuple(drawn), micros) != (included.drawn, -move.delta):
            self.faults.add(
                "wrong_allowance",
                f"{account.account_id} at {move.where}: drew {included.drawn} and paid"
                f" {-move.delta}, {drawn} and {micros} expected",
            )
        return told_by_it

    def judge_totals(self, account, moves, balance, sequence):
        self.difference_micros += abs(balance - account.balance)
        if account.balance != balance:
            what = f"{account.balance}, {balance} expected"
            self.faults.add("wrong_balance", f"{account.account_id}: {what}")
        if (account.movements, account.sequence) != (len(moves), sequence):
            self.faults.add(
                "wrong_counters",
                f"{account.account_id}: movements {account.movements}, sequence {account.sequence},"
                f" {(len(moves), sequence)} expected",
            )

    def judge_events(self, account, move, ledger, balance, expected, events, sequence):
        """The events of one movement are numbered on, in whichever order."""
        who, told_here = account.account_id, []
        for number in range(sequence + 1, sequence + 1 + len(expected)):
            event = events.pop(number, None)
            if event is None:
                self.faults.add("event_lost", f"{who}: {number} of {expected}")
                continue
            told_here.append((event["type"], body_of(event)))
            if event["type"] == "recharge.requested":
                ledger.note_request(event["body"][1]["recharge_id"])
            found = (event["balance_micros"], event["cause"], event["currency"])
            if found != (balance, move.cause, account.currency):
                self.faults.add("event_wrong", f"{who}: {number} {found} at {move.where}")
            if abs(event["time"] - move.settled_ms) > 5000:
                self.faults.add("event_wrong", f"{who}: {number} time {event['time']}")
        for one in expected:
            if one in told_here:
                told_here.remove(one)
            elif told_here:
                self.faults.add("event_wrong", f"{who}: {told_here}, {one} expected")

    # --- the report

    def report(self):
        totals = self.totals
        ended = totals["Usage"] + totals["Duplicate"] + totals["DeadLetter"]
        return {
            "ok": not self.faults.count,
            "consumed": totals["inputs"],
            "settled": totals["Usage"],
            "duplicates": totals["Duplicate"],
            "dead_letters": totals["DeadLetter"],
            "unaccounted": totals["inputs"] - ended + self.credits.report()["unaccounted"],
            "credits": self.credits.report(),
            "difference_micros": self.difference_micros,
            "charged_micros": totals["charged_micros"],
            "events": totals["events"],
            "events_told_again": totals["events_told_again"],
            "dead_letters_told_again": totals["dead_letters_told_again"],
            "accounts": len(self.by_number),
            "accounts_in_redis": totals["accounts_in_redis"],
            "reasons": dict(sorted(self.reasons.items())),
            "faults": {
                kind: {"count": count, "examples": self.faults.examples[kind]}
                for kind, count in sorted(self.faults.count.items())
            },
        }


def cdr_key(cdr):
    return identity_of(cdr), hash(tuple(cdr[name] for name in CONTENT))


def told(what):
    """A word for an ending, found or expected."""
    if isinstance(what, (Usage, Charge)):
        return "settled"
    return "duplicate" if isinstance(what, Duplicate) else getattr(what, "reason", what)


def matches(charge, row):
    return isinstance(charge, Charge) and all(
        getattr(charge, ours) == getattr(row, theirs) for ours, theirs in CHARGE_FIELDS
    )


def differences(charge, row):
    if not isinstance(charge, Charge):
        return f"settled for {row.charge}, {charge} expected"
    return ", ".join(
        f"{theirs} {getattr(row, theirs)!r}, {getattr(charge, ours)!r} expected"
        for ours, theirs in CHARGE_FIELDS
        if getattr(charge, ours) != getattr(row, theirs)
    )


def body_of(event):
    """Without what the processor makes up, and without the record's name."""
    body = event["body"]
    if isinstance(body, tuple):
        body = body[1]
    made = MADE.get(event["type"], ())
    if body is not None and made:
        body = {name: value for name, value in body.items() if name not in made}
    return body
