"""Numbers as EPICS base writes them out when a client reads a number as text."""

from __future__ import annotations

from typing import Final

#: Beyond this base keeps to three decimals, beyond the next it writes a power of ten.
_LARGE: Final = 1e7
_HUGE: Final = 1e16
#: With more than these ``.PREC`` decimals base always writes a power of ten.
_MOST_DECIMALS: Final = 8


def written(number: float, decimals: int) -> str:
    """A number with ``.PREC`` decimals; halves are rounded away from zero."""
    size = abs(number)
    if number != number or decimals > _MOST_DECIMALS or size > _LARGE:
        if decimals > _MOST_DECIMALS or size > _HUGE:
            return f"{number:{decimals + 7}.{decimals}e}"
        return f"{number:.{min(decimals, 3)}f}"
    whole, scale = int(size), 10**decimals
    fraction = int((size - whole) * scale + 0.5)
    whole, fraction = whole + fraction // scale, fraction % scale
    sign = "-" if number < 0 else ""
    return f"{sign}{whole}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole}"
