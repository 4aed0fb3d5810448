"""A stream as Parquet: a row for each event, arrays as lists, units in the fields' metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cryohalo.catalog import CatalogError, Run
from cryohalo.catalog.columns import ALONGSIDE
from cryohalo.live.json_lines import plain_json
from instruments.printable import escaped

__all__ = ["write"]

#: Bytes of arrays that are held until they are written.
_HELD_BYTES: Final = 32_000_000
_HELD_ROWS: Final = 10_000


def write(run: Run, path: Path, stream: str) -> int:
    """Write it in groups of rows.

    Returns:
        The number of events.

    Raises:
        CatalogError: The events do not have the same fields, each of one type.
    """
    writer: pq.ParquetWriter | None = None
    schema: pa.Schema | None = None
    count = 0
    try:
        for rows in _groups(run, stream):
            try:
                table = pa.Table.from_pylist(rows, schema=schema)
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
                where = f"run {escaped(run.uid, 60)}: stream {escaped(stream, 60)}"
                raise CatalogError(f"{where}: no table: {escaped(error, 200)}") from error
            if writer is None:
                schema = _described(table.schema, run, stream)
                table = table.cast(schema)
                writer = pq.ParquetWriter(path, schema, compression="zstd")
            writer.write_table(table)
            count += len(rows)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        pq.write_table(pa.table({}), path)
    return count


def _groups(run: Run, stream: str) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    held = 0
    for event in run.events(stream):
        row: dict[str, Any] = {name: event[name] for name in ALONGSIDE if name in event}
        for name, value in event["data"].items():
            row[name] = _value(value)
            held += getattr(value, "nbytes", 8)
        rows.append(row)
        if held >= _HELD_BYTES or len(rows) >= _HELD_ROWS:
            yield rows
            rows, held = [], 0
    if rows:
        yield rows


def _value(value: Any) -> Any:
    """What Arrow takes: an array of several dimensions as lists of its rows."""
    if isinstance(value, np.ndarray):
        return list(value) if value.ndim > 1 else value
    return value.item() if isinstance(value, np.generic) else value


def _described(schema: pa.Schema, run: Run, stream: str) -> pa.Schema:
    """The schema with each field's unit, and with what the run is."""
    keys: Mapping[str, Any] = run.streams()[stream].keys
    fields = []
    for one in schema:
        unit = keys.get(one.name, {}).get("units")
        fields.append(one.with_metadata({"units": str(unit)}) if unit else one)
    about = {"start": json.dumps(plain_json(run.start)), "stream": stream}
    return pa.schema(fields, metadata=about)
