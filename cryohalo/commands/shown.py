"""A run in words, and in plain data, without its events being read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from cryohalo.catalog import Run
from cryohalo.live.json_lines import plain_json
from cryohalo.live.numbers import duration
from instruments.printable import escaped

__all__ = ["as_plain", "lines_of"]

#: What a start document has that is told otherwise, or not to a person.
_ELSEWHERE: Final = frozenset(
    {"uid", "time", "plan_name", "plan_type", "plan_args", "versions", "hints"}
)
_LONGEST: Final = 300


def as_plain(run: Run) -> dict[str, Any]:
    """Start, streams and stop, as JSON has them."""
    streams = {name: {"fields": stream.keys} for name, stream in run.streams().items()}
    found: dict[str, Any] = plain_json({"start": run.start, "streams": streams, "stop": run.stop})
    return found


def lines_of(run: Run) -> Iterator[str]:
    """What a person asks of a run.

    Raises:
        CatalogError: It cannot be read.
    """
    start, stop = run.start, run.stop_at_its_end()
    yield f"run       {escaped(run.uid)}"
    yield f"plan      {escaped(start.get('plan_name') or '?', _LONGEST)}"
    yield f"started   {datetime.fromtimestamp(start['time']):%Y-%m-%d %H:%M:%S}"
    yield f"end       {_end(start, stop)}"
    yield f"file      {escaped(run.place)}, {run.path.stat().st_size / 1e6:.3f} MB"
    yield from _arguments(start.get("plan_args"))
    for key, value in start.items():
        if key not in _ELSEWHERE and value not in (None, "", [], {}):
            yield f"{escaped(key, 60)}: {_value(value)}"
    counts = (stop or {}).get("num_events")
    for name, stream in run.streams().items():
        told = counts.get(name) if isinstance(counts, Mapping) else None
        yield ""
        yield f"stream {escaped(name, 60)}: {'?' if told is None else told} events"
        for field, described in stream.keys.items():
            yield f"  {escaped(field, 60):<44}  {_kind(described)}"


def _end(start: Mapping[str, Any], stop: Mapping[str, Any] | None) -> str:
    if stop is None:
        return "cut off: no stop document ends the file"
    how = escaped(stop.get("exit_status") or "?", 60)
    time = stop.get("time")
    took = f" after {duration(time - start['time'])}" if isinstance(time, int | float) else ""
    why = f": {escaped(stop['reason'], _LONGEST)}" if stop.get("reason") else ""
    return f"{how}{took}{why}"


def _arguments(given: Any) -> Iterator[str]:
    if isinstance(given, Mapping):
        for name, value in given.items():
            yield f"  {escaped(name, 60)} = {_value(value)}"


def _value(value: Any) -> str:
    return escaped(json.dumps(plain_json(value), ensure_ascii=False), _LONGEST)


def _kind(key: Mapping[str, Any]) -> str:
    shape = key.get("shape")
    size = f" {shape}" if isinstance(shape, list) and shape else ""
    unit = f", {escaped(key['units'], 20)}" if key.get("units") else ""
    return f"{escaped(key.get('dtype') or '?', 20)}{escaped(size, 40)}{unit}"
