"""Parameter files of the refrigerator: TOML tables that override values of the default machine.

::

    concentration = 0.12
    [regenerator]
    length_m = 0.09
    [provenance]
    "regenerator.length_m" = "assumed: what fits the bore"

Names and units are those of ``amrr.parameters``; ``[provenance]`` says where a value comes from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from amrr import limits
from amrr.parameters import RefrigeratorParameters
from instruments.toml_files import read_toml

__all__ = ["SHIPPED", "ParameterFile", "parameters_of", "parse", "read", "shipped", "written"]

#: Machines that come with the package.
SHIPPED: Final = ("glf", "glf_second")
_PROVENANCE: Final = "provenance"


@dataclass(frozen=True)
class ParameterFile:
    """What a file says.

    Attributes:
        parameters: The machine.
        provenance: Where values come from, by dotted name.
    """

    parameters: RefrigeratorParameters
    provenance: dict[str, str] = field(default_factory=dict)


def read(path: Path | str) -> ParameterFile:
    """Read a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no TOML; it names a parameter that does not exist; a value is of another
            type, or makes a machine that the models do not describe (``amrr.limits``).
    """
    return parse(read_toml(path))


def parameters_of(path: Path | str) -> RefrigeratorParameters:
    """The parameters of a file; raises as ``read``, but for limits, which the machine looks at."""
    return _parsed(read_toml(path)).parameters


def shipped(name: str) -> ParameterFile:
    """One of the machines in ``SHIPPED``; raises ValueError for another name."""
    if name not in SHIPPED:
        raise ValueError(f"no machine {name!r} is shipped; there are {', '.join(SHIPPED)}")
    with as_file(files("amrr") / "data" / f"{name}.toml") as path:
        return read(path)


def parse(content: Mapping[str, Any]) -> ParameterFile:
    """As ``read``, of the parsed content."""
    found = _parsed(content)
    limits.check(found.parameters)
    return found


def _parsed(content: Mapping[str, Any]) -> ParameterFile:
    changes = {k: v for k, v in content.items() if k != _PROVENANCE}
    base = RefrigeratorParameters()
    parameters = _overridden(base, changes, "")
    return ParameterFile(parameters, _provenance(content.get(_PROVENANCE, {}), set(base.flat())))


def written(p: RefrigeratorParameters, provenance: Mapping[str, str] | None = None) -> str:
    """The text of a file that makes this machine: what differs from the default, in TOML."""
    default = RefrigeratorParameters().flat()
    tables: dict[str, list[str]] = {}
    for name, value in p.flat().items():
        if value != default[name]:
            table, _, key = name.rpartition(".")
            tables.setdefault(table, []).append(f"{key} = {json.dumps(value)}")
    if provenance:
        tables[_PROVENANCE] = [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in provenance.items()]
    parts = [
        "\n".join(([f"[{table}]"] if table else []) + tables[table]) for table in sorted(tables)
    ]
    return "\n\n".join(parts) + "\n"


def _provenance(found: Any, known: set[str]) -> dict[str, str]:
    if not isinstance(found, Mapping):
        raise ValueError(f"{_PROVENANCE} is no table")
    for name, text in found.items():
        if name not in known:
            raise ValueError(f"{_PROVENANCE} of a parameter that does not exist: {name!r:.60}")
        if not isinstance(text, str):
            raise ValueError(f"{_PROVENANCE} of {name} is no text")
    return dict(found)


def _overridden(part: Any, changes: Mapping[str, Any], prefix: str) -> Any:
    """A part of the parameters with some of its values replaced, down to the last part."""
    known = {f.name for f in fields(part)}
    new: dict[str, Any] = {}
    for name, value in changes.items():
        dotted = f"{prefix}{name}"
        if name not in known:
            raise ValueError(f"there is no parameter {dotted!r:.60}")
        old = getattr(part, name)
        if is_dataclass(old) is not isinstance(value, Mapping):
            raise ValueError(f"{dotted} is {'a table' if is_dataclass(old) else 'no table'}")
        new[name] = _overridden(old, value, f"{dotted}.") if is_dataclass(old) else _like(
            dotted, value, old
        )  # fmt: skip
    return replace(part, **new)


def _like(name: str, value: Any, old: Any) -> Any:
    """A value of the type of the one it replaces; a whole number is a number, too."""
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{name} = {value!r:.60} is beyond all numbers") from None
    if type(value) is not type(old):
        raise ValueError(f"{name} = {value!r:.60} is no {type(old).__name__}")
    return value
