"""All constants of one simulated haloscope, each value with where it comes from.

``HaloscopeParameters.capp12tb()`` is the letter's machine. Another haloscope is a TOML file that
takes over the values of a shipped one and states others::

    name = "ADMX"
    base = "capp12tb"
    [cavity]
    volume_m3 = 0.136
    [provenance]
    "cavity.volume_m3" = "paper: Braine et al., PRL 124, 101303"

With ``base = "none"`` it states every value itself. A file that names no base takes over those of
CAPP-12TB.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import Field, asdict, dataclass, fields
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final, get_type_hints

from haloscope.description.checking import MistakesError, demand, name_in, values_in
from haloscope.description.places import demand_places
from haloscope.parameters.groups import ParameterGroups
from haloscope.parameters.provenance import NO_ORIGIN, Origin, inherited, origins_in
from instruments.toml_files import read_toml

__all__ = ["GROUPS", "NO_BASE", "SHIPPED", "HaloscopeParameters", "MistakesError", "Origin"]

#: Classes of the groups by their names.
GROUPS: Final[Mapping[str, type[Any]]] = {
    name: kind
    for name, kind in get_type_hints(ParameterGroups).items()
    if name not in ("name", "file_origins", "folder")
}
#: Haloscopes that come with the package; the first is what a file takes over that names none.
SHIPPED: Final = ("capp12tb", "haystac", "admx")
#: Of a file that states every value itself.
NO_BASE: Final = "none"
_NO_GROUPS: Final = ("name", "base", "provenance")


@dataclass(frozen=True, kw_only=True)
class HaloscopeParameters(ParameterGroups):
    """One haloscope. Groups are attributes; ``provenance()`` gives the origin of every value."""

    @classmethod
    def capp12tb(cls) -> HaloscopeParameters:
        """The letter's machine."""
        return cls.shipped("capp12tb")

    @classmethod
    def shipped(cls, name: str) -> HaloscopeParameters:
        """A set that comes with the package, one of ``SHIPPED``.

        Raises:
            ValueError: There is none of that name.
        """
        if name not in SHIPPED:
            raise ValueError(f"no parameter set {name!r:.60}; there are {', '.join(SHIPPED)}")
        return _shipped(name)

    @classmethod
    def from_toml(cls, path: Path | str) -> HaloscopeParameters:
        """Read a parameter file.

        Raises:
            OSError: The file cannot be read.
            MistakesError: It has a group or value that does not exist, lacks one, or has one of
                another type or out of its range; tells all.
            ValueError: It is no TOML.
        """
        return cls.from_mapping(read_toml(path), folder=str(Path(path).parent))

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any], *, folder: str = "") -> HaloscopeParameters:
        """As ``from_toml``, from the parsed content; a mode map's file is looked for in a folder.

        Raises:
            MistakesError: As ``from_toml``.
        """
        found: list[str] = []
        base_name, base = _base(content.get("base", SHIPPED[0]), found)
        origins = origins_in(content.get("provenance", {}), found)
        given = {name: part for name, part in content.items() if name not in _NO_GROUPS}
        values = values_in(GROUPS, given, base, found)
        name = name_in(content["name"], found) if "name" in content else getattr(base, "name", "")
        if not name and "name" not in content:
            found.append("parameter name is not stated: of the haloscope, a text")
        known = {f"{group}.{key}" for group, part in values.items() for key in part}
        found += [
            f"provenance of a parameter that does not exist: {other!r:.60}"
            for other in sorted(set(origins) - known)
        ]
        demand(values, found)
        demand_places(values, found)
        if found:
            raise MistakesError(found)
        stated = {f"{group}.{key}" for group, part in given.items() for key in part}
        if base is not None:
            origins = inherited(base_name, base.file_origins, known - stated) | origins
        origins = dict.fromkeys(known, NO_ORIGIN) | origins
        groups = {group: GROUPS[group](**part) for group, part in values.items()}
        own = folder if "mode_map" in given.get("rod", {}) or base is None else base.folder
        return cls(name=name, file_origins=origins, folder=own, **groups)

    def provenance(self) -> dict[str, tuple[Any, Origin]]:
        """Every value by its dotted name, with its origin."""
        return {
            f"{group}.{item.name}": (
                value,
                Origin.parsed(self.file_origins[f"{group}.{item.name}"]),
            )
            for group, item, value in self._values()
        }

    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of all values; origins do not count."""
        values = {f"{group}.{item.name}": value for group, item, value in self._values()}
        text = json.dumps({"name": self.name, **values}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def groups(self) -> dict[str, dict[str, Any]]:
        """All values by group and name."""
        return {group: asdict(getattr(self, group)) for group in GROUPS}

    def as_dict(self) -> dict[str, Any]:
        """All values as nested plain dictionaries."""
        return {"name": self.name, **self.groups()}

    def _values(self) -> Iterator[tuple[str, Field[Any], Any]]:
        for group in GROUPS:
            part = getattr(self, group)
            for item in fields(part):
                yield group, item, getattr(part, item.name)


def _base(name: object, found: list[str]) -> tuple[str, HaloscopeParameters | None]:
    """What a file takes over; a name that is none is a mistake."""
    if name == NO_BASE:
        return NO_BASE, None
    if name not in SHIPPED:
        told = ", ".join((*SHIPPED, NO_BASE))
        found.append(f"base is {name!r:.60}, must be one of {told}: whose values are taken over")
        name = SHIPPED[0]
    return str(name), _shipped(str(name))


@lru_cache(maxsize=len(SHIPPED))
def _shipped(name: str) -> HaloscopeParameters:
    with as_file(files("haloscope") / "data" / f"{name}.toml") as path:
        return HaloscopeParameters.from_mapping(read_toml(path))
