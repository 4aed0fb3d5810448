"""The whole analysis in one call: measured spectra in, limits and candidates out.

    select -> baseline -> spikes (10 Hz) -> merge -> spikes (50 Hz) -> baseline -> rescale
    -> combine -> merge (450 Hz) -> grand spectrum -> xi, eps -> candidates, limit

after A. K. Yi et al., arXiv:2210.10961 and B. M. Brubaker et al., Phys. Rev. D 96, 123008 (2017).
Each step is a module of its own and can be used alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.grand import Grand, SmootherResponse, grand_spectrum
from haloscope.analysis.chain.reduce import coarse_range, reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.spikes import Spike
from haloscope.analysis.options import Options
from haloscope.analysis.report.checks import Checks, ResidualSums
from haloscope.analysis.spectra import Calibration, FloatArray, Spectra
from haloscope.analysis.statistics.candidates import Candidate, find_candidates
from haloscope.analysis.statistics.efficiency import smoother_response
from haloscope.analysis.statistics.limits import Limit, limit


@dataclass(frozen=True)
class Result:
    """Everything the analysis found.

    Attributes:
        grand: The grand spectrum with xi and eps per bin.
        limit: Exclusion per grand bin.
        candidates: Clusters over the threshold.
        spikes: What the spike filter cut.
        checks: Fit residuals and noise temperatures, the intermediate checks.
        options: Settings used.
        calibration: Receiver calibration used.
        sums: The accumulated sums; rescans and partial results can be joined to them.
        step_hz: Digitizer bin width, Hz.
        spectra: Number of spectra.
    """

    grand: Grand
    limit: Limit
    candidates: list[Candidate]
    spikes: tuple[Spike, ...]
    checks: Checks
    options: Options
    calibration: Calibration
    sums: Accumulator
    step_hz: float
    spectra: int

    @property
    def frequency_hz(self) -> FloatArray:
        """Axion frequency of each grand bin, Hz."""
        return self.grand.frequency_hz

    @property
    def normalised(self) -> FloatArray:
        """Normalised excess of each grand bin, standard Gaussian without an axion."""
        return self.grand.normalised

    @property
    def xi(self) -> float:
        """Width of the excess before normalisation, mean over the grand spectrum (letter 0.94)."""
        return float(self.grand.xi.mean())

    @property
    def eps(self) -> float:
        """SNR efficiency averaged over the axion's place in a bin (letter 0.88)."""
        return float(self.grand.efficiency_averaged.mean())

    @property
    def eps_aligned(self) -> float:
        """SNR efficiency of an axion at the lower edge of a coarse bin, mean over the spectrum."""
        return float(self.grand.efficiency_aligned.mean())


def analyze(spectra: Spectra, options: Options | None = None) -> Result:
    """Analyse a stack of spectra.

    Args:
        spectra: Measured spectra; 30 or 2000 of them, full or already cut to the window.
        options: Settings; the letter's by default.

    Raises:
        ValueError: A spectrum does not cover its window, or none overlap over a line width.
    """
    options = options or Options()
    windows = select(spectra, options)
    spectra.demand_distinct(windows.power)
    reduction = reduce_stack(spectra, windows, options)
    sums = Accumulator(spectra.step_hz, options)
    sums.reserve(*coarse_range(windows, options))
    residuals = ResidualSums()
    for rows, reduced, baseline in reduction.chunks():
        sums.add(reduced)
        residuals.add(spectra.subset(rows), windows, rows, reduced, baseline)
    smoother = None if sums.has_response else smoother_response(spectra, options)
    return summarise(
        sums, spectra.calibration, reduction.spikes, residuals.finish(), smoother=smoother
    )


def summarise(
    sums: Accumulator,
    calibration: Calibration,
    spikes: Sequence[Spike],
    checks: Checks,
    *,
    smoother: SmootherResponse | None = None,
) -> Result:
    """Grand spectrum, limit and candidates of accumulated sums."""
    options = sums.options
    grand = grand_spectrum(sums, smoother=smoother)
    bound = limit(grand, calibration, sums.step_hz, options)
    candidates = find_candidates(grand, bound.expected_snr, sums.step_hz, options)
    return Result(
        grand,
        bound,
        candidates,
        tuple(spikes),
        checks,
        options,
        calibration,
        sums,
        sums.step_hz,
        sums.spectra,
    )


def expected_width(result: Result) -> tuple[float, float]:
    """Mean and standard deviation of the normalised grand spectrum: 0 and 1 if all is well."""
    return float(np.mean(result.normalised)), float(np.std(result.normalised))
