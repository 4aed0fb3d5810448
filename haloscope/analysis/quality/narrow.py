"""Whether the cavity is wide enough for the bins, and for Eq. 1 with a line taken for narrow.

The chain multiplies the share of the line in each fine bin by the Lorentzian of the cavity, so that
a line as wide as the cavity is treated right. Two things are not: what the fits take from a grand
bin is worked out once for each coarse bin (module ``chain.response``), which must be small against
the cavity; and whoever compares an injected or a found power with Eq. 1 must take the line's own
width into account (``haloscope.finite_line``).
"""

from __future__ import annotations

import math

from haloscope.analysis.options import LARGEST_BIN, Options
from haloscope.analysis.quality.verdicts import Check
from haloscope.finite_line import SIMPLE_FORM_ERROR, effective_q

__all__ = ["narrow_checks"]


def narrow_checks(
    width_hz: float, frequency_hz: float, step_hz: float, options: Options
) -> tuple[Check, ...]:
    """The tests of bins and line against the cavity; none where its width is not known.

    Args:
        width_hz: Loaded width of the narrowest cavity used, Hz; NaN if unknown.
        frequency_hz: About where, Hz.
        step_hz: Digitizer bin width, Hz.
        options: Settings.
    """
    if not math.isfinite(width_hz):
        return ()
    coarse_hz = step_hz * options.fine_merge * options.coarse_merge
    loaded_q = frequency_hz / width_hz
    overstated = loaded_q / effective_q(frequency_hz, loaded_q) - 1
    return (
        Check(
            "coarse bins against the cavity",
            f"{coarse_hz:.4g} Hz, the cavity is {width_hz:.4g} Hz wide",
            f"up to {LARGEST_BIN:.0%} of the width",
            coarse_hz <= LARGEST_BIN * width_hz,
            decisive=True,
        ),
        Check(
            "line against the cavity",
            f"Eq. 1 for a narrow line overstates the power by {overstated:.2%} at a loaded Q of "
            f"{loaded_q:.3g}",
            f"up to {SIMPLE_FORM_ERROR:.0%}; the chain takes the line bin by bin",
            overstated <= SIMPLE_FORM_ERROR,
        ),
    )
