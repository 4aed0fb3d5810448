"""Milliseconds per bluesky point against the haloscope's IOC: before and after, with the floor.

    python -m benchmarks.bluesky_points

Before: caproto's own server, bluesky's RunEngine as it comes, readings by gets. After: this
project's server and RunEngine, readings by monitors. Each variant is measured by a process of its
own, in alternation; the median over the rounds is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.results import hand_in
from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc, Launcher

HERE = Path(__file__).parent
PREFIX = "H:"
VARIANTS = ("before", "server", "after")
EXPLAINED = {
    "before": "caproto's server, RunEngine as it comes, gets",
    "server": "our server, RunEngine as it comes, gets",
    "after": "our server, our RunEngine, monitors",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--worker", choices=VARIANTS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(work(arguments.worker, PREFIX, arguments.points)))
        return
    results: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
    for _ in range(arguments.rounds):
        for variant in VARIANTS:
            results[variant].append(_run(variant, arguments.points))
    _show(results)


def _run(variant: str, points: int) -> dict[str, float]:
    stock = (str(HERE / "servers" / "stock_ioc.py"), "haloscope") if variant == "before" else ()
    environment = {"PYTHONPATH": str(HERE.parent)}
    ioc = LaunchedIoc("haloscope", stock, ("--prefix", PREFIX, "--speed", "0"), environment)
    with Launcher([ioc]) as launcher:
        wait_served([f"{PREFIX}Rod"], launcher.ports[0])
        line = [sys.executable, "-m", "benchmarks.bluesky_points", "--worker", variant]
        ended = subprocess.run(
            [*line, "--points", str(points)],
            env={**os.environ, **launcher.environment},
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    if ended.returncode:
        raise RuntimeError(ended.stderr[-1000:])
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def work(variant: str, prefix: str, points: int) -> dict[str, float]:
    """Measure all cases in this process; case to ms per point."""
    import bluesky.plan_stubs as bps
    import bluesky.plans as bp
    from bluesky import RunEngine
    from ophyd import Component, Device, EpicsMotor, EpicsSignalRO
    from ophyd.sim import det

    from cryohalo.run_engine import close_run_engine, make_run_engine

    engine = make_run_engine() if variant == "after" else RunEngine()
    monitored = variant == "after"

    def signal(name: str) -> Any:
        return EpicsSignalRO(
            prefix + name, name=name.translate({58: 95, 46: 95}), auto_monitor=monitored
        )

    names = _scalars()[:100]
    one, hundred = signal("LO:Frequency_RBV"), [signal(name) for name in names]
    parts = {
        f"s{number}": Component(EpicsSignalRO, name, kind="normal", auto_monitor=monitored)
        for number, name in enumerate(names)
    }
    device = type("Hundred", (Device,), parts)(prefix, name="hundred")
    spectrum = signal("DAQ:Spectrum_RBV")
    rod = EpicsMotor(prefix + "Rod", name="rod")
    for thing in (one, *hundred, device, spectrum, rod):
        thing.wait_for_connection(timeout=30)
    start = rod.position

    cases: dict[str, Callable[[int], Any]] = {
        "floor: messages alone": lambda n: bps.repeat(bps.null, n),
        "simulated detector": lambda n: bp.count([det], n),
        "one scalar": lambda n: bp.count([one], n),
        "100 scalars": lambda n: bp.count(hundred, n),
        "100 scalars, one device": lambda n: bp.count([device], n),
        "spectrum": lambda n: bp.count([spectrum], n),
        "motor and scalar": lambda n: bp.scan([one], rod, start, start + 0.001 * n, n),
    }
    times = {}
    for name, plan in cases.items():
        engine(plan(3))
        began = time.perf_counter()
        engine(plan(points))
        times[name] = (time.perf_counter() - began) / points * 1e3
    close_run_engine(engine)
    return times


def _scalars() -> list[str]:
    line = [sys.executable, "-m", "iocs.haloscope", "--list-pvs", "--prefix", PREFIX]
    listed = subprocess.run(line, capture_output=True, text=True, check=True, cwd=HERE.parent)
    arrays = ("Spectrum", "Preview", "Envelope", "VNA:")
    names = [name.removeprefix(PREFIX) for name in listed.stdout.split()]
    return [name for name in names if not any(array in name for array in arrays)]


def _show(results: dict[str, list[dict[str, float]]]) -> None:
    print("ms per point, median of", len(next(iter(results.values()))), "rounds")
    for variant, text in EXPLAINED.items():
        print(f"  {variant}: {text}")
    for case in results["before"][0]:
        medians = {v: statistics.median(r[case] for r in rounds) for v, rounds in results.items()}
        shown = "  ".join(f"{v} {ms:8.2f}" for v, ms in medians.items())
        other = medians["before"]
        hand_in(
            f"a point, {case}", medians["after"], "ms", against=EXPLAINED["before"], other=other
        )
        print(f"{case:24s} {shown}  before/after {medians['before'] / medians['after']:.1f}")


if __name__ == "__main__":
    main()
