# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of this folder share: sections of RESULTS.md, and servers of their own."""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "RESULTS.md"
BUILD = ROOT / "build" / "release"
STACK = ROOT / "deploy" / "stack"

INTRODUCTION = "# Results\n\nMade by the scripts of this folder; figures of different machines or days do not compare.\n"


def write_section(path, section):
    """Replaces the section of the same heading, or adds it."""
    text = path.read_text() if path.exists() else INTRODUCTION
    heading = section.splitlines()[0]
    pattern = re.compile(rf"^{re.escape(heading)}$.*?(?=^## |\Z)", re.M | re.S)
    section = section.rstrip() + "\n\n"
    text = pattern.sub(lambda _: section, text) if pattern.search(text) else text.rstrip() + "\n\n" + section
    path.write_text(text.rstrip() + "\n")


def machine():
    """Cores and model of this one."""
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} cores, {model[1] if model else platform.machine()}"


def spread(values, digits):
    """Median (lowest to highest)."""
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def load_script(name):
    """A script of this folder as a module."""
    path = str(ROOT / "bench" / name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


# --- servers of a benchmark's own


def stack_environment(name):
    """For deploy/stack: a folder of its own, and the ports of the environment or our own: none that the
    kernel gives to outgoing connections."""
    ports = {
        "TOLLSTREAM_STACK_KAFKA_PORT": "24092",
        "TOLLSTREAM_STACK_REDIS_PORT": "24379",
        "TOLLSTREAM_STACK_POSTGRES_PORT": "24432",
    }
    return {**ports, **os.environ, "TOLLSTREAM_STACK_DIR": f"/var/tmp/tollstream-{name}-{os.getpid()}"}


def stack(*arguments, env):
    subprocess.run([STACK, *arguments], env=env, check=True, stdout=subprocess.DEVNULL)


def stack_down(env):
    subprocess.run([STACK, "down", "--wipe"], env=env, stdout=subprocess.DEVNULL, check=False)


def stack_settings(env):
    """TOLLSTREAM_POSTGRES_URL and the like."""
    done = subprocess.run([STACK, "env"], env=env, check=True, capture_output=True, text=True)
    return dict(re.findall(r"export (\w+)='?([^'\n]*)'?", done.stdout))


def stack_pids(env):
    done = subprocess.run([STACK, "status", "--json"], env=env, check=True, capture_output=True, text=True)
    status = json.loads(done.stdout)
    services = status.values() if isinstance(status, dict) else status
    return {row["service"]: int(row["pid"]) for row in services}
