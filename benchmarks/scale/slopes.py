"""Exponents: the slope of a straight line through logarithms, with its standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

__all__ = ["Slope", "slope", "steepest", "upper_half"]

#: Fewer sizes give no error of a slope.
FEWEST = 3


@dataclass(frozen=True)
class Slope:
    """An exponent.

    Attributes:
        value: Of the power law.
        error: Standard error, from the scatter about the line.
        first: Smallest size in it.
        last: Largest size in it.
    """

    value: float
    error: float
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ± {self.error:.2f}"


def upper_half(points: Mapping[int, float]) -> dict[int, float]:
    """The larger half of the sizes, the middle one included; three at least."""
    sizes = sorted(points)
    kept = max(len(sizes) // 2 + 1, FEWEST)
    return {size: points[size] for size in sizes[-kept:]}


def slope(points: Mapping[int, float]) -> Slope | None:
    """Of the upper half; None where there are fewer than three sizes or a value is not above 0."""
    upper = upper_half(points)
    if len(upper) < FEWEST or not all(value > 0 for value in upper.values()):
        return None
    x, y = np.log(list(upper)), np.log(list(upper.values()))
    x = x - x.mean()
    spread = float(x @ x)
    value = float(x @ y) / spread
    scatter = y - y.mean() - value * x
    error = math.sqrt(float(scatter @ scatter) / (len(upper) - 2) / spread)
    return Slope(value, error, min(upper), max(upper))


def steepest(points: Mapping[int, float]) -> tuple[int, int, float] | None:
    """The two neighbouring sizes between which it grows fastest, and the exponent there."""
    sizes = sorted(size for size in points if points[size] > 0)
    if len(sizes) < 2:
        return None
    found = [(a, b, math.log(points[b] / points[a]) / math.log(b / a)) for a, b in pairwise(sizes)]
    return max(found, key=lambda one: one[2])
