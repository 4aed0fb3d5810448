"""Frames: what has changed, once; the newest always; bounded for whoever does not read."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import numpy as np
import pytest
from tornado.websocket import websocket_connect

from cryohalo.page.board import LOST, Board
from cryohalo.page.encoding import MOST_CHARACTERS, thinned, value_text
from cryohalo.page.handlers import MOST_VIEWERS
from cryohalo.page.strips import Strips, in_columns
from cryohalo.page.variables import Variable
from cryohalo.page.viewers import Hub, Viewer
from tests.session.page.conftest import VARIABLES, Served


async def frames(served: Served) -> Any:
    return await websocket_connect(f"ws://{served.host}/ws/amrr")


async def leave(connection: Any) -> None:
    connection.close()
    while await connection.read_message() is not None:
        pass


async def read(connection: Any) -> dict[str, Any]:
    message = await connection.read_message()
    assert message is not None
    return json.loads(message)


async def test_the_first_frame_has_everything_and_the_next_what_changed(served: Served) -> None:
    served.board.update("CHX:Temp_RBV", 0.9123456, 1, 5.0)
    served.bench.hub.tick()
    connection = await frames(served)
    first = await read(connection)
    assert set(first["v"]) == set(first["pvs"]) == {v.name for v in VARIABLES}
    assert first["v"]["CHX:Temp_RBV"] == [0.9123456, 1, 5.0]
    assert first["v"]["Cycle:FlowTime"][:2] == [None, LOST]
    assert first["lost"] == len(VARIABLES) - 1
    served.board.update("Cycle:FlowTime", 80.0, 0, 6.0)
    served.bench.hub.tick()
    second = await read(connection)
    assert second["v"] == {"Cycle:FlowTime": [80.0, 0, 6.0]}
    assert "pvs" not in second
    served.board.describe("CHX:Temp_RBV", {"units": "K"})
    served.bench.hub.tick()
    third = await read(connection)
    assert third["pvs"]["CHX:Temp_RBV"]["units"] == "K"
    await leave(connection)


async def test_a_viewer_that_does_not_read_costs_a_bounded_queue_and_gets_the_newest() -> None:
    board = Board("T:", VARIABLES)
    hub = Hub(board)
    gate, sent = asyncio.Event(), []

    async def send(text: str) -> None:
        sent.append(json.loads(text))
        await gate.wait()

    viewer = Viewer(board, send, lambda: None)
    hub.viewers.add(viewer)
    await asyncio.sleep(0)
    for count in range(10_000):
        board.update("CHX:Temp_RBV", float(count), 0, 1.0)
        board.update("Cycle:FlowTime", float(count), 0, 1.0)
        hub.tick()
    assert len(viewer.waiting) <= len(VARIABLES)
    gate.set()
    while len(sent) < 2:
        await asyncio.sleep(0)
    assert sent[1]["v"]["CHX:Temp_RBV"][0] == 9999.0
    assert len(sent) == 2
    viewer.end()


async def test_a_viewer_that_stalls_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryohalo.page.viewers.STALLED_S", 0.01)
    closed = asyncio.Event()

    async def never(_: str) -> None:
        await asyncio.Event().wait()

    Viewer(Board("T:", VARIABLES), never, closed.set)
    await asyncio.wait_for(closed.wait(), 20.0)


async def test_viewers_are_bounded_and_forgotten_when_they_leave(served: Served) -> None:
    connections = [await frames(served) for _ in range(MOST_VIEWERS)]
    assert await served.upgraded() == 503
    for connection in connections:
        await leave(connection)
    while served.bench.hub.viewers:
        await asyncio.sleep(0.01)
    connection = await frames(served)
    await read(connection)
    await leave(connection)


async def test_a_viewer_that_talks_is_let_go(served: Served) -> None:
    connection = await frames(served)
    await read(connection)
    await connection.write_message("{}")
    while await connection.read_message() is not None:
        pass
    assert connection.close_code == 1003
    connection.close()


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (0.9123456, "number", 0.9123456),
        (1100.123456, "number", 1100.123456),
        (-0.0, "number", 0.0),
        (5e-324, "number", 5e-324),
        (1.797e308, "number", 1.797e308),
        (math.nan, "number", None),
        (-math.inf, "number", None),
        (3, "state", 3),
        ('</script><img src=x onerror="boom()">', "text", '</script><img src=x onerror="boom()">'),
        ("\u2028\x00\x1b[31m\ud800", "text", "\u2028\x00\x1b[31m\ud800"),
        ([1.0, math.nan, 2.5], "array", [1.0, None, 2.5]),
        ([], "array", []),
        (4.5, "array", [4.5]),
    ],
)
def test_any_value_is_json(value: Any, kind: str, told: Any) -> None:
    assert json.loads(value_text(value, kind)) == told


def test_a_text_of_any_length_is_cut() -> None:
    assert len(json.loads(value_text("x" * 10**6, "text"))) == MOST_CHARACTERS


def test_a_value_of_another_kind_is_shown_and_breaks_nothing() -> None:
    board = Board("T:", VARIABLES)
    board.update("CHX:Temp_RBV", "<warm>", 3, 1.0)
    board.update("Cycle:Run", math.nan, 3, 1.0)
    board.take_changed()
    assert json.loads(board.values_text(["CHX:Temp_RBV", "Cycle:Run"])) == {
        "CHX:Temp_RBV": ["<warm>", 3, 1.0],
        "Cycle:Run": ["nan", 3, 1.0],
    }


@pytest.mark.parametrize("size", [0, 1, 2000, 2001, 20_001, 100_000])
def test_thinning_keeps_a_line_one_point_wide(size: int) -> None:
    values = np.random.default_rng(1).normal(size=size)
    if size > 2:
        values[size // 3], values[size - 2] = 50.0, -40.0
    kept = thinned(values)
    assert kept.size <= 2000
    if size > 2:
        assert kept.max() == 50.0
        assert kept.min() == -40.0
        assert np.argmax(kept) < np.argmin(kept)


def test_thinning_skips_what_is_no_number() -> None:
    values = np.full(10_000, np.nan)
    values[1234] = 7.0
    kept = thinned(values)
    assert set(kept) == {7.0}
    assert thinned(np.full(10_000, np.nan)).size == 0


def test_strips_keep_a_fixed_memory_and_leave_gaps_where_a_value_was_lost() -> None:
    board = Board("T:", [Variable("CHX:Temp_RBV", "", "number")])
    strips = Strips(board, ["CHX:Temp_RBV", "No:Such"], length=50)
    for count in range(200):
        if count == 190:
            board.lose("CHX:Temp_RBV")
        if count != 190:
            board.update("CHX:Temp_RBV", float(count), 0, 1.0)
        strips.sample()
    times, values = strips.last(3600.0)
    assert values.shape == (1, 50)
    assert values[0, -1] == 199.0
    assert np.flatnonzero(np.isnan(values[0])).tolist() == [40]
    assert np.all(np.diff(times) >= 0.0)


def test_columns_hold_the_lowest_and_the_highest() -> None:
    times = np.arange(10_000.0)
    values = np.stack((np.sin(times), np.full(times.size, np.nan)))
    values[0, 5003] = 30.0
    thin_times, thin = in_columns(times, values, columns=100)
    assert thin.shape == (2, 200)
    assert np.all(np.diff(thin_times) > 0.0)
    assert np.nanmax(thin[0]) == 30.0
    assert np.isnan(thin[1]).all()
