"""A finding: our number for a claim, with its error and how both were had."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Finding", "counted", "exact", "measured", "numerical", "spread"]


@dataclass(frozen=True)
class Finding:
    """Our number, in the unit of its claim.

    Attributes:
        value: The number.
        error: Its standard error; 0 for what has none.
        how: What kind of error it is, and where it comes from.
        low: Least of several numbers, where there are; else the value.
        high: Largest of them.
        note: What else a reader should know.
    """

    value: float
    error: float
    how: str
    low: float
    high: float
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no number.

        Raises:
            ValueError: The value, its error or an end of its range is none.
        """
        for name in ("value", "error", "low", "high"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} = {getattr(self, name)} is no finite number")
        if self.error < 0.0 or not self.low <= self.high:
            raise ValueError(f"{self.low:g} to {self.high:g} +- {self.error:g} is no finding")

    @property
    def is_range(self) -> bool:
        """Whether it stands for several numbers."""
        return self.high > self.low

    def recorded(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> Finding:
        """From ``recorded``.

        Raises:
            TypeError: Something is missing or not known.
            ValueError: It is no finding.
        """
        return cls(**recorded)


def exact(value: float, how: str = "exact", note: str = "") -> Finding:
    """A number without error: read back, counted, or closed form."""
    return Finding(float(value), 0.0, how, float(value), float(value), note)


def numerical(value: float, error: float, how: str, note: str = "") -> Finding:
    """A number of a calculation, with what its steps leave open."""
    return Finding(
        float(value), float(error), f"numerical: {how}", float(value), float(value), note
    )


def measured(value: float, error: float, how: str, note: str = "") -> Finding:
    """A number with a statistical error."""
    value, error = float(value), float(error)
    return Finding(value, error, f"statistical: {how}", value, value, note)


def counted(count: int, how: str, note: str = "") -> Finding:
    """How often something happened by chance: a Poisson number."""
    return measured(count, math.sqrt(max(count, 1)), how, note)


def spread(
    value: float, low: float, high: float, how: str, error: float = 0.0, note: str = ""
) -> Finding:
    """Several numbers by their mean or median and their ends."""
    return Finding(float(value), float(error), how, float(low), float(high), note)
