# SPDX-License-Identifier: Apache-2.0
"""Calls, accounts and decks for tests: small, seeded, and mixed so that a few thousand records meet
every category, every reason of a dead letter that a record can have by itself, duplicates within a
partition and across partitions, and balances that cross their thresholds.

It writes no expected values: what they must become is the checker's business."""

import copy
import io
import json
import pathlib
import random

import fastavro
import fastavro.schema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas/avro"
MARKER = b"\xc3\x01"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def untyped(schema):
    """Times as plain milliseconds, so that any can be written, also absurd ones."""
    if isinstance(schema, dict):
        return {k: untyped(v) for k, v in schema.items() if k != "logicalType"}
    return [untyped(item) for item in schema] if isinstance(schema, list) else schema


class Writer:
    """Encodes records by a writer's schema, in Avro's single-object encoding."""

    def __init__(self, schema):
        self.json = untyped(schema)
        self.schema = fastavro.parse_schema(copy.deepcopy(self.json))
        canonical = fastavro.schema.to_parsing_canonical_form(self.schema)
        mark = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))
        self.header = MARKER + mark

    @classmethod
    def of(cls, name):
        return cls(json.loads((SCHEMAS / name).read_text(encoding="utf-8")))

    def encode(self, record):
        out = io.BytesIO(self.header)
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, self.schema, record)
        return out.getvalue()


CDR = Writer.of("call_detail_record.avsc")

DECK = """\
prefix,rate,category,description,interval_1,interval_n,connect_fee,grace,from_unit,days,from_time,to_time,min_charge,unit
*,0,local_outbound,Local,,,,,,,,,,
*,0,local_inbound,Local inbound,,,,,,,,,,
*,0.02,toll_free_inbound,Toll-free inbound,,,,,,,,,,
1833,0.025,toll_free_inbound,Toll-free inbound 833,6,6,,,,,,,,
*,0,toll_free_outbound,Toll-free,,,,,,,,,,
1900,1.99,premium_outbound,Premium,60,60,0.5,5,,,,,,
*,0.03,fax_outbound,Fax by the page,,,,,,,,,,page
*,0.01,fax_inbound,Fax received,,,,,,,,,,page
44,0.0073,international_outbound,United Kingdom,,,,,,,,,,
447,0.0311,international_outbound,United Kingdom mobile,30,6,,,,,,,,
4420,0.0081,international_outbound,United Kingdom London,1,1,0.001,,,,,,,
49,0.0109,international_outbound,Germany,,,,,,mon-fri,08:00,20:00,,
49,0.0067,international_outbound,Germany evenings,6,6,,,,mon-fri,20:00,08:00,,
49,0.0049,international_outbound,Germany weekend,1,1,,,,sat-sun,08:00,20:00,,
49,0.0043,international_outbound,Germany weekend night,1,1,,,,sat-sun,20:00,08:00,,
52,0.012,international_outbound,Mexico,60,60,,,,,,,,
52,0.008,international_outbound,Mexico after 5 minutes,60,60,,,300,,,,,
*,0.045,international_outbound,Elsewhere,,,,,,,,,,
91,0.0189,international_outbound,India,1,1,0.02,,,,,,0.03,
882,blocked,international_outbound,Satellite,,,,,,,,,,
"""


THRESHOLDS = ([], ["1"], ["0.5", "1.75"], ["8", "2", "0.5", "0.25"])


ALLOWANCES = (
    [{"name": "world", "category": "international_outbound", "units": 900, "unit": "second"}],
    [
        {"name": "any", "category": "*", "units": 300, "unit": "second"},
        {"name": "talk", "category": "international_outbound", "license": "talk", "units": 400},
        {"name": "pages", "category": "fax_outbound", "units": 12, "unit": "page"},
    ],
    [
        {"name": "near", "category": "local_outbound", "local_only": True, "units": 100},
        {"name": "none", "category": "*", "units": 0},
    ],
)


def accounts(random_, count, plan, prefix="acct"):
    """Accounts as `accounts import` takes them: balances that some calls use up."""
    rows = []
    for i in range(count):
        row = {
            "account_id": f"{prefix}-{i:04}",
            "name": f"Office {i}",
            "country": random_.choice(["US", "US", "US", "CA", "GB"]),
            "timezone": random_.choice(["America/New_York", "Europe/London", "UTC"]),
            "currency": "USD",
            "subscription": "standard",
            "rate_plan": plan,
            "payment_method": "card",
            "card_state": "confirmed",
            "opening_balance": random_.choice(["1", "2.5", "5", "0", "0.000001", "12", "-1"]),
            "alert_thresholds": random_.choice(THRESHOLDS),
            "alert_hysteresis": "0.25",
        }
        if i % 3 == 0:
            row["allowances"] = random_.choice(ALLOWANCES)
        if i % 5 == 0:
            mode = random_.choice(["fixed", "target", "shortfall_plus"])
            row["auto_recharge"] = {
                "on": True,
                "threshold": "0.75",
                "mode": mode,
                "amount": "20",
                "max_count_per_day": 1,
                "max_amount_per_month": random_.choice(["0", "10", "100"]),
            }
        rows.append(row)
    return rows


US = ("+12125550", "+13105550", "+14165550")
ABROAD = ("+4420794", "+447400", "+4930123", "+5255123", "+911123", "+390612", "+33142")


class Calls:
    """Records of these accounts, every one different, from a seed."""

    def __init__(self, seed, account_ids, now_ms, days=2):
        self.random = random.Random(seed)
        self.ids = account_ids
        self.now_ms = now_ms
        self.days = days
        self.count = 0
        self.name = f"s{seed}"

    def digits(self, head, size):
        return head + "".join(self.random.choices("0123456789", k=size - len(head)))

    def number(self, kind):
        pick = self.random.choice
        if kind == "abroad":
            return self.digits(pick(ABROAD), 13)
        if kind == "toll_free":
            return self.digits(pick(("+1800555", "+1833555", "+1888555")), 12)
        if kind == "premium":
            return self.digits("+1900555", 12)
        if kind == "short":
            return pick(("911", "112", "411", "*67", "611"))
        return self.digits(pick(US), 12)

    def voice(self, account):
        r = self.random
        own = self.digits("+1212555", 12)
        direction = r.choices(("OUTBOUND", "INBOUND", "INTERNAL"), (70, 25, 5))[0]
        if direction == "OUTBOUND":
            kinds = ("abroad", "local", "toll_free", "premium", "short")
            numbers = own, self.number(r.choices(kinds, (60, 25, 6, 5, 4))[0])
        elif direction == "INBOUND":
            caller = r.choice((self.number("local"), self.number("abroad"), "", "anonymous"))
            numbers = caller, r.choice((own, self.number("toll_free")))
        else:
            numbers = own, "1234"
        return self.record(account, "VOICE", direction, numbers)

    def fax(self, account):
        own = self.digits("+1212555", 12)
        other = self.number(self.random.choice(("local", "abroad")))
        outbound = self.random.random() < 0.5
        record = self.record(
            account,
            "FAX",
            "OUTBOUND" if outbound else "INBOUND",
            (own, other) if outbound else (other, own),
        )
        if record["answer_time"] is not None:
            record["pages"] = self.random.randrange(0, 12)
            if self.random.random() < 0.1:
                record["disposition"] = "FAILED"
        return record

    def record(self, account, service, direction, numbers):
        r = self.random
        self.count += 1
        start = self.now_ms - r.randrange(10_000, self.days * DAY_MS)
        answered = r.random() < 0.85
        duration = int(r.expovariate(1 / 180_000)) if answered else 0
        answer = start + r.randrange(500, 20_000) if answered else None
        end = (answer + duration) if answered else start + r.randrange(1000, 30_000)
        return {
            "cdr_id": f"{self.name}-{self.count}",
            "source": r.choice(("sbc-1", "sbc-2", "fax-gw")),
            "leg": r.choice((0, 0, 0, 1)),
            "call_id": r.choice((None, f"call-{self.count}")),
            "account_id": account,
            "user_id": r.choice((None, f"u{r.randrange(50)}")),
            "user_name": r.choice((None, "Zoë Ortega")),
            "department": r.choice((None, "Sales", "")),
            "license": r.choice(("TALK", "CONTACT_CENTER", "SELL")),
            "service": service,
            "direction": direction,
            "from_number": numbers[0],
            "to_number": numbers[1],
            "origin_country": r.choice((None, None, "US", "DE")),
            "start_time": start,
            "answer_time": answer,
            "end_time": end,
            "duration_ms": duration,
            "pages": 0,
            "disposition": "ANSWERED" if answered else r.choice(("NO_ANSWER", "BUSY", "CANCELED")),
            "hangup_cause": r.choice((None, 16, 17)),
            "attributes": r.choice(({}, {}, {"trunk": "t1", "kampagne": "frühling"})),
        }

    def good(self):
        account = self.random.choice(self.ids)
        return self.fax(account) if self.random.random() < 0.1 else self.voice(account)

    def answered(self, **changes):
        """An ordinary answered call with what the caller wants otherwise."""
        record = self.record(self.ids[0], "VOICE", "OUTBOUND", ("+12125550100", "+442079460958"))
        record.update(
            answer_time=record["start_time"] + 1000,
            end_time=record["start_time"] + 61_000,
            duration_ms=60_000,
            disposition="ANSWERED",
        )
        record.update(changes)
        return record

    def stream(self, count, duplicates=0.03, malformed=0.02):
        """`count` messages: (key, value, pick), where pick is any number: the partition, if the
        caller shares them out by it. Duplicates and conflicts often land in another one."""
        sent = []
        for _ in range(count):
            luck = self.random.random()
            record = self.good()
            pick = None
            if luck < duplicates and sent:
                record, pick = self.random.choice(sent[-500:])
                if self.random.random() < 0.3:
                    pick = self.random.randrange(1 << 30)
                if self.random.random() < 0.2:
                    record = dict(record, duration_ms=record["duration_ms"] + 1)
            elif luck < duplicates + malformed:
                yield self.broken()
                continue
            pick = self.pick_of(record["account_id"]) if pick is None else pick
            sent.append((record, pick))
            yield record["account_id"].encode(), CDR.encode(record), pick

    def pick_of(self, account):
        """Mostly one partition an account, as by its key."""
        if self.random.random() < 0.9:
            return sum(account.encode())
        return self.random.randrange(1 << 30)

    def broken(self):
        """A message that can't be charged, for a reason picked at random."""
        name = self.random.choice(sorted(BREAK))
        value = BREAK[name](self)
        if isinstance(value, dict):
            value = CDR.encode(value)
        return self.random.choice((None, b"", b"acct-0000")), value, self.random.randrange(1 << 30)


OTHER_SCHEMA = {"type": "record", "name": "Other", "fields": [{"name": "x", "type": "int"}]}


def unknown_enum_schema():
    """Of a writer whose Disposition has a symbol that no reader knows."""
    schema = copy.deepcopy(CDR.json)
    for field in schema["fields"]:
        if field["name"] == "disposition":
            field["type"]["symbols"].append("VOICEMAIL")
    return schema


def unknown_enum(calls):
    """Its schema is unknown, too, unless the processor was given it."""
    return Writer(unknown_enum_schema()).encode(calls.answered(disposition="VOICEMAIL"))


def with_bytes(calls, **changes):
    """Strings that are no UTF-8: written as bytes, which is the same on the wire."""

    def as_bytes(schema):
        if isinstance(schema, dict):
            return {k: v if k == "name" else as_bytes(v) for k, v in schema.items()}
        if isinstance(schema, list):
            return [as_bytes(item) for item in schema]
        return "bytes" if schema == "string" else schema

    record = {
        name: value.encode() if isinstance(value, str) else value
        for name, value in calls.answered(attributes={}).items()
    }
    for name in ("license", "service", "direction", "disposition"):
        record[name] = record[name].decode()
    record.update(changes)
    out = io.BytesIO(CDR.header)
    out.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(out, fastavro.parse_schema(as_bytes(CDR.json)), record)
    return out.getvalue()


# What each makes of a good call: a record, or bytes. The name begins with the reason it must end
# with.
BREAK = {
    "decode_error.truncated": lambda c: CDR.encode(c.answered())[:-3],
    "decode_error.trailing": lambda c: CDR.encode(c.answered()) + b"\0",
    "decode_error.empty": lambda c: b"",
    "decode_error.tombstone": lambda c: None,
    "decode_error.text": lambda c: b'{"cdr_id":"json"}',
    "unknown_schema.fingerprint": lambda c: Writer(OTHER_SCHEMA).encode({"x": 1}),
    "unknown_schema.confluent": lambda c: b"\0\0\0\0\x2a" + CDR.encode(c.answered())[10:],
    "missing_field.cdr_id": lambda c: c.answered(cdr_id=""),
    "missing_field.account_id": lambda c: c.answered(account_id=""),
    "missing_field.to_number": lambda c: c.answered(to_number=""),
    "field_too_long.source": lambda c: c.answered(source="s" * 65),
    "field_too_long.user_name": lambda c: c.answered(user_name="ü" * 129),
    "field_too_long.attributes": lambda c: c.answered(attributes={f"a{i}": "" for i in range(33)}),
    "field_too_long.record": lambda c: c.answered(attributes={"a": "x" * 70_000}),
    "invalid_text.control": lambda c: c.answered(user_name="a\x07b"),
    "invalid_text.utf8": lambda c: with_bytes(c, user_name=b"\xff\xfe"),
    "invalid_number.letters": lambda c: c.answered(to_number="+44CALLME"),
    "invalid_number.long": lambda c: c.answered(to_number="+" + "1" * 16),
    "invalid_number.from": lambda c: c.answered(from_number="anonymous"),
    "time_out_of_range.1970": lambda c: c.answered(start_time=0, answer_time=0, end_time=60_000),
    "time_out_of_range.2100": lambda c: c.answered(end_time=4_102_444_800_000),
    "time_order.answer": lambda c: c.answered(start_time=c.now_ms, answer_time=c.now_ms - 2000),
    "duration_out_of_range.negative": lambda c: c.answered(duration_ms=-1),
    "duration_out_of_range.week": lambda c: c.answered(duration_ms=8 * DAY_MS),
    "duration_mismatch.long": lambda c: c.answered(duration_ms=63_001),
    "answer_mismatch.unanswered": lambda c: c.answered(answer_time=None, disposition="BUSY"),
    "answer_mismatch.disposition": lambda c: c.answered(disposition="BUSY"),
    "invalid_pages.voice": lambda c: c.answered(pages=1),
    "invalid_pages.negative": lambda c: c.answered(service="FAX", pages=-1),
    "unknown_account.id": lambda c: c.answered(account_id="nobody"),
    "no_rate.destination": lambda c: c.answered(to_number="+979123456789"),
    "blocked_destination.satellite": lambda c: c.answered(to_number="+88212345678"),
}
