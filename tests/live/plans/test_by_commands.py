"""ADMX by commands alone, over process variables: from its parameter file to a limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_another_haloscope_is_searched_by_commands_alone(tmp_path: Path) -> None:
    """The example starts the IOC of the file; the rest are `cryohalo` commands without options."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/other_haloscopes.py"), "admx", "--output", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    row = done.stdout.splitlines()[-1]
    assert row.startswith("admx")
    assert float(row.split()[5]) == pytest.approx(1.0, abs=0.2)  # simulated over published
    assert "candidate 740.00" in row
