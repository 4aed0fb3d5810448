"""What of an event's spectrum the analysis looks at: its window and a fine bin on each side.

A spectrum has seven times as many bins. The rest of it need not be held in memory, nor sent to
another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

from haloscope.analysis.exchange.keys import AmbiguousFieldError, instrument_of
from haloscope.analysis.options import Options
from haloscope.analysis.recorded import number, spectrum

__all__ = ["SPECTRUM", "START_MHZ", "STEP_HZ", "TARGET_MHZ", "Piece", "lightened"]

#: The field that makes an event one of a scan.
SPECTRUM: Final = "daq_spectrum"
#: Those that say where its bins are, and which are looked at.
START_MHZ: Final = "daq_frequency_start"
STEP_HZ: Final = "daq_frequency_step"
TARGET_MHZ: Final = "measured_target_frequency"


@dataclass(frozen=True)
class Piece:
    """Some bins of a spectrum.

    Attributes:
        power: As recorded, shape (k,).
        first: Number of the first of them in the whole.
        bins: Of the whole.
    """

    power: NDArray[Any]
    first: int
    bins: int

    @classmethod
    def of_all(cls, power: NDArray[Any]) -> Piece:
        """A whole spectrum."""
        return cls(power, 0, len(power))

    def around(
        self, start_hz: float, step_hz: float, target_hz: float, options: Options | None
    ) -> tuple[int, int]:
        """First bin and number of bins of the window and a fine bin on each side.

        More than that of a campaign is not held in memory.

        Args:
            start_hz: Of the whole.
            step_hz: Width of a bin.
            target_hz: Middle of the window.
            options: Say how wide it is; None for all bins.
        """
        if options is None:
            return 0, self.bins
        half = round(options.window_hz / step_hz) // 2 + 2 * options.fine_merge
        first = round((target_hz - start_hz) / step_hz) - half
        first = min(max(first, 0), max(self.bins - 2 * half, 0))
        return first, min(2 * half, self.bins - first)

    def values(self, first: int, bins: int) -> NDArray[Any]:
        """Some of its bins, by their number in the whole.

        Raises:
            ValueError: It does not hold them.
        """
        begin = first - self.first
        if begin < 0 or begin + bins > len(self.power):
            held = f"{self.first} to {self.first + len(self.power) - 1}"
            raise ValueError(
                f"{SPECTRUM}: bins {held} of {self.bins} are here, "
                f"needed {first} to {first + bins - 1}"
            )
        return self.power[begin : begin + bins]


def lightened(name: str, document: Mapping[str, Any], options: Options) -> Mapping[str, Any]:
    """An event without what a ``DocumentReader`` of these options does not look at.

    Any other document, and an event that no such reader could use, is as it was.
    """
    data = document.get("data")
    if name != "event" or not isinstance(data, Mapping):
        return document
    try:
        instrument = instrument_of(data, SPECTRUM)
        if instrument is None:
            return document
        key = f"{instrument}{SPECTRUM}"
        start_hz, step_hz, target_hz = (
            number(data[f"{instrument}{field}"], field) * unit
            for field, unit in ((START_MHZ, 1e6), (STEP_HZ, 1.0), (TARGET_MHZ, 1e6))
        )
        whole = Piece.of_all(spectrum(data[key], SPECTRUM))
        first, bins = whole.around(start_hz, step_hz, target_hz, options)
    except (AmbiguousFieldError, ArithmeticError, KeyError, ValueError):
        return document
    # A copy: the whole need not wait with it.
    piece = Piece(whole.values(first, bins).copy(), first, whole.bins)
    return {**document, "data": {**data, key: piece}, "timestamps": {}}
