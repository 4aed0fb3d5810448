"""Whether the expected power is known well enough for a limit to say something."""

from __future__ import annotations

from typing import Final

import numpy as np

from haloscope.analysis.quality.verdicts import Check
from haloscope.analysis.spectra import FloatArray

__all__ = ["budget_checks"]

#: Relative error of the expected power in the median bin; with more a limit is a guess.
LARGEST: Final = 0.3


def budget_checks(systematic: FloatArray) -> tuple[Check, ...]:
    """The test of what was taken off the expected power, relative, shape (k,)."""
    typical = float(np.median(systematic))
    return (
        Check(
            "error of the expected power",
            f"{typical:.1%} in the median bin, {float(np.max(systematic)):.1%} at most",
            f"up to {LARGEST:.0%}",
            typical <= LARGEST,
            decisive=True,
        ),
    )
