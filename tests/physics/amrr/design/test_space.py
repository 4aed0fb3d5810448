"""The space of the design study: every vector is a machine, of equal GGG mass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amrr import limits
from amrr.design import space
from amrr.design.sizing import DesignInputs
from amrr.design.verification import hardware
from amrr.parameters import RefrigeratorParameters

DEFAULT = RefrigeratorParameters()
PARTS = st.lists(st.floats(0.0, 1.0), min_size=len(space.VARIABLES), max_size=len(space.VARIABLES))


@settings(max_examples=60, deadline=None)
@given(parts=PARTS)
def test_every_vector_is_a_machine_of_equal_garnet_mass_within_the_field(
    parts: list[float],
) -> None:
    machine = space.machine(space.values(parts), DEFAULT)
    limits.check(machine)
    assert hardware(machine).garnet_g == pytest.approx(hardware(DEFAULT).garnet_g)
    fields = [v for k, v in machine.flat().items() if k.startswith("cycle.") and k.endswith("_t")]
    assert max(fields) <= 1.5


@settings(max_examples=60, deadline=None)
@given(parts=PARTS)
def test_values_are_steps_and_come_back_from_their_vector(parts: list[float]) -> None:
    values = space.values(parts)
    assert space.values(space.vector(values)) == values
    for v in space.VARIABLES:
        assert v.low <= values[v.name] <= v.high
        assert values[v.name] / v.step == pytest.approx(round(values[v.name] / v.step), abs=1e-6)


def test_the_values_of_the_default_make_the_default() -> None:
    assert space.machine(space.values_of(DEFAULT), DEFAULT) == DEFAULT


@pytest.mark.parametrize("length_m", [0.05, 0.12, 0.16])
def test_the_magnet_follows_the_bed_and_reaches_the_papers_field(length_m: float) -> None:
    values = {**space.values_of(DEFAULT), "length_m": length_m}
    machine = space.machine(values, DEFAULT)
    bed, coil = machine.regenerator, machine.regenerator_magnet.solenoid
    bore = 2 * coil.inner_radius_m - bed.inner_diameter_m
    was = 2 * DEFAULT.regenerator_magnet.solenoid.inner_radius_m
    assert bore == pytest.approx(was - DEFAULT.regenerator.inner_diameter_m)
    assert coil.length_m > length_m
    assert coil.centre_t_per_a * DesignInputs().current_a == pytest.approx(1.5, rel=1e-3)
    assert machine.pump_magnet == DEFAULT.pump_magnet


def test_the_shape_of_the_ramps_is_one_or_the_other() -> None:
    values = space.values(np.full(len(space.VARIABLES), 0.4))
    assert not space.machine(values, DEFAULT).cycle.square_ramp
    assert space.machine({**values, "square_ramp": 1.0}, DEFAULT).cycle.square_ramp
