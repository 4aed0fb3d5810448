"""Records to filter, of each kind, as EPICS base's softIoc has them in `DATABASE`; run by path."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from iocs.records import Database
from iocs.serving import Server, add_arguments, options_from, serve
from pvdb.records import Record, choice, setpoint, text, waveform, whole_setpoint

DATABASE = """
record(ao, "{prefix}Double") {{ field(VAL, "3.5") field(PINI, "YES") field(PREC, "3") }}
record(longout, "{prefix}Long") {{ field(VAL, "7") field(PINI, "YES") }}
record(mbbo, "{prefix}Enum") {{
  field(ZRST, "zero") field(ONST, "one") field(TWST, "two")
  field(ZRVL, 0) field(ONVL, 1) field(TWVL, 2) field(VAL, 1) field(PINI, "YES")
}}
record(bo, "{prefix}Switch") {{ field(ZNAM, "Off") field(ONAM, "On") field(PINI, "YES") }}
record(lso, "{prefix}Text") {{ field(SIZV, "40") }}
record(lso, "{prefix}LongText") {{ field(SIZV, "101") }}
record(waveform, "{prefix}Wave") {{
  field(NELM, "40") field(FTVL, "DOUBLE") field(INP, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
}}
record(waveform, "{prefix}Full") {{
  field(NELM, "10") field(FTVL, "DOUBLE") field(INP, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
}}
"""


def _keep(_: Any) -> None:
    """The record holds it."""


def _table() -> Iterator[Record]:
    yield setpoint("Double", None, _keep, "", control=(-1e300, 1e300), precision=3, initial=3.5)
    yield replace(whole_setpoint("Long", None, _keep, "", control=(-1000, 1000)), initial=7)
    yield replace(choice("Enum", None, _keep, "", ("zero", "one", "two")), initial=1)
    yield choice("Switch", None, _keep, "", ("Off", "On"))
    yield _text("Text", 39)
    yield _text("LongText", 100)
    yield _wave("Wave", 40, np.arange(10.0))
    yield _wave("Full", 10, np.arange(10.0))


def _text(name: str, length: int) -> Record:
    return replace(text(name, lambda: "", "", length=length), kind="lso", read=None, write=_keep)


def _wave(name: str, length: int, first: np.ndarray) -> Record:
    held = [first]

    def write(value: np.ndarray) -> None:
        held[0] = value

    record = waveform(name, lambda: held[0], "", length)
    return replace(record, write=write, control=(-1e300, 1e300))


def main() -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--prefix", default="T:")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    database = Database(_table(), arguments.prefix)

    async def start(_: Server) -> None:
        await database.post()

    return serve(database.pvdb, options_from(arguments, "filtered"), startup=start)


if __name__ == "__main__":
    sys.exit(main())
