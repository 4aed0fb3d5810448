"""The newest value of every variable of one instrument, and which have changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryohalo.page.encoding import value_text
from cryohalo.page.variables import Variable

__all__ = ["LOST", "UNDEFINED", "Board", "Shown"]

#: In the place of a severity: the value is the last one known, its IOC does not answer.
LOST: Final = 4
#: Likewise: nothing has been measured yet, which is no fault.
UNDEFINED: Final = -1


@dataclass
class Shown:
    """What is known of one variable.

    Attributes:
        variable: Which.
        value: The last one, None before the first.
        severity: Of its alarm, 0 to 3, or ``LOST``, or ``UNDEFINED``.
        time_s: Its time stamp, s since the Unix epoch.
        properties: Units, precision, limits, states, as the IOC tells them.
        text: ``[value, severity, time]`` as JSON, by the last ``encode``.
    """

    variable: Variable
    value: Any = None
    severity: int = LOST
    time_s: float = 0.0
    properties: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    def __post_init__(self) -> None:
        self.encode()

    def encode(self) -> None:
        """Work out ``text``, once for all viewers."""
        told = "null"
        if self.value is not None:
            try:
                told = value_text(self.value, self.variable.kind)
            except (TypeError, ValueError, OverflowError):  # not what the PV database says it is
                told = json.dumps(str(self.value)[:100])
        self.text = f"[{told},{self.severity},{self.time_s:.3f}]"

    def told(self) -> dict[str, Any]:
        """What a browser is told of the variable itself."""
        variable = self.variable
        return {
            "desc": variable.description,
            "kind": variable.kind,
            "set": variable.settable,
            "momentary": variable.momentary,
            "done": variable.done,
            **self.properties,
        }


class Board:
    """All variables of one instrument.

    Args:
        prefix: Of their names.
        variables: The variables.

    Attributes:
        shown: Name without prefix to what is known.
        changed: Names whose value or alarm is new since ``take_changed``.
        redescribed: Likewise, whose properties are new.
    """

    def __init__(self, prefix: str, variables: Sequence[Variable]) -> None:
        self.prefix = prefix
        self.shown: Mapping[str, Shown] = {v.name: Shown(v) for v in variables}
        self.changed: set[str] = set()
        self.redescribed: set[str] = set()

    def update(self, name: str, value: Any, severity: int, time_s: float) -> None:
        """A new value."""
        shown = self.shown[name]
        shown.value, shown.severity, shown.time_s = value, severity, time_s
        self.changed.add(name)

    def lose(self, name: str) -> None:
        """The IOC of this variable does not answer: the last value stays, marked as such."""
        shown = self.shown[name]
        shown.severity, shown.time_s = LOST, time.time()
        self.changed.add(name)

    def describe(self, name: str, properties: Mapping[str, Any]) -> None:
        """What the IOC tells of the variable."""
        self.shown[name].properties = dict(properties)
        self.redescribed.add(name)

    def lost(self) -> int:
        """How many variables are lost now."""
        return sum(one.severity == LOST for one in self.shown.values())

    def take_changed(self) -> set[str]:
        """Names that have changed since the last call; their texts are new."""
        taken, self.changed = self.changed, set()
        for name in taken:
            self.shown[name].encode()
        return taken

    def take_redescribed(self) -> set[str]:
        """Names whose properties have changed since the last call."""
        taken, self.redescribed = self.redescribed, set()
        return taken

    def values_text(self, names: Iterable[str]) -> str:
        """JSON object of the values of ``names``: ``[value, severity, time]`` each."""
        return "{" + ",".join(f"{json.dumps(n)}:{self.shown[n].text}" for n in names) + "}"

    def described_text(self, names: Iterable[str]) -> str:
        """JSON object of what is told of ``names``."""
        return json.dumps({name: self.shown[name].told() for name in names}, allow_nan=False)
