# SPDX-License-Identifier: Apache-2.0
"""The usage of every account and month, computed from the CDR topic alone: decoded, validated,
deduplicated and priced by the independent checker, and summed in whole micro-units."""

import collections
import concurrent.futures
import datetime
import multiprocessing
import os
import zoneinfo

import harness  # which puts the checker on the path
from checker import decode, live, numbering, rating, validate, verdict

TOLL_FREE = ("toll_free_inbound", "toll_free_outbound")
FAX = ("fax_outbound", "fax_inbound")
METERED = ("local_outbound", "local_inbound")
COLUMNS = (
    "calls charges free_calls toll_free_calls toll_free_cost international_calls"
    " international_cost faxes fax_pages fax_cost metered_local_calls metered_local_cost"
    " premium_calls premium_cost"
).split()
MONEY = {"charges", "toll_free_cost", "international_cost", "fax_cost"} | {
    "metered_local_cost",
    "premium_cost",
}


def add(sums, cdr, charge):
    category, micros = charge.category, charge.micros
    sums["calls"] += 1
    sums["charges"] += micros
    sums["free_calls"] += micros == 0
    if category in TOLL_FREE:
        group = "toll_free"
    elif category in FAX:
        sums["faxes"] += 1
        sums["fax_pages"] += cdr["pages"]
        sums["fax_cost"] += micros
        return
    elif category in METERED:
        sums["metered_local_calls"] += micros > 0
        sums["metered_local_cost"] += micros
        return
    elif category in ("international_outbound", "premium_outbound"):
        group = category.removesuffix("_outbound")
    else:
        return
    sums[f"{group}_calls"] += 1
    sums[f"{group}_cost"] += micros


class Months:
    """Of the accounts of one share: whole accounts, by the key of their records."""

    def __init__(self, servers, clock_ms):
        self.evidence = live.Evidence(servers)
        self.clock_ms = clock_ms
        self.oldest_ms = self.evidence.oldest_usage_ms()
        self.accounts = {a.account_id: a for a in self.evidence.accounts}
        self.zones = {a.account_id: zoneinfo.ZoneInfo(a.timezone) for a in self.evidence.accounts}
        self.catalog = rating.Catalog(
            self.evidence.plans, self.evidence.versions, numbering.numbering_plan()
        )
        self.plans = {plan.number: plan for plan in self.evidence.plans}
        self.decoder = decode.Decoder((), None)
        self.seen = set()
        self.sums = collections.defaultdict(collections.Counter)

    def take(self, record):
        try:
            cdr = self.decoder.decode(record.value)
        except decode.Refused:
            return
        if validate.reason_of(cdr, len(record.value), self.clock_ms) is not None:
            return
        account = self.accounts.get(cdr["account_id"])
        if account is None or cdr["start_time"] < self.oldest_ms:
            return
        identity = verdict.identity_of(cdr)
        if identity in self.seen:
            return
        plan = self.plans[account.plan]
        charge = self.catalog.rate(plan, account.country, cdr, len(self.catalog.versions))
        if isinstance(charge, rating.Charge):
            self.seen.add(identity)
            start = datetime.datetime.fromtimestamp(
                cdr["start_time"] // 1000, self.zones[account.account_id]
            )
            add(self.sums[account.account_id, start.strftime("%Y-%m")], cdr, charge)

    def run(self, share, shares):
        for partition in self.evidence.partitions():
            for record in self.evidence.inputs(partition.number):
                if sum(record.key or b"") % shares == share:
                    self.take(record)
        self.evidence.close()
        return {place: dict(sums) for place, sums in self.sums.items()}


def share_of(variables, clock_ms, share, shares):
    return Months(live.Servers(variables), clock_ms).run(share, shares)


def months(world, clock_ms):
    """{(account_id, month): {column: value}}, for every month in which there is a call."""
    shares = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(shares, context) as pool:
        runs = [
            pool.submit(share_of, world.server_variables(), clock_ms, share, shares)
            for share in range(shares)
        ]
        found = {}
        for run in runs:
            found |= run.result()
    return found


def index_leaves(world):
    """What the processor does when a partition is closed. A thousand accounts, each with rows on
    every page of one that is not, would make as many reads of it whole."""
    for (leaf,) in world.query("SELECT leaf::text FROM usage_leaf"):
        world.connection.execute(f"CREATE INDEX ON {leaf} (account_no, start_time)")
        world.connection.execute(f"ANALYZE {leaf}")


def told_months(world):
    """The same, as the view that the admin reads tells it."""
    index_leaves(world)
    columns = ", ".join(
        f"({name} * 1000000)::bigint" if name in MONEY else name for name in COLUMNS
    )
    rows = world.query(f"SELECT account_id, month, {columns} FROM usage_summary WHERE calls > 0")
    return {
        tuple(row[:2]): {name: int(v) for name, v in zip(COLUMNS, row[2:]) if v} for row in rows
    }


def differences(world, clock_ms):
    """(how many account months there are, what differs)"""
    computed = {
        place: {name: value for name, value in sums.items() if value}
        for place, sums in months(world, clock_ms).items()
    }
    told = told_months(world)
    found = [
        f"{place}: told {told.get(place)}, computed {computed.get(place)}"
        for place in sorted(computed.keys() | told.keys())
        if told.get(place) != computed.get(place)
    ]
    return len(computed), found
