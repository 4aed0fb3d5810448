"""Spectra with interference of several kinds about one frequency, for the tests of the vetoes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from haloscope.analysis.spectra import FloatArray, Spectra
from tests.physics.analysis.generator import make, scan_targets

AXION_HZ = 1.1001e9
HOUR_S = 3600.0


def timed(spectra: Spectra) -> Spectra:
    """The same, recorded one after the other."""
    return replace(spectra, time_s=1.7e9 + 500.0 * np.arange(len(spectra)))


def hump(
    height: FloatArray | float, seed: int, *, width_hz: float = 500.0, centre_hz: float = 700.0
) -> Spectra:
    """A line behind the cavity, ``height`` of the noise there, one or one per spectrum (20)."""
    spectra = timed(make(scan_targets(20), seed=seed))
    frequency = spectra.frequency_start_hz[:, None] + 10.0 * np.arange(15000)
    line = np.exp(-0.5 * ((frequency - AXION_HZ - centre_hz) / width_hz) ** 2)
    heights = np.broadcast_to(np.asarray(height, dtype=float), (20,))
    spectra.power_w[:] *= (1 + heights[:, None] * line).astype(np.float32)
    return spectra


def in_one_step(row: int, height: float, seed: int, **more: float) -> Spectra:
    """The same in one spectrum alone."""
    return hump(height * (np.arange(20) == row), seed, **more)
