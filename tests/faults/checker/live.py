# SPDX-License-Identifier: Apache-2.0
"""The evidence of a run against real servers. Big tables are streamed by partition and offset."""

import hashlib
import json
import os
import time

import confluent_kafka
import psycopg
import redis

from . import rating
from .account import Account, Allowance
from .decks import Deck
from .evidence import (
    CDR_FIELDS,
    Applied,
    Bucket,
    DeadLetter,
    Duplicate,
    Entry,
    Input,
    Partition,
    Usage,
)

BUCKETS = 256
PAGE = 5000
QUIET_S = 30
END = confluent_kafka.KafkaError._PARTITION_EOF
ENUMS = {
    "subscription": ("free", "standard", "pro", "enterprise"),
    "payment_method": ("card", "invoice"),
    "card_state": ("none", "unconfirmed", "confirmed", "locked"),
    "recharge_mode": ("fixed", "target", "shortfall_plus"),
    "status": ("active", "suspended", "closed"),
}

MS = "(extract(epoch FROM {0}) * 1000)::bigint"
TIMES = ("start_time", "answer_time", "end_time")
NAMES = ("license", "service", "direction", "disposition")


def column(name):
    if name in TIMES:
        return MS.format(name)
    return f"usage_{name}_name({name})" if name in NAMES else name


USAGE = f"""
    SELECT "offset", account_no, movement, charge_micros, balance_after_micros,
           {MS.format("settled_at")}, identity_hash, usage_category_name(category), region,
           usage_unit_name(unit), billed, rate_e8, connect_fee_e8, prefix, description,
           deck_version, generation, attributes, allowance_names, allowance_units,
           {", ".join(map(column, CDR_FIELDS))}
    FROM usage WHERE topic_no = %s AND partition = %s ORDER BY "offset"
"""
DUPLICATES = f"""
    SELECT "offset", {MS.format("start_time")}, identity_hash
    FROM duplicate WHERE topic = %s AND partition = %s ORDER BY "offset"
"""
DEAD_LETTERS = f"""
    SELECT "offset", key, value, {MS.format("record_time")}, reason, message,
           {MS.format("created_at")}
    FROM dead_letter WHERE topic = %s AND partition = %s ORDER BY "offset"
"""
ENTRIES = f"""
    SELECT account_no, movement, kind, amount_micros, balance_after_micros, ref_id, issued_by, note,
           {MS.format("created_at")}, topic, partition, "offset"
    FROM ledger_entry
"""
APPLIED = """
    SELECT "offset", command_id, account_no
    FROM command_id WHERE space = 0 AND topic = %s AND partition = %s ORDER BY "offset"
"""
INVOICES = "SELECT account_no, credit_id, invoice_date, amount_micros FROM invoice_line"
ACCOUNTS = f"""
    SELECT account_no, account_id, currency, country, timezone, plan_no, thresholds, hysteresis,
           status, {MS.format("closed_at")}, subscription, payment_method, card_state,
           monthly_credit_cap, recharge_on, recharge_mode, recharge_threshold, recharge_amount,
           recharge_count_per_day_max, recharge_amount_per_month_max, balance_micros, movements,
           sequence, {MS.format("created_at")}, allowances, credit_amounts, invoice_day
    FROM account ORDER BY account_no
"""
ACCOUNT_FIELDS = (
    "number account_id currency country timezone plan thresholds hysteresis status closed_ms"
    " subscription payment_method card_state monthly_credit_cap recharge_on recharge_mode"
    " recharge_threshold recharge_amount recharge_count_per_day_max"
    " recharge_amount_per_month_max balance movements sequence created_ms allowances"
    " credit_amounts invoice_day"
).split()


class Servers:
    """Where to look; the environment of the processor tells."""

    def __init__(self, environment=os.environ):
        def setting(name, default):
            return environment.get("TOLLSTREAM_" + name.replace(".", "_").upper(), default)

        self.brokers = setting("kafka.brokers", "127.0.0.1:9092")
        self.redis = setting("redis.url", "redis://127.0.0.1:6379")
        self.postgres = setting("postgres.url", "postgresql://127.0.0.1/tollstream")
        self.group = setting("kafka.group", "tollstream")
        self.cdrs = setting("kafka.topics.cdrs", "tollstream.cdrs")
        self.credits = setting("kafka.topics.credits", "tollstream.credits")
        self.events = setting("kafka.topics.events", "tollstream.events")
        self.dead_letters = setting("kafka.topics.dead_letters", "tollstream.dead-letters")


class Evidence:
    def __init__(self, servers, decks=None, accounts_file=None):
        """decks: {plan name: [files]} and the accounts as imported, to hold against what
        PostgreSQL says was published and imported."""
        self.servers = servers
        self.topic = servers.cdrs
        self.db = psycopg.connect(servers.postgres)
        self.cursors = 0
        self.topics = Topics(servers.brokers)
        plans = self.db.execute("SELECT plan_no, name, settings FROM rate_plan ORDER BY plan_no")
        self.plans = [plan_of(*row) for row in plans]
        self.versions = self.read_versions(decks or {})
        self.accounts = self.read_accounts(accounts_file)
        self.topic_no = self.one("SELECT topic_no FROM topic WHERE name = %s", self.topic) or -1
        self.input_marks = self.topics.watermarks(self.topic)
        self.partition_rows = self.read_partitions(self.topic, self.input_marks)
        self.credits = Credits(self)

    def one(self, statement, *arguments):
        row = self.db.execute(statement, arguments).fetchone()
        return row[0] if row else None

    def close(self):
        self.db.close()
        self.topics.close()

    # --- what was published and imported

    def read_versions(self, decks):
        given = {
            (plan, hashlib.sha256(content).digest()): content
            for plan, files in decks.items()
            for content in files
        }
        names = {plan.number: plan.name for plan in self.plans}
        found, parsed = [], {}
        for number, plan, effective_ms, published_ms, sha256, content in self.db.execute(
            f"SELECT version, plan_no, CASE WHEN isfinite(effective_from) THEN"
            f" {MS.format('effective_from')} END, {MS.format('published_at')}, sha256, csv"
            " FROM deck_version ORDER BY version"
        ):
            if given and (names[plan], sha256) not in given:
                raise SystemExit(f"deck version {number} of {names[plan]} is none of those given")
            content = given.get((names[plan], sha256), content)
            if sha256 not in parsed:
                parsed[sha256] = Deck(content)
            effective_ms = float("-inf") if effective_ms is None else effective_ms
            found.append(rating.Version(number, plan, effective_ms, published_ms, parsed[sha256]))
        return found

    def read_accounts(self, accounts_file):
        opened = "SELECT account_no, amount_micros FROM ledger_entry WHERE kind = 'opening'"
        openings = dict(self.db.execute(opened))
        accounts = []
        for row in self.db.execute(ACCOUNTS):
            values = dict(zip(ACCOUNT_FIELDS, row))
            for name, symbols in ENUMS.items():
                values[name] = symbols[values[name]]
            values["allowances"] = tuple(Allowance(**a) for a in values["allowances"] or ())
            accounts.append(Account(**values, opening=openings.get(row[0], 0)))
        if accounts_file is not None:
            use_import(accounts, accounts_file)
        return accounts

    # --- positions and rows

    def read_partitions(self, topic, marks):
        rows = {
            row[0]: row
            for row in self.db.execute(
                "SELECT partition, first_offset, next_offset, settled, duplicates, dead_letters,"
                " holes FROM stream_partition WHERE group_name = %s AND topic = %s",
                [self.servers.group, topic],
            )
        }
        found = []
        for number, (_, high) in sorted(marks.items()):
            row = rows.pop(number, (number, 0, 0, 0, 0, 0, 0))
            found.append(Partition(*row, high))
        if rows:
            raise SystemExit(f"{topic} has no partitions {sorted(rows)}, stream_partition has")
        return found

    def partitions(self):
        return self.partition_rows

    def rows(self, statement, arguments):
        self.cursors += 1
        with self.db.cursor(f"checker_{self.cursors}") as cursor:
            cursor.itersize = PAGE
            yield from cursor.execute(statement, arguments)

    def usage(self, partition):
        for row in self.rows(USAGE, [self.topic_no, partition]):
            drawn = tuple(zip(row[18] or (), row[19] or ()))
            yield Usage(*row[:17], row[20:], row[17], drawn)

    def duplicates(self, partition, topic=None):
        return (Duplicate(*row) for row in self.rows(DUPLICATES, [topic or self.topic, partition]))

    def dead_letters(self, partition, topic=None):
        rows = self.rows(DEAD_LETTERS, [topic or self.topic, partition])
        return (DeadLetter(*row) for row in rows)

    def entries(self):
        return (Entry(*row) for row in self.rows(ENTRIES, []))

    def allowances_used(self):
        rows = self.db.execute("SELECT account_no, month, name, used FROM allowance_used")
        return {row[:3]: row[3] for row in rows}

    def stray_rows(self):
        numbers = [p.number for p in self.partition_rows]
        places = [f"{self.topic} {number}" for number in numbers]
        places += [f"{self.credits.topic} {p.number}" for p in self.credits.partition_rows]
        return self.db.execute(
            "SELECT (SELECT count(*) FROM usage"
            "        WHERE topic_no <> %(n)s OR partition <> ALL (%(p)s))"
            " + (SELECT count(*) FROM duplicate WHERE topic || ' ' || partition <> ALL (%(t)s))"
            " + (SELECT count(*) FROM dead_letter WHERE topic || ' ' || partition <> ALL (%(t)s))"
            " + (SELECT count(*) FROM command_id WHERE topic || ' ' || partition <> ALL (%(t)s))",
            {"n": self.topic_no, "t": places, "p": numbers},
        ).fetchone()[0]

    def oldest_usage_ms(self):
        return self.one(f"SELECT {MS.format('min(from_time)')} FROM usage_leaf")

    # --- topics

    def inputs(self, partition, topic=None, marks=None):
        place = {partition: (marks or self.input_marks)[partition]}
        for message in self.topics.read(topic or self.topic, place):
            yield Input(
                message.offset(),
                message.timestamp()[1],
                message.key(),
                message.value(),
                message.headers(),
            )

    def events(self):
        return self.told(self.servers.events)

    def told_dead_letters(self):
        return self.told(self.servers.dead_letters)

    def told(self, topic):
        for message in self.topics.read(topic, self.topics.watermarks(topic)):
            yield message.key(), message.value()

    # --- Redis

    def buckets(self):
        generations = dict(self.db.execute("SELECT bucket, generation FROM redis_bucket"))
        client = redis.Redis.from_url(self.servers.redis)
        found = {}
        for number in range(BUCKETS):
            fields = client.hgetall(f"{{b{number}}}")
            found[number] = Bucket(generations[number], fields)
        client.close()
        return found


class Credits:
    """What evidence.Credits has."""

    def __init__(self, evidence):
        self.evidence = evidence
        self.topic = evidence.servers.credits
        self.marks = evidence.topics.watermarks(self.topic)
        self.partition_rows = evidence.read_partitions(self.topic, self.marks)
        self.invoice_lines = {row[:2]: row[2:] for row in evidence.db.execute(INVOICES)}

    def inputs(self, partition):
        return self.evidence.inputs(partition, self.topic, self.marks)

    def applied(self, partition):
        rows = self.evidence.rows(APPLIED, [self.topic, partition])
        return (Applied(*row) for row in rows)

    def duplicates(self, partition):
        return self.evidence.duplicates(partition, self.topic)

    def dead_letters(self, partition):
        return self.evidence.dead_letters(partition, self.topic)


def plan_of(number, name, settings):
    """settings: what `rate-plans set` stored; what is absent has its default."""
    plan = {key: settings[key] for key in ("currency", "timezone", "rounding") if key in settings}
    if "decimals" in settings:
        plan["decimals"] = int(settings["decimals"])
    if settings.get("base_plan"):
        plan["base_plan"] = settings["base_plan"]
    if settings.get("local_zones"):
        plan["local_zones"] = tuple(map(frozenset, lists_of(settings["local_zones"])))
    if settings.get("emergency_numbers"):
        numbers = settings["emergency_numbers"]
        numbers = numbers.split(",") if isinstance(numbers, str) else numbers
        plan["emergency_numbers"] = frozenset(numbers) | set(rating.EMERGENCY)
    return rating.Plan(number, name, **plan)


def lists_of(zones):
    """US,CA;GB,IM or [["US", "CA"], ["GB", "IM"]]"""
    if isinstance(zones, str):
        return [[country.strip() for country in zone.split(",")] for zone in zones.split(";")]
    return zones


def micros(text):
    whole, _, fraction = str(text).partition(".")
    sign = -1 if whole.startswith("-") else 1
    return sign * (int(whole.lstrip("+-") or 0) * 10**6 + int(fraction.ljust(6, "0")))


def use_import(accounts, file):
    """The file's word instead of PostgreSQL's for what it says."""
    given = {}
    for line in file:
        if line.strip():
            row = json.loads(line)
            given[row["account_id"]] = row
    for account in accounts:
        row = given.pop(account.account_id, None)
        if row is None:
            raise SystemExit(f"account {account.account_id} was not imported from the file given")
        account.opening = micros(row.get("opening_balance", "0"))
        account.thresholds = tuple(map(micros, row.get("alert_thresholds", ())))
        account.hysteresis = micros(row.get("alert_hysteresis", "0"))
        account.card_state = row.get("card_state", account.card_state)
        account.country = row.get("country", account.country)
        account.timezone = row.get("timezone", account.timezone)
    if given:
        raise SystemExit(f"{len(given)} accounts of the file are missing: {sorted(given)[:3]}")


class Topics:
    """Reads topics from their beginnings to where they end now, with one client for all."""

    def __init__(self, brokers):
        self.client = confluent_kafka.Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "tollstream-checker",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
                "allow.auto.create.topics": False,
            }
        )
        self.close = self.client.close

    def watermarks(self, topic):
        """{partition: (low, high)}; of a topic that does not exist: nothing."""
        found = self.client.list_topics(topic, timeout=20).topics[topic]
        if found.error is not None:
            return {}
        return {p: self.ends(confluent_kafka.TopicPartition(topic, p)) for p in found.partitions}

    def ends(self, place):
        """The client gives up a connection to a broker that it met by another name, and with it
        what was asked there: then it is asked again."""
        for _ in range(2):
            try:
                return self.client.get_watermark_offsets(place, timeout=20)
            except confluent_kafka.KafkaException as err:
                if err.args[0].code() != confluent_kafka.KafkaError._DESTROY_BROKER:
                    raise
        return self.client.get_watermark_offsets(place, timeout=20)

    def read(self, topic, marks):
        """Every message between the watermarks, partition by partition."""
        for partition, (low, high) in sorted(marks.items()):
            if high > low:
                yield from self.read_partition(topic, partition, low, high)

    def read_partition(self, topic, partition, low, high):
        self.client.assign([confluent_kafka.TopicPartition(topic, partition, low)])
        heard = time.monotonic()
        at = low
        while at < high:
            for message in self.client.consume(min(PAGE, high - at), 0.1):
                heard = time.monotonic()
                error = message.error()
                if error is None and message.offset() < high:
                    at = message.offset() + 1
                    yield message
                elif error is not None and error.code() == END:
                    at = high  # what is missing at the end is no record: a transaction's mark
                elif error is not None and error.fatal():
                    raise confluent_kafka.KafkaException(error)
            if time.monotonic() - heard > QUIET_S:
                raise SystemExit(f"{topic} [{partition}]: nothing comes after offset {at - 1}")
        self.client.unassign()
