"""The demonstration as a user runs it: in a process of its own, from the command line."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

from cryohalo.catalog import Catalog

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The report folder and what was printed."""
    folder = tmp_path_factory.mktemp("demo")
    mark = uuid.uuid4().hex
    code = "from cryohalo.cli import main; main()"
    arguments = ["demo", "--output", str(folder), "--steps", "30", "--seed", "11"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
        env={**os.environ, "CRYOHALO_TEST_MARK": mark},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert _marked(mark) == [], "the demonstration left processes behind"
    return folder, done.stdout


def _marked(mark: str) -> list[int]:
    """Processes that inherited the mark in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("CRYOHALO_TEST_MARK") == mark:
                found.append(process.pid)
    return found


def test_its_summary_names_temperature_limit_candidate_and_report(demo: tuple[Path, str]) -> None:
    folder, printed = demo
    temperature = re.search(r"T_CHX +([\d.]+) K at 600 µW", printed)
    assert temperature is not None, printed
    assert 0.85 <= float(temperature[1]) <= 0.95
    assert re.search(r"hidden axion +[\d.]+ MHz, [\d.e-]+ /GeV, found", printed), printed
    assert str(folder / "index.html") in printed


def test_its_page_shows_every_figure(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    page = (folder / "index.html").read_text()
    figures = re.findall(r'src="(figures/[a-z_]+\.png)"', page)
    assert len(figures) == 5
    for figure in figures:
        assert (folder / figure).read_bytes().startswith(b"\x89PNG")


def test_its_catalog_holds_whole_runs_with_their_provenance(demo: tuple[Path, str]) -> None:
    catalog = Catalog(demo[0] / "catalog")
    assert len(catalog.named("scan")) == len(catalog.named("cooldown")) == 1
    for run in catalog:
        assert run.stop is not None
        assert run.stop["exit_status"] == "success"
        assert {"software_version", "parameters_hash", "seed", "plan_args"} <= set(run.start)
    scan = catalog.named("scan")[0]
    spectra = scan.table("daq_spectrum")["daq_spectrum"]
    assert spectra.shape == (30, 100_000)
