"""The process of the online analysis: ``python -m cryohalo.searching.worker FD``, by ``pipe``.

It takes a ``Begin``, documents and questions from the connection that is named, in their order,
answers the questions, and hands over what the page shows at most every second. Spectra wait for
each other so long, or until something is asked: of some at once each costs a third of one alone. It
ends when the other end of the connection is closed, however that came about.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from cryohalo.page.following import search_of
from cryohalo.searching.handed import hand_over
from cryohalo.searching.shown import Shown
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.update import OnlineUpdate
from instruments.printable import escaped

__all__ = ["Begin", "main"]

log = logging.getLogger("cryohalo.searching")

#: Between two times that it is told how the search stands.
_PERIOD_S: Final = 1.0
_IDLE_S: Final = 3600.0
#: Between two signs of life.
_BEAT_S: Final = 1.0
#: Spectra that are analysed together: of a scan as fast as it goes those of a second.
TOGETHER: Final = 32


@dataclass(frozen=True)
class Begin:
    """What the process is told first.

    Attributes:
        options: Of the analysis.
        catalog: Whose page is told of the search.
    """

    options: Options
    catalog: Path


@contextlib.contextmanager
def _spared() -> Iterator[None]:
    """What a page is told is no reason to end an analysis; the page then works for itself."""
    try:
        yield
    except Exception as error:
        log.warning("the page is not told how the search stands: %s", escaped(error))


class _Telling:
    """What the page is told, at most every second."""

    def __init__(self, catalog: Path) -> None:
        self._catalog = catalog
        self._shown: Shown | None = None
        self._mine = False
        self._news = False
        self._due_s = 0.0

    def take(self, name: str, document: Mapping[str, Any]) -> None:
        """A document, before the analysis has it: those of runs that are no search pass by."""
        if name == "start":
            search = search_of(document)
            self._mine = bool(search)
            if self._mine and (self._shown is None or self._shown.name != search):
                self._shown = Shown(search)
        if self._mine and self._shown is not None:
            self._shown.take(name, document)
            self._news = True

    def updated(self, update: OnlineUpdate) -> None:
        """Take what the analysis says of a spectrum."""
        if self._mine and self._shown is not None:
            with _spared():
                self._shown.updated(update)

    @property
    def left_s(self) -> float:
        """How long until the page is to be told something."""
        return max(self._due_s - time.monotonic(), 0.0) if self._news else _IDLE_S

    def tell(self) -> None:
        """Tell what is new."""
        if not self._news or self._shown is None:
            return
        self._news, self._due_s = False, time.monotonic() + _PERIOD_S
        with _spared():
            hand_over(self._catalog, self._shown.name, self._shown.told())


class _Back(logging.Handler):
    """The way back to the session, for answers, what is logged here, and signs of life."""

    def __init__(self, there: Connection) -> None:
        super().__init__()
        self._there = there
        self._one_at_a_time = threading.Lock()  # a connection takes no two messages at once

    def send(self, message: Any) -> None:
        """Say something.

        Raises:
            OSError: Nobody is there any longer.
        """
        with self._one_at_a_time:
            self._there.send(message)

    def emit(self, record: logging.LogRecord) -> None:
        """Say what was logged."""
        with contextlib.suppress(OSError):
            self.send(("log", record.name, record.levelno, record.getMessage()))

    def beat(self, ended: threading.Event) -> None:
        """Say every second that the process is there, until it has ended."""
        with contextlib.suppress(OSError):
            while not ended.is_set():
                self.send(("there", None))
                ended.wait(_BEAT_S)


def _answer(online: Online, what: str, given: tuple[Any, ...], more: dict[str, Any]) -> Any:
    """What the analysis says: a property, or what a method returns or raises."""
    try:
        found = getattr(online, what)
        return "answer", found(*given, **more) if callable(found) else found
    except ValueError as error:
        return "raised", error


def _serve(there: Connection, back: _Back) -> None:
    begin: Begin = there.recv()
    telling = _Telling(begin.catalog)
    online = Online(begin.options, publish=telling.updated, together=TOGETHER)
    try:
        while True:
            if there.poll(telling.left_s):
                what, *rest = there.recv()
                if what == "document":
                    _take(online, telling, *rest)
                else:
                    back.send(_answer(online, what, *rest))
            if telling.left_s <= 0:
                online.settle()
                telling.tell()
    except (EOFError, ConnectionError):  # nothing more comes
        online.settle()
        raise
    finally:
        telling.tell()


def _take(online: Online, telling: _Telling, name: str, document: Mapping[str, Any]) -> None:
    if name != "event":  # it may begin another search, of which no spectrum waits
        online.settle()
    telling.take(name, document)
    online(name, document)


def main() -> int:
    """Analyse until the session closes the connection."""
    there = Connection(int(sys.argv[1]))
    back = _Back(there)
    # Its own would go to standard error beside what the session shows.
    logging.getLogger().handlers = [back]
    logging.getLogger().setLevel(logging.INFO)
    ended = threading.Event()
    threading.Thread(target=back.beat, args=(ended,), daemon=True).start()
    with contextlib.suppress(EOFError, ConnectionError):  # the session is gone
        _serve(there, back)
    ended.set()
    return 0


if __name__ == "__main__":
    sys.exit(main())
