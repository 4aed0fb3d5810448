"""What a plan returned, as a person reads it: a line for each name, none as Python writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import islice
from numbers import Integral, Real
from typing import Any, Final

import numpy as np

from instruments.printable import escaped

__all__ = ["value_lines"]

#: Numbers of a list that are told, lines of a value, characters of a text, and names within names.
MOST_NUMBERS: Final = 20
MOST_LINES: Final = 200
MOST_CHARACTERS: Final = 4000
MOST_LEVELS: Final = 20


def value_lines(value: Any) -> Iterator[str]:
    """A value in lines: ``name: number``, what belongs together indented below its name.

    Numbers have nine digits, whole ones all; of long lists the first are told, and how many there
    are; of arrays their shape; of a choice (``Enum``) its name. An object that says itself what it
    is (``__str__``) is told in its own words. No value raises: its run has been recorded by then.

    Args:
        value: Of any kind; ``--show json`` has it for another program.
    """
    lines = iter(_lines(value))
    yield from islice(lines, MOST_LINES)
    if more := sum(1 for _ in lines):
        yield f"... and {more} more lines"


def _lines(value: Any, within: tuple[int, ...] = ()) -> Iterator[str]:
    """Lines of a value; ``within`` are the identities of what holds it, the outermost first."""
    value = _plain(value)
    inner = (*within, id(value))
    if not _is_single(value) and (id(value) in within or len(within) > MOST_LEVELS):
        yield "..."  # what holds itself would never end
    elif parts := _parts(value):
        yield from _named(parts, inner)
    elif parts is not None:
        yield "none"
    elif isinstance(value, list | tuple) and not all(map(_is_single, value)):
        numbered = [(f"{number}", one) for number, one in enumerate(value, start=1)]
        yield from _named(numbered, inner)
    else:
        yield _single(value)


def _named(parts: Iterable[tuple[str, Any]], within: tuple[int, ...]) -> Iterator[str]:
    for name, part in parts:
        first, *rest = _lines(part, within)
        if rest or not _is_short(part):
            yield f"{escaped(name, MOST_CHARACTERS)}:"
            yield from (f"  {line}" for line in (first, *rest))
        else:
            yield f"{escaped(name, MOST_CHARACTERS)}: {first}"


def _plain(value: Any) -> Any:
    """A set as a list in an order of its own, an array of one value as that value."""
    if isinstance(value, Set):
        try:
            return sorted(value)
        except TypeError:  # of several kinds
            return sorted(value, key=_single)
    if isinstance(value, np.ndarray) and not value.ndim:
        return None if np.ma.is_masked(value) else value.item()
    return value


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """Names and what they stand for, None where a value has none."""
    if isinstance(value, Mapping):
        return [(_single(name), part) for name, part in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    if is_dataclass(value) and not isinstance(value, type) and not _says_itself(value):
        return [(part.name, getattr(value, part.name, None)) for part in fields(value)]
    return None


def _says_itself(value: Any) -> bool:
    """Whether one of its classes has words for it; a data class is else told as Python writes."""
    return any("__str__" in vars(one) for one in type(value).__mro__[:-1])


def _is_single(value: Any) -> bool:
    value = _plain(value)
    return _parts(value) is None and not isinstance(value, list | tuple)


def _is_short(value: Any) -> bool:
    """Whether it stands beside its name: a single value, or a list of such."""
    value = _plain(value)
    return _is_single(value) or (
        _parts(value) is None and isinstance(value, list | tuple) and all(map(_is_single, value))
    )


def _single(value: Any) -> str:
    value = _plain(value)
    if isinstance(value, list | tuple):
        told = ", ".join(_single(one) for one in value[:MOST_NUMBERS])
        return f"{told}, ... ({len(value)} in all)" if len(value) > MOST_NUMBERS else told or "none"
    if isinstance(value, np.ndarray):
        return f"an array of {' x '.join(map(str, value.shape))}"
    if value is None:
        return "none"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    try:
        return _words(value)
    except Exception:  # too large a number, or words that fail
        return f"a value of {escaped(type(value).__name__)} that cannot be told"


def _words(value: Any) -> str:
    if isinstance(value, Enum) and not isinstance(value, str):
        return escaped(value.name or value.value)
    if isinstance(value, Real):
        return str(int(value)) if isinstance(value, Integral) else f"{float(value):.9g}"
    return escaped(value.value if isinstance(value, Enum) else value, MOST_CHARACTERS)
