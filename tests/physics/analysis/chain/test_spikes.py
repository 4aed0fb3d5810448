import numpy as np
import pytest

from haloscope.analysis.chain.passes import left_of
from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.spikes import Surroundings, find_average, find_single, grow
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.constants import BOLTZMANN_J_PER_K
from tests.physics.analysis.generator import make, scan_targets

SIGMA_W = BOLTZMANN_J_PER_K * 10 * 0.2 / np.sqrt(5000)  # of one 10 Hz bin at 200 mK


def test_a_tone_is_cut_with_its_neighbours_wherever_it_is_seen() -> None:
    result = analyze(make(scan_targets(20), tones={1.1001e9: 30 * SIGMA_W}))
    found = [s for s in result.spikes if abs(s.frequency_hz - 1.1001e9) < 1]
    assert len(found) == 15
    assert {s.spectrum for s in found} == set(range(3, 18))
    assert all(s.bin_hz == 10 for s in found)
    assert np.abs(result.normalised).max() < 5
    near = np.argmin(np.abs(result.frequency_hz - 1.1001e9))
    # Seven of 405 bins under the line are gone, where it is strongest at most.
    assert 0.93 < result.grand.snr[near - 1] / result.grand.snr[near + 20] < 1.0


def test_without_the_filter_the_tone_is_a_false_axion() -> None:
    spectra = make(scan_targets(20), tones={1.1001e9: 30 * SIGMA_W})
    assert np.max(analyze(spectra, Options(filter_spikes=False)).normalised) > 8


def test_a_ksvz_axion_is_not_a_spike() -> None:
    # (0.97/0.36)^2 = 7.3 times the DFSZ power, 7 standard deviations of every 50 Hz bin.
    result = analyze(make(scan_targets(20), axions={1.1001e9: 0.97 / 0.36}))
    assert result.spikes == ()
    assert result.candidates[0].excess > 30
    plain = analyze(make(scan_targets(20), axions={1.1001e9: 0.97 / 0.36}), Options(narrow_hz=0))
    assert len(plain.spikes) > 5


def test_interference_fixed_in_the_digitizer_is_cut_in_all_spectra() -> None:
    spectra = make(scan_targets(60))
    spectra.power_w[:, 4000] *= 1 + 3 / np.sqrt(5000)
    result = analyze(spectra)
    average = [s for s in result.spikes if s.spectrum == -1]
    assert [round(s.frequency_hz) for s in average if s.bin_hz == 10] == [40000]
    assert average[0].significance > 15
    single = analyze(spectra, Options(filter_average=False))
    assert single.spikes == ()


def test_strong_tones_of_two_spectra_are_cut_in_these_two_alone() -> None:
    """At one place of the digitizer, so that they meet in the aligned average."""
    spectra = make(scan_targets(25), seed=61)
    spectra.power_w[[3, 17], 9000] *= 300
    reduction = reduce_stack(spectra, select(spectra, Options()), Options())
    assert {spike.spectrum for spike in reduction.spikes} == {3, 17}
    _, kept = left_of(reduction.job, reduction.final, slice(None))
    assert kept is not None
    touched = (kept < 1).any(axis=1)
    assert np.flatnonzero(touched).tolist() == [3, 17]


def test_repeated_spectra_of_one_frequency_are_not_averaged_against_an_axion() -> None:
    targets = np.full(60, 1.1e9)
    result = analyze(make(targets, axions={1.10001e9: 1.0}))
    assert result.spikes == ()


def test_single_spikes_and_their_neighbours() -> None:
    excess = np.zeros((2, 50))
    excess[1, 20] = 7.0
    found = find_single(excess, np.ones((2, 1)), Options(), surroundings=Surroundings(3, 5))
    assert (found.rows.tolist(), found.columns.tolist()) == ([1], [20])
    assert grow(found.columns, 3, 50).tolist() == list(range(17, 24))
    assert grow(np.array([1]), 3, 50).tolist() == [0, 1, 2, 3, 4]


def test_the_average_is_cut_until_nothing_is_left() -> None:
    mean = np.random.default_rng(0).normal(size=5000)
    mean[100], mean[102], mean[3000] = 40.0, 30.0, 6.0
    found = find_average(mean, Options(), surroundings=Surroundings(3, 20))
    assert set(found.columns.tolist()) == {100, 102, 3000}
    assert found.significance.max() == pytest.approx(40, rel=0.1)


def test_what_one_spectrum_alone_brings_into_the_average_is_no_interference() -> None:
    """Interference fixed in the digitizer is in all spectra; a line of the sky is in one there."""
    mean = np.random.default_rng(0).normal(size=5000)
    others = mean.copy()
    mean[[100, 3000]], others[[100, 3000]] = 6.0, (0.5, 5.8)
    near = Surroundings(0, 0)
    found = find_average(mean, Options(), surroundings=near, others=others)
    assert found.columns.tolist() == [3000]
    assert set(find_average(mean, Options(), surroundings=near).columns) == {100, 3000}
