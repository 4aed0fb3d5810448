"""The rod's motor record as its three client libraries see it: move, stop mid-way, refuse, done."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc

CLIENTS = Path(__file__).parent / "programs"
SPEED = "20"
"""Slow enough to stop a move in its middle: 0.2 deg per second of the wall."""
DEADBAND_DEG = 1e-4


@pytest.fixture
def slow_haloscope(pool: Any, prefix: str) -> Iterator[str]:
    running = pool.start(LaunchedIoc("haloscope", arguments=("--prefix", prefix, "--speed", SPEED)))
    wait_served([prefix + "Rod"], running.port)
    yield prefix
    pool.end(running)


@pytest.fixture
def quick_haloscope(pool: Any, prefix: str) -> Iterator[str]:
    running = pool.start(LaunchedIoc("haloscope", arguments=("--prefix", prefix, "--speed", "0")))
    wait_served([prefix + "Rod"], running.port)
    yield prefix
    pool.end(running)


def client(script: str, *arguments: str) -> dict[str, Any]:
    line = [sys.executable, "-W", "ignore", str(CLIENTS / f"{script}.py"), *arguments]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("script", ["motor_ophyd", "motor_ophyd_async", "motor_pyepics"])
def test_a_motor_client_moves_stops_midway_and_is_refused(slow_haloscope: str, script: str) -> None:
    seen = client(script, slow_haloscope)
    assert not seen.get("done before the end")
    assert seen["success"]
    assert seen["position at done"] == pytest.approx(seen["target"], abs=DEADBAND_DEG)
    assert seen["start"] - 5.0 < seen["stopped at"] < seen["target"] - 0.1
    assert seen["setpoint after stop"] == pytest.approx(seen["stopped at"], abs=DEADBAND_DEG)
    assert seen["done after stop"]
    assert seen["beyond"] in ("LimitError", "MotorLimitsError", "refused")
    assert seen["moved by a refused put"] == pytest.approx(0.0, abs=DEADBAND_DEG)


@pytest.mark.parametrize(
    ("motor", "near", "low_switch"), [("Rod", 35.0, 20.0), ("Antenna", 5.0, 0.0)]
)
def test_modes_act_as_in_the_record_over_the_wire(
    quick_haloscope: str, motor: str, near: float, low_switch: float
) -> None:
    seen = client("motor_modes", quick_haloscope + motor, str(near))
    assert seen["HOMF at Stop"] == [False, near, 1, 0]
    assert seen["HOMF at Go"] == [True, 0, 1]
    assert seen["home"] == low_switch
    assert seen["DIR Neg"] == [near, near, 2 * near]
    assert seen["DIR Pos"] == [near, near, 0]
    assert seen["SPMG after Move"] == ["Pause", pytest.approx(near + 0.1)]
    assert seen["VAL at Pause"] == [False, near, pytest.approx(near + 0.1), 0]
    assert seen["VAL at Go"] == [True, near, near, 1]
    steps, read, moved, step, kind = seen["RVAL"]
    assert steps == read
    assert moved == pytest.approx(100 * step)
    assert kind == "time_long"
