"""A laboratory's record in place of one of ours: its name, and how its values are counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

__all__ = ["Alias"]

#: Of a metadata's keys, the pairs that a negative factor swaps.
_PAIRS: Final = tuple(
    (f"lower_{kind}_limit", f"upper_{kind}_limit") for kind in ("ctrl", "disp", "alarm", "warning")
)


@dataclass(frozen=True)
class Alias:
    """A laboratory's record in place of one of ours.

    What is shown is ``factor`` times what the record holds, plus ``offset``.

    Attributes:
        pv: Its name.
        unit: Of the record, "" for the same as ours.
        shown_unit: Ours; "" to show the record's.
        factor: Our units in one of the record's.
        offset: In our units.
        states: Its states' names by ours, where they differ.
        completes: A put to it completes when what was asked for is there. Where it does not, the
            device looks at the readback.
    """

    pv: str
    unit: str = ""
    shown_unit: str = ""
    factor: float = 1.0
    offset: float = 0.0
    states: Mapping[str, str] = field(default_factory=dict)
    completes: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be turned round.

        Raises:
            ValueError: The factor is zero or not finite, the offset not finite, or two states of
                ours are one of the record's.
        """
        if not math.isfinite(self.factor) or self.factor == 0.0:
            raise ValueError(f"{self.pv}: factor {self.factor} (finite, not zero)")
        if not math.isfinite(self.offset):
            raise ValueError(f"{self.pv}: offset {self.offset} (finite)")
        if len(set(self.states.values())) < len(self.states):
            raise ValueError(f"{self.pv}: two states have one name there: {dict(self.states)}")

    @property
    def linear(self) -> bool:
        """Whether numbers change."""
        return (self.factor, self.offset) != (1.0, 0.0)

    @property
    def converts(self) -> bool:
        """Whether anything of a value or its metadata changes."""
        return self.linear or bool(self.states) or bool(self.shown_unit)

    @cached_property
    def _ours(self) -> dict[str, str]:
        return {theirs: ours for ours, theirs in self.states.items()}

    def shown(self, value: Any) -> Any:
        """A value as we count it; a state by our name."""
        if value is None:
            return None
        if isinstance(value, str):
            return self._ours.get(value, value)
        if not self.linear:
            return value
        if isinstance(value, np.ndarray):
            return self.factor * value.astype(np.float64, copy=False) + self.offset
        return self.factor * float(value) + self.offset

    def raw(self, value: Any) -> Any:
        """A value as the record holds it."""
        if isinstance(value, str):
            return self.states.get(value, value)
        return (value - self.offset) / self.factor if self.linear else value

    def shown_metadata(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """What Channel Access tells of a value, as we count: value, limits, unit, states."""
        found = dict(info)
        if "value" in found:
            found["value"] = self.shown(found["value"])
        if self.states:
            found |= self._shown_states(found)
        if self.linear:
            found |= self._shown_limits(found)
        if self.shown_unit and found.get("units") is not None:
            found["units"] = self.shown_unit
        return found

    def _shown_states(self, info: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if info.get("enum_strs"):
            found["enum_strs"] = tuple(self.shown(state) for state in info["enum_strs"])
        if isinstance(info.get("char_value"), str):
            found["char_value"] = self.shown(info["char_value"])
        return found

    def _shown_limits(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Equal limits are none, whatever they are: they stay equal."""
        found: dict[str, Any] = {}
        for pair in _PAIRS:
            both = [info.get(key) for key in pair]
            if None in both:
                continue
            low, high = (self.shown(limit) for limit in both)
            found |= dict(zip(pair, (high, low) if self.factor < 0 else (low, high), strict=True))
        return found
