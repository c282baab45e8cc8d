# SPDX-License-Identifier: Apache-2.0
"""Private real servers for the whole session, and a world of its own for each test."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import harness  # noqa: E402

TIMEOUT_S = 180


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: also run with the sanitizers' builds")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def stack():
    made = harness.Stack()
    try:
        yield made.up()
    finally:
        made.down()


@pytest.fixture
def new_world(stack):
    """A function that makes worlds: World.make is still to be called."""
    worlds = []

    def make(**options):
        worlds.append(harness.World(stack, **options))
        return worlds[-1]

    yield make
    for world in worlds:
        world.finish(keep=bool(os.environ.get("TOLLSTREAM_TEST_KEEP")))


@pytest.fixture
def world(new_world):
    """With the test deck and 40 accounts."""
    return new_world().make()
