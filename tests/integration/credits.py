# SPDX-License-Identifier: Apache-2.0
"""Commands of the credits topic as services write them, and accounts to try them on."""

import json
import pathlib

import cdrs
import harness

SCHEMA = json.loads((cdrs.SCHEMAS / "credit.avsc").read_text(encoding="utf-8"))
COMMAND = cdrs.Writer(SCHEMA)


def command(kind, command_id, account_id, **fields):
    """One record of the union, encoded."""
    record = {"command_id": command_id, "account_id": account_id, **fields}
    return COMMAND.encode((f"tollstream.{kind}", record))


def account(account_id, **fields):
    """As `accounts import` takes it: on a card that is confirmed, with 10.00."""
    row = {
        "account_id": account_id,
        "country": "US",
        "timezone": "UTC",
        "rate_plan": harness.PLAN,
        "payment_method": "card",
        "card_state": "confirmed",
        "opening_balance": "10",
    }
    return {**row, **fields}


class Clock:
    """Time that a test lets pass."""

    def __init__(self, world):
        self.file = pathlib.Path(world.folder) / "clock"
        self.ahead_ms = 0
        self.file.write_text("0")
        world.environment["TOLLSTREAM_TEST_CLOCK_FILE"] = str(self.file)

    def advance(self, hours):
        self.ahead_ms += int(hours * 3_600_000)
        partial = self.file.with_suffix(".new")
        partial.write_text(str(self.ahead_ms))
        partial.replace(self.file)
