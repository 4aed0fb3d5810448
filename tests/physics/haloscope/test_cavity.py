"""The coupled-mode cavity against textbook limits and conservation laws."""

import numpy as np
import pytest

from haloscope import mode_map
from haloscope.apparatus.cavity import Cavity, CavityState
from haloscope.parameters import HaloscopeParameters

PARAMETERS = HaloscopeParameters.capp12tb()
NU_TE, G = PARAMETERS.cavity.te_frequency_hz[0], PARAMETERS.cavity.te_coupling_hz[0]


def simple(beta: float, **changes: object) -> CavityState:
    values = {
        "tm_hz": 1.1e9,
        "wall_width_hz": 1.1e9 / 105000,
        "strong_width_hz": beta * 1.1e9 / 105000,
        "weak_width_hz": 0.0,
        "rod_share": 0.44,
        "form_factor": 0.6,
    }
    return CavityState(**(values | changes))


def crossed(tm_hz: float) -> CavityState:
    return simple(
        2.0, tm_hz=tm_hz, te_hz=(NU_TE,), te_width_hz=(NU_TE / 120e3,), te_coupling_hz=(G,)
    )


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.0, 5.0])
def test_without_te_modes_it_is_the_textbook_resonance(beta):
    cavity = simple(beta)
    nu = 1.1e9 + np.linspace(-2e5, 2e5, 201)
    q_l = 105000 / (1 + beta)
    x = (nu - 1.1e9) / 1.1e9
    assert cavity.loaded_q == pytest.approx(q_l)
    expected = 2 * beta / (1 + beta) / (1 + 2j * q_l * x) - 1
    assert cavity.s11(nu) == pytest.approx(expected, abs=1e-12)
    assert cavity.signal_shape(nu) == pytest.approx(1 / (1 + (2 * q_l * x) ** 2), rel=1e-9)


def test_reflection_on_resonance_at_coupling_two_is_minus_9_54_db():
    magnitude = abs(simple(2.0).s11(np.array([1.1e9]))[0])
    assert 20 * np.log10(magnitude) == pytest.approx(-9.54, abs=0.01)


@pytest.mark.parametrize("tm_hz", [1.1e9, NU_TE + 30e3])
def test_a_cavity_at_one_temperature_emits_that_temperature(tm_hz):
    nu = tm_hz + np.linspace(-5e5, 5e5, 401)
    assert crossed(tm_hz).emission(nu, 0.05, 0.05, 0.05) == pytest.approx(0.05, rel=1e-12)


@pytest.mark.parametrize("tm_hz", [1.1e9, NU_TE + 30e3])
def test_what_is_not_reflected_is_absorbed(tm_hz):
    cavity, nu = crossed(tm_hz), tm_hz + np.linspace(-5e5, 5e5, 401)
    absorbed = cavity.emission(nu, 0.0, 1.0, 1.0)
    assert absorbed + np.abs(cavity.s11(nu)) ** 2 == pytest.approx(1.0, rel=1e-12)


def test_the_weak_antenna_absorbs_what_it_lets_out():
    cavity = simple(2.0, weak_width_hz=0.5 * 1.1e9 / 105000)
    nu = 1.1e9 + np.linspace(-2e5, 2e5, 201)
    absorbed = cavity.emission(nu, 0.0, 1.0, 1.0)
    assert absorbed + np.abs(cavity.s11(nu)) ** 2 == pytest.approx(1.0, rel=1e-12)
    assert cavity.emission(nu, 0.05, 0.05, 0.05) == pytest.approx(0.05, rel=1e-12)


def test_a_hot_rod_shines_through_its_share_of_the_loss():
    on_resonance = simple(2.0).emission(np.array([1.1e9]), 0.0, 0.0, 1.0)[0]
    assert on_resonance == pytest.approx(8 / 9 * 0.44)


def test_the_hybrid_modes_repel_by_twice_the_coupling():
    low, high = crossed(NU_TE).resonances_hz()
    assert high - low == pytest.approx(2 * G)
    assert crossed(NU_TE).tm_fractions() == pytest.approx([0.5, 0.5])


def test_the_hybrid_modes_are_the_closed_form():
    distance = 100e3
    expected = NU_TE + 0.5 * distance + np.array([-1, 1]) * np.sqrt(distance**2 / 4 + G**2)
    assert crossed(NU_TE + distance).resonances_hz() == pytest.approx(expected, abs=1e-3)


def test_the_poles_of_the_response_are_the_hybrid_modes():
    cavity = crossed(NU_TE + 60e3)
    nu = NU_TE + np.linspace(-3e5, 3e5, 60001)
    shape = cavity.signal_shape(nu)
    peaks = nu[1:-1][(shape[1:-1] > shape[:-2]) & (shape[1:-1] > shape[2:])]
    assert peaks == pytest.approx(cavity.resonances_hz(), abs=1e3)


def test_the_crossing_at_4_527_uev_opens_a_hole_of_380_khz():
    """Frequencies that no mode with 90 % TM character reaches while the rod moves through."""
    reached = []
    for tm_hz in NU_TE + np.linspace(-6e5, 6e5, 2401):
        state = crossed(tm_hz)
        reached.extend(state.resonances_hz()[state.tm_fractions() >= 0.9])
    gaps = np.diff(np.sort(reached))
    assert gaps.max() == pytest.approx(380e3, abs=3e3)


def test_the_signal_fades_at_the_crossing():
    far, near = crossed(NU_TE + 5e6), crossed(NU_TE)
    strongest = [
        state.signal_shape(state.tm_hz + np.linspace(-3e5, 3e5, 6001)).max()
        for state in (far, near)
    ]
    assert strongest[0] == pytest.approx(1.0, abs=0.01)
    # Half the TM mode each, with the mean of both widths: (kappa_L / (kappa_L + kappa_TE))^2.
    width, te_width = near.loaded_width_hz, near.te_width_hz[0]
    assert strongest[1] == pytest.approx((width / (width + te_width)) ** 2, rel=0.03)


def test_the_antenna_couples_exponentially_with_depth():
    cavity = Cavity(PARAMETERS, mode_map.load(), seed=0)
    angle = float(cavity.mode_map.angle_deg(1.1e9))
    betas = [cavity.at(angle, depth, 0.0).beta for depth in (4.0, 5.0, 6.0)]
    assert betas == pytest.approx([2 / np.e, 2.0, 2 * np.e], rel=1e-6)
    state = cavity.at(angle, 5.0, 0.0)
    assert state.loaded_q == pytest.approx(107500 / 3, rel=1e-3)


def test_the_resonance_drifts_slowly():
    cavity = Cavity(PARAMETERS, mode_map.load(), seed=0)
    angle = float(cavity.mode_map.angle_deg(1.1e9))
    times = np.arange(0, 4e5, 500.0)
    nu = np.array([cavity.at(angle, 5.0, t).tm_hz for t in times])
    assert 10 < nu.std() < 100
    assert np.abs(np.diff(nu)).max() < 60
