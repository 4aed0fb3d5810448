"""What one spectrum changed, as the online analysis tells those who listen."""

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
    """What one spectrum changed.

    Attributes:
        spectra: Spectra in the sums so far.
        label: The spectrum.
        grand: The grand bins it touched, as they stand now; None while no line width is covered, or
            if it is not used.
        limit: Their limits.
        candidates: Candidates among them.
        spikes: What was cut from this spectrum.
        findings: What is wrong with it; it is not in the sums then.
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
