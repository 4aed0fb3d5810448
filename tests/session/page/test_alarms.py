"""The log of alarms on the page: latched lines, acknowledged with the token and a name alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cryohalo.history.alarms import AlarmLog, alarms
from cryohalo.history.store import Sample, Store, read_only
from cryohalo.page.alarms import MOST_SHOWN, AlarmBook
from cryohalo.page.viewers import Hub
from tests.session.page.conftest import TOKEN, Served, bench, serving

SEEN = {"alarms": [["CHX:Temp_RBV", 1, 2]], "who": "Ada"}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An alarm that rose and cleared, and one of another instrument."""
    store = Store(tmp_path / "history.sqlite")
    rows = [Sample("T:CHX:Temp_RBV", 1, 9.0, 2), Sample("T:CHX:Temp_RBV", 2, 1.0)]
    AlarmLog(store).follow([*rows, Sample("H:Rod", 3, 1.0, 1)])
    store.close()
    return store.path


@pytest.fixture
async def logged(log: Path) -> AsyncIterator[Served]:
    async for one in serving(TOKEN, log=log):
        yield one


async def told(path: Path, hub: Hub) -> dict[str, Any]:
    await AlarmBook(path, {"T:": hub}).look()
    return json.loads(hub.beside["alarms"])


async def test_what_cleared_stays_until_it_is_acknowledged(log: Path, logged: Served) -> None:
    hub = bench().hub
    (one,) = (await told(log, hub))["alarms"]
    assert (one["name"], one["severity"], one["ended_us"]) == ("CHX:Temp_RBV", 2, 2)
    assert (one["unseen"], one["who"]) == (1, "")
    assert await logged.put(SEEN, what="acknowledge") == (200, {"done": "1 acknowledged"})
    assert (await told(log, hub))["alarms"] == []
    assert json.loads(logged.bench.hub.beside["alarms"])["alarms"] == []  # at once
    with read_only(log) as reader:
        one, other = alarms(reader, since_us=0)
    assert (one.who, one.acknowledged_us is not None) == ("Ada", True)
    assert other.who is None


@pytest.mark.parametrize("token", [None, "wrong", ""])
async def test_without_the_token_nothing_is_acknowledged(
    log: Path, logged: Served, token: str | None
) -> None:
    code, why = await logged.put(SEEN, token, what="acknowledge")
    assert (code, why["error"]) == (401, "this page is read-only without the token")
    with read_only(log) as reader:
        assert [one.who for one in alarms(reader)] == [None, None]


async def test_a_page_that_is_read_only_acknowledges_nothing(log: Path) -> None:
    async for page in serving(None, log=log):
        assert (await page.put(SEEN, what="acknowledge"))[0] == 403


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        {"alarms": [], "who": "Ada"},
        {"alarms": [["CHX:Temp_RBV", 1, 2]]},
        {"alarms": [["CHX:Temp_RBV", 1, 2]], "who": " "},
        {"alarms": [["CHX:Temp_RBV", 1, 2]], "who": "A\nB"},
        {"alarms": [["CHX:Temp_RBV", 1, 2]], "who": "A" * 61},
        {"alarms": [["CHX:Temp_RBV", 1, 2]], "who": 3},
        {"alarms": [["CHX:Temp_RBV", True, 2]], "who": "Ada"},
        {"alarms": [["CHX:Temp_RBV", 1.0, 2]], "who": "Ada"},
        {"alarms": [["CHX:Temp_RBV", 2**80, 2]], "who": "Ada"},
        {"alarms": [["CHX:Temp_RBV", 1]], "who": "Ada"},
        {"alarms": [["a", 1, 1]] * (MOST_SHOWN + 1), "who": "Ada"},
    ],
)
async def test_what_is_no_such_request_is_refused(log: Path, logged: Served, body: Any) -> None:
    code, _ = await logged.put(body, what="acknowledge")
    assert code == 400
    with read_only(log) as reader:
        assert [one.who for one in alarms(reader)] == [None, None]


async def test_another_instrument_s_alarm_is_not_acknowledged_here(
    log: Path, logged: Served
) -> None:
    wanted = {"alarms": [["H:Rod", 2, 1], ["Rod", 2, 1]], "who": "Ada"}
    assert await logged.put(wanted, what="acknowledge") == (200, {"done": "0 acknowledged"})


async def test_a_log_that_there_is_not_or_cannot_be_written(tmp_path: Path, served: Served) -> None:
    assert (await served.put(SEEN, what="acknowledge"))[0] == 404
    async for page in serving(TOKEN, log=tmp_path / "none.sqlite"):
        code, why = await page.put(SEEN, what="acknowledge")
        assert (code, "no history" in why["error"]) == (409, True)
    (tmp_path / "bad.sqlite").write_bytes(b"x" * 5000)
    found = await told(tmp_path / "bad.sqlite", bench().hub)
    assert "bad.sqlite" in found["error"]


async def test_of_very_many_the_worst_are_shown_escaped(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.sqlite")
    many = [Sample(f"T:{number:04}\x1b", 1, 1.0, 1) for number in range(MOST_SHOWN + 50)]
    AlarmLog(store).follow([*many, Sample("T:worst", 1, 1.0, 3)])
    store.close()
    found = await told(store.path, bench().hub)
    assert (len(found["alarms"]), found["more"]) == (MOST_SHOWN, 51)
    assert found["alarms"][0]["name"] == "worst"
    assert all(one["name"].isprintable() for one in found["alarms"])
