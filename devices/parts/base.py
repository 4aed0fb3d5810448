"""What all devices share: limits, time-outs in simulated time, positioners that check.

Nothing waits for ever: time-outs are stated in simulated seconds and turned into seconds of the
wall by the speed that the IOC reports (``devices.parts.clock.InstrumentClock``). Channel access
reports no failure with a completed put, so a positioner reads back, directly and not from a
monitor, and fails if the readback is not where it was asked to be.
"""

from __future__ import annotations

from typing import Any

from ophyd import Component, Device, OphydObject, PositionerBase, PVPositionerPC, Signal

from devices.hardware.aliases import Laboratory
from devices.hardware.leaving_out import connect_all, leave_out, stated_absent
from devices.signals.reading import (
    CONNECTION_TIMEOUT_S,
    READ_TIMEOUT_S,
    WRITE_TIMEOUT_S,
    Fetching,
    Readback,
)
from devices.signals.settable import Target, limits_of
from devices.signals.values import check_number
from devices.waiting.moves import Mover

__all__ = [
    "Instrument",
    "Positioner",
    "check_position",
    "limits_of",
    "wall_timeout",
]


def wall_timeout(device: OphydObject, simulated_s: float) -> float:
    """Wall seconds to allow for what takes ``simulated_s`` of the instrument's time.

    A device that stands alone, or in front of hardware with no simulated clock, gets real time.
    """
    clock = getattr(device.root, "sim", None)
    return clock.timeout(simulated_s) if clock is not None else simulated_s + WRITE_TIMEOUT_S


def check_position(device: PositionerBase, signal: Signal, position: Any) -> None:
    """Refuse, before anything moves, what a positioner cannot take.

    Raises:
        InvalidValueError: No finite number, or outside the control limits of ``signal``; names the
            device, the position with its unit, and the limits.
    """
    check_number(device.name, position, device.egu, limits_of(signal))


class Positioner(Mover, Fetching, PVPositionerPC):
    """A setpoint with put completion, a readback and a tolerance.

    ``X`` is the setpoint (it completes when the readback is there), ``X_RBV`` the readback. The
    status fails with ``NotReachedError`` if the put ends with the readback farther away than the
    tolerance.
    """

    setpoint = Component(
        Target,
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
            prefix: Name of the setpoint PV.
            tolerance: Greatest distance of the readback from the setpoint, in the PV's units.
            simulated_s: Seconds of the instrument's time that the longest move may take.
            kwargs: Passed on to ophyd.
        """
        super().__init__(prefix, **kwargs)
        self.tolerance = tolerance
        self.longest_move_s = simulated_s
        self.readback.name = self.name

    @property
    def egu(self) -> str:
        """Engineering units, as the readback's PV reports them."""
        return str(self.readback.metadata.get("units") or "")

    @property
    def position(self) -> float | None:
        """Where it is, fetched; the last that was seen while the IOC is gone."""
        return self.where() if self.readback.connected else self._position

    def check_value(self, pos: Any) -> None:
        """Refuse, before anything moves, what the PV's own limits would refuse."""
        check_position(self, self.setpoint, pos)

    @property
    def target(self) -> Target:
        """The setpoint."""
        return self.setpoint

    @property
    def followed(self) -> Signal:
        """The readback."""
        return self.readback

    @property
    def reach(self) -> float:
        """The tolerance."""
        return self.tolerance

    def where(self) -> float:
        """The readback, fetched."""
        return float(self.readback.get(use_monitor=False))

    def allowance_s(self, position: float) -> float:
        """Wall seconds for the longest move at the present speed."""
        return wall_timeout(self, self.longest_move_s)


class Instrument(Device):
    """A whole machine: its parts, and ``stop`` that leaves it safe.

    Args:
        prefix: Of its PVs.
        laboratory: What its records are called and which there are not, where that is not as ours.
        kwargs: Passed on to ophyd.

    Raises:
        ValueError: The laboratory states that it has not what the instrument cannot do without.
    """

    laboratory: Laboratory | None = None

    def __init__(
        self, prefix: str = "", *, laboratory: Laboratory | None = None, **kwargs: Any
    ) -> None:
        absent = stated_absent(type(self), laboratory) if laboratory else set()
        self.laboratory = laboratory
        super().__init__(prefix, **kwargs)
        leave_out(self, absent)

    def connect(self, timeout_s: float = CONNECTION_TIMEOUT_S) -> None:
        """Wait until every PV is found, or say which are not.

        What the instrument can do without and is not found within seconds is left out: it is not
        read, and refuses by name what is asked of it.

        Raises:
            TimeoutError: Some PVs that it needs, or that guard it, did not answer within
                ``timeout_s``.
        """
        connect_all(self, timeout_s)
