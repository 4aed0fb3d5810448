"""A superconducting coil: circuit, self-protection, losses, quench, recovery. Compiled step.

Circuit as in ``instruments.magnets.coil``. Heat into the winding per step:

- filament hysteresis, 2/(3 pi) J_c d_f |dB| V_sc for a field change dB (Wilson, ch. 8);
- eddy currents in the 6061 mandrel, pi r^3 t l (dB/dt)^2 / (2 rho);
- R_n I^2 in the normal zone, and the diodes' heat through the mandrel.

A quench starts when the current exceeds I_c(B_peak, T) or by injection. The normal fraction grows
to 1 in the propagation time; its resistance is the copper's. The hot spot, where the quench began,
warms by dT/dt = rho J^2 / c, with c of copper for the whole wire (``amrr.solids.copper``), and
shares its heat with the winding within seconds. While anything is normal the coil is advanced in
steps of 1 ms. The diodes' forward voltage falls as they warm.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.compiled import jit
from amrr.parameters import CoilParameters
from amrr.solids import copper
from amrr.solids.materials import ALUMINIUM_6061
from amrr.solids.superconductor import critical_current_density
from instruments.magnets import coil as circuit

Array = NDArray[np.float64]

# State slots.
CURRENT: Final = 0  # A
VOLTAGE: Final = 1  # V
DIODE: Final = 2  # A
TEMPERATURE: Final = 3  # K
DIODE_TEMPERATURE: Final = 4  # K
NORMAL: Final = 5  # normal fraction of the winding, 0 to 1
HOT_SPOT: Final = 6  # K
RESISTANCE: Final = 7  # ohm
STAGE_HEAT: Final = 8  # J given to the stage during the last step
QUENCH_HEAT: Final = 9  # J dissipated in the winding since the quench began
STATE_SIZE: Final = 10

# Constant slots.
INDUCTANCE: Final = 0
FIELD_PER_A: Final = 1
PEAK: Final = 2
WIRE_LENGTH: Final = 3
COPPER_AREA: Final = 4
METAL_AREA: Final = 5
SC_AREA: Final = 6
JC_SCALE: Final = 7
FILAMENT: Final = 8
RHO_0: Final = 9
EDDY: Final = 10  # W per (T/s)^2
C_LINEAR: Final = 11
C_CUBIC: Final = 12
STAGE_LINK: Final = 13
PROPAGATION: Final = 14
V_COLD: Final = 15
V_WARM: Final = 16
T_WARM: Final = 17
DIODE_OHM: Final = 18
DIODE_CAPACITY: Final = 19
DIODE_LINK: Final = 20
CONSTANTS: Final = 21

#: Crossover of the heat capacity of winding, epoxy and mandrel from T^3 to T.
_CROSSOVER_K: Final = 22.0
#: Up to here that is what copper, NbTi, aluminium and epoxy hold together; it does not saturate.
HIGHEST_WINDING_K: Final = 100.0
_FINE_STEP_S: Final = 1e-3

_follow = jit(circuit.follow)


def constants(p: CoilParameters) -> Array:
    """The constants that the compiled step needs, in their order."""
    s, w = p.solenoid, p.wire
    eddy = (
        math.pi * s.inner_radius_m**3 * p.mandrel_thickness_m * s.length_m
        / (2.0 * ALUMINIUM_6061.resistivity_ohm_m)
    )  # fmt: skip
    return np.array(
        [
            s.inductance_h, s.centre_t_per_a, p.peak_field_factor, s.wire_length_m,
            w.copper_area_m2, w.metal_area_m2, w.superconductor_area_m2,
            w.critical_current_scale, w.filament_diameter_m, w.residual_resistivity_ohm_m,
            eddy, p.capacity_linear_j_per_k2, p.capacity_cubic_j_per_k4, p.stage_link_w_per_k,
            p.propagation_s, p.diode_cold_v, p.diode_warm_v, p.diode_warm_k, p.diode_ohm,
            p.diode_capacity_j_per_k, p.diode_link_w_per_k,
        ]
    )  # fmt: skip


@jit
def enthalpy(temperature_k: float, p: Array) -> float:
    """Heat content of coil and mandrel from 0 K, J."""
    t2, c2 = temperature_k * temperature_k, _CROSSOVER_K * _CROSSOVER_K
    cubic = 0.5 * c2 * (t2 - c2 * math.log(1.0 + t2 / c2))
    return 0.5 * p[C_LINEAR] * t2 + p[C_CUBIC] * cubic


@jit
def capacity(temperature_k: float, p: Array) -> float:
    """Heat capacity of coil and mandrel, J/K."""
    t = temperature_k
    return p[C_LINEAR] * t + p[C_CUBIC] * t**3 / (1.0 + (t / _CROSSOVER_K) ** 2)


@jit
def warmed(temperature_k: float, heat_j: float, link_j_per_k: float, p: Array) -> float:
    """T after ``heat_j`` went in and the implicit link, to 0 K, took ``link_j_per_k`` T out."""
    t = temperature_k
    goal = enthalpy(t, p) + heat_j
    for _ in range(40):
        change = (goal - enthalpy(t, p) - link_j_per_k * t) / (capacity(t, p) + link_j_per_k)
        t = max(t + change, 0.5 * t)
        if abs(change) < 1e-9:
            break
    return t


@jit
def forward_voltage(x: Array, p: Array) -> float:
    """Diode forward voltage at its own temperature, V."""
    cold = 1.0 / (1.0 + (x[DIODE_TEMPERATURE] / p[T_WARM]) ** 2)
    return p[V_WARM] + (p[V_COLD] - p[V_WARM]) * cold


@jit
def advance_once(x: Array, p: Array, supply_a: float, stage_k: float, dt_s: float) -> None:
    """One step of circuit and heat."""
    before_a = x[CURRENT]
    x[CURRENT], x[VOLTAGE] = _follow(
        before_a, supply_a, dt_s, p[INDUCTANCE], x[RESISTANCE], forward_voltage(x, p), p[DIODE_OHM]
    )
    x[DIODE] = supply_a - x[CURRENT]
    field = abs(x[CURRENT]) * p[FIELD_PER_A]
    change_t = abs(x[CURRENT] - before_a) * p[FIELD_PER_A]
    # The whole winding sees about half of the central field.
    jc = p[JC_SCALE] * critical_current_density(0.5 * field, x[TEMPERATURE])
    volume = p[SC_AREA] * p[WIRE_LENGTH]
    heat = 2.0 / (3.0 * math.pi) * jc * p[FILAMENT] * 0.5 * change_t * volume
    heat += p[EDDY] * change_t * change_t / dt_s
    joule = x[RESISTANCE] * x[CURRENT] ** 2 * dt_s
    x[QUENCH_HEAT] += joule
    link = p[STAGE_LINK] * dt_s
    # The pocket holds less than its link passes in a long step: both ends of the link move at once.
    pocket_k = x[DIODE_TEMPERATURE] + abs(x[VOLTAGE] * x[DIODE]) * dt_s / p[DIODE_CAPACITY]
    passed = p[DIODE_LINK] * dt_s
    pocket = passed * p[DIODE_CAPACITY] / (p[DIODE_CAPACITY] + passed)
    bath_j = link * stage_k + pocket * pocket_k
    x[TEMPERATURE] = warmed(x[TEMPERATURE], heat + joule + bath_j, link + pocket, p)
    x[DIODE_TEMPERATURE] = pocket_k + pocket / p[DIODE_CAPACITY] * (x[TEMPERATURE] - pocket_k)
    x[STAGE_HEAT] += link * (x[TEMPERATURE] - stage_k)


@jit
def grow(x: Array, p: Array, dt_s: float) -> None:
    """Normal zone, its resistance, and the hot spot."""
    peak_t = p[PEAK] * abs(x[CURRENT]) * p[FIELD_PER_A]
    critical_a = p[JC_SCALE] * p[SC_AREA] * critical_current_density(peak_t, x[TEMPERATURE])
    if x[NORMAL] == 0.0:
        if abs(x[CURRENT]) <= critical_a or abs(x[CURRENT]) < 1e-6:
            x[HOT_SPOT] = x[TEMPERATURE]
            return
        x[QUENCH_HEAT] = 0.0
        x[HOT_SPOT] = max(x[TEMPERATURE], 10.0)
    elif abs(x[CURRENT]) < 1e-3 and critical_a > 0.0:
        x[NORMAL] = 0.0
        x[RESISTANCE] = 0.0
        return
    if abs(x[CURRENT]) >= 1e-3:
        x[NORMAL] = min(1.0, x[NORMAL] + dt_s / p[PROPAGATION])
    resistivity = copper.resistivity(x[TEMPERATURE], p[RHO_0])
    x[RESISTANCE] = x[NORMAL] * resistivity * p[WIRE_LENGTH] / p[COPPER_AREA]
    spot = max(x[HOT_SPOT], x[TEMPERATURE])
    joule = copper.resistivity(spot, p[RHO_0]) * x[CURRENT] ** 2
    joule /= p[COPPER_AREA] * p[METAL_AREA] * copper.heat_capacity_per_volume(spot)
    # The hot spot shares its heat with the winding within a few seconds.
    x[HOT_SPOT] = max(x[TEMPERATURE], spot + (joule - (spot - x[TEMPERATURE]) / 3.0) * dt_s)


@jit
def advance(x: Array, p: Array, supply_a: float, stage_k: float, dt_s: float) -> None:
    """Advance the coil while the supply current moves to ``supply_a``."""
    x[STAGE_HEAT] = 0.0
    # Fine steps only while a normal zone carries current: a warm coil without current merely cools.
    if x[NORMAL] > 0.0 and abs(x[CURRENT]) >= 1e-3:
        count = max(1, math.ceil(dt_s / _FINE_STEP_S - 1e-9))
        for _ in range(count):
            advance_once(x, p, supply_a, stage_k, dt_s / count)
            grow(x, p, dt_s / count)
        return
    advance_once(x, p, supply_a, stage_k, dt_s)
    grow(x, p, dt_s)


class SuperconductingMagnet:
    """The coil as its supply and the operator see it: a view on one row of the machine's state.

    Args:
        parameters: The magnet.
        state: Its row of state.
    """

    def __init__(self, parameters: CoilParameters, state: Array) -> None:
        self.parameters = parameters
        self.array = state
        self.constants = constants(parameters)

    @property
    def current_a(self) -> float:
        """Coil current, A."""
        return float(self.array[CURRENT])

    @property
    def inductance_h(self) -> float:
        """Inductance, H."""
        return float(self.constants[INDUCTANCE])

    @property
    def field_per_ampere_t(self) -> float:
        """Central field per ampere, T/A."""
        return float(self.constants[FIELD_PER_A])

    @property
    def voltage_v(self) -> float:
        """Voltage across the coil, V."""
        return float(self.array[VOLTAGE])

    @property
    def resistive_voltage_v(self) -> float:
        """Voltage across the normal zone, V."""
        return float(self.array[RESISTANCE] * self.array[CURRENT])

    @property
    def clamp_voltage_v(self) -> float:
        """Forward voltage of the diodes now, V."""
        return float(forward_voltage(self.array, self.constants))

    @property
    def diode_current_a(self) -> float:
        """Current in the diodes, A."""
        return float(self.array[DIODE])

    @property
    def diode_temperature_k(self) -> float:
        """Temperature of the diode pocket, K."""
        return float(self.array[DIODE_TEMPERATURE])

    @property
    def temperature_k(self) -> float:
        """Mean temperature of the winding, K."""
        return float(self.array[TEMPERATURE])

    @property
    def hot_spot_k(self) -> float:
        """Temperature where the last quench began, K."""
        return float(self.array[HOT_SPOT])

    @property
    def normal_fraction(self) -> float:
        """Normal part of the winding, 0 to 1."""
        return float(self.array[NORMAL])

    @property
    def normal(self) -> bool:
        """True while any part is normal, or too warm to be superconducting."""
        return self.normal_fraction > 0.0 or self.temperature_k >= 9.2

    @property
    def critical_current_a(self) -> float:
        """I_c at the winding's peak field and temperature, A."""
        peak_t = self.parameters.peak_field_factor * abs(self.current_a) * self.field_per_ampere_t
        return self.parameters.wire.critical_current_a(peak_t, self.temperature_k)

    def quench(self) -> None:
        """Inject a quench: a point of the winding goes normal (a fault for training and tests)."""
        self.array[NORMAL] = max(self.array[NORMAL], 0.01)
        self.array[QUENCH_HEAT] = 0.0
        self.array[HOT_SPOT] = max(self.temperature_k, 10.0)

    def step(self, supply_current_a: float, dt_s: float) -> None:
        """Advance alone, at a stage of 1.6 K (the machine advances its coils in one loop)."""
        advance(self.array, self.constants, supply_current_a, 1.6, dt_s)
