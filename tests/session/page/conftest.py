"""A page's web server over boards that the test fills, without Channel Access."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from cryohalo.page.alarms import AlarmBook
from cryohalo.page.board import Board
from cryohalo.page.handlers import Bench, application
from cryohalo.page.layout import LAYOUTS
from cryohalo.page.strips import Strips
from cryohalo.page.variables import Variable
from cryohalo.page.viewers import Hub
from cryohalo.page.waterfall import Waterfall

TOKEN = "a-token-that-is-long-enough-for-the-page"
VARIABLES = [
    Variable("CHX:Temp_RBV", "Cold heat exchanger", "number"),
    Variable("Cycle:FlowTime", "Time of a flow phase", "number", settable=True),
    Variable("Cycle:Run", "Run", "state", settable=True),
    Variable("PumpA:Field", "Target field", "number", settable=True, done=True),
    Variable("Interlock:Reason_RBV", "Why it is interlocked", "text"),
    Variable("IOC:Refusal_RBV", "The last refused put and why", "text"),
    Variable("IOC:RefusedPuts_RBV", "Puts refused", "number"),
    Variable("DAQ:Preview_RBV", "The spectrum, averaged for screens", "array"),
    Variable("RegenA:TempProfile_RBV", "Regenerator A, hot to cold end", "array"),
]


@dataclass
class Served:
    """A listening server; ``ask`` and ``put`` talk to it as a browser would."""

    port: int
    bench: Bench

    @property
    def board(self) -> Board:
        return self.bench.board

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def ask(self, path: str, **options: Any) -> HTTPResponse:
        return await AsyncHTTPClient().fetch(
            f"http://{self.host}{path}", raise_error=False, follow_redirects=False, **options
        )

    async def upgraded(self, **headers: str) -> int:
        """The answer to a request for a web socket that is expected to be refused."""
        wanted = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version": "13",
        }
        return (await self.ask("/ws/amrr", headers={**wanted, **headers})).code

    async def put(
        self,
        body: Any,
        token: str | None = TOKEN,
        headers: dict[str, str] | None = None,
        what: str = "put",
    ) -> tuple[int, dict[str, Any]]:
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        answer = await self.ask(f"/api/amrr/{what}", method="POST", body=text, headers=sent)
        return answer.code, json.loads(answer.body)


def bench() -> Bench:
    """The refrigerator's page with a few variables, none connected."""
    board = Board("T:", VARIABLES)
    strips = Strips(board, LAYOUTS["amrr"].charted, length=100)
    waterfall = Waterfall(board)
    hub = Hub(board, (strips.sample, waterfall.sample))
    return Bench(LAYOUTS["amrr"], board, hub, strips, waterfall)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async for one in serving(TOKEN):
        yield one


@pytest.fixture
async def read_only() -> AsyncIterator[Served]:
    async for one in serving(None):
        yield one


async def serving(
    token: str | None, history: str = "", log: Path | None = None
) -> AsyncIterator[Served]:
    made = bench()
    sockets = bind_sockets(0, "127.0.0.1")
    book = None if log is None else AlarmBook(log, {made.board.prefix: made.hub})
    app = application({"amrr": made}, token, history, queue=True, alarms=book)
    server = HTTPServer(app, max_body_size=4096)
    server.add_sockets(sockets)
    yield Served(sockets[0].getsockname()[1], made)
    for viewer in tuple(made.hub.viewers):
        viewer.end()
    server.stop()
    await server.close_all_connections()
