"""Samples of the past from a server with the JSON route of the EPICS archiver appliance.

``GET /retrieval/data/getData.json?pv=NAME&from=TIME&to=TIME`` answers
``[{"meta": {...}, "data": [{"secs": ..., "nanos": ..., "val": ...}, ...]}]``.
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

__all__ = ["ArchiveError", "samples"]

#: How long the history may take before the page shows its own hour (assumed).
TIMEOUT_S: Final = 5.0
_POINTS: Final = 2000


class ArchiveError(RuntimeError):
    """The history server gave no samples; the message says why."""


async def samples(
    base: str, names: Sequence[str], seconds: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The last ``seconds`` of each PV on one axis of times.

    Args:
        base: Address of the server, e.g. ``http://127.0.0.1:17668``.
        names: PVs, with prefix.
        seconds: How far back.

    Returns:
        Times (n,), s since the Unix epoch, and values (names, n): the last sample before each time.

    Raises:
        ArchiveError: The server does not answer, or not in this form.
    """
    end = time.time()
    found = await asyncio.gather(*(_one(base, name, end - seconds, end) for name in names))
    grid = np.linspace(end - seconds, end, _POINTS)
    values = np.full((len(names), grid.size), np.nan)
    for row, (times, numbers) in enumerate(found):
        if times.size:
            before = np.searchsorted(times, grid, side="right") - 1
            known = before >= 0
            values[row, known] = numbers[before[known]]
    return grid, values


async def _one(
    base: str, name: str, start: float, end: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    query = urlencode({"pv": name, "from": _stamp(start), "to": _stamp(end)})
    address = f"{base.rstrip('/')}/retrieval/data/getData.json?{query}"
    try:
        answer = await AsyncHTTPClient().fetch(
            address, request_timeout=TIMEOUT_S, connect_timeout=TIMEOUT_S, follow_redirects=False
        )
        return _read(json.loads(answer.body))
    except HTTPError as error:
        if error.code == 404:  # a PV that is not kept
            return np.empty(0), np.empty(0)
        raise ArchiveError(f"history of {name}: {error}") from None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ArchiveError(f"history of {name}: {error}") from None


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def _read(told: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if told == []:
        return np.empty(0), np.empty(0)
    data = [one for one in told[0]["data"] if isinstance(one["val"], int | float)]
    times = np.array([one["secs"] + 1e-9 * one.get("nanos", 0) for one in data], dtype=float)
    values = np.array([one["val"] for one in data], dtype=float)
    order = np.argsort(times, kind="stable")
    return times[order], values[order]
