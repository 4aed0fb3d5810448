"""The refrigerator's device with the physics in process: `Refrigerator(name="amrr")`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from amrr.controls.interlocks import interlocks_of
from amrr.parameters import Parameters
from amrr.refrigerator import Refrigerator as Machine
from devices.amrr import Refrigerator as RefrigeratorDevice
from devices.simulated.bench import DO, Bench, Channel, current_bench
from devices.simulated.interlocks import interlock_channels
from devices.simulated.signals import simulated
from devices.simulated.supply import NO_YES, supply_channels
from instruments.control.interlocks import Interlocks
from instruments.control.pid import Pid

__all__ = ["Refrigerator", "channels"]

STATES = ("Stopped", "Running", "Paused", "Ramping down", "Aborted", "Blocked")
PHASES = ("Idle", "Flow A to B", "No flow 1", "Flow B to A", "No flow 2")
WAYPOINTS = {
    "PumpLow": "pump_low_t",
    "PumpHigh": "pump_high_t",
    "RegenColdStart": "regen_cold_start_t",
    "RegenColdEnd": "regen_cold_end_t",
    "RegenHotStart": "regen_hot_start_t",
    "RegenHotEnd": "regen_hot_end_t",
}


def Refrigerator(
    prefix: str = "AMRR:",
    *,
    name: str,
    machine: Machine | None = None,
    parameters: Parameters | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Any:
    """A `devices.amrr.Refrigerator` whose signals read a machine in this process.

    Args:
        prefix: of the channels' names.
        name: of the device.
        machine: the physics; made from `parameters` and `seed` if not given.
        parameters: of the machine.
        seed: of the machine.
        kwargs: passed on to ophyd.

    The device's `bench` holds the machine; `bench.close()` ends its clock thread.
    """
    machine = machine or Machine(parameters, seed=seed)
    interlocks = interlocks_of(machine)
    table = {f"{prefix}{key}": one for key, one in channels(machine, interlocks).items()}
    bench = Bench(machine, table, prefix, interlocks.check)
    token = current_bench.set(bench)
    try:
        device = simulated(RefrigeratorDevice)(prefix, name=name, **kwargs)
    finally:
        current_bench.reset(token)
    device.bench = bench
    return device


def channels(machine: Machine, interlocks: Interlocks) -> dict[str, Channel]:
    """All channels of the refrigerator by name without prefix."""
    table = _places(machine) | _chx(machine) | _stage(machine) | _flow(machine)
    table |= _cycle(machine, interlocks) | interlock_channels(interlocks)
    for name, supply in machine.supplies.items():
        guard = partial(interlocks.guarded, name)
        table |= supply_channels(f"{name}:", supply, guard=guard)
    return table | {
        "IOC:ParametersHash_RBV": Channel(lambda: machine.parameters.digest()),
        "Sim:Seed_RBV": Channel(lambda: machine.seed),
    }


def _kelvin(get: Callable[[], float]) -> Channel:
    return Channel(lambda: float(get()), None, "K", 4)


def _places(machine: Machine) -> dict[str, Channel]:
    """Thermometers of beds, regenerators and hot exchangers."""
    meters = machine.thermometers
    table: dict[str, Channel] = {}
    for side in ("A", "B"):
        profile = lambda side=side: machine.regenerator_temperatures_k(side)  # noqa: E731
        table |= {
            f"Pump{side}:BedTemp_RBV": _reading(meters, f"Pump{side}"),
            f"Regen{side}:HotEndTemp_RBV": _reading(meters, f"Regen{side}Hot"),
            f"Regen{side}:ColdEndTemp_RBV": _reading(meters, f"Regen{side}Cold"),
            f"HHX{side}:Temp_RBV": _reading(meters, f"HHX{side}"),
            f"Regen{side}:TempProfile_RBV": Channel(profile, None, "K", 4),
            f"Regen{side}:Position_RBV": Channel(
                lambda: machine.regenerator_positions_m * 1e3, None, "mm", 2
            ),
        }
    return table


def _reading(meters: Any, name: str) -> Channel:
    return _kelvin(lambda: meters[name].reading_k)


def _chx(machine: Machine) -> dict[str, Channel]:
    """The cold exchanger: thermometer, heater, control loop."""
    heater = machine.chx_heater

    def power(microwatt: float) -> None:
        heater.power_setpoint_w = float(microwatt) * 1e-6

    def temperature(kelvin: float) -> None:
        heater.setpoint_k = float(kelvin)

    def mode(name: str) -> None:
        heater.closed_loop = name == "Closed loop"

    top = heater.highest_w * 1e6
    return {
        "CHX:Temp_RBV": _reading(machine.thermometers, "CHX"),
        "CHX:Temp": Channel(lambda: heater.setpoint_k, temperature, "K", 4, (0.3, 2.0)),
        "CHX:HeaterPower": Channel(
            lambda: heater.power_setpoint_w * 1e6, power, "uW", 1, (0.0, top)
        ),
        "CHX:HeaterPower_RBV": Channel(lambda: _shown_power_uw(machine), None, "uW", 1),
        "CHX:Mode": Channel(
            lambda: int(heater.closed_loop), mode, enum=("Open loop", "Closed loop")
        ),
    } | _pid("CHX:", heater.pid, "uW/K", 1e6)


def _shown_power_uw(machine: Machine) -> float:
    """What the heater's supply shows: the controlled power, or the one set in open loop."""
    heater = machine.chx_heater
    return (heater.power_w if heater.closed_loop else heater.power_setpoint_w) * 1e6


def _stage(machine: Machine) -> dict[str, Channel]:
    """The 1 K stage: thermometer, trim heater, control loop."""
    stage = machine.stage

    def temperature(kelvin: float) -> None:
        stage.setpoint_k = float(kelvin)

    def mode(name: str) -> None:
        stage.closed_loop = name == "Closed loop"

    return {
        "Stage:Temp_RBV": _reading(machine.thermometers, "Stage"),
        "Stage:Temp": Channel(lambda: stage.setpoint_k, temperature, "K", 4, (1.2, 2.0)),
        "Stage:Heater_RBV": Channel(lambda: stage.heater_w * 1e3, None, "mW", 3),
        "Stage:Mode": Channel(lambda: int(stage.closed_loop), mode, enum=("Off", "Closed loop")),
    } | _pid("Stage:", stage.pid, "mW/K", 1e3)


def _pid(prefix: str, pid: Pid, unit: str, per_watt: float) -> dict[str, Channel]:
    """Gains of a control loop; the proportional one in `unit` of `per_watt` to the watt."""

    def gain(attribute: str, units: str, top: float, scale: float = 1.0) -> Channel:
        return Channel(
            lambda: float(getattr(pid, attribute)) * scale,
            lambda value: setattr(pid, attribute, float(value) / scale),
            units,
            4,
            (0.0, top),
        )

    return {
        f"{prefix}P": gain("p", unit, 1e3 * per_watt, per_watt),
        f"{prefix}I": gain("i", "1/s", 10.0),
        f"{prefix}D": gain("d", "s", 1e3),
    }


def _flow(machine: Machine) -> dict[str, Channel]:
    return {
        "Flow:Rate_RBV": Channel(lambda: machine.flow_rate_m3_per_s * 1e9, None, "mm^3/s", 2),
        "Flow:MolarRate_RBV": Channel(
            lambda: machine.molar_flow_mol_per_s * 1e3, None, "mmol/s", 3
        ),
        "Flow:ConcentrationA_RBV": Channel(lambda: machine.concentration("A") * 1e2, None, "%", 2),
        "Flow:ConcentrationB_RBV": Channel(lambda: machine.concentration("B") * 1e2, None, "%", 2),
    }


def _cycle(machine: Machine, interlocks: Interlocks) -> dict[str, Channel]:
    """The sequencer: commands, state, waypoints, results of the last cycle."""
    cycle = machine.cycle
    start = interlocks.guarded("Cycle", lambda _: cycle.run())

    def run(name: str) -> None:
        start(name) if name == "Run" else cycle.stop()

    def pause(name: str) -> None:
        (cycle.pause if name == "Yes" else cycle.resume)()

    def result(attribute: str, units: str, scale: float = 1.0, precision: int = 4) -> Channel:
        return Channel(lambda: _number(getattr(cycle, attribute) * scale), None, units, precision)

    table = {
        "Run": Channel(lambda: int(cycle.state.name == "RUNNING"), run, enum=("Stop", "Run")),
        "Pause": Channel(lambda: int(cycle.state.name == "PAUSED"), pause, enum=NO_YES),
        "Abort": Channel(lambda: 0, lambda _: cycle.abort(), enum=DO),
        "State_RBV": Channel(lambda: int(cycle.state), enum=STATES),
        "Phase_RBV": Channel(lambda: int(cycle.phase), enum=PHASES),
        "Count_RBV": Channel(lambda: cycle.count),
        "PhaseTime_RBV": Channel(lambda: cycle.phase_time_s, None, "s", 1),
        "Blocked_RBV": Channel(lambda: cycle.blocked),
        "MeanCHXTemp_RBV": result("mean_chx_temperature_k", "K"),
        "MinCHXTemp_RBV": result("min_chx_temperature_k", "K"),
        "MaxCHXTemp_RBV": result("max_chx_temperature_k", "K"),
        "MeanCHXPower_RBV": result("cooling_power_w", "uW", 1e6, 1),
        "Work_RBV": result("work_j", "J"),
        "RejectedHeat_RBV": result("rejected_heat_j", "J"),
        "FlowTime": _setting(cycle, "flow_time_s", "s", (5.0, 1000.0)),
        "HoldTime": _setting(cycle, "hold_time_s", "s", (1.0, 1000.0)),
    }
    for name, attribute in WAYPOINTS.items():
        prefix = "Pump" if name.startswith("Pump") else "Regen"
        supply = machine.supplies[f"{prefix}A"]
        top = supply.parameters.current_limit_a * supply.coil.field_per_ampere_t
        table[name] = _setting(cycle, attribute, "T", (0.0, top))
        table[f"{name}_RBV"] = Channel(table[name].get, None, "T", 4)
    return {f"Cycle:{name}": channel for name, channel in table.items()}


def _setting(target: Any, attribute: str, units: str, limits: tuple[float, float]) -> Channel:
    return Channel(
        lambda: float(getattr(target, attribute)),
        lambda value: setattr(target, attribute, float(value)),
        units,
        4,
        limits,
    )


def _number(value: float) -> float:
    """Zero before the first cycle: JSON and monitors have no place for NaN."""
    return 0.0 if math.isnan(value) else float(value)
