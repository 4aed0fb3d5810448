"""What all cases share: what is put to each field, and where it goes."""

from __future__ import annotations

from typing import Any

from tests.backends.motor.language import D, P, S, Step

Case = tuple[Step, ...]

STOP, PAUSE, MOVE, GO = "Stop", "Pause", "Move", "Go"
EDGE = 1.0
"""A jog ends one second of travel before a soft limit."""

DRIVES: dict[str, tuple[Any, float]] = {
    "VAL": (P(2), 2),
    "DVAL": (P(2), 2),
    "RVAL": (S(2), 2),
    "RLV": (D(2), 2),
    "TWF": (1, 1),
    "TWR": (1, -1),
}
"""What is put to each drive field, standing in the middle, and to which unit that goes."""

JOGS = {"JOGF": P(10, seconds=-EDGE), "JOGR": P(-10, seconds=EDGE)}
"""Where each jog ends if it is not released."""

HOMES = ("HOMF", "HOMR")
HELD = (STOP, PAUSE)

at_middle = {"VAL": P(0), "DVAL": P(0), "RBV": P(0), "MOVN": 0}


def at(units: float, **more: Any) -> dict[str, Any]:
    """Standing there, done."""
    there = {"VAL": P(units), "DVAL": P(units), "RBV": P(units)}
    return {**there, "MOVN": 0, "DMOV": 1, "LVIO": 0, "MISS": 0, **more}
