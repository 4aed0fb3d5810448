"""Drive an IOC in process, by simulated time alone."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from iocs.ioc import Ioc


async def let_pass(ioc: Ioc, seconds: float) -> None:
    """Advance a paused IOC by ``seconds``; puts that have had their effect complete on the way."""
    for _ in range(5):
        await asyncio.sleep(0)
    ioc.clock.advance_by(seconds)
    while ioc.clock.stepping:
        ioc.simulation.advance(60.0)
        await ioc.database.settle()
        await asyncio.sleep(0)
    await ioc.database.post()


async def wait_for(ioc: Ioc, put: asyncio.Task[None], longest_s: float = 1e5) -> None:
    """Let time pass until ``put`` has completed; raises what it raises."""
    end_s = ioc.plant.machine.time_s + longest_s
    await asyncio.sleep(0)
    while not put.done() and ioc.plant.machine.time_s < end_s:
        await let_pass(ioc, min(10.0, end_s - ioc.plant.machine.time_s))
    assert put.done(), f"not completed after {longest_s:g} simulated s"
    await put


def start(ioc: Ioc, name: str, value: Any) -> asyncio.Task[None]:
    """A put that goes on while the test lets time pass."""
    return asyncio.create_task(ioc.database.put(name, value))


def values(ioc: Ioc) -> dict[str, Any]:
    """Values and alarms of all PVs that do not tell of the host or of the wall's time."""
    return {
        name: (_plain(channel.value), int(channel.alarm.severity))
        for name, channel in ioc.database.channels.items()
        if not name.startswith("IOC:")
    }


def _plain(value: Any) -> Any:
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value)
