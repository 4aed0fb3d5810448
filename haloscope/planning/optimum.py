"""The coupling, step and integration that reach a coupling in the least time.

A scan of uniform steps looks the same from everywhere inside it, so that a short stack of spectra
about one frequency tells what the whole does: ``reach_at`` takes the worst place within a step. The
scan rate is the step over the time that it takes,

    R = step / (N / (bin width * efficiency) + overhead),

with N the averages that bring the worst place to the target. The coupling goes as N^(-1/4) but for
the priors of the baseline's fit: one round tells which way is faster, two what is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar

from haloscope.analysis.options import Options
from haloscope.planning.expected import expected_limit
from haloscope.planning.setup import Setup

__all__ = [
    "REACH_WIDTHS",
    "Point",
    "averages_needed",
    "best_beta",
    "best_step",
    "point_at",
    "reach_at",
    "steps_of",
]

#: Spectra farther from a frequency than this, in loaded widths, add less than a tenth of a percent
#: of SNR^2 there.
REACH_WIDTHS: Final = 3.0
#: Where couplings are looked for.
_BETAS: Final = (0.2, 60.0)
#: Steps that are tried, in loaded widths.
_STEPS: Final = (0.08, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0)
#: Of rates that differ by less than this factor the wider step is taken.
_AS_FAST: Final = 0.99
#: Averages to begin with.
_FIRST: Final = 5000.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """One way of scanning about one frequency.

    Attributes:
        frequency_hz: Where, Hz.
        beta: Coupling of the antenna.
        step_hz: Distance of the targets, Hz.
        averages: Spectra averaged at each.
        rate_hz_per_s: Band per time.
    """

    frequency_hz: float
    beta: float
    step_hz: float
    averages: float
    rate_hz_per_s: float


def steps_of(setup: Setup, frequency_hz: float, options: Options) -> list[float]:
    """Steps worth trying there, Hz: shares of the loaded width that the window still covers."""
    width_hz = frequency_hz / setup.loaded_q(frequency_hz)
    line_hz = setup.bin_hz * options.fine_merge * options.coarse_merge * options.line_bins
    most_hz = 0.8 * (options.window_hz - line_hz)
    found = [share * width_hz for share in _STEPS if share * width_hz <= most_hz]
    return found or [most_hz]


def reach_at(
    setup: Setup, frequency_hz: float, step_hz: float, averages: float, options: Options
) -> float:
    """Coupling that a uniform scan excludes at the worst place within a step, 1/GeV."""
    width_hz = frequency_hz / setup.loaded_q(frequency_hz)
    reach_hz = min(0.5 * options.window_hz, REACH_WIDTHS * width_hz) + step_hz
    each_side = max(1, math.ceil(reach_hz / step_hz))
    targets = frequency_hz + step_hz * np.arange(-each_side, each_side + 1)
    found = expected_limit(setup, targets.tolist(), averages, options)
    away = found.frequency_hz - frequency_hz
    inside = (away >= -0.5 * step_hz) & (away < 0.5 * step_hz)
    if not inside.any():  # a step of less than a coarse bin
        inside = np.abs(away) == np.abs(away).min()
    return float(found.coupling_per_gev[inside].max())


def averages_needed(
    setup: Setup,
    frequency_hz: float,
    step_hz: float,
    target_per_gev: float,
    options: Options,
    *,
    rounds: int = 2,
) -> float:
    """Averages of each step that bring the worst place to a coupling; not rounded, 1 or more."""
    averages = _FIRST
    for _ in range(rounds):
        reached = reach_at(setup, frequency_hz, step_hz, averages, options)
        averages = max(1.0, averages * (reached / target_per_gev) ** 4)
    return averages


def point_at(
    setup: Setup, frequency_hz: float, step_hz: float, target_per_gev: float, options: Options
) -> Point:
    """How fast a coupling is reached with this step."""
    averages = averages_needed(setup, frequency_hz, step_hz, target_per_gev, options, rounds=1)
    times = setup.times
    overhead_s = times.overhead_s(step_hz, setup.sweeps(frequency_hz))
    each_s = times.integration_s(averages, setup.bin_hz) + overhead_s
    return Point(
        frequency_hz=frequency_hz,
        beta=setup.beta,
        step_hz=step_hz,
        averages=averages,
        rate_hz_per_s=step_hz / each_s,
    )


def best_step(
    setup: Setup,
    frequency_hz: float,
    target_per_gev: float,
    options: Options,
    steps_hz: Sequence[float] | None = None,
) -> Point:
    """The widest step that scans within a percent of the fastest, at the setup's coupling.

    Among ``steps_hz``, ``steps_of`` by default. Narrow steps gain little, and wear the drive.
    """
    tried = steps_hz or steps_of(setup, frequency_hz, options)
    points = [point_at(setup, frequency_hz, s, target_per_gev, options) for s in tried]
    fastest = max(point.rate_hz_per_s for point in points)
    good = [point for point in points if point.rate_hz_per_s >= _AS_FAST * fastest]
    return max(good, key=lambda point: point.step_hz)


def best_beta(
    setup: Setup,
    frequency_hz: float,
    target_per_gev: float,
    options: Options,
    step_hz: float | None = None,
) -> Point:
    """The coupling that scans fastest, to 5 %, with a given step or a third of the width."""

    def at(log_beta: float) -> Point:
        coupled = setup.coupled(math.exp(log_beta))
        width_hz = frequency_hz / coupled.loaded_q(frequency_hz)
        step = step_hz or min(width_hz / 3, max(steps_of(coupled, frequency_hz, options)))
        return point_at(coupled, frequency_hz, step, target_per_gev, options)

    bounds = (math.log(_BETAS[0]), math.log(_BETAS[1]))
    found = minimize_scalar(
        lambda x: -at(x).rate_hz_per_s, bounds=bounds, method="bounded", options={"xatol": 0.05}
    )
    return at(float(found.x))
