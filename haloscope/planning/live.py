"""A campaign's end and reach while it runs, from what its events say.

The time of a step is that between events, by their own simulated time (of a machine without one by
that of the document); the reach follows from the limits of the online analysis. Where a frequency
has seen the steps D of all that are planned A, its SNR^2 will still grow by

    sum_A n L^2 / sum_D n L^2,

n the averages and L the cavity's Lorentzian of each step, and the coupling falls with the fourth
root of that. Nothing of the apparatus is assumed: loaded Q and couplings are those measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.exchange.keys import value_in
from haloscope.lorentzian import lorentzian

if TYPE_CHECKING:
    from haloscope.analysis.online import OnlineUpdate

FloatArray = NDArray[np.float64]

__all__ = ["LiveForecast", "Outlook"]

#: Plans whose events are steps of a search.
_SCANS: Final = ("scan",)
#: Frequencies that have less than this share of what they will get say little of what that is.
_ENOUGH: Final = 0.3
#: Steps whose times are averaged: the last ones, since loads and habits change.
_LAST: Final = 50


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


@dataclass(frozen=True)
class _Step:
    target_hz: float
    averages: float
    width_hz: float
    time_s: float
    run: str


class LiveForecast:
    """A bluesky callback, and a listener to the online analysis: ``online.tell(live.updated)``.

    Documents that are no steps of a scan pass it by; what a document lacks makes a forecast poorer,
    it never raises.
    """

    def __init__(self) -> None:
        self._targets_hz: FloatArray = np.zeros(0)
        self._averages: dict[float, float] = {}
        self._steps: list[_Step] = []
        self._scans: dict[str, str] = {}
        self._starts: set[str] = set()
        self._rounds: list[tuple[float, float]] = []
        self._parts = 1, 1
        self._coupling: dict[int, float] = {}

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
        pairs = zip(update.limit.frequency_hz, update.limit.coupling_per_gev, strict=True)
        self._coupling |= {round(float(nu)): float(coupling) for nu, coupling in pairs}

    @property
    def steps(self) -> int:
        """Steps seen so far."""
        return len(self._steps)

    @property
    def outlook(self) -> Outlook | None:
        """What is known now; None before the first step."""
        if not self._steps:
            return None
        done = {round(step.target_hz) for step in self._steps}
        left = [nu for nu in self._targets_hz if round(nu) not in done]
        each_s = self._each_s()
        part, parts = self._parts
        left_s = sum(self._step_s(nu) for nu in left) + (parts - part) * self._round_s()
        return Outlook(
            done=len(done), left=len(left), time_s=self._steps[-1].time_s, each_s=each_s,
            left_s=left_s if left else 0.0, coupling_per_gev=self._reach(),
        )  # fmt: skip

    def _begin(self, start: Mapping[str, Any]) -> None:
        if start.get("plan_name") not in _SCANS:
            return
        self._starts.add(start["uid"])
        given = start.get("plan_args", {})
        scanned = _numbers(given.get("frequencies_mhz"))
        averages = _numbers(given.get("averages"))
        whole = _numbers(start.get("campaign_targets_mhz"))
        self._targets_hz = (whole if whole.size else scanned) * 1e6
        if averages.size == scanned.size:
            pairs = zip(np.rint(scanned * 1e6), averages, strict=True)
            self._averages |= {float(nu): float(n) for nu, n in pairs}
        part = _numbers(start.get("campaign_part"))
        self._parts = (int(part[0]), int(part[1])) if part.size == 2 else (1, 1)

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
        averages = _number(data, "daq_num_averages")
        if not (math.isfinite(time_s) and math.isfinite(target_mhz)):
            return
        target_hz = target_mhz * 1e6
        known = averages if averages > 0 else self._averages.get(round(target_hz), 1.0)
        width_hz = target_hz / loaded_q if loaded_q > 0 else math.nan
        before = self._steps[-1] if self._steps else None
        if before is not None and before.run != run:
            self._rounds.append((before.time_s, time_s))
        self._steps.append(_Step(target_hz, known, width_hz, time_s, run))

    def _each_s(self) -> float:
        """Time between events of one run, the median of the last."""
        pairs = zip(self._steps, self._steps[1:], strict=False)
        gaps = [after.time_s - before.time_s for before, after in pairs if after.run == before.run]
        return float(np.median(gaps[-_LAST:])) if gaps else math.nan

    def _step_s(self, target_hz: float) -> float:
        """Of a step to come: that of the last ones, in proportion to its averages."""
        usual = float(np.median([step.averages for step in self._steps[-_LAST:]]))
        averages = self._averages.get(float(round(target_hz)), usual)
        return self._each_s() * averages / usual

    def _round_s(self) -> float:
        """What there was between two parts of the scan beside a step."""
        if not self._rounds:
            return 0.0
        gaps = [after - before - self._each_s() for before, after in self._rounds]
        return max(float(np.nan_to_num(np.mean(gaps))), 0.0)

    def _reach(self) -> float:
        if not self._coupling:
            return math.nan
        nu = np.array(sorted(self._coupling), dtype=np.float64)
        coupling = np.array([self._coupling[int(f)] for f in nu])
        widths = [step.width_hz for step in self._steps if math.isfinite(step.width_hz)]
        if not widths:
            return math.nan
        width_hz = float(np.median(widths))
        # No more frequencies than tell a median.
        thin = slice(None, None, max(1, len(nu) // 2000))
        nu, coupling = nu[thin], coupling[thin]
        done = [(step.target_hz, step.averages) for step in self._steps]
        usual = float(np.median([averages for _, averages in done]))
        planned = [(f, self._averages.get(float(round(f)), usual)) for f in self._targets_hz]
        seen, whole = (_gathered(nu, steps, width_hz) for steps in (done, planned))
        share = np.divide(seen, whole, out=np.ones(len(nu)), where=whole > 0)
        inside = (nu >= self._targets_hz.min()) & (nu <= self._targets_hz.max())
        good = (share >= _ENOUGH) & inside
        if not good.any():
            return math.nan
        return float(np.median(coupling[good] * np.minimum(share[good], 1.0) ** 0.25))


def _gathered(
    frequency_hz: FloatArray, steps: Sequence[tuple[float, float]], width_hz: float
) -> FloatArray:
    """The sum of n L^2 at frequencies (k,), of steps (target, averages)."""
    total = np.zeros(len(frequency_hz))
    for target_hz, averages in steps:
        low, high = np.searchsorted(
            frequency_hz, (target_hz - 5 * width_hz, target_hz + 5 * width_hz)
        )
        away = frequency_hz[low:high] - target_hz
        total[low:high] += averages * lorentzian(away, width_hz) ** 2
    return total


def _numbers(recorded: object) -> FloatArray:
    """A list of numbers as an array; empty where it is none."""
    try:
        values = np.asarray(recorded, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        return np.zeros(0)
    return values if np.isfinite(values).all() else np.zeros(0)


def _number(data: Mapping[str, Any], field: str) -> float:
    try:
        return float(value_in(data, field))
    except (TypeError, ValueError):
        return math.nan


def _duration(seconds: float) -> str:
    """A time in the unit that fits."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
