"""The process variables of the haloscope, over ``haloscope.apparatus.experiment``.

Motors, magnet, temperatures and switch; the microwave instruments are in
``pvdb.haloscope.microwave``, the interlocks in ``haloscope.apparatus.interlocks``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from haloscope.apparatus.experiment import SimulatedHaloscope, SwitchPosition
from haloscope.description import describe
from haloscope.description.stated import LONGEST_JSON
from instruments.control.interlocks import Interlocks
from instruments.errors import Refused
from instruments.still import Contents, Still
from pvdb.haloscope.high_resolution import high_resolution_records
from pvdb.haloscope.measured import measured_records
from pvdb.haloscope.microwave import microwave_records
from pvdb.haloscope.stages import NAMES, stages
from pvdb.parts.described import description_records
from pvdb.parts.faults import SensorFaults, quench_record, stall_record
from pvdb.parts.interlocks import interlock_records
from pvdb.parts.motor import MotorRecord
from pvdb.parts.motor_axis import MotorSettings
from pvdb.parts.motor_fields import motor_records
from pvdb.parts.supply import SupplyRecords
from pvdb.records import Record, choice, group, readback, setpoint, state, while_still
from pvdb.records.binding import reader

MW_PER_W = 1e3
NS_PER_S = 1_000_000_000
SWITCH_POSITIONS = ("Cavity", "Noise source", "Open")


def haloscope_faults(machine: SimulatedHaloscope) -> SensorFaults:
    """Faults of the thermometers."""
    read = machine.fridge.reading_k
    return SensorFaults(NAMES, read, lambda: machine.time_s, machine.seed)


def haloscope_records(
    machine: SimulatedHaloscope,
    interlocks: Interlocks,
    faults: SensorFaults,
    motors: Sequence[MotorRecord],
) -> list[Record]:
    """All records of the machine itself (``Sim:`` and ``IOC:`` are added by the IOC)."""
    thermometry = Still(parts=(machine.fridge.still, faults.still))
    return [
        *interlock_records(interlocks),  # posted before what they have done
        *(record for motor in motors for record in motor_records(motor)),
        *group(
            "Magnet",
            SupplyRecords(
                machine.magnet,
                _interlock_reason(interlocks, "Magnet"),
                still=_magnet_still(machine),
            ).records(),
        ),
        *while_still(thermometry, _fridge(machine, faults)),
        *while_still(thermometry, _noise_source(machine, interlocks, faults)),
        *_switch(machine, interlocks),
        *microwave_records(machine, interlocks),
        *high_resolution_records(machine, interlocks),
        *measured_records(machine),
        *description_records(describe(machine.parameters), LONGEST_JSON),
        *faults.records(),
        quench_record({"Magnet": machine.quench}),
        stall_record({"Rod": machine.rod, "Antenna": machine.antenna}),
        _truth(machine),
    ]


def _magnet_still(machine: SimulatedHaloscope) -> Still:
    """Supply and coil keep what they say in attributes and in one array."""
    supply = machine.magnet
    return Still(supply, supply.coil, parts=(Contents(supply.array),))


def _truth(machine: SimulatedHaloscope) -> Record:
    """True values that no thermometer shows; unreadable unless the access rules are changed."""
    return readback(
        "Sim:TrueMXC_RBV",
        lambda: machine.fridge.mixing_chamber_k(round(machine.time_s * NS_PER_S)),
        "True temperature of the mixing chamber",
        "K",
        precision=6,
        display=stages(machine.parameters)["MXC"].display,
        group="TRUTH",
    )


def _interlock_reason(interlocks: Interlocks, thing: str) -> Callable[[], str]:
    return lambda: interlocks.reason_against(thing)


def rod_motor(machine: SimulatedHaloscope, interlocks: Interlocks) -> MotorRecord:
    """The tuning rod."""
    p = machine.parameters.rod
    settings = MotorSettings(
        name="Rod",
        description="Tuning rod",
        units="deg",
        precision=5,
        resolution=5e-5,
        max_velocity=p.highest_velocity_deg_per_s,
        acceleration_s=p.settle_s,
        deadband=p.step_scatter_deg,
    )
    return MotorRecord(
        machine.rod, settings, lambda: machine.time_s, _interlock_reason(interlocks, "Rod")
    )


def antenna_motor(machine: SimulatedHaloscope, interlocks: Interlocks) -> MotorRecord:
    """The strong antenna."""
    p = machine.parameters.antenna
    settings = MotorSettings(
        name="Antenna",
        description="Strong antenna, insertion",
        units="mm",
        precision=4,
        resolution=1e-3,
        max_velocity=p.highest_velocity_mm_per_s,
        acceleration_s=p.settle_s,
        deadband=p.step_scatter_mm,
    )
    return MotorRecord(
        machine.antenna, settings, lambda: machine.time_s, _interlock_reason(interlocks, "Antenna")
    )


def _fridge(machine: SimulatedHaloscope, faults: SensorFaults) -> Iterator[Record]:
    for stage, shown in stages(machine.parameters).items():
        yield readback(
            f"Fridge:{stage}_RBV",
            _stage_reader(faults, stage),
            shown.what,
            "K",
            precision=5,
            display=shown.display,
            alarms=shown.alarms,
            deadband=1e-6,
            trouble=_stage_trouble(faults, stage),
        )


def _stage_reader(faults: SensorFaults, stage: str) -> Callable[[], float]:
    return lambda: faults.reading(stage)


def _stage_trouble(faults: SensorFaults, stage: str) -> Callable[[], str]:
    return lambda: faults.trouble(stage)


def _noise_source(
    machine: SimulatedHaloscope, interlocks: Interlocks, faults: SensorFaults
) -> Iterator[Record]:
    source, p = machine.noise_source, machine.parameters.noise_source
    shown = stages(machine.parameters)["NoiseSource"]
    wanted_k = source.setpoint_k

    def heat(temperature_k: float) -> None:
        nonlocal wanted_k
        source.setpoint_k = wanted_k = temperature_k

    def settled() -> bool:
        if source.setpoint_k != wanted_k:
            why = interlocks.reason() or "its setpoint was changed"
            raise Refused(f"NoiseSource: {wanted_k:g} K is not reached: {why}")
        return source.settled

    yield setpoint(
        "NoiseSource:Temp",
        reader(source, "setpoint_k"),
        interlocks.guarded("NoiseSource", heat),
        "Noise source; completes when settled",
        "K",
        control=(p.lowest_k, p.highest_k),
        precision=4,
        done=settled,
    )
    yield readback(
        "NoiseSource:Temp_RBV",
        _stage_reader(faults, "NoiseSource"),
        "Noise source",
        "K",
        precision=4,
        display=shown.display,
        alarms=shown.alarms,
        deadband=1e-5,
        trouble=_stage_trouble(faults, "NoiseSource"),
    )
    yield readback(
        "NoiseSource:Heater_RBV",
        reader(source, "heater_w", MW_PER_W),
        "Heater of the noise source",
        "mW",
        precision=5,
        display=(0.0, 0.1),
        deadband=1e-6,
    )


def _switch(machine: SimulatedHaloscope, interlocks: Interlocks) -> Iterator[Record]:
    switch = machine.switch

    def move(index: int) -> None:
        switch.position = SwitchPosition(index)

    yield choice(
        "Switch",
        lambda: int(switch.position),
        interlocks.guarded("Switch", move),
        "What the receiver looks at",
        SWITCH_POSITIONS,
        saved=True,
    )
    yield state(
        "Switch_RBV", lambda: int(switch.position), "What the receiver looks at", SWITCH_POSITIONS
    )
