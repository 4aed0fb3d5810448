"""Parameter files as text: every value with what it is, its range and its origin."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import fields
from typing import Any, Final

from haloscope.description.quantities import Quantity, quantity_of
from haloscope.description.stated import DESCRIBED
from haloscope.parameters import GROUPS, NO_BASE, HaloscopeParameters
from haloscope.parameters.provenance import INHERITED

__all__ = ["TO_BE_STATED", "number_text", "template", "value_text", "written"]

#: The origin of a value that is still to be stated.
TO_BE_STATED: Final = "to be stated"
_WIDTH: Final = 99
#: Groups that a new haloscope may begin with as another one has them.
_HABITS: Final = ("unknowns", "operation", "analysis")
_HEADER: Final = """\
# {title}
#
# Each line says what a value is and what is allowed; its unit is in its name and in the range.
# [provenance], at the end, says where each comes from: "paper: ...", "paper, unverified: ...",
# "derived: ...", "assumed: why". Check it:  cryohalo apparatus check FILE
"""
_HOW: Final = """\
#
# State every value that stands behind a "#", and take the "#" away; put its origin below. The
# other values are those of {source}: judge each.
"""


def written(parameters: HaloscopeParameters, title: str) -> str:
    """A file that states every value of a haloscope itself."""
    origins = parameters.file_origins
    return _file(parameters, title, origins.__getitem__, lambda _: False)


def template(
    source: HaloscopeParameters, source_name: str, *, blank: bool, own: Collection[str] = ()
) -> str:
    """A file for a new haloscope.

    Args:
        source: Has the values that it begins with.
        source_name: As a file names it.
        blank: Leave what the owners must state to be filled in; else all values are there.
        own: Names of values that are the new one's own already.
    """

    def left_out(what: Quantity) -> bool:
        return blank and what.name in _STATED

    def origin(name: str) -> str:
        if blank and name in _STATED:
            return TO_BE_STATED
        if name in own:
            return source.file_origins[name]
        return f"{INHERITED}{source_name}: {source.file_origins[name]}"

    how = _HOW.format(source=source.name) if blank else ""
    return _file(source, "A haloscope.", origin, left_out, name="My haloscope", how=how)


def _stated() -> Iterator[str]:
    """Values of hardware and safety that its owners state."""
    for group, kind in GROUPS.items():
        if group in _HABITS:
            continue
        for item in fields(_described(kind)):
            yield f"{group}.{item.name}"


def _described(kind: type[Any]) -> type[Any]:
    """Of a group the part that its owners state: itself, or what it derives from."""
    return next(base for base in kind.__mro__ if base in DESCRIBED.values())


_STATED: Final = frozenset(_stated())


def _file(
    parameters: HaloscopeParameters,
    title: str,
    origin: Callable[[str], str],
    left_out: Callable[[Quantity], bool],
    *,
    name: str = "",
    how: str = "",
) -> str:
    lines = [_HEADER.format(title=title) + how]
    lines += [f"name = {json.dumps(name or parameters.name)}", f"base = {json.dumps(NO_BASE)}", ""]
    origins = []
    for group, kind in GROUPS.items():
        lines += [f"# {_about(kind)}", f"[{group}]"]
        for item in fields(kind):
            what = quantity_of(group, item)
            lines += _commented(f"{what.what}; {what.range}")
            value = value_text(getattr(getattr(parameters, group), item.name))
            lines.append(f"# {item.name} =" if left_out(what) else f"{item.name} = {value}")
            origins.append(f"{json.dumps(what.name)} = {json.dumps(origin(what.name))}")
        lines.append("")
    return "\n".join([*lines, "[provenance]", *origins]) + "\n"


def _about(kind: type[Any]) -> str:
    return str(_described(kind).__doc__).splitlines()[0]


def _commented(text: str) -> list[str]:
    lines: list[str] = []
    line = "#"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH:
            lines, line = [*lines, line], "#"
        line = f"{line} {word}"
    return [*lines, line]


def value_text(value: Any) -> str:
    """A value in TOML."""
    if isinstance(value, tuple):
        return "[" + ", ".join(number_text(element) for element in value) + "]"
    return json.dumps(value) if isinstance(value, str) else number_text(value)


def number_text(value: float) -> str:
    """A number in TOML, large and small ones with an exponent that is a multiple of three."""
    if isinstance(value, int) or value == 0 or 1e-3 <= abs(value) < 1e5:
        return repr(value)
    exponent = 3 * math.floor(math.log10(abs(value)) / 3)
    text = f"{value / 10.0**exponent:.12g}e{exponent}"
    return text if float(text) == value else repr(value)
