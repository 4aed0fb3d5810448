"""Spectra of an offline analysis that are read from a catalog."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.analysis_speed import stack
from benchmarks.catalog_scale import MAIN
from benchmarks.scale.axes.runs import kilobytes
from benchmarks.scale.axis import Axis, Quantity
from benchmarks.scale.process import peak_mb
from cryohalo.catalog import DocumentWriter
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.recorded import event

#: Spectra drawn at a time, and steps of one run: a campaign is of several.
DRAWN, OF_A_RUN = 100, 2000
FIRST_HZ, APART_HZ = 1.0e9, 10e3
#: Exit codes of a command that came to its end: that of a result not to be believed is one.
ENDED = (0, 3)
CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.03,
    "receiver_temperature_k": 1.2,
    "receiver_temperature_k_error": 0.04,
    "line_attenuation_db": 0.4,
    "line_attenuation_db_error": 0.05,
}


#: After its command, a process says what it used and what its peak was.
_TOLD = (
    "import atexit, time\n"
    "from benchmarks.scale.process import peak_mb\n"
    "atexit.register(lambda: print(time.process_time(), peak_mb()))\n"
)


def step(spectra: Spectra, row: int) -> dict[str, Any]:
    """What a scan records at one step, of a digitizer that hands out the window alone."""
    recorded = event(spectra, row, named="")
    return {k: v if isinstance(v, np.ndarray) else float(v) for k, v in recorded.items()}


def write(folder: Path, count: int) -> list[str]:
    """A campaign of so many steps; uids of its runs."""
    writer, runs = DocumentWriter(folder), []
    for name, document in documents(count):
        writer(name, document)
        runs += [document["uid"]] if name == "start" else []
    return runs


def documents(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those of a campaign of so many steps, 2000 to a run."""
    steps = drawn(count)
    for uid in [f"{n:08d}" for n in range(-(-count // OF_A_RUN))]:
        of = {"run_start": uid, "time": 1.7e9}
        start = {"uid": uid, "time": 1.7e9, "plan_name": "scan", "calibration": CALIBRATION}
        yield "start", start
        keys = {"daq_spectrum": {"dtype": "array", "shape": [None], "source": "x"}}
        yield "descriptor", {"uid": f"{uid}d", "name": "primary", "data_keys": keys, **of}
        taken = 0
        for data in islice(steps, OF_A_RUN):
            taken += 1
            of_run = {"uid": f"{uid}{taken}", "descriptor": f"{uid}d", "seq_num": taken}
            yield "event", {**of_run, "time": 1.7e9 + taken, "data": data}
        ended = {"exit_status": "success", "num_events": {"primary": taken}}
        yield "stop", {"uid": f"{uid}s", **of, **ended}


def drawn(count: int) -> Iterator[dict[str, Any]]:
    """The steps of a campaign, one after the other."""
    for first in range(0, count, DRAWN):
        spectra = stack(min(DRAWN, count - first), FIRST_HZ + APART_HZ * first, seed=first)
        for row in range(len(spectra)):
            yield step(spectra, row)


def asked(*arguments: str) -> dict[str, float]:
    """Seconds of a command in a process of its own, its processor's, and its peak memory in MB."""
    begin = time.perf_counter()
    command = [sys.executable, "-c", _TOLD + MAIN, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        out, _ = process.communicate()
    took_s = time.perf_counter() - begin
    if process.returncode not in ENDED:
        raise SystemExit(f"cryohalo {' '.join(arguments[:1])} ended with {process.returncode}")
    used_s, peak = map(float, out.decode().split()[-2:])
    return {"took_s": took_s, "used_s": used_s, "peak_mb": peak}


def measure(size: int) -> dict[str, float]:
    """A catalog of so many steps, and ``cryohalo analyze`` of it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        catalog, output = Path(folder) / "runs", Path(folder) / "results"
        runs = write(catalog, size)
        of_it = "--catalog", str(catalog), "--output", str(output)
        found = asked("analyze", *runs, *of_it)
        return {
            "command_s": found["took_s"],
            "processor_s": found["used_s"],
            "memory_mb": found["peak_mb"],
            "disk_mb": kilobytes(catalog) / 1e3,
            "writer_mb": peak_mb(),
        }


AXIS = Axis(
    name="recorded",
    title="spectra of a catalog",
    told=(
        "The same noise windows as recorded events, 2000 to a run, and `cryohalo analyze` of all "
        "runs at once in a process of its own, with its start and its files."
    ),
    why=(
        "Each event is read once; of up to some 3000 the windows are held in memory, of more "
        "they go to a temporary file and are read from there block by block. What is held of each "
        "spectrum besides are its fit, fingerprints and landmarks, some 15 kB. Below a thousand "
        "spectra the start of the interpreter counts."
    ),
    sizes=(100, 1000, 3000, 10_000),
    large=(20_000, 30_000),
    quantities={
        "command_s": Quantity("command", "s", "time"),
        "processor_s": Quantity("its processor time", "s", "time"),
        "memory_mb": Quantity("peak memory", "MB", "memory"),
        "disk_mb": Quantity("catalog", "MB", "bytes"),
        "writer_mb": Quantity("peak memory of what wrote it", "MB", "memory"),
    },
    measure=measure,
    timeout_s=1800.0,
)
