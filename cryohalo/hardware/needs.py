"""What each instrument, and each plan, needs of a laboratory, as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

from cryohalo.hardware.catalogue import Needed, catalogue
from cryohalo.running.arguments import instruments_of
from plans.offered import offered
from plans.shared.needs import needs_of

__all__ = ["HEAD", "further", "instrument_of", "least", "plan_named", "rest", "row"]

HEAD: Final = ("PV", "holds", "unit", "direction", "limits", "what for")
_DIRECTIONS: Final = {"read": "read", "write": "written", "both": "written, read"}
#: Names of the instruments' devices in a session, and of their IOCs.
_IOCS: Final = {"refrigerator": "amrr", "haloscope": "haloscope"}


def row(needed: Needed) -> tuple[str, ...]:
    """A PV in words, as ``HEAD`` has it."""
    direction = _DIRECTIONS[needed.leaf.direction] if needed.written else "read"
    limits = needed.record.control_range() if needed.written and not needed.record.states else None
    shown = "" if limits is None else f"{_shown(limits[0])} to {_shown(limits[1])}"
    return needed.name, needed.kind, needed.units, direction, shown, needed.what


def _shown(limit: float) -> str:
    return f"{limit:g}" if math.isfinite(limit) else "any"


def least(instrument: str) -> list[Needed]:
    """The least set."""
    return [needed for needed in catalogue(instrument).values() if needed.leaf.needed]


def rest(instrument: str) -> list[Needed]:
    """What it can be without."""
    return [needed for needed in catalogue(instrument).values() if not needed.leaf.needed]


def further(plan: Callable[..., Any], instrument: str) -> Iterator[Needed]:
    """What a plan needs beyond the least set."""
    parts = needs_of(plan)
    for needed in rest(instrument):
        if any(needed.leaf.needed_for(part) for part in parts):
            yield needed


def instrument_of(plan: Callable[..., Any]) -> list[str]:
    """The IOCs of the instruments that a plan is for."""
    return [_IOCS[name] for name in instruments_of(plan)]


def plan_named(name: str) -> Callable[..., Any]:
    """A plan by its name.

    Raises:
        ValueError: There is none.
    """
    for plan in offered():
        if plan.__name__ == name.replace("-", "_"):
            return plan
    raise ValueError(f"there is no plan {name}; `cryohalo run` lists them")
