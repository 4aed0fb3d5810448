"""Spectra of any haloscope as CSV tables, with a small description beside them in TOML.

::

    format = "cryohalo-spectra-csv"
    version = 1
    folder = "."                    # of the tables, from where this file is
    tables = ["a.csv", "b.csv"]     # or a list of them, one a line, as below
    volume_m3 = 1.5e-3
    field_ratio = 1.0               # average over central field

    [list]                          # instead of tables
    file = "runs.csv"               # its columns may be named in [values]
    table = "run_{run}.csv"         # {COLUMN} is that of the list

    [columns]
    frequency_hz = "frequency_Hz"   # header of the centres of the bins
    power_w = ["power"]             # headers of one spectrum each; all others if left out
    delimiter = ","

    [values]                        # one for each name of ``Spectra``: for all spectra
    num_averages = 1e6              # a number,
    loaded_q = {column = "QL"}      # a column of the list,
    target_frequency_hz = "cavity_frequency_hz"     # or what another one is

    [errors]                        # standard errors, likewise; optional
    [calibration]                   # as in the HDF5 layout of module ``interchange``
    [options]                       # settings for these spectra, optional: module ``settings``

Nothing is filled in: what is missing is an error that names it. The power is in W, or in any unit
if the calibration gives ``noise_temperature_k``.
"""

from __future__ import annotations

import csv
import math
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np

from haloscope.analysis.apparatus import ERRORS
from haloscope.analysis.options import Options
from haloscope.analysis.recorded import group, number, text
from haloscope.analysis.settings import Settings
from haloscope.analysis.spectra import Calibration, FloatArray, Spectra, concatenate
from instruments.foreign_files import read_bounded
from instruments.printable import escaped
from instruments.toml_files import read_toml

__all__ = ["Described", "read_described"]

FORMAT, VERSION = "cryohalo-spectra-csv", 1
MAX_BYTES: Final = 500_000_000
MAX_TABLES: Final = 100_000
_KNOWN: Final = {"format", "version", "folder", "tables", "list", "columns", "values", "errors",
                 "calibration", "options", "volume_m3", "field_ratio"}  # fmt: skip
_OPTIONAL: Final = ("first_bin", "time_s", "receiver_gain_offset_db", "line_attenuation_offset_db")
_LEAK: Final = "beta_systematic"
_EVEN: Final = 1e-3  # Of a bin: more than that the bins are not of one width.
_FEWEST_BINS: Final = 2


@dataclass(frozen=True)
class Described:
    """What a description brings.

    Attributes:
        spectra: All of its tables.
        settings: How their owners say to analyse them.
    """

    spectra: Spectra
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class _Table:
    """One table that the description names, and the line of the list that does."""

    path: Path
    line: Mapping[str, str]


def read_described(path: Path | str) -> Described:
    """Read a description and its tables.

    Args:
        path: The description, a TOML file.

    Raises:
        OSError: A file cannot be read.
        ValueError: Something is missing, unknown or not usable; names the file and what it is.
    """
    path = Path(path)
    try:
        given = read_toml(path)
        _demand_known(given)
        tables = _tables(path.parent, given)
        settings = Settings(group(given, "options", "description"))
        settings.over(Options())
        parts = [_read(table, given) for table in tables]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Described(concatenate(parts), settings)


def _demand_known(given: Mapping[str, Any]) -> None:
    if given.get("format") != FORMAT or given.get("version") != VERSION:
        raise ValueError(f'needed format = "{FORMAT}" and version = {VERSION}')
    values, errors = group(given, "values", "description"), group(given, "errors", "description")
    wrong = [name for name in given if name not in _KNOWN]
    rows = Spectra.row_fields()
    wrong += [f"values.{name}" for name in values if name not in rows]
    wrong += [f"errors.{name}" for name in errors if name not in (*rows, *ERRORS, _LEAK)]
    known = {*Calibration.quantities(), "assumed"}
    calibration = group(given, "calibration", "description")
    wrong += [f"calibration.{name}" for name in calibration if name not in known]
    if wrong:
        raise ValueError(f"unknown: {', '.join(escaped(name, 60) for name in wrong)}")
    needed = [n for n in rows if n not in (*_OPTIONAL, "frequency_start_hz", "target_frequency_hz")]
    missing = [f"values.{name}" for name in needed if name not in values]
    missing += [name for name in ("volume_m3", "field_ratio") if name not in given]
    if "line_attenuation_db" not in calibration:
        missing.append("calibration.line_attenuation_db (0 if the gain is referred to the cavity)")
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")


def _tables(beside: Path, given: Mapping[str, Any]) -> list[_Table]:
    folder = beside / (text(given, "folder") or ".")
    listed = group(given, "list", "description")
    if ("tables" in given) == bool(listed):
        raise ValueError("needed either tables or [list]")
    if not listed:
        names = given["tables"]
        if not isinstance(names, list) or not names:
            raise ValueError("tables: needed names of files")
        found = [_Table(folder / _plain(name), {}) for name in names]
    else:
        found = _listed(folder, listed)
    if len(found) > MAX_TABLES:
        raise ValueError(f"{len(found)} tables, at most {MAX_TABLES}")
    return found


def _listed(folder: Path, listed: Mapping[str, Any]) -> list[_Table]:
    pattern = text(listed, "table")
    path = folder / _plain(text(listed, "file"))
    lines = list(csv.DictReader(_lines(path)))
    if not lines:
        raise ValueError(f"{path}: the list has no line")
    uneven = [at for at, line in enumerate(lines, 1) if None in line or None in line.values()]
    if uneven:
        raise ValueError(f"{path}: line {uneven[0]} below its header has other columns than that")
    try:
        fields = [name for _, name, spec, how in string.Formatter().parse(pattern)
                  if name is not None and not (spec or how)]  # fmt: skip
        plain = all(name and name in lines[0] for name in fields)
    except ValueError:
        plain, fields = False, []
    if not (plain and fields):
        raise ValueError(
            f"list.table is {pattern!r:.60}: needed a name with {{COLUMN}} of the list"
        )
    found = []
    for line in lines:
        name = pattern
        for column in fields:
            name = name.replace(f"{{{column}}}", str(line[column]).strip())
        found.append(_Table(folder / _plain(name), line))
    return found


def _plain(name: object) -> str:
    """A file below the folder: a description of somebody else names none elsewhere."""
    given = PurePath(name) if isinstance(name, str) and name.strip() else None
    if given is None or given.is_absolute() or ".." in given.parts:
        raise ValueError(f"{name!r:.60} is no name of a file in the folder")
    return str(given)


def _lines(path: Path) -> list[str]:
    try:
        content = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text") from None
    lines = [line for line in content.splitlines() if line.strip() and line[0] != "#"]
    if any(len(line) > csv.field_size_limit() for line in lines):
        raise ValueError(f"{path}: a line of more than {csv.field_size_limit()} characters")
    return lines


def _read(table: _Table, given: Mapping[str, Any]) -> Spectra:
    try:
        frequency, power, names = _columns(table.path, group(given, "columns", "description"))
        step = _step(frequency)
    except ValueError as error:
        raise ValueError(f"{table.path}: {error}") from error
    n = len(power)
    values = group(given, "values", "description")
    rows: dict[str, Any] = {name: _value(name, values, table, n) for name in values}
    rows.setdefault("target_frequency_hz", rows["cavity_frequency_hz"])
    rows["frequency_start_hz"] = np.full(n, frequency[0])
    errors = group(given, "errors", "description")
    calibration = dict(group(given, "calibration", "description"))
    assumed = calibration.pop("assumed", ())
    if not isinstance(assumed, list | tuple):
        raise ValueError(f"calibration.assumed is {assumed!r:.60}, needed names")
    return Spectra(
        power_w=power,
        step_hz=step,
        volume_m3=number(given["volume_m3"], "volume_m3"),
        field_ratio=number(given["field_ratio"], "field_ratio"),
        calibration=Calibration(
            **{k: number(v, f"calibration.{k}") for k, v in calibration.items()},
            assumed=tuple(map(str, assumed)),
        ),
        errors={name: _value(name, errors, table, n) for name in errors},
        labels=tuple(f"{table.path.stem}:{name}" for name in names),
        **rows,
    )


def _columns(path: Path, wanted: Mapping[str, Any]) -> tuple[FloatArray, FloatArray, list[str]]:
    """Centres of the bins (m,), power (n, m), and the headers of the spectra."""
    delimiter = text(wanted, "delimiter") or ","
    lines = _lines(path)
    if len(delimiter) != 1 or len(lines) <= _FEWEST_BINS:
        raise ValueError(
            f"{len(lines)} lines by delimiter {delimiter!r:.20}: needed a header, bins"
        )
    header = [name.strip() for name in next(csv.reader(lines[:1], delimiter=delimiter))]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ValueError(f"columns of one name: {', '.join(twice)}")
    of_frequency = text(wanted, "frequency_hz") or header[0]
    powers = wanted.get("power_w", [name for name in header if name != of_frequency])
    if not isinstance(powers, list) or not powers:
        raise ValueError(f"columns.power_w is {powers!r:.60}: needed headers of the spectra")
    absent = [str(name) for name in (of_frequency, *powers) if name not in header]
    if absent:
        raise ValueError(f"no column {', '.join(absent)} among {', '.join(header):.200}")
    try:
        table = np.loadtxt(lines[1:], delimiter=delimiter, ndmin=2)
    except ValueError as error:
        raise ValueError(f"not a table of numbers: {error}") from error
    if table.shape[1] != len(header):
        raise ValueError(f"{table.shape[1]} columns under {len(header)} headers")
    own = table[:, header.index(of_frequency)]
    return own, np.ascontiguousarray(table[:, [header.index(n) for n in powers]].T), powers


def _step(frequency_hz: FloatArray) -> float:
    """Width of the bins, which must be one."""
    step = float(frequency_hz[-1] - frequency_hz[0]) / (len(frequency_hz) - 1)
    even = frequency_hz[0] + step * np.arange(len(frequency_hz))
    if not (math.isfinite(step) and step > 0 and np.all(abs(frequency_hz - even) < _EVEN * step)):
        raise ValueError("its frequencies do not ascend in equal steps")
    return step


def _value(name: str, given: Mapping[str, Any], table: _Table, count: int) -> FloatArray:
    """One value for each spectrum of a table, shape (count,)."""
    value: Any = given[name]
    if isinstance(value, str):
        if value == name or value not in given or isinstance(given[value], str):
            raise ValueError(f"{name} is {value!r:.60}: needed a number, or the name of one")
        return _value(value, given, table, count)
    if isinstance(value, Mapping):
        column = str(value.get("column"))
        if set(value) != {"column"} or column not in table.line:
            known = ", ".join(table.line) or "there is none"
            raise ValueError(f"{name} is {dict(value)!r:.60}: needed a column of the list: {known}")
        try:
            value = float(table.line[column])
        except (TypeError, ValueError):
            raise ValueError(
                f"{name}: {column} of {table.path.name} is {table.line[column]!r:.40}, not a number"
            ) from None
    return np.full(count, number(value, name))
