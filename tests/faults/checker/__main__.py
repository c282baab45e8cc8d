# SPDX-License-Identifier: Apache-2.0
"""Checks a drained run: exit 0 when all is as predicted, 1 when not, 2 when it can't tell."""

import argparse
import json
import pathlib
import sys
import time

import confluent_kafka
import psycopg
import redis

from . import live, verdict


def arguments():
    parser = argparse.ArgumentParser(
        prog="tests/faults/check",
        description="Predicts what the processor must have done with every record of its topic, and"
        " compares with PostgreSQL, Redis and the output topics. Servers, group and topics are read"
        " from the processor's environment variables (TOLLSTREAM_KAFKA_BROKERS, ...).",
    )
    parser.add_argument(
        "--deck",
        action="append",
        default=[],
        metavar="PLAN=FILE",
        help="a deck that was published; then every published one must be among those given",
    )
    parser.add_argument("--accounts", metavar="FILE", help="the accounts as they were imported")
    parser.add_argument("--schema", action="append", default=[], help="a further writer's schema")
    parser.add_argument(
        "--publish-lag-ms",
        type=int,
        default=5000,
        help="how long after its publication a deck may still be unknown to a worker",
    )
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="SOURCE=MS",
        help="duration_tolerance_ms of a source",
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main():
    args = arguments()
    decks = {}
    for deck in args.deck:
        plan, _, path = deck.partition("=")
        decks.setdefault(plan, []).append(pathlib.Path(path).read_bytes())
    tolerances = {name: int(ms) for name, _, ms in (t.rpartition("=") for t in args.tolerance)}
    accounts = open(args.accounts, encoding="utf-8") if args.accounts else None
    started = time.monotonic()
    judge = verdict.Judge(
        live.Evidence(live.Servers(), decks, accounts),
        time.time_ns() // 1_000_000,
        args.publish_lag_ms,
        tolerances,
        args.schema,
    )
    report = judge.run().report()
    report["seconds"] = round(time.monotonic() - started, 1)
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)
    return 0 if report["ok"] else 1


def show(report):
    for name, value in report.items():
        if name not in ("faults", "reasons"):
            print(f"{name:24} {value}")
    for reason, count in report["reasons"].items():
        print(f"dead letter {reason:24} {count}")
    for kind, fault in report["faults"].items():
        print(f"FAULT {kind}: {fault['count']}")
        for example in fault["examples"]:
            print(f"    {example}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SystemExit as end:
        if isinstance(end.code, str):  # why it can't tell
            print(f"checker: {end.code}", file=sys.stderr)
            sys.exit(2)
        raise
    except (OSError, psycopg.Error, redis.RedisError, confluent_kafka.KafkaException) as err:
        print(f"checker: {err}", file=sys.stderr)
        sys.exit(2)
