"""The page's process: channels, boards, viewers and the web server, put together."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tornado.httpserver import HTTPServer

from cryohalo.page.alarms import AlarmBook
from cryohalo.page.beside import follow
from cryohalo.page.board import Board
from cryohalo.page.channels import Channels
from cryohalo.page.handlers import Bench, application
from cryohalo.page.layout import LAYOUTS
from cryohalo.page.strips import Strips
from cryohalo.page.variables import Variable
from cryohalo.page.viewers import Hub
from cryohalo.page.waterfall import Waterfall
from cryohalo.processes.ending import ended

__all__ = ["LOOPBACK", "PageServer", "run"]

LOOPBACK: Final = "127.0.0.1"
#: The instrument whose page tells of searches.
SEARCHING: Final = "haloscope"
#: What a request may bring: a name and a value, or a hundred alarms.
_MOST_BODY_BYTES: Final = 16_384


@dataclass
class PageServer:
    """The server and all that feeds it; ``start`` inside a running event loop.

    Attributes:
        prefixes: Instrument (``"amrr"``, ``"haloscope"``) to its prefix.
        variables: Instrument to its variables.
        token: Lets its holder set variables; None: nothing can be set.
        history: Base address of a server with the archiver's JSON route, "" for none.
        port: To listen on; 0 for any free one.
        catalog: Folder whose newest search the haloscope's page shows, None for none.
        queue_port: Of the queue's manager, 0 for no queue.
        alarms: File of the history whose log of alarms is shown, None for none.
    """

    prefixes: Mapping[str, str]
    variables: Mapping[str, Sequence[Variable]]
    token: str | None = None
    history: str = ""
    port: int = 0
    catalog: Path | None = None
    queue_port: int = 0
    alarms: Path | None = None
    benches: dict[str, Bench] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._channels: list[Channels] = []
        self._ticks: list[asyncio.Task[None]] = []
        self._server: HTTPServer | None = None

    def start(self) -> None:
        """Listen, subscribe, tick.

        Raises:
            OSError: The port is taken.
        """
        listening = _listening(self.port)
        self.port = listening.getsockname()[1]
        for name, prefix in self.prefixes.items():
            board = Board(prefix, self.variables[name])
            strips = Strips(board, LAYOUTS[name].charted)
            waterfall = Waterfall(board)
            hub = Hub(board, (strips.sample, waterfall.sample))
            self.benches[name] = Bench(LAYOUTS[name], board, hub, strips, waterfall)
            channels = Channels(board)
            channels.open()
            self._channels.append(channels)
            self._ticks.append(asyncio.ensure_future(hub.run()))
            if name == SEARCHING and self.catalog is not None:
                self._follow("search", str(self.catalog), [hub], hub.is_looked_at)
        if self.queue_port:
            hubs = [bench.hub for bench in self.benches.values()]
            self._follow("queue", str(self.queue_port), hubs)
        book = None
        if self.alarms is not None:
            book = AlarmBook(self.alarms, {b.board.prefix: b.hub for b in self.benches.values()})
            self._ticks.append(asyncio.ensure_future(book.run()))
        shown: dict[str, Any] = {"queue": bool(self.queue_port), "alarms": book}
        self._server = HTTPServer(
            application(self.benches, self.token, self.history, **shown),
            max_body_size=_MOST_BODY_BYTES,
            max_header_size=16_384,
        )
        self._server.add_socket(listening)

    def _follow(
        self,
        what: str,
        argument: str,
        hubs: Sequence[Hub],
        looked: Callable[[], bool] = lambda: False,
    ) -> None:
        """Keep a process running that tells of the search or the queue."""

        def tell(text: str) -> None:
            for hub in hubs:
                hub.tell(what, text)

        told = follow(f"cryohalo.page.{what}", argument, tell, looked)
        self._ticks.append(asyncio.ensure_future(told))

    async def stop(self) -> None:
        """End everything."""
        for tick in self._ticks:
            tick.cancel()
        await asyncio.gather(*self._ticks, return_exceptions=True)
        for bench in self.benches.values():
            for viewer in tuple(bench.hub.viewers):
                viewer.end()
        for channels in self._channels:
            channels.close()
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}/"


def _listening(port: int) -> socket.socket:
    try:
        found = socket.create_server((LOOPBACK, port), backlog=128)
        found.setblocking(False)
        return found
    except OSError as error:
        why = "taken" if error.errno == errno.EADDRINUSE else error.strerror
        raise OSError(f"port {port} of {LOOPBACK} is {why}; choose another with --port") from None


async def run(server: PageServer, ready: Callable[[PageServer], None]) -> None:
    """Serve until a signal or the end of its launcher; ``ready`` is called once it listens."""
    asked = ended()
    server.start()
    try:
        ready(server)
        await asked.wait()
    finally:
        await server.stop()
