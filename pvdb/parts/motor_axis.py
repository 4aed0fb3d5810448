"""What a motor record asks of its axis, and what it says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from instruments.still import Mark


class MotorAxis(Protocol):
    """A motor with its controller; positions are its own readings (dial coordinates)."""

    @property
    def position(self) -> float:
        """Encoder reading."""

    @property
    def setpoint(self) -> float:
        """Where it was last sent."""

    @property
    def travel(self) -> tuple[float, float]:
        """Readings at the low and at the high limit switch."""

    @property
    def moving(self) -> bool:
        """Whether it has not settled yet."""

    @property
    def homed(self) -> bool:
        """Whether the encoder is referenced."""

    @property
    def stalled(self) -> bool:
        """Whether the last motion ended short of its setpoint."""

    @property
    def at_low_switch(self) -> bool:
        """Whether it stands at the low limit switch, which is its home switch too."""

    @property
    def at_high_switch(self) -> bool:
        """Whether it stands at the high limit switch."""

    velocity: float

    def still(self) -> Mark:
        """The same mark until any of these can be another; None while that is so, or not known."""

    def move_to(self, position: float) -> None:
        """Go to a reading within the travel, from wherever it is."""

    def stop(self) -> None:
        """Stop; the setpoint becomes the position."""

    def home(self) -> None:
        """Search the reference."""

    def load_position(self, position: float) -> None:
        """Call the present position by another reading; nothing moves."""


@dataclass(frozen=True, kw_only=True)
class MotorSettings:
    """What a motor record says about its axis.

    Attributes:
        name: Record name without prefix.
        description: ``.DESC``.
        units: ``.EGU``.
        precision: ``.PREC``.
        resolution: Units per step (``.MRES``).
        max_velocity: ``.VMAX``, units/s.
        acceleration_s: ``.ACCL``, seconds to full velocity.
        deadband: ``.RDBD``: this close counts as there.
    """

    name: str
    description: str
    units: str
    precision: int
    resolution: float
    max_velocity: float
    acceleration_s: float
    deadband: float
