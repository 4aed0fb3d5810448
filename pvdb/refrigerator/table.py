"""The process variables of the refrigerator, over ``amrr.refrigerator.SimulatedRefrigerator``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from amrr.controls import repetition
from amrr.controls.heaters import ChxHeater
from amrr.describing import describe
from amrr.description import LONGEST_JSON
from amrr.refrigerator import SimulatedRefrigerator
from instruments.control.interlocks import Interlocks
from instruments.control.pid import Pid
from instruments.errors import Refused
from pvdb.parts.described import description_records
from pvdb.parts.faults import SensorFaults, quench_record
from pvdb.parts.interlocks import interlock_records
from pvdb.parts.supply import SupplyRecords
from pvdb.records import Record, choice, group, readback, setpoint, waveform
from pvdb.records.binding import reader, writer
from pvdb.refrigerator.alarms import bed_alarms, cold_alarms, stage_alarms
from pvdb.refrigerator.cold_path import cold_path_records
from pvdb.refrigerator.cycle import cycle_records
from pvdb.refrigerator.helium import helium_fault, helium_records
from pvdb.refrigerator.thermometer import DISPLAY_K, thermometer

UW_PER_W = 1e6
MW_PER_W = 1e3
MM_PER_M = 1e3
MM3_PER_M3 = 1e9
MMOL_PER_MOL = 1e3


def amrr_records(machine: SimulatedRefrigerator, interlocks: Interlocks) -> list[Record]:
    """All records of the machine itself (``Sim:`` and ``IOC:`` are added by the IOC)."""
    faults = amrr_faults(machine)
    table: list[Record] = []
    for name, supply in machine.supplies.items():
        interlock_reason = _interlock_reason(interlocks, name)
        table += group(name, SupplyRecords(supply, interlock_reason).records())
    table += _beds(machine, faults)
    table += _cold_exchanger(machine, faults)
    table += cold_path_records(machine, faults)
    table += _stage(machine, faults)
    table += _flow(machine)
    table += helium_records(machine)
    table += cycle_records(machine, interlocks)
    quenches = {name: magnet.quench for name, magnet in machine.magnets.items()}
    return [
        *interlock_records(interlocks),  # posted before what they have done
        *table,
        *faults.records(),
        quench_record(quenches),
        helium_fault(machine),
        *description_records(describe(machine.parameters), LONGEST_JSON),
        _truth(machine),
    ]


def _truth(machine: SimulatedRefrigerator) -> Record:
    """True values that no thermometer shows; unreadable unless the access rules are changed."""
    return readback(
        "Sim:TrueCHXTemp_RBV",
        lambda: machine.chx_temperature_k,
        "True temperature of the cold exchanger",
        "K",
        precision=6,
        display=DISPLAY_K,
        group="TRUTH",
    )


def amrr_faults(machine: SimulatedRefrigerator) -> SensorFaults:
    """Faults of the thermometers."""
    meters = machine.thermometers
    return SensorFaults(
        tuple(meters), lambda name: meters[name].reading_k, lambda: machine.time_s, machine.seed
    )


def _interlock_reason(interlocks: Interlocks, name: str) -> Callable[[], str]:
    return lambda: interlocks.reason_against(name)


def _beds(machine: SimulatedRefrigerator, faults: SensorFaults) -> Iterator[Record]:
    for side in ("A", "B"):
        regen = f"Regen{side}"
        yield thermometer(
            machine,
            faults,
            f"Pump{side}:BedTemp_RBV",
            f"Pump{side}",
            f"Pump bed {side}",
            bed_alarms(machine.parameters),
        )
        for end in ("Hot", "Cold"):
            what = f"Regenerator {side}, {end.lower()} end"
            name = f"{regen}:{end}EndTemp_RBV"
            yield thermometer(
                machine, faults, name, f"{regen}{end}", what, bed_alarms(machine.parameters)
            )
        what = f"Hot heat exchanger {side}"
        yield thermometer(
            machine,
            faults,
            f"HHX{side}:Temp_RBV",
            f"HHX{side}",
            what,
            bed_alarms(machine.parameters),
        )
        nodes = len(machine.regenerator_positions_m)
        yield waveform(
            f"{regen}:TempProfile_RBV",
            _profile(machine, side),
            f"Regenerator {side}, hot to cold end",
            nodes,
            "K",
            precision=4,
            display=DISPLAY_K,
        )
        length_mm = machine.parameters.regenerator.length_m * MM_PER_M
        yield waveform(
            f"{regen}:Position_RBV",
            lambda: machine.regenerator_positions_m * MM_PER_M,
            f"Positions along regenerator {side}",
            nodes,
            "mm",
            display=(0.0, length_mm),
            version=lambda: 0,
        )


def _profile(machine: SimulatedRefrigerator, side: str) -> Callable[[], object]:
    return lambda: machine.regenerator_temperatures_k(side)


def _pid(pid: Pid, output: str) -> Iterator[Record]:
    scale = {"uW": UW_PER_W, "mW": MW_PER_W}[output]
    rows = (
        ("P", "p", f"{output}/K", scale, 1e3 * scale),
        ("I", "i", "1/s", 1.0, 10.0),
        ("D", "d", "s", 1.0, 1e3),
    )
    for name, attribute, units, factor, highest in rows:
        read, write = reader(pid, attribute, factor), writer(pid, attribute, factor)
        what = f"Control loop, {name}"
        yield setpoint(name, read, write, what, units, control=(0.0, highest), precision=4)


def _cold_exchanger(machine: SimulatedRefrigerator, faults: SensorFaults) -> Iterator[Record]:
    heater = machine.chx_heater
    highest_uw = heater.highest_w * UW_PER_W

    def set_power(microwatts: float) -> None:
        if heater.closed_loop:
            raise Refused("CHX:HeaterPower: the closed loop sets the power; open it first")
        heater.power_setpoint_w = microwatts / UW_PER_W

    def power_there() -> bool:
        if heater.closed_loop:
            raise Refused("CHX:HeaterPower: the loop was closed before the power was reached")
        return math.isclose(heater.power_w, heater.power_setpoint_w, abs_tol=1e-9)

    yield thermometer(
        machine,
        faults,
        "CHX:Temp_RBV",
        "CHX",
        "Cold heat exchanger",
        cold_alarms(machine.parameters),
    )
    yield setpoint(
        "CHX:Temp",
        reader(heater, "setpoint_k"),
        writer(heater, "setpoint_k"),
        "Setpoint of the closed loop",
        "K",
        control=heater.range_k,
        precision=4,
    )
    yield setpoint(
        "CHX:HeaterPower",
        reader(heater, "power_setpoint_w", UW_PER_W),
        set_power,
        "Heater power in open loop",
        "uW",
        control=(0.0, highest_uw),
        precision=2,
        done=power_there,
    )
    yield readback(
        "CHX:HeaterPower_RBV",
        reader(heater, "power_w", UW_PER_W),
        "Heater power",
        "uW",
        precision=2,
        display=(0.0, highest_uw),
    )
    yield choice(
        "CHX:Mode",
        lambda: int(heater.closed_loop),
        lambda index: setattr(heater, "closed_loop", bool(index)),
        "Constant power, or constant temperature",
        ("Open loop", "Closed loop"),
        saved=True,
    )
    yield from group("CHX", _pid(heater.pid, "uW"))
    yield from _phases(heater, highest_uw)


def _phases(heater: ChxHeater, highest_uw: float) -> Iterator[Record]:
    """What is fed forward from the cycle's phase, and the last whole cycle, phase by phase."""
    yield choice(
        "CHX:FeedForward",
        lambda: int(heater.feed_forward),
        lambda index: setattr(heater, "feed_forward", bool(index)),
        "Feed forward by the cycle's phase",
        ("Off", "On"),
        saved=True,
    )
    yield setpoint(
        "CHX:Learning",
        reader(heater, "learning"),
        writer(heater, "learning"),
        "Part learnt from each cycle",
        "",
        control=(0.0, 1.0),
    )
    for name, read, what, units, display in (
        ("CycleTemp_RBV", lambda: heater.phase_readings_k, "Readings", "K", heater.range_k),
        (
            "CyclePower_RBV",
            lambda: heater.phase_powers_w * UW_PER_W,
            "Powers",
            "uW",
            (0.0, highest_uw),
        ),
    ):
        yield waveform(
            f"CHX:{name}",
            read,
            f"{what} at each phase of the last cycle",
            repetition.PHASES,
            units,
            precision=6,
            display=display,
            version=lambda: heater.whole_cycles,
        )
    yield readback(
        "CHX:WholeCycles_RBV",
        reader(heater, "whole_cycles"),
        "Cycles known phase by phase",
        precision=0,
        display=(0.0, 1e6),
    )


def _stage(machine: SimulatedRefrigerator, faults: SensorFaults) -> Iterator[Record]:
    stage = machine.stage
    yield thermometer(
        machine,
        faults,
        "Stage:Temp_RBV",
        "Stage",
        f"{machine.parameters.stage.setpoint_k:g} K stage",
        stage_alarms(machine.parameters),
    )
    yield setpoint(
        "Stage:Temp",
        reader(stage, "setpoint_k"),
        writer(stage, "setpoint_k"),
        "Setpoint of the stage",
        "K",
        control=stage.range_k,
        precision=4,
    )
    yield readback(
        "Stage:Heater_RBV",
        reader(stage, "heater_w", MW_PER_W),
        "Trim heater of the stage",
        "mW",
        display=(0.0, stage.highest_w * MW_PER_W),
    )
    yield choice(
        "Stage:Mode",
        lambda: int(stage.closed_loop),
        lambda index: setattr(stage, "closed_loop", bool(index)),
        "Trim heater off, or controlled",
        ("Off", "Closed loop"),
        saved=True,
    )
    yield from group("Stage", _pid(stage.pid, "mW"))


def _flow(machine: SimulatedRefrigerator) -> Iterator[Record]:
    yield readback(
        "Flow:Rate_RBV",
        reader(machine, "flow_rate_m3_per_s", MM3_PER_M3),
        "Flow, + from pump bed A to B",
        "mm^3/s",
        display=(-1000.0, 1000.0),
        deadband=1e-3,
    )
    yield readback(
        "Flow:MolarRate_RBV",
        reader(machine, "molar_flow_mol_per_s", MMOL_PER_MOL),
        "Molar flow, + from pump bed A to B",
        "mmol/s",
        display=(-50.0, 50.0),
        deadband=1e-4,
    )
    for side in ("A", "B"):
        yield readback(
            f"Flow:Concentration{side}_RBV",
            _concentration(machine, side),
            f"3He in pump bed {side}",
            "%",
            display=(0.0, 30.0),
            deadband=1e-4,
        )


def _concentration(machine: SimulatedRefrigerator, side: str) -> Callable[[], float]:
    return lambda: 100.0 * machine.concentration(side)
