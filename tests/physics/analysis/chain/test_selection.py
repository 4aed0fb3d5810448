from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.chain.selection import fine_centre_hz, fine_edge_hz, select, trim
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Spectra, concatenate
from tests.physics.analysis.generator import make, scan_targets


@pytest.fixture(scope="module")
def wide() -> Spectra:
    return make(scan_targets(3), bins=16000, noise=False, dtype=float)


def test_windows_are_centred_on_the_targets(wide: Spectra) -> None:
    windows = select(wide, Options())
    assert windows.power.shape == (3, 15000)
    middle = windows.frequency_hz().mean(axis=1)
    assert np.abs(middle - wide.target_frequency_hz).max() <= 25


def test_merged_bins_are_means_of_the_digitizer_s(wide: Spectra) -> None:
    windows = select(wide, Options())
    first = windows.first_column[1]
    by_hand = wide.power_w[1, first + 10 : first + 15].mean()
    assert windows.merged()[1, 2] == pytest.approx(by_hand, rel=1e-14)
    centre = wide.frequency_start_hz[1] + 10.0 * (first + 12)
    assert windows.frequency_hz()[1, 2] == pytest.approx(centre, abs=1e-3)


def test_fine_bins_of_different_spectra_share_one_grid(wide: Spectra) -> None:
    moved = replace(
        wide, target_frequency_hz=wide.target_frequency_hz + np.array([0.0, 13.0, -27.0])
    )
    windows = select(moved, Options())
    assert np.all((windows.first_column * 10.0 + wide.frequency_start_hz) % 50 == 0)


def test_edges_lie_between_centres() -> None:
    number = np.arange(10)
    centre, edge = fine_centre_hz(number, 10.0, 5), fine_edge_hz(number, 10.0, 5)
    assert edge[1:] == pytest.approx(0.5 * (centre[1:] + centre[:-1]))


def test_a_spectrum_that_misses_its_window_is_named(wide: Spectra) -> None:
    target = wide.target_frequency_hz + np.array([0.0, 0.0, 20e3])
    with pytest.raises(ValueError, match=r"spectrum 2 .* does not cover the window of 15000 bins"):
        select(replace(wide, target_frequency_hz=target), Options())


def test_trimming_keeps_what_is_selected(wide: Spectra) -> None:
    small = trim(wide, Options())
    assert small.power_w.shape[1] == 15020
    before, after = select(wide, Options()), select(small, Options())
    assert np.array_equal(before.power, after.power)
    assert np.array_equal(before.first_fine, after.first_fine)


def test_stacks_join_and_split(wide: Spectra) -> None:
    again = concatenate([wide.subset([0]), wide.subset(slice(1, 3))])
    assert np.array_equal(again.power_w, wide.power_w)
    with pytest.raises(ValueError, match="different step_hz"):
        concatenate([wide, replace(wide, step_hz=20.0)])


def test_measurements_that_are_not_numbers_are_refused(wide: Spectra) -> None:
    with pytest.raises(ValueError, match="loaded_q of spectrum 1 is nan"):
        replace(wide, loaded_q=np.array([35e3, np.nan, 35e3]))
    with pytest.raises(ValueError, match=r"beta has shape \(2,\), needed \(3,\)"):
        replace(wide, beta=np.ones(2))


@pytest.mark.parametrize("value", [0.0, -1e-12, np.nan, np.inf])
def test_power_that_cannot_be_is_refused(wide: Spectra, value: float) -> None:
    broken = wide.power_w.copy()
    broken[2, 8000] = value
    with pytest.raises(ValueError, match="power of spectrum 2 runs from"):
        select(replace(wide, power_w=broken), Options())
