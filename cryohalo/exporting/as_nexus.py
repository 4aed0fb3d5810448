"""A run as HDF5 by the conventions of NeXus: an ``NXentry`` with an ``NXdata`` for each stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cryohalo.catalog import CatalogError, Run
from cryohalo.catalog.columns import ALONGSIDE
from cryohalo.catalog.order import events_of
from cryohalo.live.json_lines import plain_json
from cryohalo.provenance import software_version
from instruments.printable import escaped

__all__ = ["write"]


def write(run: Run, path: Path, stream: str) -> int:
    """Write all streams, event by event; ``stream`` is the default plot.

    Returns:
        The number of events of all streams.

    Raises:
        CatalogError: A field changes its length or type.
    """
    with h5py.File(path, "w") as file:
        file.attrs["NX_class"] = "NXroot"
        file.attrs["default"] = "entry"
        file.attrs["creator"] = f"cryohalo {software_version()}"
        entry = file.create_group("entry")
        _describe(entry, run)
        return _write_events(entry, run, stream)


def _describe(entry: h5py.Group, run: Run) -> None:
    start, stop = run.start, run.stop
    entry.attrs["NX_class"] = "NXentry"
    entry["entry_identifier"] = escaped(run.uid)
    entry["title"] = escaped(start.get("plan_name") or "")
    entry["start_time"] = _iso(start["time"])
    if stop is not None and isinstance(stop.get("time"), int | float):
        entry["end_time"] = _iso(stop["time"])
    entry["program_name"] = "cryohalo"
    entry["program_name"].attrs["version"] = escaped(start.get("software_version") or "")
    notes = {"start": start, "stop": stop}
    for name, document in notes.items():
        note = entry.create_group(f"{name}_document")
        note.attrs["NX_class"] = "NXnote"
        note["type"] = "application/json"
        note["data"] = json.dumps(plain_json(document))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _write_events(entry: h5py.Group, run: Run, default: str) -> int:
    groups: dict[str, _Group] = {}
    count = 0
    for name, document in run.documents():
        if name == "descriptor":
            stream = str(document.get("name", ""))
            known = [group for group in groups.values() if group.stream == stream]
            groups[document["uid"]] = known[0] if known else _Group(entry, run, document)
        elif name == "event":
            groups[document["descriptor"]].add(document)
            count += 1
        elif name == "event_page":
            for event in events_of(document):
                groups[event["descriptor"]].add(event)
                count += 1
    for group in groups.values():
        group.close()
        if group.stream == default:
            entry.attrs["default"] = group.name
    return count


class _Group:
    """The group of one stream; its datasets grow."""

    def __init__(self, entry: h5py.Group, run: Run, descriptor: Mapping[str, Any]) -> None:
        self.stream = str(descriptor.get("name", ""))
        self._keys = descriptor["data_keys"]
        self._where = f"run {escaped(run.uid, 60)}: stream {escaped(self.stream, 60)}"
        self.name = _free(entry, self.stream)
        self._group = entry.create_group(self.name)
        self._group.attrs["NX_class"] = "NXdata"
        self._sets: dict[str, h5py.Dataset] = {}
        self._count = 0

    def add(self, event: Mapping[str, Any]) -> None:
        values = {name: event[name] for name in ALONGSIDE if name in event} | event["data"]
        if not self._sets:
            self._sets = {name: self._made(name, value) for name, value in values.items()}
        if values.keys() != self._sets.keys():
            raise CatalogError(f"{self._where}: the events do not have the same fields")
        for name, value in values.items():
            dataset = self._sets[name]
            if np.shape(value) != dataset.shape[1:]:
                raise CatalogError(f"{self._where}: {escaped(name, 60)} has different lengths")
            if self._count == len(dataset):
                dataset.resize(max(16, 2 * self._count), axis=0)
            try:
                dataset[self._count] = value
            except (TypeError, ValueError) as error:
                why = f"{self._where}: {escaped(name, 60)}: {escaped(error, 200)}"
                raise CatalogError(why) from error
        self._count += 1

    def _made(self, name: str, value: Any) -> h5py.Dataset:
        found = np.asarray(value)
        kind: Any = found.dtype
        if kind.kind in "UO":
            kind = h5py.string_dtype()
        dataset = self._group.create_dataset(
            _free(self._group, name),
            shape=(0, *found.shape),
            maxshape=(None, *found.shape),
            chunks=(1 if found.ndim else 1024, *found.shape),
            dtype=kind,
        )
        unit = (self._keys.get(name) or {}).get("units")
        if isinstance(unit, str) and unit:
            dataset.attrs["units"] = unit
        return dataset

    def close(self) -> None:
        """Cut the datasets to their length; name the first array as the signal."""
        for dataset in self._sets.values():
            dataset.resize(self._count, axis=0)
        arrays = [name for name, dataset in self._sets.items() if dataset.ndim > 1]
        signal = next(iter([*arrays, *self._sets]), None)
        if signal is not None:
            self._group.attrs["signal"] = str(self._sets[signal].name).rpartition("/")[2]


def _free(group: h5py.Group, name: str) -> str:
    """A free name that HDF5 takes: no slash, no zero, not the dot that is the group."""
    made = wanted = escaped(name).replace("/", "_").strip(".") or "_"
    number = 1
    while made in group:
        number += 1
        made = f"{wanted}_{number}"
    return made
