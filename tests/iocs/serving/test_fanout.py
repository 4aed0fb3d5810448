"""From a post to many clients: what is the same for all is made once; order; who falls behind."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import caproto as ca
import numpy as np
import pytest

import iocs.serving.sending.rounds as rounds_module
from iocs.serving.clients.fanout import MUCH
from iocs.serving.messages import CaCommand, Request
from iocs.serving.sending.outbound import BATCH_BYTES
from iocs.serving.sending.posted import Posted
from iocs.serving.sending.rounds import (
    BUSY,
    FEW,
    LOOK_EVERY_S,
    ONE_PART_IN_OF_MUCH,
    TO_FEW,
    TO_MANY,
    Rounds,
)
from iocs.serving.sending.updates import Update
from tests.iocs.conftest import Run
from tests.iocs.serving.test_walls import DOUBLE, Client, doubles, post

STS_DOUBLE, CTRL_DOUBLE = 13, 34


def several(number: int) -> list[Client]:
    """Clients of one server."""
    first = Client()
    return [first, *(Client(first.context) for _ in range(number - 1))]


def test_a_value_is_made_once_for_all_clients(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(kind: type, name: str) -> None:
        stock = getattr(kind, name)

        def counting(self: Any, *arguments: Any) -> Any:
            made.append(name)
            return stock(self, *arguments)

        monkeypatch.setattr(kind, name, counting)

    async def story() -> list[list[float]]:
        clients, entry = several(20), ca.ChannelDouble(value=1.0)
        for number, client in enumerate(clients):
            client.subscribe(entry, STS_DOUBLE, number=100 + number)
            client.subscribe(entry, CTRL_DOUBLE, number=300 + number)
            await client.received()
        counted(Posted, "_read")
        counted(Update, "_body")
        await post(entry, 2.0)
        return [await client.received() for client in clients]

    received = run(story())
    assert sorted(made) == ["_body"] * 2 + ["_read"] * 2
    for number, messages in enumerate(received):
        assert [own for _, _, own, _ in messages] == [100 + number, 300 + number]
        assert messages[0][3][-8:] == struct.pack(">d", 2.0)
        assert messages[1][3][-8:] == struct.pack(">d", 2.0)


def test_rights_are_asked_once_per_value_and_user(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def story() -> list[int]:
        clients, entry = several(9), ca.ChannelDouble(value=1.0)
        for number, client in enumerate(clients):
            client.circuit.answers.identity.user = "abc"[number % 3]
            client.subscribe(entry)
            await client.received()

        def check_access(_: str, user: str) -> ca.AccessRights:
            asked.append(user)
            return ca.AccessRights.READ if user != "b" else ca.AccessRights.NO_ACCESS

        monkeypatch.setattr(entry, "check_access", check_access)
        await post(entry, 2.0)
        return [len(await client.received()) for client in clients]

    assert run(story()) == [1, 0, 1] * 3
    assert asked == ["a", "b", "c"]


def test_what_is_filtered_and_what_is_not_come_in_the_order_of_posting(run: Run) -> None:
    async def story() -> list[int]:
        client, first, second = Client(), ca.ChannelDouble(value=1.0), ca.ChannelDouble(value=1.0)
        client.subscribe(first, number=1)
        client.subscribe(second, name='B.{"dbnd":{"abs":0.5}}', number=2)
        await client.received()
        for value in (2.0, 3.0, 3.1):
            await post(second, value)
            await post(first, value)
        return [own for _, _, own, _ in await client.received()]

    assert run(story()) == [2, 1, 2, 1, 1]


def test_nothing_of_a_subscription_comes_after_its_end(run: Run) -> None:
    async def story() -> list[tuple[int, int]]:
        client, entry = Client(), ca.ChannelDouble(value=1.0)
        for number in (5, 6):
            client.subscribe(entry, number=number)
        await client.received()
        await post(entry, 2.0)
        client.context.fanout.deliver()
        answers = client.circuit.answers
        answers.channels[7] = answers.subscriptions._by_number[5].channel
        await answers(Request(CaCommand.EVENT_CANCEL, DOUBLE, 0, 7, 5))
        client.subscribe(entry, number=5)  # the number is free again
        await post(entry, 3.0)
        return [(len(payload), own) for _, _, own, payload in await client.received()]

    # The reply to the end, then what is ready: of the one that goes on, and of the new one.
    assert run(story()) == [(0, 5), (8, 6), (8, 5), (8, 6), (8, 5)]


@pytest.mark.parametrize(
    "names",
    [
        ('A.{"dbnd":{"abs":0.5}}', "A", "A", 'A.{"ts":{}}', "A"),
        ("A", "A.[0:0]", "A", "A", 'A.{"dec":{"n":1}}', "A.[0:0]", "A"),
    ],
)
def test_a_clients_subscriptions_get_a_value_in_the_order_they_were_begun(
    run: Run, names: tuple[str, ...]
) -> None:
    async def story() -> list[list[int]]:
        clients, entry = several(3), ca.ChannelDouble(value=1.0)
        for number, name in enumerate(names):
            for client in clients:
                client.subscribe(entry, name=name, number=number)
        answers = clients[0].circuit.answers
        answers.subscriptions.end(1)
        clients[0].subscribe(entry, number=9)
        for client in clients:
            await client.received()
        await post(entry, 2.0)
        seen = [[own for _, _, own, _ in await client.received()] for client in clients]
        for client in clients:
            client.circuit.answers.subscriptions.end_all(lambda _: True)
        assert not entry._queues
        assert not clients[0].context.fanout._subscriptions
        return seen

    whole = list(range(len(names)))
    assert run(story()) == [[*(n for n in whole if n != 1), 9], whole, whole]


class Kernel:
    """A client's end of which the system takes as much as it is told to."""

    def __init__(self, client: Client) -> None:
        self.takes = asyncio.Event()
        self.takes.set()
        self._kept = b""
        self._writer = client.writer
        client.circuit.client.writer = client.circuit.outbound._writer = self
        self.transport = SimpleNamespace(
            is_closing=lambda: False,
            abort=lambda: None,
            get_write_buffer_size=lambda: 0 if self.takes.is_set() else BATCH_BYTES + 1,
        )

    def write(self, data: bytes) -> None:
        self._writer.write(bytes(data))

    async def drain(self) -> None:
        await self.takes.wait()

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _: str) -> None:
        return None


def test_who_falls_behind_and_comes_back_has_the_newest_values_in_order(run: Run) -> None:
    async def story() -> tuple[list[float], list[float], int]:
        client, entry = Client(), ca.ChannelDouble(value=0.0, max_subscription_backlog=20)
        kernel = Kernel(client)
        sender = asyncio.create_task(client.circuit.subscription_queue_loop())
        client.subscribe(entry)
        await client.received()
        kernel.takes.clear()
        await post(entry, 1.0)
        while client.circuit.monitors.room > 0:  # until a round has seen that it does not keep up
            await asyncio.sleep(0)
        for number in range(2, 101):
            await post(entry, float(number))
            await asyncio.sleep(0)
        assert client.circuit.monitors.pending.nbytes, "it waits: the client does not keep up"
        kernel.takes.set()
        while client.circuit.monitors.room <= 0:
            await asyncio.sleep(0)
        behind = doubles(await client.received())
        for number in range(101, 201):
            await post(entry, float(number))
        after = doubles(await client.received())
        sender.cancel()
        return behind, after, client.context.counts.dropped

    behind, after, dropped = run(story())
    assert behind == sorted(behind)
    assert behind[-20:] == [float(number) for number in range(81, 101)]
    assert dropped == 100 - len(behind)
    assert after == [float(number) for number in range(101, 201)]


def test_who_keeps_up_loses_nothing_however_much_is_posted_at_once(run: Run) -> None:
    async def story() -> list[float]:
        client, entry = Client(), ca.ChannelDouble(value=0.0)
        client.subscribe(entry)
        for number in range(1, 10_001):  # four times what is made ready at once
            await post(entry, float(number))
        return doubles(await client.received())

    assert run(story()) == [float(number) for number in range(10_001)]


def test_an_array_goes_to_all_clients_as_one_object(run: Run) -> None:
    async def story() -> set[int]:
        clients = several(5)
        entry = ca.ChannelDouble(value=np.zeros(1000), max_length=1000)
        for client in clients:
            client.subscribe(entry)
            await client.received()
        await post(entry, np.ones(1000))
        clients[0].context.fanout.deliver()
        pieces = [client.circuit.monitors.take_ready() for client in clients]
        assert {len(each) for each in pieces} == {2}
        return {id(each[1]) for each in pieces}

    assert len(run(story())) == 1


def test_what_follows_an_array_leaves_in_the_same_round(run: Run) -> None:
    async def story() -> tuple[list[int], list[int]]:
        client, number = Client(), ca.ChannelDouble(value=0.0)
        array = ca.ChannelDouble(value=np.zeros(8000), max_length=8000)
        client.subscribe(number, number=1)
        client.subscribe(array, number=2)
        await client.received()
        sent: list[int] = []
        stock = client.circuit.outbound.pass_on

        def pass_on(messages: Sequence[bytes]) -> None:
            sent.extend([len(messages)] if messages else [])
            stock(messages)

        client.circuit.outbound.pass_on = pass_on  # type: ignore[method-assign]
        for _ in range(2):
            await post(number, 1.0)
            await post(array, np.ones(8000))
        await post(number, 2.0)
        while not sent:
            await asyncio.sleep(0)
        return sent, [own for _, _, own, _ in await client.received()]

    # What is small is joined: before, between and behind the arrays.
    assert run(story()) == ([5], [1, 2, 1, 2, 1])


class Pipe(Kernel):
    """A client's end that has room for so much."""

    def __init__(self, client: Client, room: int) -> None:
        super().__init__(client)
        self.room = room
        self.transport.get_write_buffer_size = lambda: max(0, -self.room)

    def write(self, data: bytes) -> None:
        self.room -= len(data)
        super().write(data)


def test_the_rest_of_an_array_may_follow_until_the_next_round(run: Run) -> None:
    async def story() -> list[bool]:
        client = Client()
        array = ca.ChannelDouble(value=np.zeros(100_000), max_length=100_000)
        client.subscribe(array)
        client.circuit._take_part()
        pipe = Pipe(client, 200_000)
        pipe.takes.clear()
        found = []
        for _ in range(2):
            await post(array, np.ones(100_000))
            client.context.fanout.deliver()
            client.circuit._take_part()
            assert client.circuit.outbound.nbytes > 0
            found.append(client.circuit.monitors.room > 0)
        client.circuit.outbound.forget()
        pipe.takes.set()
        return found

    assert run(story()) == [True, False]


@pytest.mark.parametrize(
    ("clients", "much", "pause"),
    [  # in processor time of a round, which takes twice that on the clock
        (FEW, False, 2 * (TO_FEW[0] - 1)),
        (FEW, True, ONE_PART_IN_OF_MUCH - 1),
        (FEW + 1, True, 2 * (TO_MANY[0] - 1)),
    ],
)
def test_rounds_take_their_part_of_the_time_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch, clients: int, much: bool, pause: int
) -> None:
    async def story() -> None:
        now, used, sent, took_s = [100.0], [5.0], [], 0.001
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
        monkeypatch.setattr(time, "thread_time", lambda: used[0])
        rounds = Rounds()

        def send() -> None:
            now[0] += 2 * took_s / clients  # another process has half of the processor
            used[0] += took_s / clients
            sent.append(now[0])

        def join() -> None:
            for _ in range(clients):
                rounds.join(send)

        async def turns() -> int:
            if much:
                rounds.hasten()
            for _ in range(50):
                await asyncio.sleep(0)
            return len(sent) // clients

        join()
        assert await turns() == 1, "the first round begins at once"
        join()
        now[0] = 100.0 + 2 * took_s + took_s * pause - 1e-6
        assert await turns() == 1, "the next one waits for its part of the time"
        now[0] += 1e-5
        assert await turns() == 2
        took_s = 10.0
        join()
        now[0] += 1.0
        assert await turns() == 3
        join()
        now[0] += (TO_FEW if clients <= FEW else TO_MANY)[1] + 1e-6
        assert await turns() == 4, "but for no longer than the longest pause"

    run(story())


@pytest.mark.parametrize("share", [0.9 * BUSY, 1.1 * BUSY])
def test_an_ioc_that_is_busy_sends_much_to_few_in_rounds_too(
    run: Run, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    async def story() -> int:
        now, used, sent = [100.0], [5.0], []
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
        monkeypatch.setattr(time, "thread_time", lambda: used[0])
        rounds = Rounds()
        for elapsed_s in (0.0, LOOK_EVERY_S):
            now[0] += elapsed_s
            used[0] += share * elapsed_s
            rounds.join(lambda: sent.append(now[0]))
            rounds.hasten()
        return len(sent)

    assert run(story()) == (2 if share < BUSY else 1)


def test_much_is_sent_to_few_in_the_turn_in_which_it_is_given_out(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds_module, "BUSY", 1.0)  # tests take all that there is

    async def story() -> list[list[int]]:
        found = []
        for number, posts in ((FEW, MUCH), (FEW, MUCH - 1), (FEW + 1, MUCH)):
            clients, entry = several(number), ca.ChannelDouble(value=1.0)
            for client in clients:
                client.subscribe(entry)
                await client.received()
            for value in range(posts):
                await post(entry, float(value))
            await asyncio.sleep(0)
            found.append([len(client.writer.sent) // 24 for client in clients])
        return found

    assert run(story()) == [[MUCH] * FEW, [0] * FEW, [0] * (FEW + 1)]
