from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import curve_fit

from haloscope.analysis.chain.baseline import fit_baseline, reduced_frequency, shape_of
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.shapes import LetterShape, PadeShape, Shape
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.generator import make, scan_targets


def letter(n: int) -> LetterShape:
    full = np.ones(n)
    return LetterShape(-1.333 * full, 0.93 * full, 0.09 * full, 0.0 * full, 0.42 * full, 0.3, 0.15)


def pade(n: int) -> PadeShape:
    full = np.ones(n)
    return PadeShape(0.0 * full, 0.42 * full, -1.333 * full, 2.5 * full, 99.0 * full, 0.3, 0.15, 4)


@pytest.mark.parametrize("shape", [letter(2), pade(2)])
def test_derivatives_agree_with_differences(shape: Shape) -> None:
    u = np.linspace(-1, 1, 40) * np.ones((2, 1))
    theta = shape.start(u, 1 + 0.3 / (1 + (u / 0.2) ** 2))
    jacobian = shape.log_jacobian(theta, u)
    for k in range(theta.shape[1]):
        step = np.zeros_like(theta)
        step[:, k] = 1e-6
        high, low = shape.value(theta + step, u), shape.value(theta - step, u)
        numeric = (np.log(high) - np.log(low)) / 2e-6
        assert jacobian[:, k] == pytest.approx(numeric, abs=1e-7)


def fitted(spectra: Spectra, options: Options) -> tuple[np.ndarray, np.ndarray]:
    windows = select(spectra, options)
    everything = slice(0, len(spectra))
    merged = windows.merged()
    return merged, fit_baseline(spectra, windows, merged, everything, options).power


def test_the_letter_s_function_follows_the_noise_model_to_5e_6() -> None:
    data, baseline = fitted(make(scan_targets(2), noise=False, dtype=float), Options())
    assert np.abs(data / baseline - 1).max() < 6e-6


@pytest.mark.parametrize(("kind", "misfit"), [("pade", 5e-4), ("savgol", 1.5e-2)])
def test_the_alternatives_follow_it_less_well(kind: str, misfit: float) -> None:
    options = Options(baseline=kind)  # type: ignore[arg-type]
    data, baseline = fitted(make(scan_targets(2), noise=False, dtype=float), options)
    worst = np.abs(data / baseline - 1).max()
    assert 1e-5 < worst < misfit


def test_the_fit_is_unbiased(noise_stack: Spectra) -> None:
    data, baseline = fitted(noise_stack, Options())
    truth = make(noise_stack.target_frequency_hz, noise=False, dtype=float)
    expected, _ = fitted(truth, Options())
    # The mean over spectra and bins is known to 1/sqrt(150 x 3000 x 25000) = 1e-5.
    assert np.mean(baseline / expected) == pytest.approx(1, abs=3e-5)
    assert np.mean(data / baseline - 1) == pytest.approx(0, abs=1e-9)


def test_it_is_the_chi_square_minimum_that_scipy_finds() -> None:
    spectra = make(scan_targets(1), seed=5, dtype=float)
    options = Options(jpa_gain_tolerance_db=100.0)  # no prior, to compare like with like
    data, baseline = fitted(spectra, options)
    windows = select(spectra, options)
    u = reduced_frequency(windows, slice(0, 1), options)
    shape = shape_of(spectra, options)
    assert shape is not None
    start = shape.start(u, data / data.mean())[0]

    def model(_: np.ndarray, *theta: float) -> np.ndarray:
        return shape.value(np.array([theta]), u)[0]

    sigma = baseline[0] / data.mean() / np.sqrt(25000)
    best, _ = curve_fit(model, u[0], data[0] / data.mean(), p0=start, sigma=sigma, maxfev=20000)
    theirs = model(u[0], *best) * data.mean()
    assert baseline[0] == pytest.approx(theirs, rel=2e-6)


def test_a_fit_does_not_depend_on_its_company(noise_stack: Spectra) -> None:
    some = noise_stack.subset(slice(0, 20))
    together = fitted(some, Options())[1]
    alone = fitted(some.subset([7]), Options())[1]
    assert np.array_equal(together[7], alone[0])


def test_a_bin_that_was_cut_does_not_pull_the_fit() -> None:
    clean = make(scan_targets(1), seed=8, dtype=float)
    windows = select(clean, Options())
    merged = windows.merged()
    spoiled, kept = merged.copy(), np.ones_like(merged)
    spoiled[0, 1200:1207] *= 50
    kept[0, 1200:1207] = 0
    rows = slice(0, 1)
    good = fit_baseline(clean, windows, merged, rows, Options()).power
    bad = fit_baseline(clean, windows, spoiled, rows, Options(), kept=kept).power
    assert bad / good == pytest.approx(1, abs=2e-3 * 0.3)


def test_a_gain_measured_at_the_top_of_the_jpa_says_nothing_of_its_bandwidth() -> None:
    spectra = make(scan_targets(2))
    aside = shape_of(spectra, Options())
    on_top = shape_of(replace(spectra, jpa_resonance_hz=spectra.target_frequency_hz), Options())
    assert isinstance(aside, LetterShape)
    assert isinstance(on_top, LetterShape)
    # 0.4 dB over d ln G / d ln B = 2 t/(1 + t) with t = (200/190)^2: 0.0921/1.051.
    assert aside.log_bandwidth_sigma == pytest.approx([0.0876, 0.0876], abs=1e-4)
    # On top the gain does not depend on the bandwidth, which may be off by a factor of six.
    assert np.all(on_top.log_bandwidth_sigma > 1.8)
