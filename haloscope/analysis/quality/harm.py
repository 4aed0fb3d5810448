"""What a misfit of the baseline does to the grand spectrum, measured at a few places of it.

Does it add up? A richer model takes more of the noise away, and of a misfit that the simpler one
leaves. So the difference of the grand spectra z by the two models has, with xi their closed-form
widths, the variance xi^2 - xi_richer^2 if there is no misfit (the richer one's noise is part of the
simpler one's), and more by what the misfits of the spectra over one frequency come to together. The
noise common to both is gone from it, so that a few dozen spectra tell more than the grand width.

Does it take power? The efficiency is that of a fit which is linear in what it follows; beside a
misfit it is not quite. So axions are put in, and what they add is held against the claim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haloscope.analysis.chain.grand import Grand, grand_spectrum
from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import windows_of
from haloscope.analysis.chain.signal import inject
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra
from haloscope.axion import coupling_dfsz

__all__ = ["Harm", "measured_harm"]

_MOST_PLACES = 5
_APART = 1.2  # Windows between places, so that no spectrum holds two.
_LINE_SIGMA = 6.0


@dataclass(frozen=True)
class Harm:
    """What a misfit does.

    Attributes:
        added: Share that it adds to the variance of the grand spectrum.
        recovered: Power of axions put in, over the claimed; mean over the places.
    """

    added: float
    recovered: float


def measured_harm(
    spectra: Spectra, options: Options, richer: Options, rows: IntArray | None = None
) -> Harm:
    """Measure it on the spectra about a few places.

    Args:
        spectra: A stack.
        options: Settings with the model in use.
        richer: The same with one that describes the data better.
        rows: Which of the spectra are in the grand spectrum, shape (n,); all if not given.

    Raises:
        ValueError: No line is covered.
    """
    rows = np.arange(len(spectra)) if rows is None else rows
    target_hz = spectra.target_frequency_hz[rows]
    places = _places(target_hz, options.window_hz)
    about = np.abs(target_hz[:, None] - places).min(axis=1)
    part = spectra.subset(rows[about < 0.5 * options.window_hz])
    own = _grand(part, options)
    return Harm(
        _added(own, _grand(part, richer)),
        _recovered(part, own, places, options),
    )


def _places(target_hz: FloatArray, window_hz: float) -> FloatArray:
    """Frequencies over the stack, in the middle of it if it is short; none in a gap of it."""
    low, high = float(target_hz.min()), float(target_hz.max())
    count = int(np.clip((high - low) / (_APART * window_hz), 1, _MOST_PLACES))
    places = low + (high - low) * (np.arange(count) + 0.5) / count
    away = np.abs(target_hz[:, None] - places)
    held = away.min(axis=0) < 0.5 * window_hz
    return places[held] if held.any() else target_hz[away.min(axis=1).argmin()][None]


def _grand(spectra: Spectra, options: Options) -> Grand:
    return grand_spectrum(reduce_stack(spectra, windows_of(spectra, options), options).sums())


def _added(own: Grand, other: Grand) -> float:
    hz, other_hz = (np.rint(grand.frequency_hz).astype(np.int64) for grand in (own, other))
    _, at, there = np.intersect1d(hz, other_hz, assume_unique=True, return_indices=True)
    difference = own.excess[at] - other.excess[there]
    by_chance = own.xi[at] ** 2 - other.xi[there] ** 2
    return float(np.mean(difference**2 - by_chance) / np.mean(own.xi[at] ** 2))


def _recovered(spectra: Spectra, own: Grand, places: FloatArray, options: Options) -> float:
    passed = spectra.calibration.line_transmission * options.density_fraction
    dfsz_sigma = own.efficiency_aligned * own.snr * passed
    at = np.unique([int(np.argmin(np.abs(own.frequency_hz - place))) for place in places])
    with_axions = spectra
    for k in at.tolist():
        axion_hz = float(own.frequency_hz[k])
        strength = float(np.sqrt(_LINE_SIGMA / dfsz_sigma[k]))
        with_axions = inject(with_axions, axion_hz, strength * coupling_dfsz(axion_hz), options)
    after = _grand(with_axions, options)
    rises = []
    for k in at.tolist():
        there = int(np.argmin(np.abs(after.frequency_hz - own.frequency_hz[k])))
        rises.append((after.excess[there] - own.excess[k]) / own.xi[k] / _LINE_SIGMA)
    return float(np.mean(rises))
