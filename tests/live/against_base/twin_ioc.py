"""Records of every type with no machine behind them, to be served beside EPICS base's softIoc.

Run by path, it is our IOC; imported, it is the table from which `tests.live.against_base.softioc`
makes base's.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from caproto import AlarmSeverity

from iocs.access.rules import AccessRules
from iocs.records import Database
from iocs.serving import Server, add_arguments, options_from, serve
from pvdb.records import AlarmLimits, Record, State, Wire, waveform
from pvdb.records import factories as made

ACCESS = """
ASG(DEFAULT) { RULE(1, READ) RULE(1, WRITE) }
ASG(CONFIGURATION) { RULE(1, READ) RULE(1, WRITE) }
ASG(READBACK) { RULE(1, READ) }
"""
STATES = ("Idle", "Running", State("Failed", AlarmSeverity.MAJOR_ALARM))
LIMITS = AlarmLimits(lolo=-20.0, low=-10.0, high=10.0, hihi=20.0)
ANY = (-1e300, 1e300)
_POINTS = np.array([1.5, -2.5, 3.5])


def _no(_: Any) -> None:
    """Takes what is put; the record holds it."""


def _held(record: Record, **changes: Any) -> Record:
    from dataclasses import replace

    return replace(record, **changes)


def table() -> list[Record]:
    """One or more records of each type: those ending in ``_RBV`` are read only."""
    return [
        made.readback("ai_RBV", lambda: 1.25, "a reading", "K", precision=2, display=(-50, 50),
                      alarms=LIMITS),
        made.readback("high_RBV", lambda: 15.0, "a reading in alarm", "K", alarms=LIMITS),
        made.setpoint("ao", None, _no, "a setpoint", "T", control=ANY, initial=2.5, precision=4),
        made.counter("longin_RBV", lambda: 70000, "a count", "1"),
        made.whole_setpoint("longout", None, _no, "a whole setpoint", "mm",
                            control=(-2**31, 2**31 - 1)),
        made.state("bi_RBV", lambda: 1, "a bit", ("Off", State("On", AlarmSeverity.MINOR_ALARM))),
        made.choice("bo", None, _no, "a switch", ("Off", "On")),
        made.state("mbbi_RBV", lambda: 1, "a state", STATES),
        made.choice("mbbo", None, _no, "a choice", STATES),
        made.text("lsi_RBV", lambda: "a text of more than thirty-nine characters, read only",
                  "a text", length=80),
        Record(name="lso", kind="lso", wire=Wire.STRING, description="a text to set", length=80,
               initial="short", write=_no),
        waveform("wave_RBV", lambda: _POINTS, "an array", 5, "V"),
        _held(waveform("wave", lambda: _POINTS, "an array to set", 5, "V", group="DEFAULT"),
              read=None, write=_no),
        waveform("bytes_RBV", lambda: np.frombuffer(b"hello", np.uint8), "bytes", 20,
                 wire=Wire.CHAR),
    ]  # fmt: skip


def initial_values() -> dict[str, str]:
    """What base's records begin with: field and value by record."""
    return {
        "ai_RBV": 'INP, "1.25"', "high_RBV": 'INP, "15"', "ao": 'VAL, "2.5"',
        "longin_RBV": 'INP, "70000"', "longout": 'VAL, "0"', "bi_RBV": 'INP, "1"',
        "bo": 'VAL, "0"', "mbbi_RBV": 'INP, "1"', "mbbo": 'VAL, "0"',
        "lsi_RBV": 'INP, {const:"a text of more than thirty-nine characters, read only"}',
        "lso": 'DOL, {const:"short"}', "wave_RBV": "INP, [1.5, -2.5, 3.5]",
        "wave": "INP, [1.5, -2.5, 3.5]", "bytes_RBV": "INP, [104, 101, 108, 108, 111]",
    }  # fmt: skip


def main() -> int:
    """Serve the table."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--prefix", default="twin:")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    database = Database(table(), arguments.prefix, access=AccessRules.parse(ACCESS))

    async def start(_: Server) -> None:
        await database.put("wave", _POINTS)
        await database.post()

    hook: Callable[[Server], Any] = start
    return serve(database.pvdb, options_from(arguments, "twin"), startup=hook)


if __name__ == "__main__":
    sys.exit(main())
