"""Every notebook runs from its first cell to its last, as Jupyter runs it, and peeks at no truth.

A new notebook needs no code here: it is found by its head (``tests.house.pages.notebooks``).
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tests.house.pages import ROOT, notebooks

NOTEBOOKS = [str(path.relative_to(ROOT)) for path in notebooks()]
#: What only the simulation knows is behind these names.
TRUTH = re.compile(r"\.bench\b|\.machine\b|Simulated\w+")
#: Rooms of ours from which a notebook may import: those that a laboratory's own would.
ROOMS = ("cryohalo", "devices", "haloscope.analysis", "instruments", "plans")
OURS = {"amrr", "cryohalo", "devices", "haloscope", "instruments", "iocs", "plans", "pvdb"}
PATIENCE_S = 300


def read(name: str) -> NotebookNode:
    return jupytext.read(ROOT / name)


def run(notebook: NotebookNode, folder: Path) -> None:
    """Run it in a kernel of its own."""
    client = NotebookClient(
        notebook,
        timeout=PATIENCE_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    yield from (cell for cell in notebook.cells if cell.cell_type == "code")


def python(source: str) -> str:
    """A cell's Python, without its magics and commands."""
    return re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE)


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_to_its_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    bin_folder = Path(sys.executable).parent  # cells call ``cryohalo``
    monkeypatch.setenv("PATH", os.pathsep.join([str(bin_folder), os.environ["PATH"]]))
    notebook = read(name)
    run(notebook, tmp_path)
    ran = list(cells(notebook))
    assert [cell.execution_count for cell in ran] == list(range(1, len(ran) + 1))
    outputs = [output for cell in ran for output in cell.outputs]
    said = "".join(output.text for output in outputs if output.get("name") == "stderr")
    assert "Warning" not in said, said
    drawn = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(drawn) >= 3


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_sees_what_a_laboratory_sees(name: str) -> None:
    for cell in cells(read(name)):
        assert not peeks(cell.source), cell.source


def peeks(source: str) -> list[str]:
    """What of a cell is behind the wall: imports of other rooms, and names of the truth."""
    found = TRUTH.findall(source)
    for node in ast.walk(ast.parse(python(source))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        found += [
            module
            for module in names
            if module.split(".")[0] in OURS
            and (not module.startswith(ROOMS) or module.startswith("devices.simulated"))
        ]
    return found


@pytest.mark.parametrize(
    "source",
    [
        "from haloscope.apparatus.blinding import BlindKey",
        "import pvdb.records",
        "from devices.simulated.amrr import Refrigerator",
        "print(haloscope.bench.records)",
        "haloscope.machine.cavity",
    ],
)
def test_a_peep_is_found(source: str) -> None:
    assert peeks(source)


def test_a_cell_that_fails_is_told(tmp_path: Path) -> None:
    notebook = new_notebook(cells=[new_code_cell("x = 1"), new_code_cell("1 / 0")])
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run(notebook, tmp_path)


def test_both_instruments_have_one() -> None:
    assert {Path(name).stem for name in NOTEBOOKS} >= {"refrigerator", "haloscope"}
