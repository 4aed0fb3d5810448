"""The configuration as TOML: commented, to begin with; as it is in force."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cryohalo.configuration.model import ENVIRONMENT_PREFIX, Configuration
from cryohalo.configuration.reading import Found

__all__ = ["commented", "in_force"]

_HEAD: Final = f"""\
# The control room of this site: cryohalo up, down, status, doctor, env; cryohalo config shows
# what is in force and where it comes from. All keys stand here with their defaults: take the "#"
# away from what is to be otherwise. Variables go before: {ENVIRONMENT_PREFIX}HALOSCOPE__PORT=15070.
"""


def commented() -> str:
    """A file to begin with: every key with its meaning and its default, commented out."""
    lines = [_HEAD, *_section(Configuration), ""]
    for name, info in Configuration.model_fields.items():
        if isinstance(info.default, BaseModel):
            kind = type(info.default)
            lines += [f"# {(kind.__doc__ or '').splitlines()[0]}", f"[{name}]", *_section(kind), ""]
    return "\n".join(lines)


def in_force(found: Found) -> str:
    """Every key with its value as TOML, and where that comes from."""
    rows = [(key, _toml(value), found.origin(key)) for key, value in found.leaves()]
    wide = max(len(f"{key} = {value}") for key, value, _ in rows)
    lines = [f"{f'{key} = {value}':<{wide}}  # {origin}" for key, value, origin in rows]
    return "\n".join(lines)


def _section(kind: type[BaseModel]) -> Iterator[str]:
    for name, info in kind.model_fields.items():
        if not isinstance(info.default, BaseModel):
            yield f"# {info.description}"
            yield f"#{name} = {_example(info)}"


def _example(info: FieldInfo) -> str:
    return '""  # none' if info.default is None else _toml(info.default)


def _toml(value: Any) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool | int | float | tuple):
        return json.dumps(value)
    if isinstance(value, Path):
        value = value.as_posix()
    return json.dumps(str(value), ensure_ascii=False)
