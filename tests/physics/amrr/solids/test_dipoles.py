"""The second moment of a lattice's couplings: geometry, GGG's measured one, and GLF's."""

import numpy as np
import pytest

from amrr.solids.dipoles import (
    GARNET_GGG,
    SCHEELITE_GDLIF4,
    Lattice,
    distances,
    internal_field,
    second_moment,
)
from amrr.solids.garnet import GGG, GLF
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K


@pytest.mark.parametrize(
    ("lattice", "nearest_a", "neighbours", "density_g"),
    [(GARNET_GGG, 3.79, 4, GGG), (SCHEELITE_GDLIF4, 3.79, 4, GLF)],
)
def test_the_lattices_are_those_of_the_crystals(
    lattice: Lattice, nearest_a: float, neighbours: int, density_g: object
) -> None:
    r = distances(lattice)
    assert 1e10 * r[0] == pytest.approx(nearest_a, abs=0.01)
    assert (r < 1.01 * r[0]).sum() == neighbours
    ions_per_m3 = len(lattice.places) / np.prod(lattice.cell_m)
    assert ions_per_m3 / 6.02214e23 == pytest.approx(density_g.spins_mol_per_m3, rel=0.005)  # type: ignore[attr-defined]


@pytest.mark.parametrize("lattice", [GARNET_GGG, SCHEELITE_GDLIF4])
def test_every_place_is_equivalent_and_taken_once(lattice: Lattice) -> None:
    first = distances(lattice)
    for place in lattice.places:
        turned = Lattice(lattice.cell_m, (place, *(p for p in lattice.places if p != place)))
        assert distances(turned)[:40] == pytest.approx(first[:40], rel=1e-9)


def test_dipoles_and_exchange_give_the_heat_capacity_that_ggg_has() -> None:
    # Of the free energy that was fitted to Fisher, far above its couplings; lattice taken out.
    t = 30.0
    lattice = 12 * np.pi**4 / 5 * GAS_CONSTANT_J_PER_MOL_K * (20 / 3) * (t / 500.0) ** 3
    fitted = (GGG.heat_capacity(t, 0.0, extrapolate=True) - lattice) * t**2
    assert second_moment(GARNET_GGG, 0.107) == pytest.approx(
        float(fitted) / GAS_CONSTANT_J_PER_MOL_K, rel=0.04
    )


def test_glf_has_the_internal_field_of_its_dipoles() -> None:
    b = internal_field(second_moment(SCHEELITE_GDLIF4))
    assert GLF.internal_fields_t == pytest.approx((b,), abs=1e-3)
    assert internal_field(second_moment(SCHEELITE_GDLIF4, 0.02)) > b


def test_an_internal_field_has_the_moment_that_it_was_made_of() -> None:
    t = 30.0
    lattice = 12 * np.pi**4 / 5 * GAS_CONSTANT_J_PER_MOL_K * 6.0 * (t / 400.0) ** 3
    moment = (GLF.heat_capacity(t, 0.0, extrapolate=True) - lattice) * t**2
    moment /= GAS_CONSTANT_J_PER_MOL_K
    assert internal_field(float(moment)) == pytest.approx(GLF.internal_fields_t[0], rel=0.01)
