"""Calibration formulas on numbers made by hand."""

import numpy as np
import pytest

from haloscope.constants import BOLTZMANN_J_PER_K
from haloscope.measuring import calibration
from haloscope.measuring.gain import fit_gain_profile

NU = 1.1e9
KB = BOLTZMANN_J_PER_K * 10.0
GAIN = 10**10.4
TEMPERATURES_K = [0.025, 0.1, 0.2, 0.3, 0.4]


def test_effective_temperatures_of_the_letter():
    assert float(calibration.effective_temperature_k(0.025, NU)) == pytest.approx(0.03367, abs=1e-5)
    assert float(calibration.effective_temperature_k(0.4, NU)) == pytest.approx(0.4006, abs=1e-4)


def test_the_y_factor_inverts_the_receiver():
    source = calibration.effective_temperature_k(TEMPERATURES_K, NU)
    fit = calibration.y_factor(
        TEMPERATURES_K, GAIN * KB * (source + 1.2), None, NU, bin_width_hz=10.0
    )
    assert fit.gain_db == pytest.approx(104.0, abs=1e-6)
    assert fit.temperature_k == pytest.approx(1.2, abs=1e-6)


def test_the_errors_of_the_y_factor_are_the_scatter():
    rng = np.random.default_rng(1)
    power = GAIN * KB * (calibration.effective_temperature_k(TEMPERATURES_K, NU) + 1.2)
    sigma = 1e-3 * power
    fits = [
        calibration.y_factor(TEMPERATURES_K, rng.normal(power, sigma), sigma, NU, bin_width_hz=10.0)
        for _ in range(500)
    ]
    for name in ("gain_db", "temperature_k"):
        scatter = np.std([getattr(fit, name) for fit in fits])
        assert getattr(fits[0], name + "_error") == pytest.approx(scatter, rel=0.15), name


def test_points_that_scatter_more_than_their_errors_widen_the_errors_of_the_y_factor():
    power = GAIN * KB * (calibration.effective_temperature_k(TEMPERATURES_K, NU) + 1.2)
    stated = 1e-4 * power
    drifted = power * (1 + np.array([2e-3, -2e-3, 1e-3, 2e-3, -2e-3]))
    fit = calibration.y_factor(TEMPERATURES_K, drifted, stated, NU, bin_width_hz=10.0)
    calm = calibration.y_factor(TEMPERATURES_K, power, stated, NU, bin_width_hz=10.0)
    assert fit.gain_db_error > 10 * calm.gain_db_error
    assert abs(fit.gain_db - 104.0) < 4 * fit.gain_db_error
    assert abs(fit.temperature_k - 1.2) < 4 * fit.temperature_k_error


def test_a_gain_that_drifts_during_a_y_factor_widens_its_errors():
    rng = np.random.default_rng(3)
    power = GAIN * KB * (calibration.effective_temperature_k(TEMPERATURES_K, NU) + 1.2)
    drift, stated = 5e-3, 1e-3 * power  # the gain scatters by five times what each power's error is
    pulls, errors = [], []
    for _ in range(500):
        drifting = power * rng.normal(1, drift, power.size)
        fit = calibration.y_factor(TEMPERATURES_K, drifting, stated, NU, bin_width_hz=10.0)
        pulls.append((fit.temperature_k - 1.2) / fit.temperature_k_error)
        errors.append(fit.temperature_k_error)
    # Student's t of three degrees of freedom: half of it within 0.76, not within 0.15.
    assert np.mean(np.abs(pulls) < 0.765) == pytest.approx(0.5, abs=0.07)
    quiet = calibration.y_factor(TEMPERATURES_K, power, stated, NU, bin_width_hz=10.0)
    assert np.median(errors) > 3 * quiet.temperature_k_error
    design = np.stack([power / (GAIN * KB) - 1.2, np.ones(5)], axis=1) / stated[:, None]
    slope_error = np.sqrt(np.linalg.inv(design.T @ design)[0, 0])
    # Residuals of nothing do not make the errors smaller than those stated.
    assert quiet.gain_db_error == pytest.approx(10 / np.log(10) * slope_error / (GAIN * KB))


def test_falling_power_is_no_y_factor():
    with pytest.raises(ValueError, match="does not grow"):
        calibration.y_factor([0.1, 0.2], [2.0, 1.0], [0.1, 0.1], NU, bin_width_hz=10.0)


@pytest.mark.parametrize(
    ("kelvins", "errors", "why"),
    [
        ([0.1, 0.2], None, "no residual"),
        ([0.1, 0.1], [0.1, 0.1], "must differ"),
        ([0.1, 0.2], [0.1, 0.0], "above 0 W"),
        ([0.1, 0.2], [0.1], "must be 2"),
    ],
)
def test_a_y_factor_without_a_known_error_is_refused(kelvins, errors, why):
    with pytest.raises(ValueError, match=why):
        calibration.y_factor(kelvins, [1.0, 2.0], errors, NU, bin_width_hz=10.0)


def test_the_power_ratio_gives_the_noise_of_the_jpa():
    source, gain = float(calibration.effective_temperature_k(0.025, NU)), 48.0
    on = gain * (source + 0.060 + 1.2 / gain)
    off = source + 1.2
    fit = calibration.jpa_noise(
        on, 0.001 * on, off, 0.001 * off,
        gain=gain, gain_error=0.5, source_temperature_k=0.025,
        receiver_temperature_k=1.2, receiver_temperature_k_error=0.01, frequency_hz=NU,
    )  # fmt: skip
    assert fit.temperature_k == pytest.approx(0.060)
    assert 0 < fit.temperature_k_error < 0.005
    # T_JPA of other gains, as the formula has it: the stated error is the slope's.
    by_gain = [
        calibration.jpa_noise(
            on, 1e-9 * on, off, 1e-9 * off,
            gain=other, gain_error=0.5, source_temperature_k=0.025,
            receiver_temperature_k=1.2, receiver_temperature_k_error=1e-9, frequency_hz=NU,
        )
        for other in (gain - 0.5, gain, gain + 0.5)
    ]  # fmt: skip
    slope = 0.5 * abs(by_gain[2].temperature_k - by_gain[0].temperature_k)
    assert by_gain[1].temperature_k_error == pytest.approx(slope, rel=0.02)
    total = calibration.noise_by_power_ratio(on, off, gain, source, 1.2)
    assert float(total) == pytest.approx(source + 0.060 + 1.2 / gain)


@pytest.mark.parametrize("uncertain", ["powers", "gain", "receiver", "all"])
def test_the_error_of_the_jpas_noise_is_its_scatter(uncertain):
    rng = np.random.default_rng(4)
    source, gain, rest = float(calibration.effective_temperature_k(0.025, NU)), 48.0, 1.2
    on, off = gain * (source + 0.060) + rest, source + rest
    sizes = {"powers": 0.002, "gain": 0.5, "receiver": 0.03}
    power, of_gain, of_rest = (
        size if uncertain in (name, "all") else 0.0 for name, size in sizes.items()
    )

    def measured(scatter):
        return calibration.jpa_noise(
            on * (1 + power * scatter[0]), power * on, off * (1 + power * scatter[1]), power * off,
            gain=gain + of_gain * scatter[2], gain_error=of_gain, source_temperature_k=0.025,
            receiver_temperature_k=rest + of_rest * scatter[3],
            receiver_temperature_k_error=of_rest, frequency_hz=NU,
        )  # fmt: skip

    found = [measured(rng.standard_normal(4)).temperature_k for _ in range(2000)]
    assert np.mean(found) == pytest.approx(0.060, abs=0.0005)
    assert measured(np.zeros(4)).temperature_k_error == pytest.approx(np.std(found), rel=0.06)


def test_the_system_noise_undoes_the_gain():
    power = KB * 0.215 * 10**12.1
    assert float(calibration.system_noise_k(power, 121.0, bin_width_hz=10.0)) == pytest.approx(
        0.215
    )


def test_the_line_attenuation_is_half_of_the_difference():
    cavity, floating = np.full(50, 0.5), np.full(50, 0.5 * 10 ** (0.8 / 20))
    assert calibration.line_attenuation(cavity, floating).attenuation_db == pytest.approx(0.4)
    with pytest.raises(ValueError, match="points"):
        calibration.line_attenuation(cavity, floating[:10])
    with pytest.raises(ValueError, match="zero"):
        calibration.line_attenuation(0 * cavity, floating)


def test_the_gain_profile_is_recovered_with_its_errors():
    rng = np.random.default_rng(2)
    nu = NU + np.linspace(-500e3, 500e3, 101)
    model = 1 + 99 / (1 + (2 * (nu - NU - 7e3) / 190e3) ** 2)
    fits = [fit_gain_profile(nu, model * rng.normal(1, 0.013, nu.size)) for _ in range(100)]
    truth = {"peak_gain": 100, "resonance_hz": NU + 7e3, "bandwidth_hz": 190e3}
    for name, expected in truth.items():
        values = np.array([getattr(fit, name) for fit in fits])
        stated = getattr(fits[0], name + "_error")
        assert abs(values.mean() - expected) < 4 * stated / 10
        assert stated == pytest.approx(values.std(), rel=0.3), name
    assert float(fits[0].gain(NU + 7e3)) == pytest.approx(100, rel=0.01)


def test_a_trace_without_gain_is_no_profile():
    with pytest.raises(ValueError, match="no gain"):
        fit_gain_profile(np.arange(20.0), np.ones(20))


def test_a_trace_that_holds_no_profile_is_refused():
    nu = NU + np.linspace(-500e3, 500e3, 101)
    profile = 1 + 99 / (1 + (2 * (nu - NU - 2e6) / 190e3) ** 2)  # its peak far outside
    with pytest.raises(ValueError, match="no resonance"):
        fit_gain_profile(nu, 1 + 30 * (profile - 1))
    with pytest.raises(ValueError, match="ascending"):
        fit_gain_profile(nu[::-1], profile + 9)
    with pytest.raises(ValueError, match="finite"):
        fit_gain_profile(nu, np.where(nu > NU, np.nan, 5.0))


def test_powers_that_scatter_less_than_their_errors_are_believed_no_better():
    power = GAIN * KB * (calibration.effective_temperature_k(TEMPERATURES_K, NU) + 1.2)
    exact, scattered = (
        calibration.y_factor(TEMPERATURES_K, p, 1e-3 * power, NU, bin_width_hz=10.0)
        for p in (power, power * [1.001, 0.999, 1.0, 1.0, 1.0])
    )
    assert exact.gain_db_error == pytest.approx(scattered.gain_db_error, rel=0.01)


def test_the_error_of_the_jpas_noise_has_all_that_it_is_made_of():
    """Against the scatter of the formula when its inputs scatter."""
    rng, gain = np.random.default_rng(3), 48.0
    source = float(calibration.effective_temperature_k(0.025, NU))
    on, off = gain * (source + 0.060) + 1.2, source + 1.2

    def noise(*part: float) -> calibration.NoiseTemperature:
        by_on, by_off, by_gain, by_rest = part
        return calibration.jpa_noise(
            on * (1 + 1e-3 * by_on), 1e-3 * on, off * (1 + 1e-3 * by_off), 1e-3 * off,
            gain=gain + 0.5 * by_gain, gain_error=0.5, source_temperature_k=0.025,
            receiver_temperature_k=1.2 + 0.01 * by_rest, receiver_temperature_k_error=0.01,
            frequency_hz=NU,
        )  # fmt: skip

    by_one = [noise(*row).temperature_k - noise(0, 0, 0, 0).temperature_k for row in np.eye(4)]
    assert np.min(np.abs(by_one)) > 1e-5  # each counts
    scatter = np.std([noise(*rng.standard_normal(4)).temperature_k for _ in range(4000)])
    assert noise(0, 0, 0, 0).temperature_k_error == pytest.approx(scatter, rel=0.05)


def test_the_error_of_the_line_attenuation_is_the_scatter_of_its_mean():
    rng = np.random.default_rng(4)
    fits = [
        calibration.line_attenuation(
            0.5 * rng.normal(1, 1e-3, 101), 0.55 * rng.normal(1, 1e-3, 101)
        )
        for _ in range(400)
    ]
    scatter = np.std([fit.attenuation_db for fit in fits])
    assert fits[0].attenuation_db_error == pytest.approx(scatter, rel=0.2)
