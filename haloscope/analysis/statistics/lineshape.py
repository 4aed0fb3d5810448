"""Is a candidate an axion? Its line shape, and its power against the cavity's detuning.

Shape: the combined spectrum around the candidate is described once by the axion line (module
``template``) and once by a line that fills a single fine bin, each with its best amplitude; the
difference of chi-square says which. Detuning: an axion's power follows the cavity's Lorentzian, so
that its strength in units of the expected power is the same in every spectrum; interference picked
up behind the cavity has the same power at every tuning instead. Both hypotheses have one parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from haloscope.analysis.chain.combine import Accumulator, Reduced
from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import fine_centre_hz, fine_edge_hz, select
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.axion import bin_fractions
from haloscope.lorentzian import lorentzian

_LEAST_LEFT = 0.01


@dataclass(frozen=True)
class ShapeTest:
    """Axion line against a narrow line in the combined spectrum.

    Attributes:
        strength: Best power as an axion at its best place within a coarse bin of the candidate, in
            units of DFSZ.
        strength_error: Its standard error.
        chi2_axion: Chi-square with the axion line.
        chi2_narrow: Chi-square with the best single bin.
        degrees: Degrees of freedom of both: strength and place are fitted.
    """

    strength: float
    strength_error: float
    chi2_axion: float
    chi2_narrow: float
    degrees: int

    @property
    def probability(self) -> float:
        """Probability of a chi-square as large if it is an axion."""
        return float(chi2.sf(self.chi2_axion, self.degrees))

    @property
    def axion_like(self) -> bool:
        """The axion line describes it better than a narrow one, and well."""
        return self.chi2_axion < self.chi2_narrow and self.probability > 1e-3


def shape_test(sums: Accumulator, axion_hz: float, *, line_transmission: float = 1.0) -> ShapeTest:
    """Compare line shapes around a candidate.

    Args:
        sums: The accumulated spectra.
        axion_hz: Its frequency, Hz.
        line_transmission: Share of the power that passes from the cavity to the receiver.

    Raises:
        ValueError: The accumulated spectra do not reach that far.
    """
    options = sums.options
    merge = options.coarse_merge
    first = sums.first_coarse * merge
    number = first + np.arange(len(sums.density))
    centre = fine_centre_hz(number, sums.step_hz, options.fine_merge)
    width = sums.step_hz * options.fine_merge
    reach = options.line_bins * merge * width
    near = (centre > axion_hz - 0.25 * reach) & (centre < axion_hz + reach) & (sums.density > 0)
    if near.sum() < merge:
        raise ValueError(f"line shape: no spectra at {axion_hz:.0f} Hz")
    centre, density = centre[near], sums.density[near]
    pull, root = sums.numerator[near] / np.sqrt(density), np.sqrt(density)
    edges = np.append(centre - 0.5 * width, centre[-1] + 0.5 * width)
    # The candidate is known to a coarse bin; the line's place is free within one to either side.
    places = axion_hz + width * np.arange(-merge, merge + 1)
    lines = np.stack([bin_fractions(edges, place) for place in places]) * root
    # The baselines' fits have taken up part of the line already.
    informations = np.sum(lines**2, axis=1) * _left(sums, axion_hz)
    best = int(np.argmax((lines @ pull) ** 2 / informations))
    information = float(informations[best])
    strength = float(lines[best] @ pull) / information
    total = float(pull @ pull)
    return ShapeTest(
        strength / line_transmission,
        information**-0.5 / line_transmission,
        total - strength**2 * information,
        total - float(np.max(pull)) ** 2,
        len(pull) - 2,
    )


def _left(sums: Accumulator, axion_hz: float) -> float:
    """Share of a line's squared SNR that the fits of the baselines leave; 1 behind a smoother."""
    options, width = sums.options, sums.step_hz * sums.options.fine_merge
    merge, bins = options.coarse_merge, options.coarse_merge * options.line_bins
    last = len(sums.density) // merge - options.line_bins
    edge_hz = fine_edge_hz(np.array([sums.first_coarse * merge]), sums.step_hz, options.fine_merge)
    place = round((axion_hz - float(edge_hz[0])) / (width * merge))
    place = min(max(place, 0), max(last, 0))
    own_hz = float(edge_hz[0]) + place * merge * width
    fraction = bin_fractions(own_hz + width * np.arange(bins + 1), own_hz)
    density = sums.density[place * merge : place * merge + bins]
    whole = float(fraction[: len(density)] ** 2 @ density)
    if not sums.has_response or not whole > 0:
        return 1.0
    return max(1 - float(sums.joint_removed[place]) / whole, _LEAST_LEFT)


@dataclass(frozen=True)
class DetuningTest:
    """Power of a candidate spectrum by spectrum.

    Attributes:
        detuning_hz: Candidate minus cavity frequency, shape (n,), Hz.
        strength: Power in units of DFSZ times the cavity's Lorentzian, shape (n,).
        error: Its standard error, shape (n,).
        chi2_axion: Chi-square of one strength for all spectra.
        chi2_flat: Chi-square of one power behind the cavity for all spectra.
    """

    detuning_hz: FloatArray
    strength: FloatArray
    error: FloatArray
    chi2_axion: float
    chi2_flat: float

    @property
    def axion_like(self) -> bool:
        """The power follows the cavity rather than not, and consistently so."""
        likely = chi2.sf(self.chi2_axion, len(self.strength) - 1) > 1e-3
        return bool(likely and self.chi2_axion < self.chi2_flat)


def detuning_test(
    spectra: Spectra, axion_hz: float, options: Options | None = None
) -> DetuningTest:
    """Follow a candidate through the spectra that cover it.

    Args:
        spectra: Measured stack; spectra that do not hold the whole line are left out.
        axion_hz: Its frequency, Hz.
        options: Settings of the analysis.

    Raises:
        ValueError: Fewer than three spectra hold the line.
    """
    options = options or Options()
    reach = options.line_bins * options.coarse_merge * options.fine_merge * spectra.step_hz
    half = 0.5 * options.window_hz
    offset = axion_hz - spectra.target_frequency_hz
    inside = np.flatnonzero((offset > -half) & (offset + reach < half))
    if inside.size < 3:
        raise ValueError(f"line shape: {inside.size} spectra hold {axion_hz:.0f} Hz, needed 3")
    some = spectra.subset(inside)
    windows = select(some, options)
    parts = [_strengths(reduced, windows.frequency_hz(rows), axion_hz, windows.fine_hz)
             for rows, reduced, _ in reduce_stack(some, windows, options).chunks()]  # fmt: skip
    strength, error = (np.concatenate(values) for values in zip(*parts, strict=True))
    detuning = axion_hz - some.cavity_frequency_hz
    response = lorentzian(detuning, some.cavity_frequency_hz / some.loaded_q)
    return DetuningTest(
        detuning,
        strength,
        error,
        _constant_chi2(strength, error),
        _constant_chi2(strength * response, error * response),
    )


def _strengths(
    reduced: Reduced, frequency_hz: FloatArray, axion_hz: float, width_hz: float
) -> tuple[FloatArray, FloatArray]:
    pull, strength, error = reduced.pull, [], []
    for row, centre in enumerate(frequency_hz):
        edges = np.append(centre, centre[-1] + width_hz) - 0.5 * width_hz
        line = bin_fractions(edges, axion_hz) * reduced.amplitude[row]
        information = float(line @ line)
        strength.append(float(line @ pull[row]) / information)
        error.append(information**-0.5)
    return np.array(strength), np.array(error)


def _constant_chi2(value: FloatArray, error: FloatArray) -> float:
    weight = error**-2.0
    mean = np.sum(weight * value) / np.sum(weight)
    return float(np.sum(weight * (value - mean) ** 2))
