"""Spectra as real laboratories bring them: a library of receivers, faults and mistakes, generated.

A receiver without a JPA at 700 MHz, 200 Hz bins; 25 spectra 5 kHz apart. Each case says what was
really there (mean power and gain of every row), so that the limit that the radiometer allows is
known whatever the calibration claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from haloscope.analysis.chain.combine import Accumulator, Reduced
from haloscope.analysis.chain.grand import SmootherResponse, grand_spectrum
from haloscope.analysis.chain.rescale import amplitudes
from haloscope.analysis.chain.selection import windows_of
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Calibration, FloatArray, Spectra
from haloscope.analysis.statistics.limits import dfsz
from haloscope.axion import bin_fractions, coupling_dfsz, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K

STEP_HZ, BINS, ROWS, FIRST_HZ = 200.0, 1000, 25, 700e6
GAIN_DB, NOISE_K = 100.0, 0.5
OPTIONS = Options(window_hz=150e3, fine_merge=1, coarse_merge=1, line_bins=13)
X = np.linspace(-1, 1, BINS)


@dataclass(frozen=True)
class Nasty:
    """A case of the library.

    Attributes:
        name: What it is.
        spectra: As they come to the analysis.
        truth: The same rows without noise and without faults: mean power in W, shape (n, bins), and
            the calibration's gain; rows that hold no data of their own are NaN.
    """

    name: str
    spectra: Spectra
    truth: FloatArray


def targets(rows: int = ROWS) -> FloatArray:
    return FIRST_HZ + 5e3 * np.arange(rows)


def stack(mean: FloatArray, averages: float, seed: int, axions: dict[float, float]) -> Nasty:
    """Noise about a relative mean, shape (bins,) or (rows, bins), with axions in units of DFSZ."""
    rng, aim = np.random.default_rng(seed), targets()
    full = np.ones(ROWS)
    scale = BOLTZMANN_J_PER_K * STEP_HZ * NOISE_K * 10 ** (GAIN_DB / 10)
    truth = scale * np.broadcast_to(mean, (ROWS, BINS))
    spectra = Spectra(
        power_w=(truth + _signals(axions)) * rng.standard_gamma(averages, (ROWS, BINS)) / averages,
        frequency_start_hz=aim - BINS // 2 * STEP_HZ, step_hz=STEP_HZ,
        num_averages=full * averages, target_frequency_hz=aim, cavity_frequency_hz=aim,
        loaded_q=full * 5e4, beta=full * 2, magnet_field_t=full * 7.6, form_factor=full * 0.4,
        jpa_resonance_hz=aim, jpa_bandwidth_hz=full * 1e9, jpa_gain_peak_db=full * 0,
        calibration=Calibration(receiver_gain_db=GAIN_DB, line_attenuation_db=0.0),
        volume_m3=0.136, field_ratio=1.0,
    )  # fmt: skip
    return Nasty("", spectra, truth)


def _signals(axions: dict[float, float]) -> FloatArray:
    """Power of axions at the digitizer, shape (rows, bins), W."""
    out = np.zeros((ROWS, BINS))
    for axion_hz, times_dfsz in axions.items():
        for row, aim in enumerate(targets()):
            centre = aim + (np.arange(BINS) - BINS // 2) * STEP_HZ
            edges = np.append(centre, centre[-1] + STEP_HZ) - 0.5 * STEP_HZ
            power = signal_power_w(
                times_dfsz * coupling_dfsz(axion_hz), axion_hz, field_t=7.6, volume_m3=0.136,
                form_factor=0.4, loaded_q=5e4, beta=2.0, detuning_hz=centre - aim,
            )  # fmt: skip
            out[row] += power * bin_fractions(edges, axion_hz) * 10 ** (GAIN_DB / 10)
    return out


def possible(case: Nasty, options: Options) -> dict[float, float]:
    """Limit that the radiometer allows at each frequency (Hz, rounded), 1/GeV.

    Background known, every row that holds data used whole, no efficiency taken off; the systematic
    that every limit here allows for is.
    """
    real = np.flatnonzero(np.isfinite(case.truth).all(axis=1))
    power = np.where(np.isfinite(case.truth), case.truth, 1.0)
    clean = replace(case.spectra, power_w=power, masked=None).subset(real)
    windows = windows_of(clean, options)
    mean = windows.merged()
    amplitude = amplitudes(clean, windows, windows.frequency_hz(), mean)
    sums = Accumulator(STEP_HZ, options)
    sums.add(Reduced(windows.first_fine, np.zeros_like(mean), amplitude, clean.num_averages, None,
                     None))  # fmt: skip
    grand = grand_spectrum(sums, smoother=SmootherResponse(1.0, 1.0, 1.0))
    needed = options.target_snr / (1 - options.noise_systematic)
    coupling = dfsz(grand.frequency_hz) * np.sqrt(needed / grand.snr)
    return dict(
        zip(np.rint(grand.frequency_hz).astype(int).tolist(), coupling.tolist(), strict=True)
    )


# What follows makes the cases. Each is a function of the axions that are to be in it.
Make = Callable[[dict[float, float]], Nasty]


def shapes() -> Iterator[tuple[str, Make]]:
    """Receivers of all shapes and integration times."""
    half = X * (BINS * STEP_HZ / 2)
    bump = 1 / (1 + (half / 7e3) ** 2)
    means = {
        "flat": np.ones(BINS),
        "slope 1 %": 1 + 0.01 * X,
        "slope 30 %": 1 + 0.3 * X,
        "parabola 1 %": 1 + 0.01 * X**2,
        "parabola -20 %": 1 - 0.2 * X**2,
        "ripple 1 %, 3 rad": 1 + 0.01 * np.sin(3 * X),
        "ripple 0.1 %, 20 rad": 1 + 1e-3 * np.sin(20 * X),
        "ripple 1 %, 60 rad": 1 + 0.01 * np.sin(60 * X),
        "step 2 %": 1 + 0.02 * (X > 0.2),
        "kink": 1 + 0.05 * np.abs(X - 0.1),
        **{f"bump {100 * a:g} %": 1 + a * bump for a in (0.001, 0.01, 0.1, 0.3)},
        "narrow bump 5 %": 1 + 0.05 / (1 + (half / 3e3) ** 2),
        "dip -10 %": 1 - 0.1 * bump,
        "Fano 5 %": 1 + 0.05 * bump * (1 + half / 7e3),
    }
    for name, mean in means.items():
        for averages in (1e3, 1e5, 1e7):
            yield f"{name}, N {averages:.0e}", _made(mean, averages)


def _made(mean: FloatArray, averages: float) -> Make:
    return lambda axions: stack(mean, averages, 7, axions)


def _bump() -> FloatArray:
    return 1 + 0.2 / (1 + (X * BINS * STEP_HZ / 2 / 7e3) ** 2)


def _plain(axions: dict[float, float]) -> Nasty:
    return stack(_bump(), 1e5, 11, axions)


def _power(change: Callable[[FloatArray], FloatArray]) -> Make:
    def make(axions: dict[float, float]) -> Nasty:
        case = _plain(axions)
        return replace(case, spectra=replace(case.spectra, power_w=change(case.spectra.power_w)))

    return make


def _at(rows: int | slice, columns: int | slice, times: float) -> Make:
    """Interference: power in some bins of some rows multiplied."""

    def change(power: FloatArray) -> FloatArray:
        power = power.copy()
        power[rows, columns] *= times
        return power

    return _power(change)


def _gain(change: FloatArray) -> Make:
    """Gain of each row that nobody measured again: what comes out changes, the truth does not."""

    def make(axions: dict[float, float]) -> Nasty:
        case = _plain(axions)
        power = case.spectra.power_w * change[:, None]
        return replace(case, spectra=replace(case.spectra, power_w=power))

    return make


def _fields(rows: int | slice, **factors: float) -> Make:
    """Measured values of some rows that are off by a factor, while the apparatus is as it was."""

    def make(axions: dict[float, float]) -> Nasty:
        case = _plain(axions)
        changed = {}
        for name, factor in factors.items():
            values = getattr(case.spectra, name).copy()
            values[rows] *= factor
            changed[name] = values
        return replace(case, spectra=replace(case.spectra, **changed))

    return make


def _drifting(axions: dict[float, float]) -> Nasty:
    """The bump wanders and breathes from spectrum to spectrum."""
    half = X[None] * (BINS * STEP_HZ / 2)
    place = np.linspace(-4e3, 4e3, ROWS)[:, None]
    height = np.linspace(0.05, 0.3, ROWS)[:, None]
    return stack(1 + height / (1 + ((half - place) / 7e3) ** 2), 1e5, 12, axions)


def _doubled(axions: dict[float, float]) -> Nasty:
    case = _plain(axions)
    s = case.spectra
    rows = np.append(np.arange(ROWS), 7)
    truth = np.vstack([case.truth, np.full((1, BINS), np.nan)])
    return Nasty("", s.subset(rows), truth)


def _not_read_again(axions: dict[float, float]) -> Nasty:
    case = _plain(axions)
    power, truth = case.spectra.power_w.copy(), case.truth.copy()
    power[9], truth[9] = power[8], np.nan
    return Nasty("", replace(case.spectra, power_w=power), truth)


def _masked(axions: dict[float, float]) -> Nasty:
    case = _at(slice(None), slice(600, 640), 4.0)(axions)
    mask = np.zeros((ROWS, BINS), dtype=bool)
    mask[:, 600:640] = True
    return replace(case, spectra=replace(case.spectra, masked=mask))


def _dead(level: float) -> Make:
    """One row without the cavity's noise: its own noise, at another level."""

    def make(axions: dict[float, float]) -> Nasty:
        case = _plain(axions)
        power, truth = case.spectra.power_w.copy(), case.truth.copy()
        rng = np.random.default_rng(5)
        power[12] = level * power[12].mean() * rng.standard_gamma(1e5, BINS) / 1e5
        truth[12] = np.nan
        return Nasty("", replace(case.spectra, power_w=power), truth)

    return make


def _row(values: Callable[[FloatArray], FloatArray]) -> Make:
    """One row replaced by something that is no spectrum."""

    def make(axions: dict[float, float]) -> Nasty:
        case = _plain(axions)
        power, truth = case.spectra.power_w.copy(), case.truth.copy()
        power[12], truth[12] = values(power[12]), np.nan
        return Nasty("", replace(case.spectra, power_w=power), truth)

    return make


def _averages(factor: float) -> Make:
    """A number of averages that is not true: what the radiometer allows is by the true one."""

    def make(axions: dict[float, float]) -> Nasty:
        case = stack(_bump(), 1e5 / factor, 13, axions)
        return replace(
            case, spectra=replace(case.spectra, num_averages=case.spectra.num_averages * factor)
        )

    return make


def _smeared(axions: dict[float, float]) -> Nasty:
    """Neighbouring bins share noise, as behind a window function."""
    case = stack(_bump(), 2e5 / 3, 14, axions)
    power = case.spectra.power_w
    mixed = 0.5 * power + 0.25 * (np.roll(power, 1, axis=1) + np.roll(power, -1, axis=1))
    return replace(case, spectra=replace(case.spectra, power_w=mixed))


def faults() -> Iterator[tuple[str, Make]]:
    """What goes wrong in one row or in all."""
    yield "nothing", _plain
    for times in (5e3, 1e4, 1e6):
        yield f"tone of {times:g} in one row", _at(3, 400, times)
    for times in (1.1, 5.0, 1e3):
        yield f"tone of {times:g} in all rows, fixed in the digitizer", _at(slice(None), 300, times)
    for width in (2, 5, 13, 40, 150):
        yield f"interference {width} bins wide in one row", _at(3, slice(400, 400 + width), 1.3)
        yield (
            f"interference {width} bins wide in all rows",
            _at(slice(None), slice(400, 400 + width), 1.02),
        )
    yield "forest of tones", _at(slice(None), slice(130, 870, 9), 1.5)
    for change in (0.04, 0.2, 0.5):
        fall = np.linspace(1, 1 - change, ROWS)
        yield f"gain falls by {change:.0%}", _gain(fall)
        yield f"gain rises by {change:.0%}", _gain(1 / fall)
        yield f"gain steps by {change:.0%}", _gain(np.where(np.arange(ROWS) < 12, 1, 1 - change))
        yield (
            f"gain of one row {change:.0%} low",
            _gain(np.where(np.arange(ROWS) == 9, 1 - change, 1)),
        )
    yield "powers in mW", _gain(np.full(ROWS, 1e3))
    yield "one row in mW", _gain(np.where(np.arange(ROWS) == 9, 1e3, 1))
    yield "powers in kW", _gain(np.full(ROWS, 1e-3))
    yield "bump wanders and breathes", _drifting
    for name in ("beta", "loaded_q"):
        yield f"{name} of one row twice as high", _fields(4, **{name: 2.0})
    yield "one row twice", _doubled
    yield "one row not read again", _not_read_again
    yield "masked", _masked
    for level in (1e-3, 0.3, 0.9, 1.0, 30.0):
        yield f"one row dead, at {level:g} of the level", _dead(level)
    yield "one row constant", _row(lambda p: np.full(BINS, p[0]))
    yield "one row zero", _row(lambda p: 0 * p)
    yield "one row negative in a bin", _row(lambda p: np.where(np.arange(BINS) == 5e2, -p, p))
    yield "one bin nan", _row(lambda p: np.where(np.arange(BINS) == 5e2, np.nan, p))
    yield "one bin infinite", _row(lambda p: np.where(np.arange(BINS) == 5e2, np.inf, p))
    yield "one row clipped at the median", _row(lambda p: np.minimum(p, np.median(p)))
    yield "one row clipped", _row(lambda p: np.minimum(p, np.quantile(p, 0.97)))
    yield "all rows clipped", _power(lambda p: np.minimum(p, np.quantile(p, 0.97)))
    yield "one row smoothed", _row(lambda p: np.convolve(p, np.ones(15) / 15, "same"))
    yield "one row a ramp", _row(lambda p: np.linspace(1, 2, BINS) * p.mean())
    for factor in (0.3, 0.9, 1.1, 3.0, 100.0):
        yield f"averages overstated {factor:g} times", _averages(factor)
    yield "neighbouring bins share noise", _smeared


def library() -> Iterator[tuple[str, Make]]:
    """All cases."""
    yield from shapes()
    yield from faults()


BASELINES = ("letter", "pade 3", "pade 4", "savgol", "auto")


def options_of(baseline: str) -> Options:
    """Settings with a baseline of this name."""
    kind, _, degree = baseline.partition(" ")
    return replace(OPTIONS, baseline=kind, pade_degree=int(degree or 4))
