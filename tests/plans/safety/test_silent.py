"""A plan is held while a heartbeat stands still, and goes on with the next beat."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from ophyd import Signal

from cryohalo.run_engine import close_run_engine, make_run_engine
from plans.shared.suspending import SuspendSilent


@pytest.fixture
def engine() -> Iterator[RunEngine]:
    made = make_run_engine()
    yield made
    close_run_engine(made)


def test_a_heart_that_stands_still_holds_until_it_beats(engine: RunEngine) -> None:
    heart = Signal(name="heart", value=1)
    held, silent = threading.Event(), SuspendSilent(heart, silent_s=0.2)
    request = engine.request_suspend
    reasons: list[str] = []

    def requested(*args: Any, **kwargs: Any) -> None:
        reasons.append(kwargs["justification"])
        request(*args, **kwargs)
        held.set()

    engine.request_suspend = requested  # type: ignore[method-assign]

    def beat() -> None:
        assert held.wait(20.0)
        assert silent.tripped
        heart.put(2)

    beats = threading.Thread(target=beat)
    beats.start()

    def plan() -> Any:
        yield from bps.install_suspender(silent)
        yield from bps.checkpoint()
        yield from bps.wait_for([_set_when(held)])
        yield from bps.null()

    engine(plan())
    beats.join()
    assert reasons[0].startswith("IOC hangs: no heartbeat for 0.2 s. The plan goes on by itself")


def _set_when(event: threading.Event) -> Any:
    """For bluesky's ``wait_for``: until the event is set, on its own loop."""
    import asyncio

    async def waited() -> None:
        await asyncio.to_thread(event.wait, 20.0)

    return waited


def test_a_heart_that_beats_holds_nothing(engine: RunEngine) -> None:
    heart = Signal(name="heart", value=1)
    silent = SuspendSilent(heart, silent_s=0.2)
    engine.install_suspender(silent)
    looked = threading.Event()
    judged: list[int] = []
    look = silent._look

    def looking(beats: int) -> None:
        judged.append(beats)
        look(beats)
        looked.set()

    silent._look = looking  # type: ignore[method-assign]
    heart.put(2)
    heart.put(3)
    assert looked.wait(20.0)
    assert judged[0] < 4
