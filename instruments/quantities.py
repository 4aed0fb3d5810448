"""One value of a description: what it is, its unit, what it may be. Its value stands in a file.

The unit is read off the name (``volume_m3``, ``ramp_rate_a_per_s``), so that the two never differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from typing import Any, Final, Literal

__all__ = ["Kind", "Quantity", "quantity", "quantity_of", "unit_in"]

Kind = Literal["number", "whole", "text", "numbers"]

_KINDS: Final[Mapping[str, Kind]] = {
    "float": "number",
    "int": "whole",
    "str": "text",
    "tuple[float, ...]": "numbers",
}
#: Ends of names, the longest first, and the unit that each states.
_UNITS: Final = {
    "gev_per_cm3": "GeV/cm^3",
    "hz_per_beta": "Hz",
    "db_per_mhz": "dB/MHz",
    "deg_per_s": "deg/s",
    "w_per_k2": "W/K^2",
    "mm_per_s": "mm/s",
    "a_per_s": "A/s",
    "per_hour": "1/h",
    "dbm": "dBm",
    "deg": "deg",
    "day": "d",
    "db": "dB",
    "hz": "Hz",
    "m3": "m^3",
    "mm": "mm",
    "a": "A",
    "h": "H",
    "k": "K",
    "m": "m",
    "s": "s",
    "t": "T",
    "v": "V",
    "w": "W",
}


@dataclass(frozen=True)
class Quantity:
    """What a value is and what it may be.

    Attributes:
        name: Dotted, group and value.
        what: In words.
        kind: Number, whole number, text or list of numbers.
        unit: Of the value; "" for a plain number or a text.
        low: Lowest value; minus infinity for none.
        high: Highest value; infinity for none.
        above: The lowest value itself is not allowed.
        words: What a text may be; empty for any.
    """

    name: str
    what: str
    kind: Kind
    unit: str
    low: float
    high: float
    above: bool
    words: tuple[str, ...]

    @property
    def range(self) -> str:
        """What is allowed, in words with the unit."""
        if self.words:
            return "one of " + ", ".join(self.words)
        if self.kind == "text":
            return "a text"
        low, high = f"{self.low:g}", f"{self.high:g}"
        if math.isinf(self.low) and math.isinf(self.high):
            return "any number"
        if math.isinf(self.high):
            said = f"above {low}" if self.above else f"{low} or more"
        elif math.isinf(self.low):
            said = f"{high} or less"
        else:
            said = f"above {low} to {high}" if self.above else f"{low} to {high}"
        return f"{said} {self.unit}".rstrip()

    def allows(self, value: float) -> bool:
        """Whether a finite number is in range."""
        return (self.low < value if self.above else self.low <= value) and value <= self.high


def quantity(
    what: str,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
    unit: str | None = None,
    words: tuple[str, ...] = (),
) -> Any:
    """A field without a value.

    Args:
        what: In words.
        low: Lowest value, itself allowed; none if neither this nor ``above`` is given.
        high: Highest value, itself allowed.
        above: Every value must be above this.
        unit: Where the name does not tell it.
        words: What a text may be.
    """
    bound = low if above is None else above
    return field(
        metadata={
            "what": what,
            "unit": unit,
            "low": -math.inf if bound is None else bound,
            "high": math.inf if high is None else high,
            "above": above is not None,
            "words": words,
        }
    )


def quantity_of(group: str, item: Field[Any]) -> Quantity:
    """What a field of a group is."""
    said = item.metadata
    unit = said["unit"] if said["unit"] is not None else unit_in(item.name)
    return Quantity(
        f"{group}.{item.name}", said["what"], _KINDS[str(item.type)], unit,
        said["low"], said["high"], said["above"], said["words"],
    )  # fmt: skip


def unit_in(name: str) -> str:
    """The unit that a value's name states; "" for none."""
    return next((unit for end, unit in _UNITS.items() if name.endswith(f"_{end}")), "")
