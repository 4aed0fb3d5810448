"""What all devices share: limits, time-outs in simulated time, positioners that check.

Nothing waits for ever: time-outs are stated in simulated seconds and turned into seconds of the
wall by the speed that the IOC reports (`devices.clock.SimClock`). Channel access reports no failure
with a completed put, so a positioner reads back, directly and not from a monitor, and fails if the
readback is not where it was asked to be.
"""

from __future__ import annotations

import threading
from typing import Any

from ophyd import Component, Device, EpicsSignal, PVPositionerPC
from ophyd.utils.errors import LimitError

from devices.signals import CONNECTION_TIMEOUT_S, READ_TIMEOUT_S, WRITE_TIMEOUT_S, Readback
from devices.status import fail_when_late, watched

__all__ = [
    "Instrument",
    "OneMoveAtATime",
    "Positioner",
    "check_limits",
    "limits_of",
    "wall_timeout",
]


def wall_timeout(device: Any, simulated_s: float) -> float:
    """Wall seconds to allow for what takes `simulated_s` of the instrument's time.

    A device that stands alone, or in front of hardware with no simulated clock, gets real time.
    """
    clock = getattr(device.root, "sim", None)
    return clock.timeout(simulated_s) if clock is not None else simulated_s + WRITE_TIMEOUT_S


def limits_of(signal: Any) -> tuple[float, float] | None:
    """The control limits of a signal, or None where the PV has none (equal, or not known)."""
    low, high = signal.limits or (0, 0)
    return None if low is None or high is None or low >= high else (float(low), float(high))


def check_limits(device: Any, signal: Any, position: float) -> None:
    """Refuse, before anything moves, what the control limits of `signal` would refuse.

    Raises:
        LimitError: outside; names the device, the position with its unit, and the limits.
    """
    limits = limits_of(signal)
    if limits is not None and not limits[0] <= position <= limits[1]:
        raise LimitError(
            f"{device.name}: {position:g} {device.egu} is outside {limits[0]:g} to {limits[1]:g}"
            f" {device.egu}"
        )


class OneMoveAtATime:
    """Mixed in before a positioner: a move begins when the end of the last has been told to all.

    ophyd forgets who waits for a move right after it has told them. A RunEngine that is told moves
    on at once, on its own thread; were the next move to begin in between, nobody would ever tell it
    that this one has ended.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.telling = threading.RLock()
        self._replacing: int | None = None
        super().__init__(*args, **kwargs)

    def replace_last(self) -> None:
        """Let the last move be told to all; one that is under way fails, but stops nothing.

        ophyd stops the device of a move that fails, and would stop the one that replaces it.
        """
        with self.telling:  # not held while the next one begins: that reads from the machine
            self._replacing = threading.get_ident()
            try:
                self._run_subs(sub_type=self._SUB_REQ_DONE, success=False)  # type: ignore[attr-defined]
                self._reset_sub(self._SUB_REQ_DONE)  # type: ignore[attr-defined]
            finally:
                self._replacing = None

    @property
    def replacing(self) -> bool:
        """Whether this thread is replacing the last move by another."""
        return self._replacing == threading.get_ident()

    def stop(self, *, success: bool = False) -> None:
        """Stop, unless it is the end of a move that is being replaced that asks for it."""
        if not self.replacing:
            super().stop(success=success)  # type: ignore[misc]

    def _done_moving(self, *args: Any, **kwargs: Any) -> None:
        with self.telling:
            super()._done_moving(*args, **kwargs)  # type: ignore[misc]


class Positioner(OneMoveAtATime, PVPositionerPC):
    """A setpoint with put completion, a readback and a tolerance.

    `X` is the setpoint (it completes when the readback is there), `X_RBV` the readback. The status
    fails with `NotReachedError` if completion leaves the readback farther away than the tolerance.
    """

    setpoint = Component(
        EpicsSignal,
        "",
        kind="normal",
        limits=True,
        auto_monitor=True,
        put_complete=True,
        timeout=READ_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
    )
    readback = Component(
        Readback,
        "_RBV",
        kind="hinted",
        auto_monitor=False,
        timeout=READ_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
    )

    def __init__(
        self, prefix: str = "", *, tolerance: float, simulated_s: float, **kwargs: Any
    ) -> None:
        """Make the positioner.

        Args:
            prefix: name of the setpoint PV.
            tolerance: greatest distance of the readback from the setpoint, in the PV's units.
            simulated_s: seconds of the instrument's time that the longest move may take.
            kwargs: passed on to ophyd.
        """
        self._number = 0
        super().__init__(prefix, **kwargs)
        self.tolerance = tolerance
        self.longest_move_s = simulated_s
        self.readback.name = self.name

    def locate(self) -> dict[str, float]:
        """Where it was told to be and where it is, both fetched: bluesky's `Location`."""
        asked = self.setpoint.get(use_monitor=False)
        return {"setpoint": asked, "readback": self.readback.get(use_monitor=False)}

    @property
    def egu(self) -> str:
        """Engineering units, as the readback's PV reports them."""
        return str(self.readback.metadata.get("units") or "")

    def check_value(self, pos: float) -> None:
        """Refuse, before anything moves, what the PV's own limits would refuse."""
        check_limits(self, self.setpoint, pos)

    def move(
        self, position: float, wait: bool = True, timeout: float | None = None, moved_cb: Any = None
    ) -> Any:
        """Move; without a time-out of its own the move gets its longest time, scaled by speed."""
        self.check_value(position)
        limit = wall_timeout(self, self.longest_move_s) if timeout is None else timeout
        self.replace_last()
        self._number += 1
        status = super().move(position, wait=False, moved_cb=moved_cb)
        fail_when_late(
            status, limit, f"{self.name}: the move to {position:g} {self.egu} has not ended"
        )
        return watched(self, self.setpoint, status, wait)

    def _setup_move(self, position: float) -> None:
        self._move_changed(value=1 - self.done_value)
        number = self._number

        def completed(**_: Any) -> None:
            if number == self._number:  # a later move ends this one's put, too
                self._arrived(position)

        try:
            self.setpoint.put(position, use_complete=True, callback=completed)
        except Exception:
            self._done_moving(success=False)
            raise

    def _arrived(self, position: float) -> None:
        """Judge a completed put by a readback fetched now."""
        try:
            actual = self.readback.get(use_monitor=False)
        except Exception:
            self.log.exception("%s: no readback after the put completed", self.name)
            self._done_moving(success=False)
            return
        reached = abs(actual - position) <= self.tolerance
        if not reached:
            self.log.error(
                "%s: asked for %g %s, is at %g %s", self.name, position, self.egu, actual, self.egu
            )
        self._done_moving(success=reached)


class Instrument(Device):
    """A whole machine: its parts, and `stop` that leaves it safe."""

    def connect(self, timeout_s: float = CONNECTION_TIMEOUT_S) -> None:
        """Wait until every PV is found, or say which are not.

        Raises:
            TimeoutError: some PVs did not answer within `timeout_s`.
        """
        self.wait_for_connection(all_signals=True, timeout=timeout_s)
