"""Garnet: Fisher's heat capacity, the entropy from it, and one free energy behind everything."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amrr.solids.garnet import GGG, GLF, paramagnet
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K

FISHER = np.loadtxt(
    Path(__file__).parents[1] / "data" / "fisher1973_ggg_heat_capacity.csv",
    delimiter=",",
    skiprows=3,
)
CALORIE_J = 4.184


def test_zero_field_heat_capacity_is_fishers_within_two_per_cent() -> None:
    temperatures, measured = FISHER[:, 0], FISHER[:, 1] * CALORIE_J
    model = GGG.heat_capacity(temperatures, 0.0)
    assert len(temperatures) >= 10
    assert np.abs(model / measured - 1.0).max() < 0.02


@pytest.mark.parametrize(("temperature_k", "expected"), [(1.0, 6.743), (2.0, 3.230), (4.0, 1.087)])
def test_quoted_heat_capacities(temperature_k: float, expected: float) -> None:
    assert GGG.heat_capacity(temperature_k, 0.0) == pytest.approx(expected, rel=0.02)


def test_zero_field_entropy_agrees_with_the_integrated_data() -> None:
    assert GGG.entropy(1.0, 0.0) == pytest.approx(11.829, rel=0.005)


def test_entropy_saturates_at_r_ln_8() -> None:
    # Both limits lie outside the model's range: here the formula itself is tested.
    hot = GGG.entropy(30.0, 0.0, extrapolate=True)
    warm = hot - GGG.heat_capacity(30.0, 0.0, extrapolate=True) / 3.0  # less the lattice
    assert warm == pytest.approx(GAS_CONSTANT_J_PER_MOL_K * np.log(8.0), rel=0.01)
    assert GGG.entropy(0.05, 3.0, extrapolate=True) < 1e-6


@settings(max_examples=25, deadline=None)
@given(t=st.floats(0.4, 4.0), b=st.floats(0.01, 2.9))
def test_entropy_and_magnetisation_come_from_one_free_energy(t: float, b: float) -> None:
    h = 1e-4
    for material in (GGG, GLF):
        free = partial(material.free_energy, extrapolate=True)  # differences reach over the edge
        slope = -(free(t + h, b) - free(t - h, b)) / (2 * h)
        assert slope == pytest.approx(float(material.entropy(t, b)), rel=1e-5, abs=1e-6)
        # Maxwell: dS/dB = dM/dT, with M = -dF/dB.
        d = 1e-3
        mixed = -(free(t + d, b + d) - free(t + d, b - d) - free(t - d, b + d) + free(t - d, b - d))
        mixed = mixed / (4 * d * d)
        assert float(material.entropy_slope(t, b)) == pytest.approx(mixed, rel=2e-3, abs=2e-3)
        assert material.entropy_slope(t, b) <= 0.0


@settings(max_examples=6, deadline=None)
@given(t=st.floats(0.8, 2.0), b=st.floats(0.2, 1.5))
def test_an_adiabatic_round_trip_returns(t: float, b: float) -> None:
    warmer = GGG.adiabatic_temperature(t, b, min(b + 0.3, 2.0))
    assert warmer > t
    assert GGG.adiabatic_temperature(warmer, min(b + 0.3, 2.0), b) == pytest.approx(t, abs=1e-9)


def test_the_paper_step_from_900_to_750_mk_needs_about_three_quarters_of_a_tesla() -> None:
    assert GGG.adiabatic_temperature(0.75, 0.0, 0.742) == pytest.approx(0.90, abs=0.005)


@pytest.mark.parametrize(
    ("t", "b"),
    [(0.1, 0.5), (5.0, 0.5), (1.0, 4.0), (1.0, -0.1), (0.05, 9.0), (np.nan, 1.0), (1.0, np.nan)],
)
@pytest.mark.parametrize(
    "law",
    [GGG.check, GGG.entropy, GGG.heat_capacity, GGG.free_energy, GGG.polarisation,
     GGG.entropy_slope],
)  # fmt: skip
def test_outside_its_range_the_model_refuses(law: Callable[..., Any], t: float, b: float) -> None:
    with pytest.raises(ValueError, match=r"GGG: .* is outside"):
        law(t, b)
    with pytest.raises(ValueError, match=r"GGG: .* is outside"):
        law(np.array([1.0, t, 2.0]), np.array([1.0, b, 1.0]))


def test_the_successor_reaches_350_mk_and_says_that_it_is_provisional() -> None:
    assert GLF.provisional
    assert GLF.lowest_temperature_k == 0.35
    assert not GGG.provisional
    # Less zero-field ordering than GGG: more entropy left to use at 0.5 K.
    assert GLF.entropy(0.5, 0.0) > GGG.entropy(0.5, 0.0)


def test_a_refrigerant_may_be_named_with_changed_numbers() -> None:
    assert paramagnet("GLF").entropy(0.5, 0.3) == GLF.entropy(0.5, 0.3)
    changed = paramagnet("GGG b=0.4 lambda=-0.85")
    assert changed.internal_fields_t == (0.4, GGG.internal_fields_t[1])
    assert changed.molecular_field_t == -0.85
    assert changed.weights == GGG.weights
    assert changed.entropy(0.5, 0.0) > GGG.entropy(0.5, 0.0)
    with pytest.raises(ValueError, match=r"GGG b=0\.4 lambda=-0\.85: temperature"):
        changed.entropy(9.0, 0.0)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is not one of"),
        ("salt", "is not one of"),
        ("GLF c=1", "'c' is not one of"),
        ("GLF b", "'' is no number"),
        ("GLF b=much", "'much' is no number"),
        ("GLF b=nan", "b = nan"),
        ("GLF b=0", "b = 0 T is outside"),
        ("GLF lambda=0.5", "lambda = 0.5 T is outside -3 to 0 T"),
    ],
)
def test_a_refrigerant_that_cannot_be_is_refused(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        paramagnet(name)
