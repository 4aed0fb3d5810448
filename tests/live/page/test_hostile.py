"""What PVs hold is shown as text, whatever it looks like."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cryohalo.page.variables import Variable
from tests.session.page.conftest import Served, serving

NASTY = [
    '<img src=x onerror="document.title=1">',
    "<script>document.title=1</script>",
    "</tspan></svg><h1>over",
    "javascript:alert(1)",
    "\u202egnirts\u0000\u001b[31m",
    "x" * 4000,
]


class Serving:
    """A page's server in a thread; ``call`` runs in its loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.served: Served
        self._up, self._end = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self.loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        self._up.wait(20.0)

    async def _run(self) -> None:
        async for served in serving("a-token-that-is-long-enough-for-the-page"):
            self.served = served
            tick = asyncio.ensure_future(served.bench.hub.run())
            self._up.set()
            await self._end.wait()
            tick.cancel()

    def call(self, act: Any, *arguments: Any) -> None:
        self.loop.call_soon_threadsafe(act, *arguments)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20.0)
        self.loop.close()


@pytest.fixture
def over() -> Iterator[Serving]:
    made = Serving()
    yield made
    made.end()


@pytest.mark.parametrize("text", NASTY)
def test_texts_descriptions_units_and_states_are_only_text(
    text: str, window: Any, over: Serving
) -> None:
    board = over.served.board
    shown = board.shown["CHX:Temp_RBV"]
    shown.variable = Variable("CHX:Temp_RBV", text, "number")

    def fill() -> None:
        board.update("Interlock:Reason_RBV", text, 2, 1e9)
        board.update("CHX:Temp_RBV", 0.9, 2, 1e9)
        board.describe("CHX:Temp_RBV", {"units": text, "prec": 3})
        board.describe("Cycle:Run", {"states": [text, "Run"]})
        board.update("Cycle:Run", 0, 1, 1e9)

    over.call(fill)
    window.goto(f"http://{over.served.host}/amrr")
    window.wait_for_selector("body.live")
    window.locator("#alarms li").nth(2).wait_for()
    visible = text.split("\0")[0][:20]
    assert visible in window.locator("#banner").text_content()
    assert visible in window.locator("#alarms").text_content()
    assert window.locator("body script, #banner img, #alarms img, body h1").count() == 0
    assert window.title() == "Refrigerator T:"


@pytest.mark.parametrize("text", NASTY[:3])
def test_plans_of_the_queue_are_only_text(text: str, window: Any, over: Serving) -> None:
    over.call(over.served.bench.hub.tell, "queue", json.dumps({"error": "silent"}))
    window.goto(f"http://{over.served.host}/amrr")
    window.locator("#queued").filter(has_text="silent").wait_for()
    queue = {"state": "idle", "running": text, "waiting": [text], "count": 1}
    over.call(over.served.bench.hub.tell, "queue", json.dumps(queue))
    window.locator("#queued").filter(has_text=" · 1 waiting").wait_for()
    assert window.locator("#queued").text_content() == f"runs: {text} · 1 waiting"
    assert window.locator("#queue li").text_content() == text
    assert window.locator("#queue img, #queue script, #queue h1").count() == 0


def test_an_ioc_that_has_never_answered_is_lost(window: Any, over: Serving) -> None:
    window.goto(f"http://{over.served.host}/amrr")
    banner = window.locator("#banner").filter(has_text="IOC LOST: it has not answered yet")
    banner.wait_for()
    window.locator("body.gone").wait_for()
    assert window.locator("#alarms li").inner_text() == "unknown: no value is known now"

    def answer() -> None:
        for name, shown in over.served.board.shown.items():
            over.served.board.update(name, "" if shown.variable.kind == "text" else 1.0, 0, 1e9)

    over.call(answer)
    banner.wait_for(state="hidden")
    window.locator("#alarms li.none").filter(has_text="No alarms").wait_for()
