"""The mean spectrum: noise formula, lines, image, interpolation, axion with the JPA's gain and
idler."""

import dataclasses

import numpy as np
import pytest

from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.apparatus.receiver import SwitchPosition
from haloscope.apparatus.spectrum import mean_spectrum_w
from haloscope.axion import AxionLine, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K
from haloscope.measuring.calibration import effective_temperature_k
from haloscope.parameters import HaloscopeParameters

QUIET = {
    "receiver": {"comb_power_k": 0.0, "interference_per_hour": 0.0},
    "jpa": {"leakage_power_w": 0.0},
}
CENTRE_HZ = 1.1e9
NU = CENTRE_HZ + 10.0 * (np.arange(100_000) - 50_000)
KB = BOLTZMANN_J_PER_K * 10.0


def machine(pump: bool = True, lines: tuple[AxionLine, ...] = ()) -> SimulatedHaloscope:
    haloscope = SimulatedHaloscope(HaloscopeParameters.from_mapping(QUIET), seed=1, lines=lines)
    haloscope.jpa.pump_on = pump
    return haloscope


def spectrum(h: SimulatedHaloscope) -> np.ndarray:
    return mean_spectrum_w(CENTRE_HZ, h.parameters, h.receiver, h.conditions(), h.lines)


def test_the_interpolation_is_far_below_the_noise():
    h = machine()
    exact = h.receiver.noise_power_w(NU, h.conditions(), 10.0)
    exact = exact * h.receiver.filter(NU - CENTRE_HZ)
    assert 1e-5 < spectrum(h)[50_000] / exact[50_000] - 1 < 5e-5  # the image
    without = dataclasses.replace(h.parameters.receiver, image_rejection_db=300.0)
    h.parameters = dataclasses.replace(h.parameters, receiver=without)
    assert np.abs(spectrum(h) / exact - 1).max() < 2e-6


def test_without_pump_the_noise_is_source_plus_chain():
    h = machine(pump=False)
    h.switch.position = SwitchPosition.NOISE_SOURCE
    expected = KB * h.receiver.rest_gain(NU, 0.0)
    expected *= (float(effective_temperature_k(0.025, 1.1e9)) + 1.2) * h.receiver.filter(
        NU - CENTRE_HZ
    )
    np.testing.assert_allclose(spectrum(h), expected, rtol=1e-3)


def test_the_image_is_35_db_down():
    h = machine(pump=False)
    h.switch.position = SwitchPosition.NOISE_SOURCE
    with_image = spectrum(h)
    rejected = dataclasses.replace(h.parameters.receiver, image_rejection_db=300.0)
    h.parameters = dataclasses.replace(h.parameters, receiver=rejected)
    ratio = (with_image / spectrum(h) - 1)[20_000:80_000]
    assert 10 * np.log10(ratio.mean()) == pytest.approx(-35, abs=0.3)


def test_an_axion_adds_its_power_times_line_loss_and_gain():
    line = AxionLine(CENTRE_HZ - 2e3, 6.7e-16)
    h = machine(lines=(line,))
    c = h.conditions()
    added = spectrum(h) - spectrum(machine())
    total_w = signal_power_w(
        6.7e-16, line.frequency_hz, field_t=c.field_t, volume_m3=36.85e-3,
        form_factor=c.cavity.form_factor, loaded_q=c.cavity.loaded_q, beta=c.cavity.beta,
    )  # fmt: skip
    near = np.abs(NU - CENTRE_HZ) < 10e3
    gain = h.receiver.rest_gain(NU, 0.0) * c.paramp.gain(NU) * h.receiver.signal_transmission(NU)
    weight = line.fractions(np.append(NU - 5, NU[-1] + 5)) * c.cavity.signal_shape(NU) * gain
    assert added[near] == pytest.approx(float(total_w) * weight[near], rel=1e-6, abs=1e-19)
    assert added[near].sum() / gain[50_000] == pytest.approx(2.2e-23 * 0.92, rel=0.1)


def test_the_axion_shows_again_at_the_idler():
    line = AxionLine(CENTRE_HZ, 6.7e-16)
    added = spectrum(machine(lines=(line,))) - spectrum(machine())
    centre_hz = machine().conditions().paramp.centre_hz
    mirrored = 2 * centre_hz - NU
    near, idler = np.abs(NU - CENTRE_HZ) < 8e3, np.abs(mirrored - CENTRE_HZ) < 8e3
    gain = machine().conditions().paramp.gain(np.array([CENTRE_HZ + 500.0]))[0]
    assert added[idler].sum() / added[near].sum() == pytest.approx((gain - 1) / gain, rel=0.01)
    assert np.average(mirrored[idler], weights=added[idler]) == pytest.approx(
        np.average(NU[near], weights=added[near]), abs=20
    )


def test_no_axion_without_field_or_behind_the_switch():
    line = AxionLine(CENTRE_HZ, 6.7e-16)
    h = machine(lines=(line,))
    with_field = h.conditions()
    off = dataclasses.replace(with_field, field_t=0.0)
    base = spectrum(machine())
    assert np.array_equal(mean_spectrum_w(CENTRE_HZ, h.parameters, h.receiver, off, h.lines), base)
    h.switch.position = SwitchPosition.OPEN
    plain = machine()
    plain.switch.position = SwitchPosition.OPEN
    assert np.array_equal(spectrum(h), spectrum(plain))


def test_half_the_field_is_a_quarter_of_the_signal():
    h = machine(lines=(AxionLine(CENTRE_HZ, 6.7e-16),))
    c = h.conditions()
    base = spectrum(machine())
    half = dataclasses.replace(c, field_t=0.5 * c.field_t)
    added = mean_spectrum_w(CENTRE_HZ, h.parameters, h.receiver, half, h.lines) - base
    assert added.sum() == pytest.approx(0.25 * (spectrum(h) - base).sum(), rel=1e-6)


def test_two_lines_add_up_and_lines_outside_do_nothing():
    a, b = AxionLine(CENTRE_HZ, 6.7e-16), AxionLine(CENTRE_HZ + 20e3, 9e-16)
    base = spectrum(machine())
    one, two = (spectrum(machine(lines=(x,))) - base for x in (a, b))
    both = spectrum(machine(lines=(a, b, AxionLine(CENTRE_HZ + 5e6, 1e-15)))) - base
    np.testing.assert_allclose(both, one + two, rtol=0, atol=1e-22)


def test_a_share_of_the_density_is_a_share_of_the_power():
    base = spectrum(machine())
    full = spectrum(machine(lines=(AxionLine(CENTRE_HZ, 6.7e-16),))) - base
    part = spectrum(machine(lines=(AxionLine(CENTRE_HZ, 6.7e-16, density_fraction=0.13),))) - base
    assert part.sum() == pytest.approx(0.13 * full.sum(), rel=1e-9)


def test_clock_harmonics_stand_on_a_half_megahertz_comb():
    h = SimulatedHaloscope(seed=1)
    lines = h.receiver.spurious_lines(1.0899e9, 1.1101e9, h.conditions())
    comb = [x for x in lines if x.width_hz == 15.0]
    assert len(comb) == 41
    distances = [x.frequency_hz - 0.5e6 * round(x.frequency_hz / 0.5e6) for x in comb]
    assert np.abs(distances).max() <= 15.0


def test_the_pump_leaks_at_half_its_frequency():
    h = SimulatedHaloscope(
        HaloscopeParameters.from_mapping({"receiver": QUIET["receiver"]}), seed=1
    )
    h.jpa.pump_on = True
    power, centre_hz = spectrum(h), h.conditions().paramp.centre_hz
    assert abs(NU[np.argmax(power)] - centre_hz) <= 10
    assert power.max() > 3 * np.median(power)


def test_interference_comes_and_goes():
    h = SimulatedHaloscope(seed=1)
    c = h.conditions()
    slots = [
        len([x for x in h.receiver.spurious_lines(1.08e9, 1.12e9, moment) if x.width_hz != 15.0])
        for moment in (dataclasses.replace(c, time_s=600.0 * k) for k in range(200))
    ]
    assert np.mean(slots) == pytest.approx(1.0, abs=0.25)  # six an hour
    assert min(slots) == 0
    assert max(slots) >= 3


def test_spurious_power_is_kept_when_a_line_falls_between_bins():
    h = machine(pump=False)
    loud = HaloscopeParameters.from_mapping({"receiver": {"interference_per_hour": 0.0}})
    other = SimulatedHaloscope(loud, seed=1)
    added = spectrum(other) - spectrum(h)
    power = sum(x.power_w for x in other.receiver.spurious_lines(NU[0], NU[-1], other.conditions()))
    assert added.sum() == pytest.approx(power, rel=1e-6)


def test_a_modulated_line_follows_the_season_of_the_parameters():
    shares = []
    for start_day in (152.0, 335.0):
        line = AxionLine(CENTRE_HZ, 6.7e-16, modulated=True)
        parameters = HaloscopeParameters.from_mapping(QUIET | {"axion": {"start_day": start_day}})
        added = [
            spectrum(SimulatedHaloscope(parameters, seed=1, lines=lines)) for lines in ((line,), ())
        ]
        signal = added[0] - added[1]
        shares.append(signal[50_000:50_060].sum() / signal[49_000:51_000].sum())
    assert shares[0] < 0.95 * shares[1]  # a faster Earth widens the line


#: In the middle, at both edges, just beyond them, and far away.
PLACES_HZ = (-2e3, -499e3, 499e3, -505e3, 503e3, 2e6, -11e6, 300e6)


def test_a_line_costs_the_same_work_wherever_it_lies(monkeypatch):
    """Else the time that a spectrum takes would tell where a hidden line is."""
    worked = []
    fractions = AxionLine.fractions

    def counted(self, edges_hz, **at):
        worked.append(np.size(edges_hz))
        return fractions(self, edges_hz, **at)

    monkeypatch.setattr(AxionLine, "fractions", counted)
    done = []
    for offset_hz in PLACES_HZ:
        worked.clear()
        spectrum(machine(lines=(AxionLine(CENTRE_HZ + offset_hz, 6.7e-16),)))
        done.append(list(worked))
    assert len(done[0]) == 2  # the line and its idler
    assert done == [done[0]] * len(done)


@pytest.mark.parametrize("offset_hz", PLACES_HZ)
def test_of_a_line_at_the_edge_the_part_in_the_band_is_added(offset_hz):
    line = AxionLine(CENTRE_HZ + offset_hz, 6.7e-16)
    h = machine(pump=False, lines=(line,))
    added = spectrum(h) - spectrum(machine(pump=False))
    within = line.fractions(np.append(NU - 5, NU[-1] + 5)) > 1e-7
    assert np.count_nonzero(added) >= np.count_nonzero(within) * 0.5
    assert not added[np.abs(NU - line.frequency_hz) > 15e3].any()


def test_a_line_wider_than_the_band_is_added_everywhere():
    line = AxionLine(CENTRE_HZ, 1e-12, narrow_width_hz=1e7)
    added = spectrum(machine(pump=False, lines=(line,))) - spectrum(machine(pump=False))
    assert (added[1000:-1000] > 0).mean() > 0.99


def test_what_comes_from_a_warm_line_is_warmer():
    """The open switch shows the termination above and the warm cable before it."""
    h = machine(pump=False)
    h.switch.position = SwitchPosition.OPEN
    conditions = h.conditions()
    base_k, end_k = h.parameters.cryostat.base_temperature_k, h.parameters.receiver.termination_k
    for barrel_k in (base_k, 0.1):
        warm = dataclasses.replace(conditions, barrel_k=barrel_k)
        found = h.receiver.source_noise_k(np.array([1.1e9]), warm)
        kelvin = np.sqrt(end_k**2 + barrel_k**2 - base_k**2)
        assert found == pytest.approx(float(effective_temperature_k(kelvin, 1.1e9)))
