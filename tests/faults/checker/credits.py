# SPDX-License-Identifier: Apache-2.0
"""The credits topic: how each of its records ended, and what credits did to their accounts.

Modelled are credits of every kind, and records that cannot be applied. A command that changes
settings or a card is named as not modelled: it has no place of its own in the account's ledger, so
nobody could say which call it came before."""

import calendar
import collections
import datetime
import heapq
import typing

from . import decode
from .account import AMOUNT_MAX, CREDIT_PLANS
from .evidence import Applied, DeadLetter, Duplicate

ID_MAX = 128
TEXT_MAX = 256
ACCOUNT_MAX = 64
SOLD = ("purchase", "recharge")
EPOCH = datetime.date(1970, 1, 1)


class Command(typing.NamedTuple):
    type: str
    command_id: str
    account_id: str
    fields: dict
    where: str

    @property
    def content(self):
        """Without its id, and without who did it and why."""
        fields = {k: v for k, v in self.fields.items() if k not in ("issued_by", "note")}
        return self.type, self.account_id, tuple(sorted(fields.items(), key=lambda pair: pair[0]))

    @property
    def credit_id(self):
        return self.fields.get("credit_id") if self.type == "CreditAdded" else None


def read(decoder, record, where):
    """The command; or Refused, with the reason that comes first."""
    kind, fields = decoder.decode(record.value)
    fields = dict(fields)
    command_id = fields.pop("command_id")
    account_id = fields.pop("account_id") or (record.key or b"").decode("utf-8", "surrogateescape")
    command = Command(kind, command_id, account_id, fields, where)
    texts = [(command_id, ID_MAX, True), (account_id, ACCOUNT_MAX, True)]
    texts += [(fields.get(name), TEXT_MAX, False) for name in ("issued_by", "note", "reason")]
    if kind == "CreditAdded":
        recharge = fields["kind"] == "recharge"
        texts += [(fields["credit_id"], ID_MAX, True), (fields["recharge_id"], ID_MAX, recharge)]
    elif kind == "RechargeFailed":
        texts.append((fields["recharge_id"], ID_MAX, True))
    if any(needed and not text for text, _, needed in texts):
        raise decode.Refused("missing_field")
    if any(len((text or "").encode("utf-8", "surrogateescape")) > most for text, most, _ in texts):
        raise decode.Refused("field_too_long")
    amount = fields.get("amount_micros", 1)
    if not 0 < amount <= AMOUNT_MAX:
        negative = kind == "CreditAdded" and fields["kind"] == "adjustment"
        if not (negative and -AMOUNT_MAX <= amount < 0):
            raise decode.Refused("invalid_command")
    return command


class Credits:
    def __init__(self, judge):
        self.judge = judge
        self.found = judge.found.credits
        self.faults = judge.faults
        self.decoder = decode.Commands()
        self.totals = collections.Counter()
        self.settled = {}  # command_id: (partition, offset, content)
        self.applied = {}  # (partition, offset): command
        self.credited = {}  # credit_id: (partition, offset, content)
        self.answered = {}  # recharge_id: where
        self.copies = []
        self.silent = collections.defaultdict(dict)  # account: {cause: command}, of no ledger row

    # --- the records, and what became of each

    def judge_records(self):
        for partition in self.found.partition_rows:
            p = partition.number
            endings = heapq.merge(
                self.found.applied(p),
                self.found.duplicates(p),
                self.found.dead_letters(p),
                key=lambda row: row.offset,
            )
            counts = self.judge.judge_partition(
                partition, self.found.inputs(p), endings, self.judge_ending, "credits "
            )
            self.totals.update(counts)

    def judge_ending(self, p, record, row):
        where = f"credits {p}@{record.offset}"
        if isinstance(row, DeadLetter):
            self.judge.note_dead_letter(self.found.topic, p, record, row, where)
        try:
            command = read(self.decoder, record, where)
        except decode.Refused as err:
            if not isinstance(row, DeadLetter) or row.reason != err.reason:
                self.wrong(where, f"{err.reason} expected, {word(row)} found")
            return
        if isinstance(row, Applied):
            self.judge_applied(p, record.offset, command, row)
        elif isinstance(row, DeadLetter) and row.reason == "unknown_account":
            if command.account_id in self.judge.accounts:
                self.wrong(where, f"{command.account_id} is known")
        else:
            self.copies.append((p, record.offset, command, row))

    def wrong(self, where, text):
        self.faults.add("wrong_ending", f"{where}: {text}")

    def judge_applied(self, p, offset, command, row):
        if row.command_id != command.command_id:
            self.faults.add("wrong_field", f"{command.where}: command_id {row.command_id}")
        account = self.judge.accounts.get(command.account_id)
        if account is None or account.number != row.account:
            self.faults.add("wrong_account", f"{command.where}: row {row.account}")
            return
        if command.command_id in self.settled:
            self.faults.add("settled_twice", f"{command.where}: {command.command_id}")
        self.settled[command.command_id] = (p, offset, command.content)
        self.applied[p, offset] = command
        if command.type == "CreditAdded":
            self.silent[account.number]["command:" + command.command_id] = command
        elif command.type != "RechargeFailed":
            self.faults.add("not_modelled", f"{command.where}: {command.type}")

    def judge_copies(self):
        """Duplicates and conflicts: what they name was applied, and not later in their own
        partition."""
        for p, offset, command, row in self.copies:
            first = self.settled.get(command.command_id) or self.credited.get(command.credit_id)
            if first is None or (first[0] == p and first[1] > offset):
                self.wrong(command.where, f"{word(row)} of nothing that was applied before")
            elif (first[2] == command.content) != isinstance(row, Duplicate):
                self.wrong(command.where, f"{word(row)}, of {first[0]}@{first[1]}")
            elif isinstance(row, DeadLetter) and row.reason != "identity_conflict":
                self.wrong(command.where, f"{row.reason} found, identity_conflict expected")

    # --- accounts

    def command_of(self, entry):
        """That a ledger row is of; None for one of no record."""
        if entry.topic is None:
            return None
        command = self.applied.get((entry.partition, entry.offset))
        if command is None or entry.topic != self.found.topic or command.type != "CreditAdded":
            self.faults.add("row_without_input", f"ledger: {entry.topic} {entry.offset}")
            return None
        self.silent[entry.account].pop("command:" + command.command_id, None)
        fields = command.fields
        said = (entry.kind, entry.amount, entry.ref_id, entry.issued_by, entry.note)
        names = ("kind", "amount_micros", "credit_id", "issued_by", "note")
        if said != tuple(fields[name] or None for name in names):
            self.faults.add("wrong_field", f"{command.where}: ledger row {said}")
        return command

    def credit(self, account, ledger, move):
        """A credit that was applied. Returns the events it tells."""
        command = move.command
        fields = command.fields
        refusal = self.refusal(account, ledger, command, move.settled_ms)
        if refusal is not None:
            self.faults.add("wrong_decision", f"{command.where}: credited, {refusal} expected")
        place = (*move.place, command.content)
        if self.credited.setdefault(command.credit_id, place) != place:
            self.faults.add("settled_twice", f"{command.where}: {command.credit_id}")
        self.totals["added_micros"] += move.delta
        kind, method, amount = fields["kind"], self.method(account, fields), move.delta
        paid = method if kind in SOLD or fields["payment_method"] else None
        body = {"credit_id": command.credit_id, "amount_micros": amount, "kind": kind}
        told = [("credit.added", body | {"payment_method": paid})]
        recharge = fields["recharge_id"]
        if recharge:
            self.answered[recharge] = command.where
        if recharge in ledger.request_ids:
            ledger.succeed(recharge, amount, move.settled_ms)
            told.append(
                ("recharge.succeeded", {"recharge_id": recharge, "amount_micros": amount})
            )
        elif kind == "purchase" and not fields["issued_by"]:
            ledger.spend(amount, move.settled_ms)
        if kind in SOLD and method == "invoice":
            date = next_invoice_date(ledger.date(move.settled_ms), account.invoice_day)
            body = {"invoice_date": (date - EPOCH).days, "amount_micros": amount}
            told.append(("invoice.line_added", body))
            line = self.found.invoice_lines.pop((account.number, command.credit_id), None)
            if line != (date, amount):
                self.faults.add("wrong_invoice", f"{command.where}: {line}, {date} {amount}")
        return told + ledger.move(amount, move.settled_ms)

    @staticmethod
    def method(account, fields):
        return fields["payment_method"] or account.payment_method

    def refusal(self, account, ledger, command, now_ms):
        """Why it must be refused: the first reason that applies. None: it is to be credited."""
        fields, amount = command.fields, command.fields["amount_micros"]
        answer = fields["recharge_id"] in ledger.request_ids
        reason = None
        if account.status == "closed" and not answer:
            reason = "account_closed"
        elif fields["recharge_id"] and fields["recharge_id"] in self.answered:
            reason = "duplicate_recharge"
        elif fields["kind"] == "purchase" and not answer:
            reason = self.purchase_refusal(account, ledger, fields, now_ms)
        elif fields["kind"] == "recharge" and not answer:
            reason = self.card_refusal(account, fields)
        if reason is None and abs(ledger.balance + amount) > AMOUNT_MAX:
            reason = "balance_limit"
        return reason

    def purchase_refusal(self, account, ledger, fields, now_ms):
        amount, by_operator = fields["amount_micros"], bool(fields["issued_by"])
        offered = not account.credit_amounts or amount in account.credit_amounts
        if account.subscription not in CREDIT_PLANS:
            return "plan_not_eligible"
        if not offered and not by_operator:
            return "amount_not_offered"
        reason = self.card_refusal(account, fields)
        beyond = ledger.spent(now_ms) + amount > account.monthly_credit_cap
        return "cap_reached" if reason is None and beyond and not by_operator else reason

    @staticmethod
    def card_refusal(account, fields):
        by_card = "card" in (account.payment_method, fields["payment_method"])
        if not by_card or account.card_state == "confirmed":
            return None
        return "card_locked" if account.card_state == "locked" else "card_not_confirmed"

    # --- refusals: they have no ledger row, only their events say where they belong

    def judge_refusals(self, account, ledger, events, sequence, last=False):
        """Those told after this sequence, up to the next event of something else; as long as the
        balance is theirs, because movements that tell nothing may come first."""
        silent = self.silent[account.number]
        while (event := events.get(sequence + 1)) and event["cause"] in silent:
            if event["balance_micros"] != ledger.balance and not last:
                break
            command = silent.pop(event["cause"])
            now_ms = event["time"]
            refusal = self.refusal(account, ledger, command, now_ms)
            body = {
                "credit_id": command.credit_id,
                "amount_micros": command.fields["amount_micros"],
                "reason": refusal,
            }
            expected = [("credit.refused", body)]
            if refusal == "cap_reached" and ledger.cap_is_news(now_ms):
                cap = {"kind": "monthly_credit", "limit_micros": account.monthly_credit_cap}
                expected.append(("cap.reached", cap))
            self.totals["refused"] += 1
            expected += ledger.recharge(now_ms)
            move = Refused(event["cause"], now_ms, command.where)
            self.judge.judge_events(
                account, move, ledger, ledger.balance, expected, events, sequence
            )
            sequence += len(expected)
        return sequence

    def judge_rest(self):
        for number, commands in self.silent.items():
            for cause in commands:
                self.faults.add("event_lost", f"account_no {number}: nothing tells of {cause}")
        for number, credit_id in self.found.invoice_lines:
            self.faults.add("wrong_invoice", f"account_no {number}: {credit_id}, of no credit")

    def report(self):
        totals = self.totals
        ended = totals["Applied"] + totals["Duplicate"] + totals["DeadLetter"]
        return {
            "consumed": totals["inputs"],
            "applied": totals["Applied"],
            "refused": totals["refused"],
            "duplicates": totals["Duplicate"],
            "dead_letters": totals["DeadLetter"],
            "unaccounted": totals["inputs"] - ended,
            "added_micros": totals["added_micros"],
        }


class Refused(typing.NamedTuple):
    """In place of a move."""

    cause: str
    settled_ms: int
    where: str


def word(row):
    return {Applied: "applied", Duplicate: "duplicate"}.get(type(row)) or row.reason


def next_invoice_date(today, invoice_day):
    """The next day that is the invoice day, or the last of a month that lacks it."""
    day = today
    while True:
        day += datetime.timedelta(days=1)
        last = calendar.monthrange(day.year, day.month)[1]
        if day.day == min(invoice_day, last):
            return day
