"""What is recorded: the PVs of the archiver lists that are no arrays, from the PV database.

Their archive deadbands (``.ADEL``) act in the IOC: it posts what goes to archives, and the recorder
asks for that and for changes of alarms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from pvdb.records import Record, Wire

__all__ = ["HEART", "Variable", "of_instruments"]

#: Tells whether an IOC is there; not recorded itself.
HEART: Final = "IOC:HEARTBEAT"
_LONG_TEXT: Final = "$"


@dataclass(frozen=True)
class Variable:
    """A process variable that is recorded.

    Attributes:
        name: With its prefix.
        kind: ``number``, ``state`` or ``text``.
        long: Whether its text is read as a long one.
    """

    name: str
    kind: str
    long: bool = False

    @property
    def address(self) -> str:
        """The name under which its value is read."""
        if not self.long:
            return self.name
        return f"{self.name}{'' if '.' in self.name else '.VAL'}{_LONG_TEXT}"


def of_instruments(prefixes: Mapping[str, str], parameters: Mapping[str, Path]) -> list[Variable]:
    """The variables of instruments.

    Building a table takes the memory of the physics: it is done in a process that ends afterwards.

    Args:
        prefixes: Instrument (``"amrr"``, ``"haloscope"``) to its prefix.
        parameters: Instrument to the parameter file of its IOC, where it has one.
    """
    files = [parameters.get(name) for name in prefixes]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside:
        found = list(aside.map(_of_instrument, prefixes, prefixes.values(), files))
    return [variable for variables in found for variable in variables]


def _of_instrument(instrument: str, prefix: str, parameters: Path | None) -> list[Variable]:
    from iocs.documents.pages import listed

    return of_records(listed(instrument, parameters).database.records, prefix)


def of_records(records: Iterable[Record], prefix: str) -> list[Variable]:
    """Those of a table that are recorded."""
    from iocs.documents.pages import archived

    return [
        Variable(prefix + record.name, _kind(record), record.wire is Wire.STRING)
        for record in records
        if archived(record) and not record.array
    ]


def _kind(record: Record) -> str:
    if record.states:
        return "state"
    return "text" if record.wire in (Wire.STRING, Wire.CHAR) else "number"
