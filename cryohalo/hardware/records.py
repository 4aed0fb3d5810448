"""Records of EPICS base in its own language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from cryohalo.hardware.catalogue import Needed
from devices.hardware.aliases import Alias

__all__ = ["Served", "array", "initial", "kind_and_fields", "record"]

_STATES: Final = (
    *("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV"),
    *("EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF"),
)
#: Characters of a field, of the 16 kB that the scanner of EPICS base holds.
_LONGEST: Final = 16_000
#: Bytes of a text that is served.
_TEXT: Final = 200


class Served:
    """One of a laboratory's records, and what it stands for.

    Args:
        needed: The PV of ours.
        alias: How the record is called and counts.
    """

    def __init__(self, needed: Needed, alias: Alias) -> None:
        self.needed, self.alias = needed, alias

    @property
    def name(self) -> str:
        """Our name."""
        return self.needed.name

    @property
    def pv(self) -> str:
        """Its name."""
        return self.alias.pv

    @property
    def units(self) -> str:
        """Its own unit."""
        return self.alias.unit or self.needed.units

    def number(self, value: float) -> float:
        """A number of ours as it holds it."""
        return float(self.alias.raw(float(value)))


def record(kind: str, name: str, fields: Mapping[str, Any]) -> str:
    """A record in EPICS' language."""
    lines = [f'record({kind}, "{name}") {{']
    lines += [f'  field({field}, "{value}")' for field, value in fields.items()]
    return "\n".join([*lines, "}"])


def array(values: Iterable[float], digits: int = 6) -> str:
    """Numbers as a field's value.

    Raises:
        ValueError: It is too long for EPICS base's reader of databases.
    """
    text = "[" + ",".join(f"{value:.{digits}g}" for value in values) + "]"
    if len(text) > _LONGEST:
        raise ValueError(f"an array of {len(text)} characters: a database takes {_LONGEST}")
    return text


def initial(needed: Needed) -> Any:
    """What a record of ours begins with: as the simulated machine does."""
    known = needed.record
    value = known.read() if known.read is not None else known.initial
    if known.state_names():
        return known.state_names().index(value) if isinstance(value, str) else int(value or 0)
    return 0 if value is None else value


def kind_and_fields(one: Served) -> tuple[str, dict[str, Any]]:
    """The type of a record, and the fields that say what it holds."""
    known, written = one.needed.record, one.needed.written
    fields: dict[str, Any] = {"DESC": known.description}
    if states := known.state_names():
        for number, (code, state) in enumerate(zip(_STATES, states, strict=False)):
            fields |= {f"{code}VL": number, f"{code}ST": one.alias.states.get(state, state)}
        return ("mbbo" if written else "mbbi"), {**fields, "VAL": initial(one.needed)}
    if one.needed.kind == "text":
        return ("lso" if written else "lsi"), {**fields, "SIZV": _TEXT}
    fields |= {"EGU": one.units, "VAL": _number(one)}
    whole = known.wire.integer and not one.alias.linear
    limits = known.control_range() if written else known.display
    if limits is not None and limits[0] < limits[1]:
        low, high = sorted(one.number(limit) for limit in limits)
        if whole:
            low, high = round(low), round(high)
        fields |= {"DRVL": low, "DRVH": high} if written else {"LOPR": low, "HOPR": high}
    if whole:
        return ("longout" if written else "longin"), fields
    return ("ao" if written else "ai"), {**fields, "PREC": max(known.precision, 3)}


def _number(one: Served) -> float | int:
    value = np.asarray(initial(one.needed)).ravel()
    begin = one.number(float(value[0]) if value.size else 0.0)
    whole = one.needed.record.wire.integer and not one.alias.linear
    return round(begin) if whole else begin
