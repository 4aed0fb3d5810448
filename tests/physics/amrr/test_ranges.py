"""Every parameter says where it comes from, and each that is assumed how far it may be wrong."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amrr.limits import LIMITS, check
from amrr.origins import Origin
from amrr.parameters import RefrigeratorParameters
from amrr.studies.ranges import assumed, leaves, with_values

DEFAULT = RefrigeratorParameters()
ALL = {leaf.name: leaf for leaf in leaves(DEFAULT)}
RANGES = assumed(DEFAULT)


def test_the_leaves_are_all_parameters() -> None:
    assert {name: leaf.value for name, leaf in ALL.items()} == DEFAULT.flat()


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_says_where_it_comes_from_and_assumed_ones_have_a_range(name: str) -> None:
    leaf = ALL[name]
    assert leaf.origin is not None
    assert (leaf.range is not None) == (leaf.origin is Origin.ASSUMED)
    if leaf.range is not None:
        assert leaf.range.low <= leaf.value <= leaf.range.high
        assert leaf.range.low < leaf.range.high
        assert leaf.range.reason
        assert 0.0 <= leaf.range.floor < leaf.range.high


def test_what_the_docs_call_assumed_takes_part() -> None:
    parts = ("regenerator", "pump", "exchangers", "cold_line", "hot_line", "stage",
             "regenerator_magnet", "pump_magnet", "detector1")  # fmt: skip
    for part in parts:
        assert any(name.startswith(f"{part}.") for name in RANGES), part
    named = {
        "concentration", "slip_diffusivity_m2_per_s", "molecular_field_scale", "excitations_scale",
        "regenerator.fluid_conductivity_w_per_m_k", "regenerator_magnet.diode_cold_v",
    }  # fmt: skip
    assert named <= set(RANGES)


def test_the_ranges_of_least_certain_properties_are_those_of_the_literature() -> None:
    flush = RANGES["slip_diffusivity_m2_per_s"]
    assert (flush.low, flush.high) == (0.0, 1e-4)
    kappa = RANGES["regenerator.fluid_conductivity_w_per_m_k"]
    assert (kappa.low, kappa.high) == (0.01, 0.1)


def test_stages_that_are_not_fitted_have_no_say() -> None:
    assert not any(name.startswith(("detector3.", "detector4.")) for name in RANGES)
    third = replace(DEFAULT, detector3=replace(DEFAULT.detector3, fitted=True))
    assert any(name.startswith("detector3.") for name in assumed(third))


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("end", ["low", "high"])
def test_the_ends_of_every_range_are_machines_within_the_limits(name: str, end: str) -> None:
    value = getattr(RANGES[name], end)
    machine = with_values(DEFAULT, {name: value})
    assert machine.flat()[name] == value
    low, high, _ = LIMITS[name]
    assert low <= value <= high
    check(machine)


@given(st.lists(st.floats(0.0, 1.0), min_size=len(RANGES), max_size=len(RANGES)))
def test_any_machine_within_the_ranges_is_one(parts: list[float]) -> None:
    values = {name: r.at(part) for (name, r), part in zip(RANGES.items(), parts, strict=True)}
    check(with_values(DEFAULT, values))


@given(st.sampled_from(sorted(RANGES)), st.floats(0.0, 1.0))
def test_parts_of_a_range_come_back(name: str, part: float) -> None:
    found = RANGES[name].part(RANGES[name].at(part))
    assert found == pytest.approx(part, abs=1e-9)


def test_a_winding_of_another_shape_keeps_its_field() -> None:
    longer = with_values(DEFAULT, {"regenerator_magnet.solenoid.length_m": 0.14})
    before, after = DEFAULT.regenerator_magnet.solenoid, longer.regenerator_magnet.solenoid
    assert after.turns > before.turns
    assert after.centre_t_per_a == pytest.approx(before.centre_t_per_a, rel=1e-4)
    assert longer.pump_magnet == DEFAULT.pump_magnet


def test_a_stage_keeps_its_place_on_a_line_of_another_length() -> None:
    short = with_values(DEFAULT, {"cold_line.length_m": 0.05})
    assert short.detector1.distance_m == pytest.approx(0.025)
    assert with_values(DEFAULT, {}) == DEFAULT


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"regenerator\.colour is no parameter"):
        with_values(DEFAULT, {"regenerator.colour": 1.0})
