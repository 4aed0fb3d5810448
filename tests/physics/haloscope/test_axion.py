"""The axion line, couplings and signal power against published numbers and an independent
distribution."""

import numpy as np
import pytest
from scipy.stats import maxwell, ncx2

from haloscope import axion
from haloscope.constants import HALO_RMS_SPEED_M_PER_S, SPEED_OF_LIGHT_M_PER_S

NU = 1.1e9
BETA2 = (270e3 / SPEED_OF_LIGHT_M_PER_S) ** 2


def letter_power_yw(**changes: float) -> float:
    settings = {
        "field_t": 10.31,
        "volume_m3": 36.85e-3,
        "form_factor": 0.6,
        "loaded_q": 35000.0,
        "beta": 2.0,
    }
    return 1e24 * float(axion.signal_power_w(axion.coupling_dfsz(NU), NU, **(settings | changes)))


def test_equation_1_gives_the_power_of_the_letter():
    assert letter_power_yw() == pytest.approx(22.51, abs=0.02)


def test_the_power_scales_as_equation_1():
    reference = letter_power_yw()
    assert letter_power_yw(field_t=5.155) == pytest.approx(reference / 4)
    assert letter_power_yw(loaded_q=70000.0) == pytest.approx(reference * 2)
    assert letter_power_yw(beta=1.0) == pytest.approx(reference * 0.5 / (2 / 3))
    assert letter_power_yw(density_gev_per_cm3=0.225) == pytest.approx(reference / 2)


def test_the_power_falls_to_half_at_half_a_linewidth():
    half_width = NU / 35000 / 2
    assert letter_power_yw(detuning_hz=half_width) == pytest.approx(letter_power_yw() / 2, rel=1e-4)


def test_couplings_at_the_middle_of_the_scan():
    nu = axion.frequency_hz(4.55e-6)
    assert nu == pytest.approx(1.10019e9, rel=1e-5)
    assert axion.coupling_dfsz(nu) == pytest.approx(6.686e-16, rel=1e-3)
    assert axion.coupling_ksvz(nu) == pytest.approx(1.801e-15, rel=1e-3)
    assert axion.coupling_per_gev(nu, -0.97) < 0
    assert axion.mass_ev(nu) == pytest.approx(4.55e-6)


def test_the_line_is_a_noncentral_chi_square_distribution():
    nu = NU + np.linspace(-100, 8000, 20001)
    expected = ncx2.cdf((nu - NU) / (NU * BETA2 / 6), 3, 3 * (230 / 270) ** 2)
    assert np.abs(axion.line_cdf(nu, NU) - expected).max() < 1e-12


def test_the_density_is_the_derivative_of_the_distribution():
    nu = NU + np.linspace(20, 6000, 500)
    slope = (axion.line_cdf(nu + 0.5, NU) - axion.line_cdf(nu - 0.5, NU)) / 1.0
    assert axion.line_pdf(nu, NU) == pytest.approx(slope, abs=2e-8)
    assert axion.line_pdf(NU - 1, NU) == 0


@pytest.mark.parametrize(
    ("quantile", "above_hz"), [(0.5, 640), (0.9, 1540), (0.95, 1878), (0.99, 2615), (0.999, 3601)]
)
def test_quantiles_of_the_line(quantile, above_hz):
    assert float(axion.line_cdf(NU + above_hz, NU)) == pytest.approx(quantile, abs=4e-4)


def test_nine_bins_of_450_hz_hold_99_966_per_cent():
    held = axion.bin_fractions(NU + 450 * np.arange(10), NU).sum()
    assert held == pytest.approx(0.99966, abs=5e-5)
    assert float(axion.line_cdf(NU + 3600, NU)) < 0.999 < held


def test_fractions_of_several_axions_at_once_are_those_of_each() -> None:
    edges = NU + 450 * np.arange(-2, 10)
    places = NU + np.array([-200.0, 0.0, 170.0])
    at_once = axion.bin_fractions(edges, places[:, None])
    assert np.array_equal(at_once, [axion.bin_fractions(edges, float(p)) for p in places])


def matched_snr(width_hz: float, offset_hz: float) -> float:
    """Signal to noise of the matched filter on bins of one width, in units of one hertz's."""
    first = np.floor(offset_hz / width_hz)
    edges = NU - offset_hz + width_hz * (first + np.arange(int(6000 / width_hz) + 2))
    return float(np.sqrt((axion.bin_fractions(edges, NU) ** 2).sum() / width_hz))


def test_loss_of_the_resolution_bandwidth():
    fine = matched_snr(1.0, 0.0)
    ten = matched_snr(10.0, 0.0)
    assert 1 - ten / fine < 1e-4
    fifty = np.mean([matched_snr(50.0, o) for o in np.linspace(0, 50, 10, endpoint=False)])
    assert 0 < 1 - fifty / ten < 1e-3
    wide = np.mean([matched_snr(450.0, o) for o in np.linspace(0, 450, 45, endpoint=False)])
    assert 1 - wide / fifty == pytest.approx(0.038, abs=0.003)


def fixed_template_snr(width_hz: float, offset_hz: float, template: np.ndarray) -> float:
    edges = NU - offset_hz + width_hz * np.arange(template.size + 1)
    signal = axion.bin_fractions(edges, NU)
    return float(signal @ template / np.sqrt((template**2).sum()) / np.sqrt(width_hz))


def test_loss_of_450_hz_bins_with_one_template_for_every_alignment():
    offsets = np.linspace(0, 450, 45, endpoint=False)
    edges = [NU - o + 450 * np.arange(10) for o in offsets]
    template = np.mean([axion.bin_fractions(e, NU) for e in edges], axis=0)
    fifty = np.mean([matched_snr(50.0, o) for o in np.linspace(0, 50, 10, endpoint=False)])
    loss = 1 - np.mean([fixed_template_snr(450.0, o, template) for o in offsets]) / fifty
    assert 0.03 < loss < 0.07  # the letter: about 5 %


def test_the_matched_filter_gains_1_58_over_a_flat_window():
    nu = NU + np.arange(0.5, 8000)
    squared = (axion.line_pdf(nu, NU) ** 2).sum()
    assert np.sqrt(4050 * squared) == pytest.approx(1.584, abs=0.001)


def test_a_line_spans_all_but_a_billionth_of_its_power():
    line = axion.AxionLine(NU, 1e-15)
    low, high = line.span_hz()
    assert low == NU
    assert line.fractions([low, high])[0] > 1 - 1e-9


def test_above_the_escape_speed_there_is_as_much_power_as_is_said():
    """544 km/s in the halo's frame, where the speeds of one axis are normal."""
    lost = maxwell.sf(544e3, scale=HALO_RMS_SPEED_M_PER_S / np.sqrt(3))
    assert f"{100 * lost:.1f} % of the power" in " ".join(axion.__doc__.split())


def test_a_narrow_line_of_no_width_is_in_one_bin():
    line = axion.AxionLine(NU + 3, 1e-15, narrow_width_hz=0.0)
    assert line.fractions(NU + 10.0 * np.arange(-2, 3)).tolist() == [0, 0, 1, 0]


def test_a_narrow_line_of_some_width_is_symmetric():
    line = axion.AxionLine(NU, 1e-15, narrow_width_hz=20.0)
    shares = line.fractions(NU + 10.0 * np.arange(-20, 21))
    assert shares.sum() == pytest.approx(1)
    assert shares == pytest.approx(shares[::-1])


def test_the_earth_is_fastest_in_june():
    days = np.arange(365)
    speeds = [axion.earth_speed_m_per_s(86400.0 * d, start_day=0.0) for d in days]
    assert abs(int(np.argmax(speeds)) - 152) < 5
    assert max(speeds) - min(speeds) == pytest.approx(2 * 14.9e3, rel=0.03)


def test_a_modulated_line_is_wider_in_june():
    line = axion.AxionLine(NU, 1e-15, modulated=True)
    june, december = 93 * 86400.0, 276 * 86400.0
    edges = [NU, NU + 1000]
    assert line.fractions(edges, time_s=june)[0] < line.fractions(edges, time_s=december)[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"frequency_hz": np.nan},
        {"frequency_hz": -1.0},
        {"coupling_per_gev": np.inf},
        {"density_fraction": -0.1},
        {"narrow_width_hz": -1.0},
    ],
)
def test_a_line_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        axion.AxionLine(**({"frequency_hz": NU, "coupling_per_gev": 1e-15} | wrong))
