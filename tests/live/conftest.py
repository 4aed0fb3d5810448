"""IOC processes on private ports for real clients.

libca reads its environment at the first Channel Access call of a process, so the ports of this
worker are chosen and listed here, when pytest collects this folder and before any client exists.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cryohalo.processes.addresses import (
    FIRST_PORT,
    client_environment,
    free_ports,
    repeater_stand_in,
    wait_served,
)
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).parent / "serving" / "toy_ioc.py"

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_REPEATER = repeater_stand_in()
_POOL = free_ports(24, FIRST_PORT + 2000 * (_WORKER % 8) + (os.getppid() * 37) % 1900)
os.environ.update(client_environment(_POOL, _REPEATER.getsockname()[1]))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])

Start = Callable[..., RunningIoc]


class _Pool:
    """Starts IOCs on this worker's ports and sees that none outlives the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = list(_POOL)
        self.alive: list[RunningIoc] = []

    def start(self, ioc: LaunchedIoc, port: int | None = None) -> RunningIoc:
        port = self.ports.pop(0) if port is None else port
        log = self.folder / f"{ioc.name}-{port}-{uuid.uuid4().hex[:6]}.log"
        running = RunningIoc(ioc, port, dict(os.environ), log)
        self.alive.append(running)
        running.wait_ready()
        return running

    def end(self, running: RunningIoc) -> int:
        code = running.end()
        if running in self.alive:
            self.alive.remove(running)
            self.ports.append(running.port)
        assert not _group_members(running.process.pid), "an IOC left processes behind"
        return code


def _group_members(group: int) -> list[int]:
    return [process.pid for process in psutil.process_iter() if _group_of(process.pid) == group]


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


@pytest.fixture(scope="session", autouse=True)
def repeater() -> Iterator[None]:
    """The stand-in for the CA repeater goes when the last client has gone."""
    yield
    _REPEATER.close()


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Pool]:
    pool = _Pool(tmp_path_factory.mktemp("iocs"))
    yield pool
    for running in list(pool.alive):
        pool.end(running)


@pytest.fixture
def prefix() -> str:
    return _new_prefix()


def _new_prefix() -> str:
    return f"T{uuid.uuid4().hex[:8]}:"


@pytest.fixture
def start_toy(pool: _Pool, prefix: str) -> Iterator[Start]:
    """Start a toy IOC of this test's own, with further command line arguments."""
    started: list[RunningIoc] = []

    def start(*arguments: str, port: int | None = None) -> RunningIoc:
        ioc = LaunchedIoc("toy", (str(TOY),), ("--prefix", prefix, *arguments))
        running = pool.start(ioc, port)
        started.append(running)
        wait_served([f"{prefix}Value"], running.port)
        return running

    yield start
    for running in started:
        pool.end(running)


@pytest.fixture(scope="module")
def toy(pool: _Pool) -> Iterator[tuple[str, RunningIoc]]:
    """A toy IOC shared by the tests of one module: its prefix and the process."""
    prefix = _new_prefix()
    running = pool.start(LaunchedIoc("toy", (str(TOY),), ("--prefix", prefix)))
    wait_served([f"{prefix}Value"], running.port)
    yield prefix, running
    pool.end(running)


@pytest.fixture(scope="session")
def amrr(pool: _Pool) -> Iterator[str]:
    """The refrigerator's IOC; gives its prefix."""
    yield from _machine(pool, "amrr", "CHX:Temp_RBV")


@pytest.fixture(scope="session")
def haloscope(pool: _Pool) -> Iterator[str]:
    """The haloscope's IOC; gives its prefix."""
    yield from _machine(pool, "haloscope", "Rod")


@pytest.fixture(scope="module")
def device(haloscope: str) -> Iterator[Any]:
    """The haloscope over Channel Access."""
    from devices.haloscope import Haloscope  # libca reads its environment when it is loaded

    device = Haloscope(haloscope, name="haloscope")
    device.connect(20.0)
    yield device
    device.destroy()


@pytest.fixture(scope="module")
def refrigerator(amrr: str) -> Iterator[Any]:
    """The refrigerator over Channel Access."""
    yield from _refrigerator(amrr)


@pytest.fixture
def warm_refrigerator(pool: _Pool) -> Iterator[Any]:
    """One of this test's own, which no other has cooled, whatever the order of the tests."""
    for prefix in _machine(pool, "amrr", "CHX:Temp_RBV"):
        yield from _refrigerator(prefix)


def _refrigerator(prefix: str) -> Iterator[Any]:
    from devices.amrr import Refrigerator

    device = Refrigerator(prefix, name="refrigerator")
    device.connect(20.0)
    yield device
    device.destroy()


def _machine(pool: _Pool, name: str, pv: str) -> Iterator[str]:
    prefix = _new_prefix()
    running = pool.start(
        LaunchedIoc(name, arguments=("--prefix", prefix, "--speed", "0", "--seed", "1"))
    )
    wait_served([prefix + pv], running.port)
    yield prefix
    pool.end(running)


@pytest.fixture
def engine() -> Iterator[object]:
    """A RunEngine whose loop is stopped and whose thread is joined."""
    from cryohalo.run_engine import close_run_engine, make_run_engine

    engine = make_run_engine()
    yield engine
    close_run_engine(engine)


@pytest.fixture(scope="session")
def epics_base() -> Callable[..., object]:
    """Run one of EPICS base's own programs, e.g. ``epics_base("caget", "-t", name)``."""
    from tests.live.epics_base import run

    return run
