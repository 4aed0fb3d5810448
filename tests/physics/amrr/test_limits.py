"""Impossible machines are refused, and a machine outside its models' support says so."""

import math
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from amrr.circuit import rows
from amrr.controls.cycle import CycleSequencer
from amrr.limits import LIMITS, check
from amrr.parameters import CycleParameters, RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused

PAPER = RefrigeratorParameters()
NUMBERS = [
    name
    for name, value in PAPER.flat().items()
    if isinstance(value, int | float) and not isinstance(value, bool)
]


def changed(part: Any, name: str, value: Any) -> Any:
    """``part`` with the parameter of this dotted name replaced."""
    first, _, rest = name.partition(".")
    inner = getattr(part, first)
    return replace(part, **{first: changed(inner, rest, value) if is_dataclass(inner) else value})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_no_parameter_may_be_negative_infinite_or_not_a_number(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        check(changed(PAPER, name, bad))


def test_limits_are_those_of_parameters_that_exist() -> None:
    assert set(LIMITS) <= set(NUMBERS)


#: Limits of what may be set, and what is told apart by lumps or in the osmotic closure only.
_NOT_OF_A_STEP = ("highest_w", "distance_m", "slip_s", "wire.insulated_diameter_m")
#: How it is operated is served, and no step depends on it: tests/plans/refrigerator.
_ACTING = [
    name
    for name in NUMBERS
    if not name.endswith(_NOT_OF_A_STEP) and not name.startswith("operation.")
]


def step_of(parameters: RefrigeratorParameters) -> list[Any]:
    """All that a machine is made of, after one step."""
    machine = SimulatedRefrigerator(parameters)
    machine.advance(1)
    helium = [machine._stage_tables.at(1.0), machine.bath.full()]
    return [array.copy() for array in machine._machine] + [*helium, machine._noise.copy()]


@pytest.fixture(scope="module")
def all_stages() -> tuple[RefrigeratorParameters, list[Any]]:
    """The default machine with all four detectors' stages, and its step."""
    added = {
        name: replace(getattr(PAPER, name), fitted=True, distance_m=0.02)
        for name in ("detector3", "detector4")
    }
    parameters = replace(PAPER, **added)
    return parameters, step_of(parameters)


@pytest.mark.parametrize("name", _ACTING)
def test_every_parameter_does_something(
    name: str, all_stages: tuple[RefrigeratorParameters, list[Any]]
) -> None:
    parameters, before = all_stages
    value = parameters.flat()[name]
    # Down: what is bounded by something else is bounded from above, but for a coil's reach.
    other = value - 1 if isinstance(value, int) else 0.99 * value or 1e-3
    if name.endswith(("wire_diameter_m", "solenoid.turns", "inner_radius_m")):
        other = value + 1 if isinstance(value, int) else 1.01 * value
    after = step_of(changed(parameters, name, other))
    assert any(
        a.shape != b.shape or not np.array_equal(a, b) for a, b in zip(before, after, strict=True)
    )


def test_a_wire_thicker_than_its_turn_is_refused() -> None:
    thick = changed(PAPER, "pump_magnet.wire.insulated_diameter_m", 0.13e-3)
    with pytest.raises(ValueError, match=r"0\.00013 m is not within the 0\.000127 m"):
        check(thick)


@pytest.mark.parametrize(
    ("name", "bad"),
    [("refrigerant", "iron"), ("pump.refrigerant", "iron"), ("fluid_closure", "magic"),
     ("dt_s", 10.0), ("concentration", 0.6), ("exchangers.parasitic_w", -1.0),
     ("stage.helium_kg", -1.0), ("stage.helium_kg", 0.0), ("exchangers.cold_plate_kg", -1.0),
     ("cycle.pump_high_t", 99.0), ("cycle.regen_hot_end_t", 1.7), ("cycle.flow_time_s", -5.0),
     ("cycle.hold_time_s", 0.0), ("thermometry.dwell_s", 0.0), ("regenerator.nodes", 10.5),
     ("regenerator_magnet.wire.filaments", 1000), ("pump_magnet.solenoid.turns", 0),
     ("pump_magnet.wire.bare_diameter_m", 0.2e-3)],
)  # fmt: skip
def test_an_impossible_machine_is_refused(name: str, bad: Any) -> None:
    with pytest.raises(ValueError, match=r"outside|not"):
        SimulatedRefrigerator(changed(PAPER, name, bad))


def test_a_mixture_that_is_not_superfluid_at_the_stage_is_refused() -> None:
    hot = replace(PAPER, concentration=0.25, stage=replace(PAPER.stage, setpoint_k=1.85))
    with pytest.raises(ValueError, match="T_lambda"):
        SimulatedRefrigerator(hot)


@pytest.mark.parametrize("bad", [{"pump_high_t": 1.7}, {"flow_time_s": 2.0}, {"hold_time_s": 0.5}])
def test_a_cycle_is_made_within_its_own_limits(bad: dict[str, float]) -> None:
    machine = SimulatedRefrigerator()
    with pytest.raises(Refused, match=r"cycle: .* is outside"):
        CycleSequencer(
            CycleParameters(**bad), np.zeros(machine.state()["cycle"].shape), machine.supplies,
            machine.state()["supplies"], machine.dt_s,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "lump", "value", "words"),
    [(rows.TEMPERATURE, 5, 3.5, "3.500 K is above the model of GGG in the regenerators"),
     (rows.TEMPERATURE, 5, 0.3, "0.300 K is below the refrigerant model's 0.4 K"),
     (rows.TEMPERATURE, -1, 0.3, "0.300 K is below the refrigerant model's 0.4 K"),
     (rows.TEMPERATURE, -1, 3.5, "3.500 K is above the model of GGG in the pump"),
     (rows.TEMPERATURE, 5, 1.95, "1.950 K is above the mixture model's 1.9 K"),
     (rows.FIELD, 5, 3.2, "3.200 T is above the model of GGG in the regenerators"),
     (rows.FIELD, -2, 3.2, "3.200 T is above the model of GGG in the pump")],
)  # fmt: skip
def test_a_machine_outside_its_models_warns(row: int, lump: int, value: float, words: str) -> None:
    machine = SimulatedRefrigerator()
    assert machine.warnings == ()
    state = machine.state()
    state["nodes"][row, lump] = value
    machine.restore(state)
    assert words in " ".join(machine.warnings)


@pytest.mark.parametrize("stage_k", [1.1, 2.3])
def test_a_stage_outside_the_vapour_pressure_scale_warns(stage_k: float) -> None:
    machine = SimulatedRefrigerator()
    state = machine.state()
    state["machine"][2] = stage_k
    machine.restore(state)
    assert f"stage at {stage_k:.3f} K is outside" in " ".join(machine.warnings)
