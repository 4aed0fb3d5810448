"""Samples as CSV and as Parquet (extra ``parquet``)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from cryohalo.history.alarms import severity_name, status_name
from cryohalo.history.store import MICRO, HistoryError, Properties, Reader, Sample

__all__ = ["moment", "value_text", "write_csv", "write_parquet"]

HEADER: Final = ("name", "time", "value", "units", "severity", "status")
_ROWS_IN_A_GROUP: Final = 100_000


def moment(time_us: int) -> str:
    """A time as ISO 8601, UTC, with microseconds."""
    return datetime.fromtimestamp(time_us // MICRO, UTC).strftime("%Y-%m-%dT%H:%M:%S") + (
        f".{time_us % MICRO:06d}Z"
    )


def write_csv(file: IO[str], samples: Iterable[Sample], of: Mapping[str, Properties]) -> int:
    """Write samples; returns how many.

    Args:
        file: Open for text, ``newline=""``.
        samples: Of any variables.
        of: Their properties.
    """
    writer = csv.writer(file)
    writer.writerow(HEADER)
    count = 0
    for s in samples:
        count += 1
        value = "" if s.value is None else _state(s, of[s.name])
        severity, status = severity_name(s.severity), status_name(s.status)
        writer.writerow((s.name, moment(s.time_us), value, of[s.name].units, severity, status))
    return count


def value_text(sample: Sample, properties: Properties) -> str:
    """A value for reading: the name of a state, ten digits of a number."""
    value = _state(sample, properties)
    if value is None:
        return "no number"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _state(sample: Sample, properties: Properties) -> Any:
    """The name of a state, and anything else as it is."""
    if properties.states and isinstance(sample.value, int):
        return dict(enumerate(properties.states)).get(sample.value, sample.value)
    return sample.value


def write_parquet(path: Path, reader: Reader, names: Iterable[str], begin: int, end: int) -> int:
    """Write samples of variables from ``begin`` to ``end``, microseconds; returns how many.

    A value stands in ``number`` or in ``text``; one that there was not (lost, NaN) in neither.

    Raises:
        HistoryError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise HistoryError("Parquet needs pyarrow: pip install 'cryohalo[parquet]'") from None
    schema = pa.schema(
        [
            ("name", pa.dictionary(pa.int32(), pa.string())),
            ("time", pa.timestamp("us", tz="UTC")),
            ("number", pa.float64()),
            ("text", pa.string()),
            ("severity", pa.int8()),
            ("status", pa.int8()),
        ]
    )
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for name in names:
            rows: list[Sample] = []
            for sample in reader.samples(name, begin, end):
                rows.append(sample)
                if len(rows) == _ROWS_IN_A_GROUP:
                    writer.write_table(pa.table(_columns(rows), schema=schema))
                    count, rows = count + len(rows), []
            writer.write_table(pa.table(_columns(rows), schema=schema))
            count += len(rows)
    return count


def _columns(rows: list[Sample]) -> dict[str, list[Any]]:
    return {
        "name": [one.name for one in rows],
        "time": [one.time_us for one in rows],
        "number": [None if isinstance(one.value, str) else one.value for one in rows],
        "text": [one.value if isinstance(one.value, str) else None for one in rows],
        "severity": [one.severity for one in rows],
        "status": [one.status for one in rows],
    }
