"""The network analyzer's sweeps: what is looked at, how wide, how finely, for how long.

The settings of each stand here once, for plans, the cavity's positioner and examples alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "GAIN",
    "MODES",
    "REFERENCE",
    "REFLECTION",
    "SEARCH",
    "TRANSMISSION",
    "WATCH",
    "WIDE_SEARCH",
    "Sweep",
]


@dataclass(frozen=True)
class Sweep:
    """Settings of the analyzer.

    Attributes:
        path: Weak (through the cavity), Strong (reflection off it) or Bypass (past it).
        span_hz: Full span.
        points: Number of points.
        bandwidth_hz: Bandwidth of the IF filter.
        averages: Sweeps averaged.
    """

    path: str
    span_hz: float
    points: int
    bandwidth_hz: float
    averages: int = 1


#: Six widths of the cavity (31 kHz): wide enough to see its ends, too narrow to hold the other mode
#: at the edge of a crossing.
TRANSMISSION: Final = Sweep("Weak", 0.2e6, 101, 1000.0)
REFLECTION: Final = Sweep("Strong", 0.2e6, 101, 1000.0)
#: Three widths (190 kHz) of the amplifier's gain.
GAIN: Final = Sweep("Bypass", 0.6e6, 101, 1000.0)
#: What a gain is held against, the pump off: over several MHz, for many gains inside.
REFERENCE: Final = Sweep("Bypass", 4e6, 201, 1000.0, averages=4)
#: A point each 10 kHz, a third of a linewidth: no resonance falls between two.
SEARCH: Final = Sweep("Weak", 5e6, 501, 300.0)
WIDE_SEARCH: Final = Sweep("Weak", 40e6, 4001, 300.0)
#: A minute, the time scale of the rod's creep after a far move.
WATCH: Final = Sweep("Weak", 0.3e6, 101, 100.0, averages=50)
#: Wide enough to hold the mode on both sides of an avoided crossing.
MODES: Final = Sweep("Weak", 1e6, 401, 1000.0)
