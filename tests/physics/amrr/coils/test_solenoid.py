"""The solenoid's inductance against a sum over its loops, and the mean field that a bed feels."""

import numpy as np
import pytest
from scipy.special import ellipe, ellipk

from amrr.circuit import rows
from amrr.coils.solenoid import Solenoid
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from instruments.constants import VACUUM_PERMEABILITY_H_PER_M as MU_0

PAPER = RefrigeratorParameters()
COILS = {
    "default": PAPER.pump_magnet.solenoid,
    "long": Solenoid(0.300, 16.5e-3, 60000),
    "short": Solenoid(0.030, 16.5e-3, 8000),
    "thick": Solenoid(0.020, 20e-3, 30000),
    "a few layers": Solenoid(0.060, 16.5e-3, 1900),
}


def sum_over_loops(coil: Solenoid, layers: int = 12, rings: int = 240) -> float:
    """Maxwell's mutual inductance of every pair of loops; a loop with itself by its mean distance.

    The winding is cut into ``layers`` times ``rings`` rectangles.
    """
    dr, dz = coil.thickness_m / layers, coil.length_m / rings
    r = coil.inner_radius_m + (np.arange(layers) + 0.5) * dr
    z = np.arange(rings) * dz
    pairs = np.where(z == 0.0, 1.0, 2.0) * (rings - np.arange(rings))
    total = 0.0
    for a in r:
        for b in r:
            m = 4.0 * a * b / ((a + b) ** 2 + z**2)
            with np.errstate(invalid="ignore"):
                k = np.sqrt(m)
                mutual = MU_0 * np.sqrt(a * b) * ((2.0 / k - k) * ellipk(m) - 2.0 / k * ellipe(m))
            if a == b:
                mutual[0] = MU_0 * a * (np.log(8.0 * a / (0.2235 * (dr + dz))) - 2.0)
            total += float((mutual * pairs).sum())
    return coil.turns**2 * total / (layers * rings) ** 2


@pytest.mark.parametrize("name", COILS)
def test_the_inductance_is_the_sum_over_all_pairs_of_loops(name: str) -> None:
    assert COILS[name].inductance_h == pytest.approx(sum_over_loops(COILS[name]), rel=5e-3)


def test_a_very_long_coil_has_the_inductance_of_its_uniform_field() -> None:
    coil = Solenoid(10.0, 20e-3, 78740)  # one layer
    inner, c = coil.inner_radius_m, coil.thickness_m
    area = np.pi * (inner**2 + 2.0 / 3.0 * inner * c + c**2 / 6.0)  # the smaller of every two turns
    uniform = MU_0 * coil.turns**2 * area / coil.length_m
    # Its ends take 8 R / (3 pi l) of it (Rayleigh).
    ends = 8.0 * coil.radius_m / (3.0 * np.pi * coil.length_m)
    assert coil.inductance_h == pytest.approx(uniform * (1.0 - ends), rel=2e-4)


@pytest.mark.parametrize("length_m", [0.03, 0.1, 0.12, 0.2])
def test_the_mean_field_is_the_mean_of_the_field(length_m: float) -> None:
    coil = PAPER.pump_magnet.solenoid
    z = 0.5 * coil.length_m + length_m * ((np.arange(2000) + 0.5) / 2000 - 0.5)
    mean = float(coil.field_per_ampere(z).mean())
    assert coil.mean_t_per_a(length_m) == pytest.approx(mean, rel=1e-6)


def test_a_pump_bed_feels_the_mean_field_over_its_length() -> None:
    machine = SimulatedRefrigerator()
    centre = PAPER.pump_magnet.solenoid.centre_t_per_a
    for side in "AB":
        felt = machine.lump_constants[rows.FIELD_PER_A, machine.places.pump[side]]
        assert 0.93 < felt / centre < 0.97
        assert felt == PAPER.pump_magnet.solenoid.mean_t_per_a(PAPER.pump.bed_length_m)
