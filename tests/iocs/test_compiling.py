"""The refrigerator's loop is compiled once, in another process; the IOC loads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from iocs import compiling

COMPILED_HERE = """
import asyncio, gc
from numba.core.dispatcher import Dispatcher
from tests.iocs.plants import make
ioc = make("amrr")
ioc.warm_up()
asyncio.run(ioc.database.post())
found = [d for d in gc.get_objects() if isinstance(d, Dispatcher) and d.stats.cache_misses]
names = [d.py_func.__module__ + "." + d.py_func.__name__ for d in found]
print([name for name in names if name.startswith(("amrr", "instruments"))])
"""


def test_an_ioc_compiles_nothing_that_was_compiled_before() -> None:
    for _ in range(2):  # the first may find an empty cache
        found = subprocess.run(
            [sys.executable, "-c", COMPILED_HERE], capture_output=True, text=True, check=True
        ).stdout.strip()
    assert found == "[]"


EXTENDED = """
import argparse, sys
from iocs.amrr import build
plant = build(argparse.Namespace(list_pvs=False, parameters=None, seed=0))
plant.warm_up()
print("registered_here" in sys.modules)
"""


def test_what_other_packages_register_with_numba_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "registered_here.py").write_text("def begin() -> None: ...\n")
    about = tmp_path / "registered_here-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: registered_here\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[numba_extensions]\ninit = registered_here:begin\n")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", EXTENDED],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.stdout.strip() == "False"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Folder of the cache, and what was run."""
    made: list[Any] = []
    entry = SimpleNamespace(cache_folder=tmp_path)
    source = tmp_path / "kernel.py"
    source.touch()
    monkeypatch.setattr(compiling.kernel, "__file__", str(source))
    monkeypatch.setattr(compiling.kernel, "build", lambda: entry)
    monkeypatch.setattr(compiling.subprocess, "run", lambda *line, **_: made.append(line))
    return made


def test_it_is_compiled_aside_once_for_each_version(
    runs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for digest in ("one", "one", "two", "two"):
        monkeypatch.setattr(compiling, "source_digest", lambda digest=digest: digest)
        compiling.compile_aside()
    assert len(runs) == 2


def test_it_is_compiled_aside_for_each_date_of_the_source(runs: list[Any], tmp_path: Path) -> None:
    """numba compiles anew for a file of another date, whatever is in it."""
    for date_s in (1e9, 1e9, 2e9, 2e9, 1e9):
        os.utime(tmp_path / "kernel.py", (date_s, date_s))
        compiling.compile_aside()
    assert len(runs) == 3


def test_the_process_aside_compiles_what_an_ioc_uses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entry = SimpleNamespace(cache_folder=tmp_path)
    monkeypatch.setattr(compiling.kernel, "build", lambda: entry)
    compiling.compile_aside()
    assert [path.name for path in tmp_path.iterdir()] == ["compiled"]
    assert not caplog.text


def test_what_goes_wrong_aside_stops_nothing(
    runs: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise subprocess.CalledProcessError(1, "python")

    monkeypatch.setattr(compiling.subprocess, "run", fail)
    compiling.compile_aside()
    assert "the IOC compiles by itself" in caplog.text
    assert not (tmp_path / "compiled").exists()
