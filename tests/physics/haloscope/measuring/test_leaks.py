"""Stated errors against leaks of all angles: benchmarks/studies/resonance_leaks.py in short."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.studies.resonance_leaks import GEOMETRIES, pulls


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_errors_cover_leaks_of_any_size_at_any_angle(geometry):
    found = [
        pulls(geometry, leak_db, 12, past_the_cable=past)
        for leak_db in (-40.0, -30.0, -20.0, -15.0)
        for past in (False, True)
    ]
    assert sum(group.bad for group in found) == 0
    pull = np.concatenate([group.pull for group in found])  # 96 of each: the width is known to 7 %
    width = np.sqrt(np.mean(pull**2, axis=0))
    assert width.max() < 1.2
    assert width.min() > 0.6  # errors that are generous by half cover anything
    assert np.abs(pull).max() < 4.5
