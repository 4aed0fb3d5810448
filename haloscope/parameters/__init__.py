"""All constants of one haloscope in one typed set, each value with where it comes from.

``HaloscopeParameters.capp12tb()`` is the letter's machine. Another haloscope is a TOML file that
overrides values::

    [cavity]
    volume_m3 = 0.136
    [provenance]
    "cavity.volume_m3" = "paper: Braine et al., PRL 124, 101303"

"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import Field, asdict, dataclass, fields, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from haloscope.parameters.groups import ParameterGroups
from haloscope.parameters.overriding import demand_physical, override
from haloscope.parameters.provenance import Origin
from instruments.toml_files import read_toml

__all__ = ["HaloscopeParameters", "Origin"]


@dataclass(frozen=True)
class HaloscopeParameters(ParameterGroups):
    """One haloscope. Groups are attributes; ``provenance()`` gives the origin of every value."""

    @classmethod
    def capp12tb(cls) -> HaloscopeParameters:
        """The letter's machine."""
        return cls()

    @classmethod
    def shipped(cls, name: str) -> HaloscopeParameters:
        """A set that comes with the package: ``capp12tb``, ``haystac`` or ``admx``.

        Raises:
            ValueError: There is none of that name.
        """
        if name == "capp12tb":
            return cls.capp12tb()
        file = files("haloscope") / "data" / f"{name}.toml"
        if not file.is_file():
            raise ValueError(f"no parameter set {name!r}; there are capp12tb, haystac, admx")
        with as_file(file) as path:
            return cls.from_toml(path)

    @classmethod
    def from_toml(cls, path: Path | str) -> HaloscopeParameters:
        """Read a file that overrides values of the letter's machine.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no TOML; or it has a group or value that does not exist, a value of
                another type or out of its physical range.
        """
        return cls.from_mapping(read_toml(path))

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> HaloscopeParameters:
        """As ``from_toml``, from the parsed content."""
        origins = _origins(content.get("provenance", {}))
        changed: dict[str, Any] = {}
        base = cls()
        for group, values in content.items():
            if group == "name":
                changed["name"] = _name(values)
            elif group != "provenance":
                changed[group] = override(base, group, values)
                for key in values:
                    origins.setdefault(f"{group}.{key}", "file: no origin stated")
        unknown = sorted(set(origins) - set(base.provenance()))
        if unknown:
            raise ValueError(f"provenance of a parameter that does not exist: {unknown[0]}")
        result = replace(base, file_origins=origins, **changed)
        demand_physical(result)
        return result

    def provenance(self) -> dict[str, tuple[Any, Origin]]:
        """Every value by its dotted name, with its origin."""
        result = {}
        for group, item, value in self._values():
            name = f"{group}.{item.name}"
            origin = item.metadata["origin"]
            if name in self.file_origins:
                kind, _, note = self.file_origins[name].partition(":")
                origin = Origin(kind.strip(), note.strip())
            result[name] = (value, origin)
        return result

    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of all values; origins do not count."""
        values = {f"{group}.{item.name}": value for group, item, value in self._values()}
        text = json.dumps({"name": self.name, **values}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """All values as nested plain dictionaries."""
        return asdict(self)

    def _values(self) -> Iterator[tuple[str, Field[Any], Any]]:
        for group in fields(self):
            if group.name not in ("name", "file_origins"):
                part = getattr(self, group.name)
                for item in fields(part):
                    yield group.name, item, getattr(part, item.name)


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"parameter name is {value!r:.60}, must be a text")
    return value


def _origins(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"parameter group 'provenance' is {value!r:.60}, must be a table of texts")
    for name, origin in value.items():
        if not isinstance(origin, str):
            raise ValueError(f"provenance of {name} is {origin!r:.60}, must be a text")
    return dict(value)
