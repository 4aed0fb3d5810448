"""The direction of imports is a contract, and each rule of it bites; the wheel forgets no file."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("instruments", "amrr", "haloscope", "pvdb", "iocs", "devices", "plans", "cryohalo")

VIOLATIONS = {
    "Four floors, no arrow upwards": ("haloscope/axion.py", "import plans"),
    "IOCs stand on the physics alone": ("amrr/__init__.py", "import iocs"),
    "Inside an IOC: one direction, too": (
        "iocs/records/texts.py",
        "import iocs.supervision.health",
    ),
    "The wire is all that joins IOCs and clients": ("iocs/__init__.py", "import devices"),
    "Plans never see an IOC or a simulation": (
        "plans/__init__.py",
        "import haloscope.apparatus.spectrum",
    ),
    "Devices over PVs never see a simulation": (
        "devices/parts/sweeping.py",
        "import haloscope.apparatus.spectrum",
    ),
    "Measuring and analysis know measured quantities only": (
        "haloscope/analysis/__init__.py",
        "import haloscope.apparatus",
    ),
    "Physics and PV database know no network": ("instruments/errors.py", "import socket"),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rooms' Python files, to be spoilt."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=_all_but_python)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _all_but_python(folder: str, names: list[str]) -> set[str]:
    return {n for n in names if not n.endswith(".py") and not (Path(folder) / n).is_dir()}


def test_all_import_contracts_are_kept() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_forbidden_import_breaks_its_contract(copy: Path, contract: str) -> None:
    file, line = VIOLATIONS[contract]
    with (copy / file).open("a") as module:
        module.write(f"\n{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def import_cycle() -> list[str]:
    """Modules that import each other in a ring, also for their types alone; empty if none do."""
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    imports = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as cycle:
        return list(cycle.args[1])
    return []


def test_no_module_imports_itself_over_others() -> None:
    assert not import_cycle()


def test_an_import_for_types_alone_closes_a_ring(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (copy / "instruments/errors.py").open("a") as module:
        module.write("\nif TYPE_CHECKING:\n    from iocs.records import Database\n")
    monkeypatch.syspath_prepend(copy)
    for name in [name for name in sys.modules if name.partition(".")[0] in ROOMS]:
        monkeypatch.delitem(sys.modules, name)
    assert {"instruments.errors", "iocs.records"} <= set(import_cycle())


def test_every_tracked_file_of_a_room_is_in_the_wheel(tmp_path: Path) -> None:
    wheel_builder = pytest.importorskip("hatchling.builders.wheel")
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", *ROOMS], capture_output=True, text=True, check=True
    )
    tracked = {name for name in listed.stdout.split() if (ROOT / name).exists()}
    wheel = next(wheel_builder.WheelBuilder(str(ROOT)).build(directory=str(tmp_path)))
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert tracked
    assert not tracked - packed
