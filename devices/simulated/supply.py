"""Channels of a magnet supply: the same for the refrigerator's four and the haloscope's one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices.simulated.bench import DO, Channel, Done
from devices.simulated.interlocks import Guard, unguarded
from instruments.errors import Refused
from instruments.magnets.supply import MagnetSupply

__all__ = ["supply_channels"]

STATES = ("At zero", "Ramping", "Holding", "Paused", "Zeroing", "Quench", "Fault")
COMMANDS = ("Ramp", "Pause", "Zero", "Abort")
NO_YES = ("No", "Yes")


class _Panel:
    """The front panel of a supply: what was asked for last, what it answered."""

    def __init__(self, supply: MagnetSupply, guard: Guard) -> None:
        self.supply = supply
        self._ramp = guard(lambda _: supply.ramp())
        self.field_t = self.current_a = 0.0
        self.message = ""

    def set_field(self, field_t: float) -> Done:
        self.supply.set_field(float(field_t))
        self.field_t = float(field_t)
        self.current_a = self.field_t / self.supply.coil.field_per_ampere_t
        return self.ended

    def set_current(self, current_a: float) -> Done:
        self.supply.set_current(float(current_a))
        self.current_a = float(current_a)
        self.field_t = self.current_a * self.supply.coil.field_per_ampere_t
        return self.ended

    def ended(self) -> bool:
        """The ramp is over: there, paused, or latched."""
        return self.supply.state.name not in ("RAMPING", "ZEROING")

    def command(self, name: str) -> None:
        {
            "Ramp": lambda: self._ramp(name),
            "Pause": self.supply.pause,
            "Zero": self.supply.zero,
            "Abort": self.supply.abort,
        }[name]()

    def reset(self, _: Any) -> None:
        try:
            self.supply.reset_quench()
        except Refused as refusal:
            self.message = str(refusal)
            raise
        self.message = ""


def supply_channels(
    prefix: str, supply: MagnetSupply, *, bipolar: bool = False, guard: Guard = unguarded
) -> dict[str, Channel]:
    """The channels of one supply, by name with its prefix (`PumpA:` for example).

    `guard` is wrapped around what ramps it (an interlock).
    """
    bottom = -1.0 if bipolar else 0.0
    panel = _Panel(supply, guard)
    top_a = supply.parameters.current_limit_a
    top_t = top_a * abs(supply.coil.field_per_ampere_t)
    top_rate, top_v = supply.parameters.max_ramp_rate_a_per_s, supply.parameters.voltage_limit_v

    def settable(attribute: str, top: float, units: str) -> dict[str, Channel]:
        def put(value: float) -> None:
            setattr(supply, attribute, float(value))

        def get() -> float:
            return float(getattr(supply, attribute))

        return {
            "": Channel(get, put, units, 4, (0.0, top)),
            "_RBV": Channel(get, None, units, 4),
        }

    def reading(get: Callable[[], float], units: str, precision: int = 4) -> Channel:
        return Channel(lambda: float(get()), None, units, precision)

    table = {
        "Current": Channel(
            lambda: panel.current_a, guard(panel.set_current), "A", 4, (bottom * top_a, top_a)
        ),
        "Current_RBV": reading(lambda: supply.current_a, "A"),
        "SupplyCurrent_RBV": reading(lambda: supply.supply_current_a, "A"),
        "Field": Channel(
            lambda: panel.field_t, guard(panel.set_field), "T", 4, (bottom * top_t, top_t)
        ),
        "Field_RBV": reading(lambda: supply.field_t, "T"),
        "State_RBV": Channel(lambda: int(supply.state), enum=STATES),
        "Command": Channel(lambda: 0, panel.command, enum=COMMANDS),
        "Voltage_RBV": reading(lambda: supply.voltage_v, "V"),
        "CoilVoltage_RBV": reading(lambda: supply.coil_voltage_v, "V"),
        "DiodeCurrent_RBV": reading(lambda: supply.diode_current_a, "A"),
        "CoilTemp_RBV": reading(lambda: supply.coil_temperature_k, "K", 3),
        "Quench_RBV": Channel(lambda: int(supply.quenched), enum=NO_YES),
        "QuenchReset": Channel(lambda: 0, panel.reset, enum=DO),
        "Message_RBV": Channel(lambda: panel.message),
    }
    pairs = {
        "RampRate": settable("ramp_rate_a_per_s", top_rate, "A/s"),
        "VoltageLimit": settable("voltage_limit_v", top_v, "V"),
        "CurrentLimit": settable("current_limit_a", top_a, "A"),
    }
    table |= {f"{name}{end}": one for name, pair in pairs.items() for end, one in pair.items()}
    return {f"{prefix}{name}": channel for name, channel in table.items()}
