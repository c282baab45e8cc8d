# SPDX-License-Identifier: Apache-2.0
"""A stream of credits beside the calls: of every kind, some sent again, some under another id, some
with another content under the same, some that cannot be applied."""

import json
import random

import cdrs

SCHEMA = json.loads((cdrs.SCHEMAS / "credit.avsc").read_text(encoding="utf-8"))
COMMAND = cdrs.Writer(SCHEMA)
KINDS = ("purchase", "purchase", "purchase", "promotional", "adjustment", "refund", "recharge")
UNIT = 1_000_000


class Credits:
    def __init__(self, seed, ids):
        self.random = random.Random(f"credits {seed}")
        self.ids = ids
        self.name = f"k{seed}"
        self.count = 0

    def credit(self):
        r = self.random
        self.count += 1
        kind = r.choice(KINDS)
        amount = r.choice((5, 10, 20, 50)) * UNIT + r.choice((0, 0, 1))
        account_id = r.choice(self.ids)
        recharge = f"{account_id}-nobody-{r.randrange(4)}" if kind == "recharge" else None
        return {
            "command_id": f"{self.name}-command-{self.count}",
            "account_id": account_id,
            "credit_id": f"{self.name}-credit-{self.count}",
            "amount_micros": -amount if kind == "adjustment" and r.random() < 0.5 else amount,
            "kind": kind,
            "payment_method": r.choice((None, None, "card", "invoice")),
            "recharge_id": recharge,
            "issued_by": r.choice((None, None, None, "ada")),
            "note": r.choice((None, "goodwill", "für Zoë")),
        }

    def stream(self, count):
        """`count` messages: (key, value, pick, topic), as cdrs.Calls.stream has them."""
        sent = []
        for _ in range(count):
            luck = self.random.random()
            if luck < 0.25 and sent:
                record, pick = self.repeated(*self.random.choice(sent[-200:]))
            elif luck < 0.3:
                yield self.broken()
                continue
            else:
                record = self.credit()
                pick = sum(record["account_id"].encode())
            sent.append((record, pick))
            yield self.message("CreditAdded", record, pick)

    def repeated(self, record, pick):
        r = self.random
        self.count += 1
        what = r.randrange(5)
        if what == 1:
            record = dict(record, command_id=f"{self.name}-command-{self.count}")
        elif what == 2:
            record = dict(record, amount_micros=record["amount_micros"] + 2)
        elif what == 3:
            record = dict(
                record,
                command_id=f"{self.name}-command-{self.count}",
                amount_micros=record["amount_micros"] + 2,
            )
        elif what == 4:
            record = dict(
                record,
                command_id=f"{self.name}-command-{self.count}",
                credit_id=f"{self.name}-credit-{self.count}",
            )
        return record, r.randrange(1 << 30) if r.random() < 0.5 else pick

    @staticmethod
    def message(kind, record, pick):
        """Every other account is named by the key only."""
        key = record["account_id"].encode()
        if pick % 2:
            record = dict(record, account_id=None)
        return key, COMMAND.encode((f"tollstream.{kind}", record)), pick, "credits"

    def broken(self):
        r = self.random
        pick = r.randrange(1 << 30)
        record = self.credit()
        failed = {name: record[name] for name in ("command_id", "account_id")}
        whole = self.message("CreditAdded", record, pick)[1]
        key = record["account_id"].encode()
        return r.choice(
            (
                (key, whole[:-2], pick, "credits"),
                (key, None, pick, "credits"),
                (key, b"\xc3\x01" + bytes(8) + whole[10:], pick, "credits"),
                self.message("CreditAdded", dict(record, amount_micros=0), pick),
                self.message("CreditAdded", dict(record, credit_id=""), pick),
                self.message("CreditAdded", dict(record, command_id="x" * 129), pick),
                self.message("CreditAdded", dict(record, account_id="nobody"), pick),
                self.message(
                    "CreditAdded", dict(record, kind="recharge", recharge_id=None), pick
                ),
                self.message("CreditAdded", dict(record, kind="refund", amount_micros=-1), pick),
                self.message(
                    "RechargeFailed", dict(failed, recharge_id="nobody's", reason="lost"), pick
                ),
            )
        )
