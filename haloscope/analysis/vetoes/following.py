"""Vetoes that look at a candidate spectrum by spectrum: is its power an axion's in each of them?

An axion has one strength in units of the expected power, whatever the step, the cavity's distance
or the hour. Each test compares strengths with each other, so that it does not depend on their mean,
by which candidates are chosen: what it says of an axion is not spoilt by that choice. Every
``Veto`` gives the probability of an axion to look at least as bad.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.tails import above_chi_square, above_normal
from haloscope.analysis.vetoes.steps import NotHeldError, Steps

__all__ = ["Veto", "detuning", "field", "halves", "one_step", "steps"]

#: What the measured cavity, field and gain may be off from step to step, relative to a strength. It
#: matters to lines of more than ten standard deviations in one step.
_CALIBRATION = 0.05
_FEWEST = 3


@dataclass(frozen=True)
class Veto:
    """One test of a candidate.

    Attributes:
        name: What is tested.
        p: Probability of an axion to look at least as bad, or a bound to it.
        words: What was found, with numbers.
    """

    name: str
    p: float
    words: str


def _errors(seen: Steps) -> FloatArray:
    """Of the strengths, with all that may differ from step to step, shape (n,)."""
    return np.hypot(seen.error, np.hypot(_CALIBRATION, seen.loose) * seen.mean)


def _demand_two(seen: Steps) -> None:
    if len(seen) < 2:
        raise NotHeldError("one spectrum alone")


def one_step(seen: Steps) -> Veto:
    """Leave one out: does all the power come from one spectrum?

    Raises:
        NotHeldError: One spectrum alone.
    """
    _demand_two(seen)
    error = _errors(seen)
    weight = error**-2.0
    others = np.sum(weight) - weight
    without = (np.sum(weight * seen.strength) - weight * seen.strength) / others
    apart = (seen.strength - without) / np.sqrt(error**2 + 1 / others)
    top = int(np.argmax(apart))
    left = float(without[top] * np.sqrt(others[top]))
    own = float(seen.strength[top] / seen.error[top])
    share = "power all" if left < _FEWEST else "too much power"
    words = (
        f"{share} from {seen.names[top]}: {own:.1f} sigma in it, {left:.1f} in the other "
        f"{len(seen) - 1}, {apart[top]:.1f} between them"
    )
    return Veto("one step", min(1.0, len(seen) * above_normal(apart[top])), words)


def steps(seen: Steps) -> Veto:
    """Are the strengths of all steps one?

    Raises:
        NotHeldError: One spectrum alone.
    """
    _demand_two(seen)
    error = _errors(seen)
    mean = np.average(seen.strength, weights=error**-2.0)
    value = float(np.sum(((seen.strength - mean) / error) ** 2))
    degrees = len(seen) - 1
    words = f"strengths of {len(seen)} steps differ: chi-square {value:.0f} for {degrees}"
    return Veto("steps", above_chi_square(value, degrees), words)


def detuning(seen: Steps) -> Veto:
    """Does power enter that does not follow the cavity?

    Interference that enters behind the cavity has the same power at every tuning, and in units of
    an axion's power goes as one over the cavity's response. Both are fitted together.

    Raises:
        NotHeldError: Fewer than three steps, or all equally far from the cavity.
    """
    if len(seen) < _FEWEST or np.ptp(1 / seen.response) < 0.1:
        raise NotHeldError(f"{len(seen)} steps at one distance from the cavity")
    error = _errors(seen)
    basis = np.stack([np.ones(len(seen)), 1 / seen.response]) / error
    covariance = np.linalg.inv(basis @ basis.T)
    best = covariance @ (basis @ (seen.strength / error))
    behind = float(best[1] / np.sqrt(covariance[1, 1]))
    inside = float(best[0] / np.sqrt(covariance[0, 0]))
    words = (
        f"power does not follow the cavity: {behind:.1f} sigma enters behind it, {inside:.1f} "
        "comes from it"
    )
    return Veto("detuning", above_normal(behind), words)


def halves(seen: Steps) -> Veto:
    """Is the power the same in the first and in the second half in time?

    Raises:
        NotHeldError: The times are not known, or are all the same.
    """
    _demand_two(seen)
    if not seen.time_s.all() or not np.ptp(seen.time_s):
        raise NotHeldError("times that nobody noted")
    order = np.argsort(seen.time_s, kind="stable")
    weight = seen.error[order] ** -2.0
    share = np.cumsum(weight) / np.sum(weight)
    cut = min(max(int(np.argmin(np.abs(share - 0.5))) + 1, 1), len(seen) - 1)
    strength, error = [], []
    for part in (slice(None, cut), slice(cut, None)):
        strength.append(float(np.average(seen.strength[order][part], weights=weight[part])))
        error.append(float(np.sum(weight[part]) ** -0.5))
    scatter = np.sqrt(error[0] ** 2 + error[1] ** 2 + 2 * (_CALIBRATION * seen.mean) ** 2)
    apart = (strength[0] - strength[1]) / scatter
    words = (
        f"power does not persist: {strength[0] / error[0]:.1f} sigma in the first half, "
        f"{strength[1] / error[1]:.1f} in the second"
    )
    return Veto("halves", 2 * above_normal(abs(apart)), words)


def field(on: Steps, off: Steps, ratio_squared: float) -> Veto:
    """Does the power go as the square of the field?

    Args:
        on: With the field on.
        off: At another field, in units of the power that DFSZ axions have with the field on.
        ratio_squared: (B off / B on)^2, what an axion's power is multiplied by.
    """
    axion = ratio_squared * on.mean
    error = np.hypot(
        off.mean_error, ratio_squared * np.hypot(on.mean_error, _CALIBRATION * on.mean)
    )
    apart = (off.mean - axion) / error
    separation = (1 - ratio_squared) * on.mean / np.hypot(error, on.mean_error)
    told = "" if separation > _FEWEST else "; too weak to tell"
    words = (
        f"power stays without the field: {off.mean / off.mean_error:.1f} sigma of "
        f"{on.mean / on.mean_error:.1f} with it{told}"
    )
    return Veto("field", above_normal(apart), words)
