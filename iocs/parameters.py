"""Model parameters from a TOML file, for any tree of frozen dataclasses.

dt_s = 0.05
[stage]
setpoint_k = 1.55
[provenance]
"stage.setpoint_k" = "measured"

The last table, where there is one, says where values come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from instruments.foreign_files import reason
from instruments.toml_files import read_toml

Tree = TypeVar("Tree")

_PROVENANCE = "provenance"


class ParameterFileError(ValueError):
    """A parameter file that cannot be used; the message says why."""


def from_file(defaults: Tree, path: Path | None) -> Tree:
    """``defaults`` with what the file overrides.

    Raises:
        ParameterFileError: It cannot be read, or names a parameter that does not exist, or gives
            one a value of another type.
    """
    if path is None:
        return defaults
    if hasattr(defaults, "from_toml"):
        try:
            return type(defaults).from_toml(path)
        except OSError as error:
            raise ParameterFileError(f"{path}: {reason(error)}") from None
        except ValueError as error:
            raise ParameterFileError(f"{path}: {error}") from None
    try:
        content = read_toml(path)
    except OSError as error:
        raise ParameterFileError(f"{path}: {reason(error)}") from None
    except ValueError as error:
        raise ParameterFileError(f"{path}: {error}") from None
    said = content.get(_PROVENANCE, {})
    if not isinstance(said, Mapping) or not all(isinstance(text, str) for text in said.values()):
        raise ParameterFileError(f"{path}: {_PROVENANCE} is no table of texts")
    changes = {name: value for name, value in content.items() if name != _PROVENANCE}
    return overridden(defaults, changes, str(path))


def overridden(defaults: Tree, content: Mapping[str, Any], where: str) -> Tree:
    """``defaults`` with the values of ``content``; raises ``ParameterFileError``."""
    assert is_dataclass(defaults)
    known = {item.name for item in fields(defaults)}
    changed: dict[str, Any] = {}
    for key, value in content.items():
        if key not in known:
            raise ParameterFileError(f"{where}: there is no parameter {key!r:.60}")
        changed[key] = _converted(getattr(defaults, key), value, f"{where}: {key}")
    return replace(defaults, **changed)  # type: ignore[type-var]


def _float(value: int, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ParameterFileError(f"{where} = {value!r:.60} is beyond all numbers") from None


def _converted(default: Any, value: Any, where: str) -> Any:
    if is_dataclass(default):
        if not isinstance(value, Mapping):
            raise ParameterFileError(f"{where} is a group of parameters, not {value!r:.60}")
        return overridden(default, value, where)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return _float(value, where)
    if isinstance(default, tuple) and isinstance(value, list):
        like = default[0] if default else 0.0
        return tuple(_converted(like, item, where) for item in value)
    if type(value) is not type(default):
        raise ParameterFileError(f"{where} = {value!r:.60} is not of type {type(default).__name__}")
    return value
