"""The paper's design model: outlet, swing, magnet, packing; and what it refuses."""

import math

import pytest

from amrr.coils.solenoid import Solenoid, turns_for
from amrr.design.sizing import design_sheet, format_sheet, heat_per_mole
from amrr.parameters import RefrigeratorParameters
from amrr.solids.garnet import GGG
from instruments.constants import VACUUM_PERMEABILITY_H_PER_M

SHEET = design_sheet()


def test_the_outlet_is_750_mk_within_1_mk() -> None:
    assert SHEET.number("outlet") == pytest.approx(0.750, abs=1e-3)


def test_the_required_swing_is_less_than_half_of_the_magnet() -> None:
    assert 0.6 <= SHEET.number("required_swing") <= 0.75
    assert SHEET.number("field_margin") > 2.0


def test_the_magnet_reaches_one_and_a_half_tesla_at_4_7_ampere() -> None:
    assert SHEET.number("centre_field") == pytest.approx(1.5, rel=0.005)


def test_the_sum_over_nodes_and_steps_is_the_entropy_difference() -> None:
    # The nodes sit at mid-cells; N and M of the default are converged to 1e-4.
    fine = heat_per_mole(GGG, 0.70, 1.6, 0.75, nodes=200, steps=200)
    assert heat_per_mole(GGG, 0.70, 1.6, 0.75) == pytest.approx(fine, rel=1e-4)
    assert 3.0 * fine == pytest.approx(4.024, rel=2e-3)


def test_a_joule_of_load_needs_fifteen_of_regeneration() -> None:
    assert SHEET.number("regeneration_per_joule") == pytest.approx(14.7, rel=0.01)


def test_packing_gives_the_porosity() -> None:
    i = SHEET.inputs
    volume = math.pi * i.inner_diameter_m**2 / 4 * SHEET.number("length")
    assert SHEET.number("refrigerant_mass") == pytest.approx(0.62 * volume * 7080.0)


def test_the_machine_is_built_to_the_sheet() -> None:
    p = RefrigeratorParameters()
    assert p.regenerator.length_m == pytest.approx(SHEET.number("length"), rel=2e-3)
    assert p.cycle.regen_cold_start_t == SHEET.inputs.swing_t
    assert p.regenerator_magnet.solenoid.turns == SHEET.number("turns")


def test_more_load_needs_a_longer_canister() -> None:
    double = design_sheet(load_w=1.2e-3)
    assert double.number("length") == pytest.approx(2 * SHEET.number("length"))
    assert dict.fromkeys([r.source for r in double.rows if r.name == "load_w"]) == {"given": None}


def test_the_text_marks_what_is_assumed() -> None:
    text = format_sheet(SHEET)
    assert "3He mole fraction" in text
    line = next(x for x in text.splitlines() if "canister inner diameter" in x)
    assert line.endswith("[assumed]")
    assert "Table 1 is not available" in text


@pytest.mark.parametrize(
    "bad",
    [{"load_w": math.nan}, {"load_w": -1.0}, {"nonsense": 1.0}, {"outlet_k": 0.95}, {"hot_k": 2.5},
     {"concentration": 0.5}, {"porosity": 1.2}, {"refrigerant": "iron"}, {"current_a": 0.0},
     {"swing_t": 5.0}],
)  # fmt: skip
def test_bad_inputs_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"design|mixture|GGG"):
        design_sheet(**bad)


def test_the_field_of_a_long_solenoid_is_mu0_n_i_and_half_of_it_at_the_end() -> None:
    coil = Solenoid(10.0, 5e-3, 10_000)
    ideal = VACUUM_PERMEABILITY_H_PER_M * 1000.0
    assert coil.centre_t_per_a == pytest.approx(ideal, rel=1e-5)
    assert coil.end_t_per_a == pytest.approx(ideal / 2, rel=1e-5)


def test_turns_are_the_smallest_number_that_reaches_the_field() -> None:
    turns = turns_for(1.5, 4.7, 0.120, 16.5e-3)
    assert Solenoid(0.120, 16.5e-3, turns).centre_t_per_a * 4.7 >= 1.5
    assert Solenoid(0.120, 16.5e-3, turns - 1).centre_t_per_a * 4.7 < 1.5
    with pytest.raises(ValueError, match="out of reach"):
        turns_for(500.0, 1.0, 0.120, 16.5e-3)
