"""The cavity map against Bessel zeros, an independent published map, and itself."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import jn_zeros, jv, yv

from haloscope import mode_map
from haloscope.helmholtz import solve
from haloscope.parameters import HaloscopeParameters

DATA = Path(mode_map.__file__).parent / "data"


def shipped(name: str) -> np.ndarray:
    return np.genfromtxt(DATA / f"mode_map_{name}.csv", delimiter=",")


def test_a_central_rod_is_a_coaxial_cavity():
    k = solve(0.1, 0.0).wavenumber
    assert jv(0, k) * yv(0, 0.1 * k) - yv(0, k) * jv(0, 0.1 * k) == pytest.approx(0, abs=1e-10)


def test_a_vanishing_rod_at_the_wall_leaves_the_empty_cavity():
    mode = solve(1e-3, 0.9, terms=12)
    assert mode.wavenumber == pytest.approx(jn_zeros(0, 1)[0], rel=0.01)
    assert mode.form_factor == pytest.approx(4 / jn_zeros(0, 1)[0] ** 2, rel=0.02)  # 0.692


def test_the_solution_converges():
    coarse, fine = solve(0.1, 0.25, terms=14), solve(0.1, 0.25, terms=28)
    assert coarse.wavenumber == pytest.approx(fine.wavenumber, rel=1e-10)
    assert fine.residual < 1e-10


@pytest.mark.parametrize("offset", [0.0, 0.2, 0.4])
def test_the_rod_loss_agrees_with_what_a_moving_rod_wall_does_to_the_frequency(offset):
    mode = solve(0.1, offset, terms=14)
    step = 1e-5
    grown, shrunk = solve(0.1 + step, offset, terms=14), solve(0.1 - step, offset, terms=14)
    slope = (grown.wavenumber - shrunk.wavenumber) / (2 * step)
    # Hadamard: d(k^2)/da = oint_rod (dE/dn)^2 dl / int E^2 when the rod's wall moves into the
    # field.
    assert 2 * mode.wavenumber * slope == pytest.approx(
        mode.rod_loss * mode.wavenumber**2, rel=1e-5
    )


def test_a_rod_outside_of_the_cavity_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        solve(0.1, 0.95)


@pytest.mark.parametrize(
    ("offset", "mhz", "form_factor"),
    [
        (0.0, 1207, 0.777),
        (0.1, 1181, 0.709),
        (0.2, 1130, 0.643),
        (0.4, 1032, 0.616),
        (0.7, 930, 0.651),
    ],
)
def test_the_shipped_table_is_the_solution(offset, mhz, form_factor):
    table = shipped("capp12tb")
    row = table[np.isclose(table[:, 0], offset)][0]
    mode = solve(0.1, offset, terms=28)
    assert row[1:] == pytest.approx(
        [mode.wavenumber, mode.form_factor, mode.wall_loss, mode.rod_loss], rel=1e-6
    )
    assert 299792458 * row[1] / (2 * np.pi * 0.131) / 1e6 == pytest.approx(mhz, abs=0.6)
    assert row[2] == pytest.approx(form_factor, abs=6e-4)


def test_the_map_inverts():
    table = mode_map.load()
    nu = np.linspace(1.03e9, 1.14e9, 50)
    assert table.frequency_hz(table.angle_deg(nu)) == pytest.approx(nu, abs=1e-3)


def test_the_travel_covers_the_scan_with_a_fine_slope():
    table = mode_map.load()
    rod = table.rod
    low, high = table.angle_deg([1.115e9, 1.085e9])
    assert rod.low_limit_deg < low < high < rod.high_limit_deg
    slope = table.frequency_hz(low + 1e-3) - table.frequency_hz(low)
    assert slope == pytest.approx(-3500, rel=0.15)  # Hz per millidegree


def test_scaled_quantities_take_their_reference_values():
    table = mode_map.load()
    assert float(table.form_factor(1.1e9)) == pytest.approx(0.6)
    assert float(mode_map.form_factor(1.1e9)) == pytest.approx(0.6)
    assert float(table.unloaded_q(1.1e9)) == pytest.approx(107500)
    assert np.all(table.unloaded_q(np.linspace(1.09e9, 1.11e9)) / 3 > 35000)  # letter: over 35000
    assert 0.4 < float(table.rod_share(1.1e9)) < 0.5


def test_frequencies_outside_of_the_map_are_refused():
    with pytest.raises(ValueError, match="mode map: frequency = "):
        mode_map.form_factor(2e9)


@pytest.mark.parametrize("name", ["haystac", "admx"])
def test_the_other_tables_are_solutions_too(name):
    table = shipped(name)
    radius = {"haystac": 0.5, "admx": 0.15}[name]
    row = table[len(table) // 2]
    assert row[1] == pytest.approx(solve(radius, row[0], terms=28).wavenumber, rel=1e-8)


def test_a_map_may_come_from_a_file():
    path = str(DATA / "mode_map_admx.csv")
    parameters = HaloscopeParameters.from_mapping({"rod": {"mode_map": path}})
    assert mode_map.load(parameters).offsets.size == 61
