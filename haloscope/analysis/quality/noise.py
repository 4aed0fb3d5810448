"""System noise at the cavity: in a possible range, and steady; and what else should be steady.

The noise temperature is the power over the gain. A gain that fell without a new calibration, a
switch in the wrong place or a power in mW all show in it, and all make the limit look better where
they make it look low.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.rescale import noise_temperature_k
from haloscope.analysis.chain.selection import Windows, fine_centre_hz
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.quality.steady import Steady
from haloscope.analysis.quality.verdicts import Fault
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra
from haloscope.constants import BOLTZMANN_J_PER_K, PLANCK_J_S
from haloscope.noise import squeezed_floor

__all__ = [
    "noise_at_three",
    "noise_faults",
    "noise_faults_in_turn",
    "parameter_faults",
    "quantum_limit_k",
    "steady_of",
]

#: Spectra of which one can be told to be off.
FEWEST: Final = 5
_NEIGHBOURS: Final = 7
_STEP_SIGMA: Final = 6.0
_LIMITS: Final = {
    "phase preserving": "h f/k",
    "phase sensitive": "h f/2k",
    "squeezed": "what its squeezer leaves of h f/k",
}
_DB: Final = 10 / np.log(10)

Row = tuple[int, Fault, str]


def quantum_limit_k(frequency_hz: FloatArray, beta: FloatArray, demands: Demands) -> FloatArray:
    """Lowest system noise temperature, K, on resonance of the receiver that ``demands`` names.

    Args:
        frequency_hz: Of the cavity, shape (n,).
        beta: Its coupling, shape (n,): a squeezed receiver sees what the cavity reflects.
        demands: What receiver it is.
    """
    quantum = PLANCK_J_S * frequency_hz / BOLTZMANN_J_PER_K
    if demands.receiver == "squeezed":
        return np.asarray(quantum * squeezed_floor(beta, demands.reflected_share))
    return quantum if demands.receiver == "phase preserving" else 0.5 * quantum


def noise_at_three(spectra: Spectra, windows: Windows, power: FloatArray) -> FloatArray:
    """T_n at the lower end of the window, the cavity and the upper end, shape (n, 3), K.

    Args:
        spectra: The stack (n).
        windows: Its windows.
        power: The baselines there, shape (n, 3).
    """
    places = windows.three_columns(spectra.cavity_frequency_hz)
    at = fine_centre_hz(windows.first_fine[:, None] + places, windows.step_hz, windows.merge)
    if spectra.calibration.noise_temperature_k is not None:
        return spectra.calibration.noise_temperature_k * power / power[:, 1:2]
    return noise_temperature_k(spectra, at, power)


def noise_faults(
    spectra: Spectra,
    noise_k: FloatArray,
    level: FloatArray,
    demands: Demands,
    *,
    before: Steady | None = None,
) -> list[Row]:
    """What is wrong with the noise at the cavity.

    Args:
        spectra: The stack (n).
        noise_k: T_n at the cavity, shape (n,), K.
        level: Power at the cavity, shape (n,).
        demands: What is asked.
        before: T_n (or the level, where T_n is given) of spectra that came earlier.
    """
    found, bad = _impossible(spectra, noise_k, demands)
    good = np.array([row for row in range(len(noise_k)) if row not in bad], dtype=np.int64)
    steady = steady_of(spectra, noise_k, level)
    earlier = before or Steady()
    if len(earlier) + len(good) < FEWEST:
        return found
    middle = earlier.median_with(steady[good])
    far, near = _unlike(spectra, steady, good, middle, demands)
    found += far
    if spectra.calibration.noise_temperature_k is not None:
        return found
    limit = float(np.log1p(demands.noise_step))
    for k, off in _steps(spectra.target_frequency_hz[near], np.log(noise_k[near]), limit):
        row = int(near[k])
        words = f"T_n {_mk(noise_k[row])} is {np.expm1(off):+.0%} off its neighbours in frequency"
        found.append((row, Fault.NOISE_DRIFT, words))
    return found


def noise_faults_in_turn(
    spectra: Spectra,
    noise_k: FloatArray,
    level: FloatArray,
    demands: Demands,
    *,
    before: Steady,
    used: Callable[[int, bool], bool],
) -> list[Row]:
    """``noise_faults`` of each spectrum as though it had come alone, after those before it.

    Args:
        spectra: As there.
        noise_k: Likewise.
        level: Likewise.
        demands: Likewise.
        before: Likewise; it is left as it is.
        used: Told a row and whether its noise has a fault, says whether it is used: what follows is
            held against it then.
    """
    found, bad = _impossible(spectra, noise_k, demands)
    steady, so_far = steady_of(spectra, noise_k, level), before.copy()
    for row in range(len(noise_k)):
        own, faulty = steady[row : row + 1], row in bad
        if not faulty and len(so_far) + 1 >= FEWEST:
            alone, middle = np.array([row]), so_far.median_with(own)
            far, _ = _unlike(spectra, steady, alone, middle, demands)
            found, faulty = found + far, bool(far)
        if used(row, faulty):
            so_far.add(own)
    return found


def steady_of(spectra: Spectra, noise_k: FloatArray, level: FloatArray) -> FloatArray:
    """What should be steady, shape (n,): T_n at the cavity, or the power there if T_n is given."""
    return noise_k if spectra.calibration.noise_temperature_k is None else level


def _impossible(
    spectra: Spectra, noise_k: FloatArray, demands: Demands
) -> tuple[list[Row], set[int]]:
    found = list(_possible(spectra, noise_k, demands))
    return found, {row for row, _, _ in found}


def _unlike(
    spectra: Spectra, steady: FloatArray, rows: IntArray, middle: float, demands: Demands
) -> tuple[list[Row], IntArray]:
    """Of some spectra what is wrong with those far from the middle, and which are near it."""
    if spectra.calibration.noise_temperature_k is not None:
        far = np.abs(np.log(steady[rows] / middle)) > np.log(max(demands.level_factor, 1))
        return [
            (
                row,
                Fault.LEVEL,
                f"its power is {steady[row] / middle:.3g} times the median of the stack",
            )
            for row in rows[far].tolist()
        ], rows[~far]
    far = np.abs(steady[rows] / middle - 1) > demands.noise_drift
    return list(_drifts(steady, rows[far], middle, demands)), rows[~far]


def _mk(kelvin: float) -> str:
    return f"{kelvin * 1e3:.4g} mK"


def _drifts(
    noise_k: FloatArray, rows: NDArray[np.int64], middle: float, demands: Demands
) -> Iterator[Row]:
    for row in rows.tolist():
        words = (
            f"T_n {_mk(noise_k[row])} is {noise_k[row] / middle - 1:+.0%} off the median of the "
            f"stack, {_mk(middle)} (at most {demands.noise_drift:.0%}): has the gain changed?"
        )
        yield row, Fault.NOISE_DRIFT, words


def _possible(spectra: Spectra, noise_k: FloatArray, demands: Demands) -> Iterator[Row]:
    lowest = quantum_limit_k(spectra.cavity_frequency_hz, spectra.beta, demands)
    # What the gain is known to: three standard errors.
    gain_db = np.hypot(
        spectra.error("jpa_gain_peak_db"), spectra.calibration.receiver_gain_db_error or 0.0
    )
    slack = np.exp(-3 * gain_db / _DB)
    kind = _LIMITS[demands.receiver]
    for row in np.flatnonzero(~(noise_k >= lowest * slack)).tolist():
        words = (
            f"T_n {_mk(noise_k[row])} at the cavity is below the quantum limit of a "
            f"{demands.receiver} receiver, {kind} = {_mk(lowest[row])}"
        )
        yield row, Fault.BELOW_QUANTUM, words
    for row in np.flatnonzero(noise_k > demands.highest_noise_k).tolist():
        words = (
            f"T_n {noise_k[row]:.4g} K at the cavity is above {demands.highest_noise_k:g} K: are "
            "power and gain in W and dB?"
        )
        yield row, Fault.HOT, words


def parameter_faults(spectra: Spectra, demands: Demands) -> list[Row]:
    """Q_L, beta and JPA gain that are off their neighbours in frequency."""
    found = []
    for name, fault, limit, values in (
        ("loaded_q", Fault.Q_DRIFT, np.log1p(demands.parameter_step), np.log(spectra.loaded_q)),
        ("beta", Fault.BETA_DRIFT, np.log1p(demands.parameter_step), np.log(spectra.beta)),
        ("jpa_gain_peak_db", Fault.GAIN_DRIFT, demands.gain_step_db, spectra.jpa_gain_peak_db),
    ):
        for row, off in _steps(spectra.target_frequency_hz, values, float(limit)):
            shift = f"{off:+.2f} dB" if fault is Fault.GAIN_DRIFT else f"{np.expm1(off):+.0%}"
            own = getattr(spectra, name)[row]
            words = f"{name} {own:.6g} is {shift} off its neighbours in frequency"
            found.append((row, fault, words))
    return found


def _steps(
    frequency_hz: FloatArray, values: FloatArray, limit: float
) -> Iterator[tuple[int, float]]:
    """Values that are off the median of their neighbours, and by how much.

    By more than ``limit``, and by more than six times the scatter of all about theirs.
    """
    if len(values) < FEWEST:
        return
    order = np.argsort(frequency_hz, kind="stable")
    off = np.empty(len(values))
    off[order] = values[order] - _running_median(values[order])
    scatter = 1.4826 * float(np.median(np.abs(off)))
    bad: NDArray[np.int64] = np.flatnonzero(np.abs(off) > max(limit, _STEP_SIGMA * scatter))
    for row in bad.tolist():
        yield row, float(off[row])


def _running_median(values: FloatArray) -> FloatArray:
    """Median of the nearest ``_NEIGHBOURS`` on each side and the value itself, shape (n,)."""
    n = len(values)
    first = np.clip(np.arange(n) - _NEIGHBOURS, 0, max(n - 2 * _NEIGHBOURS - 1, 0))
    place = first[:, None] + np.arange(min(2 * _NEIGHBOURS + 1, n))
    return np.asarray(np.median(values[place], axis=1))
