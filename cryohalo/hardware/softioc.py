"""An EPICS database of a laboratory's records, for EPICS base's softIoc: to try its file with.

The records have a laboratory's names, units and states. A readback follows its setpoint, ten times
a second, or as the put completes (``completes``). Analyzer and digitizer acquire, take a moment,
and count; what they show is ``cryohalo.hardware.pictures``'. All records are of EPICS base, which
has no motor record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from cryohalo.hardware.catalogue import catalogue
from cryohalo.hardware.file import HardwareError
from cryohalo.hardware.pictures import Pictures
from cryohalo.hardware.records import Served, array, initial, kind_and_fields, record
from devices.hardware.aliases import Alias, Laboratory

__all__ = ["database", "served"]

#: Seconds of an acquisition, and of a move whose put completes.
ACQUIRE_S: Final = 0.2
MOVE_S: Final = 0.3
#: Tenths of a second from one limit of a setpoint to the other.
TICKS: Final = 20
#: Points of an array that shows nothing.
_EMPTY: Final = 1000


def served(instrument: str, laboratory: Laboratory) -> dict[str, Served]:
    """The least set, and all else that has an alias, by our names.

    Raises:
        HardwareError: A name is that of a record's field: base has no motor record.
    """
    found: dict[str, Served] = {}
    for name, needed in catalogue(instrument).items():
        full = laboratory.prefix + name
        alias = laboratory.alias(full)
        if alias is None and not needed.leaf.needed:
            continue
        of_setting = len(needed.leaf.names) == 2 and not needed.written
        if of_setting and laboratory.settled(full.removesuffix("_RBV")) != full:
            continue  # its setpoint is its readback
        alias = alias or Alias(full)
        if "." in alias.pv:
            raise HardwareError(
                f"{name} is {alias.pv}: softIoc has no motor record; to try the file, give the "
                'motor\'s fields records of their own: "Rod.RBV" = "LAB:ROD:POS"'
            )
        found[name] = Served(needed, alias)
    return found


def database(instrument: str, laboratory: Laboratory, pictures: Pictures | None = None) -> str:
    """The database, in EPICS' language.

    Args:
        instrument: Whose.
        laboratory: Names and units.
        pictures: What analyzer and digitizer show; None: zeros.

    Raises:
        HardwareError: See ``served``.
    """
    records = served(instrument, laboratory)
    return "\n".join(_Database(records, pictures).lines()) + "\n"


def _moves(one: Served) -> bool:
    """Whether it is the setpoint of a positioner, whose readback takes its time."""
    return one.needed.leaf.path.endswith("setpoint") and _readback_name(one.name) != one.name


def _readback_name(setpoint: str) -> str:
    record_name, dot, field = setpoint.partition(".")
    if dot:
        return f"{record_name}.RBV" if field == "VAL" else setpoint
    return f"{setpoint}_RBV"


class _Database:
    """Writes records, which know of each other by our names."""

    def __init__(self, records: Mapping[str, Served], pictures: Pictures | None) -> None:
        self.records, self.pictures = records, pictures
        self.setpoints = {
            _readback_name(one.name): one for one in records.values() if one.needed.written
        }

    def lines(self) -> Iterator[str]:
        """All records, each once: two of our names may be one record."""
        done = set()
        for one in self.records.values():
            if one.pv not in done:
                done.add(one.pv)
                yield from self._written(one)
        if self.pictures is not None:
            yield from self.pictures.indices(self.records)

    def _written(self, one: Served) -> Iterator[str]:
        own = None if self.pictures is None else self.pictures.records(one, self.records)
        if own is not None:
            yield from own
        elif one.name.endswith(":Acquire"):
            yield from self._acquire(one)
        elif one.name.endswith(":Abort"):
            acquire = self.records[one.name.replace("Abort", "Acquire")]
            yield from _button(one, {"CALC": "0", "OUT": f"{acquire.pv}.VAL NPP"})
        elif one.name.endswith(".STOP"):
            setpoint, readback = (self.records[one.name[:-4] + field] for field in ("VAL", "RBV"))
            calc = {"INPA": readback.pv, "CALC": "A", "OUT": f"{setpoint.pv}.VAL NPP"}
            yield from _button(one, calc)
        elif one.needed.record.array:
            fields = {"FTVL": "DOUBLE", "NELM": _EMPTY, "EGU": one.units}
            yield record("waveform", one.pv, {**fields, "INP": array(np.zeros(_EMPTY))})
        elif one.name.endswith(":Counter_RBV"):
            yield record("calc", one.pv, {"INPA": f"{one.pv}.VAL NPP", "CALC": "A+1"})
        elif one.needed.written:
            yield from self._setpoint(one)
        else:
            yield self._readback(one)

    def _setpoint(self, one: Served) -> Iterator[str]:
        kind, fields = kind_and_fields(one)
        readback = self.records.get(_readback_name(one.name))
        if readback is not None and _moves(one) and one.alias.completes:
            move = f"{one.pv}:move"
            fields["FLNK"] = move
            out = {"ODLY": MOVE_S, "OUT": f"{readback.pv}.VAL PP"}
            yield record("calcout", move, {"INPA": one.pv, "CALC": "A", **out})
        yield record(kind, one.pv, {**fields, "PINI": "YES"})

    def _readback(self, one: Served) -> str:
        setpoint = self.setpoints.get(one.name)
        kind, fields = kind_and_fields(one)
        if setpoint is None or (_moves(setpoint) and setpoint.alias.completes):
            return record(kind, one.pv, {**fields, "PINI": "YES"})
        if _moves(setpoint):
            return record("calc", one.pv, _following(one, setpoint))
        fields.pop("VAL", None)
        return record(kind, one.pv, {**fields, "INP": f"{setpoint.pv} CP", "PINI": "YES"})

    def _acquire(self, one: Served) -> Iterator[str]:
        """``Acquire``, a moment, then arrays, counter, and idle again."""
        begin, end, ended = (f"{one.pv}:{part}" for part in ("begin", "end", "ended"))
        yield record("bo", one.pv, {"ZNAM": "Done", "ONAM": "Acquire", "FLNK": begin})
        now = {"INPA": f"{one.pv}.VAL NPP", "CALC": "A", "OOPT": "When Non-zero"}
        if not one.alias.completes:  # beside the put, which has completed
            later = f"{one.pv}:later"
            yield record("calcout", begin, {**now, "OUT": f"{later}.PROC CA"})
            begin = later
        yield record("calcout", begin, {**now, "ODLY": ACQUIRE_S, "OUT": f"{end}.PROC PP"})
        idle = {"DOPT": "Use OCAL", "OCAL": "0", "OUT": f"{one.pv}.VAL NPP"}
        # An acquisition that was aborted meanwhile brings nothing.
        data = f"{one.pv}:data"
        yield record("calcout", end, {**now, "OUT": f"{data}.PROC PP", "FLNK": f"{one.pv}:idle"})
        yield record("calcout", f"{one.pv}:idle", {"CALC": "0", **idle})
        yield record("fanout", data, {"FLNK": ended, **self._new(one)})
        yield record("fanout", ended, {"LNK1": self.records[_counter_of(one)].pv})

    def _new(self, acquire: Served) -> dict[str, str]:
        """Links to all that is new after an acquisition."""
        part = acquire.name.removesuffix("Acquire")
        arrays = [
            one
            for name, one in self.records.items()
            if name.startswith(part) and one.needed.record.array
        ]
        links = [one.pv for one in arrays]
        if self.pictures is not None and part in self.pictures.PARTS:
            links = self.pictures.new(acquire, arrays)
        return {f"LNK{number}": link for number, link in enumerate(links, 1)}


def _counter_of(acquire: Served) -> str:
    return acquire.name.replace("Acquire", "Counter_RBV")


def _button(one: Served, act: Mapping[str, Any]) -> Iterator[str]:
    yield record("bo", one.pv, {"ZNAM": "Done", "ONAM": "Do", "FLNK": f"{one.pv}:act"})
    yield record("calcout", f"{one.pv}:act", act)


def _following(one: Served, setpoint: Served) -> dict[str, Any]:
    """A readback that goes towards its setpoint by itself."""
    low, high = setpoint.needed.record.control_range() or (0.0, 1.0)
    step = abs(setpoint.number(high) - setpoint.number(low)) / TICKS
    inputs = {"INPA": f"{one.pv}.VAL NPP", "INPB": f"{setpoint.pv}.VAL NPP", "INPC": step}
    calc = "ABS(B-A)<=C?B:(B>A?A+C:A-C)"
    shown = {"EGU": one.units, "PREC": one.needed.record.precision}
    start = one.number(float(initial(one.needed)))
    return {"SCAN": ".1 second", **inputs, "CALC": calc, "VAL": start, **shown}
