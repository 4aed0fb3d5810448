"""The search that runs, for the page: as its session tells it, else analysed here.

Works in a process of its own, started by the page's server, so that it never delays a frame:
``python -m cryohalo.page.search CATALOG`` reads from standard input that somebody looks, and prints
one line of JSON for each such time that something is new. A session that analyses its search hands
over what is shown (``cryohalo.searching.handed``). Of other searches each document is read once
here; a spectrum costs what the online analysis takes for it, and no window is kept.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cryohalo.page.following import Follower
from cryohalo.searching.handed import Handed
from cryohalo.searching.shown import COLUMNS, Shown
from haloscope.analysis.apparatus import capp12tb, described
from haloscope.analysis.exchange.documents import bins_of
from haloscope.analysis.live import options_for
from haloscope.analysis.online import Online

__all__ = ["COLUMNS", "Search", "Watched", "main"]

_PERIOD_S: Final = 1.0
_NICENESS: Final = 10


class Search(Shown):
    """One search that is analysed here, from its documents."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._online: Online | None = None
        self._before: list[tuple[str, Mapping[str, Any]]] = []

    def use(self, name: str, document: Mapping[str, Any]) -> None:
        """Feed the online analysis, once a first event has told how wide the bins are."""
        super().use(name, document)
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
        self._online = Online(options, publish=self.updated, keep=False)
        for earlier in self._before:
            self._online(*earlier)
        self._before.clear()
        self._online(name, document)


class Watched:
    """The newest search of a catalog, as it is to be shown.

    Args:
        catalog: Its folder; it need not be there yet.
    """

    def __init__(self, catalog: Path) -> None:
        self._follower, self._handed = Follower(catalog), Handed(catalog)
        self.analysed: Search | None = None
        self._last: dict[str, Any] = {}
        self._by_session = False

    def news(self, now_s: float) -> Iterator[dict[str, Any]]:
        """What is told of it if that is new; of a long search analysed here more and more of it.

        Args:
            now_s: A clock that does not jump.
        """
        newest = self._follower.newest()
        if newest is None:
            return
        handed = self._handed.newest(newest.search, newest.changed_ns, now_s)
        for told in self._analyzed(again=self._by_session) if handed is None else [handed]:
            if told != self._last:
                self._last = told
                yield told
        self._by_session = handed is not None

    def _analyzed(self, *, again: bool) -> Iterator[dict[str, Any]]:
        """What the analysis here says, after each second of it; ``again`` without news, too."""
        due, news = time.monotonic() + _PERIOD_S, again
        for name, (kind, document) in self._follower.new():
            if self.analysed is None or self.analysed.name != name:
                self.analysed = Search(name)
            self.analysed.take(kind, document)
            news = True
            if time.monotonic() > due:
                yield self.analysed.told()
                due, news = time.monotonic() + _PERIOD_S, False
        if self.analysed is not None and news:
            yield self.analysed.told()


def follow(catalog: Path, ended: threading.Event, looked: threading.Event) -> None:
    """Print a line whenever something is new and somebody looks, until ``ended``."""
    watched = Watched(catalog)
    while True:
        looked.wait()
        looked.clear()
        if ended.is_set():
            return
        for told in watched.news(time.monotonic()):
            print(json.dumps(told, allow_nan=False), flush=True)
            if ended.is_set():
                return
        if ended.wait(_PERIOD_S):
            return


def main() -> int:
    """Follow the catalog that is named until standard input ends, which the server holds open."""
    os.nice(_NICENESS)
    ended, looked = threading.Event(), threading.Event()

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            looked.set()
        ended.set()
        looked.set()

    threading.Thread(target=watch, daemon=True).start()
    follow(Path(sys.argv[1]), ended, looked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
