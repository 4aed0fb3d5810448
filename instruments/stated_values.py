"""Values that owners state of their apparatus, checked against their quantities.

Every mistake is found, not only the first; each is a line that names the value, what it says, what
is allowed with its unit, and what it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from numbers import Real
from typing import Any, Final

from instruments.quantities import Quantity, quantity_of

__all__ = [
    "Groups",
    "MistakesError",
    "Values",
    "hash_in",
    "name_in",
    "quantities",
    "served",
    "values_in",
]

_LONGEST_TEXT: Final = 200
_LONGEST_HASH: Final = 64
_MOST_ELEMENTS: Final = 100
#: Mistakes that an error's message holds; all of them are in its ``found``.
_TOLD: Final = 5
Groups = Mapping[str, type[Any]]
Values = dict[str, dict[str, Any]]


class MistakesError(ValueError):
    """What is stated cannot be; ``found`` has every mistake in a line of its own."""

    def __init__(self, found: Sequence[str]) -> None:
        self.found = tuple(found)
        more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
        super().__init__("; ".join(found[:_TOLD]) + more)


def quantities(groups: Groups) -> Iterator[Quantity]:
    """All values of groups, in their order."""
    for group, described in groups.items():
        for item in fields(described):
            yield quantity_of(group, item)


def served(text: str, longest: int) -> dict[str, Any]:
    """The values by name of a JSON text that somebody serves.

    Raises:
        ValueError: It is longer than ``longest`` characters, no JSON, or no values by name.
    """
    if len(text) > longest:
        raise ValueError(f"{len(text)} characters, at most {longest}")
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("its lists or tables are nested too deep") from None
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"it is {content!r:.60}, not values by name")
    return content


def hash_in(value: object, found: list[str]) -> str:
    """The hash of the parameters that a description is of; a mistake is added to ``found``."""
    if isinstance(value, str) and len(value) <= _LONGEST_HASH:
        return value
    found.append(f"parameters_hash is {value!r:.60}, must be a short text")
    return ""


def name_in(value: object, found: list[str]) -> str:
    """The name of an apparatus; a mistake is added to ``found``."""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and value.isprintable():
        return value
    found.append(f"parameter name is {value!r:.60}, must be a text")
    return ""


def values_in(
    groups: Groups, content: Mapping[str, Any], base: object | None, found: list[str]
) -> Values:
    """The values of all groups; mistakes are added to ``found``.

    Args:
        groups: Class of each group by its name.
        content: Tables of values by group.
        base: Has the groups whose values hold where ``content`` has none; None if it must have all.
        found: Mistakes.
    """
    for group in content:
        if group not in groups:
            found.append(f"parameter group {group!r:.60} does not exist{_meant(group, groups)}")
    return {
        group: _group(group, described, content.get(group, {}), getattr(base, group, None), found)
        for group, described in groups.items()
    }


def _group(
    group: str, described: type[Any], given: Any, base: object | None, found: list[str]
) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        found.append(f"parameter group {group!r} is {given!r:.60}, must be a table of values")
        given = {}
    known = {item.name: quantity_of(group, item) for item in fields(described)}
    for key in given:
        if key not in known:
            found.append(f"parameter {group}.{key!s:.60} does not exist{_meant(key, known)}")
    values: dict[str, Any] = {}
    for key, what in known.items():
        if key in given:
            values[key] = _checked(what, given[key], found)
        elif base is not None:
            values[key] = getattr(base, key)
        else:
            found.append(f"parameter {what.name} is not stated: {what.what}, {what.range}")
            values[key] = None
    return values


def _meant(name: object, known: Mapping[str, Any]) -> str:
    near = get_close_matches(f"{name!s:.60}", list(known), n=1)
    return f"; is {near[0]} meant?" if near else ""


# One value ----------------------------------------------------------------------------------------


def _checked(what: Quantity, value: Any, found: list[str]) -> Any:
    """A value in its type; None with a mistake."""
    if what.kind == "text":
        return _text(what, value, found)
    if what.kind == "numbers":
        return _numbers(what, value, found)
    return _number(what, value, found)


def _wrong(what: Quantity, value: Any, needed: str, found: list[str]) -> Any:
    """Add a mistake; None, as the value that there is not."""
    found.append(f"parameter {what.name} is {value!r:.60}, must be {needed}: {what.what}")


def _text(what: Quantity, value: Any, found: list[str]) -> str | None:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        return _wrong(what, value, "a text", found)
    if what.words and value not in what.words:
        return _wrong(what, value, what.range, found)
    return value


def _numbers(what: Quantity, value: Any, found: list[str]) -> tuple[float, ...] | None:
    if not isinstance(value, list | tuple) or len(value) > _MOST_ELEMENTS:
        return _wrong(what, value, f"a list of at most {_MOST_ELEMENTS} numbers", found)
    numbers = [_number(what, element, found) for element in value]
    return None if None in numbers else tuple(numbers)


def _number(what: Quantity, value: Any, found: list[str]) -> Any:
    if isinstance(value, bool) or not (isinstance(value, Real) and _is_finite(value)):
        return _wrong(what, value, f"a finite number, {what.range}", found)
    number = float(value)
    if what.kind == "whole" and not number.is_integer():
        return _wrong(what, value, f"a whole number, {what.range}", found)
    if not what.allows(number):
        return _wrong(what, value, what.range, found)
    return int(number) if what.kind == "whole" else number


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False
