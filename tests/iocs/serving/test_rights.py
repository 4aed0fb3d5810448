"""A stream of updates lasts as long as the right to read it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from caproto import AccessRights, ChannelType, SubscriptionType

from iocs.records import Database
from iocs.serving.caproto_overrides import ServingContext
from iocs.serving.clients.circuit import ServingCircuit
from iocs.serving.limits import Limits
from iocs.serving.messages import CaCommand, Request
from pvdb.records import readback

MASK = b"\0" * 12 + int(SubscriptionType.DBE_VALUE).to_bytes(2) + b"\0\0"


class Changeable:
    """Access rules that change while a client is connected."""

    granted = AccessRights.READ

    def rights(self, group: str, user: str, host: str, level: int) -> AccessRights:
        return self.granted


def test_updates_stop_when_the_right_to_read_ends_and_go_on_when_it_is_back() -> None:
    rules = Changeable()
    reading = [0.0]
    record = readback("A_RBV", lambda: reading[0], "Reading")

    async def story() -> list[int]:
        database = Database([record], "T:", access=rules)
        context = ServingContext(database.pvdb, ["127.0.0.1"], Limits())
        circuit = ServingCircuit(("127.0.0.1", 4242), _client(), context)
        await circuit.answers(Request(CaCommand.CREATE_CHANNEL, 0, 0, 1, 13, b"T:A_RBV\0"))
        await circuit.answers(Request(CaCommand.EVENT_ADD, ChannelType.DOUBLE, 1, 1, 1, MASK))
        sent = [context.counts.sent]
        for rules.granted in (AccessRights.READ, AccessRights.NO_ACCESS, AccessRights.READ):
            reading[0] += 1.0
            await database.post()
            context.fanout.deliver()
            sent.append(context.counts.sent)
        return sent

    assert asyncio.run(story()) == [1, 2, 2, 3]


def _client() -> Any:
    transport = SimpleNamespace(
        is_closing=lambda: False, abort=lambda: None, get_write_buffer_size=lambda: 0
    )
    return SimpleNamespace(
        writer=SimpleNamespace(
            transport=transport,
            write=lambda _: None,
            is_closing=lambda: False,
            get_extra_info=lambda _: None,
        )
    )
