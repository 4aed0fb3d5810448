"""Flow from lump to lump: nothing spreads, nothing overshoots, and what spreads is the packing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amrr.circuit import advection, conduction, layout, rows
from amrr.parameters import RefrigeratorParameters

PAPER = RefrigeratorParameters()
C3, FACE = 0, 1


def carry(values: np.ndarray, volumes: np.ndarray, plug: np.ndarray, moved: float) -> np.ndarray:
    """One step of the chain; the two last lumps are the beds at its ends, held as they are."""
    x = np.zeros((2, values.size))
    x[C3] = values
    advection.face_values(x, volumes, advection.spans(volumes), plug, C3, FACE, moved)
    after = values.copy()
    count = values.size - 2
    after[:count] += moved * (x[FACE, :count] - x[FACE, 1 : count + 1]) / volumes[:count]
    return after


def variance(values: np.ndarray) -> float:
    """Of the place where a rising front rises, in lumps squared."""
    weight = np.diff(values)
    place = np.arange(weight.size)
    middle = (weight * place).sum() / weight.sum()
    return float((weight * (place - middle) ** 2).sum() / weight.sum())


def test_a_front_that_goes_forth_and_back_is_spread_by_the_packing_and_not_by_the_scheme() -> None:
    # A smooth front five lumps wide, 560 cycles of a stroke of 16 lumps, as in the default bed. The
    # packing there adds 2 l L to the variance of a front that flows by L.
    lumps = 60
    z = np.arange(lumps + 2) - 30.0
    front = 1.0 + np.tanh(z / 5.0)
    front[-2:] = front[0], front[lumps - 1]
    values, volumes, plug = front.copy(), np.ones(lumps + 2), np.ones(lumps + 2)
    for _ in range(560):
        for direction in (1.0, -1.0):
            for _ in range(80):
                values = carry(values, volumes, plug, 0.2 * direction)
    bed = PAPER.regenerator
    packing = 2.0 * bed.dispersivity_m / (bed.length_m / bed.nodes) * 16.0 * 1120.0
    assert variance(values[:lumps]) - variance(front[:lumps]) < 0.01 * packing


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(st.floats(0.0, 2e4), min_size=6, max_size=30),
    volumes=st.lists(st.floats(0.1, 10.0), min_size=30, max_size=30),
    mixed=st.lists(st.booleans(), min_size=30, max_size=30),
    courant=st.floats(-0.8, 0.8),
)
def test_no_value_leaves_the_range_of_its_neighbours(
    values: list[float], volumes: list[float], mixed: list[bool], courant: float
) -> None:
    found = np.array(values)
    space = np.array(volumes[: found.size])
    plug = 1.0 - np.array(mixed[: found.size], float)
    after = carry(found, space, plug, courant * space.min())
    count = found.size - 2
    chain = np.concatenate((found[count : count + 1], found[:count], found[count + 1 :]))
    for i in range(count):
        near = chain[i : i + 3]
        assert near.min() - 1e-9 <= after[i] <= near.max() + 1e-9


def test_heat_flows_by_the_conductance_of_the_path_however_long_the_step() -> None:
    # Two lumps that are nearly baths, one face: Q = g (T1 - T2) dt, also for a step of an hour.
    x, n, _ = layout.lumps(PAPER)
    x[rows.TEMPERATURE], x[rows.CAPACITY], x[rows.HEAT] = 1.0, 1e12, 0.0
    x[rows.WALL] = x[rows.TEMPERATURE]
    n[rows.LINK] = n[rows.STEEL_FACE] = 0.0
    at = layout.places(PAPER)
    i = at.bed["B"].start + 5
    x[rows.TEMPERATURE, : i + 1] = 1.1
    x[rows.WALL] = x[rows.TEMPERATURE]
    work = np.zeros((conduction.WORK_ROWS, x.shape[1]))
    conduction.conduct(x, n, 0.03, 1.0, work, 3600.0)
    dz = PAPER.regenerator.length_m / PAPER.regenerator.nodes
    g = 0.03 / 1.05 * PAPER.regenerator.porosity * PAPER.regenerator.area_m2 / dz
    assert x[rows.HEAT, i + 1] == pytest.approx(g * 0.1 * 3600.0, rel=1e-3)
    assert x[rows.HEAT].sum() == pytest.approx(0.0, abs=1e-12)


def test_no_step_of_conduction_overshoots() -> None:
    # 400 lumps with a step of 2 s: explicit conduction had a number of 10 here, and gave NaN.
    x, n, _ = layout.lumps(PAPER)
    rng = np.random.default_rng(3)
    x[rows.TEMPERATURE] = rng.uniform(0.5, 1.6, x.shape[1])
    x[rows.WALL], x[rows.CAPACITY] = x[rows.TEMPERATURE], 1e-4
    x[rows.HEAT] = 0.0
    work = np.zeros((conduction.WORK_ROWS, x.shape[1]))
    conduction.conduct(x, n, 0.03, 1.6, work, 100.0)
    after = x[rows.TEMPERATURE, :-2] + x[rows.HEAT, :-2] / 1e-4
    assert after.min() > 0.4
    assert after.max() < 1.7


def test_the_mixture_conducts_as_its_counterflow_does() -> None:
    # 1/x (Murphy and Meyer 1995), 1/T where phonons resist (Lamoreaux et al. 2002).
    c_of_tenth = conduction.REFERENCE_C3
    assert conduction.conductivity(0.03, 1.0, c_of_tenth) == pytest.approx(0.03)
    assert conduction.conductivity(0.03, 0.5, c_of_tenth / 2) == pytest.approx(0.12)
