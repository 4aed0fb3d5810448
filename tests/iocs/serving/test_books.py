"""Channels and subscriptions of clients are bounded, for each client and for all together."""

from __future__ import annotations

import struct
from typing import Any

import caproto as ca
import pytest
from caproto import CAStatus

from iocs.serving.caproto_overrides import ServingContext
from iocs.serving.clients.readings import ClientChannel
from iocs.serving.filtering.filter_text import parse_name
from iocs.serving.filtering.filters import make_filters
from iocs.serving.limits import Limits
from iocs.serving.messages import CaCommand, Request
from tests.iocs.conftest import Run
from tests.iocs.serving.test_walls import DOUBLE, VALUE, Client

ALLOCMEM = CAStatus.ECA_ALLOCMEM.value.code_with_severity
MASK = struct.pack(">fffH2x", 0, 0, 0, VALUE)


def served(**limits: Any) -> ServingContext:
    context = ServingContext({"A": ca.ChannelDouble(value=1.0)}, ["127.0.0.1"], Limits(**limits))
    context.port = 1
    return context


async def opened(client: Client, number: int, name: bytes = b"A") -> list[int]:
    """What comes back for so many channels of one name, without their rights."""
    for cid in range(number):
        await client.circuit.answers(
            Request(CaCommand.CREATE_CHANNEL, 0, 0, cid, 13, name + b"\0" * 8)
        )
    commands = [command for command, *_ in await client.received()]
    return [command for command in commands if command != CaCommand.ACCESS_RIGHTS]


def test_a_client_that_opens_channels_for_ever_opens_no_more_and_others_do(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        context = served(max_client_books_bytes=3100)
        many, other = Client(context), Client(context)
        made = await opened(many, 40)
        assert made.count(CaCommand.CREATE_CHANNEL) == 10
        assert made[10:] == [CaCommand.CREATE_FAILED] * 30
        assert await opened(other, 1) == [CaCommand.CREATE_CHANNEL]
        assert caplog.text.count("opens no more") == 1
        some = next(iter(many.circuit.answers.channels))
        await many.circuit.answers(Request(CaCommand.CLEAR_CHANNEL, 0, 0, some, 0))
        await many.received()
        assert await opened(many, 2) == [CaCommand.CREATE_CHANNEL, CaCommand.CREATE_FAILED]
        await many.circuit.answers.forget()
        await other.circuit.answers.forget()
        assert context.books.nbytes == 0

    run(story())


def test_all_clients_together_are_bounded(run: Run) -> None:
    async def story() -> list[int]:
        context = served(max_books_bytes=2000)
        clients = [Client(context) for _ in range(4)]
        return [(await opened(one, 3)).count(CaCommand.CREATE_CHANNEL) for one in clients]

    assert run(story()) == [3, 3, 0, 0]


def test_subscriptions_count_too_and_one_too_many_is_told(run: Run) -> None:
    async def story() -> None:
        context = served(max_client_books_bytes=5000)
        client = Client(context)
        await opened(client, 1)
        (sid,) = client.circuit.answers.channels
        requests = [Request(CaCommand.EVENT_ADD, DOUBLE, 0, sid, n, MASK) for n in range(6)]
        for request in requests:
            await client.circuit.answers(request)
        got = [(command, second) for command, _, second, _ in await client.received()]
        events = [second for command, second in got if command == CaCommand.EVENT_ADD]
        assert sorted(events) == [0, 1, 2, 3]
        assert [second for command, second in got if command == CaCommand.ERROR] == [ALLOCMEM] * 2
        await client.circuit.answers(Request(CaCommand.EVENT_CANCEL, DOUBLE, 0, sid, 2))
        await client.circuit.answers(requests[5])
        commands = [command for command, *_ in await client.received()]
        assert commands == [
            CaCommand.EVENT_ADD,
            CaCommand.EVENT_ADD,
        ]  # the end of one, and the other
        await client.circuit.answers.forget()
        assert context.books.nbytes == 0

    run(story())


def test_filters_take_room() -> None:
    def size(name: str) -> int:
        return ClientChannel(name, 1, 1, None, make_filters(parse_name(name).filters), False).nbytes

    assert size('A.{"dec":{"n":2}}') > size("A") + 200
    many = ",".join('"dec":{"n":2}' for _ in range(60))
    assert size(f"A.{{{many}}}") > 15_000
