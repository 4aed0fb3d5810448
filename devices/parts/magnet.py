"""A superconducting magnet and its supply: field and current as positioners, states, quench latch.

The signal set follows what operators of Cryomagnetics 4G, AMI 430 and Lake Shore 625 supplies know.
"""

from __future__ import annotations

from typing import Any

from ophyd import Component as Cpt

from devices.hardware.optional import optional
from devices.parts.base import Positioner
from devices.signals.reading import Fetching, readback
from devices.signals.settable import command, setting
from devices.waiting.moves import Move
from devices.waiting.status import send

__all__ = ["MagnetSupply", "PumpMagnet", "RegeneratorMagnet"]


class Ramp(Positioner):
    """Field or current of a coil; ``stop`` pauses the supply, so the coil keeps its current."""

    def halt(self, move: Move | None) -> None:
        """Hold the present current, unless it is not this session (the cycle) that ramps it."""
        if move is not None:
            send(self.parent.control, "Pause")

    def known_causes(self, move: Move, actual: float, why: str) -> list[str]:
        """The supply's state, and where it is sent now."""
        return [
            f"the supply is {self.parent.state.get()!r}",
            *super().known_causes(move, actual, why),
        ]


class MagnetSupply(Fetching):
    """One supply with its coil. ``stop`` pauses a ramp under way: the coil keeps its current."""

    #: Within 5 mT (20 mA) of the setpoint counts as there; the longest ramp is taken as 24 h.
    field = Cpt(Ramp, "Field", kind="hinted", tolerance=0.005, simulated_s=86400.0)
    current = optional(
        Cpt(Ramp, "Current", kind="normal", tolerance=0.02, simulated_s=86400.0),
        "not recorded, and ramped by field alone",
    )
    supply_current = optional(readback("SupplyCurrent_RBV"), "not recorded")
    ramp_rate = optional(setting("RampRate", doc="A/s"), "the supply's own rate")
    state = optional(
        readback("State_RBV", string=True),
        "not recorded; not among the reasons why a ramp has failed",
    )
    control = command("Command", ends=True, doc="Ramp, Pause, Zero, Abort")
    voltage = optional(readback("Voltage_RBV"), "not recorded")
    coil_voltage = optional(readback("CoilVoltage_RBV"), "not recorded")
    voltage_limit = optional(setting("VoltageLimit", doc="V"), "the supply's own limit")
    current_limit = optional(setting("CurrentLimit", doc="A"), "the supply's own limit")
    diode_current = optional(readback("DiodeCurrent_RBV"), "not recorded")
    coil_temperature = optional(readback("CoilTemp_RBV"), "not recorded")
    quench = optional(
        readback("Quench_RBV", doc="latched: No, Yes"),
        "no plan is held by a quench",
        guard=True,
    )
    quench_reset = optional(command("QuenchReset"), "a quench is reset at the supply")
    message = optional(
        readback("Message_RBV", "omitted", long=True),
        "that it has quenched is told, not more",
    )

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.current.slot = self.field.slot  # one coil

    def ordered(self) -> None:
        """A command of this session ends the ramp under way."""
        self.field.slot.ordered()


class PumpMagnet(MagnetSupply):
    """A magnet of the superfluid magnetic pump, with the temperature of its bed."""

    bed_temperature = optional(readback("BedTemp_RBV"), "not recorded")


class RegeneratorMagnet(MagnetSupply):
    """A magnet of a regenerator, with the temperatures along the bed, hot end first."""

    hot_end_temperature = optional(readback("HotEndTemp_RBV"), "not recorded")
    cold_end_temperature = optional(readback("ColdEndTemp_RBV"), "not recorded")
    profile = optional(readback("TempProfile_RBV", "omitted"), "not recorded")
    profile_location = optional(readback("Position_RBV", "omitted"), "not recorded")
