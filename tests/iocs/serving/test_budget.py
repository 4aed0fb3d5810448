"""What all clients together may make the server hold, and who has to give way."""

from __future__ import annotations

import asyncio
import struct
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from caproto import CAStatus
from hypothesis import given
from hypothesis import strategies as st

from iocs.serving.caproto_overrides import ServingContext
from iocs.serving.clients.inbound import Inbound, Oversized
from iocs.serving.limits import Limits, Partial
from iocs.serving.messages import LARGE_HEADER, CaCommand, Request
from iocs.serving.sending.budget import GIVE_BACK_BYTES, Budget
from iocs.serving.sending.outbound import BATCH_BYTES, Outbound
from tests.iocs.conftest import Run
from tests.iocs.serving.test_walls import Client

HELD = 10_000


def test_what_several_hold_counts_once() -> None:
    budget, shared = Budget(100), b"x" * 90
    for _ in range(3):
        budget.hold(shared, 90)
    assert (budget.nbytes, budget.over) == (90, False)
    budget.change(20)
    assert budget.over
    for _ in range(3):
        budget.release(shared, 90)
    assert budget.nbytes == 20


def test_memory_is_given_back_once_much_less_is_held() -> None:
    budget = Budget(10**9)
    budget.change(GIVE_BACK_BYTES)
    assert not budget.has_fallen()
    budget.change(-GIVE_BACK_BYTES)
    assert budget.has_fallen()
    assert not budget.has_fallen()


# -- on the way to a client --------------------------------------------------------------------


class Pipe:
    """A transport that keeps what its client does not take."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.sent = b""
        self.kept = b""
        self.resumed = asyncio.Event()
        self.transport = SimpleNamespace(
            is_closing=lambda: False,
            abort=lambda: None,
            get_write_buffer_size=lambda: len(self.kept),
        )

    def get_extra_info(self, _: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        self.kept += data
        self.flow()

    def flow(self) -> None:
        taken = self.kept[: self.takes]
        self.takes -= len(taken)
        self.sent += taken
        self.kept = self.kept[len(taken) :]
        if len(self.kept) <= BATCH_BYTES:
            self.resumed.set()
        else:
            self.resumed.clear()

    async def drain(self) -> None:
        await self.resumed.wait()


def test_of_one_spectrum_for_many_stalled_clients_one_copy_waits(run: Run) -> None:
    async def story() -> tuple[int, list[int]]:
        budget, spectrum = Budget(10**9), b"s" * 800_000
        pipes = [Pipe(0) for _ in range(10)]
        for pipe in pipes:
            outbound = Outbound(pipe, budget)  # type: ignore[arg-type]
            outbound.put(b"header", spectrum)
            outbound.write()
        return budget.nbytes, [len(pipe.kept) for pipe in pipes]

    held, kept = run(story())
    assert held == 800_000
    assert max(kept) <= 2 * BATCH_BYTES


def test_the_rest_follows_when_the_client_takes_again(run: Run) -> None:
    async def story() -> tuple[bytes, int]:
        budget, pipe = Budget(10**9), Pipe(0)
        outbound = Outbound(pipe, budget)  # type: ignore[arg-type]
        outbound.put(b"a" * 500_000, b"b")
        await asyncio.sleep(0)
        while outbound.nbytes:
            pipe.takes = 100_000
            pipe.flow()
            await asyncio.sleep(0)
        pipe.takes = 10**9
        pipe.flow()
        return pipe.sent, budget.nbytes

    assert run(story()) == (b"a" * 500_000 + b"b", 0)


@given(st.lists(st.binary(max_size=200_000), max_size=8), st.integers(1, 150_000))
def test_bytes_leave_whole_and_in_order(buffers: list[bytes], step: int) -> None:
    async def story() -> bytes:
        budget, pipe = Budget(10**9), Pipe(0)
        outbound = Outbound(pipe, budget)  # type: ignore[arg-type]
        for buffer in buffers:
            outbound.put(buffer)
            outbound.write()
        while outbound.nbytes or pipe.kept:
            pipe.takes = step
            pipe.flow()
            await asyncio.sleep(0)
        assert budget.nbytes == 0
        return pipe.sent

    assert asyncio.run(story()) == b"".join(buffers)


def test_nothing_counts_any_more_of_a_client_that_is_gone(run: Run) -> None:
    async def story() -> int:
        budget = Budget(10**9)
        outbound = Outbound(Pipe(0), budget)  # type: ignore[arg-type]
        outbound.put(b"a" * 500_000)
        outbound.write()
        outbound.abort()
        return budget.nbytes

    assert run(story()) == 0


def test_who_has_accepted_nothing_for_longest_goes_first(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("iocs.serving.caproto_overrides.time.monotonic", lambda: 100.0)

    async def story() -> set[int]:
        context = ServingContext({}, ["127.0.0.1"], Limits(max_waiting_bytes=250))
        clients = [Client(context) for _ in range(4)]
        cut: set[int] = set()
        for number, blocked_s in enumerate((98.0, 10.0, 99.5, None)):
            client = clients[number]
            client.circuit.outbound.put(bytes([number]) * 100)
            client.circuit.outbound.blocked_since = blocked_s
            client.writer.transport.abort = partial(cut.add, number)
            context.circuits.add(client.circuit)
        context.relieve()
        return cut

    assert run(story()) == {0, 1}
    assert "accepted nothing for 90.0 s, and more than 0.00025 MB wait for all" in caplog.text


# -- on the way from a client ------------------------------------------------------------------


def unfinished(size: int) -> bytes:
    """The header of a put of ``size`` bytes."""
    return LARGE_HEADER.pack(CaCommand.WRITE_NOTIFY, 0xFFFF, 6, 0, 33, 1, size, size // 8)


def inbound(budget: Budget) -> Inbound:
    return Inbound(4_000_000, budget)


def test_half_received_messages_of_all_clients_are_counted() -> None:
    budget = Budget(10**9)
    first, second = inbound(budget), inbound(budget)
    first.take(unfinished(100_000) + b"\0" * 1000)
    second.take(unfinished(100_000))
    assert budget.nbytes == 1024 + 24
    first.take(b"\0" * 99_000)  # whole
    second.drop()
    assert budget.nbytes == 0


def test_a_message_that_is_given_up_is_thrown_away_and_the_next_one_taken() -> None:
    budget = Budget(10**9)
    one = inbound(budget)
    one.take(unfinished(HELD) + b"\0" * 1000)
    refused = one.give_up()
    assert isinstance(refused, Oversized)
    assert (refused.size, refused.status) == (HELD + 24, CAStatus.ECA_ALLOCMEM)
    assert refused.request.first == 33
    assert (budget.nbytes, one.partial, one.give_up()) == (0, None, None)
    echo = struct.pack(">HHHHII", CaCommand.ECHO, 0, 0, 0, 0, 0)
    assert one.take(b"\0" * (HELD - 1000) + echo) == [Request(CaCommand.ECHO, 0, 0, 0, 0)]


def test_a_header_that_is_not_whole_cannot_be_given_up() -> None:
    one = inbound(Budget(10**9))
    one.take(unfinished(HELD)[:20])
    assert one.give_up() is None


def test_the_message_that_has_not_grown_for_longest_is_refused_first(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("iocs.serving.clients.inbound.time.monotonic", lambda: now[0])

    async def story() -> list[Any]:
        context = ServingContext({}, ["127.0.0.1"], Limits(max_unfinished_bytes=2500))
        clients = [Client(context) for _ in range(3)]
        for client in clients:
            context.circuits.add(client.circuit)
        for number, grew_s in ((0, 1.0), (1, 2.0), (0, 3.0), (2, 4.0)):
            now[0] = grew_s
            one = clients[number].circuit.inbound
            one.take((b"" if one.partial else unfinished(HELD)) + b"\0" * 700)
        context.refuse_unfinished()
        stand = [client.circuit.inbound.partial is not None for client in clients]
        told = [[first for first, *_ in await client.received()] for client in clients]
        return [stand, told, context.counts.refused_puts, context.unfinished.nbytes]

    stand, told, refused, held = run(story())
    assert stand == [True, False, True]
    assert told == [[], [CaCommand.ERROR], []]
    assert (refused, held) == (1, 2 * 24 + 3 * 700)


LIMITS = Limits(unfinished_message_s=30.0, slowest_bytes_per_s=10_000.0)


@pytest.mark.parametrize(
    ("half", "reason"),
    [
        (Partial(0.0, 99.0, 3_000_000), None),  # 30 kB/s
        (Partial(0.0, 99.0, 99), "half a message: 99 bytes in 100 s"),
        (Partial(75.0, 99.0, 10), None),
        (Partial(0.0, 60.0, 3_000_000), "half a message for 30 s"),
        (None, None),
    ],
)
def test_a_message_must_grow(half: Partial | None, reason: str | None) -> None:
    assert LIMITS.broken_by(100.0, None, half) == reason
