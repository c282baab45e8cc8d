# SPDX-License-Identifier: Apache-2.0
"""The scenarios of tests/scenarios against real servers: as they are, and with the processor killed
at a random moment of each round."""

import os
import random

import pytest

import scenarios
import stage

FULL = os.environ.get("TOLLSTREAM_TEST_DEPTH") == "full"
ROUNDS = 20 if FULL else 3
LEAST = 60


def play(world, seed, kill_at=None):
    played = stage.Stage(world, scenarios.load(), seed)
    played.play(kill_at)
    assert not played.faults, "\n\n".join(played.faults[:10]) + f"\n\nof {len(played.faults)}"


def test_there_are_enough():
    assert len(scenarios.load()) >= LEAST


def test_every_scenario(new_world):
    play(new_world(), seed=0)


@pytest.mark.parametrize("seed", range(1, 1 + ROUNDS))
def test_every_scenario_with_the_processor_killed(new_world, seed):
    moments = len(scenarios.schedule(scenarios.load()))
    play(new_world(), seed, kill_at=random.Random(seed).randrange(moments))
