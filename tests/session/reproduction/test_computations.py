"""How numbers and their errors come about, on runs that are made up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import j1, y1

import cryohalo.reproduction.computations as computations
from amrr.parameters import RefrigeratorParameters
from cryohalo.reproduction.computations import campaign
from cryohalo.reproduction.computations.cavity import TransverseElectric
from cryohalo.reproduction.computations.receiver import standard_error
from cryohalo.reproduction.computations.refrigerator_cycles import at_temperature, sampling_error
from cryohalo.reproduction.computations.refrigerator_machine import on_two_grids
from cryohalo.reproduction.papers import all_claims, claim_named
from cryohalo.reproduction.rooms import ROOMS, Room
from cryohalo.reproduction.shared.one_cycle import cycle_findings
from cryohalo.reproduction.shared.settling import CYCLES_A_BLOCK, Settled
from cryohalo.reproduction.verdict import Verdict, judge
from haloscope.constants import SPEED_OF_LIGHT_M_PER_S
from tests.session.reproduction.made import CHEAP

PACKAGE = Path(computations.__path__[0])


def keys_of(path: Path) -> Iterator[str]:
    """Constants by which something is put into a mapping; not those that are only mentioned."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Dict):
            keys: list[Any] = list(node.keys)
        elif isinstance(node, ast.Assign):
            keys = [t.slice for t in node.targets if isinstance(t, ast.Subscript)]
        else:
            continue
        yield from (key.value for key in keys if isinstance(key, ast.Constant))


@pytest.mark.parametrize("room", [r for r in ROOMS if r.name not in CHEAP], ids=lambda r: r.name)
def test_a_costly_room_finds_its_own_claims_and_no_others(room: Room) -> None:
    module = PACKAGE / f"{room.name.replace('-', '_')}.py"
    found = set(keys_of(module))
    if "shared.one_cycle import" in module.read_text("utf-8"):
        found |= set(keys_of(PACKAGE.parent / "shared" / "one_cycle.py"))
    names = {claim.name for claim in all_claims()}
    assert found & names == {claim.name for claim in all_claims() if claim.room == room.name}


def test_what_is_still_to_come_covers_the_end_of_a_slow_approach() -> None:
    kelvin = [0.9 + 0.03 * 0.2**block for block in range(4)]
    end = Settled.of(kelvin, [600.0] * 4)
    assert abs(end.temperature_k - 0.9) <= end.to_come_k < 10 * abs(end.temperature_k - 0.9)
    assert end.to_come_uw == 0.0
    assert end.cycles == 4 * CYCLES_A_BLOCK
    with pytest.raises(ValueError, match="needed three"):
        Settled.of(kelvin[:2], [600.0] * 2)


def test_a_power_is_told_at_the_papers_temperature_with_the_error_of_both() -> None:
    near = Settled(0.902, 1e-4, 560.0, 0.3, 120)
    other = replace(near, temperature_k=0.912, power_uw=574.0)
    power_uw, error_uw, slope = at_temperature(0.900, near, other, grid_k=3e-4)
    assert slope == pytest.approx(1400.0)
    assert power_uw == pytest.approx(557.2)
    assert error_uw == pytest.approx(np.hypot(0.3, 1400.0 * np.hypot(1e-4, 3e-4)))
    with pytest.raises(ValueError, match="no slope"):
        at_temperature(0.9, near, near, 0.0)


def test_more_cycles_do_not_help_a_thermometer_that_is_read_at_the_same_phases() -> None:
    five = np.repeat([0.85, 0.88, 0.95, 0.92, 0.90], 7)
    one, many = (sampling_error(np.tile(five, cycles), cycles) for cycles in (1, 8))
    assert one == pytest.approx(many) == pytest.approx(np.std(five) / 5.0**0.5)
    assert sampling_error(np.full(35, 0.9), 1) == 0.0


def test_the_error_of_a_model_is_what_a_coarser_grid_changes() -> None:
    p = RefrigeratorParameters()
    (value,), (error,) = on_two_grids(lambda p: (p.regenerator.nodes + 10.0 * p.dt_s,), p)
    assert value == p.regenerator.nodes + 10.0 * p.dt_s
    assert error == pytest.approx(abs(20 + 2.0 - value))


def test_readings_tell_the_error_of_their_mean() -> None:
    readings = np.random.default_rng(1).normal(25.0, 0.5, 400)
    assert standard_error(readings) == pytest.approx(0.5 / 20.0, rel=0.1)
    with pytest.raises(ValueError, match="one reading"):
        standard_error([25.0])


@pytest.mark.parametrize("rod", [0.01, 0.03])
def test_a_rod_on_the_axis_moves_a_mode_as_the_ring_says(rod: float) -> None:
    mode = TransverseElectric(0, 3.8317059702, 1, radius_m=0.131, height_m=0.68)
    zero = brentq(lambda k: j1(k * rod) * y1(k) - j1(k) * y1(k * rod), 3.7, 3.95)
    ring = replace(mode, zero=zero).frequency_hz
    moved = mode.moved_hz(rod, 1e-9)
    assert moved == pytest.approx(abs(ring - mode.frequency_hz), rel=0.05)
    assert mode.frequency_hz > SPEED_OF_LIGHT_M_PER_S / (4.0 * mode.height_m)


def one_cycle(flow_s: int = 80, shift_s: int | None = None) -> dict[str, NDArray[Any]]:
    """A cycle of two flows and two rests of ten seconds, second by second; B follows A."""
    length = 2 * flow_s + 20
    rise, rest = np.linspace(0.0, 1.0, flow_s), 10
    up_and_down = np.concatenate([rise, np.full(rest, 1.0), rise[::-1], np.full(rest, 0.0)])
    names = ["Flow A to B", "No flow 1", "Flow B to A", "No flow 2"]
    phase = np.repeat(names, [flow_s, rest, flow_s, rest])
    sign = np.where(phase == names[0], 1.0, np.where(phase == names[2], -1.0, 0.0))
    other = np.roll(up_and_down, length // 2 if shift_s is None else shift_s)
    return {
        "cycle_phase": phase, "flow_rate": 90.0 * sign, "sim_time": np.arange(length, dtype=float),
        "pump_a_field": up_and_down, "regen_a_field": up_and_down, "regen_b_field": other,
        "pump_a_bed_temperature": 1.6 + 0.15 * up_and_down,
        "one_k_stage_temperature": 1.6 + 1e-4 * np.sin(np.arange(length)),
    }  # fmt: skip


def test_a_cycle_shows_its_times_and_its_sides() -> None:
    found = cycle_findings(one_cycle())
    judged = {name: judge(claim_named(name), finding) for name, finding in found.items()}
    assert {name for name, verdict in judged.items() if verdict is not Verdict.AGREES} == {
        "field-steps"  # these fields rest between the flows
    }
    assert found["cycle-time"].value == 180.0
    assert found["warming-bed"].value == pytest.approx(150.0, abs=15.0)


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        (one_cycle(flow_s=76), {"flow-time", "cycle-time"}),
        (one_cycle(flow_s=81), {"flow-time", "cycle-time"}),
        (one_cycle(shift_s=91), {"opposite-phase"}),
        (one_cycle(shift_s=80), {"opposite-phase", "demagnetising-regenerator"}),
        ({"flow_rate": -one_cycle()["flow_rate"]}, {"fountain-flow", "demagnetising-regenerator"}),
        ({"pump_a_field": 1.0 - one_cycle()["pump_a_field"]}, {"fountain-flow", "parallel-fields"}),
        ({"pump_a_bed_temperature": -one_cycle()["pump_a_bed_temperature"]}, {"warming-bed"}),
        ({"one_k_stage_temperature": np.full(180, 1.62)}, {"precooling"}),
    ],
)
def test_a_cycle_that_is_another_differs(changed: dict[str, Any], differs: set[str]) -> None:
    found = cycle_findings({**one_cycle(), **changed})
    judged = {name: judge(claim_named(name), finding) for name, finding in found.items()}
    assert differs <= {name for name, verdict in judged.items() if verdict is Verdict.DIFFERS}


def steps(**changed: Any) -> dict[str, NDArray[np.float64]]:
    """Steps of a scan as the letter states them."""
    count = 200
    made = dict.fromkeys(campaign._READ, 1.0) | {
        "measured_loaded_q": 35500.0, "measured_loaded_q_error": 100.0, "measured_beta": 2.0,
        "measured_beta_error": 0.01, "measured_jpa_gain": 20.0, "measured_jpa_gain_error": 0.05,
        "measured_jpa_gain_peak": 20.0, "measured_jpa_gain_peak_error": 0.05,
        "daq_acquire_time": 500.0, "daq_frequency_step": 10.0, "daq_num_averages": 5000.0,
        "bins": 100000.0, "scatter": 5000.0**-0.5,
    }  # fmt: skip
    columns = {name: np.full(count, value) for name, value in made.items()}
    columns["measured_cavity_frequency"] = 1090.0 + 0.01 * np.arange(count)
    columns["scatter"] *= 1.0 + 1e-4 * np.sin(np.arange(count))
    return {**columns, **{name: np.resize(values, count) for name, values in changed.items()}}


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({}, set()),
        ({"measured_loaded_q": [35500.0, 34750.0]}, {"loaded-q"}),
        ({"measured_beta": [1.75, 2.0]}, {"coupling-range"}),
        ({"measured_jpa_gain": [19.4, 20.0]}, {"gain-probe"}),
        ({"measured_jpa_gain_peak": [20.7]}, {"gain-resonance"}),
        ({"scatter": [4900.0**-0.5]}, {"bin-statistics"}),
        ({"daq_acquire_time": [510.0]}, {"integration-time"}),
    ],
)
def test_a_scan_is_judged_by_its_steps(changed: dict[str, Any], differs: set[str]) -> None:
    found = campaign._of_steps(steps(**changed))
    whole = {"scan-steps", "scan-range"}  # 200 steps are not the letter's
    judged = {name: judge(claim_named(name), finding) for name, finding in found.items()}
    told = {name for name, verdict in judged.items() if verdict is not Verdict.AGREES}
    assert told - whole == differs


def test_a_loaded_q_below_the_letters_may_be_chance_of_its_own_error_alone() -> None:
    found = campaign._of_steps(steps(measured_loaded_q=[35500.0, 34850.0]))["loaded-q"]
    assert (found.value, found.error) == (34850.0, 100.0)
    assert judge(claim_named("loaded-q"), found) is Verdict.AGREES
