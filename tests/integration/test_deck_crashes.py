# SPDX-License-Identifier: Apache-2.0
"""A bad deck never replaces a good one, whoever dies when: publishers killed at any moment, decks
refused, processors killed while they load, and copies of decks in Redis that are torn or gone. And
large decks are quick enough to be published on a working day."""

import pathlib
import random
import subprocess
import time

import pytest

import harness

PREFIXES = 20_000
PUBLISHERS = 30
PUBLISHED_WITHIN_S = 2
LONG_AGO = "2001-01-01T00:00:00Z"  # prices every call from the moment it is published


def good_deck(number, prefixes=PREFIXES):
    """All at one price, another for each deck: half of it would price calls by the last row."""
    rows = [f"{prefix},0.{number:02d}" for prefix in range(10_000_000, 10_000_000 + prefixes)]
    prices = [f"{prefix},0.{number:02d}" for prefix in (1, 44, 49, 33, 7)]
    return "\n".join(["prefix,rate", *prices, *rows, "*,0.99"]) + "\n"


def bad_deck(random_, deck):
    """One line of it damaged in a way that must be seen."""
    lines = deck.splitlines()
    line = random_.randrange(1, len(lines))
    prefix = lines[line].split(",")[0]
    lines[line] = random_.choice((f"{prefix},x", f"{prefix},0.1,", f"{prefix},", f"p{prefix},1"))
    return "\n".join(lines) + "\n"


class Publisher:
    def __init__(self, world, name, deck):
        self.file = pathlib.Path(world.folder / name)
        self.file.write_text(deck)
        command = ["decks", "publish", str(self.file), "--rate-plan", harness.PLAN]
        self.process = subprocess.Popen(
            [harness.PROGRAM, *command, "--effective-from", LONG_AGO],
            env=world.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self):
        """True if it was not done yet."""
        self.process.kill()
        return self.process.wait() != 0


def tear_copies(world, random_):
    """The decks' copies in Redis: cut off, of another version, of something else, or gone."""
    copies = world.redis.keys("deck:*")
    for key in copies:
        text = world.redis.get(key) or b""
        other = world.redis.get(random_.choice(copies)) or b""
        torn = (text[: len(text) // 2], other, b"prefix,rate\n*,0.98\n", None)
        if (value := random_.choice(torn)) is None:
            world.redis.delete(key)
        else:
            world.redis.set(key, value)


def publish_and_kill(world, random_, usual_s):
    """Decks good and bad, of publishers that may be killed. Returns the good ones, by how it
    ended."""
    done, cut = [good_deck(0)], []
    processor = world.run(name="run0")
    for number in range(1, PUBLISHERS + 1):
        deck = good_deck(number)
        if random_.random() < 0.3:
            bad = Publisher(world, f"bad{number}.csv", bad_deck(random_, deck))
            assert bad.process.wait() == 2
        publisher = Publisher(world, f"good{number}.csv", deck)
        if random_.random() < 0.6:
            time.sleep(random_.uniform(0, 1.1 * usual_s))
            (cut if publisher.kill() else done).append(deck)
        else:
            assert publisher.process.wait() == 0
            done.append(deck)
            time.sleep(random_.uniform(0, 0.5))
        # The last one prices what is left of the stream with what it finds.
        if random_.random() < 0.1 or number == PUBLISHERS:
            processor.kill()
            tear_copies(world, random_)
            processor = world.run(name=f"run{number}")
    return processor, done, cut


@pytest.mark.parametrize("seed", (1, 2))
def test_a_bad_deck_never_replaces_a_good_one(new_world, seed):
    random_ = random.Random(seed)
    world = new_world(seed=seed).make(deck=good_deck(0))
    began = time.monotonic()
    assert Publisher(world, "first.csv", good_deck(0)).process.wait() == 0
    usual_s = time.monotonic() - began
    with world.flow(6000, 400):
        processor, done, cut = publish_and_kill(world, random_, usual_s)
    world.wait_settled(alive=processor)
    processor.stop()
    kept = [bytes(csv).decode() for (csv,) in world.query("SELECT csv FROM deck_version")]
    assert set(done) <= set(kept) <= set(done) | set(cut)
    assert done and cut, "a seed that does not meet both is of no use"
    used = world.query("SELECT count(DISTINCT deck_version) FROM usage WHERE charge_micros > 0")
    assert used[0][0] >= 2
    world.assert_books(publish_lag_ms=PUBLISHED_WITHIN_S * 1000)


def timed(world, *arguments):
    began = time.monotonic()
    world.tollstream(*arguments)
    return time.monotonic() - began


def test_large_decks_are_quick(new_world):
    world = new_world().make(deck=good_deck(0, 1))
    large, huge = world.folder / "large.csv", world.folder / "huge.csv"
    large.write_text(good_deck(1, 50_000))
    huge.write_text(good_deck(2, 200_000))
    publish = ("decks", "publish", "--rate-plan", harness.PLAN, "--effective-from", LONG_AGO)
    assert timed(world, *publish, large) < 5
    assert timed(world, "decks", "validate", huge) < 2
    assert timed(world, *publish, huge) < 10
    world.send(world.calls.answered(to_number="+442071234567"))
    world.drain()
    assert world.query("SELECT deck_version FROM usage") == [(3,)]
