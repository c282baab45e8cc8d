# SPDX-License-Identifier: Apache-2.0
"""The operator's repair: what somebody changed behind the processor's back is found and set right,
beside live traffic, and nothing is lost or charged twice by it."""

import csv
import io
import json

import psycopg
import pytest

import cdrs
import harness

WORLD_CALLS = [
    {"name": "world", "category": "international_outbound", "units": 5000, "unit": "second"}
]


def accounts(count=12):
    """That tell nothing: what they are is all in the books."""
    return [
        {
            "account_id": f"quiet-{i:02}",
            "country": "US",
            "timezone": "America/New_York",
            "rate_plan": harness.PLAN,
            "opening_balance": "1000",
            "alert_thresholds": [],
            "allowances": WORLD_CALLS if i >= count - 4 else [],
        }
        for i in range(count)
    ]


def rebuild(world, *options):
    """(exit code, differences)"""
    run = world.tollstream("rebuild-balances", *options, "--json", check=False)
    assert run.returncode in (0, 1), run.stderr
    return run.returncode, json.loads(run.stdout)


def found(world, *options):
    status, rows = rebuild(world, "--check", *options)
    assert status == (1 if rows else 0)
    return {(row["check"], row["account_id"]): row for row in rows}


def execute(world, statement, *arguments):
    with psycopg.connect(world.postgres_url, autocommit=True) as connection:
        cursor = connection.execute(statement, arguments)
        return cursor.fetchone() if cursor.description else None


def add(world, column, account, amount):
    """Behind everybody's back."""
    execute(
        world,
        f"UPDATE account SET {column} = {column} + %s WHERE account_id = %s",
        amount,
        account,
    )


def key_of(world, account):
    for key in world.redis.scan_iter("{b*}"):
        if world.redis.hexists(key, "a:" + account):
            return key
    raise AssertionError(f"{account} is not in Redis")


def use_allowance(world, units):
    """Counts units that no call drew. Returns whose."""
    return execute(
        world,
        "UPDATE allowance_used u SET used = used + %s FROM account a WHERE u.account_no ="
        " a.account_no AND (u.account_no, u.month) = (SELECT account_no, max(month)"
        " FROM allowance_used GROUP BY 1 ORDER BY 1 LIMIT 1) RETURNING a.account_id",
        units,
    )[0]


@pytest.fixture(scope="module")
def quiet_books(stack):
    with harness.world(stack) as world:
        world.make(accounts=accounts())
        world.produce(world.calls.stream(800))
        world.drain()
        yield world


@pytest.fixture
def books(quiet_books):
    """Right, and to be left so."""
    yield quiet_books
    assert found(quiet_books, "--all") == {}
    quiet_books.assert_books()


def test_right_books_are_left_alone(books):
    before = books.query("SELECT bucket, generation FROM redis_bucket ORDER BY 1")
    assert rebuild(books, "--all") == (0, [])
    assert rebuild(books, "--account", "quiet-03") == (0, [])
    assert books.query("SELECT bucket, generation FROM redis_bucket ORDER BY 1") == before
    assert books.query("SELECT count(*) FROM account_repair") == [(0,)]


def test_a_balance(books):
    add(books, "balance_micros", "quiet-01", -7)
    row = found(books, "--account", "quiet-01")[("balance", "quiet-01")]
    assert (row["unit"], row["difference"]) == ("micro-units", -7)
    assert ("balance", "quiet-01") in found(books, "--all")
    assert found(books, "--account", "quiet-02") == {}
    assert books.tollstream("audit", check=False).returncode == 1
    status, rows = rebuild(books, "--account", "quiet-01", "--reason", "seven missing")
    assert status == 0 and rows[0]["check"] == "balance"
    assert books.query(
        "SELECT balance_change, reason FROM account_repair JOIN account USING (account_no)"
        " WHERE account_id = 'quiet-01'"
    ) == [(7, "seven missing")]
    assert found(books, "--account", "quiet-01") == {}


@pytest.mark.parametrize("amount", [4, -2])
def test_the_number_of_movements(books, amount):
    add(books, "movements", "quiet-02", amount)
    row = found(books, "--all")[("movements", "quiet-02")]
    assert row["difference"] == amount
    assert rebuild(books, "--all")[0] == 0


def test_units_of_an_allowance(books):
    account = use_allowance(books, 5)
    row = found(books, "--all")[("allowance", account)]
    assert (row["unit"], row["difference"]) == ("units", 5)
    assert row["allowance"].startswith("world 20")
    assert rebuild(books, "--account", account)[0] == 0


def test_a_counter_that_is_gone(books):
    lost = execute(
        books,
        "DELETE FROM allowance_used u USING account a WHERE u.account_no = a.account_no"
        " AND (u.account_no, u.month) = (SELECT account_no, max(month) FROM allowance_used"
        " GROUP BY 1 ORDER BY 1 LIMIT 1) RETURNING a.account_id, u.used",
    )
    assert found(books, "--all")[("allowance", lost[0])]["difference"] == -lost[1]
    assert rebuild(books, "--all")[0] == 0


def test_redis(books):
    """What Redis has is found by itself, and taken from PostgreSQL again."""
    world = books
    calls = cdrs.Calls(5, ["quiet-04"], world.now_ms)
    processor = world.run()
    world.send(*(calls.answered() for _ in range(3)))  # the balance is in Redis
    world.wait_settled(alive=processor)
    world.redis.hincrby(key_of(world, "quiet-04"), "a:quiet-04", 11)
    row = found(world, "--account", "quiet-04")[("live_balance", "quiet-04")]
    assert row["difference"] == 11
    assert found(world, "--account", "quiet-05") == {}
    assert rebuild(world, "--all")[0] == 0
    assert found(world, "--all") == {}
    world.send(*(calls.answered() for _ in range(3)))
    world.wait_settled(alive=processor)
    processor.stop()


def test_noted_balances_follow_from_each_other(books):
    """Of calls, and of what is no call."""
    for statement in (
        "UPDATE usage SET balance_after_micros = balance_after_micros + 3 WHERE movement > 5",
        "UPDATE ledger_entry SET balance_after_micros = 7 WHERE movement = 1",
    ):
        execute(
            books,
            f"{statement} AND account_no ="
            " (SELECT account_no FROM account WHERE account_id = 'quiet-06')",
        )
    assert found(books, "--all")[("balance_after", "quiet-06")]["stored"] == 3
    assert rebuild(books, "--account", "quiet-06")[0] == 0


def test_an_account_whose_ledger_cannot_be(books):
    row = execute(
        books,
        "UPDATE ledger_entry SET amount_micros = 9000000000000000000 WHERE account_no ="
        " (SELECT account_no FROM account WHERE account_id = 'quiet-07') RETURNING account_no",
    )
    run = books.tollstream("rebuild-balances", "--all", check=False)
    assert run.returncode == 1 and "1 accounts add up to more" in run.stderr
    execute(
        books,
        "UPDATE ledger_entry SET amount_micros = 1000000000 WHERE account_no = %s",
        row[0],
    )


def test_how_it_is_called(books):
    assert books.tollstream("rebuild-balances", check=False).returncode == 2
    both = books.tollstream("rebuild-balances", "--all", "--account", "x", check=False)
    assert both.returncode == 2
    unknown = books.tollstream("rebuild-balances", "--account", "nobody", check=False)
    assert unknown.returncode == 1 and "nobody" in unknown.stderr
    listing = books.tollstream("rebuild-balances", "--all", "--check", "--format", "csv")
    header = next(csv.reader(io.StringIO(listing.stdout)))
    assert header[0:2] == ["check", "account_id"] and header[-1] == "difference"


def test_only_one_repair_at_a_time(books):
    with psycopg.connect(books.postgres_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(1953459308, 1919250529)")
        run = books.tollstream("rebuild-balances", "--all", check=False)
        assert run.returncode == 2 and "another repair" in run.stderr


def test_beside_live_traffic(new_world):
    """Damaged, found and repaired while calls are charged: the checker's balances come out."""
    world = new_world().make(accounts=accounts())
    processor = world.run()
    calls = 12000
    with world.flow(calls, 1200):
        world.wait_settled(1000, alive=processor)
        add(world, "balance_micros", "quiet-00", 1)
        add(world, "balance_micros", "quiet-01", -250_000)
        add(world, "movements", "quiet-02", 5)
        add(world, "movements", "quiet-03", -3)
        user = use_allowance(world, 40)
        world.redis.hincrby(key_of(world, "quiet-04"), "a:quiet-04", 77)
        world.wait_settled(2500, alive=processor)
        differences = found(world, "--all")
        assert differences[("balance", "quiet-00")]["difference"] == 1
        assert differences[("balance", "quiet-01")]["difference"] == -250_000
        assert differences[("movements", "quiet-02")]["difference"] == 5
        assert differences[("movements", "quiet-03")]["difference"] == -3
        assert differences[("numbering", "quiet-03")]["stored"] == 3
        assert differences[("allowance", user)]["difference"] == 40
        assert differences[("live_balance", "quiet-04")]["difference"] == 77
        assert rebuild(world, "--all", "--reason", "a test")[0] == 0
        world.wait_settled(min(world.settled_offsets() + 500, calls), alive=processor)
        assert found(world, "--all") == {}
    world.wait_settled(alive=processor)
    processor.stop()
    world.assert_books()
    assert world.query("SELECT count(*) FROM account_repair WHERE reason = 'a test'")[0][0] >= 5


def test_what_a_repaired_balance_means_is_told(new_world):
    """By a record of the account's own, though it has no calls."""
    world = new_world()
    office = accounts(1)[0] | {"opening_balance": "20", "alert_thresholds": ["15"]}
    world.make(accounts=[office])
    execute(world, "UPDATE ledger_entry SET amount_micros = 10000000")
    processor = world.run()
    assert rebuild(world, "--all")[0] == 0
    world.wait_for(
        "the alert", lambda: world.query("SELECT armed, sequence FROM account") == [(0, 1)]
    )
    processor.stop()
    assert world.query("SELECT balance_micros, timer_at FROM account") == [(10_000_000, None)]
    assert world.audit()[0] == 0
    told = world.tollstream("events", "tail", "--json").stdout
    assert "balance.low" in told
