"""The page of the configuration: every key of ``cryohalo.toml``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cryohalo.configuration.model import ENVIRONMENT_PREFIX, Configuration
from cryohalo.documents.markdown import code, table, text

__all__ = ["page"]

_HEAD = f"""# Configuration

Made from the keys of `cryohalo.toml`, which stands where `cryohalo up` is run ([control
room](../../how_to/control_room.md)). `cryohalo config new` writes a file with all of them,
`cryohalo config` shows what is in force and where it comes from. A variable goes before the file:
`{ENVIRONMENT_PREFIX}HALOSCOPE__PORT` is `port` of `[haloscope]`. A key that is not here is
refused.
"""
_COLUMNS = ("key", "default", "allowed", "meaning")


def page() -> str:
    """A table for each section."""
    parts = [_HEAD, table(_COLUMNS, _rows(Configuration))]
    for name, info in Configuration.model_fields.items():
        if isinstance(info.default, BaseModel):
            kind = type(info.default)
            about = (inspect.getdoc(kind) or "").partition("\n")[0]
            parts.append(f"## `[{name}]`\n\n{text(about)}\n\n{table(_COLUMNS, _rows(kind))}")
    return "\n".join(parts)


def _rows(kind: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    for name, info in kind.model_fields.items():
        if not isinstance(info.default, BaseModel):
            default = "none" if info.default is None else code(_shown(info.default))
            yield code(name), default, _allowed(info), text(info.description or "")


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


def _allowed(info: FieldInfo) -> str:
    """The limits that pydantic holds the value to."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    found = [
        f"{said} {getattr(limit, name):g}"
        for limit in info.metadata
        for name, said in words.items()
        if getattr(limit, name, None) is not None
    ]
    return ", ".join(found)
