"""CPU time of one full spectrum (100 000 bins, N = 5000, an axion), and of its random numbers.

    OMP_NUM_THREADS=1 python benchmarks/haloscope_spectrum.py [repeats]

The limit is what the library's own Gamma generator needs for the same draws, measured in the same
run, and below it the bare normal numbers, without which no draw can be made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import process_time

import numpy as np

from benchmarks.results import hand_in
from haloscope.apparatus.digitizer import gamma_mean
from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.apparatus.spectrum import mean_spectrum_w
from haloscope.axion import AxionLine
from instruments.random import generator


def best_ms(task: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Smallest and median CPU time of one call, in ms."""
    times = []
    for _ in range(repeats):
        start = process_time()
        task()
        times.append(1e3 * (process_time() - start))
    return min(times), float(np.median(times))


def machine() -> SimulatedHaloscope:
    h = SimulatedHaloscope(seed=1, lines=[AxionLine(1.1e9 + 2e3, 6.7e-16)])
    h.jpa.pump_on = True
    return h


def main(repeats: int) -> None:
    h = machine()
    random = generator(1, "benchmark")
    centre = h.local_oscillator.frequency_hz + h.parameters.receiver.intermediate_hz
    size, n = h.parameters.digitizer.bins, h.parameters.digitizer.averages

    def whole_acquisition() -> None:
        h.digitizer.acquire()
        while h.busy:
            h.step(h.dt_s)

    scratch = np.empty(size)

    def one_spectrum() -> object:
        spectrum = gamma_mean(random, n, size)
        spectrum *= mean_spectrum_w(
            centre, h.parameters, h.receiver, h.conditions(), h.lines, out=scratch
        )
        return spectrum

    tasks: dict[str, Callable[[], object]] = {
        "library Gamma draws (limit)": lambda: random.standard_gamma(n, size),
        "library normal draws": lambda: random.standard_normal(size),
        "Gamma(N)/N as used here": lambda: gamma_mean(random, n, size),
        "mean spectrum": lambda: mean_spectrum_w(
            centre, h.parameters, h.receiver, h.conditions(), h.lines
        ),
        "one spectrum (mean and draws)": one_spectrum,
        "whole 500 s acquisition": whole_acquisition,
    }
    print(f"{size} bins, N = {n}, {repeats} repeats; CPU time per call in ms")
    best: dict[str, float] = {}
    for name, task in tasks.items():
        task()
        smallest, median = best_ms(task, repeats)
        best[name] = smallest
        print(f"{name:30s} best {smallest:6.2f}  median {median:6.2f}")
    limit, one = "library Gamma draws (limit)", "one spectrum (mean and draws)"
    hand_in("a spectrum of 100 000 bins", best[one], "ms", against=limit, other=best[limit])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
