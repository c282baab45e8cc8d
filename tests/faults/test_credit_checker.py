# SPDX-License-Identifier: Apache-2.0
"""The checker on the credits topic: right books made by hand, one thing damaged, which it names."""

import datetime
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import credit_stream  # noqa: E402
import test_checker  # noqa: E402
from checker import rating  # noqa: E402
from checker.account import Account  # noqa: E402
from checker.decks import Deck  # noqa: E402
from checker.evidence import (  # noqa: E402
    Applied,
    Credits,
    DeadLetter,
    Duplicate,
    Entry,
    Evidence,
    Input,
    Partition,
)

NOW_MS = test_checker.NOW_MS  # 2025-11-22
COIN = 1_000_000


def command(number, amount, **changes):
    record = {
        "command_id": f"c-{number}",
        "account_id": "acct",
        "credit_id": f"credit-{number}",
        "amount_micros": amount * COIN,
        "kind": "purchase",
        "payment_method": None,
        "recharge_id": None,
        "issued_by": None,
        "note": None,
    }
    return {**record, **changes}


class Books:
    """An account with 10 that pays by invoice, and a month's cap of 250; two partitions."""

    def __init__(self):
        account = Account(11, "acct", "USD", "US", "UTC", 1, 10 * COIN, invoice_day=31)
        account.payment_method = "invoice"
        account.thresholds = (5 * COIN,)
        self.balance, self.movement = 10 * COIN, 1
        self.rows, self.inputs, self.events = {0: [], 1: []}, {0: [], 1: []}, []
        self.found = Evidence(
            plans=[rating.Plan(1, "standard")],
            versions=[rating.Version(7, 1, float("-inf"), 0, Deck(test_checker.DECK.encode()))],
            accounts=[account],
            entry_rows=[Entry(11, 1, "opening", 10 * COIN, 10 * COIN)],
            credits=Credits(),
        )
        self.credit(0, command(1, 200), invoiced=True)
        self.refuse(1, command(2, 60), "cap_reached")
        self.event("cap.reached", "CapReached", kind="monthly_credit", limit_micros=250 * COIN)
        self.again(0, command(1, 200))
        self.again(1, command(9, 200, credit_id="credit-1"))
        self.bury(1, command(1, 201), "identity_conflict")
        self.bury(0, command(4, 0), "invalid_command")
        self.bury(0, b"", "decode_error")
        self.credit(1, command(5, 300, kind="promotional", issued_by="ada", note="sorry"))
        self.credit(0, command(6, -507, kind="adjustment"))
        self.event("balance.low", "BalanceLow", threshold_micros=5 * COIN)
        self.refuse(0, command(7, 60), "cap_reached")
        self.credit(0, command(8, 60, issued_by="ada"), invoiced=True)  # beyond it: an operator
        self.event("balance.low_cleared", "BalanceLowCleared", threshold_micros=5 * COIN)

    def put(self, partition, record):
        value = record
        if isinstance(record, dict):
            value = credit_stream.COMMAND.encode(("tollstream.CreditAdded", record))
        offset = len(self.inputs[partition])
        self.inputs[partition].append(Input(offset, NOW_MS - 60_000, b"acct", value))
        return offset, value

    def apply(self, partition, record):
        offset, _ = self.put(partition, record)
        self.rows[partition].append(Applied(offset, record["command_id"], 11))
        self.cause = "command:" + record["command_id"]
        return offset

    def credit(self, partition, record, invoiced=False):
        offset = self.apply(partition, record)
        amount = record["amount_micros"]
        self.balance += amount
        self.movement += 1
        entry = Entry(11, self.movement, record["kind"], amount, self.balance)
        entry = entry._replace(
            ref_id=record["credit_id"],
            issued_by=record["issued_by"],
            note=record["note"],
            created_ms=NOW_MS,
            topic="credits",
            partition=partition,
            offset=offset,
        )
        self.found.entry_rows.append(entry)
        told = {name: record[name] for name in ("credit_id", "amount_micros", "kind")}
        paid = "invoice" if invoiced else None
        self.event("credit.added", "CreditAdded", **told, payment_method=paid)
        if invoiced:
            date = datetime.date(2025, 11, 30)
            self.found.credits.invoice_lines[11, record["credit_id"]] = (date, amount)
            days = (date - datetime.date(1970, 1, 1)).days
            told = {"invoice_date": days, "amount_micros": amount}
            self.event("invoice.line_added", "InvoiceLineAdded", **told)

    def refuse(self, partition, record, reason):
        self.apply(partition, record)
        told = {name: record[name] for name in ("credit_id", "amount_micros")}
        self.event("credit.refused", "CreditRefused", **told, reason=reason)

    def again(self, partition, record):
        offset, _ = self.put(partition, record)
        self.rows[partition].append(Duplicate(offset, None, 1))

    def bury(self, partition, record, reason):
        offset, value = self.put(partition, record)
        self.rows[partition].append(
            DeadLetter(offset, b"acct", value, NOW_MS - 60_000, reason, "why", NOW_MS)
        )

    def event(self, type_, record, **body):
        sequence = len(self.events) + 1
        self.events.append(
            {
                "event_id": f"e{sequence}",
                "account_id": "acct",
                "sequence": sequence,
                "time": NOW_MS,
                "type": type_,
                "cause": self.cause,
                "currency": "USD",
                "balance_micros": self.balance,
                "body": (f"tollstream.{record}", body),
            }
        )

    def evidence(self):
        found, account = self.found, self.found.accounts[0]
        account.balance, account.movements = self.balance, self.movement
        account.sequence = len(self.events)
        credits = found.credits
        kinds = ((Applied, credits.applied_rows), (Duplicate, credits.duplicate_rows))
        for p, rows in self.rows.items():
            credits.input_rows[p] = self.inputs[p]
            for kind, place in (*kinds, (DeadLetter, credits.dead_letter_rows)):
                place[p] = [row for row in rows if isinstance(row, kind)]
            counts = [sum(isinstance(row, kind) for row in rows) for kind, _ in kinds]
            counts.append(len(credits.dead_letter_rows[p]))
            end = len(self.inputs[p])
            credits.partition_rows.append(Partition(p, 0, end, *counts, 0, end))
        found.event_values = [
            (b"acct", test_checker.encode("event", event)) for event in self.events
        ]
        found.dead_letter_values = [
            (row.key, test_checker.encode("dead_letter", told_letter(p, row)))
            for p in self.rows
            for row in credits.dead_letter_rows[p]
        ]
        return found


def told_letter(partition, row):
    return {**test_checker.dead_letter(partition, row), "topic": "credits"}


def test_right_books_are_right():
    report = test_checker.judged(Books().evidence())
    assert report["ok"], report["faults"]
    assert report["credits"] == {
        "consumed": 11,
        "applied": 6,
        "refused": 2,
        "duplicates": 2,
        "dead_letters": 3,
        "unaccounted": 0,
        "added_micros": 53 * COIN,
    }
    assert report["unaccounted"] == 0 and report["events"] == 11


def rows(name):
    def change(partition, place, **changes):
        def damage(found):
            kept = getattr(found.credits, name)[partition]
            kept[place] = kept[place]._replace(**changes)

        return damage

    return change


def entry(place, **changes):
    def damage(found):
        found.entry_rows[place] = found.entry_rows[place]._replace(**changes)

    return damage


def drop(name, partition, place):
    def damage(found):
        del getattr(found.credits, name)[partition][place]

    return damage


def settle_copy(found):
    """The credit that came by a second command was applied as well."""
    found.credits.duplicate_rows[1].clear()
    found.credits.applied_rows[1].insert(1, Applied(1, "c-9", 11))


def forget_event(found):
    del found.event_values[2]


def line(found):
    found.credits.invoice_lines[11, "credit-1"] = (datetime.date(2025, 12, 31), 200 * COIN)


def lone_line(found):
    found.credits.invoice_lines[11, "credit-2"] = (datetime.date(2025, 11, 30), 60 * COIN)


def account(**changes):
    def damage(found):
        for name, value in changes.items():
            setattr(found.accounts[0], name, value)

    return damage


DAMAGE = {
    "an applied command is missing": (drop("applied_rows", 0, 0), "lost"),
    "a dead letter is missing": (drop("dead_letter_rows", 0, 0), "lost"),
    "a duplicate is missing": (drop("duplicate_rows", 0, 0), "lost"),
    "a copy was applied": (settle_copy, "event_lost"),
    "another command_id": (rows("applied_rows")(0, 0, command_id="c-2"), "wrong_field"),
    "another account": (rows("applied_rows")(0, 0, account=12), "wrong_account"),
    "another reason": (rows("dead_letter_rows")(0, 0, reason="missing_field"), "wrong_ending"),
    "no conflict": (rows("dead_letter_rows")(1, 0, reason="too_old"), "wrong_ending"),
    "another amount": (entry(1, amount=201 * COIN), "wrong_field"),
    "another kind": (entry(2, kind="refund"), "wrong_field"),
    "nobody did it": (entry(2, issued_by=None), "wrong_field"),
    "another balance after it": (entry(1, balance_after=1), "wrong_balance"),
    "a row of no record": (entry(1, offset=77), "row_without_input"),
    "a refusal nobody told": (forget_event, "event_lost"),
    "another invoice date": (line, "wrong_invoice"),
    "an invoice line of no credit": (lone_line, "wrong_invoice"),
    "credited beyond the cap": (account(monthly_credit_cap=100 * COIN), "wrong_decision"),
    "refused below the cap": (account(monthly_credit_cap=900 * COIN), "event_wrong"),
    "credited on a plan that buys none": (account(subscription="free"), "wrong_decision"),
    "credited with an unconfirmed card": (
        account(payment_method="card", card_state="unconfirmed"),
        "wrong_decision",
    ),
    "an amount that is not offered": (account(credit_amounts=(COIN,)), "wrong_decision"),
    "not drained": (
        lambda found: found.credits.partition_rows.__setitem__(
            0, found.credits.partition_rows[0]._replace(high=99)
        ),
        "not_drained",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(name):
    change, kind = DAMAGE[name]
    found = Books().evidence()
    change(found)
    report = test_checker.judged(found)
    assert not report["ok"] and kind in report["faults"], report["faults"]
