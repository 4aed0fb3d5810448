"""Setting from the page: only with the token, only what is offered, only what fits."""

from __future__ import annotations

import json
from typing import Any

import aioca
import pytest
from epicscorelibs.ca import cadef

from cryohalo.page import puts
from tests.session.page.conftest import TOKEN, Served

ECA_TIMEOUT = cadef.ECA_TIMEOUT
ECA_PUTFAIL = 160  # caerr.h


class Caput:
    """Stands in for the put on the wire: remembers, and fails if told to."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Any]] = []
        self.failure: int | None = None
        self.act = lambda: None

    async def __call__(self, pv: str, value: Any, **_: Any) -> None:
        self.act()
        if self.failure is not None:
            raise aioca.CANothing(pv, self.failure)
        self.done.append((pv, value))


@pytest.fixture
def caput(monkeypatch: pytest.MonkeyPatch) -> Caput:
    made = Caput()
    monkeypatch.setattr(puts.aioca, "caput", made)
    return made


@pytest.fixture
def connected(served: Served) -> Served:
    for name, shown in served.board.shown.items():
        served.board.update(name, "" if shown.variable.kind == "text" else 1.0, 0, 1e9)
    served.board.describe("Cycle:Run", {"states": ["Stop", "Run"]})
    return served


async def test_with_the_token_it_is_set(connected: Served, caput: Caput) -> None:
    assert await connected.put({"name": "Cycle:FlowTime", "value": 60}) == (200, {"done": "done"})
    assert await connected.put({"name": "Cycle:Run", "value": "Run"}) == (200, {"done": "done"})
    assert caput.done == [("T:Cycle:FlowTime", 60.0), ("T:Cycle:Run", 1)]


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()])
async def test_without_the_token_nothing_is_set(
    connected: Served, caput: Caput, token: str | None
) -> None:
    code, answer = await connected.put({"name": "Cycle:FlowTime", "value": 60}, token)
    assert code == 401
    assert "read-only" in answer["error"]
    assert not caput.done


async def test_a_read_only_page_sets_nothing(read_only: Served, caput: Caput) -> None:
    code, answer = await read_only.put({"name": "Cycle:FlowTime", "value": 60})
    assert code == 403
    assert "read-only" in answer["error"]
    assert not caput.done


@pytest.mark.parametrize(
    "name", ["CHX:Temp_RBV", "IOC:SYSRESET", "", "Cycle:FlowTime.HOPR", "../x"]
)
async def test_only_what_is_offered_is_set(connected: Served, caput: Caput, name: str) -> None:
    code, answer = await connected.put({"name": name, "value": 1})
    assert code == 409
    assert "cannot be set" in answer["error"]
    assert not caput.done


BAD_BODIES = [
    "{",
    "[]",
    "null",
    "[" * 2000,
    '{"name": "Cycle:FlowTime"}',
    '{"name": 3, "value": 1}',
    '{"name": "Cycle:FlowTime", "value": 1, "more": 2}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_a_body_that_is_none_is_refused(
    connected: Served, caput: Caput, body: str | bytes
) -> None:
    assert (await connected.put(body))[0] == 400
    assert not caput.done


async def test_a_form_of_another_page_is_no_put(connected: Served, caput: Caput) -> None:
    """What a browser sends without asking first has another type than JSON."""
    body = json.dumps({"name": "Cycle:FlowTime", "value": 60})
    assert (await connected.put(body, headers={"Content-Type": "text/plain"}))[0] == 400
    assert not caput.done


async def test_a_body_of_any_size_costs_nothing(connected: Served, caput: Caput) -> None:
    answer = await connected.ask(
        "/api/amrr/put",
        method="POST",
        body=b"x" * 100_000,
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert answer.code in (400, 413, 599)
    assert (await connected.ask("/amrr")).code == 200
    assert not caput.done


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Cycle:FlowTime", "80"),
        ("Cycle:FlowTime", True),
        ("Cycle:FlowTime", None),
        ("Cycle:FlowTime", [80]),
        ("Cycle:Run", "Walk"),
        ("Cycle:Run", 2),
        ("Cycle:Run", -1),
        ("Cycle:Run", True),
        ("Cycle:Run", 1.0),
    ],
)
async def test_a_value_that_does_not_fit_is_refused(
    connected: Served, caput: Caput, name: str, value: Any
) -> None:
    code, answer = await connected.put({"name": name, "value": value})
    assert code == 409
    assert name in answer["error"]
    assert not caput.done


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_what_is_no_finite_number_is_refused(
    connected: Served, caput: Caput, number: str
) -> None:
    code, _ = await connected.put(f'{{"name": "Cycle:FlowTime", "value": {number}}}')
    assert code == 409
    assert not caput.done


async def test_what_is_lost_is_not_set(connected: Served, caput: Caput) -> None:
    connected.board.lose("Cycle:FlowTime")
    code, answer = await connected.put({"name": "Cycle:FlowTime", "value": 80})
    assert (code, answer["error"]) == (409, "Cycle:FlowTime is lost: its IOC does not answer")


async def test_a_refusal_is_told_in_the_iocs_words(connected: Served, caput: Caput) -> None:
    words = "Cycle: helium at 2.2 %, below 10 %: the cycle stops"
    caput.failure = ECA_PUTFAIL
    caput.act = lambda: connected.board.update("IOC:Refusal_RBV", words, 0, 2e9)
    code, answer = await connected.put({"name": "Cycle:Run", "value": "Run"})
    assert (code, answer["error"]) == (409, words)


async def test_the_same_refusal_again_is_told_again(connected: Served, caput: Caput) -> None:
    """The words do not change then; the count of refusals does."""
    words = "PumpA:Field = 9 T is outside 0 to 1.6 T"
    connected.board.update("IOC:Refusal_RBV", words, 0, 2e9)
    connected.board.update("IOC:RefusedPuts_RBV", 1, 0, 2e9)
    caput.failure = ECA_PUTFAIL
    caput.act = lambda: connected.board.update("IOC:RefusedPuts_RBV", 2, 0, 3e9)
    assert await connected.put({"name": "PumpA:Field", "value": 9}) == (409, {"error": words})


async def test_what_takes_long_is_under_way(connected: Served, caput: Caput) -> None:
    """A put that completes when a ramp ends is not waited for; another that hangs has failed."""
    caput.failure = ECA_TIMEOUT
    assert await connected.put({"name": "PumpA:Field", "value": 1}) == (200, {"done": "under way"})
    assert (await connected.put({"name": "Cycle:FlowTime", "value": 80}))[0] == 409
