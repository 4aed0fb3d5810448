"""The search that runs: grand spectrum, limit against KSVZ and DFSZ, steps done, when it will end.

Works in a process of its own, started by the page's server, so that the analysis never delays a
frame: ``python -m cryohalo.page.search CATALOG`` prints one line of JSON whenever something is
new. Each document is read once; a spectrum costs what the online analysis takes for it, tens of
milliseconds, and no window is kept. What is printed has at most ``COLUMNS`` columns.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cryohalo.page.following import Follower
from haloscope.analysis.apparatus import capp12tb, described
from haloscope.analysis.exchange.documents import bins_of
from haloscope.analysis.online import Online, OnlineUpdate, options_for
from haloscope.axion import coupling_dfsz, coupling_ksvz
from haloscope.planning.live import LiveForecast
from instruments.printable import escaped

__all__ = ["COLUMNS", "Search", "main"]

log = logging.getLogger("cryohalo.page.search")

#: Of a drawn spectrum.
COLUMNS: Final = 800
_PERIOD_S: Final = 1.0
_LIMIT_UNIT_PER_GEV: Final = 1e-15
_NICENESS: Final = 10


class Search:
    """One search, from its documents.

    Args:
        name: As ``following.search_of`` calls it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._forecast = LiveForecast()
        self._online: Online | None = None
        self._before: list[tuple[str, Mapping[str, Any]]] = []
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
            self._forecast(name, document)
            self._analyze(name, document)
        except Exception as error:  # foreign documents: the page goes on with what it has
            self._refused += 1
            log.warning("a %s document is not used: %s", name, escaped(error))

    def _analyze(self, name: str, document: Mapping[str, Any]) -> None:
        """Feed the online analysis, once a first event has told how wide the bins are."""
        if self._online is not None:
            self._online(name, document)
            return
        if name != "event":
            self._before.append((name, document))
            return
        found = bins_of([*self._before, (name, document)])
        if found is None:
            return
        step_hz, frequency_hz = found
        known = described(self._start) or capp12tb()
        options = options_for(known, frequency_hz, step_hz)
        self._online = Online(options, publish=self._updated, keep=False)
        self._online.tell(self._forecast.updated)
        for earlier in self._before:
            self._online(*earlier)
        self._before.clear()
        self._online(name, document)

    def _updated(self, update: OnlineUpdate) -> None:
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
        outlook = self._forecast.outlook
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


def follow(catalog: Path, ended: threading.Event) -> None:
    """Print a line whenever something is new, until ``ended``."""
    follower = Follower(catalog)
    search: Search | None = None
    while True:
        news = False
        for name, (kind, document) in follower.new():
            if search is None or search.name != name:
                search = Search(name)
            search.take(kind, document)
            news = True
        if news and search is not None:
            print(json.dumps(search.told(), allow_nan=False), flush=True)
        if ended.wait(_PERIOD_S):
            return


def main() -> int:
    """Follow the catalog that is named until standard input ends, which the server holds open."""
    os.nice(_NICENESS)
    ended = threading.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    follow(Path(sys.argv[1]), ended)
    return 0


if __name__ == "__main__":
    sys.exit(main())
