"""The description of the apparatus over channel access: whole, of any machine, and changing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amrr.describing import describe as describe_refrigerator
from amrr.parameter_files import shipped
from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from devices.waiting.watch import Watch
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters

DATA = Path(__file__).parents[3]
Start = Callable[..., RunningIoc]


def test_the_description_arrives_whole(device: Haloscope) -> None:
    stated = describe(HaloscopeParameters.capp12tb())
    assert device.apparatus == stated
    assert device.apparatus is device.apparatus
    assert device.described.hash.get() == stated.hash()
    assert device.described.apparatus_name.get() == "CAPP-12TB"


@pytest.fixture
def start(pool: Any, prefix: str) -> Iterator[Start]:
    """Start a machine's IOC with a parameter file; what was started before ends first."""
    started: list[RunningIoc] = []

    def start(name: str, file: Path) -> RunningIoc:
        port = started[-1].port if started else None
        for running in started:
            pool.end(running)
        if port is not None:
            pool.ports.remove(port)
        started.clear()
        options = ("--prefix", prefix, "--speed", "0", "--parameters", str(file))
        running = pool.start(LaunchedIoc(name, arguments=options), port)
        started.append(running)
        wait_served([f"{prefix}Apparatus:Hash_RBV"], running.port)
        return running

    yield start
    for running in started:
        pool.end(running)


def test_another_life_with_another_file_is_told_and_taken(
    start: Start, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = DATA / "haloscope" / "data"
    start("haloscope", folder / "haystac.toml")
    device = Haloscope(prefix, name="haloscope")
    device.connect(20.0)
    haystac, admx = (describe(HaloscopeParameters.shipped(name)) for name in ("haystac", "admx"))
    assert device.apparatus == haystac
    served = Watch(device.described.hash, lambda value: value == admx.hash(), 60.0)
    start("haloscope", folder / "admx.toml")
    served.wait()
    with caplog.at_level(logging.WARNING, "devices.described"):
        assert device.apparatus == admx
    assert "another apparatus is described now: ADMX" in caplog.text
    device.destroy()


def test_the_glf_refrigerator_describes_itself(start: Start, prefix: str) -> None:
    start("amrr", DATA / "amrr" / "data" / "glf.toml")
    device = Refrigerator(prefix, name="refrigerator")
    device.connect(20.0)
    assert device.apparatus == describe_refrigerator(shipped("glf").parameters)
    device.chx.setpoint.put(0.25, wait=True)
    assert device.chx.setpoint.get() == pytest.approx(0.25)
    device.destroy()
