"""A magnet power supply: a current source with limits, a ramp generator and a latch for quenches.

The states and commands are those of a four-quadrant laboratory supply (American Magnetics 430,
Cryomagnetics 4G, Lake Shore 625): a target and a rate, ramp, pause, zero, abort; current and
voltage limits; a quench detector that switches the output off and stays latched until it is reset.
Quenches are detected as a balanced bridge does, from the resistive part of the coil voltage alone,
so a fast but healthy ramp does not trip it.

What happens in a step is in ``instruments.magnets.ramp``, plain functions that a machine with
several supplies may compile; ``SimulatedSupply`` is the object an operator talks to, over the
same array.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instruments.errors import Refused
from instruments.kept import Number, Slots, check
from instruments.magnets.coil import Coil
from instruments.magnets.ramp import (
    CURRENT_LIMIT,
    OUTPUT,
    PROGRAM,
    PROGRAM_ON,
    QUENCH_TIME,
    RATE,
    STATE,
    STATE_SIZE,
    TARGET,
    VOLTAGE,
    VOLTAGE_LIMIT,
    SupplyState,
    observe,
    ramp_output,
)
from instruments.ranges import commanded

__all__ = ["SimulatedSupply", "SupplyParameters", "SupplyState"]


#: Beyond any voltage, V, program input, A, and duration, s, of a magnet.
_FAR_V, _FAR_A, _LONG_S = 1e6, 1e6, 1e9

#: By number: what is asked after every step of a machine is not looked up by value.
_STATES = tuple(SupplyState)


@dataclass(frozen=True)
class SupplyParameters:
    """Limits and settings of a supply.

    Attributes:
        name: Used in messages, e.g. ``"PumpA"``.
        current_limit_a: Largest current that may be set, A; the operator may lower or restore it.
        ramp_rate_a_per_s: Ramp rate at start-up, A/s.
        max_ramp_rate_a_per_s: Largest ramp rate that may be set, A/s.
        voltage_limit_v: Compliance at start-up and its upper bound, V.
        lead_resistance_ohm: Resistance of the current leads, ohm.
        tolerance_a: The coil is "at target" within this, A.
        bridge_threshold_v: Resistive voltage that counts as a quench, V.
        bridge_validation_s: How long it must last, s.
    """

    name: str = "Magnet"
    current_limit_a: float = 5.0
    ramp_rate_a_per_s: float = 0.05
    max_ramp_rate_a_per_s: float = 0.3
    voltage_limit_v: float = 5.0
    lead_resistance_ohm: float = 0.1
    tolerance_a: float = 1e-3
    bridge_threshold_v: float = 0.1
    bridge_validation_s: float = 0.02

    def array(self) -> NDArray[np.float64]:
        """The parameters that the plain functions need, in their order."""
        return np.array(
            [
                self.max_ramp_rate_a_per_s,
                self.lead_resistance_ohm,
                self.tolerance_a,
                self.bridge_threshold_v,
                self.bridge_validation_s,
            ]
        )


def state_slots(p: SupplyParameters) -> tuple[tuple[str, Number], ...]:
    """What each slot of a supply's state may hold, in order (``instruments.kept``)."""
    limit = Number(-p.current_limit_a, p.current_limit_a, "A")
    least = 1e-12  # a rate or a limit is above zero
    return (
        ("output", limit),
        ("target", limit),
        ("rate", Number(least, p.max_ramp_rate_a_per_s, "A/s")),
        ("state", Number(0, len(SupplyState) - 1, whole=True)),
        ("current limit", Number(least, p.current_limit_a, "A")),
        ("voltage limit", Number(least, p.voltage_limit_v, "V")),
        ("voltage", Number(-_FAR_V, _FAR_V, "V")),
        ("quench time", Number(0.0, _LONG_S, "s")),
        ("program on", Number(0, 1, whole=True)),
        ("program", Number(-_FAR_A, _FAR_A, "A")),
    )


class SimulatedSupply:
    """One supply and its coil.

    Args:
        parameters: Limits and settings.
        coil: The coil on the leads.
        state: Array to keep the state in (``STATE_SIZE`` numbers); by default one of its own.
    """

    def __init__(
        self, parameters: SupplyParameters, coil: Coil, state: NDArray[np.float64] | None = None
    ) -> None:
        self.parameters = parameters
        self.coil = coil
        self.array = np.zeros(STATE_SIZE) if state is None else state
        self._p = parameters.array()
        self.array[RATE] = parameters.ramp_rate_a_per_s
        self.array[CURRENT_LIMIT] = parameters.current_limit_a
        self.array[VOLTAGE_LIMIT] = parameters.voltage_limit_v

    # -- commands ----------------------------------------------------------------------------------

    def set_current(self, current_a: float) -> None:
        """Set the target and start the ramp.

        Raises:
            Refused: Not a number, beyond the current limit, latched by a quench or fault, or the
                program input drives the output.
        """
        limit_a = self.current_limit_a
        value = self._within("target current", current_a, -limit_a, limit_a, "A")
        self._not_latched()
        self._not_programmed()
        self.array[TARGET] = value
        self.array[STATE] = SupplyState.RAMPING

    def set_field(self, field_t: float) -> None:
        """Set the target as a central field in tesla, start the ramp; raises ``Refused``."""
        limit_t = self.current_limit_a * self.coil.field_per_ampere_t
        value = self._within("target field", field_t, -limit_t, limit_t, "T")
        self.set_current(value / self.coil.field_per_ampere_t)

    def ramp(self) -> None:
        """Ramp to the target (again); raises ``Refused`` when latched."""
        self._not_latched()
        limit_a = self.current_limit_a
        self._within("target", self.target_current_a, -limit_a, limit_a, "A")
        self.array[STATE] = SupplyState.RAMPING

    def pause(self) -> None:
        """Stop where it stands, keep the target; without effect when nothing ramps."""
        self._not_latched()
        if self.state in (SupplyState.RAMPING, SupplyState.ZEROING):
            self.array[STATE] = SupplyState.PAUSED

    def zero(self) -> None:
        """Ramp to zero at the ramp rate; raises ``Refused`` when latched."""
        self._not_latched()
        self._not_programmed()
        self.array[STATE] = SupplyState.ZEROING

    def abort(self) -> None:
        """Stop where it stands, forget target and program, hold; raises ``Refused``."""
        self._not_latched()
        self.array[PROGRAM_ON] = 0.0
        self.array[TARGET] = self.array[OUTPUT]
        self.array[STATE] = SupplyState.RAMPING  # the coil may still lag behind its diodes

    def trip(self) -> None:
        """Switch the output off and latch a fault (power module failure, interlock)."""
        self.array[PROGRAM_ON] = 0.0
        self.array[TARGET] = 0.0
        self.array[STATE] = SupplyState.FAULT

    def reset_quench(self) -> None:
        """Clear the latch of a quench or fault.

        Raises:
            Refused: The coil is still normal or still carries current.
        """
        if self.state < SupplyState.QUENCH:
            return
        if self.coil.normal:
            raise Refused(f"{self.name}: coil still normal at {self.coil.temperature_k:.1f} K")
        if abs(self.coil.current_a) > self.parameters.tolerance_a:
            raise Refused(f"{self.name}: coil still carries {self.coil.current_a:.3f} A, not 0 A")
        self.array[QUENCH_TIME] = 0.0
        self.array[STATE] = SupplyState.AT_ZERO

    def follow_program(self, current_a: float) -> None:
        """Let the program input drive the output (at most at the largest ramp rate), in A."""
        value = self._within("program input", current_a, -math.inf, math.inf, "A")
        self._not_latched()
        self.array[PROGRAM] = value
        self.array[PROGRAM_ON] = 1.0
        self.array[STATE] = SupplyState.RAMPING

    # -- settings ----------------------------------------------------------------------------------

    @property
    def ramp_rate_a_per_s(self) -> float:
        """Ramp rate, A/s."""
        return float(self.array[RATE])

    @ramp_rate_a_per_s.setter
    def ramp_rate_a_per_s(self, value: float) -> None:
        limit = self.parameters.max_ramp_rate_a_per_s
        self.array[RATE] = self._above_zero("ramp rate", value, limit, "A/s")

    @property
    def current_limit_a(self) -> float:
        """Largest current that may be set, A.

        Setting it raises ``Refused`` beyond the supply's own limit, below the present current,
        and below the target of a running ramp: that would clip the output short of a target which
        is then never reached. Pause, zero or re-target first. A paused target above a lowered limit
        is refused by ``ramp``; a cycle whose program is clipped later says so when it blocks.
        """
        return float(self.array[CURRENT_LIMIT])

    @current_limit_a.setter
    def current_limit_a(self, value: float) -> None:
        limit = self._above_zero("current limit", value, self.parameters.current_limit_a, "A")
        present = max(abs(self.supply_current_a), abs(self.coil.current_a))
        if limit < present:
            raise Refused(
                f"{self.name}: current limit {limit:g} A is below the present {present:g} A"
            )
        target = abs(self.target_current_a)
        if self.state is SupplyState.RAMPING and limit < target:
            raise Refused(
                f"{self.name}: current limit {limit:g} A is below the target {target:g} A of the "
                "running ramp"
            )
        self.array[CURRENT_LIMIT] = limit

    @property
    def voltage_limit_v(self) -> float:
        """Compliance voltage, V."""
        return float(self.array[VOLTAGE_LIMIT])

    @voltage_limit_v.setter
    def voltage_limit_v(self, value: float) -> None:
        limit = self.parameters.voltage_limit_v
        self.array[VOLTAGE_LIMIT] = self._above_zero("voltage limit", value, limit, "V")

    # -- readbacks ---------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name used in messages."""
        return self.parameters.name

    @property
    def state(self) -> SupplyState:
        """What the supply is doing."""
        return _STATES[int(self.array[STATE])]

    @property
    def programmed(self) -> bool:
        """True while the program input drives the output."""
        return bool(self.array[PROGRAM_ON] > 0.0)

    @property
    def ramping(self) -> bool:
        """Whether the output moves, to its target or to zero."""
        return self.state in (SupplyState.RAMPING, SupplyState.ZEROING)

    @property
    def latched(self) -> bool:
        """Whether a quench or a fault keeps the output off until it is reset."""
        return self.state >= SupplyState.QUENCH

    @property
    def target_current_a(self) -> float:
        """Where the output is going, A."""
        if self.state is SupplyState.ZEROING:
            return 0.0
        return float(self.array[PROGRAM] if self.programmed else self.array[TARGET])

    @property
    def current_a(self) -> float:
        """Coil current, A."""
        return self.coil.current_a

    @property
    def supply_current_a(self) -> float:
        """Output current of the supply, A."""
        return float(self.array[OUTPUT])

    @property
    def field_t(self) -> float:
        """Central field from the coil current, T."""
        return self.coil.current_a * self.coil.field_per_ampere_t

    @property
    def voltage_v(self) -> float:
        """Voltage at the supply terminals, V."""
        return float(self.array[VOLTAGE])

    @property
    def coil_voltage_v(self) -> float:
        """Voltage across the coil, V."""
        return self.coil.voltage_v

    @property
    def diode_current_a(self) -> float:
        """Current in the protection diodes, A."""
        return self.coil.diode_current_a

    @property
    def coil_temperature_k(self) -> float:
        """Temperature of the windings, K."""
        return self.coil.temperature_k

    @property
    def quenched(self) -> bool:
        """True from the detection of a quench until it is reset."""
        return self.state is SupplyState.QUENCH

    @property
    def at_target(self) -> bool:
        """True when the ramp has ended and the coil current is at its target."""
        return self.state in (SupplyState.HOLDING, SupplyState.AT_ZERO)

    # -- time --------------------------------------------------------------------------------------

    def step(self, dt_s: float) -> None:
        """Advance supply and coil by ``dt_s`` seconds."""
        ramp_output(self.array, self._p, self.coil.inductance_h, self.coil.clamp_voltage_v, dt_s)
        self.coil.step(self.supply_current_a, dt_s)
        coil = self.coil
        observe(self.array, self._p, coil.current_a, coil.voltage_v, coil.resistive_voltage_v, dt_s)

    def saved(self) -> dict[str, Any]:
        """The supply's own state (the coil saves its own)."""
        return {"supply": self.array.copy()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Put back what ``saved`` returned; raises ``Refused`` for anything else."""
        check(Slots(state_slots(self.parameters)), saved["supply"], self.name)
        self.array[:] = saved["supply"]

    # -- checks ------------------------------------------------------------------------------------

    def _within(self, what: str, value: float, low: float, high: float, unit: str) -> float:
        return commanded(f"{self.name}: {what}", value, low, high, unit)

    def _above_zero(self, what: str, value: float, limit: float, unit: str) -> float:
        number = self._within(what, value, 0.0, limit, unit)
        if number == 0.0:
            raise Refused(f"{self.name}: {what} = 0 {unit} must be above 0")
        return number

    def _not_latched(self) -> None:
        if self.state >= SupplyState.QUENCH:
            raise Refused(f"{self.name}: {self.state.name.lower()} is latched; reset it first")

    def _not_programmed(self) -> None:
        if self.programmed:
            raise Refused(
                f"{self.name}: the cycle drives the output; stop or abort the cycle first"
            )
