"""What stands on the wire is what the machine has, in its unit and under its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from amrr.refrigerator import SimulatedRefrigerator
from pvdb.haloscope.plant import haloscope_plant
from pvdb.plant import Plant
from pvdb.records import Record
from pvdb.refrigerator.cycle import WAYPOINTS
from pvdb.refrigerator.plant import refrigerator_plant


def records(plant: Plant) -> dict[str, Record]:
    return {record.name: record for record in plant.records}


@pytest.fixture(scope="module")
def cycled() -> tuple[SimulatedRefrigerator, dict[str, Record]]:
    """A refrigerator in its second cycle, where no two of its temperatures are the same."""
    machine = SimulatedRefrigerator()
    plant = refrigerator_plant(machine=machine)
    machine.chx_heater.power_setpoint_w = 300e-6
    machine.cycle.run()
    while machine.cycle.count < 1:
        machine.step(10.0)
    machine.step(20.0)
    assert machine.flow_rate_m3_per_s != 0.0
    return machine, records(plant)


READINGS: dict[str, Callable[[Any], float]] = {
    "Flow:Rate_RBV": lambda m: 1e9 * m.flow_rate_m3_per_s,
    "Flow:MolarRate_RBV": lambda m: 1e3 * m.molar_flow_mol_per_s,
    "Flow:ConcentrationA_RBV": lambda m: 100.0 * m.concentration("A"),
    "Flow:ConcentrationB_RBV": lambda m: 100.0 * m.concentration("B"),
    "Cycle:MeanCHXTemp_RBV": lambda m: m.cycle.mean_chx_temperature_k,
    "Cycle:MinCHXTemp_RBV": lambda m: m.cycle.min_chx_temperature_k,
    "Cycle:MaxCHXTemp_RBV": lambda m: m.cycle.max_chx_temperature_k,
    "Cycle:MeanCHXPower_RBV": lambda m: 1e6 * m.cycle.cooling_power_w,
    "Cycle:Work_RBV": lambda m: m.cycle.work_j,
    "Cycle:RejectedHeat_RBV": lambda m: m.cycle.rejected_heat_j,
    "CHX:HeaterPower_RBV": lambda m: 1e6 * m.chx_heater.power_w,
    "Stage:Heater_RBV": lambda m: 1e3 * m.stage.heater_w,
    "CHX:Temp_RBV": lambda m: m.thermometers["CHX"].reading_k,
    "Stage:Temp_RBV": lambda m: m.thermometers["Stage"].reading_k,
    "HHXA:Temp_RBV": lambda m: m.thermometers["HHXA"].reading_k,
    "HHXB:Temp_RBV": lambda m: m.thermometers["HHXB"].reading_k,
    "PumpA:BedTemp_RBV": lambda m: m.thermometers["PumpA"].reading_k,
    "PumpB:BedTemp_RBV": lambda m: m.thermometers["PumpB"].reading_k,
    "RegenA:HotEndTemp_RBV": lambda m: m.thermometers["RegenAHot"].reading_k,
    "RegenA:ColdEndTemp_RBV": lambda m: m.thermometers["RegenACold"].reading_k,
    "RegenB:HotEndTemp_RBV": lambda m: m.thermometers["RegenBHot"].reading_k,
    "RegenB:ColdEndTemp_RBV": lambda m: m.thermometers["RegenBCold"].reading_k,
}


def test_the_refrigerators_readings_are_the_machines(
    cycled: tuple[SimulatedRefrigerator, dict[str, Record]],
) -> None:
    machine, table = cycled
    expected = {name: float(of(machine)) for name, of in READINGS.items()}
    assert {name: table[name].read() for name in READINGS} == pytest.approx(expected)
    kelvins = [value for name, value in expected.items() if table[name].units == "K"]
    assert len(set(kelvins)) == len(kelvins)  # two that are exchanged would be seen
    assert expected["Flow:ConcentrationA_RBV"] != expected["Flow:ConcentrationB_RBV"]


def test_every_waypoint_is_put_where_its_name_says(
    cycled: tuple[SimulatedRefrigerator, dict[str, Record]],
) -> None:
    machine, table = cycled
    attributes = {
        name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() + "_t" for name in WAYPOINTS
    }
    wanted = {name: getattr(machine.cycle, attribute) for name, attribute in attributes.items()}
    for name in WAYPOINTS:
        wanted[name] += 0.01
        table[f"Cycle:{name}"].write(wanted[name])
        found = {other: getattr(machine.cycle, attributes[other]) for other in WAYPOINTS}
        assert found == pytest.approx(wanted), name
        assert table[f"Cycle:{name}_RBV"].read() == pytest.approx(wanted[name])


@pytest.mark.parametrize(("group", "per_watt"), [("CHX", 1e6), ("Stage", 1e3)])
def test_gains_of_the_heaters_are_in_the_unit_of_their_power(
    cycled: tuple[SimulatedRefrigerator, dict[str, Record]], group: str, per_watt: float
) -> None:
    machine, table = cycled
    pid = (machine.chx_heater if group == "CHX" else machine.stage).pid
    for name, put, factor in (("P", 50.0, per_watt), ("I", 0.2, 1.0), ("D", 3.0, 1.0)):
        table[f"{group}:{name}"].write(put)
        assert getattr(pid, name.lower()) == pytest.approx(put / factor)
        assert table[f"{group}:{name}"].read() == pytest.approx(put)


def test_the_heater_of_the_noise_source_reads_milliwatts() -> None:
    plant = haloscope_plant()
    plant.machine.noise_source.setpoint_k = 0.3
    plant.machine.step(3600.0)
    held_w = plant.machine.noise_source.holding_power_w
    assert records(plant)["NoiseSource:Heater_RBV"].read() == pytest.approx(1e3 * held_w, rel=1e-3)


@pytest.mark.parametrize(
    ("instrument", "name"),
    [
        ("vna", "VNA:Real_RBV"),
        ("digitizer", "DAQ:Spectrum_RBV"),
        ("digitizer", "DAQ:Preview_RBV"),
        ("high_resolution", "DAQ:HighRes:StreamImag_RBV"),
    ],
)
def test_a_waveform_is_seen_to_be_another_where_an_earlier_one_has_gone(
    instrument: str, name: str
) -> None:
    plant = haloscope_plant()
    version = records(plant)[name].version
    acquisition: Any = getattr(plant.machine, instrument)
    assert version is not None
    for _ in range(10):
        before = version()
        assert version() == before
        for _ in range(2):
            acquisition.restore(acquisition.state())
        assert version() != before
