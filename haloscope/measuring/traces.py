"""A measured trace as the fits take it: checked, ascending, in units of its own span."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FEWEST", "Swept", "swept"]

#: Points that a fit needs.
FEWEST = 8


@dataclass(frozen=True)
class Swept:
    """A trace over the frequency from the middle of its span, in units of the span.

    Attributes:
        x: (P,), from -0.5 to 0.5, ascending.
        values: The trace divided by its largest magnitude (P,).
        middle_hz: Where x is 0.
        span_hz: What x counts in.
        scale: The largest magnitude.
    """

    x: NDArray[np.float64]
    values: NDArray[np.complex128]
    middle_hz: float
    span_hz: float
    scale: float

    @property
    def step(self) -> float:
        """Mean distance of neighbours in x."""
        return 1 / (self.x.size - 1)

    def __str__(self) -> str:
        low, high = (self.middle_hz + self.span_hz * self.x[[0, -1]]) * 1e-6
        return f"{low:.6f} to {high:.6f} MHz"

    def part(self, first: int, last: int) -> Swept:
        """The points from ``first`` to before ``last`` alone, in the same units."""
        x, values = self.x[first:last], self.values[first:last]
        return Swept(x, values, self.middle_hz, self.span_hz, self.scale)


def swept(frequency_hz: ArrayLike, s: ArrayLike) -> Swept:
    """Check a trace and take it.

    Args:
        frequency_hz: Frequencies in Hz, ascending or descending, (P,); P at least 8.
        s: S-parameter, real or complex, (P,).

    Raises:
        ValueError: Wrong shapes, values that are not finite, frequencies that turn round or stand
            there twice, or a trace that is zero everywhere.
    """
    nu, values = np.asarray(frequency_hz, dtype=np.float64), np.asarray(s, dtype=np.complex128)
    if nu.ndim != 1 or nu.shape != values.shape or nu.size < FEWEST:
        raise ValueError(
            f"need two arrays of one length of {FEWEST} or more, have {nu.shape}, {values.shape}"
        )
    for what, given in (("frequencies", nu), ("S-parameters", values)):
        finite = np.isfinite(given)
        if not finite.all():
            first = int(np.argmin(finite))
            raise ValueError(f"{np.sum(~finite)} {what} are not finite, the first is point {first}")
    nu, values = _ascending(nu, values)
    scale = float(np.abs(values).max())
    if not scale > 0:
        raise ValueError("the trace is zero everywhere")
    middle, span = 0.5 * float(nu[0] + nu[-1]), float(nu[-1] - nu[0])
    return Swept((nu - middle) / span, values / scale, middle, span, scale)


def _ascending(
    nu: NDArray[np.float64], values: NDArray[np.complex128]
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """The same points by ascending frequency."""
    if nu[-1] < nu[0]:
        nu, values = nu[::-1], values[::-1]
    rises = nu[1:] > nu[:-1]
    if not rises.all():
        at = int(np.argmin(rises))
        what = "stands there twice" if nu[at + 1] == nu[at] else "is out of order"
        raise ValueError(
            f"frequencies must be ascending or descending: {nu[at + 1] * 1e-6:.6f} MHz {what}"
        )
    if not nu[0] > 0:
        raise ValueError(f"frequencies must be above 0 Hz, one is {nu[0]} Hz")
    return nu, values
