"""Installs each extra alone in an environment of its own, and tries what it promises.

python -m benchmarks.extras_try [EXTRA ...] [--folder FOLDER]

For each: a new environment, ``pip install -c constraints.txt .[EXTRA]``, an import of every module
of the packages that it promises, and a real use of it, in an empty folder. A line each; the exit
code is 1 if one fails. An environment that is there in FOLDER is taken as it is, so that a try can
be repeated; without ``--folder`` all are made anew, one after the other, and thrown away.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryohalo.processes.addresses import LOOPBACK, environment_for, free_ports, repeater_stand_in
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc

ROOT = Path(__file__).parents[1]
USES = Path(__file__).parent / "extras"
GENERATOR = str(ROOT / "tests" / "physics" / "analysis")


@dataclass(frozen=True)
class Try:
    """What an extra promises.

    Attributes:
        packages: All modules of these can be imported.
        but: Modules that begin so belong to another extra.
        uses: Files of ``benchmarks/extras`` with their arguments, which run.
        commands: Lines of a shell, which end well.
        ioc: A haloscope is served meanwhile, by this environment's own packages.
    """

    packages: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    uses: tuple[tuple[str, ...], ...] = ()
    commands: tuple[str, ...] = ()
    ioc: bool = False


_ALL = ("instruments", "amrr", "haloscope", "pvdb", "iocs", "devices", "plans", "cryohalo")
#: With figures, HDF5 or Dask.
_ANALYSIS = (
    *("haloscope.analysis.report", "haloscope.analysis.exchange", "haloscope.analysis.figures"),
    *("haloscope.analysis.statistics.distribute", "haloscope.analysis.reuse"),
    *("haloscope.planning.figure", "instruments.drawing"),
)
#: The queue's, and what writes and shares runs, are extras of their own.
_OTHERS = (
    *("cryohalo.queue_startup", "cryohalo.queue_plans", "cryohalo.queueing"),
    *("cryohalo.page.queue", "cryohalo.catalog.lazily", "cryohalo.exporting.as_parquet"),
    "cryohalo.sharing",
)
_SCAN = "cryohalo run scan --simulated --frequencies-mhz '[1100.0, 1100.01]' --averages 20 --yes"
_LIST = "CRYOHALO_CONNECT=no qserver-list-plans-devices --startup-module cryohalo.queue_startup"
TRIES = {
    "none": Try(("instruments", "haloscope"), _ANALYSIS, (("arrays.py", GENERATOR),)),
    "plans": Try(("devices", "plans"), ("devices.simulated",), (("devices.py",),), ioc=True),
    "amrr": Try(("amrr",), ("amrr.design", "amrr.studies"), (("refrigerator.py",),)),
    "iocs": Try(("pvdb", "iocs"), commands=("caproto-get TRY:Rod.RBV",), ioc=True),
    "analysis": Try(("haloscope",), uses=(("figures.py", GENERATOR),)),
    "design": Try(("amrr",), uses=(("study.py",),)),
    "session": Try(_ALL, _OTHERS, commands=(_SCAN, "cryohalo runs show last")),
    "page": Try(("cryohalo.page",), ("cryohalo.page.queue",), commands=("cryohalo page --help",)),
    "parquet": Try(("cryohalo.history",), commands=("cryohalo history --help",)),
    "export": Try(
        ("cryohalo.exporting",),
        commands=(_SCAN, *(f"cryohalo runs export last -o a.{end}" for end in ("nc", "parquet"))),
    ),
    "queue": Try(("cryohalo.queueing",), ("cryohalo.queueing.web",), commands=(_LIST,)),
    "queue-http": Try(("cryohalo.queueing",), commands=(_LIST,)),
    "tiled": Try(("cryohalo.sharing",), commands=(_SCAN,)),
    "touchstone": Try(uses=(("trace.py",),)),
}


class PromiseError(RuntimeError):
    """Something that an extra promises does not work."""


def run(command: list[str], folder: Path, env: dict[str, str]) -> None:
    """Run a command.

    Raises:
        PromiseError: It failed; with the end of what it printed.
    """
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stdout + done.stderr)[-1500:]
        raise PromiseError(f"{' '.join(command)[:200]}\n{told}")


def installed(extra: str, folder: Path) -> Path:
    """The Python of an environment with nothing but one extra."""
    made = folder / extra
    python = made / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(made)], check=True)
        wanted = str(ROOT) if extra == "none" else f"{ROOT}[{extra}]"
        pip = [str(python), "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt")]
        try:
            run([*pip, wanted], folder, clean())
        except PromiseError:
            shutil.rmtree(made)
            raise
    return python


def clean() -> dict[str, str]:
    """The environment without what would lead to another installation or another IOC."""
    other = ("PYTHON", "EPICS_", "CRYOHALO_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(other)}


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """A haloscope's IOC of this environment; yields what its clients set."""
    (port,) = free_ports(1)
    repeater = repeater_stand_in(avoid=[port])  # libca's own would hold our pipes
    ioc = LaunchedIoc("haloscope", arguments=("--prefix", "TRY:", "--speed", "0"))
    running = RunningIoc(ioc, port, dict(os.environ), folder / "ioc.log")
    try:
        running.wait_ready()
        yield environment_for([f"{LOOPBACK}:{port}"], repeater.getsockname()[1])
    finally:
        running.end()
        repeater.close()


def tried(extra: str, folder: Path) -> None:
    """Install one extra alone, and try it.

    Raises:
        PromiseError: It cannot be installed, or something fails.
    """
    wanted, python = TRIES[extra], installed(extra, folder)
    env = clean() | {"PATH": f"{python.parent}:{os.environ['PATH']}", "MPLBACKEND": "agg"}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        env["XDG_CACHE_HOME"] = name
        if wanted.packages:
            walk = [str(python), "-I", str(USES / "walk.py"), ",".join(wanted.but)]
            run([*walk, *wanted.packages], place, env)
        if wanted.ioc:
            with served(place) as clients:
                use(wanted, python, place, env | clients)
        else:
            use(wanted, python, place, env)


def use(wanted: Try, python: Path, place: Path, env: dict[str, str]) -> None:
    """Use it."""
    for file, *arguments in wanted.uses:
        run([str(python), "-I", str(USES / file), *arguments], place, env)
    for command in wanted.commands:
        run(["bash", "-ec", command], place, env)


def main() -> int:
    """Try the extras that are named, or all; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extra", nargs="*", choices=[[], *TRIES], metavar="EXTRA")
    parser.add_argument("--folder", type=Path, help="of the environments; kept")
    options = parser.parse_args()
    failed = 0
    for extra in options.extra or TRIES:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as name:
            try:
                folder = options.folder or Path(name)
                folder.mkdir(parents=True, exist_ok=True)
                tried(extra, folder.resolve())
                print(f"{extra}: works, {time.monotonic() - began:.0f} s", flush=True)
            except PromiseError as error:
                failed += 1
                print(f"{extra}: FAILS {error}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
