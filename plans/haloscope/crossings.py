"""Where modes cross in the band of a scan: mapped once, remembered by the campaign's documents.

Points of any number of mode maps, those of interrupted runs included, are taken together. What was
concluded goes into the start documents of the runs that follow (``crossings_mhz``, ``mapped_mhz``),
so that a campaign that goes on has the same targets.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from devices.parts.base import limits_of
from haloscope.description.groups import Operation
from plans.haloscope.commissioning import find_crossings, map_modes
from plans.haloscope.setting_up import check_angles

__all__ = ["Intervals", "Mapped", "NotMappedError", "map_crossings", "merged", "minus"]

Intervals = list[tuple[float, float]]

#: So many steps apart two points of a map leave a hole in it.
HOLE = 1.5
#: So many times farther than modes must be known they are mapped: the course beside a crossing at
#: the band's edge must be seen.
MAPPED = 2.0
#: The first map finds how far the resonance is off its calculated course, the next what it missed.
PASSES = 3


class NotMappedError(RuntimeError):
    """Part of the band could not be mapped; the message has which."""


@dataclass
class Mapped:
    """What is known of a band's modes.

    Attributes:
        bare_mhz: Calculated frequencies of the points mapped so far.
        found_mhz: Strongest resonance at each.
        concluded_mhz: Intervals that an earlier session has judged.
        crossings_mhz: And the crossings that it found in them.
    """

    bare_mhz: list[float] = field(default_factory=list)
    found_mhz: list[float] = field(default_factory=list)
    concluded_mhz: Intervals = field(default_factory=list)
    crossings_mhz: Intervals = field(default_factory=list)

    def add(self, bare_mhz: Iterable[float], found_mhz: Iterable[float]) -> None:
        """Take points of a map."""
        self.bare_mhz += [float(f) for f in bare_mhz]
        self.found_mhz += [float(f) for f in found_mhz]

    def conclude(self, document: Mapping[str, Any]) -> None:
        """Take what a start document says, if it says anything."""
        if "mapped_mhz" in document:
            self.concluded_mhz = [(low, high) for low, high in document["mapped_mhz"]]
            self.crossings_mhz = [(low, high) for low, high in document["crossings_mhz"]]

    @property
    def offset_mhz(self) -> float:
        """Measured minus calculated frequency; 0 before the first point."""
        if not self.bare_mhz:
            return 0.0
        return float(np.median(np.subtract(self.found_mhz, self.bare_mhz)))

    def missing(
        self, targets_mhz: Sequence[float], reach_mhz: tuple[float, float], operation: Operation
    ) -> Intervals:
        """Calculated frequencies (low, high) still to be mapped for a scan of targets.

        Args:
            targets_mhz: Of the scan.
            reach_mhz: Calculated frequencies (low, high) at the rod's limits.
            operation: How modes are mapped.
        """
        about_mhz = operation.map_reach_hz * 1e-6
        offset, outside = self.offset_mhz, minus([(0.0, 1e6)], [reach_mhz])
        known = self._covered(operation) + _shifted(self.concluded_mhz, -offset) + outside
        needed = minus(_shifted(_about(targets_mhz, about_mhz), -offset), known)
        mapped = _about(targets_mhz, MAPPED * about_mhz)
        useful = minus(_shifted(mapped, -offset), known)
        return [part for part in useful if any(_overlap(part, gap) for gap in needed)]

    def crossings(self, targets_mhz: Sequence[float], operation: Operation) -> Intervals:
        """Intervals (low, high) to leave out of a scan of targets, MHz."""
        if not minus(_about(targets_mhz, operation.map_reach_hz * 1e-6), self.concluded_mhz):
            return list(self.crossings_mhz)
        order = np.argsort(self.bare_mhz, kind="stable")
        bare, found = np.array(self.bare_mhz)[order], np.array(self.found_mhz)[order]
        _, intervals = find_crossings(bare, found, operation.crossing_pull_hz * 1e-3)
        return merged(intervals + self.crossings_mhz)

    def _covered(self, operation: Operation) -> Intervals:
        """Calculated frequencies between points that stand close enough."""
        bare = np.unique(self.bare_mhz)
        close = [
            (float(low), float(high))
            for low, high in pairwise(bare)
            if high - low <= HOLE * operation.map_step_hz * 1e-6
        ]
        return merged(close)


def map_crossings(
    haloscope: Haloscope,
    targets_mhz: Sequence[float],
    known: Mapped | None = None,
    *,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[dict[str, list[list[float]]]]:
    """Map the modes about the targets of a scan, where they are not known, and find the crossings.

    Parameters
    ----------
    haloscope
        The device.
    targets_mhz
        Of the scan, MHz.
    known
        What earlier maps found; updated.
    md
        Metadata for the start documents.

    Returns
    -------
    ``crossings_mhz``, to be left out of the scan, and ``mapped_mhz``, where they were looked for:
    intervals [low, high], for the start documents of the runs that follow.

    Raises
    ------
    LimitError
        A target beyond the rod's limits; nothing has moved.
    NotMappedError
        After all passes part of the band has not been seen.
    """
    known = known if known is not None else Mapped()
    operation = haloscope.apparatus.operation
    step_mhz = operation.map_step_hz * 1e-6
    check_angles(haloscope, targets_mhz)
    reach = _reach(haloscope)
    for _ in range(PASSES):
        parts = known.missing(targets_mhz, reach, operation)
        for low, high in parts:
            found = yield from map_modes(
                haloscope,
                *_long_enough(low, high, reach, step_mhz),
                step_khz=step_mhz * 1e3,
                md=md,
            )
            known.add(found.bare_mhz, found.frequency_mhz)
        if not parts:
            break
    else:
        if parts := known.missing(targets_mhz, reach, operation):
            gaps = ", ".join(f"{low:.3f} to {high:.3f}" for low, high in parts)
            raise NotMappedError(f"modes: not mapped at calculated frequencies {gaps} MHz")
    return {
        "crossings_mhz": [list(one) for one in known.crossings(targets_mhz, operation)],
        "mapped_mhz": [list(one) for one in _about(targets_mhz, operation.map_reach_hz * 1e-6)],
    }


def _reach(haloscope: Haloscope) -> tuple[float, float]:
    """Calculated frequencies at the rod's limits, less what taking up its play needs, MHz."""
    modes, limits = haloscope.apparatus.mode_map, limits_of(haloscope.rod.user_setpoint)
    spare_deg = 2 * haloscope.apparatus.operation.rod_take_up_deg
    if limits is None:
        return modes.lowest_hz * 1e-6, modes.highest_hz * 1e-6
    angles = limits[0] + spare_deg, limits[1] - spare_deg
    low, high = sorted(float(modes.frequency_hz(angle)) * 1e-6 for angle in angles)
    return low, high


def merged(intervals: Iterable[tuple[float, float]]) -> Intervals:
    """Intervals ascending, those that touch made one."""
    found: Intervals = []
    for low, high in sorted(intervals):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


def minus(intervals: Intervals, holes: Intervals) -> Intervals:
    """What is left of intervals without the holes; ends of a hertz and less are nothing."""
    left = merged(intervals)
    for low, high in merged(holes):
        left = [
            part
            for a, b in left
            for part in ((a, min(b, low)), (max(a, high), b))
            if part[1] - part[0] > 1e-6
        ]
    return left


def _about(targets_mhz: Sequence[float], reach_mhz: float) -> Intervals:
    return merged((target - reach_mhz, target + reach_mhz) for target in targets_mhz)


def _shifted(intervals: Intervals, by_mhz: float) -> Intervals:
    return [(low + by_mhz, high + by_mhz) for low, high in intervals]


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _long_enough(
    low: float, high: float, reach: tuple[float, float], step_mhz: float
) -> tuple[float, float]:
    """An interval widened to hold the least number of points of a map, inside the rod's reach."""
    least = 12 * step_mhz
    widen = max(0.0, 0.5 * (least - (high - low)))
    return max(low - widen, reach[0]), min(high + widen, reach[1])
