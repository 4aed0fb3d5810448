"""The clock that a plan holds goes on afterwards, whatever ends the plan."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import bluesky.plan_stubs as bps
import pytest
from bluesky.utils import Msg, MsgGenerator
from ophyd import Signal

from cryohalo.reproduction.shared.clock import clock_held

SIM = SimpleNamespace(paused=Signal(name="paused"))


def told(messages: Iterator[Msg], words: list[str]) -> None:
    """What the clock is told, and the plan's own message, as they come."""
    for message in messages:
        if message.command in ("set", "null"):
            words.append(message.args[0] if message.args else "own")


def test_a_plan_runs_with_the_clock_held() -> None:
    words: list[str] = []
    returned: list[str] = []

    def own() -> MsgGenerator[str]:
        yield from bps.null()
        return "done"

    def plan() -> MsgGenerator[None]:
        returned.append((yield from clock_held(SIM, own())))

    told(plan(), words)
    assert words == ["Yes", "own", "No"]
    assert returned == ["done"]


def test_a_plan_that_fails_lets_the_clock_go_on() -> None:
    words: list[str] = []

    def broken() -> MsgGenerator[None]:
        yield from bps.null()
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        told(clock_held(SIM, broken()), words)
    assert words == ["Yes", "own", "No"]
