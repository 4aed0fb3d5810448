"""What the page shows of a search: grand spectrum, limit against KSVZ and DFSZ, steps, its end."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.update import OnlineUpdate
from haloscope.axion import coupling_dfsz, coupling_ksvz
from haloscope.planning.live import LiveForecast
from instruments.printable import escaped

__all__ = ["COLUMNS", "DRAWN", "TEXTS", "Shown"]

FloatArray = NDArray[np.float64]

log = logging.getLogger("cryohalo.page.search")

#: Of a drawn spectrum.
COLUMNS: Final = 800
#: What of it is drawn, and what of the search is a text; all else is a number.
DRAWN: Final = ("mhz", "top", "low", "limit", "ksvz", "dfsz")
TEXTS: Final = ("name", "plan", "run")
_LIMIT_UNIT_PER_GEV: Final = 1e-15
#: Updates that are not sorted in yet.
_MOST_NEW: Final = 64


class Shown:
    """One search, from its documents and from what its analysis says of each spectrum.

    Args:
        name: As ``cryohalo.page.following.search_of`` calls it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.forecast = LiveForecast()
        self._bins = _Bins()
        self._ended = False
        self._refused = 0
        self._start: Mapping[str, Any] = {}

    def take(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document; what cannot be used is counted, and ends nothing."""
        if name == "start":
            self._start, self._ended = document, False
        self._ended = self._ended or name == "stop"
        try:
            self.use(name, document)
        except Exception as error:  # foreign documents: the page goes on with what it has
            self._refused += 1
            log.warning("a %s document is not used: %s", name, escaped(error))

    def use(self, name: str, document: Mapping[str, Any]) -> None:
        """Do what is to be done with a document; may raise anything."""
        self.forecast(name, document)

    def updated(self, update: OnlineUpdate) -> None:
        """Take what the online analysis says after a spectrum."""
        self.forecast.updated(update)
        self._refused += len({found.spectrum for found in update.findings})
        if update.grand is None or update.limit is None:
            return
        self._bins.take(
            update.grand.frequency_hz, update.grand.normalised, update.limit.coupling_per_gev
        )

    def told(self) -> dict[str, Any]:
        """What the page shows: plain numbers and texts, None for what is not known."""
        outlook = self.forecast.outlook
        found: dict[str, Any] = {
            "name": escaped(self.name, 80),
            "plan": escaped(self._start.get("plan_name", ""), 40),
            "run": escaped(str(self._start.get("uid", ""))[:8]),
            "running": not self._ended,
            "refused": self._refused,
        }
        if outlook is not None:
            reach = outlook.coupling_per_gev / _LIMIT_UNIT_PER_GEV
            numbers = (outlook.done, outlook.left, outlook.each_s, outlook.left_s, reach)
            names = ("done", "left", "each_s", "left_s", "reach")
            found |= {key: _known(value) for key, value in zip(names, numbers, strict=True)}
        return found | self._drawn()

    def _drawn(self) -> dict[str, Any]:
        frequency_hz, excess, coupling = self._bins.all()
        if not frequency_hz.size:
            return {}
        highest = int(np.argmax(excess))
        edges = np.unique(np.linspace(0, len(excess), min(COLUMNS, len(excess)) + 1).astype(int))[
            :-1
        ]
        f = frequency_hz[edges]
        return {
            "mhz": _list(f * 1e-6, 6),
            "top": _list(np.maximum.reduceat(excess, edges), 3),
            "low": _list(np.minimum.reduceat(excess, edges), 3),
            "limit": _list(np.maximum.reduceat(coupling, edges) / _LIMIT_UNIT_PER_GEV, 4),
            # Both are in proportion to the frequency.
            "ksvz": _list(f * (coupling_ksvz(1.0) / _LIMIT_UNIT_PER_GEV), 4),
            "dfsz": _list(f * (coupling_dfsz(1.0) / _LIMIT_UNIT_PER_GEV), 4),
            "highest": _known(excess[highest]),
            "highest_mhz": _known(frequency_hz[highest] * 1e-6),
            "median": _known(float(np.median(coupling)) / _LIMIT_UNIT_PER_GEV),
        }


class _Bins:
    """Grand bins as they stand, by frequency in whole hertz."""

    def __init__(self) -> None:
        self._hz = np.zeros(0, dtype=np.int64)
        self._values = np.zeros((2, 0))
        self._new: list[tuple[NDArray[np.int64], FloatArray]] = []

    def take(self, frequency_hz: FloatArray, excess: FloatArray, coupling: FloatArray) -> None:
        """Take bins of an update, of ascending frequency, shape (k,); later ones take the place."""
        self._new.append((np.rint(frequency_hz).astype(np.int64), np.stack([excess, coupling])))
        if len(self._new) >= _MOST_NEW:
            self._sort_in()

    def all(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Frequency, Hz and ascending, excess and coupling of all of them, each of shape (n,)."""
        self._sort_in()
        return self._hz.astype(np.float64), self._values[0], self._values[1]

    def _sort_in(self) -> None:
        if not self._new:
            return
        hz = np.concatenate([own for own, _ in self._new])[::-1]
        values = np.concatenate([own for _, own in self._new], axis=1)[:, ::-1]
        self._new = []
        hz, last = np.unique(hz, return_index=True)  # the first that stands there: the newest
        values, at = values[:, last], np.searchsorted(self._hz, hz)
        known = np.zeros(len(hz), dtype=bool)
        inside = at < len(self._hz)
        known[inside] = self._hz[at[inside]] == hz[inside]
        self._values[:, at[known]] = values[:, known]
        self._hz = np.insert(self._hz, at[~known], hz[~known])
        self._values = np.insert(self._values, at[~known], values[:, ~known], axis=1)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _list(values: FloatArray, decimals: int) -> list[float | None]:
    rounded: list[float | None] = np.round(values, decimals).tolist()
    for place in np.flatnonzero(~np.isfinite(values)).tolist():
        rounded[place] = None
    return rounded
