"""``cryohalo --help`` answers at once: it imports nothing that takes long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SLOW = (
    *("numpy", "scipy", "matplotlib", "h5py", "dask", "xarray", "pandas", "pyarrow"),
    *("bluesky", "ophyd", "epics", "caproto", "p4p", "IPython", "aioca", "tornado"),
    *("pydantic", "pydantic_settings", "sqlite3", "psutil", "numba", "plotille", "asyncio"),
)


def test_the_help_imports_nothing_that_takes_long() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['cryohalo', '--help']\n"
        "from cryohalo.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {SLOW} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stderr == "[]\n"
    assert "Usage" in done.stdout


def test_a_program_without_its_extra_says_what_it_wants() -> None:
    code = "import sys; sys.modules['typer'] = None; from cryohalo.entry import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    told = "cryohalo: the command line wants typer: pip install 'cryohalo[session]'\n"
    assert (done.returncode, done.stderr) == (1, told)
