"""The page of the refrigerator's parameters: values, where they come from, how sure they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from amrr.origins import ORIGIN, RANGE, Origin, Range
from amrr.parameters import RefrigeratorParameters
from cryohalo.documents.docstrings import attributes_of, prose_of
from cryohalo.documents.markdown import code, table, text

__all__ = ["page"]

_HEAD = """# Values of the refrigerator

Made from `amrr.parameters`: the values of the machine as it is simulated unless a parameter file
says otherwise. *paper* is what the paper states; *chosen* is what its operator sets; *assumed* is
ours, with the range in which it may be, and why. Units are the ends of the names. `cryohalo
uncertainty` says what the ranges make of temperature and power
([studies](../../explanation/amrr_studies.md)).
"""
_COLUMNS = ("value", "default", "from", "meaning", "range, and why")


def page() -> str:
    """A table for each group of parameters."""
    return "\n".join([_HEAD, *_tables(RefrigeratorParameters(), "")])


def _tables(part: Any, name: str) -> Iterator[str]:
    own = list(_rows(part))
    if own:
        about = prose_of(type(part))[0]
        yield f"## {code(name.rstrip('.')) or 'The machine'}\n\n{text(about)}\n"
        yield table(_COLUMNS, own)
    for item in fields(part):
        value = getattr(part, item.name)
        if is_dataclass(value):
            yield from _tables(value, f"{name}{item.name}.")


def _rows(part: Any) -> Iterator[tuple[str, ...]]:
    told = attributes_of(type(part))
    for item in fields(part):
        value = getattr(part, item.name)
        if is_dataclass(value):
            continue
        origin, limits = item.metadata.get(ORIGIN), item.metadata.get(RANGE)
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        yield (
            code(item.name),
            code(shown),
            str(origin) if isinstance(origin, Origin) else "",
            text(told.get(item.name, "")),
            _range(limits),
        )


def _range(limits: Range | None) -> str:
    if limits is None:
        return ""
    why = "; ".join(filter(None, (limits.reason, limits.source)))
    return f"{limits.low:g} to {limits.high:g}: {text(why)}"
