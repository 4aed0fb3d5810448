"""What a start brings into memory: modules, and what is compiled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: Modules in all, measured on 2026-11-28 with Python 3.11, and a tenth of room: versions differ.
MODULES = {
    "iocs.haloscope": 977,
    "iocs.amrr": 985,
    "cryohalo.session": 998,
    "cryohalo.searching.worker": 899,
    "plans.refrigerator.stability": 1483,
}
ROOM = 1.1
#: What is never needed for it.
FOREIGN = {
    "iocs.haloscope": {"numba", "matplotlib", "h5py", "dask", "bluesky", "ophyd", "epics"},
    "iocs.amrr": {"numba", "llvmlite", "matplotlib", "h5py", "dask", "bluesky", "ophyd", "epics"},
    "cryohalo.session": {"numba", "matplotlib", "dask", "caproto", "scipy", "pandas", "xarray"},
    "cryohalo.searching.worker": {"matplotlib", "bluesky", "ophyd", "scipy.signal", "scipy.stats"},
    "plans.refrigerator.stability": {"matplotlib", "dask", "scipy.signal", "scipy.stats"},
}
#: Each takes seconds to compile.
COMPILED = ["amrr.kernel.advance", "amrr.kernel.settle"]
#: Bytes that a process holds which has served nobody yet, after an hour of cycling: 111 MB on
#: 2026-11-28, and a fifth of room.
MOST_HELD = 133e6


def said(code: str) -> Any:
    """What a process of its own prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_start_imports_no_more(name: str) -> None:
    found = set(said(f"import json, sys, {name}; print(json.dumps(list(sys.modules)))"))
    assert not found & FOREIGN[name]
    assert len(found) <= ROOM * MODULES[name]


RUNNING = """
import asyncio, gc, json, psutil, sys
from amrr.native import Entry
from tests.iocs.plants import make
ioc = make("amrr")
ioc.warm_up()
asyncio.run(ioc.database.post())
ioc.plant.machine.cycle.run()
ioc.plant.machine.step(3600.0)
found = [entry.function for entry in gc.get_objects() if isinstance(entry, Entry)]
print(json.dumps({
    "compiled": sorted(function.__module__ + "." + function.__name__ for function in found),
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "held": psutil.Process().memory_info().rss,
}))
"""


def test_a_running_refrigerator_needs_no_compiler_and_little_memory() -> None:
    found = said(RUNNING)
    assert found["compiled"] == COMPILED
    assert not set(found["modules"]) & {"numba", "llvmlite"}
    assert found["held"] < MOST_HELD
