"""Where a machine holds a number that is none, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amrr.circuit.layout import Places
from instruments.errors import Refused
from instruments.kept import Spec, check

Array = NDArray[np.float64]


def unsound(state: Mapping[str, Any], allowed: Spec, rows: tuple[str, ...], places: Places) -> str:
    """The first value of a state that is not finite, or cannot be; "" when all can.

    Args:
        state: As ``amrr.refrigerator.SimulatedRefrigerator.state`` gives it.
        allowed: What it may hold.
        rows: What the rows of its lumps are called.
        places: The parts of the machine.
    """
    nodes: Array = state["nodes"]
    for row, lump in np.argwhere(~np.isfinite(nodes))[:1]:
        return f"{rows[row]} of {name(places, int(lump))} is {nodes[row, lump]:g}"
    try:
        check(allowed, dict(state), "")
    except Refused as why:
        return str(why)
    return ""


def name(places: Places, lump: int) -> str:
    """Which part of the machine a lump is, and which of its lumps, in words."""
    for side, at in places.pump.items():
        if lump == at:
            return f"pump bed {side}"
    for what, sides in (
        ("hot heat exchanger", places.hot_exchanger),
        ("hot line", places.hot_line),
        ("hot header", places.hot_header),
        ("regenerator", places.bed),
        ("cold header", places.cold_header),
        ("cold line", places.cold_line),
    ):
        for side, at_chain in sides.items():
            if at_chain.start <= lump < at_chain.stop:
                return f"{what} {side}{_which(lump, at_chain, hot_first=side == 'B')}"
    return f"the cold heat exchanger{_which(lump, places.cold_exchanger, hot_first=True)}"


def _which(lump: int, at: slice, *, hot_first: bool) -> str:
    count = at.stop - at.start
    if count == 1:
        return ""
    k = lump - at.start + 1 if hot_first else at.stop - lump
    return f", lump {k} of {count}"
