"""What spectra changed, as the online analysis tells those who listen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.chain.spikes import Spike
from haloscope.analysis.quality.verdicts import Finding
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.statistics.limits import Limit

__all__ = ["OnlineUpdate", "highest"]


@dataclass(frozen=True)
class OnlineUpdate:
    """What one spectrum changed, or some that were taken together.

    Attributes:
        spectra: Spectra in the sums so far.
        label: The spectrum, the last of some.
        grand: The grand bins they touched, as they stand now; None while no line width is covered,
            or if none of them is used.
        limit: Their limits.
        candidates: Candidates among them.
        spikes: What was cut from these spectra, with their numbers among them.
        findings: What is wrong with which, by their numbers among all; such are in the sums only
            where they are kept in spite of it.
        bayes_per_gev: Couplings above which the touched bins' own prior updates fall below 1 -
            confidence, shape (k,), 1/GeV (``statistics.bayes``); None as ``limit``.
    """

    spectra: int
    label: str
    grand: Grand | None
    limit: Limit | None
    candidates: list[Candidate]
    spikes: tuple[Spike, ...]
    findings: tuple[Finding, ...] = ()
    bayes_per_gev: FloatArray | None = None


def highest(update: OnlineUpdate) -> tuple[float, float]:
    """Frequency (Hz) and normalised excess of the highest grand bin of an update; NaN if none."""
    if update.grand is None:
        return float("nan"), float("nan")
    top = int(np.argmax(update.grand.normalised))
    return float(update.grand.frequency_hz[top]), float(update.grand.normalised[top])
