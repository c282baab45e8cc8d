# SPDX-License-Identifier: Apache-2.0
"""The live balances in Redis after a drain: each that is there is PostgreSQL's, and nothing that is
not settled is left."""


def murmur2(data):
    """As Kafka's partitioner: 32 bits, seed 0x9747b28c."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def bucket_of(account_id):
    return (murmur2(account_id.encode()) & 0x7FFFFFFF) % 256


def undo_items(record):
    """Offsets of the parts of an undo record; None if it can't be read. A part is of an account,
    "<offset> <delta> <size> <account>", or of a counter, "<offset> <units> n<size> <name>"."""
    head, _, rest = record.partition(b" ")
    last, _, rest = rest.partition(b" ")
    if not (head.isdigit() and last.isdigit()):
        return None
    items = []
    while rest:
        parts = rest.split(b" ", 3)
        if len(parts) != 4 or not parts[2].removeprefix(b"n").isdigit():
            return None
        size = int(parts[2].removeprefix(b"n"))
        items.append(int(parts[0]))
        rest = parts[3][size + 1 :]
    return items


def judge(verdict):
    next_offset = {f"c{p.number}": p.next_offset for p in verdict.found.partitions()}
    for p in verdict.found.credits.partition_rows:
        next_offset[f"k{p.number}"] = p.next_offset
    for number, bucket in verdict.found.buckets().items():
        fields = dict(bucket.fields)
        if not fields:
            continue  # lost with nobody to miss it: the next charge makes it anew
        fields.pop(b"about", None)
        generation = int(fields.pop(b"g", 0))
        if generation != bucket.generation:
            verdict.faults.add(
                "redis_generation", f"bucket {number}: {generation}, registered {bucket.generation}"
            )
        for name, value in fields.items():
            judge_field(verdict, number, name.decode(), value, next_offset)


def judge_field(verdict, number, name, value, next_offset):
    kind, _, rest = name.partition(":")
    if kind == "a":
        judge_balance(verdict, number, rest, value)
        return
    if kind == "n":
        judge_counter(verdict, number, rest, value)
        return
    if kind not in ("t", "o", "f", "u"):
        verdict.faults.add("redis_field", f"bucket {number}: {name}")
        return
    limit = next_offset.get(rest.partition(":")[0], 0)
    where = f"bucket {number}: {name}"
    if kind == "f" and int(value) > limit:
        verdict.faults.add("redis_floor", f"{where} is {int(value)}, next_offset {limit}")
    elif kind == "u":
        items = undo_items(value)
        if items is None:
            verdict.faults.add("redis_undo", f"{where}: {value[:80]!r}")
        elif any(offset >= limit for offset in items):
            verdict.faults.add("redis_unsettled", f"{where} goes beyond next_offset {limit}")


def judge_balance(verdict, number, account_id, value):
    account = verdict.accounts.get(account_id)
    if account is None or bucket_of(account_id) != number:
        verdict.faults.add("redis_account", f"{account_id} in bucket {number}")
        return
    verdict.totals["accounts_in_redis"] += 1
    balance = int(value.split(b" ")[0])
    if balance != account.balance:
        verdict.difference_micros += abs(balance - account.balance)
        verdict.faults.add(
            "redis_balance", f"{account_id}: {balance}, PostgreSQL has {account.balance}"
        )


def judge_counter(verdict, number, name, value):
    """<yyyymm>:<size of the account id>:<account id><allowance>"""
    month, size, rest = name.split(":", 2)
    rest = rest.encode()
    account_id, allowance = rest[: int(size)].decode(), rest[int(size) :].decode()
    used = verdict.counters.get((int(month), account_id, allowance), 0)
    if bucket_of(account_id) != number or int(value) != used:
        verdict.faults.add("redis_counter", f"{name} in bucket {number}: {value}, {used} expected")
