"""The network analyzer's sweeps: what is looked at, how wide, how finely, for how long.

Each sweep follows from two widths, the cavity's line and the amplifier's gain. At first they are
those that the owners expect; once measured, those. Where a resonance is searched for, the span
follows from how far a calculation may be off, a share of the frequency, and the density of points
from the line: none falls between two points. Plans, the cavity's positioner and examples all take
their sweeps from here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from haloscope.parametric import bandwidth_hz

__all__ = ["Analyzer", "Sweep", "Sweeps", "Widths", "tiles"]

#: Full spans in widths of the cavity. Six show a line's ends and are too narrow to hold the other
#: mode at the edge of a crossing; a map of modes holds the mode on both sides of an avoided one.
_LINE, _WATCH, _MODES = 6.5, 9.8, 32.7
#: Points to a width of the cavity in a search, where none may fall between two, and in a map.
_SEARCHED, _MAPPED = 3.0, 12.3
#: A line narrower than expected by up to this factor is seen in a finer search.
_FINER: Final = 8
#: Full spans in widths of the amplifier's gain: one gain, and what many gains are held against.
_GAIN, _REFERENCE = 3.15, 21.0
#: How far a calculated frequency may be off, as a share of it: full spans of the two searches.
_NEAR, _FAR = 1 / 220, 1 / 27.5
#: The time scale of a rod's creep after a far move, s.
_MINUTE_S: Final = 60.0
#: A sweep takes this much longer than points over bandwidth, for settling.
_SETTLING: Final = 1.2
#: The filter must not be faster than the cavity answers: most of its bandwidth in line widths.
_FASTEST: Final = 0.5
#: A width that differs by less than this factor from the one that sweeps were made for needs no
#: others: an operator sees the same ones from step to step.
_SAME: Final = 1.4
#: Most and fewest points of a sweep that a fit is made of.
_LINE_POINTS, _REFERENCE_POINTS, _FEWEST_POINTS = 101, 201, 11


@dataclass(frozen=True)
class Sweep:
    """Settings of the analyzer.

    Attributes:
        path: Weak (through the cavity), Strong (reflection off it) or Bypass (past it).
        span_hz: Full span.
        points: Number of points.
        bandwidth_hz: Bandwidth of the IF filter.
        averages: Sweeps averaged.
    """

    path: str
    span_hz: float
    points: int
    bandwidth_hz: float
    averages: int = 1


@dataclass(frozen=True)
class Analyzer:
    """What an analyzer can do: most points of a sweep, and its widest span."""

    most_points: int = 20001
    widest_hz: float = math.inf


@dataclass(frozen=True)
class Widths:
    """What sweeps are cut to, Hz.

    Attributes:
        frequency_hz: About where the cavity is.
        line_hz: Full width of the cavity's resonance at half its power, f / Q_L.
        gain_hz: Full width of the amplifier's gain.
        offset_hz: The amplifier's resonance less the target.
    """

    frequency_hz: float
    line_hz: float
    gain_hz: float
    offset_hz: float

    def __post_init__(self) -> None:
        for name in ("frequency_hz", "line_hz", "gain_hz"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"sweeps: {name} is {value!r} Hz, must be above 0 Hz")

    @classmethod
    def expected(
        cls,
        frequency_hz: float,
        unloaded_q: float,
        beta: float,
        amplifier_hz: float,
        gain_db: float,
        offset_hz: float,
    ) -> Widths:
        """The widths that owners expect, before anything is measured.

        Args:
            frequency_hz: About where the cavity is.
            unloaded_q: Its unloaded quality factor there.
            beta: Coupling of the strong antenna.
            amplifier_hz: Line width of the amplifier without pump.
            gain_db: Peak gain that it is to have.
            offset_hz: The amplifier's resonance less the target.
        """
        line_hz = frequency_hz * (1 + beta) / unloaded_q
        gain_hz = bandwidth_hz(10 ** (gain_db / 10), amplifier_hz)
        return cls(frequency_hz, line_hz, gain_hz, offset_hz)


@dataclass(frozen=True)
class Sweeps:
    """All sweeps of one apparatus.

    Attributes:
        widths: What they are cut to.
        analyzer: What limits them.
    """

    widths: Widths
    analyzer: Analyzer = Analyzer()

    def measured(self, *, line_hz: float = math.nan, gain_hz: float = math.nan) -> Sweeps:
        """The sweeps for widths as measured; these, where they differ by little or are NaN."""
        known = self.widths
        line_hz, gain_hz = _other(line_hz, known.line_hz), _other(gain_hz, known.gain_hz)
        if (line_hz, gain_hz) == (known.line_hz, known.gain_hz):
            return self
        return replace(self, widths=replace(known, line_hz=line_hz, gain_hz=gain_hz))

    @cached_property
    def transmission(self) -> Sweep:
        """The resonance through the weak antenna."""
        return self._of_the_line("Weak", _LINE, _LINE_POINTS)

    @cached_property
    def reflection(self) -> Sweep:
        """The resonance in reflection off the strong antenna."""
        return self._of_the_line("Strong", _LINE, _LINE_POINTS)

    @cached_property
    def gain(self) -> Sweep:
        """The amplifier's gain, about the target: both must be inside."""
        wide = max(
            _GAIN * self.widths.gain_hz, 2 * (abs(self.widths.offset_hz) + self.widths.gain_hz)
        )
        return Sweep("Bypass", self._span(wide), _LINE_POINTS, 1000.0)

    @cached_property
    def reference(self) -> Sweep:
        """What a gain is held against, the pump off: wide enough for many gains inside."""
        wide = max(_REFERENCE * self.widths.gain_hz, 2 * self.gain.span_hz)
        return Sweep("Bypass", self._span(wide), _REFERENCE_POINTS, 1000.0, averages=4)

    @cached_property
    def search(self) -> Sweep:
        """Where the calculation says, about."""
        return self._searching(_NEAR)

    @cached_property
    def wide_search(self) -> Sweep:
        """Where the calculation is far off; ``tiles`` has what one sweep does not hold."""
        return self._searching(_FAR)

    @cached_property
    def fine_search(self) -> Sweep:
        """The first search again, for a line much narrower than expected."""
        search = self.search
        return replace(search, points=_FINER * (search.points - 1) + 1)

    @cached_property
    def watch(self) -> Sweep:
        """A minute, the time scale of the rod's creep after a far move."""
        narrow = self._of_the_line("Weak", _WATCH, _LINE_POINTS, 100.0)
        averages = round(_MINUTE_S * narrow.bandwidth_hz / (_SETTLING * narrow.points))
        return replace(narrow, averages=max(1, averages))

    @cached_property
    def modes(self) -> Sweep:
        """For a map of the modes."""
        span_hz = self._span(_MODES * self.widths.line_hz)
        return self._dense("Weak", span_hz, self.widths.line_hz / _MAPPED, 1000.0)

    @property
    def off_resonance_hz(self) -> float:
        """So far from its resonance the cavity reflects all but a thousandth: sixteen widths."""
        return 0.5 * self.modes.span_hz

    def _of_the_line(self, path: str, widths: float, points: int, most_hz: float = 1e3) -> Sweep:
        span_hz = self._span(widths * self.widths.line_hz)
        return Sweep(path, span_hz, points, self._filter_hz(most_hz))

    def _searching(self, share: float) -> Sweep:
        span_hz = _rounded(share * self.widths.frequency_hz)
        wide_hz = max(span_hz, 2 * self.transmission.span_hz)
        return self._dense("Weak", wide_hz, self.widths.line_hz / _SEARCHED, 300.0)

    def _dense(self, path: str, span_hz: float, apart_hz: float, most_hz: float) -> Sweep:
        points = max(_FEWEST_POINTS, round(span_hz / _rounded(apart_hz)) + 1)
        return Sweep(path, span_hz, points, self._filter_hz(most_hz))

    def _filter_hz(self, most_hz: float) -> float:
        return min(most_hz, _rounded(_FASTEST * self.widths.line_hz))

    def _span(self, wanted_hz: float) -> float:
        return min(_rounded(wanted_hz), self.analyzer.widest_hz)


def tiles(sweep: Sweep, center_hz: float, analyzer: Analyzer) -> list[tuple[float, Sweep]]:
    """A sweep as so many as the analyzer needs for it: (centre, sweep), the middle one first.

    Args:
        sweep: Perhaps wider, or of more points, than the analyzer takes.
        center_hz: Its middle.
        analyzer: The limits.
    """
    by_points = (sweep.points - 1) / (analyzer.most_points - 1)
    count = max(
        1, math.ceil(by_points - 1e-9), math.ceil(sweep.span_hz / analyzer.widest_hz - 1e-9)
    )
    count += 1 - count % 2  # odd: one of them is about the middle
    if count == 1:
        return [(center_hz, sweep)]
    span_hz = sweep.span_hz / count
    # A line at a seam is whole in one of its two neighbours.
    points = min(math.ceil((sweep.points - 1) / count) + 1, analyzer.most_points)
    part = replace(sweep, span_hz=span_hz, points=points)
    places = sorted(range(-(count // 2), count // 2 + 1), key=abs)
    return [(center_hz + place * span_hz, part) for place in places]


def _other(measured_hz: float, known_hz: float) -> float:
    """The measured width if it is another one than is known; NaN is none."""
    far = measured_hz > _SAME * known_hz or measured_hz * _SAME < known_hz
    return measured_hz if far else known_hz


def _rounded(hz: float) -> float:
    """To two digits, as an operator would set it."""
    digits = 1 - math.floor(math.log10(hz))
    return round(hz, digits)
