"""Both machines with everything under way, an IOC that reads their states, and how to damage one.

Every value of both machines' states is damaged in every way that somebody with an editor, another
version or another machine might damage it.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iocs.ioc import Ioc
from iocs.supervision import storage
from iocs.supervision.state_store import FORMAT
from tests.iocs.plants import make

Path_ = tuple[Any, ...]

WRONG: dict[str, Any] = {
    "none": None,
    "text": "forty-two",
    "true": True,
    "nan": math.nan,
    "inf": math.inf,
    "minus inf": -math.inf,
    "1e300": 1e300,
    "-1e300": -1e300,
    "huge whole": 10**400,
    "list": [1.0],
    "empty": {},
}
"""Never right, whatever a value stands for; a truth value is, for a flag."""


def busy_haloscope(machine: Any) -> None:
    """Everything under way: moves, a ramp, a heater, a sweep and a spectrum half done."""
    machine.jpa.pump_on = True
    machine.noise_source.setpoint_k = 0.1
    machine.magnet.set_field(11.0)
    machine.vna.bandwidth_hz = 10.0
    machine.digitizer.averages = 400
    machine.vna.acquire()
    machine.digitizer.acquire()
    machine.step(35.0)
    machine.rod.move_to(machine.rod.position + 2.0)
    machine.step(0.25)
    assert machine.digitizer.state()["pending"] is not None
    assert machine.vna.state()["pending"] is not None


def busy_amrr(machine: Any) -> None:
    machine.cycle.run()
    machine.step(60.0)
    machine.bath.losing = True
    machine.chx_heater.closed_loop = True
    machine.step(30.0)


BUSY = {"haloscope": busy_haloscope, "amrr": busy_amrr}


@pytest.fixture(params=["haloscope", "amrr"], scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", autouse=True)
def fast_disk() -> Iterator[None]:
    """What is written here need not survive the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def options(name: str, folder: Path) -> tuple[str, ...]:
    if name == "amrr":
        return ()
    small = folder / "small.toml"
    small.write_text("[digitizer]\nbins = 1000\n")
    return ("--parameters", str(small))


@pytest.fixture(scope="module")
def state(name: str, options: tuple[str, ...]) -> dict[str, Any]:
    machine = make(name, *options).plant.machine
    BUSY[name](machine)
    return machine.state()


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(name)


@pytest.fixture(scope="module")
def ioc(name: str, folder: Path, options: tuple[str, ...]) -> Ioc:
    return make(name, "--state-dir", str(folder), *options)


def at(state: Any, path: Path_) -> Any:
    for key in path:
        state = state[key]
    return state


def replaced(state: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(state)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def named(path: Path_) -> str:
    return str(next(key for key in path if isinstance(key, str)))


def write(ioc: Ioc, folder: Path, state: Any, **more: Any) -> None:
    assert ioc.store is not None
    content = {"format": FORMAT, "identity": ioc.store.identity, "machine": state, **more}
    storage.save(folder / "snapshot.json", content)
    (folder / "snapshot.old").unlink(missing_ok=True)
