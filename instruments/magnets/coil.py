"""A superconducting coil as its supply sees it: an inductor, protection diodes, a normal zone.

Circuit: the coil and an anti-parallel pair of diodes hang on the same two leads, so the supply
current is the sum of coil and diode current, and the diodes clamp the voltage that can drive the
coil:

    I_supply = I_coil + I_diode,   V = L dI_coil/dt + R_n I_coil,   |V| <= V_f + r_d |I_diode|

Below the forward voltage V_f the coil carries the whole supply current. Above it the coil lags and
the diodes carry the difference. With the supply off the coil current free-wheels through the
diodes (Wilson, "Superconducting Magnets", ch. 9).

The plain functions at the top take and return numbers only, so that a machine may compile them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from instruments.kept import Group, Number, check


def follow(
    current_a: float,
    supply_a: float,
    dt_s: float,
    inductance_h: float,
    resistance_ohm: float,
    forward_v: float,
    diode_ohm: float,
) -> tuple[float, float]:
    """One implicit step of the clamped circuit.

    Args:
        current_a: Coil current at the start of the step.
        supply_a: Supply current at the end of the step.
        dt_s: Step.
        inductance_h: Coil inductance.
        resistance_ohm: Resistance of the normal zone, 0 when superconducting.
        forward_v: Forward voltage of the diodes; infinity for none.
        diode_ohm: Differential resistance of a conducting diode.

    Returns:
        Coil current at the end of the step (A) and coil voltage during it (V).
    """
    voltage_v = inductance_h * (supply_a - current_a) / dt_s + resistance_ohm * supply_a
    if abs(voltage_v) <= forward_v:
        return supply_a, voltage_v
    clamp_v = math.copysign(forward_v, voltage_v)
    over_dt = inductance_h / dt_s
    new_a = (over_dt * current_a + clamp_v + diode_ohm * supply_a) / (
        over_dt + diode_ohm + resistance_ohm
    )
    return new_a, clamp_v + diode_ohm * (supply_a - new_a)


class Coil(Protocol):
    """What a magnet supply needs to know of the coil on its leads."""

    @property
    def current_a(self) -> float:
        """Current in the windings, A."""

    @property
    def inductance_h(self) -> float:
        """Inductance, H."""

    @property
    def field_per_ampere_t(self) -> float:
        """Central field per ampere, T/A."""

    @property
    def voltage_v(self) -> float:
        """Voltage across the coil, V."""

    @property
    def resistive_voltage_v(self) -> float:
        """Voltage across the normal zone, V: what a balanced quench bridge measures."""

    @property
    def clamp_voltage_v(self) -> float:
        """Forward voltage of the protection diodes now, V (infinity for none)."""

    @property
    def diode_current_a(self) -> float:
        """Current in the protection diodes, A."""

    @property
    def temperature_k(self) -> float:
        """Temperature of the windings, K."""

    @property
    def normal(self) -> bool:
        """True while any part of the winding is not superconducting."""

    def step(self, supply_current_a: float, dt_s: float) -> None:
        """Advance by ``dt_s`` while the supply current moves to ``supply_current_a``."""


@dataclass
class SimpleCoil:
    """A lumped coil: one temperature, one heat capacity, quench by injection.

    Enough for a magnet whose interior is not the subject. After a quench the stored energy heats
    the cold mass, which then relaxes to its bath with one time constant.

    Attributes:
        inductance_h: H.
        field_per_ampere_t: Central field per ampere, T/A.
        bath_temperature_k: What the windings relax to, K.
        critical_temperature_k: The windings are normal above it, K.
        forward_v: Forward voltage of the free-wheel path (diodes across the coil or in the
            supply), V.
        diode_ohm: Differential resistance of the conducting diodes, ohm.
        normal_resistance_ohm: Resistance of the fully normal coil, ohm.
        propagation_s: Time for the normal zone to fill the coil, s.
        heat_capacity_j_per_k: Mean heat capacity of the cold mass between bath and its peak, J/K.
        recovery_s: Time constant of cooling back to the bath, s.
    """

    inductance_h: float
    field_per_ampere_t: float
    bath_temperature_k: float = 4.2
    critical_temperature_k: float = 9.0
    forward_v: float = 5.0
    diode_ohm: float = 0.1
    normal_resistance_ohm: float = 100.0
    propagation_s: float = 1.0
    heat_capacity_j_per_k: float = 5e4
    recovery_s: float = 1800.0
    current_a: float = 0.0
    voltage_v: float = 0.0
    diode_current_a: float = 0.0
    temperature_k: float = 4.2
    normal_fraction: float = 0.0

    @property
    def normal(self) -> bool:
        """True while any part of the winding is not superconducting."""
        return self.normal_fraction > 0.0

    @property
    def resistive_voltage_v(self) -> float:
        """Voltage across the normal zone, V."""
        return self.current_a * self.normal_fraction * self.normal_resistance_ohm

    @property
    def clamp_voltage_v(self) -> float:
        """Forward voltage of the protection diodes, V."""
        return self.forward_v

    def quench(self) -> None:
        """Start a normal zone (an injected fault)."""
        self.normal_fraction = max(self.normal_fraction, 0.01)

    def state(self) -> dict[str, float]:
        """Everything that changes, by name."""
        return {name: float(getattr(self, name)) for name in COIL_STATE.specs}

    def restore(self, state: dict[str, float]) -> None:
        """Put back what ``state`` returned; raises ``Refused`` for anything else."""
        check(COIL_STATE, state, "coil")
        self.current_a, self.voltage_v = state["current_a"], state["voltage_v"]
        self.diode_current_a, self.temperature_k = state["diode_current_a"], state["temperature_k"]
        self.normal_fraction = state["normal_fraction"]

    def step(self, supply_current_a: float, dt_s: float) -> None:
        """Advance by ``dt_s`` while the supply current moves to ``supply_current_a``."""
        if not self.normal and self.temperature_k <= self.critical_temperature_k:
            self._step_once(supply_current_a, dt_s)
            return
        # The normal zone grows within a fraction of a second whatever the machine's own step is.
        count = max(1, math.ceil(dt_s / (0.02 * self.propagation_s)))
        for _ in range(count):
            self._step_once(supply_current_a, dt_s / count)

    def _step_once(self, supply_current_a: float, dt_s: float) -> None:
        resistance_ohm = self.normal_fraction * self.normal_resistance_ohm
        self.current_a, self.voltage_v = follow(
            self.current_a, supply_current_a, dt_s,
            self.inductance_h, resistance_ohm, self.forward_v, self.diode_ohm,
        )  # fmt: skip
        self.diode_current_a = supply_current_a - self.current_a
        heat_j = (resistance_ohm * self.current_a**2) * dt_s
        excess_k = (
            self.temperature_k - self.bath_temperature_k + heat_j / self.heat_capacity_j_per_k
        )
        self.temperature_k = self.bath_temperature_k + excess_k * math.exp(-dt_s / self.recovery_s)
        self._grow_or_recover(dt_s)

    def _grow_or_recover(self, dt_s: float) -> None:
        if not self.normal and self.temperature_k <= self.critical_temperature_k:
            return
        carrying = abs(self.current_a) > 1e-3
        if carrying or self.temperature_k > self.critical_temperature_k:
            self.normal_fraction = min(1.0, self.normal_fraction + dt_s / self.propagation_s)
        else:
            self.normal_fraction = 0.0


#: What the state of a lumped coil may hold. Wider than any magnet: what is beyond is no state.
COIL_STATE = Group(
    {
        "current_a": Number(-1e5, 1e5, "A"),
        "voltage_v": Number(-1e6, 1e6, "V"),
        "diode_current_a": Number(-1e5, 1e5, "A"),
        "temperature_k": Number(1e-3, 2e3, "K"),
        "normal_fraction": Number(0.0, 1.0),
    }
)
