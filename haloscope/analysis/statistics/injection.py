"""Whether the analysis finds axions again that software has put into measured spectra.

They are put there by module ``chain.signal``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from haloscope.analysis.chain.template import place_response
from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.limits import dfsz, left_over


@dataclass(frozen=True)
class Recovery:
    """How one injected axion fared.

    Attributes:
        axion_hz: Injected frequency, Hz.
        coupling_per_gev: Injected coupling, 1/GeV.
        expected: Mean normalised excess that the efficiency predicts at the axion's place.
        probability: Probability that its grand bin passes the threshold.
        observed: Normalised excess of the grand bin nearest to it.
        found: Whether that bin is over the threshold.
        candidate: Whether a candidate that stands lies within a line width of it.
        systematic: Relative error of the power expected there, by the error budget.
        vetoed: Whether a candidate lies there that a veto takes for interference.
    """

    axion_hz: float
    coupling_per_gev: float
    expected: float
    probability: float
    observed: float
    found: bool
    candidate: bool
    systematic: float = 0.0
    vetoed: bool = False

    @property
    def pull(self) -> float:
        """Observed minus expected excess, in standard deviations of the noise."""
        return self.observed - self.expected

    @property
    def pull_of_power(self) -> float:
        """The same in standard deviations of noise and error budget together."""
        return self.pull / float(np.hypot(1.0, self.expected * self.systematic))


def recovery(result: Result, axion_hz: float, coupling_per_gev: float) -> Recovery:
    """Compare an injection (software, or a sealed one after it was opened) with the analysis.

    The systematic, which weakens the limit, is not applied: the prediction is the best estimate.

    Raises:
        ValueError: The axion lies outside the grand spectrum.
    """
    grand, options = result.grand, result.options
    spacing = result.step_hz * options.fine_merge * options.coarse_merge
    at = int(np.argmin(np.abs(grand.frequency_hz - axion_hz)))
    if abs(grand.frequency_hz[at] - axion_hz) > spacing:
        raise ValueError(f"injection: {axion_hz:.0f} Hz is outside the grand spectrum")
    strength = (coupling_per_gev / float(dfsz(np.array(axion_hz)))) ** 2
    best = result.limit.expected_snr[at] / left_over(result.systematic[at])
    expected = float(strength * best) * _place(result, axion_hz - float(grand.frequency_hz[at]))
    width = spacing * options.line_bins
    near, vetoed = (
        any(c.low_hz - width <= axion_hz <= c.high_hz + width for c in found)
        for found in (result.standing, result.vetoed)
    )
    observed = float(grand.normalised[at])
    return Recovery(
        axion_hz,
        coupling_per_gev,
        expected,
        float(ndtr(expected - options.threshold)),
        observed,
        observed > options.threshold,
        near,
        float(result.systematic[at]),
        vetoed,
    )


def _place(result: Result, offset_hz: float) -> float:
    """What an axion so far from its grand bin's frequency leaves there, over the mean of places."""
    options = result.options
    if options.efficiency_definition == "aligned":
        return 1.0
    relative = place_response(float(result.frequency_hz[0]), result.step_hz, options)
    spacing = result.step_hz * options.fine_merge * options.coarse_merge
    places = ((np.arange(len(relative)) + 0.5) / len(relative) - 0.5) * spacing
    return float(np.interp(offset_hz, places, relative))
