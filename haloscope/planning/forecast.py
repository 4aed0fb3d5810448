"""The forecast of a search: band and coupling in; steps, time and sensitivity out.

What is not given is chosen: the coupling of the antenna and the step that scan fastest
(``optimum``), the integration that reaches the target at the worst place of the band. The limit is
the analysis' own (``expected``), the time that of the instruments (``timing``) and of the
calibrations that a campaign makes (``rounds``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray
from haloscope.axion import coupling_ksvz
from haloscope.finite_line import simple_form_fails
from haloscope.planning.expected import Expected, expected_limit
from haloscope.planning.optimum import (
    REACH_WIDTHS,
    averages_needed,
    best_beta,
    best_step,
    reach_at,
)
from haloscope.planning.request import Request, Target
from haloscope.planning.rounds import calibration_targets, segments
from haloscope.planning.setup import Setup
from haloscope.planning.timing import Times

__all__ = ["Curve", "Forecast", "forecast"]

#: Frequencies of the band where the integration is worked out; the worst decides.
_PLACES = 5
#: Half a window's worth of SNR^2 lies within this many loaded widths: how far a scan goes beyond.
_BEYOND_WIDTHS = 1.0
#: A scan of more steps is worked out in some stretches, evenly over the band, if these are fewer.
_WHOLE, _STRETCHES, _FEWEST_STRETCHES = 1500, 24, 5
#: Length of a stretch over twice the reach of a spectrum.
_LONGER = 1.3
_MOST_STEPS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The sensitivity over the band: arrays of shape (k,), no more than is to be drawn.

    Attributes:
        frequency_hz: Axion frequency.
        coupling_per_gev: What will be excluded there.
        over_ksvz: The same over the KSVZ coupling.
        expected_snr: Mean excess of a DFSZ axion, all efficiencies counted.
    """

    frequency_hz: FloatArray
    coupling_per_gev: FloatArray
    over_ksvz: FloatArray
    expected_snr: FloatArray


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a search will be.

    Attributes:
        name: Of the apparatus.
        request: What was asked.
        beta: Coupling of the antenna.
        loaded_q: In the middle of the band.
        step_hz: Distance of targets.
        averages: Of each step.
        integration_s: Of each step.
        overhead_s: Of each step besides.
        targets_hz: Of the steps.
        overlap: Spectra that meet at a frequency within one loaded width.
        scan_s: Time of all steps.
        calibration_s: Time of all calibrations.
        calibrations: How many.
        noise_k: T_n at the cavity in the middle of the band.
        xi: Width of the grand spectrum before normalisation, mean.
        eps: SNR efficiency, mean.
        systematic: Relative error of the expected power that is taken off, mean.
        worst_per_gev: Largest coupling within the band.
        typical_per_gev: Median.
        curve: Over the band.
        warnings: What the reader should know.
    """

    name: str
    request: Request
    beta: float
    loaded_q: float
    step_hz: float
    averages: int
    integration_s: float
    overhead_s: float
    targets_hz: tuple[float, ...]
    overlap: float
    scan_s: float
    calibration_s: float
    calibrations: int
    noise_k: float
    xi: float
    eps: float
    systematic: float
    worst_per_gev: float
    typical_per_gev: float
    curve: Curve
    warnings: tuple[str, ...]

    @property
    def total_s(self) -> float:
        """Time of the campaign, calibrations counted, s."""
        return self.scan_s + self.calibration_s

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.targets_hz)


def forecast(setup: Setup, request: Request, options: Options) -> Forecast:
    """Forecast a search.

    Args:
        setup: The apparatus.
        request: What is asked.
        options: Of the analysis.

    Raises:
        ValueError: The band is beyond the cavity's reach, too many steps, or nothing is left of it;
            or the bins are too wide for the line.
    """
    setup.demand_reach(request.low_hz, request.high_hz)
    setup, step_hz = _operated(setup, request, options)
    targets = _targets(setup, request, step_hz, options)
    averages = request.averages or _averages(setup, request, step_hz, options)
    found = _limit_over(setup, targets, averages, options)
    frequency, coupling, snr = _inside(found, request)
    if request.target is not None and request.averages is None:
        share = float(np.max(coupling / _target_over(request.target, frequency)))
        averages = max(1, math.ceil(averages * share**4))
        found = _limit_over(setup, targets, averages, options)
        frequency, coupling, snr = _inside(found, request)
    return _told(setup, request, step_hz, targets, averages, found, (frequency, coupling, snr))


def _operated(setup: Setup, request: Request, options: Options) -> tuple[Setup, float]:
    """The setup at its coupling, and the step."""
    middle_hz = 0.5 * (request.low_hz + request.high_hz)
    step_hz = request.step_hz
    if request.beta is not None:
        setup = setup.coupled(request.beta)
    elif request.target is not None or step_hz is None:
        wanted = _wanted(setup, request, middle_hz, options)
        setup = setup.coupled(best_beta(setup, middle_hz, wanted, options, step_hz).beta)
    if step_hz is None:
        wanted = _wanted(setup, request, middle_hz, options)
        step_hz = best_step(setup, middle_hz, wanted, options).step_hz
        step_hz = min(step_hz, request.high_hz - request.low_hz)
        # A step that somebody types: three digits.
        step_hz = float(f"{step_hz:.3g}")
    return setup, step_hz


def _wanted(setup: Setup, request: Request, frequency_hz: float, options: Options) -> float:
    """The target there; what the averages reach where there is none."""
    if request.target is not None:
        return request.target.at(frequency_hz)
    assert request.averages is not None
    width_hz = frequency_hz / setup.loaded_q(frequency_hz)
    return reach_at(setup, frequency_hz, width_hz / 3, request.averages, options)


def _targets(setup: Setup, request: Request, step_hz: float, options: Options) -> list[float]:
    """The targets of the scan, Hz, ascending."""
    low, high = request.low_hz, request.high_hz
    count = math.floor((high - low) / step_hz + 1e-6) + 1
    if request.beyond:
        width_hz = low / setup.loaded_q(low)
        beyond_hz = min(_BEYOND_WIDTHS * width_hz, 0.4 * options.window_hz)
        more = math.ceil(beyond_hz / step_hz)
        low, count = low - more * step_hz, count + 2 * more
    if count > _MOST_STEPS:
        raise ValueError(f"forecast: {count} steps of {step_hz:g} Hz, at most {_MOST_STEPS}")
    targets = low + step_hz * np.arange(count)
    keep = (targets >= setup.lowest_hz) & (targets <= setup.highest_hz)
    for skip_low, skip_high in request.skip_hz:
        keep &= ~((targets >= skip_low) & (targets <= skip_high))
    if not keep.any():
        raise ValueError("forecast: nothing is left of the band without what is to be skipped")
    found: list[float] = targets[keep].tolist()
    return found


def _averages(setup: Setup, request: Request, step_hz: float, options: Options) -> int:
    """Averages that the worst of some places in the band needs."""
    assert request.target is not None
    places = np.linspace(request.low_hz, request.high_hz, _PLACES).tolist()
    needed = [averages_needed(setup, nu, step_hz, request.target.at(nu), options) for nu in places]
    return math.ceil(max(needed))


def _limit_over(
    setup: Setup, targets: list[float], averages: int, options: Options
) -> list[_Stretch]:
    """The limit of the whole scan; of a long one in stretches evenly over the band."""
    reach_hz = min(0.5 * options.window_hz, REACH_WIDTHS * targets[0] / setup.loaded_q(targets[0]))
    step_hz = (targets[-1] - targets[0]) / max(len(targets) - 1, 1)
    length = math.ceil(2 * _LONGER * reach_hz / step_hz) if step_hz else len(targets)
    count = max(_FEWEST_STRETCHES, min(_STRETCHES, _WHOLE // length))
    if len(targets) <= max(_WHOLE, count * length):
        return [_Stretch(expected_limit(setup, targets, averages, options), 0.0, math.inf)]
    starts = np.linspace(0, len(targets) - length, count).astype(int).tolist()
    found = []
    for start in starts:
        part = targets[start : start + length]
        # What is nearer to a cut than spectra reach lacks those beyond it.
        low = 0.0 if start == starts[0] else part[0] + reach_hz
        high = math.inf if start == starts[-1] else part[-1] - reach_hz
        found.append(_Stretch(expected_limit(setup, part, averages, options), low, high))
    return found


@dataclass(frozen=True)
class _Stretch:
    """The limit of a part of a scan, which holds between two frequencies."""

    expected: Expected
    low_hz: float
    high_hz: float

    @property
    def holds(self) -> NDArray[np.bool_]:
        frequency = self.expected.frequency_hz
        return (frequency >= self.low_hz) & (frequency <= self.high_hz)


def _inside(found: list[_Stretch], request: Request) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Frequency, coupling and expected SNR of the grand bins of the band."""
    frequency, coupling, snr = (
        np.concatenate([array(one.expected)[one.holds] for one in found])
        for array in (
            lambda one: one.frequency_hz,
            lambda one: one.coupling_per_gev,
            lambda one: one.limit.expected_snr,
        )
    )
    keep = (frequency >= request.low_hz) & (frequency <= request.high_hz)
    for low, high in request.skip_hz:
        keep &= ~((frequency >= low) & (frequency <= high))
    if not keep.any():
        raise ValueError("forecast: the band holds no grand bin, it is narrower than the line")
    return frequency[keep], coupling[keep], snr[keep]


def _target_over(target: Target, frequency_hz: FloatArray) -> FloatArray:
    """Couplings of KSVZ and DFSZ are proportional to the frequency."""
    if target.unit == "1/GeV":
        return np.full(len(frequency_hz), target.value)
    return np.asarray(target.at(1e9) * frequency_hz / 1e9)


def _told(
    setup: Setup,
    request: Request,
    step_hz: float,
    targets: list[float],
    averages: int,
    found: list[_Stretch],
    band: tuple[FloatArray, FloatArray, FloatArray],
) -> Forecast:
    frequency, coupling, snr = band
    times, middle_hz = setup.times, 0.5 * (request.low_hz + request.high_hz)
    integration_s = times.integration_s(averages, setup.bin_hz)
    sweeps = setup.sweeps(middle_hz)
    overhead_s = times.overhead_s(step_hz, sweeps)
    places, parts = _calibrations(times, targets, integration_s + overhead_s)
    away_hz = abs(targets[0] - (request.stands_hz or setup.reference_hz))
    scan_s = len(targets) * (integration_s + overhead_s) + times.first_step_s(away_hz, sweeps)
    # Between two parts the rod stands where it was.
    scan_s += (parts - 1) * times.first_step_s(step_hz, sweeps)
    rounds = parts - 1 if request.calibrated else parts
    loaded_q = setup.loaded_q(middle_hz)
    return Forecast(
        name=setup.name, request=request, beta=setup.beta, loaded_q=loaded_q, step_hz=step_hz,
        averages=averages, integration_s=integration_s, overhead_s=overhead_s,
        targets_hz=tuple(targets), overlap=middle_hz / loaded_q / step_hz, scan_s=scan_s,
        calibration_s=rounds * places * times.calibration_s(setup.bin_hz, sweeps),
        calibrations=rounds * places,
        noise_k=float(setup.noise_k(np.array([middle_hz]), middle_hz, setup.beta)[0]),
        xi=_mean([one.expected.grand.xi[one.holds] for one in found]),
        eps=_mean([one.expected.grand.efficiency_averaged[one.holds] for one in found]),
        systematic=_mean([one.expected.systematic[one.holds] for one in found]),
        worst_per_gev=float(coupling.max()), typical_per_gev=float(np.median(coupling)),
        curve=Curve(
            frequency_hz=frequency, coupling_per_gev=coupling,
            over_ksvz=coupling / (frequency * (coupling_ksvz(1e9) / 1e9)), expected_snr=snr,
        ),
        warnings=tuple(word for word in _warnings(setup, middle_hz, step_hz) if word),
    )  # fmt: skip


def _calibrations(times: Times, targets: list[float], each_s: float) -> tuple[int, int]:
    """Places of a round of calibrations, and into how many parts they cut the scan."""
    targets_mhz = [nu * 1e-6 for nu in targets]
    places = len(calibration_targets(targets_mhz, times.spacing_hz * 1e-6))
    return places, len(segments(targets_mhz, each_s, times.every_s))


def _mean(arrays: list[FloatArray]) -> float:
    return float(np.mean(np.concatenate(arrays)))


def _warnings(setup: Setup, frequency_hz: float, step_hz: float) -> list[str]:
    loaded_q = setup.loaded_q(frequency_hz)
    width_hz = frequency_hz / loaded_q
    wide = ""
    if step_hz > width_hz:
        wide = (
            f"steps of {step_hz * 1e-3:.3g} kHz are wider than the cavity, {width_hz * 1e-3:.3g} "
            "kHz: between targets little is seen"
        )
    return [simple_form_fails(frequency_hz, loaded_q), wide]
