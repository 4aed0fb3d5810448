"""The design model beside the dynamic one: the same blow, bed and swing in both."""

import math
from dataclasses import replace

import pytest

from amrr.design.conservatism import Grid, compare, compared, csv_text, text
from amrr.design.figures import model_figure
from amrr.design.points import Failure
from amrr.design.sizing import DesignInputs, balance, closing_outlet, molar_flow
from amrr.design.store import Outcome, Store
from amrr.parameters import RefrigeratorParameters
from amrr.solids.garnet import GGG
from tests.physics.amrr.design.test_store import POINT

DEFAULT = RefrigeratorParameters()
CLEAN = replace(POINT, warnings=())


def _spins() -> float:
    bed = DEFAULT.regenerator
    return (1.0 - bed.porosity) * bed.volume_m3 * GGG.spins_mol_per_m3


def test_the_papers_own_blow_gives_the_papers_outlet_and_temperature() -> None:
    # By construction: 0.75 K out of the bed, 0.9 K after the load.
    inputs = DesignInputs()
    point = replace(
        CLEAN, blow_mol=molar_flow(inputs) * 80.0, load_w=600e-6, total_load_w=600e-6, chx_k=0.9
    )
    found = compared(DEFAULT, 600e-6, Outcome(600e-6, point))
    assert found.design_outlet_k == pytest.approx(0.750, abs=2e-3)
    assert found.design_chx_k == pytest.approx(0.900, abs=2e-3)
    assert found.design_power_w == pytest.approx(600e-6, rel=0.02)
    assert found.answered


def test_a_larger_blow_leaves_warmer_and_a_parasitic_load_costs_power() -> None:
    point = replace(CLEAN, blow_mol=0.296, load_w=600e-6, total_load_w=650e-6, chx_k=0.919)
    found = compared(DEFAULT, 600e-6, Outcome(600e-6, point))
    assert found.design_outlet_k > 0.85
    without = compared(DEFAULT, 600e-6, Outcome(600e-6, replace(point, total_load_w=600e-6)))
    assert without.design_power_w - found.design_power_w == pytest.approx(50e-6)
    assert without.design_chx_k < found.design_chx_k


def test_the_outlet_closes_equation_3() -> None:
    inputs, spins = DesignInputs(), _spins()
    outlet = closing_outlet(inputs, molar_flow(inputs) * 80.0, spins, 0.74)
    assert balance(inputs, spins, outlet, 0.74) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (Outcome(math.nan, None, Failure.NOT_CONVERGED, "still changing"), "still changing"),
        (Outcome(6e-4, POINT), "a model is used"),
        (Outcome(6e-4, replace(CLEAN, blow_mol=100.0)), "design model"),
        (Outcome(6e-4, replace(CLEAN, total_load_w=1.0)), "beyond the hot exchanger"),
    ],
)
def test_what_cannot_be_compared_says_why(outcome: Outcome, why: str) -> None:
    found = compared(DEFAULT, 600e-6, outcome)
    assert not found.answered
    assert why in found.remark
    assert f"1 x {found.remark}" in text([found]) or "no comparison: 1 x" in text([found])


def test_the_grid_is_compared_in_its_order_and_told() -> None:
    told: list[tuple[int, int]] = []
    grid = Grid((600e-6,), (0.10,), (0.74, 0.90), (80.0,))
    found = compare(grid, Store(None), progress=lambda *n: told.append(n))
    assert [c.swing_t for c in found] == [0.74, 0.90]
    assert told == [(1, 2), (2, 2)]
    default, strong = found
    # What the dynamic model stores and brings back the design model leaves out; and its outlet does
    # not know of the load.
    assert default.design_outlet_k > default.outlet_k + 0.05
    assert strong.design_outlet_k < strong.outlet_k
    assert len(csv_text(found).splitlines()) == 3
    assert "conservative, in 1 of 2" in text(found)
    assert len(model_figure(found).axes) == 2
