"""Cavities added coherently: the closed forms against sums of drawn amplitudes."""

from __future__ import annotations

import numpy as np
import pytest

from haloscope.combining import combined_power, detecting_volume_m3, expected_matching


def test_cavities_in_phase_give_n_times_the_power() -> None:
    assert combined_power(np.zeros(8)) == pytest.approx(8.0)
    assert combined_power([0.0, np.pi]) == pytest.approx(0.0, abs=1e-12)
    assert combined_power([0.0], 0.5) == pytest.approx(0.5)  # half a width off: half the power


@pytest.mark.parametrize(
    ("cells", "phase", "detuning"), [(4, 0.3, 0.0), (4, 0.2, 0.05), (8, 0.0, 0.2), (2, 2.0, 0.0)]
)
def test_the_expected_matching_is_the_mean_of_drawn_ones(
    cells: int, phase: float, detuning: float
) -> None:
    random = np.random.default_rng(5)
    drawn = [
        combined_power(random.normal(0, phase, cells), random.normal(0, detuning, cells)) / cells
        for _ in range(20_000)
    ]
    error = np.std(drawn) / np.sqrt(len(drawn))
    assert expected_matching(cells, phase, detuning) == pytest.approx(np.mean(drawn), abs=4 * error)


def test_one_cell_without_loss_detects_with_its_own_volume() -> None:
    assert detecting_volume_m3(0.1, 1, 0.0) == 0.1
    assert detecting_volume_m3(0.1, 4, 10 * np.log10(2)) == pytest.approx(0.2)
