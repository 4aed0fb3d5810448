"""Times as a person gives them: a day, a moment, or how long ago."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Final

__all__ = ["moment_of"]

_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def moment_of(text: str, now: float) -> float:
    """Seconds since 1970 of ``2026-11-27``, ``2026-11-27T14:30``, ``90s``, ``30m``, ``5h``, ``2d``.

    Args:
        text: What was given; the last forms are that long before now. Local time unless it has a
            zone.
        now: Seconds since 1970.

    Raises:
        ValueError: It is none of these.
    """
    ago = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])", text.strip())
    if ago:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        found = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{text!r:.40} is no time: 2026-11-27, 2026-11-27T14:30, 30m, 5h, 2d")
    return found
