"""A superconducting magnet and its supply: field and current as positioners, states, quench latch.

The signal set follows what operators of Cryomagnetics 4G, AMI 430 and Lake Shore 625 supplies know.
"""

from __future__ import annotations

from ophyd import Component as Cpt

from devices.base import Positioner
from devices.signals import Fetching, command, readback, setting

__all__ = ["MagnetSupply", "PumpMagnet", "RegeneratorMagnet"]


class Ramp(Positioner):
    """Field or current of a coil; `stop` pauses the supply, so the coil keeps its current."""

    def stop(self, *, success: bool = False) -> None:
        """Hold the present current; a ramp under way ends where it is."""
        if self.moving and not self.replacing:
            self.parent.control.put("Pause", use_complete=False)
        super().stop(success=success)


class MagnetSupply(Fetching):
    """One supply with its coil. `stop` pauses a ramp under way: the coil keeps its current."""

    #: Within 5 mT (20 mA) of the setpoint counts as there; the longest ramp is taken as 24 h.
    field = Cpt(Ramp, "Field", kind="hinted", tolerance=0.005, simulated_s=86400.0)
    current = Cpt(Ramp, "Current", kind="normal", tolerance=0.02, simulated_s=86400.0)
    supply_current = readback("SupplyCurrent_RBV")
    ramp_rate = setting("RampRate", doc="A/s")
    state = readback("State_RBV", string=True)
    control = command("Command", doc="Ramp, Pause, Zero, Abort")
    voltage = readback("Voltage_RBV")
    coil_voltage = readback("CoilVoltage_RBV")
    voltage_limit = setting("VoltageLimit", doc="V")
    current_limit = setting("CurrentLimit", doc="A")
    diode_current = readback("DiodeCurrent_RBV")
    coil_temperature = readback("CoilTemp_RBV")
    quench = readback("Quench_RBV", doc="latched: No, Yes")
    quench_reset = command("QuenchReset")
    message = readback("Message_RBV", "omitted", long=True)


class PumpMagnet(MagnetSupply):
    """A magnet of the superfluid magnetic pump, with the temperature of its bed."""

    bed_temperature = readback("BedTemp_RBV")


class RegeneratorMagnet(MagnetSupply):
    """A magnet of a regenerator, with the temperatures along the bed, hot end first."""

    hot_end_temperature = readback("HotEndTemp_RBV")
    cold_end_temperature = readback("ColdEndTemp_RBV")
    profile = readback("TempProfile_RBV", "omitted")
    profile_location = readback("Position_RBV", "omitted")
