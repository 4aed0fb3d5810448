"""The line through the year: by date, where the options say so."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Spectra, concatenate
from haloscope.analysis.vetoes.steps import Steps, measured_steps
from haloscope.axion import bin_fractions, earth_speed_m_per_s, earth_speed_on
from haloscope.constants import EARTH_SPEED_M_PER_S
from tests.physics.analysis import generator
from tests.physics.analysis.generator import make, scan_targets

AXION_HZ, STRENGTH = 1.1e9 + 61_025.0, 20.0
JUNE, DECEMBER = 1_748_822_400.0, 1_764_547_200.0  # 2 June and 1 December 2025, midnight UTC.


def test_a_date_is_a_day_of_the_year() -> None:
    """Largest on 2 June, smallest half a year on: 14.9 km/s of the year, 0.31 of the day."""
    same = earth_speed_m_per_s(0.0, start_day=153.0, latitude_deg=36.38)  # 2 June is day 153.
    assert earth_speed_on(JUNE, latitude_deg=36.38) == same
    assert earth_speed_on(JUNE, latitude_deg=90.0) == pytest.approx(244.9e3, abs=5)
    assert earth_speed_on(DECEMBER, latitude_deg=90.0) == pytest.approx(215.1e3, abs=10)
    days = [earth_speed_on(JUNE + 3600.0 * hour, latitude_deg=0.0) for hour in range(24)]
    assert np.ptp(days) == pytest.approx(2 * 311, rel=0.02)


def of_a_day(monkeypatch: pytest.MonkeyPatch, unix_s: float, seed: int) -> Spectra:
    speed = earth_speed_on(unix_s, latitude_deg=36.38)
    own = partial(bin_fractions, earth_speed_m_per_s=speed)
    with monkeypatch.context() as patched:
        patched.setattr(generator, "bin_fractions", own)
        made = make(scan_targets(16), seed=seed, axions={AXION_HZ: np.sqrt(STRENGTH)})
    labels = tuple(f"{seed}:{k}" for k in range(16))
    return replace(made, labels=labels, time_s=unix_s + 600.0 * np.arange(16))


def followed(spectra: Spectra, *, modulated: bool) -> Steps:
    options = Options(modulated=modulated, filter_spikes=False)
    reduction = reduce_stack(spectra, select(spectra, options), options)
    return measured_steps(reduction, AXION_HZ, spectra.labels, place_hz=AXION_HZ)


def test_an_axion_of_june_and_december_is_one_with_its_dates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A strong one: with the mean speed its line fits neither half, in opposite ways."""
    both = concatenate([of_a_day(monkeypatch, JUNE, 1), of_a_day(monkeypatch, DECEMBER, 2)])

    def halves(*, modulated: bool) -> tuple[float, float]:
        steps = followed(both, modulated=modulated)
        early = steps.time_s < 0.5 * (JUNE + DECEMBER)
        means, errors = [], []
        for half in (early, ~early):
            weights = steps.error[half] ** -2.0
            means.append(np.average(steps.strength[half], weights=weights))
            errors.append(weights.sum() ** -0.5)
        return float(means[0] - means[1]), float(np.hypot(*errors))

    apart, error = halves(modulated=False)
    with_dates, _ = halves(modulated=True)
    assert abs(with_dates) < 3 * error
    assert apart - with_dates < -3 * error


def test_spectra_without_a_date_have_the_mean_speed() -> None:
    made = make(scan_targets(16), seed=3, axions={AXION_HZ: 2.0})
    made = replace(made, labels=tuple(f"{k}" for k in range(16)))
    one, other = (followed(made, modulated=flag) for flag in (False, True))
    np.testing.assert_array_equal(one.strength, other.strength)
    mean = np.mean([earth_speed_on(JUNE + 86400.0 * day, latitude_deg=0.0) for day in range(365)])
    assert mean == pytest.approx(EARTH_SPEED_M_PER_S, rel=1e-3)


def test_a_latitude_that_is_none() -> None:
    with pytest.raises(ValueError, match="latitude_deg is 95"):
        Options(latitude_deg=95.0)
