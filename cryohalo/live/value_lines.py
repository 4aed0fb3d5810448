"""What a plan returned, as a person reads it: a line for each name, none as Python writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from numbers import Real
from typing import Any, Final

import numpy as np

from instruments.printable import escaped

__all__ = ["value_lines"]

#: Numbers of a list that are told, lines of a value, and characters of a text.
MOST_NUMBERS: Final = 20
MOST_LINES: Final = 200
MOST_CHARACTERS: Final = 4000


def value_lines(value: Any) -> Iterator[str]:
    """A value in lines: ``name: number``, what belongs together indented below its name.

    Numbers have nine digits; of long lists the first are told, and how many there are; of arrays
    their shape. An object that says itself what it is (``__str__``) is told in its own words.

    Args:
        value: Of any kind; ``--show json`` has it for another program.
    """
    lines = iter(_lines(value))
    yield from islice(lines, MOST_LINES)
    if more := sum(1 for _ in lines):
        yield f"... and {more} more lines"


def _lines(value: Any) -> Iterator[str]:
    if parts := _parts(value):
        yield from _named(parts)
    elif parts is not None:
        yield "none"
    elif isinstance(value, list | tuple) and any(not _is_single(one) for one in value):
        yield from _named((f"{number}", one) for number, one in enumerate(value, start=1))
    else:
        yield _single(value)


def _named(parts: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for name, part in parts:
        first, *rest = _lines(part)
        if rest or not _is_short(part):
            yield f"{escaped(name, MOST_CHARACTERS)}:"
            yield from (f"  {line}" for line in (first, *rest))
        else:
            yield f"{escaped(name, MOST_CHARACTERS)}: {first}"


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """Names and what they stand for, None where a value has none."""
    if isinstance(value, Mapping):
        return [(str(name), part) for name, part in value.items()]
    if is_dataclass(value) and not isinstance(value, type) and not _says_itself(value):
        return [(part.name, getattr(value, part.name)) for part in fields(value)]
    return None


def _says_itself(value: Any) -> bool:
    """Whether one of its classes has words for it; a data class is else told as Python writes."""
    return any("__str__" in vars(one) for one in type(value).__mro__[:-1])


def _is_single(value: Any) -> bool:
    return _parts(value) is None and not isinstance(value, list | tuple)


def _is_short(value: Any) -> bool:
    """Whether it stands beside its name: a single value, or a list of such."""
    return _is_single(value) or (isinstance(value, list | tuple) and all(map(_is_single, value)))


def _single(value: Any) -> str:
    if isinstance(value, list | tuple):
        told = ", ".join(_single(one) for one in value[:MOST_NUMBERS])
        return f"{told}, ... ({len(value)} in all)" if len(value) > MOST_NUMBERS else told or "none"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of {' x '.join(map(str, value.shape))}"
    if value is None:
        return "none"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, Real | np.ndarray):
        return f"{float(value):.9g}" if not isinstance(value, int) else str(value)
    return escaped(str(value), MOST_CHARACTERS)
