"""What to do about a fit that does not describe its trace: once more, then wider, then fail.

A disturbance passes; a wider span shows what pushed into the narrow one. What is still not
described is not measured: it is refused in words, with the frequency, chi2 and its limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from haloscope.measuring.goodness import Goodness
from haloscope.measuring.sweeps import Sweep

__all__ = ["BadFitError", "bad_fit", "further_sweeps"]

#: A wider sweep has so many times the span, with points as dense.
_WIDER: Final = 2.0


class BadFitError(RuntimeError):
    """No fit describes what was measured; the message has what, where, chi2 and its limit."""


def further_sweeps(sweep: Sweep) -> tuple[Sweep, Sweep]:
    """The sweeps to take, one after the other, while the fit is not good."""
    points = round(_WIDER * (sweep.points - 1)) + 1
    return sweep, replace(sweep, span_hz=_WIDER * sweep.span_hz, points=points)


def bad_fit(what: str, frequency_hz: float, sweep: Sweep, why: Goodness | str) -> BadFitError:
    """The refusal after all further sweeps.

    Args:
        what: Which measurement.
        frequency_hz: About where.
        sweep: The last sweep taken.
        why: Of the last fit, or why there is none.
    """
    return BadFitError(
        f"{what} at {frequency_hz * 1e-6:.6f} MHz: no fit describes it, not over "
        f"{sweep.span_hz * 1e-6:g} MHz either: {why}"
    )
