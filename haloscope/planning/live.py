"""A campaign's end and reach while it runs, from what its events say.

The time of a step is that between events, by their own simulated time (of a machine without one by
that of the document); the reach follows from the limits of the online analysis (``Reach``). Nothing
of the apparatus is assumed: loaded Q and couplings are those measured. A forecast is made after
every step: what it costs does not grow with the scan.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.exchange.keys import value_in
from haloscope.planning.reach import Reach

if TYPE_CHECKING:
    from haloscope.analysis.update import OnlineUpdate

FloatArray = NDArray[np.float64]

__all__ = ["LiveForecast", "Outlook"]

#: Plans whose events are steps of a search.
_SCANS: Final = ("scan",)
#: Steps whose times, averages and linewidths are averaged: the last, as loads and habits change.
_LAST: Final = 50
#: In MHz more than that is no number in Hz.
_LARGEST: Final = 1e300


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is known of a campaign after one more step.

    Attributes:
        done: Steps recorded.
        left: Steps still to come.
        time_s: Simulated time of the last event.
        each_s: Simulated time of a step, measured; NaN before the second.
        left_s: Simulated time to the end, calibrations to come counted; NaN before the second.
        coupling_per_gev: Coupling that the campaign will exclude, median over the band covered so
            far; NaN before the online analysis has one.
    """

    done: int
    left: int
    time_s: float
    each_s: float
    left_s: float
    coupling_per_gev: float

    @property
    def end_s(self) -> float:
        """Simulated time of the end, s."""
        return self.time_s + self.left_s

    @property
    def words(self) -> str:
        """One line for a terminal or a log."""
        parts = [f"step {self.done} of {self.done + self.left}"]
        if math.isfinite(self.left_s):
            parts.append(f"{_duration(self.left_s)} to go at {self.each_s:.4g} s a step")
        if math.isfinite(self.coupling_per_gev):
            parts.append(f"will exclude {self.coupling_per_gev:.3g}/GeV")
        return ", ".join(parts)


class LiveForecast:
    """A bluesky callback, and a listener to the online analysis: ``online.tell(live.updated)``.

    Documents that are no steps of a scan pass it by; what a document lacks makes a forecast poorer,
    it never raises.
    """

    def __init__(self) -> None:
        self._averages: dict[int, float] = {}
        self._scans: dict[str, str] = {}
        self._starts: set[str] = set()
        self._done: set[int] = set()
        self._left = _Left({})
        self._parts = 1, 1
        self._campaign: object = None
        self._reach = Reach()
        self._steps = 0
        self._last: tuple[float, str] | None = None  # time and run of the newest step
        self._gaps_s: deque[float] = deque(maxlen=_LAST)
        self._counts: deque[float] = deque(maxlen=_LAST)
        self._widths_hz: deque[float] = deque(maxlen=_LAST)
        self._rounds_s: list[float] = []

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document."""
        if name == "start":
            self._begin(document)
        elif name == "descriptor" and self._of_steps(document):
            self._scans[document["uid"]] = document["run_start"]
        elif name == "event":
            self._event(document)

    def updated(self, update: OnlineUpdate) -> None:
        """Take what the online analysis says after a spectrum."""
        if update.limit is None:
            return
        self._reach.limit(update.limit.frequency_hz, update.limit.coupling_per_gev)

    @property
    def steps(self) -> int:
        """Steps seen so far."""
        return self._steps

    @property
    def outlook(self) -> Outlook | None:
        """What is known now; None before the first step."""
        if self._last is None:
            return None
        each_s, usual = _median(self._gaps_s), _median(self._counts)
        part, parts = self._parts
        left_s = each_s * self._left.averages(usual) / usual + (parts - part) * self._round_s(
            each_s
        )
        return Outlook(
            done=len(self._done), left=len(self._left.each), time_s=self._last[0], each_s=each_s,
            left_s=left_s if self._left.each else 0.0,
            coupling_per_gev=self._reach.coupling_per_gev(_median(self._widths_hz), usual),
        )  # fmt: skip

    def _begin(self, start: Mapping[str, Any]) -> None:
        if start.get("plan_name") not in _SCANS:
            return
        self._starts.add(start["uid"])
        given = start.get("plan_args") or {}
        scanned = _numbers(given.get("frequencies_mhz"))
        averages = _numbers(given.get("averages"))
        whole = _numbers(start.get("campaign_targets_mhz"))
        targets_hz = (whole if whole.size else scanned) * 1e6
        if averages.size == scanned.size:
            pairs = zip(scanned, averages, strict=True)
            self._averages |= {_key(1e6 * f): float(n) for f, n in pairs if n > 0}
        part = _numbers(start.get("campaign_part"))
        self._parts = (int(part[0]), int(part[1])) if part.size == 2 else (1, 1)
        if self._parts[0] == 1:  # another scan, maybe of the same targets
            # A campaign that goes on has done what it has done, but for what it takes again.
            goes_on = start.get("campaign") and start.get("campaign") == self._campaign
            self._done = self._done - {_key(f) for f in targets_hz} if goes_on else set()
        self._campaign = start.get("campaign")
        self._done |= {_key(1e6 * f) for f in _numbers(given.get("done_mhz"))}
        left = {_key(f): self._averages.get(_key(f), math.nan) for f in targets_hz}
        self._left = _Left({key: left[key] for key in left if key not in self._done})
        self._reach.plan(targets_hz, self._left.each)

    def _of_steps(self, descriptor: Mapping[str, Any]) -> bool:
        return descriptor.get("run_start") in self._starts and descriptor.get("name") == "primary"

    def _event(self, event: Mapping[str, Any]) -> None:
        data = event.get("data", {})
        time_s = _number(data, "sim_time")
        if not math.isfinite(time_s):  # a machine that is no simulation
            time_s = _number(event, "time")
        run = self._scans.get(event.get("descriptor", ""))
        if run is None:
            return
        target_mhz, loaded_q = (
            _number(data, f"measured_{name}") for name in ("target_frequency", "loaded_q")
        )
        averages, target_hz = _number(data, "daq_num_averages"), 1e6 * target_mhz
        if not (math.isfinite(time_s) and math.isfinite(target_hz)):
            return
        width_hz = target_hz / loaded_q if loaded_q > 0 else math.nan
        self._take(_key(target_hz), averages, width_hz, time_s, run)

    def _take(
        self, target_hz: int, averages: float, width_hz: float, time_s: float, run: str
    ) -> None:
        """Take a step; averages and width may be no numbers."""
        if self._last is not None:
            gap_s = time_s - self._last[0]
            (self._gaps_s if run == self._last[1] else self._rounds_s).append(gap_s)
        self._last = time_s, run
        self._steps += 1
        self._done.add(target_hz)
        self._left.take(target_hz)
        known = averages if 0 < averages < math.inf else self._averages.get(target_hz, 1.0)
        self._counts.append(known)
        if width_hz > 0:
            self._widths_hz.append(width_hz)
            self._reach.step(target_hz, known, width_hz)

    def _round_s(self, each_s: float) -> float:
        """What there was between two parts of the scan beside a step."""
        if not self._rounds_s:
            return 0.0
        beside_s = sum(self._rounds_s) / len(self._rounds_s) - each_s
        return max(beside_s, 0.0) if math.isfinite(beside_s) else 0.0


class _Left:
    """Steps to come, by target: their averages, NaN where they are not known."""

    def __init__(self, each: dict[int, float]) -> None:
        self.each = each
        known = [count for count in each.values() if math.isfinite(count)]
        self._known, self._unknown = sum(known), len(each) - len(known)

    def take(self, target_hz: int) -> None:
        """A step that has been taken is none to come."""
        count = self.each.pop(target_hz, 0.0)
        if math.isfinite(count):
            self._known -= count
        else:
            self._unknown -= 1

    def averages(self, usual: float) -> float:
        """Of all together, with the usual ones where they are not known."""
        return self._known + self._unknown * usual


def _key(target_hz: float) -> int:
    """A target as a key: to one hertz."""
    return round(float(target_hz))


def _median(values: deque[float]) -> float:
    """NaN where there are none."""
    return float(np.median(values)) if values else math.nan


def _numbers(recorded: object) -> FloatArray:
    """A list of numbers as an array; empty where it is none."""
    try:
        values = np.asarray(recorded, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        return np.zeros(0)
    return values if (np.abs(values) < _LARGEST).all() else np.zeros(0)


def _number(data: Mapping[str, Any], field: str) -> float:
    try:
        return float(value_in(data, field))
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _duration(seconds: float) -> str:
    """A time in the unit that fits."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
