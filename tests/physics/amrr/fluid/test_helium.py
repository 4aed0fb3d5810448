"""Helium: Chaudhry's table and phase lines, pure 4He, superfluid fraction, vapour pressure."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amrr.fluid import helium, helium4, helium_flow
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K

TABLE = np.genfromtxt(
    Path(__file__).parents[1] / "data" / "chaudhry_table11.csv",
    delimiter=",",
    skip_header=2,
    names=True,
)
DILUTE = TABLE[TABLE["x_dilute"] <= 0.4452]


def test_the_table_is_there() -> None:
    assert len(DILUTE) >= 10


def test_entropy_is_chaudhrys_within_two_per_cent() -> None:
    model = helium.entropy(DILUTE["T_K"], DILUTE["x_dilute"])
    assert np.abs(model / DILUTE["s_dilute_J_per_molK"] - 1).max() < 0.02


def test_enthalpy_is_chaudhrys_within_a_tenth_of_a_joule() -> None:
    model = helium.enthalpy(DILUTE["T_K"], DILUTE["x_dilute"])
    assert np.abs(model - DILUTE["h_dilute_J_per_mol"]).max() < 0.1


def test_chemical_potential_is_chaudhrys_within_four_per_cent() -> None:
    model = helium.chemical_potential_4he_mixture(DILUTE["T_K"], DILUTE["x_dilute"])
    assert np.abs(model / DILUTE["mu4_J_per_mol4He"] - 1).max() < 0.04


def test_osmotic_enthalpy_is_chaudhrys_within_five_per_cent() -> None:
    x = DILUTE["x_dilute"]
    model = x * helium.osmotic_enthalpy(DILUTE["T_K"], x)
    assert np.abs(model / DILUTE["x_hos_dilute_J_per_mol"] - 1).max() < 0.05


def test_molar_volume_is_chaudhrys_within_one_per_cent() -> None:
    model = 1e6 * helium.molar_volume(DILUTE["x_dilute"])
    assert np.abs(model / DILUTE["v_dilute_cm3_per_mol"] - 1).max() < 0.01


def test_both_phase_lines_are_chaudhrys() -> None:
    assert np.abs(helium.dilute_line(TABLE["T_K"]) - TABLE["x_dilute"]).max() < 5e-4
    assert np.abs(helium.concentrated_line(TABLE["T_K"]) - TABLE["x_conc"]).max() < 2e-3


def test_phase_diagram_points() -> None:
    assert helium.dilute_line(0.75) == pytest.approx(0.4451, abs=1e-4)
    assert helium.lambda_temperature(0.10) == pytest.approx(2.034, abs=1e-3)
    assert helium.lambda_temperature(0.0) == pytest.approx(2.168, abs=1e-3)
    assert helium.dilute_line(0.867) == pytest.approx(0.674, abs=1e-6)
    assert helium.lambda_temperature(0.674) == pytest.approx(0.867, abs=1e-9)


@pytest.mark.parametrize(("t", "measured"), [(1.2033, 0.0515), (1.4035, 0.1325), (1.5036, 0.196)])
def test_entropy_of_pure_4he(t: float, measured: float) -> None:
    per_gram = helium4.entropy_4he(t) / (1e3 * helium.MOLAR_MASS_4HE_KG)
    assert per_gram == pytest.approx(measured, rel=0.02)


def test_a_gram_of_3he_holds_forty_times_the_heat_of_4he_at_1_k() -> None:
    he3 = 1.5 * GAS_CONSTANT_J_PER_MOL_K / helium.MOLAR_MASS_3HE_KG
    he4 = helium4.heat_capacity_4he(1.0) / helium.MOLAR_MASS_4HE_KG
    assert he3 / he4 == pytest.approx(40.0, rel=0.05)


def test_99_per_cent_are_superfluid_at_1_k() -> None:
    assert helium_flow.superfluid_fraction(1.0) == pytest.approx(0.99, abs=0.005)
    t = np.linspace(0.1, 2.17, 200)
    assert (np.diff(helium_flow.superfluid_fraction(t)) <= 1e-12).all()
    assert helium_flow.superfluid_fraction(2.05, 0.1) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("t", "published"), [(1.0, 80.2), (1.4, 87.8), (1.6, 90.8)])
def test_the_latent_heat_is_the_published_one_and_that_of_the_vapour_pressure(
    t: float, published: float
) -> None:
    # Donnelly and Barenghi 1998. Clausius and Clapeyron with an ideal vapour, where ITS-90 reaches.
    latent = float(helium_flow.latent_heat_4he(t))
    assert latent == pytest.approx(published, rel=0.005)
    if t - 0.01 > helium_flow.LOWEST_ITS90_K:
        p = [float(helium_flow.vapour_pressure_4he(t + step)) for step in (-0.01, 0.01)]
        slope = math.log(p[1] / p[0]) / 0.02
        assert latent == pytest.approx(GAS_CONSTANT_J_PER_MOL_K * t**2 * slope, rel=0.03)


def test_the_mixture_is_more_viscous_than_helium_4() -> None:
    # 1.3 uPa s for 4He at 1.6 K, 1.5 to 3 uPa s from x = 0.05 to 0.2 (Staas et al. 1960).
    found = [float(helium_flow.viscosity(1.6, x)) * 1e6 for x in (0.0, 0.05, 0.2)]
    assert found[0] == pytest.approx(1.3, rel=0.02)
    assert 1.5 < found[1] < 2.0
    assert found[2] == pytest.approx(3.0, rel=0.05)


def test_vapour_pressure_and_latent_heat_of_the_pot() -> None:
    assert helium_flow.vapour_pressure_4he(1.6) == pytest.approx(746.0, rel=0.01)
    assert helium_flow.vapour_pressure_4he(1.25) == pytest.approx(114.7, rel=0.01)
    assert helium_flow.latent_heat_4he(1.6) == pytest.approx(90.8, rel=0.01)
    # ITS-90 table values off the fitted range are met within ten per cent.
    assert helium_flow.vapour_pressure_4he(1.0, extrapolate=True) == pytest.approx(15.6, rel=0.1)


def test_pure_fountain_pressure() -> None:
    measured = {1.2: 1.26e3, 1.4: 3.76e3, 1.6: 9.55e3, 1.7: 14.4e3}
    for t, pascal in measured.items():
        model = -helium4.chemical_potential_4he(t) / helium.V4_M3_PER_MOL
        assert model == pytest.approx(pascal, rel=0.02)


@settings(max_examples=100, deadline=None)
@given(t=st.floats(0.3, 1.8), x=st.floats(0.01, 0.25))
def test_everything_is_a_derivative_of_one_free_energy(t: float, x: float) -> None:
    h = 1e-4
    # An identity of the formulas, so also beyond the separation and lambda lines.
    f = partial(helium.free_energy, extrapolate=True)
    s = partial(helium.entropy, extrapolate=True)
    assert s(t, x) == pytest.approx(-(f(t + h, x) - f(t - h, x)) / (2 * h), rel=1e-4)
    slope = (f(t, x + h) - f(t, x - h)) / (2 * h)
    mu4 = helium.chemical_potential_4he_mixture(t, x, extrapolate=True)
    assert mu4 == pytest.approx(float(f(t, x)) - x * slope, rel=1e-3, abs=1e-5)
    capacity = t * (s(t + h, x) - s(t - h, x)) / (2 * h)
    model = helium.heat_capacity(t, x, extrapolate=True)
    assert model == pytest.approx(capacity, rel=1e-3)
    assert helium.concentration(helium.density_3he(x)) == pytest.approx(x, rel=1e-12)


def test_dilute_and_hot_the_osmotic_pressure_is_that_of_an_ideal_gas() -> None:
    t, x = 1.0, 0.02
    osmotic = helium.pressure(t, x) - helium.pressure(t, 1e-9)
    ideal = helium.density_3he(x) * GAS_CONSTANT_J_PER_MOL_K * t
    assert osmotic == pytest.approx(ideal, rel=0.10)


@pytest.mark.parametrize(
    ("t", "x", "why"),
    [(0.05, 0.1, "outside"), (2.0, 0.0, "outside"), (1.0, 0.5, "outside"), (1.0, -0.1, "outside"),
     (3.0, 0.9, "outside"), (math.nan, 0.1, "outside"), (0.6, 0.4, "separates"),
     (1.85, 0.25, "T_lambda")],
)  # fmt: skip
@pytest.mark.parametrize(
    "law",
    [helium.check, helium.free_energy, helium.entropy, helium.heat_capacity, helium.enthalpy,
     helium.chemical_potential_4he_mixture, helium.pressure, helium.osmotic_enthalpy],
)  # fmt: skip
def test_outside_its_range_the_model_refuses(
    law: Callable[..., Any], t: float, x: float, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        law(t, x)
    with pytest.raises(ValueError, match=why):
        law(np.array([1.0, t]), np.array([0.1, x]))


@pytest.mark.parametrize(
    ("law", "arguments"),
    [(helium.lambda_temperature, (0.7,)), (helium.dilute_line, (0.9,)),
     (helium.concentrated_line, (0.9,)), (helium.molar_volume, (-0.1,)),
     (helium.density_3he, (1.1,)), (helium.concentration, (-1.0,)),
     (helium.fermi_temperature, (0.5,)), (helium.separation_temperature, (0.9,)),
     (helium4.entropy_4he, (1.9,)), (helium4.heat_capacity_4he, (-1.0,)),
     (helium4.chemical_potential_4he, (2.5,)), (helium_flow.superfluid_fraction, (-1.0,)),
     (helium_flow.superfluid_fraction, (1.0, 0.6)), (helium_flow.viscosity, (0.5,)),
     (helium_flow.viscosity, (1.0, 0.3)), (helium_flow.vapour_pressure_4he, (1.0,)),
     (helium_flow.latent_heat_4he, (5.0,))],
)  # fmt: skip
def test_every_law_refuses_outside_its_own_range(
    law: Callable[..., Any], arguments: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="outside"):
        law(*arguments)
    with pytest.raises(ValueError, match="outside"):
        law(math.nan, *arguments[1:])


def test_separation_temperature_is_the_inverse_of_the_dilute_line() -> None:
    assert helium.separation_temperature(0.4451) == pytest.approx(0.75, abs=1e-3)
    assert helium.separation_temperature(0.05) == helium.LOWEST_TEMPERATURE_K
