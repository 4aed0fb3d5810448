"""What the widths of an apparatus suggest for its operation, its digitizer and its analysis.

A step, a window, a tolerance are so many widths of the cavity's line, bins so many to the axion's.
CAPP-12TB chose them well, and its proportions are taken over: an owner who has nothing better to go
by begins with these and changes what he knows better.
"""

from __future__ import annotations

import math
from typing import Any, Final

from haloscope.parametric import pump_over_threshold

__all__ = ["proportions"]

#: In widths of the cavity: the span analysed about a target, distance of targets, distance of the
#: resonance from its target, step and reach of a map, the pull that counts as a crossing.
_WINDOW, _STEP, _TOLERANCE = 4.9, 0.33, 1 / 30
_MAP_STEP, _MAP_REACH, _PULL = 0.65, 8.2, 0.65
#: The span analysed has at least so many lines of the axion: a baseline needs more than a line.
_LEAST_LINES: Final = 30.0
#: In spans analysed: the amplifier's place and gain, the spectrum, the filter before it.
_OFFSET, _GAIN, _SPECTRUM, _FILTER = 2 / 3, 1.27, 2.0, 1.08
#: A bin holds this part of the span of a line at most.
_BINS_PER_LINE: Final = 405
#: More bins than this are merged by the analysis at once: spectra as large as a search needs.
_MOST_BINS: Final = 60_000


def proportions(
    frequency_hz: float,
    unloaded_q: float,
    *,
    beta: float,
    gain_db: float,
    line_span: float,
    scatter_hz: float = 0.0,
) -> dict[str, dict[str, Any]]:
    """Values by group, as a parameter file has them.

    Args:
        frequency_hz: Of the search, its middle.
        unloaded_q: Of the cavity there.
        beta: Coupling of the search.
        gain_db: Of the first amplifier.
        line_span: Span co-added for an axion's line over its frequency.
        scatter_hz: How much the resonance scatters from move to move of the rod, rms: a tolerance
            below that is met by chance alone.
    """
    cavity_hz, axion_hz = frequency_hz * (1 + beta) / unloaded_q, line_span * frequency_hz
    window_hz = _two_digits(max(_WINDOW * cavity_hz, _LEAST_LINES * axion_hz))
    spectrum_hz = _SPECTRUM * window_hz
    bin_hz = _two_digits(max(axion_hz / _BINS_PER_LINE, spectrum_hz / _MOST_BINS))
    tolerance_hz = max(_TOLERANCE * cavity_hz, 2 * scatter_hz)
    linewidth_hz = _GAIN * window_hz / (1 - pump_over_threshold(10 ** (gain_db / 10)))
    return {
        "jpa": {"linewidth_hz": _two_digits(linewidth_hz)},
        "receiver": {"filter_half_width_hz": _two_digits(_FILTER * window_hz)},
        "digitizer": {"bins": math.ceil(spectrum_hz / bin_hz), "bin_width_hz": bin_hz},
        "operation": {
            "jpa_offset_hz": -_two_digits(_OFFSET * window_hz),
            "probe_offset_hz": _two_digits(0.01 * window_hz),
            "tuning_tolerance_hz": _two_digits(tolerance_hz),
            "step_hz": _two_digits(_STEP * cavity_hz),
            "rescan_half_width_hz": _two_digits(cavity_hz),
            "map_step_hz": _two_digits(_MAP_STEP * cavity_hz),
            "map_reach_hz": _two_digits(_MAP_REACH * cavity_hz),
            "crossing_pull_hz": _two_digits(_PULL * cavity_hz),
        },
        "analysis": {"window_hz": window_hz, "savgol_window_hz": _two_digits(8 * axion_hz)},
    }


def _two_digits(value: float) -> float:
    return round(value, 1 - math.floor(math.log10(abs(value))))
