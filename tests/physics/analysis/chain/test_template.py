import numpy as np
import pytest

from haloscope.analysis.chain.template import line_table
from haloscope.analysis.options import Options
from haloscope.axion import bin_fractions

STEP_HZ = 10.0


def test_fractions_between_anchors_are_those_of_the_line() -> None:
    axion_hz = 1.1004e9
    table = line_table(np.array([axion_hz]), STEP_HZ, Options())
    edges = axion_hz + 50.0 * (np.arange(100) - 9)
    assert table.aligned[0] == pytest.approx(bin_fractions(edges, axion_hz), abs=3e-8)


def test_nine_coarse_bins_hold_more_than_99_9_percent_and_eight_do_not() -> None:
    weights = line_table(np.array([1.1e9]), STEP_HZ, Options()).weights("aligned")[0]
    assert weights.shape == (9,)
    assert weights.sum() == pytest.approx(0.99966, abs=5e-5)
    assert weights[:8].sum() < 0.999


def test_the_averaged_line_is_the_mean_over_places() -> None:
    table = line_table(np.array([1.1e9]), STEP_HZ, Options())
    edges = 1.1e9 + 50.0 * (np.arange(100) - 9)
    offsets = (np.arange(900) + 0.5) * 0.5 - 225
    mean = np.mean([bin_fractions(edges - o, 1.1e9) for o in offsets], axis=0)
    assert table.averaged[0] == pytest.approx(mean, abs=3e-5)
    assert table.averaged[0].sum() == pytest.approx(table.aligned[0].sum(), abs=2e-4)


def test_merging_costs_what_the_letter_says() -> None:
    matched = np.sqrt((bin_fractions(1.1e9 + 10.0 * np.arange(406), 1.1e9) ** 2).sum() / 10)

    def snr(width_hz: float) -> float:
        edges = 1.1e9 + width_hz * np.arange(round(4050 / width_hz) + 1)
        return float(np.sqrt((bin_fractions(edges, 1.1e9) ** 2).sum() / width_hz))

    assert 1 - snr(50.0) / matched < 1e-3  # letter: less than 0.1 %
    table = line_table(np.array([1.1e9]), STEP_HZ, Options())
    weights = table.weights("aligned")[0]
    averaged = table.coarse(table.averaged)[0, 1:-1]
    mean = weights @ averaged / np.sqrt(weights @ weights) / np.sqrt(450)
    assert 0.03 < 1 - mean / snr(50.0) < 0.07  # letter: about 5 %
