"""The file in which a laboratory says what its records are called, and which it does not have.

    [haloscope]
    absent = ["Sim:", "IOC:"]
    description = "our_haloscope.toml"

    [haloscope.aliases]
    "Rod" = "BL1:m3"
    "Magnet:Field" = { pv = "PS1:B:SP", unit = "G", factor = 1e-4, completes = false }
    "JPA:Pump" = { pv = "GEN2:OUT", states = { Off = "OFF", On = "ON" } }

Names on the left are ours without the prefix. All that is wrong with a file is told at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cryohalo.hardware.catalogue import INSTRUMENTS, Needed, catalogue, device_class
from devices.hardware.aliases import Alias, Laboratory
from devices.hardware.leaving_out import is_meant, stated_absent
from instruments.foreign_files import reason
from instruments.toml_files import read_toml

__all__ = ["Hardware", "HardwareError", "read_hardware"]

#: Names that a wrong one may have been meant for.
_MOST_NAMED = 5


class HardwareError(ValueError):
    """A laboratory's file that cannot be used; names the file, and each key with what is wrong."""


class _Entry(BaseModel):
    """One alias as the file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pv: str = Field(pattern=r"^[A-Za-z0-9_+:;<>\[\]{}.$/-]+$", max_length=64)
    unit: str = ""
    factor: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)
    states: dict[str, str] = {}
    completes: bool = True


def _entry(given: Any) -> Any:
    """A text alone is the name of the record."""
    return {"pv": given} if isinstance(given, str) else given


class _Table(BaseModel):
    """One instrument's table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str | None = None
    absent: tuple[str, ...] = ()
    aliases: dict[str, Annotated[_Entry, BeforeValidator(_entry)]] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    amrr: _Table | None = None
    haloscope: _Table | None = None


@dataclass(frozen=True)
class Hardware:
    """What a laboratory's file says.

    Attributes:
        path: Of the file.
    """

    path: Path
    tables: Mapping[str, _Table]

    def has(self, instrument: str) -> bool:
        """Whether it says anything of an instrument."""
        return instrument in self.tables

    def laboratory(self, instrument: str, prefix: str) -> Laboratory | None:
        """What an instrument's records are called there; None where the file says nothing of it."""
        table = self.tables.get(instrument)
        if table is None:
            return None
        known = catalogue(instrument)
        aliases = {name: _alias(entry, known.get(name)) for name, entry in table.aliases.items()}
        return Laboratory(prefix, aliases, frozenset(table.absent))

    def description(self, instrument: str) -> Any:
        """The description of the apparatus that the file names; None if it names none.

        Raises:
            HardwareError: It cannot be read.
        """
        table = self.tables.get(instrument)
        if table is None or table.description is None:
            return None
        try:
            return _described(instrument, self.path.parent, table.description)
        except (OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else error
            raise HardwareError(
                f"{self.path}: {instrument}.description = {table.description!r}: {why}"
            ) from None

    def arguments(self, instrument: str, prefix: str) -> dict[str, Any]:
        """What the instrument's device is made with besides its prefix and its name."""
        found = {
            "laboratory": self.laboratory(instrument, prefix),
            "description": self.description(instrument),
        }
        return {name: value for name, value in found.items() if value is not None}


def _alias(entry: _Entry, needed: Needed | None) -> Alias:
    converts = "factor" in entry.model_fields_set or "offset" in entry.model_fields_set
    unit = needed.units if needed and (converts or entry.unit) else ""
    return Alias(
        entry.pv, entry.unit, unit, entry.factor, entry.offset, entry.states, entry.completes
    )


def _described(instrument: str, folder: Path, name: str) -> Any:
    """From a parameter file, or of what is shipped under a name."""
    if instrument == "haloscope":
        from haloscope.description import describe
        from haloscope.parameters import SHIPPED, HaloscopeParameters

        if name in SHIPPED:
            return describe(HaloscopeParameters.shipped(name))
        return describe(HaloscopeParameters.from_toml(folder / name))
    from amrr.describing import describe as describe_refrigerator
    from amrr.parameter_files import parameters_of

    return describe_refrigerator(parameters_of(folder / name))


def read_hardware(path: Path | str) -> Hardware:
    """Read and check a laboratory's file.

    Raises:
        HardwareError: It cannot be read or used; says all that is wrong with it.
    """
    path = Path(path)
    try:
        content = _File(**read_toml(path))
    except OSError as error:
        raise HardwareError(f"{path}: {reason(error)}") from None
    except ValidationError as error:
        raise HardwareError("\n".join(_told(path, error))) from None
    except (TypeError, ValueError) as error:
        raise HardwareError(f"{path}: {error}") from None
    tables = {name: table for name in INSTRUMENTS if (table := getattr(content, name)) is not None}
    mistakes = [
        f"{path}: {instrument}.{mistake}"
        for instrument, table in tables.items()
        for mistake in _mistakes(instrument, table)
    ]
    if mistakes:
        raise HardwareError("\n".join(mistakes))
    return Hardware(path, tables)


def _told(path: Path, error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        key = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden":
            yield f"{path}: {key}: there is no such key"
        elif isinstance(one["input"], dict):
            yield f"{path}: {key}: {one['msg']}"
        else:
            yield f"{path}: {key} = {one['input']!r}: {one['msg']}"


def _mistakes(instrument: str, table: _Table) -> Iterator[str]:
    """All that is wrong with a table."""
    known = catalogue(instrument)
    records = {name.partition(".")[0] for name in known if "." in name}
    for name, entry in table.aliases.items():
        if name in records:
            yield from (f"aliases.{name!r}: {why}" for why in _wrong_record(entry))
        elif name not in known:
            yield f"aliases.{name!r}: {_unknown(instrument, name, [*known, *records])}"
        else:
            yield from (f"aliases.{name!r}: {why}" for why in _wrong(entry, known[name]))
    yield from _twice(table)
    try:
        stated_absent(device_class(instrument), Laboratory("", absent=frozenset(table.absent)))
    except ValueError as error:
        yield str(error)
    for name in table.aliases:
        if any(is_meant(gone, name) for gone in table.absent):
            yield f"aliases.{name!r}: it is stated to be absent, too"


def _unknown(instrument: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, _MOST_NAMED)
    told = f"; near it are {', '.join(near)}" if near else ""
    return f"no PV of the {INSTRUMENTS[instrument].lower()}'s devices{told}"


def _wrong_record(entry: _Entry) -> Iterator[str]:
    if entry.model_fields_set & {"unit", "factor", "offset", "states"}:
        yield "a record with its fields has no unit, factor, offset or states: map its fields"
    if "." in entry.pv:
        yield f"{entry.pv} is a field, a record is needed"


def _wrong(entry: _Entry, needed: Needed) -> Iterator[str]:
    numeric = not needed.record.state_names() and needed.kind != "text"
    if entry.factor == 0.0:
        yield "factor = 0 (not zero)"
    if not numeric and entry.model_fields_set & {"unit", "factor", "offset"}:
        yield f"it has no unit to convert: it is {needed.kind}"
    elif entry.unit and entry.unit != needed.units and "factor" not in entry.model_fields_set:
        yield f"unit {entry.unit} is not {needed.units}: say by factor how many are in one"
    if entry.states:
        names = needed.record.state_names()
        for state in entry.states:
            if state not in names:
                yield f"states: {state} is none of {', '.join(names) or 'its states: it has none'}"
        if len(set(entry.states.values())) < len(entry.states):
            yield "states: two of ours have one name there"


def _twice(table: _Table) -> Iterator[str]:
    """One record cannot count in two ways."""
    ways: dict[str, tuple[str, Any]] = {}
    for name, entry in table.aliases.items():
        way = (entry.factor, entry.offset, sorted(entry.states.items()))
        first, known = ways.setdefault(entry.pv, (name, way))
        if known != way:
            yield f"aliases.{name!r}: {entry.pv} is converted otherwise for {first!r}"
