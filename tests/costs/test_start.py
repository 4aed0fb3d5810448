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
MODULES = {"iocs.haloscope": 977, "iocs.amrr": 1190, "cryohalo.session": 998}
ROOM = 1.1
#: What is never needed for it.
FOREIGN = {
    "iocs.haloscope": {"numba", "matplotlib", "h5py", "dask", "bluesky", "ophyd", "epics"},
    "iocs.amrr": {"matplotlib", "h5py", "dask", "bluesky", "ophyd", "epics"},
    "cryohalo.session": {"numba", "matplotlib", "dask", "caproto", "scipy", "pandas", "xarray"},
}
#: Each takes seconds to compile and some ten ms to load at every start.
COMPILED = ["amrr.kernel.advance", "amrr.kernel.settle"]


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


def test_no_more_is_compiled_for_the_refrigerator() -> None:
    code = """
import asyncio, gc, json
from numba.core.dispatcher import Dispatcher
from tests.iocs.plants import make
ioc = make("amrr")
ioc.warm_up()
asyncio.run(ioc.database.post())
ioc.plant.machine.step(60.0)
ioc.plant.machine.step(0.1)
found = [d for d in gc.get_objects() if isinstance(d, Dispatcher)]
print(json.dumps([d.py_func.__module__ + "." + d.py_func.__name__
                  for d in found for _ in d.signatures]))
"""
    assert sorted(said(code)) == COMPILED
