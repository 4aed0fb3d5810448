"""Which machines the models describe: limits of every parameter, and what must fit together.

The limits are wide: they exclude what is impossible or outside a
material's range, not what is merely bad.
"""

from __future__ import annotations

from typing import Final

from amrr.circuit import layout, loop
from amrr.fluid import helium
from amrr.parameters import CoilParameters, RefrigeratorParameters
from amrr.solids.garnet import paramagnet
from instruments.magnets.supply import SupplyParameters
from instruments.ranges import all_within

#: Durations that the sequencer accepts, s.
FLOW_TIME_S: Final = (5.0, 1000.0)
HOLD_TIME_S: Final = (1.0, 1000.0)
#: Time the scanner may spend on a thermometer, s.
DWELL_S: Final = (1.0, 200.0)

Limits = dict[str, tuple[float, float, str]]

_MACHINE: Final[Limits] = {
    "dt_s": (0.001, 2.0, "s"),
    "concentration": (0.01, 0.25, ""),
    "slip_s": (1e-3, 1e3, "s"),
    "slip_diffusivity_m2_per_s": (0.0, 1e-4, "m2/s"),
    "molecular_field_scale": (0.0, 2.0, ""),
    "excitations_scale": (0.5, 1.5, ""),
    "regenerator.inner_diameter_m": (1e-3, 0.5, "m"),
    "regenerator.length_m": (1e-3, 1.0, "m"),
    "regenerator.porosity": (0.2, 0.8, ""),
    "regenerator.particle_diameter_m": (1e-6, 1e-2, "m"),
    "regenerator.wall_thickness_m": (0.0, 0.02, "m"),
    "regenerator.nodes": (4, 400, ""),
    "regenerator.fluid_conductivity_w_per_m_k": (0.0, 10.0, "W/(m K)"),
    "regenerator.dispersion_per_grain": (0.0, 10.0, ""),
    "regenerator.header_height_m": (1e-5, 0.02, "m"),
    "regenerator.cap_kg": (0.0, 10.0, "kg"),
    "pump.bed_volume_m3": (1e-7, 1e-2, "m3"),
    "pump.bed_length_m": (1e-3, 1.0, "m"),
    "pump.porosity": (0.2, 0.8, ""),
    "pump.link_w_per_k": (0.0, 10.0, "W/K"),
    "pump.flow_resistance_pa_s_per_m3": (1.0, 1e15, "Pa s/m3"),
    "pump.superleak_onset_k": (0.15, 2.1768, "K"),
    "pump.largest_flow_m3_per_s": (0.0, 1e-3, "m3/s"),
    "exchangers.hot_volume_m3": (1e-8, 1e-3, "m3"),
    "exchangers.hot_link_w_per_k": (0.0, 100.0, "W/K"),
    "exchangers.cold_tube_length_m": (1e-2, 100.0, "m"),
    "exchangers.cold_tube_bore_m": (1e-4, 0.02, "m"),
    "exchangers.cold_contact_w_per_k": (1e-4, 100.0, "W/K"),
    "exchangers.cold_nodes": (1, 100, ""),
    "exchangers.cold_plate_kg": (1e-3, 100.0, "kg"),
    "exchangers.cold_ballast_j_per_k": (0.0, 1e3, "J/K"),
    "exchangers.cold_plate_length_m": (1e-3, 10.0, "m"),
    "exchangers.parasitic_w": (0.0, 0.1, "W"),
    "exchangers.highest_heater_w": (0.0, 1.0, "W"),
    "stage.setpoint_k": (0.3, 1.9, "K"),
    "stage.pumping_speed_m3_per_s": (0.0, 10.0, "m3/s"),
    "stage.helium_kg": (1e-4, 100.0, "kg"),
    "stage.metal_kg": (1e-3, 1e3, "kg"),
    "stage.heat_leak_w": (0.0, 10.0, "W"),
    "stage.highest_heater_w": (0.0, 10.0, "W"),
    "cycle.flow_time_s": (*FLOW_TIME_S, "s"),
    "cycle.hold_time_s": (*HOLD_TIME_S, "s"),
    "operation.load_w": (0.0, 1.0, "W"),
    "operation.cold_setpoint_k": (0.05, 4.0, "K"),
    "operation.cold_low_k": (0.05, 4.0, "K"),
    "operation.cold_high_k": (0.05, 4.0, "K"),
    "operation.stage_low_k": (0.05, 4.0, "K"),
    "operation.stage_high_k": (0.05, 4.0, "K"),
    "operation.stage_ready_k": (1e-4, 1.0, "K"),
    "operation.stage_far_k": (1e-4, 2.0, "K"),
    "operation.cold_above_stage_k": (1e-3, 2.0, "K"),
    "operation.cold_hihi_k": (0.1, 4.0, "K"),
    "operation.bed_high_k": (0.1, 10.0, "K"),
    "operation.bed_hihi_k": (0.1, 10.0, "K"),
    "operation.coil_cold_k": (1.0, 9.0, "K"),
    "operation.coil_empty_a": (1e-4, 1.0, "A"),
    "operation.lowest_helium_percent": (0.0, 90.0, "%"),
    "operation.low_helium_percent": (0.0, 100.0, "%"),
    "thermometry.relative_noise": (0.0, 0.1, ""),
    "thermometry.excitation_w": (0.0, 1e-6, "W"),
    "thermometry.sensor_link_w_per_k": (1e-9, 1.0, "W/K"),
    "thermometry.dwell_s": (*DWELL_S, "s"),
}
_MAGNET: Final[Limits] = {
    "solenoid.length_m": (1e-3, 10.0, "m"),
    "solenoid.inner_radius_m": (1e-3, 1.0, "m"),
    "solenoid.turns": (1, 1_000_000, ""),
    "solenoid.wire_diameter_m": (1e-5, 1e-2, "m"),
    "wire.filaments": (1, 100_000, ""),
    "wire.filament_diameter_m": (1e-8, 1e-3, "m"),
    "wire.bare_diameter_m": (1e-5, 1e-2, "m"),
    "wire.insulated_diameter_m": (1e-5, 1e-2, "m"),
    "wire.residual_resistivity_ohm_m": (1e-12, 1e-6, "ohm m"),
    "wire.critical_current_scale": (0.0, 2.0, ""),
    "diode_cold_v": (0.0, 100.0, "V"),
    "diode_warm_v": (0.0, 100.0, "V"),
    "diode_warm_k": (1.0, 300.0, "K"),
    "diode_ohm": (1e-6, 100.0, "ohm"),
    "diode_capacity_j_per_k": (1e-5, 100.0, "J/K"),
    "diode_link_w_per_k": (0.0, 100.0, "W/K"),
    "stage_link_w_per_k": (0.0, 100.0, "W/K"),
    "capacity_linear_j_per_k2": (1e-7, 100.0, "J/K2"),
    "capacity_cubic_j_per_k4": (0.0, 100.0, "J/K4"),
    "propagation_s": (1e-4, 1000.0, "s"),
    "peak_field_factor": (1.0, 5.0, ""),
    "mandrel_thickness_m": (0.0, 0.1, "m"),
}
_DETECTOR: Final[Limits] = {
    "distance_m": (0.0, 100.0, "m"),
    "capacity_j_per_k": (1e-6, 100.0, "J/K"),
    "link_w_per_k": (1e-6, 100.0, "W/K"),
    "load_w": (0.0, 0.1, "W"),
    "highest_w": (0.0, 0.1, "W"),
}
_LINE: Final[Limits] = {
    "length_m": (1e-3, 100.0, "m"),
    "bore_m": (1e-4, 0.02, "m"),
    "wall_thickness_m": (0.0, 0.01, "m"),
    "nodes": (1, 100, ""),
}
#: Limits of every numeric parameter but the waypoints, by dotted name: lowest, highest, unit.
LIMITS: Final[Limits] = (
    _MACHINE
    | {
        f"{magnet}.{name}": limit
        for magnet in ("pump_magnet", "regenerator_magnet")
        for name, limit in _MAGNET.items()
    }
    | {
        f"{line}.{name}": limit
        for line in ("cold_line", "hot_line")
        for name, limit in _LINE.items()
    }
    | {f"detector{k}.{name}": limit for k in (1, 2, 3, 4) for name, limit in _DETECTOR.items()}
)


_WHOLE: Final = (
    "regenerator.nodes", "exchangers.cold_nodes", "cold_line.nodes", "hot_line.nodes",
)  # fmt: skip


def check(p: RefrigeratorParameters) -> None:
    """Raise ValueError for a machine that the models do not describe, naming value and limit."""
    for name in (p.refrigerant, p.pump.refrigerant):
        paramagnet(name)
    if p.fluid_closure not in ("bulk", "osmotic"):
        raise ValueError(f"fluid_closure {p.fluid_closure!r} is not 'bulk' or 'osmotic'")
    values = p.flat()
    for name, (low, high, unit) in LIMITS.items():
        all_within(name, values[name], low, high, unit)
    for name in _WHOLE:
        if values[name] != int(values[name]):
            raise ValueError(f"{name} = {values[name]:g} is not a whole number")
    helium.check(p.stage.setpoint_k, p.concentration)
    for name, magnet in (
        ("pump_magnet", p.pump_magnet),
        ("regenerator_magnet", p.regenerator_magnet),
    ):
        _check_wire(name, magnet)
    _check_waypoints(p)
    _check_operation(p)
    _check_detectors(p)
    _check_step(p)


def _check_operation(p: RefrigeratorParameters) -> None:
    """The setpoint that is usually held lies in its range."""
    run = p.operation
    low, high = run.cold_low_k, run.cold_high_k
    all_within("operation.cold_setpoint_k", run.cold_setpoint_k, low, high, "K")


def _check_detectors(p: RefrigeratorParameters) -> None:
    """Each stage has its place on a line."""
    for name, detector in p.detectors.items():
        dotted = name.lower()
        if detector.side not in layout.SIDES:
            raise ValueError(f"{dotted}.side {detector.side!r} is not 'A' or 'B'")
        all_within(f"{dotted}.distance_m", detector.distance_m, 0.0, p.cold_line.length_m, "m")
        all_within(f"{dotted}.load_w", detector.load_w, 0.0, detector.highest_w, "W")
    taken: dict[int, str] = {}
    for name, lump in layout.places(p).detectors.items():
        if lump in taken:
            raise ValueError(
                f"{name.lower()} and {taken[lump].lower()} are on the same of the "
                f"{p.cold_line.nodes} lumps of a cold line: more cold_line.nodes tell them apart"
            )
        taken[lump] = name


def _check_step(p: RefrigeratorParameters) -> None:
    """A step must be short enough for the smallest lump at the largest flow of the superleak."""
    sweep_per_m3 = layout.sweep_per_m3(layout.lumps(p)[1])
    flow = p.pump.largest_flow_m3_per_s
    pieces = flow * p.dt_s * sweep_per_m3 / loop.LARGEST_COURANT
    if pieces > loop.MOST_PIECES:
        raise ValueError(
            f"dt_s = {p.dt_s:g} s is outside 0 to {p.dt_s * loop.MOST_PIECES / pieces:g} s: at "
            f"pump.largest_flow_m3_per_s = {flow:g} m3/s the smallest lump of the loop is swept "
            f"{pieces:.0f} times in a step"
        )


def _check_wire(name: str, magnet: CoilParameters) -> None:
    wire = magnet.wire
    if not wire.copper_area_m2 > 0.0:
        raise ValueError(
            f"{name}.wire: the filaments' {1e6 * wire.superconductor_area_m2:g} mm2 is not below "
            f"the wire's {1e6 * wire.metal_area_m2:g} mm2"
        )
    if not wire.bare_diameter_m <= wire.insulated_diameter_m:
        raise ValueError(
            f"{name}.wire: bare diameter {wire.bare_diameter_m:g} m is not within the insulation's "
            f"{wire.insulated_diameter_m:g} m"
        )
    if not wire.insulated_diameter_m <= magnet.solenoid.wire_diameter_m:
        raise ValueError(
            f"{name}.wire: insulated diameter {wire.insulated_diameter_m:g} m is not within the "
            f"{magnet.solenoid.wire_diameter_m:g} m that solenoid.wire_diameter_m gives a turn"
        )


def _check_waypoints(p: RefrigeratorParameters) -> None:
    """Every waypoint must be in reach of its supplies and in the range of its refrigerant."""
    current_a = SupplyParameters().current_limit_a
    values = p.flat()
    for prefix, magnet, refrigerant in (
        ("cycle.pump_", p.pump_magnet, p.pump.refrigerant),
        ("cycle.regen_", p.regenerator_magnet, p.refrigerant),
    ):
        reach_t = min(
            current_a * magnet.solenoid.centre_t_per_a, paramagnet(refrigerant).highest_field_t
        )
        for name in (n for n in values if n.startswith(prefix)):
            all_within(name, values[name], 0.0, reach_t, "T")
