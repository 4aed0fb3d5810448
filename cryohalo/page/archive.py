"""Samples of the past from a server with the JSON route of the EPICS archiver appliance.

``GET /retrieval/data/getData.json?pv=NAME&from=TIME&to=TIME`` answers
``[{"meta": {...}, "data": [{"secs": ..., "nanos": ..., "val": ...}, ...]}]``; of
``optimized_N(NAME)`` a value is the mean, deviation, lowest, highest and number of a bin.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from tornado.httpclient import AsyncHTTPClient, HTTPError

from cryohalo.page.strips import COLUMNS

__all__ = ["ArchiveError", "samples"]

#: How long the history may take before the page shows its own hour (assumed).
TIMEOUT_S: Final = 5.0
#: Of one answer, many times what its bins take.
_MOST_BYTES: Final = 4_000_000
_NOT_KEPT: Final = 404
_NONE: Final = (np.empty(0), np.empty((0, 2)))


class ArchiveError(RuntimeError):
    """The history server gave no samples; the message says why."""


async def samples(
    base: str, names: Sequence[str], seconds: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The last ``seconds`` of each PV on one axis of times, in columns.

    Args:
        base: Address of the server, e.g. ``http://127.0.0.1:17668``.
        names: PVs, with prefix.
        seconds: How far back.

    Returns:
        Times (n,), s since the Unix epoch, and values (names, n): of each column the lowest and the
        highest value, of a time between samples the last one before it.

    Raises:
        ArchiveError: The server does not answer, or not in this form.
    """
    end = time.time()
    client = AsyncHTTPClient(force_instance=True, max_body_size=_MOST_BYTES)
    try:
        asked = (_one(client, base, name, end - seconds, end) for name in names)
        found = await asyncio.gather(*asked)
    finally:
        client.close()
    grid = np.linspace(end - seconds, end, 2 * COLUMNS)
    values = np.full((len(names), grid.size), np.nan)
    for row, (times, low_high) in enumerate(found):
        if times.size:
            before = np.searchsorted(times, grid, side="right") - 1
            known = np.flatnonzero(before >= 0)
            values[row, known] = low_high[before[known], known % 2]
    return grid, values


async def _one(
    client: AsyncHTTPClient, base: str, name: str, start: float, end: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # optimized_N: at most N bins, so that a day at 5 Hz is some kB.
    pv = f"optimized_{COLUMNS}({name})"
    query = urlencode({"pv": pv, "from": _stamp(start), "to": _stamp(end)})
    address = f"{base.rstrip('/')}/retrieval/data/getData.json?{query}"
    try:
        answer = await client.fetch(
            address, request_timeout=TIMEOUT_S, connect_timeout=TIMEOUT_S, follow_redirects=False
        )
        return _read(json.loads(answer.body))
    except HTTPError as error:
        if error.code == _NOT_KEPT:
            return _NONE
        raise ArchiveError(f"history of {name}: {error}") from None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ArchiveError(f"history of {name}: {error}") from None


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def _read(told: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times (n,), and the lowest and highest value at each (n, 2)."""
    if told == []:
        return _NONE
    rows = [
        (one["secs"] + 1e-9 * one.get("nanos", 0), *low_high)
        for one in told[0]["data"]
        if (low_high := _low_high(one["val"])) is not None
    ]
    table = np.array(sorted(rows), dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1:]


def _low_high(value: Any) -> tuple[float, float] | None:
    """Of a bin (mean, deviation, lowest, highest, number) or of a sample; None for no number."""
    if isinstance(value, list):
        value = value[2:4]
        numbers = len(value) == 2 and all(isinstance(one, int | float) for one in value)
        return (float(value[0]), float(value[1])) if numbers else None
    return (float(value), float(value)) if isinstance(value, int | float) else None
