"""The grand bins that spectra touch, as they stand once these are in the sums."""

from __future__ import annotations

from dataclasses import replace

from haloscope.analysis.budget.running import RunningBudget
from haloscope.analysis.calibration import Calibration
from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.grand import grand_spectrum
from haloscope.analysis.chain.reduce import coarse_range
from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import taken_off
from haloscope.analysis.statistics.bayes import excluded_coupling
from haloscope.analysis.statistics.candidates import find_candidates
from haloscope.analysis.statistics.limits import limit
from haloscope.analysis.update import OnlineUpdate

__all__ = ["touched"]


def touched(
    update: OnlineUpdate,
    sums: Accumulator,
    budget: RunningBudget,
    calibration: Calibration,
    windows: Windows,
    options: Options,
) -> OnlineUpdate:
    """An update with the bins that it is of; as it is while no line width is covered.

    Args:
        update: What there is to tell beside them.
        sums: Of all spectra.
        budget: Likewise.
        calibration: Of all spectra.
        windows: Of those that touch the bins.
        options: Settings.
    """
    low, high = coarse_range(windows, options)
    try:
        grand = grand_spectrum(sums, first=low, last=high)
    except ValueError:
        return update
    taken = taken_off(budget.of(grand.frequency_hz), options)
    bound = limit(grand, calibration, sums.step_hz, options, taken)
    return replace(
        update,
        grand=grand,
        limit=bound,
        candidates=find_candidates(grand, bound.expected_snr, sums.step_hz, options, taken),
        bayes_per_gev=excluded_coupling(grand, bound.expected_snr, options.confidence),
    )
