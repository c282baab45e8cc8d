# SPDX-License-Identifier: Apache-2.0
"""The audit finds what somebody changed behind the processor's back, and so does the checker; right
books pass both."""

import copy
import json
import subprocess

import psycopg
import pytest

import harness


@pytest.fixture(scope="module")
def right_books(stack):
    with harness.world(stack) as world:
        world.make()
        world.produce(world.calls.stream(1500))
        world.drain()
        world.assert_books()
        world.close_connection()
        yield world


@pytest.fixture
def books(right_books, stack):
    """A copy of the right books, to be damaged."""
    world = copy.copy(right_books)
    world.name = right_books.name + "_copy"
    stack.sql(f"CREATE DATABASE {world.name} TEMPLATE {right_books.name}")
    world.postgres_url = stack.database_url(world.name)
    world.environment = {**right_books.environment, "TOLLSTREAM_POSTGRES_URL": world.postgres_url}
    world.group = right_books.group
    yield world
    world.close_connection()
    stack.drop_database(world.name)


def charged(world):
    """An account with charges, and where its balance is in Redis."""
    number, account = world.query(
        "SELECT account_no, account_id FROM account WHERE movements > 10 ORDER BY 1 LIMIT 1"
    )[0]
    for key in world.redis.scan_iter("{b*}"):
        if world.redis.hexists(key, "a:" + account):
            return number, account, key
    raise AssertionError(f"{account} is not in Redis")


def sql(statement):
    def tamper(world):
        number, _, _ = charged(world)
        with psycopg.connect(world.postgres_url) as connection:
            connection.execute(statement, {"account": number})

    return tamper


ONE_ROW = "FROM usage WHERE account_no = %(account)s AND charge_micros > 0 LIMIT 1"
TAMPER = {
    "a balance": sql(
        "UPDATE account SET balance_micros = balance_micros + 1 WHERE account_no = %(account)s"
    ),
    "a charge": sql(
        "UPDATE usage SET charge_micros = charge_micros + 1 WHERE (start_time, identity_hash) ="
        f" (SELECT start_time, identity_hash {ONE_ROW})"
    ),
    "a row taken away": sql(
        "DELETE FROM usage WHERE (start_time, identity_hash) ="
        f" (SELECT start_time, identity_hash {ONE_ROW})"
    ),
    "an opening": sql(
        "UPDATE ledger_entry SET amount_micros = amount_micros + 1 WHERE account_no = %(account)s"
    ),
    "a dead letter taken away": sql(
        "DELETE FROM dead_letter WHERE id = (SELECT min(id) FROM dead_letter)"
    ),
    "a duplicate taken away": sql("DELETE FROM duplicate WHERE partition = 0"),
    "a position": sql(
        "UPDATE stream_partition SET next_offset = next_offset - 1"
        " WHERE partition = 0 AND next_offset > 0"
    ),
    "a counter": sql(
        "UPDATE stream_partition SET settled = settled + 1 WHERE partition = 0 AND settled > 0"
    ),
}


@pytest.mark.parametrize("name", TAMPER)
def test_tampering_is_found(books, name):
    TAMPER[name](books)
    status, report = books.audit()
    assert status == 1, report
    assert not books.check()["ok"]


def test_a_changed_balance_in_redis_is_found(books):
    _, account, key = charged(books)
    balance = books.redis.hget(key, "a:" + account)
    books.redis.hincrby(key, "a:" + account, 1)
    try:
        assert books.audit()[0] == 1
        assert not books.check()["ok"]
    finally:
        books.redis.hset(key, "a:" + account, balance)
    assert books.audit()[0] == 0


def test_it_tells_how_much_by_account(books):
    _, account, _ = charged(books)
    sql("UPDATE account SET balance_micros = balance_micros - 7 WHERE account_no = %(account)s")(
        books
    )
    run = books.tollstream("audit", check=False)
    assert run.returncode == 1
    assert account in run.stdout + run.stderr
    assert books.audit()[1]["difference_micros"] in (7, -7, 14)


def run_checker(world, *options):
    """The command, with the environment of the processor."""
    return subprocess.run(
        [harness.ROOT / "tests/faults/check", "--json", *map(str, options)],
        env={**world.environment, **world.server_variables()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_checker_as_a_command(books):
    """It is given what was published and imported, and does not take PostgreSQL's word for it."""
    deck, accounts = books.folder / "deck.csv", books.folder / "accounts.jsonl"
    given = ("--deck", f"{harness.PLAN}={deck}", "--accounts", accounts, "--publish-lag-ms", 0)
    run = run_checker(books, *given)
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout)["consumed"] == books.produced
    other = books.folder / "other.csv"
    other.write_text("prefix,rate\n*,1\n")
    assert run_checker(books, "--deck", f"{harness.PLAN}={other}").returncode == 2
    richer = books.folder / "richer.jsonl"
    rows = [json.loads(line) for line in accounts.read_text().splitlines()]
    rows[0]["opening_balance"] = "77"
    richer.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = run_checker(books, "--accounts", richer)
    assert run.returncode == 1
    assert "wrong_opening" in json.loads(run.stdout)["faults"]


def test_while_the_stream_flows_nothing_is_wrong(world):
    """What is charged and not settled is no difference."""
    processor = world.run()
    with world.flow(6000, 1500):
        for settled in (1000, 2500, 4000):
            world.wait_settled(settled, alive=processor)
            status, report = world.audit()
            assert status == 0, report
    world.wait_settled(alive=processor)
    processor.stop()
    world.assert_books()
