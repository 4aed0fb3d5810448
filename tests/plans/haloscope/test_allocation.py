"""The allocation of integration time: the programme against what can be said without it."""

from __future__ import annotations

import numpy as np
import pytest

from plans.haloscope.allocation import REACH, Ledger, allocate


def _ledger(width_khz: float) -> Ledger:
    """A band with a known profile: a triangle over the reach of a step."""
    ledger = Ledger(1100.0, 1100.0 + width_khz * 1e-3, 150.0)
    ledger.profile = 1e-3 * (1.0 - np.abs(np.arange(-REACH, REACH + 1)) / (REACH + 1))
    return ledger


def test_every_cell_is_filled_and_nothing_less_would_do() -> None:
    ledger = _ledger(400.0)
    targets = 1100.0 + 0.01 * np.arange(41)
    wanted = np.full(len(ledger.gathered), 30.0)
    averages = allocate(ledger, targets, wanted, least=0.0, most=1e5)
    filled = ledger.weights(targets) @ averages
    assert filled.min() >= 30.0 * (1 - 1e-6)
    # Inside the band a cell sees the sum of the profile, so that many averages per cell are needed.
    uniform = 30.0 / (ledger.profile.sum() * 0.5)
    assert averages.sum() < 1.3 * uniform * len(targets)


def test_what_is_gathered_need_not_be_taken_again() -> None:
    ledger = _ledger(400.0)
    targets = 1100.0 + 0.01 * np.arange(41)
    wanted = np.full(len(ledger.gathered), 30.0)
    all_of_it = allocate(ledger, targets, wanted, least=0.0, most=1e5).sum()
    ledger.gathered[:] = 15.0
    assert allocate(ledger, targets, wanted, least=0.0, most=1e5).sum() == pytest.approx(
        0.5 * all_of_it, rel=1e-6
    )
    ledger.gathered[:] = 31.0
    assert np.all(allocate(ledger, targets, wanted, least=7.0, most=1e5) == 7.0)


def test_what_cannot_be_filled_is_filled_as_far_as_it_goes() -> None:
    ledger = _ledger(100.0)
    wanted = np.full(len(ledger.gathered), 1e9)
    averages = allocate(ledger, np.array([1100.05]), wanted, least=0.0, most=100.0)
    assert averages[0] == pytest.approx(100.0, rel=0.01)


def test_the_ledger_learns_what_a_step_brings() -> None:
    ledger = Ledger(1100.0, 1100.2, 150.0)
    frequency = np.arange(1100.03, 1100.17, 0.00045)
    snr2 = 5.0 - 40.0 * np.abs(frequency - 1100.1)
    ledger.update(frequency, np.sqrt(snr2), 1100.1, 1000.0)
    assert ledger.profile[REACH] == pytest.approx(5e-3, rel=0.1)
    assert ledger.profile[REACH + 10] == pytest.approx(3e-3, rel=0.1)
    before = ledger.gathered.copy()
    ledger.update(frequency, np.sqrt(2.0 * snr2), 1100.1, 1000.0)
    assert np.all(ledger.gathered >= before)
    assert ledger.profile[REACH] == pytest.approx(5e-3, rel=0.1)


def test_an_empty_band_is_refused() -> None:
    with pytest.raises(ValueError, match=r"band 1100\.0 to 1100\.0 MHz is empty"):
        Ledger(1100.0, 1100.0, 150.0)
