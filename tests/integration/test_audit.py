# SPDX-License-Identifier: Apache-2.0
"""The audit finds what somebody changed behind the processor's back, and so does the checker; right
books pass both."""

import pytest


@pytest.fixture
def books(world):
    world.produce(world.calls.stream(1500))
    world.drain()
    world.assert_books()
    return world


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
        world.connection.execute(statement, {"account": number})

    return tamper


def in_redis(world):
    _, account, key = charged(world)
    balance = int(world.redis.hget(key, "a:" + account))
    world.redis.hset(key, "a:" + account, balance + 1)


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
        f"DELETE FROM usage WHERE (start_time, identity_hash) = (SELECT start_time, identity_hash {ONE_ROW})"
    ),
    "an opening": sql(
        "UPDATE ledger_entry SET amount_micros = amount_micros + 1 WHERE account_no = %(account)s"
    ),
    "a dead letter taken away": sql(
        "DELETE FROM dead_letter WHERE id = (SELECT min(id) FROM dead_letter)"
    ),
    "a duplicate taken away": sql("DELETE FROM duplicate WHERE partition = 0"),
    "a position": sql(
        "UPDATE stream_partition SET next_offset = next_offset - 1 WHERE partition = 0"
    ),
    "a counter": sql("UPDATE stream_partition SET settled = settled + 1 WHERE partition = 0"),
    "a balance in Redis": in_redis,
}


@pytest.mark.parametrize("name", TAMPER)
def test_tampering_is_found(books, name):
    TAMPER[name](books)
    status, report = books.audit()
    assert status == 1, report
    assert not books.check()["ok"]


def test_it_tells_how_much_by_account(books):
    number, account, _ = charged(books)
    books.connection.execute(
        "UPDATE account SET balance_micros = balance_micros - 7 WHERE account_no = %s", [number]
    )
    run = books.tollstream("audit", check=False)
    assert run.returncode == 1
    assert account in run.stdout + run.stderr
    assert books.audit()[1]["difference_micros"] in (7, -7, 14)


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
