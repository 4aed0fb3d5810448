"""The charts' past from a server with the archiver's JSON route; from the page where that fails."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from cryohalo.page.archive import ArchiveError, samples
from tests.session.page.conftest import Served, serving

DAY_S = 86_400.0


class Archiver:
    """A server of the route; ``answer`` is what it gives, or the status it fails with."""

    def __init__(self) -> None:
        self.answer: Any = []
        self.asked: list[dict[str, str]] = []
        handler = self._handler()
        self._server = HTTPServer(
            web.Application(
                [("/retrieval/data/getData.json", handler)], log_function=lambda _: None
            )
        )
        sockets = bind_sockets(0, "127.0.0.1")
        self._server.add_sockets(sockets)
        self.address = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    def _handler(self) -> type[web.RequestHandler]:
        archiver = self

        class Data(web.RequestHandler):
            def get(self) -> None:
                names = ("pv", "from", "to")
                archiver.asked.append({name: self.get_query_argument(name) for name in names})
                if isinstance(archiver.answer, int):
                    self.set_status(archiver.answer)
                elif isinstance(archiver.answer, str):
                    self.finish(archiver.answer)
                else:
                    self.finish(json.dumps(archiver.answer))

        return Data

    async def end(self) -> None:
        self._server.stop()
        await self._server.close_all_connections()


@pytest.fixture
async def archiver() -> AsyncIterator[Archiver]:
    made = Archiver()
    yield made
    await made.end()


def answer(*points: tuple[float, Any]) -> Any:
    data = [{"secs": int(t), "nanos": round(1e9 * (t % 1)), "val": v} for t, v in points]
    return [{"meta": {"name": "T:CHX:Temp_RBV"}, "data": data}]


async def test_samples_hold_until_the_next_and_are_none_before_the_first(
    archiver: Archiver,
) -> None:
    now = time.time()
    archiver.answer = answer((now - 1000.5, 1.0), (now - 500.0, 2.0), (now - 100.0, None))
    times, values = await samples(archiver.address, ["T:CHX:Temp_RBV"], 2000.0)
    assert times[0] == pytest.approx(now - 2000.0, abs=2.0)
    assert np.isnan(values[0, times < now - 1003.0]).all()
    assert set(values[0, (times > now - 998.0) & (times < now - 502.0)]) == {1.0}
    assert set(values[0, times > now - 498.0]) == {2.0}
    assert re.fullmatch(r"optimized_\d+\(T:CHX:Temp_RBV\)", archiver.asked[0]["pv"])
    assert archiver.asked[0]["from"].endswith("+00:00")


async def test_of_a_bin_the_lowest_and_the_highest_are_drawn(archiver: Archiver) -> None:
    now = time.time()
    archiver.answer = answer((now - 50.0, [1.5, 0.2, 1.0, 2.0, 40]), (now - 1.0, [1, 0, "x"]))
    _, values = await samples(archiver.address, ["T:CHX:Temp_RBV"], 100.0)
    assert set(values[0, ~np.isnan(values[0])]) == {1.0, 2.0}


async def test_an_answer_of_any_size_is_not_read(archiver: Archiver) -> None:
    archiver.answer = "[" + " " * 5_000_000 + "]"
    with pytest.raises(ArchiveError, match="history of T:CHX"):
        await samples(archiver.address, ["T:CHX:Temp_RBV"], 100.0)


@pytest.mark.parametrize("missing", [404, []])
async def test_a_pv_that_is_not_kept_is_a_gap(archiver: Archiver, missing: Any) -> None:
    archiver.answer = missing
    _, values = await samples(archiver.address, ["T:No"], 100.0)
    assert np.isnan(values).all()


BAD = [500, "<html>", "[1]", "{}", '[{"data": [{"val": 1}]}]', '[{"data": 3}]', "[" * 3000, '""']


@pytest.mark.parametrize("bad", BAD)
async def test_a_server_that_answers_otherwise_is_named(archiver: Archiver, bad: Any) -> None:
    archiver.answer = bad
    with pytest.raises(ArchiveError, match="history of T:CHX"):
        await samples(archiver.address, ["T:CHX:Temp_RBV"], 100.0)


async def served_over(archiver: Archiver) -> AsyncIterator[Served]:
    async for served in serving(None, archiver.address):
        yield served


async def strips(served: Served, seconds: str) -> Any:
    return json.loads((await served.ask(f"/api/amrr/strips?seconds={seconds}")).body)


async def test_a_day_comes_from_the_history_and_minutes_from_the_page(archiver: Archiver) -> None:
    now = time.time()
    archiver.answer = answer((now - 0.5 * DAY_S, 0.9))
    async for served in served_over(archiver):
        served.board.update("CHX:Temp_RBV", 0.8, 0, now)
        served.bench.strips.sample()
        day = await strips(served, "86400")
        assert (day["source"], day["error"]) == ("history", "")
        assert day["v"]["CHX:Temp_RBV"][-1] == 0.9
        minutes = await strips(served, "300")
        assert (minutes["source"], minutes["v"]["CHX:Temp_RBV"]) == ("page", [0.8])


async def test_without_a_history_that_answers_the_page_shows_its_own_and_says_why(
    archiver: Archiver,
) -> None:
    archiver.answer = 500
    async for served in served_over(archiver):
        served.board.update("CHX:Temp_RBV", 0.8, 0, time.time())
        served.bench.strips.sample()
        told = await strips(served, "86400")
        assert (told["source"], told["v"]["CHX:Temp_RBV"]) == ("page", [0.8])
        assert "history of T:CHX:Temp_RBV" in told["error"]


@pytest.mark.parametrize("seconds", ["", "x", "0", "-5", "nan", "inf", "1e99"])
async def test_a_window_that_is_none_is_refused(served: Served, seconds: str) -> None:
    assert (await served.ask(f"/api/amrr/strips?seconds={seconds}")).code == 400
