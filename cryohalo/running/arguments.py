"""A plan's arguments as options of a command, by its signature and its docstring.

Numbers, texts and switches are options of their type; lists, pairs and maps are given as JSON and
held against the annotation. What is an object of a session (a callback, an analysis under way)
cannot be given.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import typer
from pydantic import TypeAdapter, ValidationError

from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from instruments.printable import escaped

__all__ = ["Argument", "arguments_of", "instruments_of", "summary_of"]

_SIMPLE: Final = (str, int, float, bool)
_ATOMS: Final = (*_SIMPLE, NoneType)
_DEVICES: Final = {"refrigerator": Refrigerator, "haloscope": Haloscope}
#: What a command gives by itself: the documents that a campaign goes on from, and its analysis.
_GIVEN: Final = frozenset({"documents", "analysing"})


@dataclass(frozen=True)
class Argument:
    """One argument of a plan that a command can give.

    Attributes:
        name: As the plan has it.
        annotation: Its type.
        default: Of the plan; ``inspect.Parameter.empty`` where it has to be given.
        help: From the plan's docstring.
        spread: It is a map of further arguments (``**more``).
    """

    name: str
    annotation: Any
    default: Any
    help: str
    spread: bool = False

    @property
    def needed(self) -> bool:
        """Whether it has to be given."""
        return self.default is inspect.Parameter.empty

    @property
    def option(self) -> inspect.Parameter:
        """As a parameter of a command of typer; None stands for what is not given."""
        plain = _simple(self.annotation)
        told = self.help
        if not self.needed and self.default not in (None, (), "", {}):
            told = f"{told} [{self.default}]"
        more: dict[str, Any] = {} if plain else {"callback": self._of_json, "metavar": "JSON"}
        kind = plain or str
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=... if self.needed else None,
            annotation=Annotated[
                kind if self.needed else Union[kind, None],  # noqa: UP007  (a type that is computed)
                typer.Option(help=told, show_default=False, **more),
            ],
        )

    def _of_json(self, text: str | None) -> Any:
        if text is None:
            return None
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise typer.BadParameter(f"{escaped(text, 80)} is no JSON: {error}") from None
        except RecursionError:
            raise typer.BadParameter("lists within lists without end") from None
        try:
            return _plain(TypeAdapter(self.annotation).validate_python(value))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"] if not _is_type(part))
            said = first["msg"]
            if first["type"] == "is_instance_of" and first["ctx"]["class"] == "Sequence":
                said = "must be a list, such as '[1100.0, 1100.1]'"
            why = f"{place}: {said}" if place else said
            raise typer.BadParameter(f"{escaped(text, 80)}: {escaped(why, 200)}") from None


def _is_type(part: Any) -> bool:
    """Whether a part of an error's place is pydantic's name of a member of a union."""
    return isinstance(part, str) and bool(re.search(r"[\[\]-]|^(int|float|str|bool)$", part))


def _plain(value: Any) -> Any:
    """What pydantic checks as it is gone through, gone through."""
    if isinstance(value, str | Mapping | Sequence) or not isinstance(value, Iterable):
        return value
    return list(value)


def _simple(annotation: Any) -> type | None:
    """The plain type of an annotation, None where it has none; ``float | None`` has."""
    members = [one for one in _members(annotation) if one is not NoneType]
    return members[0] if len(members) == 1 and members[0] in _SIMPLE else None


def _members(annotation: Any) -> Sequence[Any]:
    origin = get_origin(annotation)
    return get_args(annotation) if origin in (Union, UnionType) else (annotation,)


def _can_be_given(annotation: Any) -> bool:
    """Whether all within a type is text, number, switch, list, map or None."""
    origin = get_origin(annotation)
    if origin is None:
        return annotation in _ATOMS
    if not (origin in (Union, UnionType) or origin in (tuple, list, dict) or _is_abstract(origin)):
        return False
    inner = [one for one in get_args(annotation) if one is not Ellipsis]
    top = origin in (Union, UnionType)
    return all(_can_be_given(one) or (one is Any and not top) for one in inner)


def _is_abstract(origin: Any) -> bool:
    return origin is not Callable and origin in (Iterable, Collection, Sequence, Mapping)


def arguments_of(plan: Callable[..., Any]) -> list[Argument]:
    """The arguments of a plan that a command can give, its instrument left out."""
    helps = _described(plan)
    _, *others = inspect.signature(plan).parameters.values()
    found = []
    for one in others:
        told = helps.get(one.name, "")
        if one.kind is inspect.Parameter.VAR_KEYWORD:
            found.append(
                Argument(one.name, Mapping[str, Any], {}, f"{told} As a map.", spread=True)
            )
        elif one.name not in _GIVEN and _can_be_given(one.annotation):
            found.append(Argument(one.name, one.annotation, one.default, told))
    return found


def instruments_of(plan: Callable[..., Any]) -> list[str]:
    """The instruments that a plan is for, by name: its first argument is one of them."""
    first = next(iter(inspect.signature(plan).parameters.values()))
    return [name for name, kind in _DEVICES.items() if kind in _members(first.annotation)]


def summary_of(plan: Callable[..., Any]) -> str:
    """The first line of a plan's docstring."""
    return (inspect.getdoc(plan) or "").partition("\n")[0]


def _described(plan: Callable[..., Any]) -> dict[str, str]:
    """What a docstring of numpy's sections says of each parameter."""
    text = inspect.getdoc(plan) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, re.M | re.S)
    if section is None:
        return {}
    found = re.findall(r"^(\w+)[^\n]*\n((?:[ \t]+[^\n]*\n?|\n)+)", section.group(1), re.M)
    return {name: " ".join(body.split()).replace("``", "") for name, body in found}
