"""xi, eps and what they depend on: closed forms against each other and the Monte Carlo."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from haloscope.analysis.chain import grand
from haloscope.analysis.chain.baseline import reduced_frequency
from haloscope.analysis.chain.fitting import blocks, refine
from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.spectra import Calibration, Spectra
from haloscope.analysis.statistics.distribute import run
from haloscope.analysis.statistics.efficiency import closed_form, linear_chain
from haloscope.analysis.statistics.montecarlo import (
    Plan,
    efficiency,
    fitted_residual,
    run_batch,
    strength_at_limit,
)
from tests.physics.analysis.generator import make, scan_targets

# Without noise the spread that the spike filter measures is zero, and everything is a spike; and no
# spectrum has the scatter of the radiometer equation.
KEEP = Demands(bad_spectra="keep")
NO_FILTER = Options(filter_spikes=False, demands=KEEP)


def test_the_letter_s_scale_factor_and_efficiency(overlapping: Spectra) -> None:
    found = closed_form(overlapping, Options())
    assert found.width == pytest.approx(0.94, abs=0.01)
    assert found.averaged == pytest.approx(0.88, abs=0.015)
    assert 0.915 < found.aligned < 0.93
    assert found.snr == pytest.approx(7.32, rel=0.01)


def test_the_fit_beats_savitzky_golay_by_what_the_letter_says(overlapping: Spectra) -> None:
    fitted = closed_form(overlapping, Options())
    smoothed = closed_form(overlapping, Options(baseline="savgol"))
    assert 1.07 < fitted.aligned / smoothed.aligned < 1.13


def test_for_a_projection_attenuation_is_the_square_of_the_width(overlapping: Spectra) -> None:
    free = Options(jpa_gain_tolerance_db=1e4, bump_place_tolerance=1e4, bump_width_tolerance=1e4)
    chain = linear_chain(overlapping, free)
    width2 = (chain.vectors**2).sum()
    assert (chain.vectors * chain.known).sum() == pytest.approx(width2, rel=2e-6)
    smooth = linear_chain(overlapping, Options(baseline="savgol"))
    # A smoother is no projection, and xi = eps is no identity for it.
    product = (smooth.vectors * smooth.known).sum()
    assert abs(product - (smooth.vectors**2).sum()) > 0.005


def test_the_whole_chain_gives_what_the_linear_one_says_of_the_same_noise(
    overlapping: Spectra,
) -> None:
    chain = linear_chain(overlapping, NO_FILTER)
    closed, rng = chain.efficiency(), np.random.default_rng(11)
    windows = select(overlapping, NO_FILTER)
    root = np.sqrt(overlapping.num_averages * windows.merge)[:, None]
    for _ in range(5):
        noise = rng.standard_gamma(5000, overlapping.power_w.shape) / 5000
        drawn = replace(overlapping, power_w=(overlapping.power_w * noise).astype(np.float32))
        excess = select(drawn, NO_FILTER).merged() / windows.merged() - 1
        linear = (chain.vectors * root * excess).sum() / closed.width
        result = analyze(drawn, Options())
        at = np.argmin(np.abs(result.frequency_hz - closed.axion_hz))
        assert result.normalised[at] == pytest.approx(linear, abs=0.04)


def test_the_pipeline_s_sums_agree_with_plain_linear_algebra(
    noise_stack: Spectra, noise_result: Result
) -> None:
    middle = noise_stack.target_frequency_hz[75]
    near = np.abs(noise_stack.target_frequency_hz - middle) < 85e3
    exact = closed_form(noise_stack.subset(near), Options())
    k = int(np.argmin(np.abs(noise_result.frequency_hz - exact.axion_hz)))
    grand = noise_result.grand
    assert grand.xi[k] == pytest.approx(exact.width, abs=2e-4)
    assert grand.efficiency_aligned[k] == pytest.approx(exact.aligned, abs=2e-4)
    assert grand.efficiency_averaged[k] == pytest.approx(exact.averaged, abs=2e-4)
    assert grand.snr[k] == pytest.approx(exact.snr, rel=1e-4)


def test_the_grand_spectrum_is_as_wide_as_the_closed_form_says(noise_result: Result) -> None:
    # 3600 grand bins, neighbours correlated: about 900 independent ones.
    assert np.std(noise_result.grand.excess) == pytest.approx(noise_result.xi, rel=0.07)
    assert np.std(noise_result.normalised) == pytest.approx(1, abs=0.07)
    assert np.mean(noise_result.normalised) == pytest.approx(0, abs=0.1)


def test_without_noise_the_grand_spectrum_shows_the_misfit_alone() -> None:
    silent = analyze(make(scan_targets(40), noise=False, dtype=float), NO_FILTER)
    assert np.abs(silent.normalised).max() < 0.02


def test_a_noiseless_axion_gives_the_expected_excess() -> None:
    silent = make(scan_targets(40), noise=False, dtype=float)
    result = analyze(silent, NO_FILTER)
    k = len(result.grand) // 2
    axion_hz = float(result.frequency_hz[k])
    with_axion = analyze(
        make(scan_targets(40), noise=False, dtype=float, axions={axion_hz: 1.0}), NO_FILTER
    )
    expected = result.grand.efficiency_aligned[k] * result.grand.snr[k]
    assert with_axion.normalised[k] == pytest.approx(expected, rel=0.01)


def test_the_joint_fit_is_unbiased_and_gains(overlapping: Spectra) -> None:
    targets = scan_targets(40)
    base = analyze(make(targets, noise=False, dtype=float), NO_FILTER)
    k = len(base.grand) // 2
    axion_hz = float(base.frequency_hz[k])
    with_axion = analyze(make(targets, noise=False, dtype=float, axions={axion_hz: 1.0}), NO_FILTER)
    expected = base.grand.joint_efficiency[k] * base.grand.snr[k]
    assert with_axion.grand.joint[k] == pytest.approx(expected, rel=0.01)
    # Both for an axion at the edge of a coarse bin: like for like.
    gain = base.grand.joint_efficiency[k] / base.grand.efficiency_aligned[k]
    assert gain == pytest.approx(1.021, abs=0.003)


def test_the_joint_fit_has_unit_width(noise_result: Result) -> None:
    assert np.std(noise_result.grand.joint) == pytest.approx(1, abs=0.07)


def test_the_averaged_template_gains_on_average(overlapping: Spectra) -> None:
    fixed = closed_form(overlapping, Options())
    averaged = closed_form(overlapping, Options(template="averaged"))
    assert 1.0 < averaged.averaged / fixed.averaged < 1.01


@pytest.fixture(scope="module")
def plan(overlapping: Spectra) -> Plan:
    return Plan(overlapping, experiments=300, seed=4)


def test_the_monte_carlo_agrees_with_the_closed_form(plan: Plan) -> None:
    signal = run(plan, workers=1)
    noise = run(replace(plan, strength=0.0, seed=5), workers=1)
    closed = signal.closed_form
    width, width_error = noise.width()
    assert abs(width - closed.width) < 3 * width_error
    mean, mean_error = signal.mean()
    assert abs(mean - closed.mean_aligned) < 3 * mean_error
    value, error = efficiency(signal, noise)
    assert abs(value - closed.aligned) < 3 * error
    assert abs(np.mean(signal.known) - closed.snr) < 3 / np.sqrt(300)


def test_misaligned_axions_average_to_the_closed_form(plan: Plan) -> None:
    found = run(replace(plan, misaligned=True, seed=6), workers=1)
    mean, error = found.mean()
    assert abs(mean - found.closed_form.mean_averaged) < 3 * error
    # The denominator is the matched SNR at the axion's own place.
    assert abs(np.mean(found.known) - found.closed_form.snr) < 3 / np.sqrt(300)
    noise = run(replace(plan, strength=0.0, misaligned=True, seed=5), workers=1)
    value, value_error = efficiency(found, noise)
    assert abs(value - found.closed_form.averaged) < 3 * value_error
    assert np.ptp(found.offset_hz) > 400


def test_axions_at_the_limit_are_found_with_the_claimed_probability(plan: Plan) -> None:
    closed = plan.closed_form()
    at_limit = replace(plan, strength=strength_at_limit(closed, plan.options), misaligned=True)
    found, _ = run(at_limit, workers=1).found(plan.options.threshold, closed.width)
    assert abs(found - 0.9) < 3 * np.sqrt(0.09 / 300)


def test_results_do_not_depend_on_workers_and_survive_an_interruption(
    overlapping: Spectra, tmp_path: Path
) -> None:
    short = Plan(overlapping, experiments=120, seed=9)
    alone = run(short, workers=1)
    seen: list[int] = []
    shared = run(short, workers=3, folder=tmp_path, progress=lambda done, _: seen.append(done))
    assert np.array_equal(alone.fitted, shared.fitted)
    assert seen == [1, 2, 3]
    (tmp_path / "batch_00001.npz").unlink()
    again: list[int] = []
    resumed = run(short, folder=tmp_path, workers=1, progress=lambda done, _: again.append(done))
    assert again == [3]
    assert np.array_equal(resumed.fitted, alone.fitted)
    with pytest.raises(ValueError, match="batches of another plan"):
        run(replace(short, seed=10), folder=tmp_path, workers=1)


@pytest.mark.parametrize(
    ("row", "bins", "block"),
    [(0, 3000, 10), (7, 3000, 10), (14, 3000, 10), (7, 2997, 9), (7, 2999, 1)],
)
def test_a_fit_to_means_over_blocks_is_the_fit_to_all_bins(
    plan: Plan, row: int, bins: int, block: int
) -> None:
    """What is not drawn bin by bin away from the line changes a residual by next to nothing."""
    plan = replace(plan, options=Options(window_hz=50.0 * bins))
    truth, size = plan.truth, 20
    assert (truth.noise.shape[1], truth.size) == (bins, block)
    averages = truth.averages[row]
    noise = np.random.default_rng(3).standard_gamma(averages, (size, bins)) / averages
    near, used = truth.near(row), truth.lines[row]
    away = np.ones(bins, dtype=bool)
    away[near] = False
    assert away.mean() > 0.9
    ours = fitted_residual(plan, truth, row, noise[:, near], blocks(noise[:, away], truth.size))
    assert truth.shape is not None
    shape = truth.shape.rows(np.full(size, row))
    u = np.broadcast_to(truth.u[row], noise.shape)
    power = noise * truth.noise[row]
    scale = np.full(size, truth.scale[row])
    start = np.tile(truth.theta[row], (size, 1))
    theta, _ = refine(shape, start, u, power, np.full(size, averages), scale, 2)
    every = (power / (shape.value(theta, u) * scale[:, None]) - 1)[:, used]
    assert np.abs(ours - every).max() * np.sqrt(averages) < 1e-4
    plain = (noise - 1)[:, used]  # Without a fit it would be another number.
    assert np.abs(plain - every).max() * np.sqrt(averages) > 1e-2


def test_a_batch_can_be_run_by_itself(overlapping: Spectra) -> None:
    short = Plan(overlapping, experiments=70, seed=9)
    assert len(run_batch(short, 1).fitted) == 20
    smoothed = replace(short, options=Options(baseline="savgol"), experiments=10)
    assert np.isfinite(run_batch(smoothed, 0).fitted).all()


def cut_hard(spectra: Spectra) -> Spectra:
    """Strong tones in half of the line's bins of every spectrum, where the filter will cut."""
    power = spectra.power_w.copy()
    frequency = spectra.frequency_start_hz[:, None] + 10.0 * np.arange(power.shape[1])
    near = np.abs(frequency - 1.1e9 - 600) < 900
    comb = np.round(frequency / 10).astype(np.int64) % 14 == 0  # each takes seven bins
    power[near & comb] *= 3
    return replace(spectra, power_w=power)


def test_bins_that_were_cut_are_neither_in_the_width_nor_in_the_efficiency() -> None:
    """Dense linear algebra of what is left, against the sums of the pipeline."""
    clean = make(scan_targets(15, 1.1e9 - 70e3), seed=5, dtype=float)
    spectra = cut_hard(clean)
    options = Options(filter_average=False, narrow_hz=0, demands=KEEP)
    reduction = reduce_stack(spectra, select(spectra, options), options)
    ((_, reduced, baseline),) = reduction.chunks()
    assert reduced.kept is not None
    result = analyze(spectra, options)
    k = int(np.argmin(np.abs(result.frequency_hz - 1.1e9)))
    chain = linear_chain(clean, options, coarse=round((result.frequency_hz[k] + 5) / 450))
    u = reduced_frequency(reduction.job.windows, slice(0, 15), options)
    # The fit to what is left, as dense linear algebra: J in bins that were cut is zero.
    assert baseline.shape is not None
    root = np.sqrt(spectra.num_averages * 5)[:, None, None]
    jacobian = baseline.shape.log_jacobian(baseline.theta, u) * root
    weighted = jacobian * np.sqrt(reduced.kept)[:, None]
    prior = baseline.shape.prior_weight[:, :, None] * np.eye(7)
    inverse = np.linalg.inv(np.linalg.cholesky(weighted @ weighted.transpose(0, 2, 1) + prior))
    factor, seen = inverse @ jacobian, inverse @ weighted
    own = seen @ seen.transpose(0, 2, 1)
    omega, signal = (a * reduced.kept for a in (chain.known, chain.aligned))
    c, b = (np.einsum("npm,nm->np", factor, a) for a in (omega, signal))
    removed = 2 * np.einsum("np,np->", c, c) - np.einsum("np,npq,nq->", c, own, c)
    norm2 = np.sum(omega * chain.known)
    assert result.grand.xi[k] == pytest.approx(np.sqrt(1 - removed / norm2), abs=2e-3)
    mean = (np.sum(chain.known * signal) - np.sum(c * b)) / np.sqrt(norm2)
    eps = mean / result.grand.xi[k] / result.grand.snr[k]
    assert result.grand.efficiency_aligned[k] == pytest.approx(eps, abs=2e-3)
    assert result.grand.snr[k] < 0.8 * analyze(spectra, NO_FILTER).grand.snr[k]


def test_a_grand_spectrum_in_pieces_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make(scan_targets(20), seed=3)
    for options in (Options(), Options(normalise="constant")):
        monkeypatch.setattr(grand, "_AT_ONCE", 10**9)
        whole = analyze(stack, options).grand
        monkeypatch.setattr(grand, "_AT_ONCE", 37)
        pieces = analyze(stack, options).grand
        assert len(whole) > 100
        for item in fields(whole):
            assert np.array_equal(getattr(whole, item.name), getattr(pieces, item.name)), item.name


def test_all_spectra_in_order_are_not_copied() -> None:
    stack = make(scan_targets(3), seed=3)
    assert np.shares_memory(stack.subset([True] * 3).power_w, stack.power_w)
    assert np.shares_memory(stack.subset(np.arange(3)).power_w, stack.power_w)
    turned = stack.subset([2, 1, 0])
    assert np.array_equal(turned.power_w[0], stack.power_w[2])


def test_overlaps_are_the_mean_over_the_line() -> None:
    result = analyze(make(scan_targets(6), seed=3), Options(filter_average=False))
    fine, first = result.sums.overlaps, result.sums.first_coarse
    number = np.round((result.frequency_hz + 5) / 450).astype(int) - first
    by_hand = [fine[9 * k : 9 * k + 81].mean() for k in number]
    assert result.grand.overlaps == pytest.approx(by_hand)
    assert np.any(result.grand.overlaps % 1 != 0)


@pytest.mark.parametrize(
    "other",
    [
        {"volume_m3": 0.07},
        {"field_ratio": 0.5},
        {"calibration": Calibration(receiver_gain_db=103.0, line_attenuation_db=0.4)},
        {"errors": {"jpa_bandwidth_hz": np.full(15, 1e3)}},
        {"step_hz": 10.0001},
    ],
)
def test_a_folder_of_batches_takes_no_other_plan(
    overlapping: Spectra, tmp_path: Path, other: dict[str, Any]
) -> None:
    plan = Plan(overlapping, experiments=50, seed=9)
    run(plan, folder=tmp_path, workers=1)
    stranger = replace(plan, spectra=replace(overlapping, **other))
    with pytest.raises(ValueError, match="holds batches of another plan"):
        run(stranger, folder=tmp_path, workers=1)
    # A batch says itself whose it is.
    (tmp_path / "plan.txt").unlink()
    with pytest.raises(ValueError, match=r"batch_00000\.npz is a batch of another plan"):
        run(stranger, folder=tmp_path, workers=1)
