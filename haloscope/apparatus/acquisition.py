"""A measurement that takes time: what network analyzer and digitizer have in common.

The apparatus is evaluated once, at the middle of the acquisition: drifts over it are taken at
mid-time, and whatever is changed in its second half is not seen. The result is shown when the
acquisition ends. Its random numbers depend on the machine's seed, the instrument and the
acquisition's number alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope.apparatus.timeline import LATEST_NS, NS_PER_S, Timeline, to_ns
from instruments.errors import Refused
from instruments.kept import Consistent, Flag, Group, Maybe, Number, Row, Spec, check
from instruments.still import Mark, Still

#: More than any machine will make; their number is part of a random key.
MOST_ACQUISITIONS: Final[int] = 10**15


class Acquisition:
    """Start, progress, end. Subclasses say how long it takes and what is measured.

    No attribute is changed in place: ``still`` compares them object by object.

    Args:
        name: Used in messages.
        timeline: The machine's clock.
    """

    def __init__(self, name: str, timeline: Timeline) -> None:
        self.name, self._timeline = name, timeline
        self._start_ns = self._end_ns = 0
        self._busy = self._aborted = False
        self._started = self._finished = 0
        self._pending: dict[str, Any] | None = None
        self._still = Still(self)

    # commands

    def acquire(self) -> None:
        """Start.

        Raises:
            Refused: An acquisition is under way.
        """
        self.refuse_while_busy("acquire")
        self._start_ns = self._timeline.now_ns
        self._end_ns = self._start_ns + _whole_duration_ns(self.duration_s)
        self._busy, self._aborted, self._pending = True, False, None
        self._started += 1

    def abort(self) -> None:
        """Stop without a result; without effect when idle."""
        self._aborted = self._busy or self._aborted
        self._busy, self._pending = False, None

    # readings

    @property
    def duration_s(self) -> float:
        """How long an acquisition with the present settings takes."""
        raise NotImplementedError

    @property
    def busy(self) -> bool:
        """True while acquiring."""
        return self._busy

    @property
    def aborted(self) -> bool:
        """True from an abort until the next start."""
        return self._aborted

    @property
    def counter(self) -> int:
        """Number of finished acquisitions."""
        return self._finished

    @property
    def progress(self) -> float:
        """Share done of the present acquisition, 0 to 1; 1 after one has finished."""
        if not self._busy:
            return 1.0 if self._finished and not self._aborted else 0.0
        return (self._timeline.now_ns - self._start_ns) / (self._end_ns - self._start_ns)

    @property
    def time_remaining_s(self) -> float:
        """Simulated seconds to the end; 0 when idle."""
        return (self._end_ns - self._timeline.now_ns) / NS_PER_S if self._busy else 0.0

    def still(self) -> Mark:
        """The same mark until a reading or a setting can be another; None while acquiring."""
        return None if self._busy else self._still()

    # called by the machine

    @property
    def next_event_ns(self) -> int | None:
        """Middle, then end of the present acquisition; None when idle."""
        if not self._busy:
            return None
        return self._end_ns if self._pending is not None else (self._start_ns + self._end_ns) // 2

    def handle_event(self) -> None:
        """Measure at the middle, show at the end."""
        if self._pending is None:
            self._pending = self._measure(self._started)
        else:
            self._show(self._pending)
            self._finished += 1
            self._busy, self._pending = False, None

    def refuse_while_busy(self, what: str) -> None:
        """Raise ``Refused`` if an acquisition is under way."""
        if self._busy:
            raise Refused(f"{self.name}: cannot {what} while acquiring; abort first")

    def state(self) -> dict[str, Any]:
        """Plain values for saving."""
        times = [self._start_ns, self._end_ns, self._busy, self._aborted]
        return {
            "times": [*times, self._started, self._finished],
            "pending": _copied(self._pending),
        }

    def allowed(self, now_ns: int) -> Spec:
        """What a saved state may hold at a time."""
        nanoseconds = Number(0, LATEST_NS, "ns", whole=True)
        count = Number(0, MOST_ACQUISITIONS, whole=True)
        times: dict[str, Spec]
        times = {"start_ns": nanoseconds, "end_ns": nanoseconds, "busy": Flag(), "aborted": Flag()}
        own: dict[str, Spec] = {
            "times": Row({**times, "started": count, "finished": count}),
            "pending": Maybe(self._result()),
        }
        return Consistent(
            Group({**own, **self._settings_allowed()}), lambda state: self._conflict(state, now_ns)
        )

    def _conflict(self, state: dict[str, Any], now_ns: int) -> str:
        start_ns, end_ns, busy, _, started, finished = state["times"]
        if finished > started:
            return f"{finished} acquisitions have finished, {started} were started"
        if not busy:
            return "it is idle, and has a result to show" if state["pending"] is not None else ""
        if not start_ns <= now_ns <= end_ns:
            return f"it acquires from {start_ns} to {end_ns} ns, at {now_ns} ns"
        duration_ns = _whole_duration_ns(self._duration_of(state))
        if abs(end_ns - start_ns - duration_ns) > 1:
            return f"an acquisition of {duration_ns} ns takes {end_ns - start_ns} ns"
        middle_ns = (start_ns + end_ns) // 2
        measured = state["pending"] is not None
        # At the middle itself both may be: the snapshot is taken before or after the measurement.
        if now_ns != middle_ns and measured is not (now_ns > middle_ns):
            found = "it has measured" if measured else "it has not measured"
            return f"{found} at {now_ns} ns, and is half done at {middle_ns} ns"
        return ""

    def restore(self, state: dict[str, Any]) -> None:
        """Take over saved values.

        Raises:
            Refused: One of them cannot be; nothing is taken over.
        """
        check(self.allowed(self._timeline.now_ns), state, self.name)
        self._take_over(state)

    def _take_over(self, state: dict[str, Any]) -> None:
        self._start_ns, self._end_ns, self._busy, self._aborted = state["times"][:4]
        self._started, self._finished = state["times"][4:]
        self._pending = _copied(state["pending"])

    def _result(self) -> Spec:
        """What ``_measure`` gives."""
        raise NotImplementedError

    def _settings_allowed(self) -> dict[str, Spec]:
        """What the subclass adds to a saved state."""
        raise NotImplementedError

    def _duration_of(self, state: dict[str, Any]) -> float:
        """How long an acquisition with the settings of a saved state takes, s."""
        raise NotImplementedError

    def _measure(self, number: int) -> dict[str, Any]:
        raise NotImplementedError

    def _show(self, result: dict[str, Any]) -> None:
        raise NotImplementedError


def _whole_duration_ns(duration_s: float) -> int:
    """At least 2 ns: an acquisition has a middle."""
    return max(2, to_ns(duration_s))


def _copied(values: dict[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in values.items()}


def ascending(centre: float, span: float, points: int) -> NDArray[np.float64]:
    """``points`` equally spaced values over ``span`` about ``centre``."""
    return centre + np.linspace(-0.5 * span, 0.5 * span, points)
