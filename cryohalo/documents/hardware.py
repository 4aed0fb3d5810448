"""The page of what is needed of a laboratory: the least sets, the plans' needs, the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryohalo.documents.markdown import code, table, text
from cryohalo.hardware.catalogue import INSTRUMENTS, Needed
from cryohalo.hardware.needs import HEAD, further, instrument_of, least, rest, row
from plans.offered import offered

__all__ = ["page"]

_HEAD = """# What is needed of a laboratory

Made from the devices' components and the PV database. `cryohalo hardware needs` prints it; how a
laboratory's own records take these places is in
[From simulation to hardware](../../how_to/hardware.md). Names are without the prefix; limits are
those of the simulated machine.
"""


def page() -> str:
    """Both instruments."""
    return "\n".join([_HEAD, *(part for name in INSTRUMENTS for part in _instrument(name))])


def _instrument(name: str) -> Iterator[str]:
    needed, others = least(name), rest(name)
    title = INSTRUMENTS[name]
    yield f"## {title}: the least set\n\n{len(needed)} PVs, without which devices do not connect.\n"
    yield _table(needed)
    yield f"## {title}: what plans need besides\n"
    yield table(("plan", "PVs"), _plans(name))
    yield f"## {title}: what it can be without\n"
    yield (
        "What *guards* is watched by a suspender: that a laboratory has none must be stated in its "
        "file.\n"
    )
    rows = (
        (code(one.name), text(one.leaf.without), "guards" if one.leaf.guards else "")
        for one in others
    )
    yield table(("PV", "without it", ""), rows)


def _table(needed: Iterable[Needed]) -> str:
    rows = ((code(first), *map(text, others)) for first, *others in map(row, needed))
    return table(HEAD, rows)


def _plans(instrument: str) -> Iterator[tuple[str, str]]:
    for plan in offered():
        if instrument in instrument_of(plan):
            more = [code(one.name) for one in further(plan, instrument)]
            yield code(plan.__name__), ", ".join(more) or "nothing"
