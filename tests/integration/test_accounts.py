# SPDX-License-Identifier: Apache-2.0
"""Accounts as the stream meets them: imported before, made meanwhile, shown with what is live."""

import json
import random

import cdrs
import harness


def rows(count, prefix="late"):
    return cdrs.accounts(random.Random(5), count, harness.PLAN, prefix)


def test_an_account_is_charged_as_soon_as_it_exists(world):
    """That it did not exist is remembered nowhere."""
    late = rows(1)
    account = late[0]["account_id"]
    call = world.calls.answered(account_id=account)
    processor = world.run()
    world.send(call, call)
    world.wait_settled(alive=processor)
    world.import_accounts(late)
    world.send(call, call)
    world.wait_settled(alive=processor)
    processor.stop()
    report = world.assert_books()
    assert report["reasons"] == {"unknown_account": 2}
    assert (report["settled"], report["duplicates"]) == (1, 1)


def test_an_import_is_whole_or_nothing(world):
    batch = [*rows(3), world.query("SELECT account_id FROM account LIMIT 1")[0]]
    file = world.folder / "mixed.jsonl"
    batch[3] = {**batch[0], "account_id": batch[3][0]}
    file.write_text("".join(json.dumps(row) + "\n" for row in batch))
    run = world.tollstream("accounts", "import", file, check=False)
    assert run.returncode != 0 and batch[3]["account_id"] in run.stderr
    assert world.query("SELECT count(*) FROM account WHERE account_id LIKE 'late-%%'") == [(0,)]


def test_a_bad_field_is_named_with_its_line(world):
    batch = rows(3)
    batch[1]["opening_balance"] = "ten"
    file = world.folder / "bad.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in batch))
    run = world.tollstream("accounts", "import", file, check=False)
    assert run.returncode != 0
    assert "opening_balance" in run.stderr and "2" in run.stderr
    assert world.query("SELECT count(*) FROM account WHERE account_id LIKE 'late-%%'") == [(0,)]


def test_show_tells_the_live_balance(new_world):
    paying = [{**row, "allowances": []} for row in rows(2, "shown")]
    world = new_world().make(deck="prefix,rate\n44,0.25\n", accounts=paying)
    account = world.calls.ids[0]
    before = shown(world, account)["balance"]
    processor = world.run()
    world.send(*(world.calls.answered(account_id=account) for _ in range(3)))
    world.wait_settled(alive=processor)
    after = shown(world, account)["balance"]
    assert cents(before) - cents(after) == 75
    processor.stop()
    world.assert_books()
    field = b"a:" + account.encode()
    (key,) = (key for key in world.redis.keys("{b*}") if world.redis.hexists(key, field))
    world.redis.hincrby(key, field, -1_000_000)
    found = shown(world, account)
    assert cents(found["live_balance"]) == cents(after) - 100
    world.query("UPDATE redis_bucket SET generation = generation + 1 RETURNING 1")
    found = shown(world, account)
    assert cents(found["live_balance"]) == cents(after), "a bucket of before counts no more"


def shown(world, account):
    run = world.tollstream("accounts", "show", account, "--json")
    found = json.loads(run.stdout)
    return found[0] if isinstance(found, list) else found


def cents(text):
    return round(float(text) * 100)


def test_ids_of_every_shape_are_charged(new_world):
    """What an id is made of is no business of Redis's or of a message's."""
    ids = ["a", "ä" * 32, "with space", "x:y{z}", "%s%n", "'; DROP TABLE account; --", "1" * 64]
    batch = [{**row, "account_id": name} for row, name in zip(rows(len(ids)), ids, strict=True)]
    world = new_world().make(accounts=batch)
    for name in ids:
        world.send(world.calls.answered(account_id=name), world.calls.answered(account_id=name))
    world.drain()
    assert world.assert_books()["settled"] == 2 * len(ids)
