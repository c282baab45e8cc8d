# SPDX-License-Identifier: Apache-2.0
"""The Kafka adapter on a real broker: what a mock cluster cannot show, and storms of starts, pauses
and rebalances under load. The longer storms of a soak are the same program with --seconds."""

import os
import pathlib
import subprocess
import threading
import time

import harness
import pytest

PROGRAMS = pathlib.Path(harness.PROGRAM).parent


def run(stack, program, *arguments):
    done = subprocess.run(
        [str(PROGRAMS / program), *arguments],
        env={**os.environ, "TOLLSTREAM_KAFKA_BROKERS": stack.brokers},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def storm(stack, *arguments):
    return run(stack, "kafka_source_check", stack.brokers, "storm", "--commit", *arguments)


@pytest.fixture(params=["eager", "cooperative"])
def assignment(request):
    return ["--eager"] if request.param == "eager" else []


def test_on_a_real_broker(stack):
    run(stack, "kafka_real_check")


def test_starts_and_pauses_under_load(stack, assignment):
    arguments = ["--start-every-us", "3000", "--pause-every-us", "3000"]
    storm(stack, *assignment, "--seconds", "4", *arguments)


def test_members_come_and_go(stack, assignment):
    arguments = ["--members", "3", "--leave-ms", "1500", "--start-every-us", "20000"]
    storm(stack, *assignment, "--seconds", "8", *arguments)


def test_a_broker_dies_and_comes_back(stack):
    def outage():
        time.sleep(3)
        stack.kill("kafka")
        time.sleep(2)
        stack.start("kafka")

    thread = threading.Thread(target=outage)
    thread.start()
    try:
        arguments = ["--produce-per-s", "3000", "--start-every-us", "20000"]
        storm(stack, "--eager", "--seconds", "12", *arguments)
    finally:
        thread.join()
