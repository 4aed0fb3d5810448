"""A stream of a run as an ``xarray.Dataset`` whose arrays are read when they are used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import dask
import dask.array as da
import numpy as np
import xarray as xr

from cryohalo.catalog.codec import decode
from cryohalo.catalog.columns import ALONGSIDE, single_fields
from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.extents import DamagedFileError
from cryohalo.catalog.order import events_of
from cryohalo.catalog.streams import Stream, places_in
from instruments.foreign_files import open_regular, reason
from instruments.printable import escaped

__all__ = ["dataset"]


class Recorded(Protocol):
    """What is needed of a run."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def uid(self) -> str:
        """Its identifier."""

    @property
    def start(self) -> dict[str, Any]:
        """Its start document."""

    def streams(self) -> dict[str, Stream]:
        """Its streams by name."""


#: Where an event is: first byte, byte after the last, its row within a page.
Row = tuple[int, int, int]


def dataset(run: Recorded, stream: str) -> xr.Dataset:
    """See ``Run.xarray``.

    Raises:
        CatalogError: There is no such stream, or its events do not make a table.
    """
    streams = run.streams()
    if stream not in streams:
        raise CatalogError(
            f"run {escaped(run.uid, 60)} has no stream {escaped(stream, 60)}; it has "
            f"{', '.join(escaped(name, 60) for name in streams) or 'none'}"
        )
    rows, singles, arrays = _rows(run, {d["uid"] for d in streams[stream].descriptors})
    keys = streams[stream].keys
    variables: dict[str, Any] = {
        name: ("event", np.asarray(values), _attributes(keys.get(name, {})))
        for name, values in singles.items()
        if name not in ALONGSIDE
    }
    for name, (shape, dtype) in arrays.items():
        chunks = [_chunk(run, row, name, shape, dtype) for row in rows]
        dimensions = ("event", *(f"{name}_{axis}" for axis in range(len(shape))))
        variables[name] = (dimensions, da.concatenate(chunks), _attributes(keys.get(name, {})))
    coordinates = {
        name: ("event", np.asarray(singles[name])) for name in ALONGSIDE if name in singles
    }
    about = {key: run.start[key] for key in ("uid", "plan_name", "scan_id") if key in run.start}
    return xr.Dataset(variables, coordinates, {**about, "stream": stream})


def _rows(
    run: Recorded, descriptors: set[str]
) -> tuple[list[Row], dict[str, list[Any]], dict[str, tuple[tuple[int, ...], np.dtype[Any]]]]:
    """Where the events are, their single values, shape and type of their arrays.

    Each document is read once and given up again.
    """
    rows: list[Row] = []
    singles: dict[str, list[Any]] = {}
    arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
    with open_regular(run.path) as file:
        handle = file.fileno()
        for place in places_in(handle, os.fstat(handle).st_size):
            if place.name not in ("event", "event_page"):
                continue
            for row, event in enumerate(_events(handle, place.at, place.end)):
                if event.get("descriptor") not in descriptors:
                    continue
                _note(run, event, singles, arrays, first=not rows)
                rows.append((place.at, place.end, row))
    return rows, singles, arrays


def _events(handle: int, at: int, end: int) -> list[Mapping[str, Any]]:
    name, document = decode(os.pread(handle, end - at, at))
    return list(events_of(document)) if name == "event_page" else [document]


def _note(
    run: Recorded,
    event: Mapping[str, Any],
    singles: dict[str, list[Any]],
    arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]],
    *,
    first: bool,
) -> None:
    data = event["data"]
    if first:
        singles |= {name: [] for name in ALONGSIDE if name in event}
        singles |= {name: [] for name in single_fields(data)}
        for name, value in data.items():
            if name not in singles:
                found = np.asarray(value)
                arrays[name] = found.shape, found.dtype
    for name, values in singles.items():
        values.append(event.get(name) if name in ALONGSIDE else data.get(name))
    for name, (shape, _) in arrays.items():
        if np.shape(data.get(name)) != shape:
            raise CatalogError(
                f"run {escaped(run.uid, 60)}: {escaped(name, 60)} has different lengths, "
                f"{shape} and {np.shape(data.get(name))}: no table; read the events one by one"
            )


def _chunk(
    run: Recorded, row: Row, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> da.Array:
    read = dask.delayed(_read, pure=True)(str(run.path), row, name)
    return da.from_delayed(read, (1, *shape), dtype)


def _read(path: str, row: Row, name: str) -> np.ndarray:
    """One array of one event.

    Raises:
        CatalogError: The file changed since, or cannot be read.
    """
    try:
        with open_regular(path) as file:
            event = _events(file.fileno(), row[0], row[1])[row[2]]
            return np.asarray(event["data"][name])[np.newaxis]
    except OSError as error:
        raise CatalogError(f"catalog {escaped(path)}: {reason(error)}") from error
    except (DamagedFileError, KeyError, IndexError) as error:
        raise CatalogError(f"catalog {escaped(path)}: changed meanwhile: {error}") from error


def _attributes(key: Mapping[str, Any]) -> dict[str, str]:
    units = key.get("units")
    return {"units": units} if isinstance(units, str) and units else {}
