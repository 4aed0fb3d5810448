"""Calibrations at several frequencies and times, brought to each spectrum.

A point is one calibration of the receiver: where, when, its gain and the loss of the line. Points
of one round follow each other along the band; another round is taken later. At a spectrum's
frequency each round gives a value on the straight line between its points, at its time the straight
line between rounds; beyond the outermost ones the nearest counts.

What lies between two points nobody measured: ripple of cables, waves of the line. How much that can
be shows where a point between two others misses their straight line by more than the errors of all
three. One residual tells little, so the error assumed without any counts as one residual more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from haloscope.analysis.budget.terms import TERMS
from haloscope.analysis.ranges import CALIBRATION, ERROR, ROWS, FloatArray, Range
from haloscope.analysis.recorded import finite

__all__ = ["FEWEST", "POINTS", "Point", "Track", "points_of", "track"]

#: Key of a run's calibration that lists its points.
POINTS: Final = "points"
#: What a point's values may be.
_RANGES: Final[dict[str, Range]] = {
    "frequency_mhz": Range(ROWS["cavity_frequency_hz"].low / 1e6,
                           ROWS["cavity_frequency_hz"].high / 1e6, "MHz"),
    "time_s": ROWS["time_s"],
    "round_s": ROWS["time_s"],
    "receiver_gain_db": CALIBRATION["receiver_gain_db"],
    "receiver_gain_db_error": ERROR,
    "line_attenuation_db": CALIBRATION["line_attenuation_db"],
    "line_attenuation_db_error": ERROR,
}  # fmt: skip
#: Points of a round of which one tells how well the others foresee it.
FEWEST: Final = 3


@dataclass(frozen=True)
class Point:
    """One calibration.

    Attributes:
        frequency_hz: Where, Hz.
        time_s: When, s since 1970.
        round_s: When its round began, s since 1970.
        gain_db: Gain of the receiver, dB.
        gain_error_db: Its standard error, dB.
        loss_db: Loss of the line, dB.
        loss_error_db: Its standard error, dB.
    """

    frequency_hz: float
    time_s: float
    round_s: float
    gain_db: float
    gain_error_db: float
    loss_db: float
    loss_error_db: float


@dataclass(frozen=True)
class Track:
    """One quantity at each of n spectra.

    Attributes:
        value_db: Shape (n,), dB.
        between_db: Standard error of what lies between the points, dB; None if they do not tell.
    """

    value_db: FloatArray
    between_db: float | None


def points_of(recorded: Mapping[str, Any]) -> tuple[Point, ...]:
    """The points of a run's calibration; none where it has but one value of each.

    Raises:
        ValueError: A point lacks a value, or has one that is no finite number or out of its range;
            names it.
    """
    listed = recorded.get(POINTS)
    if listed is None:
        return ()
    if not isinstance(listed, list | tuple):
        raise ValueError(f"calibration: {POINTS} is no list")
    return tuple(_point(number, one) for number, one in enumerate(listed))


def _point(number: int, one: object) -> Point:
    what = f"calibration: point {number}"
    if not isinstance(one, Mapping):
        raise ValueError(f"{what} is no set of values by name")

    def value(name: str) -> float:
        if one.get(name) is None:
            raise ValueError(f"{what} has no {name}")
        found = finite(one[name], f"{what}: {name}")
        _RANGES[name].demand(found, f"{what}: {name}")
        return found

    when = value("time_s")
    return Point(
        frequency_hz=value("frequency_mhz") * 1e6,
        time_s=when,
        round_s=when if one.get("round_s") is None else value("round_s"),
        gain_db=value("receiver_gain_db"),
        gain_error_db=value("receiver_gain_db_error"),
        loss_db=value("line_attenuation_db"),
        loss_error_db=value("line_attenuation_db_error"),
    )


def track(
    points: Iterable[Point], quantity: str, frequency_hz: FloatArray, time_s: FloatArray
) -> Track:
    """A quantity of the calibrations at spectra.

    Args:
        points: One or more; the same one given twice counts once.
        quantity: ``"gain"`` or ``"loss"``.
        frequency_hz: Of the spectra, shape (n,), Hz.
        time_s: Of the spectra, shape (n,), s since 1970; 0 where nobody noted it.
    """
    # A round's own label tells which points are of it, not when it was: clocks are set back.
    rounds = sorted(_rounds(points), key=_when)
    values = np.stack([_along(one, quantity, np.asarray(frequency_hz)) for one in rounds])
    times = np.array([_when(one) for one in rounds])
    at = np.array([
        np.interp(when, times, column)
        for when, column in zip(np.asarray(time_s), values.T, strict=True)
    ])  # fmt: skip
    return Track(at, _between(rounds, quantity))


def _rounds(points: Iterable[Point]) -> list[list[Point]]:
    """Points by their rounds, each ascending in frequency."""
    found: dict[float, dict[float, Point]] = {}
    for point in points:
        found.setdefault(point.round_s, {})[point.frequency_hz] = point
    if not found:
        raise ValueError("calibration: no point to interpolate")
    return [[found[key][hz] for hz in sorted(found[key])] for key in sorted(found)]


def _when(one: Sequence[Point]) -> float:
    return float(np.mean([point.time_s for point in one]))


def _along(one: Sequence[Point], quantity: str, frequency_hz: FloatArray) -> FloatArray:
    nu = [point.frequency_hz for point in one]
    values = [getattr(point, f"{quantity}_db") for point in one]
    return np.asarray(np.interp(frequency_hz, nu, values), dtype=np.float64)


def _between(rounds: Sequence[Sequence[Point]], quantity: str) -> float | None:
    """Standard error of what lies between points, from those between two others."""
    squares = [
        _missed(quantity, *one[k - 1 : k + 2]) for one in rounds for k in range(1, len(one) - 1)
    ]
    if not squares:
        return None
    assumed = TERMS[f"{quantity}_between"].assumed
    return math.sqrt(max(sum(squares) + assumed**2, 0.0) / (len(squares) + 1))


def _missed(quantity: str, before: Point, middle: Point, after: Point) -> float:
    """Squared scatter that makes the middle one miss the line, less that of the errors."""
    share = (middle.frequency_hz - before.frequency_hz) / (after.frequency_hz - before.frequency_hz)
    weights = np.array([1 - share, -1.0, share])
    three = before, middle, after
    values = np.array([getattr(point, f"{quantity}_db") for point in three])
    errors = np.array([getattr(point, f"{quantity}_error_db") for point in three])
    excess = float(weights @ values) ** 2 - float(np.sum((weights * errors) ** 2))
    return max(excess, 0.0) / float(weights @ weights)
