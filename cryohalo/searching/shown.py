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

log = logging.getLogger("cryohalo.page.search")

#: Of a drawn spectrum.
COLUMNS: Final = 800
#: What of it is drawn, and what of the search is a text; all else is a number.
DRAWN: Final = ("mhz", "top", "low", "limit", "ksvz", "dfsz")
TEXTS: Final = ("name", "plan", "run")
_LIMIT_UNIT_PER_GEV: Final = 1e-15


class Shown:
    """One search, from its documents and from what its analysis says of each spectrum.

    Args:
        name: As ``cryohalo.page.following.search_of`` calls it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.forecast = LiveForecast()
        self._bins: dict[int, tuple[float, float]] = {}
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
        if update.findings:
            self._refused += 1
        if update.grand is None or update.limit is None:
            return
        columns = (
            update.grand.frequency_hz,
            update.grand.normalised,
            update.limit.coupling_per_gev,
        )
        for frequency_hz, excess, coupling in zip(*columns, strict=True):
            self._bins[round(float(frequency_hz))] = float(excess), float(coupling)

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
        if not self._bins:
            return {}
        order = sorted(self._bins)
        frequency_hz = np.array(order, dtype=np.float64)
        excess, coupling = np.array([self._bins[nu] for nu in order]).T
        highest = int(np.argmax(excess))
        edges = np.unique(np.linspace(0, len(order), min(COLUMNS, len(order)) + 1).astype(int))[:-1]
        f = frequency_hz[edges]
        return {
            "mhz": _list(f * 1e-6, 6),
            "top": _list(np.maximum.reduceat(excess, edges), 3),
            "low": _list(np.minimum.reduceat(excess, edges), 3),
            "limit": _list(np.maximum.reduceat(coupling, edges) / _LIMIT_UNIT_PER_GEV, 4),
            "ksvz": _list(np.array([coupling_ksvz(nu) for nu in f]) / _LIMIT_UNIT_PER_GEV, 4),
            "dfsz": _list(np.array([coupling_dfsz(nu) for nu in f]) / _LIMIT_UNIT_PER_GEV, 4),
            "highest": _known(excess[highest]),
            "highest_mhz": _known(frequency_hz[highest] * 1e-6),
            "median": _known(float(np.median(coupling)) / _LIMIT_UNIT_PER_GEV),
        }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _list(values: NDArray[np.float64], decimals: int) -> list[float | None]:
    return [round(float(v), decimals) if math.isfinite(v) else None for v in values]
