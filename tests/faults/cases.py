# SPDX-License-Identifier: Apache-2.0
"""What is done to a processor and its servers while a stream flows. Each case ends with everything
drained, and with the books found right by the independent checker and by the audit."""

import contextlib
import os
import random
import signal
import time
import urllib.parse

import harness
import proxy

MEMORY_MAX_MIB = 512

# Passes of a point among which one is picked; a few thousand CDRs pass each of them more often.
POINTS = {
    "after_poll": 2000,
    "mid_charge": 12,
    "after_charge": 10,
    "copy_sent": 5,
    "commit_sent": 5,
    "after_commit": 5,
    "after_publish": 4,
    "before_kafka_commit": 3,
}
CDRS = 2500
CREDITS = 0.08  # of as many calls
ACCOUNTS = 100


class Outcome(dict):
    """What the table tells of a case."""


def tell(world, **more):
    report = world.assert_books()
    memory = max(processor.memory_mib for processor in world.processors)
    assert memory < MEMORY_MAX_MIB, f"a processor held {memory:.0f} MiB"
    names = ("consumed", "settled", "duplicates", "dead_letters", "events", "events_told_again")
    counts = {name: report[name] for name in names}
    counts["credits"] = report["credits"]["consumed"]
    assert counts["credits"] == world.credits_produced
    return Outcome({**counts, "memory_mib": round(memory), **more})


def kill_at(point):
    def case(stack, seed, keep):
        r = random.Random(f"{point} {seed}")
        with harness.world(stack, keep, partitions=4, seed=seed) as world:
            world.make(accounts=ACCOUNTS)
            messages = list(world.mixed(CDRS, CREDITS))
            early = r.choice((CDRS, CDRS // 2))
            world.produce(messages[:early])
            kills = kill_once(world, r, point, 0, messages[early:])
            assert kills == 1, f"{point} was never reached:\n{world.logs()}"
            if r.random() < 0.3:
                kills += kill_once(world, r, point, 1, ())
            world.drain()
            return tell(world, kills=kills)

    return case


def kill_once(world, r, point, number, late):
    """1 if the point was reached, 0 if everything was settled before."""
    fault = f"{point}:{r.randint(1, POINTS[point])}"
    processor = world.run(fault=fault, name=f"kill{number}")
    world.produce(late)
    world.wait_for(
        f"{fault} or the end",
        lambda: not processor.running() or world.settled_offsets() >= world.produced,
    )
    if processor.running():
        # Settled, but perhaps not told: the last points come yet.
        harness.wait_for("the last fences", lambda: not processor.running() or quiet(world), 10)
    if processor.running():
        processor.stop()
        return 0
    assert processor.wait() == -signal.SIGKILL, f"{processor.wait()}:\n{processor.log[-2000:]}"
    return 1


def quiet(world, passed={}):
    """True half a second after it was asked first."""
    began = passed.setdefault(world.name, time.monotonic())
    return time.monotonic() - began > 0.5


def redis_loses_a_second(stack, seed, keep):
    """SIGKILL, and the append-only file cut back to where it was a second before."""
    with harness.world(stack, keep, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        processor = world.run()
        with world.flow(8000, 2000, CREDITS):
            world.wait_settled(2000, alive=processor)
            size = stack.redis_append_file.stat().st_size
            time.sleep(1)
            before = stack.redis_append_file.stat().st_size
            stack.kill("redis")
            os.truncate(stack.redis_append_file, size)
            stack.start("redis")
        assert before > size, "nothing was cut"
        world.wait_settled(alive=processor)
        processor.stop()
        return tell(world, cut_bytes=before - size)


def redis_restarts(stack, seed, keep):
    with harness.world(stack, keep, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        processor = world.run()
        with world.flow(6000, 2000, CREDITS):
            world.wait_settled(1500, alive=processor)
            stack.kill("redis")
            time.sleep(0.5)
            stack.start("redis")
        world.wait_settled(alive=processor)
        processor.stop()
        return tell(world)


def redis_is_flushed(stack, seed, keep):
    with harness.world(stack, keep, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        processor = world.run()
        with world.flow(6000, 2000, CREDITS):
            for settled in (1000, 2500, 4000):
                world.wait_settled(settled, alive=processor)
                world.redis.flushall()
        world.wait_settled(alive=processor)
        processor.stop()
        return tell(world)


def buckets_are_deleted(stack, seed, keep):
    """One after the other, with two processors charging them."""
    r = random.Random(seed)
    with harness.world(stack, keep, partitions=8, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        processors = [world.run(name=name) for name in ("a", "b")]
        with world.flow(8000, 2000, CREDITS):
            world.wait_settled(1000)
            for _ in range(20):
                world.redis.delete(f"{{b{r.randrange(256)}}}")
                time.sleep(0.1)
        world.wait_settled()
        for processor in processors:
            processor.stop()
        return tell(world)


def postgres_restarts(stack, seed, keep):
    with harness.world(stack, keep, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        processor = world.run()
        with world.flow(8000, 2000, CREDITS):
            world.wait_settled(1500, alive=processor)
            stack.kill("postgres")
            stack.start("postgres")
            world.wait_settled(3000, alive=processor)
            stack.run("restart", "postgres")
        world.wait_settled(alive=processor)
        processor.stop()
        return tell(world)


def postgres_is_down(stack, seed, keep):
    """For a minute with the stream flowing: back-pressure, and everything is settled afterwards."""
    seconds, per_second = 60, 2500
    with harness.world(stack, keep, seed=seed, settings=default_batches()) as world:
        world.make(accounts=ACCOUNTS)
        processor = world.run()
        with world.flow((seconds + 5) * per_second, per_second, CREDITS):
            world.wait_settled(per_second, alive=processor)
            stack.run("stop", "postgres")
            time.sleep(seconds)
            stack.start("postgres")
        world.wait_settled(seconds=120, alive=processor)
        processor.stop()
        return tell(world)


def default_batches():
    """As an operator would run it."""
    return {
        "batch": {"records_max": 5000, "linger_ms": "50ms"},
        "settle": {"records_max": 20000},
    }


def broker_is_killed(stack, seed, keep):
    with harness.world(stack, keep, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        world.produce(world.mixed(6000, CREDITS))
        processor = world.run()
        world.wait_settled(1000, alive=processor)
        stack.kill("kafka")
        time.sleep(1)
        stack.start("kafka")
        world.wait_settled(seconds=90, alive=processor)
        processor.stop()
        return tell(world)


def zombie(stack, seed, keep):
    """Stopped at a named point past the session time-out; another takes over; then it goes on."""
    r = random.Random(seed)
    point = sorted(POINTS)[seed % len(POINTS)]
    fault = f"{point}:{r.randint(1, POINTS[point])}:stop"
    with harness.world(stack, keep, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        world.produce(world.mixed(CDRS, CREDITS))
        first = world.run(fault=fault, name="zombie")
        harness.wait_for(f"stopped at {fault}", first.stopped, 30)
        time.sleep(harness.SESSION_TIMEOUT_MS / 1000)
        second = world.run(name="second")
        world.wait_settled(alive=second)
        first.signal(signal.SIGCONT)
        world.produce(world.mixed(1000, CREDITS))
        world.wait_settled(alive=second)
        assert first.running(), first.log[-2000:]
        first.stop()
        second.stop()
        return tell(world, point=fault)


def one_of_two_is_killed(stack, seed, keep):
    r = random.Random(seed)
    with harness.world(stack, keep, partitions=8, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        first, second = world.run(name="first"), world.run(name="second")
        with world.flow(8000, 2000, CREDITS):
            world.wait_settled(r.randint(500, 4000))
            (first if r.random() < 0.5 else second).kill()
        world.wait_settled()
        for processor in (first, second):
            if processor.running():
                processor.stop()
        return tell(world)


def members_come_and_go(stack, seed, keep):
    """Others join, and leave or die, while the stream flows."""
    r = random.Random(seed)
    with harness.world(stack, keep, partitions=8, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        steady = world.run(name="steady")
        with world.flow(14000, 2000, CREDITS):
            for i in range(4):
                guest = world.run(name=f"guest{i}")
                time.sleep(r.uniform(0.3, 2))
                guest.stop() if r.random() < 0.6 else guest.kill()
        world.wait_settled(alive=steady)
        steady.stop()
        return tell(world)


def redis_answers_are_lost(stack, seed, keep):
    """Its connection breaks after the server did what it was asked."""
    wire = proxy.Proxy(int(stack.redis.rpartition(":")[2]), seed)
    return answers_are_lost(stack, seed, keep, wire, "redis")


def postgres_answers_are_lost(stack, seed, keep):
    """So a COMMIT may be done and nobody knows."""
    wire = proxy.Proxy(urllib.parse.urlsplit(stack.postgres).port, seed)
    return answers_are_lost(stack, seed, keep, wire, "postgres")


def answers_are_lost(stack, seed, keep, wire, server):
    with contextlib.closing(wire), harness.world(stack, keep, seed=seed) as world:
        world.make(accounts=ACCOUNTS)
        variable = f"TOLLSTREAM_{server.upper()}_URL"
        url = world.redis_url if server == "redis" else world.postgres_url
        processor = world.run(**{variable: url.replace(f":{wire.target}/", f":{wire.port}/")})
        with world.flow(8000, 2000, CREDITS):
            world.wait_settled(500, alive=processor)
            for _ in range(30):
                cuts = wire.cuts
                with wire.losing(0.2):
                    time.sleep(0.05)
                if wire.cuts > cuts:
                    time.sleep(0.15)
        world.wait_settled(alive=processor)
        processor.stop()
        assert wire.cuts >= 5, f"only {wire.cuts} answers were lost"
        return tell(world, cuts=wire.cuts)


KILLS = {f"kill {point}": kill_at(point) for point in POINTS}
OTHERS = {
    "redis loses a second": redis_loses_a_second,
    "redis restarts": redis_restarts,
    "redis is flushed": redis_is_flushed,
    "buckets are deleted": buckets_are_deleted,
    "postgres restarts": postgres_restarts,
    "postgres is down": postgres_is_down,
    "redis answers are lost": redis_answers_are_lost,
    "postgres answers are lost": postgres_answers_are_lost,
    "broker is killed": broker_is_killed,
    "zombie": zombie,
    "one of two is killed": one_of_two_is_killed,
    "members come and go": members_come_and_go,
}
QUICK = (
    "redis loses a second",
    "redis is flushed",
    "postgres restarts",
    "zombie",
    "one of two is killed",
)
