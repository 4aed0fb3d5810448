from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from caproto import SubscriptionType
from caproto._data import SubscriptionUpdate

from iocs.records import Database
from iocs.serving.caproto_overrides import install
from iocs.serving.limits import Limits
from iocs.serving.sending.posted import posted_of
from iocs.supervision.simulation import Simulation
from pvdb.parts.clock import SimClock
from tests.iocs.toy import Toy, toy_records

Run = Callable[[Coroutine[Any, Any, Any]], Any]


install(Limits())  # what is posted goes the way that it goes on the wire


class Outlet(asyncio.Queue[Any]):
    """Takes what is posted, in the place of the server."""

    def hand_over(self, entry: Any, flags: int) -> None:
        posted, by_type = posted_of(entry), entry._queues[self].values()
        several = [spec for types in by_type for specs in types.values() for spec in specs]
        for spec in filter(entry._is_eligible, several):
            update = posted.update(spec.data_type_name)
            self.put_nowait(
                SubscriptionUpdate((spec,), update.metadata, update.values, flags, None)
            )


class Monitor:
    """A subscription without a socket: what the server would send, in order."""

    def __init__(self, channel: Any, mask: int) -> None:
        from caproto._utils import ChannelFilter
        from caproto.server.common import SubscriptionSpec

        no_filter = ChannelFilter(ts=False, dbnd=None, arr=None, sync=None)
        self.queue = Outlet()
        self._spec = SubscriptionSpec(channel, "TIME_" + channel.data_type.name, mask, no_filter)
        self._channel = channel

    async def start(self) -> Monitor:
        await self._channel.subscribe(self.queue, self._spec, None)
        self.queue.get_nowait()  # the present value comes at once
        return self

    def updates(self) -> list[Any]:
        found = []
        while not self.queue.empty():
            found.append(self.queue.get_nowait())
        return found

    def values(self) -> list[Any]:
        return [update.values[0] for update in self.updates()]


VALUES = SubscriptionType.DBE_VALUE


async def monitor(channel: Any, mask: int = VALUES) -> Monitor:
    return await Monitor(channel, mask).start()


class Bench:
    """The toy with its records and a clock that stands still but for single steps."""

    def __init__(self) -> None:
        self.toy = Toy()
        self.puts: list[Any] = []
        self.database = Database(toy_records(self.toy), "TOY:", on_puts=self.puts.extend)
        self.clock = SimClock(self.toy)
        self.clock.paused = True
        self.simulation = Simulation(self.toy, self.clock, self.database)

    async def let_pass(self, seconds: float) -> None:
        """Advance the machine, and let puts that have had their effect complete."""
        for _ in range(5):  # puts that a test has just started are taken first
            await asyncio.sleep(0)
        self.clock.advance_by(seconds)
        while self.clock.stepping:
            self.simulation.advance(1.0)
            await self.database.settle()
            await asyncio.sleep(0)
        await self.database.post()


@pytest.fixture
def run() -> Run:
    return asyncio.run


@pytest.fixture
def bench() -> Bench:
    return Bench()
