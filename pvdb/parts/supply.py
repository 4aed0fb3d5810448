"""The process variables of one magnet power supply, over ``instruments.magnets.supply``.

Names and commands are those that users of AMI 430, Cryomagnetics 4G and Lake Shore 625 supplies
know. Puts to ``Current`` and ``Field`` complete when the coil is there; a later put to either,
``Zero``, ``Abort`` or a quench ends them with an error; ``Pause`` lets them wait.
"""

from __future__ import annotations

from collections.abc import Callable

from instruments.errors import Refused
from instruments.magnets.supply import SimulatedSupply, SupplyState
from instruments.still import Mark
from pvdb.records import (
    AlarmLimits,
    Range,
    Record,
    State,
    choice,
    command,
    readback,
    setpoint,
    state,
    text,
    while_still,
)
from pvdb.records.severity import Severity

STATES = (
    State("At zero"),
    State("Ramping"),
    State("Holding"),
    State("Paused", Severity.MINOR_ALARM),
    State("Zeroing"),
    State("Quench", Severity.MAJOR_ALARM),
    State("Fault", Severity.MAJOR_ALARM),
)
COMMANDS = ("Ramp", "Pause", "Zero", "Abort")
#: Warning for a winding above the bath (assumed: NbTi still has margin there at these fields).
WARM_COIL_K = 5.5
#: NbTi is normal above its critical temperature, 9.2 K at zero field.
NORMAL_COIL_K = 9.2


class SupplyRecords:
    """Binds one supply to its records.

    Args:
        supply: The supply.
        interlock_reason: Why it may not be ramped now, "" if it may (an interlock).
        lowest_a: Lowest current that may be set, A; below zero for a bipolar supply.
        still: See ``Record.still``; of all but the message, which is the interlock's, too.
    """

    def __init__(
        self,
        supply: SimulatedSupply,
        interlock_reason: Callable[[], str] = lambda: "",
        lowest_a: float = 0.0,
        still: Callable[[], Mark] | None = None,
    ) -> None:
        self._still = still
        self.supply = supply
        self.interlock_reason = interlock_reason
        self.lowest_a = lowest_a
        self._wanted_a: float | None = None

    def records(self) -> list[Record]:
        """All records, named without the supply's group."""
        message = text("Message_RBV", self.message, "What the supply says")
        own = [*self._targets(), *self._settings(), *self._readbacks(), *self._states()]
        return [*(own if self._still is None else while_still(self._still, own)), message]

    # -- what puts do ------------------------------------------------------------------------------

    def set_current(self, current_a: float) -> None:
        """Ramp to a current."""
        self._may_move()
        self.supply.set_current(current_a)
        self._wanted_a = self.supply.target_current_a

    def set_field(self, field_t: float) -> None:
        """Ramp to a field."""
        self._may_move()
        self.supply.set_field(field_t)
        self._wanted_a = self.supply.target_current_a

    def arrived(self) -> bool:
        """Whether the coil is at the target of the last put.

        Raises:
            Refused: It is latched, or something else changed the target.
        """
        supply = self.supply
        if supply.state in (SupplyState.QUENCH, SupplyState.FAULT):
            raise Refused(f"{supply.name}: {supply.state.name.lower()}; the target is not reached")
        if supply.state is SupplyState.ZEROING or supply.target_current_a != self._wanted_a:
            raise Refused(f"{supply.name}: ended by another command before the target was reached")
        return supply.at_target

    def command(self, index: int) -> None:
        """Ramp, Pause, Zero or Abort."""
        if COMMANDS[index] == "Ramp":
            self._may_move()
        supply = self.supply
        (supply.ramp, supply.pause, supply.zero, supply.abort)[index]()

    def _may_move(self) -> None:
        reason = self.interlock_reason()
        if reason:
            raise Refused(f"{self.supply.name}: {reason}")

    # -- tables ------------------------------------------------------------------------------------

    def _current_range(self) -> Range:
        return (max(self.lowest_a, -self.supply.current_limit_a), self.supply.current_limit_a)

    def _field_range(self) -> Range:
        low, high = self._current_range()
        per_ampere = self.supply.coil.field_per_ampere_t
        return low * per_ampere, high * per_ampere

    def _targets(self) -> list[Record]:
        supply = self.supply
        per_ampere = supply.coil.field_per_ampere_t
        return [
            setpoint(
                "Current",
                lambda: supply.target_current_a,
                self.set_current,
                "Target current; completes at the coil",
                "A",
                control=self._current_range,
                precision=4,
                done=self.arrived,
                target=supply.name,
                saved=False,
            ),
            setpoint(
                "Field",
                lambda: supply.target_current_a * per_ampere,
                self.set_field,
                "Target field; completes at the coil",
                "T",
                control=self._field_range,
                precision=4,
                done=self.arrived,
                target=supply.name,
                saved=False,
            ),
            choice("Command", None, self.command, "Ramp, pause, zero or abort", COMMANDS),
            command("QuenchReset", supply.reset_quench, "Clear a latched quench or fault"),
        ]

    def _settings(self) -> list[Record]:
        supply, parameters = self.supply, self.supply.parameters
        rows = (
            ("RampRate", "ramp_rate_a_per_s", "A/s", parameters.max_ramp_rate_a_per_s, "Ramp rate"),
            ("VoltageLimit", "voltage_limit_v", "V", parameters.voltage_limit_v, "Voltage limit"),
            ("CurrentLimit", "current_limit_a", "A", parameters.current_limit_a, "Current limit"),
        )
        records = []
        for name, attribute, units, highest, what in rows:
            read, write = _reader(supply, attribute), _writer(supply, attribute)
            control = (0.0, highest)
            records += [
                setpoint(name, read, write, what, units, control=control, precision=4),
                readback(f"{name}_RBV", read, what, units, display=control, precision=4),
            ]
        return records

    def _readbacks(self) -> list[Record]:
        supply, parameters = self.supply, self.supply.parameters
        ampere = self._current_range()
        volt = (-parameters.voltage_limit_v, parameters.voltage_limit_v)
        return [
            _analog("Current_RBV", supply, "current_a", "Coil current", "A", ampere),
            _analog("SupplyCurrent_RBV", supply, "supply_current_a", "Supply current", "A", ampere),
            _analog("Field_RBV", supply, "field_t", "Central field", "T", self._field_range()),
            _analog("Voltage_RBV", supply, "voltage_v", "Voltage at the supply", "V", volt),
            _analog("CoilVoltage_RBV", supply, "coil_voltage_v", "Voltage at the coil", "V", volt),
            _analog("DiodeCurrent_RBV", supply, "diode_current_a", "Diode current", "A", ampere),
            readback(
                "CoilTemp_RBV",
                _reader(supply, "coil_temperature_k"),
                "Temperature of the windings",
                "K",
                display=(0.0, 300.0),
                alarms=AlarmLimits(high=WARM_COIL_K, hihi=NORMAL_COIL_K, hysteresis=0.1),
            ),
        ]

    def _states(self) -> list[Record]:
        supply = self.supply
        quenched = (State("No"), State("Yes", Severity.MAJOR_ALARM))
        return [
            state("State_RBV", lambda: supply.state, "What the supply is doing", STATES),
            state("Quench_RBV", lambda: int(supply.quenched), "Quench detected, latched", quenched),
        ]

    def message(self) -> str:
        """State in words, with the reason it may not move."""
        supply = self.supply
        if supply.state is SupplyState.RAMPING:
            return f"Ramping to {supply.target_current_a:.4g} A"
        if supply.state is SupplyState.QUENCH:
            return f"Quench latched, coil at {supply.coil_temperature_k:.1f} K"
        return self.interlock_reason() or STATES[supply.state].name


def _reader(supply: SimulatedSupply, attribute: str) -> Callable[[], float]:
    return lambda: float(getattr(supply, attribute))


def _writer(supply: SimulatedSupply, attribute: str) -> Callable[[float], None]:
    return lambda value: setattr(supply, attribute, value)


def _analog(
    name: str, supply: SimulatedSupply, attribute: str, what: str, units: str, display: Range
) -> Record:
    return readback(
        name, _reader(supply, attribute), what, units, display=display, precision=4, deadband=1e-6
    )
