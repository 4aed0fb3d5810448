"""How fast the analysis is, as ratios within one run, with the limit each is approaching.

    python benchmarks/analysis_speed.py [--spectra 1996] [--experiments 10000]

Data are Gamma noise about the letter's baseline shape in the 150 kHz windows (120 MB in float32).
Absolute times depend on the machine and its load; the ratios compare like with like in one process.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import curve_fit
from scipy.signal import savgol_filter

from benchmarks.results import hand_in
from haloscope.analysis.apparatus import CAPP_12TB
from haloscope.analysis.chain.baseline import fit_baseline, reduced_frequency, shape_of
from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.reduce import coarse_range, reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.smoothing import savgol
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Calibration, Spectra
from haloscope.analysis.statistics.distribute import run
from haloscope.analysis.statistics.montecarlo import Plan
from haloscope.constants import BOLTZMANN_J_PER_K

BINS, STEP_HZ, AVERAGES = 15000, 10.0, 5000


def stack(count: int, first_hz: float = 1.09e9, seed: int = 0) -> Spectra:
    """Noise windows 10 kHz apart with the letter's noise temperatures."""
    rng = np.random.default_rng(seed)
    offset = (np.arange(BINS) - BINS // 2) * STEP_HZ
    gain = 1 + 99 / (1 + (2 * (offset + 100e3) / 190e3) ** 2)
    kelvin = 0.116 + 1.2 / gain + 0.0735 / (1 + (2 * 35000 * offset / 1.1e9) ** 2)
    mean = (BOLTZMANN_J_PER_K * STEP_HZ * kelvin * gain * 10**10.4).astype(np.float32)
    power = np.empty((count, BINS), np.float32)
    for row in power:
        row[:] = mean * (rng.standard_gamma(AVERAGES, BINS) / AVERAGES)
    target = first_hz + 10e3 * np.arange(count)
    full = np.ones(count)
    return Spectra(
        power_w=power, frequency_start_hz=target + offset[0], step_hz=STEP_HZ,
        num_averages=full * AVERAGES, target_frequency_hz=target, cavity_frequency_hz=target,
        loaded_q=full * 35000, beta=full * 2, jpa_resonance_hz=target - 100e3,
        jpa_bandwidth_hz=full * 190e3, jpa_gain_peak_db=full * 20, magnet_field_t=full * 12,
        form_factor=full * 0.6, volume_m3=CAPP_12TB.volume_m3, field_ratio=CAPP_12TB.field_ratio,
        calibration=Calibration(line_attenuation_db=0.4, receiver_gain_db=104.0),
    )  # fmt: skip


def timed(work: Callable[[], Any], repeats: int = 1) -> float:
    """Shortest wall time of ``repeats`` calls, seconds."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def whole_campaign(spectra: Spectra) -> None:
    before = time.process_time()
    took = timed(lambda: analyze(spectra), 2)
    processor = (time.process_time() - before) / 2
    copied = timed(lambda: spectra.power_w.sum(axis=1), 3)
    hand_in("analysis, each spectrum", took / len(spectra) * 1e3, "ms")
    print(
        f"analysis of {len(spectra)} spectra from arrays: {took:.2f} s, {processor:.2f} s of "
        f"processor time (wanted: under 5 s on two cores)"
    )
    print(
        f"  limit: reading the input once takes {copied:.3f} s, ratio {took / copied:.0f}; "
        f"{took / len(spectra) * 1e3:.2f} ms per spectrum"
    )


def baseline(spectra: Spectra) -> None:
    few, options = spectra.subset(slice(0, 64)), Options()
    windows = select(few, options)
    merged, rows = windows.merged(), slice(0, len(few))
    ours = timed(lambda: fit_baseline(few, windows, merged, rows, options), 3) / len(few)
    u = reduced_frequency(windows, rows, options)
    shape = shape_of(few.subset(slice(0, 1)), options)
    assert shape is not None
    data = merged / merged.mean(axis=1, keepdims=True)
    start = shape.start(u[:1], data[:1])[0]
    sigma = data[0] / np.sqrt(AVERAGES * 5)

    def one(row: int) -> None:
        def model(_: np.ndarray, *theta: float) -> np.ndarray:
            return shape.value(np.array([theta]), u[row : row + 1])[0]

        curve_fit(model, u[row], data[row], p0=start, sigma=sigma)

    def each() -> None:
        for row in range(4):
            one(row)

    theirs = timed(each) / 4
    draws = timed(lambda: np.random.default_rng(0).standard_gamma(AVERAGES, 3000), 5)
    hand_in("baseline fit", ours * 1e3, "ms", against="curve_fit", other=theirs * 1e3)
    print(f"baseline fit: {ours * 1e3:.2f} ms, curve_fit {theirs * 1e3:.1f} ms, ratio "
          f"{theirs / ours:.0f}; limit: one pass of the function over the bins "
          f"{timed(lambda: shape.value(start[None], u[:1]), 20) * 1e3:.3f} ms, drawing its noise "
          f"{draws * 1e3:.3f} ms")  # fmt: skip


def smoothing(spectra: Spectra) -> None:
    full = np.tile(spectra.power_w[:8], (1, 7))[:, :100_000].astype(np.float64)
    ours = timed(lambda: savgol(full, 2001, 4), 3) / len(full)
    theirs = timed(lambda: savgol_filter(full, 2001, 4, mode="interp"), 2) / len(full)
    transform = timed(lambda: np.fft.irfft(np.fft.rfft(full)), 3) / len(full)
    hand_in("Savitzky-Golay", ours * 1e3, "ms", against="savgol_filter", other=theirs * 1e3)
    print(f"Savitzky-Golay 2001/4 on 100 000 bins: {ours * 1e3:.2f} ms, savgol_filter "
          f"{theirs * 1e3:.1f} ms, ratio {theirs / ours:.0f}; limit: a transform there and back "
          f"{transform * 1e3:.2f} ms")  # fmt: skip


def combination(spectra: Spectra) -> None:
    options = Options(filter_spikes=False)
    few = spectra.subset(slice(0, min(256, len(spectra))))
    windows = select(few, options)
    parts = [reduced for _, reduced, _ in reduce_stack(few, windows, options).chunks()]

    def ours() -> None:
        sums = Accumulator(STEP_HZ, options)
        sums.reserve(*coarse_range(windows, options))
        for part in parts:
            sums.add(part)

    def plain() -> None:
        numerator: dict[int, float] = {}
        for part in parts[:1]:
            for i in range(8):
                for j in range(part.excess.shape[1]):
                    weight = part.amplitude[i, j] ** 2
                    key = int(part.first_fine[i]) + j
                    value = weight * part.excess[i, j] / part.amplitude[i, j]
                    numerator[key] = numerator.get(key, 0.0) + value

    mine, loop = timed(ours, 3) / len(few), timed(plain) / 8
    moved = timed(lambda: [p.excess + p.amplitude for p in parts], 3) / len(few)
    hand_in("combination", mine * 1e6, "us", against="a plain loop", other=loop * 1e6)
    print(f"combination: {mine * 1e6:.0f} us per spectrum with xi and eps, a plain loop "
          f"{loop * 1e6:.0f} us, ratio {loop / mine:.0f}; limit: adding two arrays of that size "
          f"{moved * 1e6:.0f} us")  # fmt: skip


def monte_carlo(spectra: Spectra, experiments: int) -> None:
    plan = Plan(spectra.subset(slice(0, 15)), experiments=experiments)
    before = time.process_time()
    took = timed(lambda: run(plan))
    processor = time.process_time() - before
    draws = timed(lambda: np.random.default_rng(0).standard_gamma(25000.0, 1_000_000))
    alone = draws * experiments * 15 * 3000 / 1e6
    what = f"Monte Carlo, {experiments} x 15 spectra"
    hand_in(what, took, "s", against="drawing its noise on one core", other=alone)
    print(
        f"{experiments} x 15 spectra Monte Carlo, every baseline fitted: {took:.1f} s, "
        f"{processor:.1f} s of processor time on {os.cpu_count()} cores (wanted: 10 000 under 8 s)"
    )
    print(f"  to draw every fine bin on one core takes {alone:.1f} s, ratio {took / alone:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=1996)
    parser.add_argument("--experiments", type=int, default=10_000)
    given = parser.parse_args()
    spectra = stack(given.spectra)
    whole_campaign(spectra)
    baseline(spectra)
    smoothing(spectra)
    combination(spectra)
    monte_carlo(spectra, given.experiments)


if __name__ == "__main__":
    main()
