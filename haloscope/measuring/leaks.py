"""What an isolation allows of a leak."""

from __future__ import annotations

import math

__all__ = ["leak_part"]


def leak_part(isolation_db: float | None) -> float:
    """Standard deviation of each part, in and out of phase, of a leak at an angle not known.

    A leak of the amplitude 10^(-I/20) at all angles alike has parts of that over the root of two.

    Args:
        isolation_db: Isolation I of circulator or coupler, dB; None if a leak may be of any size.

    Returns:
        As a share of the wave that leaks; infinite without an isolation.

    Raises:
        ValueError: An isolation that is not above 0 dB.
    """
    if isolation_db is None:
        return math.inf
    if not isolation_db > 0:
        raise ValueError(f"circulator: isolation of {isolation_db} dB, must be above 0 dB")
    return float(10 ** (-isolation_db / 20)) / math.sqrt(2)
