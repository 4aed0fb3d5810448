"""What a limit says where a candidate was vetoed.

The power there is interference, but an axion may lie beneath it. Interference only adds power, so
that the axion is no stronger than what was seen: the coupling excluded is raised to that of an
axion whose excess would be as low as the one seen, z, with 1 - confidence,

    mean excess = z + ndtri(confidence)   instead of   threshold + ndtri(confidence).

With that an axion is excluded wrongly no more often than without any veto: one above the threshold
that is vetoed by mistake is excluded only if its excess fell as low as the confidence allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.options import Options
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.statistics.limits import Limit, observed_level

__all__ = ["raised", "under"]


def under(grand: Grand, vetoed: Sequence[Candidate], options: Options) -> NDArray[np.bool_]:
    """Grand bins over the threshold of vetoed candidates, shape (k,)."""
    found = np.zeros(len(grand), dtype=bool)
    for candidate in vetoed:
        nu = grand.frequency_hz
        found |= (nu >= candidate.low_hz) & (nu <= candidate.high_hz)
    return found & (grand.normalised > options.threshold)


def raised(bound: Limit, grand: Grand, vetoed: Sequence[Candidate], options: Options) -> Limit:
    """The limit with the power of vetoed candidates taken as that of an axion.

    Args:
        bound: The limit as if nothing were there.
        grand: The grand spectrum.
        vetoed: Candidates taken for interference.
        options: Threshold and confidence.
    """
    here = under(grand, vetoed, options)
    more = observed_level(grand.normalised[here], options) / options.target_snr
    power = np.ones(len(grand))
    power[here] = np.maximum(more, 1.0)
    return replace(
        bound,
        coupling_per_gev=bound.coupling_per_gev * np.sqrt(power),
        ksvz_density=bound.ksvz_density * power,
    )
