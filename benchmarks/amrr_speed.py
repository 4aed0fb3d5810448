"""How much faster than real time the refrigerator runs, on one core, and what sets the limit.

    python -m benchmarks.amrr_speed

Measures the whole machine (compiled kernel, dt 0.1 s) in one call and step by step, how its cost
grows with the lumps, how many seconds of machines pass in a second where a study runs many at once,
and the field step alone compiled and in NumPy, which give the same temperatures.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numba
import numpy as np

from amrr.circuit import loop, rows
from amrr.compiling import in_process
from amrr.parameters import DetectorParameters, RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from amrr.snapshot import start_cold
from benchmarks.amrr_numpy_step import NumpyLoop
from benchmarks.results import hand_in

TARGET = 8000.0


def seconds_per_call(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median and best processor time of ``work``."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times), min(times)


def cold_machine() -> SimulatedRefrigerator:
    machine = SimulatedRefrigerator()
    start_cold(machine)
    machine.step(20.0)
    return machine


def one_by_one(machine: SimulatedRefrigerator) -> None:
    for _ in range(1800):
        machine.step(0.1)


@in_process
def many(steps, x, n, memo, coil_of, currents, garnet, fluid, ledger):  # type: ignore[no-untyped-def]
    """The compiled field step alone."""
    for _ in range(steps):
        currents += 1e-6
        loop.change_field(x, n, memo, coil_of, currents, garnet, fluid, ledger)


def compare_field_steps(steps: int = 300) -> tuple[float, float, float]:
    """Seconds per step compiled and in NumPy, and the largest difference of a temperature, K."""
    machine = cold_machine()
    saved = machine.state()
    x, n, coil_of = saved["nodes"], machine.lump_constants, machine.lump_magnets
    currents = saved["coils"][:, 0].copy()
    ledger = np.zeros(rows.LEDGER_SIZE)
    garnet, fluid = machine.tables
    numpy_loop = NumpyLoop(x, n, garnet, fluid)
    flat = currents.copy()
    begin = time.process_time()
    for _ in range(steps):
        flat += 1e-6
        numpy_loop.change_field(np.abs(n[rows.FIELD_PER_A] * flat[coil_of]))
    numpy_s = (time.process_time() - begin) / steps
    memo = np.full((2, x.shape[1]), np.nan)
    arguments = (n, memo, coil_of, currents, garnet, fluid, ledger)
    many(0, x, *arguments)
    many(steps, x, *arguments)
    difference_k = float(np.abs(x[0] - numpy_loop.x[0]).max())
    _, best_s = seconds_per_call(lambda: many(steps, x, *arguments), 15)
    return best_s / steps, numpy_s, difference_k


def speed(parameters: RefrigeratorParameters) -> tuple[int, float]:
    """Lumps of a machine, and how many times real time it runs while it cycles."""
    machine = cycling(parameters)
    cycle_s, _ = seconds_per_call(lambda: machine.step(180.0), 5)
    return machine.lump_constants.shape[1], 180.0 / cycle_s


def cycling(parameters: RefrigeratorParameters) -> SimulatedRefrigerator:
    """A machine of its own in its first cycle."""
    machine = SimulatedRefrigerator(parameters)
    machine.cycle.run()
    machine.step(60.0)
    return machine


def together(machines: list[SimulatedRefrigerator], threads: int, simulated_s: float) -> float:
    """Seconds of machines in a second on the clock, each machine in one thread at a time.

    A step holds no lock of Python's, so that threads share the cores: what a study does.
    """
    begin = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda machine: machine.step(simulated_s), machines))
    return len(machines) * simulated_s / (time.monotonic() - begin)


def show_many(paper: RefrigeratorParameters) -> None:
    """Print and hand in what studies of many machines reach, medians of five."""
    machines = [cycling(paper) for _ in range(8)]
    cores = os.cpu_count() or 1
    print(f"{len(machines)} machines at once, on the clock, {cores} cores:")
    reached = {}
    for threads in sorted({1, 2, cores}):
        reached[threads] = statistics.median(together(machines, threads, 180.0) for _ in range(5))
        print(f"  threads {threads}: {reached[threads]:6.0f} machine-seconds per second")
    what = f"refrigerators at once, {cores} threads"
    hand_in(what, reached[cores], "s/s", against="one thread", other=reached[1], more=True)


def main() -> None:
    machine = cold_machine()
    lumps = machine.lump_constants.shape[1]
    cycle_s, best_s = seconds_per_call(lambda: machine.step(180.0), 15)
    single_s, _ = seconds_per_call(lambda: one_by_one(machine), 3)
    compiled_s, numpy_s, difference_k = compare_field_steps()
    whole = cycle_s / 1800
    print(f"python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}")
    print(f"machine: {lumps} lumps, dt 0.1 s, one cycle of 180 s, processor time of one core")
    print(f"  in one call      {180 / cycle_s:8.0f} x real time (best {180 / best_s:.0f})"
          f"   {1e6 * whole:6.1f} us per step")  # fmt: skip
    print(f"  step by step     {180 / single_s:8.0f} x real time{'':16s}"
          f"   {1e6 * single_s / 1800:6.1f} us per step")  # fmt: skip
    print("lumps along a bed:")
    paper = RefrigeratorParameters()
    for nodes in (20, 40, 80, 160):
        cut = replace(paper, regenerator=replace(paper.regenerator, nodes=nodes))
        count, times = speed(cut)
        print(f"  {nodes:4d}: {count:4d} lumps in all, {times:6.0f} x real time")
    print("detectors' stages on the cold lines, 6 lumps each:")
    line = replace(paper.cold_line, nodes=6)
    for stages in (0, 2, 4):
        placed = {
            f"detector{k}": DetectorParameters(k <= stages, "AB"[k % 2], 0.03 + 0.02 * k)
            for k in (1, 2, 3, 4)
        }
        _, times = speed(replace(paper, cold_line=line, **placed))
        print(f"  {stages:4d}: {times:6.0f} x real time")
    show_many(paper)
    print("the field step alone, same tables, same Newton iteration:")
    for name, each_s in (("compiled (numba)", compiled_s), ("NumPy alone", numpy_s)):
        print(f"  {name:<16s}{1e6 * each_s:8.1f} us per step")
    print(f"  largest difference of a temperature after 300 steps: {difference_k:.1e} K")
    print(f"limit: the lumps' thermodynamics, {1e9 * compiled_s / lumps:.0f} ns per lump and field")
    print(
        "  step (two cells of the tables, two steps towards its temperature), twice with transport"
    )
    reached = 180 / cycle_s
    hand_in(
        "the refrigerator", reached, "x real time", against="its target", other=TARGET, more=True
    )
    each_us = 1e6 * compiled_s, 1e6 * numpy_s
    hand_in("its field step", each_us[0], "us", against="NumPy alone", other=each_us[1])
    print(f"target {TARGET:.0f} x real time: {'reached' if reached >= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
