"""The spline tables: equal to the models, and thermodynamically exact by themselves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amrr.circuit import nodes, relaxation, tables
from amrr.fluid import helium
from amrr.solids.garnet import GGG

GARNET, FLUID = tables.garnet_table("GGG"), tables.fluid_table()
#: 3He density in mol/m3, and what its mixing adds to dphi/dT.
C3 = 3400.0
MIX = nodes.mixing(C3)


@settings(max_examples=60, deadline=None)
@given(t=st.floats(0.45, 1.9), b=st.floats(0.0, 2.0))
def test_the_garnet_table_is_the_garnet(t: float, b: float) -> None:
    s, _, c = nodes.lump(nodes.Content(GARNET, FLUID, 0, 1.0, 0.0, 0.0, b, 3000.0), t)
    assert s == pytest.approx(float(GGG.entropy(t, b)), rel=1e-5)
    assert c == pytest.approx(float(GGG.heat_capacity(t, b)), rel=2e-3)


@settings(max_examples=60, deadline=None)
@given(t=st.floats(0.45, 1.8), x=st.floats(0.02, 0.3))
def test_the_fluid_table_is_the_mixture(t: float, x: float) -> None:
    # The tables reach beyond the separation and lambda lines, as the formulas do.
    c3, volume = float(helium.density_3he(x)), float(helium.molar_volume(x))
    s, u, c = nodes.lump(nodes.Content(GARNET, FLUID, 0, 0.0, volume, 0.0, 0.0, c3), t)
    assert s == pytest.approx(float(helium.entropy(t, x, extrapolate=True)), rel=1e-5)
    assert u == pytest.approx(float(helium.enthalpy(t, x, extrapolate=True)), abs=1e-5)
    assert c == pytest.approx(float(helium.heat_capacity(t, x, extrapolate=True)), rel=5e-3)
    pi = nodes.fluid_pressure(FLUID, t, c3)[0]
    assert pi == pytest.approx(float(helium.pressure(t, x, extrapolate=True)), rel=1e-4)


@pytest.mark.parametrize("scale", [0.85, 1.15])
@pytest.mark.parametrize(("t", "b"), [(0.75, 0.74), (1.2, 0.4), (1.6, 1.3)])
def test_a_scaled_molecular_field_is_that_of_another_garnet(
    scale: float, t: float, b: float
) -> None:
    other = replace(GGG, molecular_field_t=scale * GGG.molecular_field_t)
    table = tables.garnet_table("GGG", scale)
    s, _, _ = nodes.lump(nodes.Content(table, FLUID, 0, 1.0, 0.0, 0.0, b, 3000.0), t)
    assert s == pytest.approx(float(other.entropy(t, b)), rel=1e-5)
    assert abs(s - float(GGG.entropy(t, b))) > 2e-3 * s


@pytest.mark.parametrize("t", [0.75, 1.2, 1.6])
def test_scaled_excitations_change_the_mixture_by_their_part(t: float) -> None:
    x = 0.1
    c3, volume = float(helium.density_3he(x)), float(helium.molar_volume(x))
    scaled = tables.fluid_table(1.1)
    more, fewer = (
        nodes.lump(nodes.Content(GARNET, table, 0, 0.0, volume, 0.0, 0.0, c3), t)[0]
        for table in (scaled, FLUID)
    )
    step = 1e-3
    up, down = (float(helium.excitations_energy(t + d, x)) for d in (step, -step))
    assert more - fewer == pytest.approx(-0.1 * (up - down) / (2 * step), rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(t=st.floats(0.5, 1.9), b=st.floats(0.0, 1.5), start=st.floats(0.5, 1.9))
def test_relaxing_finds_the_state_it_came_from(t: float, b: float, start: float) -> None:
    lump = nodes.Content(GARNET, FLUID, 0, 0.01, 4e-7, 1e-3, b, C3)
    s, u, _ = nodes.lump(lump, t)
    by_entropy = relaxation.relax(lump, start, MIX, s, 0.0, True)
    by_energy = relaxation.relax(lump, start, MIX, u + 0.3 * t, 0.3, False)
    assert by_entropy[0] == pytest.approx(t, abs=1e-10)
    assert by_energy[0] == pytest.approx(t, abs=1e-10)
    assert by_energy[1] == pytest.approx(s, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    cell=st.integers(20, 80), within=st.floats(0.0, 1.0), off=st.floats(-0.01, 0.01),
    isentropic=st.booleans(),
)  # fmt: skip
def test_a_step_within_a_cell_or_into_the_next_finds_what_the_search_finds(
    cell: int, within: float, off: float, isentropic: bool
) -> None:
    t = nodes.T_FIRST_K + nodes.T_STEP_K * (cell + within)
    lump = nodes.Content(GARNET, FLUID, 0, 0.01, 4e-7, 1e-3, 0.7, C3)
    s, u, _ = nodes.lump(lump, t)
    goal, link = (s, 0.0) if isentropic else (u + 0.1 * t, 0.1)
    towards = (lump, t + off, MIX, goal, link, isentropic)
    found, searched = relaxation.relax(*towards), relaxation.search(*towards)
    assert found[0] == pytest.approx(t, abs=1e-12)
    assert found == pytest.approx(searched, rel=1e-11, abs=1e-14)


def test_energy_changes_by_t_ds_to_rounding_inside_and_across_cells() -> None:
    edges = np.linspace(0.8, 1.2, 20001)
    lump = nodes.Content(GARNET, FLUID, 0, 0.01, 4e-7, 1e-3, 0.4, C3)
    values = [nodes.lump(lump, t)[:2] for t in edges]
    s, u = np.array(values).T
    middle = 0.5 * (edges[1:] + edges[:-1])
    assert (middle * np.diff(s)).sum() == pytest.approx(u[-1] - u[0], rel=1e-9)
