"""The letter's scan as targets: range, hole and count of steps from its claims.

The range holds 1969 steps of 10 kHz without the hole; the letter counts 1996 and does not say what
the others were: here they lie half-way between two regular steps, spread evenly. The range begins
where the published curve does, to a step; the hole lies where that curve has its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cryohalo.reproduction.papers import claim_named
from haloscope.analysis.exchange.published import capp6

__all__ = ["regular_targets", "steps_of_the_letter", "targets"]


def steps_of_the_letter() -> int:
    """How many it counts."""
    return round(claim_named("scan-steps").low)


def regular_targets() -> NDArray[np.float64]:
    """The range in regular steps, MHz, ascending, hole and all."""
    step_mhz = 1e-3 * claim_named("scan-step").low
    first_mhz = round(1e-6 * float(capp6().frequency_hz[0]) / step_mhz) * step_mhz
    count = round(claim_named("scan-range").low / step_mhz) + 1
    return np.asarray(first_mhz + step_mhz * np.arange(count), dtype=np.float64)


def targets(steps: int) -> list[float]:
    """Targets in MHz, ascending, without the hole.

    Args:
        steps: The first so many regular ones if fewer than the letter's; else others between them.
    """
    step_mhz = 1e-3 * claim_named("scan-step").low
    low_mhz, high_mhz = _hole_mhz()
    regular = regular_targets()
    regular = regular[(regular < low_mhz) | (regular > high_mhz)]
    if steps < len(regular):
        return [round(float(f), 6) for f in regular[:steps]]
    places = np.linspace(0, len(regular) - 2, steps - len(regular)).astype(int)
    between = regular[places] + step_mhz / 2
    inside = (between > low_mhz) & (between < high_mhz)
    between[inside] -= step_mhz  # step back over the edge of the hole
    return sorted(round(float(f), 6) for f in np.concatenate([regular, between]))


def _hole_mhz() -> tuple[float, float]:
    """The letter's width about the middle of the curve's hole, MHz, to a step; both ends left out.

    Where a regular step lies on an end, rounding must not decide.
    """
    step_mhz = 1e-3 * claim_named("scan-step").low
    middle = 0.5e-6 * sum(capp6().gap_hz)
    half = 0.5e-3 * claim_named("crossing-hole").low
    low, high = (round(end / step_mhz) * step_mhz for end in (middle - half, middle + half))
    return low - 1e-6, high + 1e-6
