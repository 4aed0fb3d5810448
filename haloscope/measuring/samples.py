"""How many samples a time stream of the high-resolution channel has."""

from __future__ import annotations

from typing import Final

__all__ = ["FEWEST_SAMPLES", "MOST_SAMPLES", "sample_count"]

#: As many as a spectrum of CAPP-12TB has bins: clients that read the one can read the other.
MOST_SAMPLES: Final = 100_000
FEWEST_SAMPLES: Final = 64


def sample_count(bandwidth_hz: float, duration_s: float) -> int:
    """Samples of a stream.

    Raises:
        ValueError: More than a stream may have, or fewer.
    """
    count = round(bandwidth_hz * duration_s)
    if not FEWEST_SAMPLES <= count <= MOST_SAMPLES:
        raise ValueError(
            f"{duration_s:g} s of {bandwidth_hz:g} Hz are {count} samples, needed {FEWEST_SAMPLES} "
            f"to {MOST_SAMPLES}"
        )
    return count
