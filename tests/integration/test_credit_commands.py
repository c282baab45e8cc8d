# SPDX-License-Identifier: Apache-2.0
"""The commands by which an operator credits and changes an account, on a running processor."""

import concurrent.futures
import json
import pathlib

import confluent_kafka
import pytest

import credits
import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]

ACCOUNTS = [
    credits.account("card"),
    credits.account("fresh", card_state="unconfirmed"),
    credits.account("office", payment_method="invoice", invoice_day=31),
    credits.account("free", subscription="free"),
    credits.account("gone", status="closed", closed_at="2026-01-01T00:00:00Z"),
]


@pytest.fixture
def running(new_world):
    """A world with a processor and a clock."""
    world = new_world(partitions=2).make(accounts=ACCOUNTS)
    world.clock = credits.Clock(world)
    world.processor = world.run()
    return world


def told(world, *arguments, status=0):
    run = world.tollstream("accounts", *arguments, "--json", check=False)
    assert run.returncode == status, f"{arguments}: {run.returncode}\n{run.stdout}\n{run.stderr}"
    return json.loads(run.stdout) | {"stderr": run.stderr}


def types(answer):
    return [event["type"] for event in answer["events"]]


def show(world, account):
    return json.loads(world.tollstream("accounts", "show", account, "--json").stdout)


def events(world, account):
    run = world.tollstream("events", "tail", "--account", account, "--json")
    return sorted(json.loads(run.stdout), key=lambda event: event["sequence"])


def produce(world, kind, command_id, account, **fields):
    """As a service does."""
    message = credits.command(kind, command_id, account, **fields)
    world.produce([(account.encode(), message, 0)], topic="credits")


def size(world, topic):
    """How many records a topic has."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": world.stack.brokers, "group.id": f"{world.name}.reader"}
    )
    places = [
        confluent_kafka.TopicPartition(world.topics[topic], partition)
        for partition in range(world.partitions)
    ]
    ends = [consumer.get_watermark_offsets(place, timeout=10)[1] for place in places]
    consumer.close()
    return sum(ends)


def wait_for_event(world, account, wanted):
    def found():
        return [e for e in events(world, account) if e["type"] == wanted]

    return world.wait_for(f"{wanted} of {account}", found, every=0.3)


def books_add_up(world):
    world.processor.stop()
    status, report = world.audit()
    assert status == 0, json.dumps(report, indent=1)


def test_a_credit_tells_what_it_did(running):
    answer = told(running, "credit", "card", "5.25", "--note", "sorry", "--operator", "jane")
    assert answer["result"] == "credited" and answer["reason"] is None
    assert (answer["amount"], answer["balance"]) == ("5.250000", "15.250000")
    assert types(answer) == ["credit.added"]
    assert answer["events"][0]["body"]["kind"] == "promotional"
    rows = running.query("SELECT kind, issued_by, note FROM ledger_entry WHERE movement = 2")
    assert rows == [("promotional", "jane", "sorry")]
    answer = told(running, "credit", "card", "-3", "--kind", "adjustment")
    assert answer["balance"] == "12.250000"
    assert show(running, "card")["live_balance"] == "12.250000"
    books_add_up(running)


def test_the_same_credit_id_is_credited_once(running):
    def credit(amount, status=0):
        return told(running, "credit", "card", amount, "--id", "once", status=status)

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: credit("5"), range(3)))
    assert sorted(a["result"] for a in answers) == ["credited", "duplicate", "duplicate"]
    other = credit("6", status=1)
    assert (other["result"], other["reason"]) == ("dead_letter", "identity_conflict")
    assert "once" in other["stderr"]
    assert show(running, "card")["balance"] == "15.000000"
    books_add_up(running)


@pytest.mark.parametrize(
    ("account", "arguments", "reason"),
    [
        ("free", ("5", "--kind", "purchase"), "plan_not_eligible"),
        ("fresh", ("5", "--kind", "purchase"), "card_not_confirmed"),
        ("gone", ("5", "--kind", "promotional"), "account_closed"),
        ("card", ("8999999995", "--kind", "promotional"), "balance_limit"),
    ],
)
def test_a_refusal_names_its_reason(running, account, arguments, reason):
    answer = told(running, "credit", account, *arguments, status=1)
    assert (answer["result"], answer["reason"], answer["amount"]) == ("refused", reason, None)
    assert types(answer) == ["credit.refused"]
    assert reason in answer["stderr"]
    assert show(running, account)["balance"] == "10.000000"


def test_two_wrong_amounts_lock_the_card_until_an_operator(running):
    confirm = ("confirm-card", "fresh")
    answer = told(running, *confirm, "1.00", status=1)
    assert answer["reason"] == "no_charge_posted"
    produce(running, "CardCharged", "charge-1", "fresh", amount_micros=1_370_000)
    wait_for_event(running, "fresh", "card.confirmation_started")
    assert show(running, "fresh")["card_charge_posted"] is True
    assert told(running, *confirm, "1.36", status=1)["reason"] == "wrong_amount"
    assert show(running, "fresh")["card_wrong_amounts"] == 1
    answer = told(running, *confirm, "1.38", status=1)
    assert answer["reason"] == "card_locked" and "card.locked" in types(answer)
    assert show(running, "fresh")["card_state"] == "locked"
    answer = told(running, "credit", "fresh", "5", "--kind", "purchase", status=1)
    assert answer["reason"] == "card_locked"
    assert told(running, "unlock-card", "fresh", "--note", "called back")["result"] == "unlocked"
    answer = told(running, *confirm, "1.37")
    assert answer["result"] == "confirmed" and types(answer) == ["card.confirmed"]
    answer = told(running, "credit", "fresh", "5", "--kind", "purchase")
    assert answer["balance"] == "15.000000"
    books_add_up(running)


def test_only_a_locked_card_is_unlocked(running):
    run = running.tollstream("accounts", "unlock-card", "card", check=False)
    assert run.returncode == 1 and "confirmed" in run.stderr
    assert running.query("SELECT count(*) FROM command_id") == [(0,)]


def test_settings_change_one_by_one(running):
    answer = told(
        running,
        "set",
        "card",
        "name=Acme & Söhne",
        "alert_thresholds=20,5",
        "monthly_credit_cap=400",
        "timezone=America/New_York",
        'allowances=[{"name":"fax","category":"fax_outbound","units":10,"unit":"page"}]',
        "--note",
        "a big customer",
    )
    assert answer["result"] == "changed" and types(answer) == ["balance.low"]
    now = show(running, "card")
    assert now["name"] == "Acme & Söhne" and now["timezone"] == "America/New_York"
    assert now["alert_thresholds"] == "20.00,5.00"
    assert now["monthly_credit_cap"] == "400.000000"
    assert "fax_outbound" in str(now["allowances"])
    assert now["subscription"] == "standard" and now["country"] == "US"
    told(running, "set", "card", "alert_thresholds=")
    assert show(running, "card")["alert_thresholds"] == ""
    rows = running.query("SELECT note FROM account_change ORDER BY changed_at LIMIT 1")
    assert rows == [("a big customer",)]
    books_add_up(running)


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        ("alert_tresholds=5", "did you mean alert_thresholds?"),
        ("currency=EUR", "can't be changed"),
        ("invoice_day=32", "from 1 to 31"),
        ("auto_recharge.on=true", "auto_recharge.amount should be above 0"),
        ("monthly_credit_cap=400", "--note"),
    ],
)
def test_a_bad_setting_is_refused_before_it_is_sent(running, pair, text):
    run = running.tollstream("accounts", "set", "card", pair, check=False)
    assert run.returncode == 1 and text in run.stderr
    assert running.query("SELECT count(*) FROM command_id") == [(0,)]


def test_a_cap_is_not_changed_with_an_empty_note(running):
    change = ("set", "card", "monthly_credit_cap=400", "--note", " ")
    run = running.tollstream("accounts", *change, check=False)
    assert run.returncode == 1 and "why" in run.stderr


def test_an_unknown_account_is_told_at_once(running):
    run = running.tollstream("accounts", "credit", "nobody", "5", check=False)
    assert run.returncode == 1 and 'no account "nobody"' in run.stderr


def test_a_recharge_that_nobody_answers_expires_and_is_tried_again(running):
    """Time passes without a call: the timers do it."""
    answer = told(running, "recharge", "on", "card", "threshold=20", "amount=30")
    assert types(answer) == ["recharge.requested"]
    first = answer["events"][0]["body"]["recharge_id"]
    now = show(running, "card")
    assert now["auto_recharge_in_flight"] == first
    assert now["timer_due_at"] == now["auto_recharge_expires_at"]
    running.clock.advance(24.01)
    failed = wait_for_event(running, "card", "recharge.failed")[0]
    assert failed["body"]["recharge_id"] == first and failed["body"]["reason"] == "expired"
    assert show(running, "card")["auto_recharge_failures"] == 1
    running.clock.advance(1.01)
    running.wait_for(
        "a second request",
        lambda: len(wait_for_event(running, "card", "recharge.requested")) == 2,
        every=0.3,
    )
    second = show(running, "card")["auto_recharge_in_flight"]
    assert second not in ("", None, first)
    answer = told(running, "credit", "card", "30", "--recharge-id", second)
    assert answer["result"] == "credited"
    assert types(answer)[:2] == ["credit.added", "recharge.succeeded"]
    answer = told(running, "credit", "card", "30", "--recharge-id", second, status=1)
    assert answer["reason"] == "duplicate_recharge"
    # the first one was only late
    answer = told(running, "credit", "card", "30", "--recharge-id", first)
    assert answer["balance"] == "70.000000"
    told(running, "recharge", "off", "card")
    now = show(running, "card")
    assert now["auto_recharge"] is False and now["auto_recharge_failures"] == 0
    books_add_up(running)


def test_timers_pass_to_another_process(running):
    """The duty goes with its owner's life."""
    running.wait_for("the duty", lambda: "has the duty of timers" in running.processor.log)
    other = running.run(name="other")
    told(running, "recharge", "on", "card", "threshold=20", "amount=30")
    assert "has the duty of timers" not in other.log
    running.processor.kill()
    running.clock.advance(24.01)
    wait_for_event(running, "card", "recharge.failed")
    assert "has the duty of timers" in other.log
    running.processor = other
    books_add_up(running)


def test_timers_that_wait_hold_no_other_up(new_world):
    """More are due than one look tells, and nothing settles."""
    names = [f"due-{n}" for n in range(2500)]
    world = new_world(partitions=2).make(accounts=[credits.account(name) for name in names])
    processor = world.run()
    told(world, "credit", names[0], "5")
    generations = "1953459308, 1734700645"  # the lock that settles share
    world.query(f"SELECT pg_advisory_lock({generations})")
    world.query("UPDATE account SET timer_at = now() - account_no * interval '1 s' RETURNING 1")

    try:
        world.wait_for(
            "all timers to be told",
            lambda: size(world, "credits") > len(names),
            seconds=30,
            every=0.5,
        )
    finally:
        world.query(f"SELECT pg_advisory_unlock({generations})")
    left = "SELECT count(*) FROM account WHERE timer_at IS NOT NULL"
    world.wait_for("all timers to be settled", lambda: world.query(left) == [(0,)])
    assert processor.running()
    processor.stop()
    assert world.audit()[0] == 0


def test_an_invoiced_credit_is_a_line_until_it_is_billed(running):
    def lines(*arguments):
        return json.loads(running.tollstream("invoices", *arguments, "--json").stdout)

    answer = told(running, "credit", "office", "7", "--kind", "purchase", "--id", "order-1")
    assert types(answer) == ["credit.added", "invoice.line_added"]
    told(running, "credit", "office", "8", "--kind", "purchase", "--id", "order-2")
    open_lines = lines("list", "--account", "office", "--open")
    assert [(l["credit_id"], l["amount"]) for l in open_lines] == [
        ("order-1", "7.000000"),
        ("order-2", "8.000000"),
    ]
    date = open_lines[0]["invoice_date"]
    assert lines("list", "--date", "2001-01-01") == []
    marked = lines("mark-billed", "--date", date, "--operator", "billing")
    assert sorted(l["credit_id"] for l in marked) == ["order-1", "order-2"]
    assert {l["billed_by"] for l in lines("list", "--billed")} == {"billing"}
    assert lines("list", "--open") == [] and lines("mark-billed", "--date", date) == []
    run = running.tollstream("invoices", "mark-billed", check=False)
    assert run.returncode == 2 and "--date" in run.stderr


def test_a_closed_account_is_charged_for_no_later_call(running):
    answer = told(running, "close", "card", "--at", "2026-01-01T00:00:00Z")
    assert answer["result"] == "closed"
    assert show(running, "card")["closed_at"] == "2026-01-01T00:00:00Z"
    running.send(running.calls.answered(account_id="card"))
    running.wait_for(
        "the dead letter",
        lambda: running.query("SELECT reason FROM dead_letter") == [("account_closed",)],
    )
    assert told(running, "credit", "card", "5", status=1)["reason"] == "account_closed"


def test_without_a_processor_it_is_told_and_done_later(new_world):
    world = new_world(partitions=2).make(accounts=ACCOUNTS)
    run = world.tollstream("accounts", "credit", "card", "5", "--timeout", "1", check=False)
    assert run.returncode == 2 and "tollstream run" in run.stderr and "--id cli-" in run.stderr
    processor = world.run()
    world.wait_for("the credit", lambda: show(world, "card")["balance"] == "15.000000")
    processor.stop()


def test_what_no_event_tells_is_not_called_done(new_world):
    """The processor dies between the commit and the events."""
    world = new_world(partitions=2).make(accounts=ACCOUNTS)
    world.clock = credits.Clock(world)
    purchase = ("credit", "free", "5", "--kind", "purchase", "--timeout", "5")
    dying = world.run(fault="after_commit:1")
    answer = told(world, *purchase, status=2)
    assert (answer["result"], answer["amount"], answer["events"]) == ("unknown", None, [])
    assert f"command:{answer['command_id']}" in answer["stderr"]
    dying.wait()
    world.run(fault="after_commit:1", name="again")
    answer = told(world, "confirm-card", "fresh", "1.00", "--timeout", "5", status=2)
    assert answer["result"] == "unknown"
    world.processor = world.run(name="last")
    wait_for_event(world, "free", "credit.refused")
    assert told(world, *purchase, status=1)["reason"] == "plan_not_eligible"
    books_add_up(world)


def test_a_missing_credits_topic_is_told_and_calls_go_on(new_world):
    world = new_world(partitions=2).make()
    admin = harness.admin_client(world.stack.brokers)
    for future in admin.delete_topics([world.topics["credits"]]).values():
        future.result(10)
    processor = world.run()
    world.wait_for(
        "it is told", lambda: "topics create" in processor.log and world.topics["credits"] in processor.log
    )
    world.produce(world.calls.stream(50, malformed=0))
    world.wait_settled(alive=processor)
    processor.stop()


@pytest.mark.parametrize("kind", ["csv", "json", "table"])
def test_every_format(running, kind):
    run = running.tollstream("accounts", "credit", "card", "5", "--format", kind)
    text = run.stdout
    assert {
        "csv": lambda: text.splitlines()[0].startswith("account_id,command_id,credit_id,result"),
        "json": lambda: json.loads(text)["result"] == "credited",
        "table": lambda: "credit.added" in text and "15.00" in text,
    }[kind]()
