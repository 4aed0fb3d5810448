"""Which process variables a page subscribes to: from the PV database, so that no name stands twice.

Building an instrument's table takes seconds and the memory of its physics; ``of_instruments`` does
it in a process that ends afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from cryohalo.page.layout import LAYOUTS
from pvdb.records import Record, Wire

__all__ = ["Variable", "of_instruments"]

#: Of a motor's fields, those that an operator looks at or pushes.
MOTOR_FIELDS: Final = (".RBV", ".STOP", ".DMOV", ".MOVN", ".HLS", ".LLS", ".LVIO")
_MOTOR_STOP: Final = ".STOP"
#: What only the simulation knows, and what a real instrument could not tell.
_HIDDEN_GROUP: Final = "TRUTH"


@dataclass(frozen=True)
class Variable:
    """A process variable as a page knows it before it is connected.

    Attributes:
        name: Without the prefix.
        description: What it is.
        kind: ``"number"``, ``"state"``, ``"text"`` or ``"array"``.
        settable: Whether the page may set it.
        momentary: A command: setting it to 1 does it.
        done: Whether a put ends when its effect is there.
    """

    name: str
    description: str
    kind: str
    settable: bool = False
    momentary: bool = False
    done: bool = False


def of_instruments(parameters: Mapping[str, Path | None]) -> dict[str, list[Variable]]:
    """The variables of instruments, built in a process of its own.

    Args:
        parameters: Instrument (``"amrr"``, ``"haloscope"``) to the parameter file of its IOC, None
            for the defaults.
    """
    chosen = tuple(parameters)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside:
        return dict(zip(chosen, aside.map(variables_of, chosen, parameters.values()), strict=True))


def variables_of(instrument: str, parameters: Path | None = None) -> list[Variable]:
    """The variables of one instrument's page."""
    from iocs.documents.pages import listed

    records = listed(instrument, parameters).database.records
    layout = LAYOUTS[instrument]
    return list(_shown(records, frozenset(layout.arrays), layout.settable))


def _shown(
    records: Iterable[Record], arrays: frozenset[str], settable: frozenset[str]
) -> Iterator[Variable]:
    for record in records:
        if record.group == _HIDDEN_GROUP or record.secret:
            continue
        if record.array and record.name not in arrays:
            continue
        if "." in record.name and not record.name.endswith(MOTOR_FIELDS):
            continue
        yield Variable(
            name=record.name,
            description=record.description,
            kind=_kind(record),
            settable=record.writable and record.name in settable,
            momentary=record.momentary or record.name.endswith(_MOTOR_STOP),
            done=record.done is not None,
        )


_KINDS: Final[Mapping[Wire, str]] = {Wire.ENUM: "state", Wire.STRING: "text"}


def _kind(record: Record) -> str:
    return "array" if record.array else _KINDS.get(record.wire, "number")
