"""Bytes on their way to one client: how long it takes none, and a sender that fails."""

from __future__ import annotations

import asyncio
import os
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from iocs.serving.clients.circuit import ServingCircuit
from iocs.serving.sending.budget import Budget
from iocs.serving.sending.outbound import BATCH_BYTES, MOST_BYTES, Outbound
from tests.iocs.conftest import Run
from tests.iocs.serving.test_walls import Client


class Stalled:
    """A client that takes nothing until it is told to."""

    def __init__(self) -> None:
        self.takes = asyncio.Event()
        self.transport = SimpleNamespace(is_closing=lambda: False, get_write_buffer_size=lambda: 0)

    def write(self, data: bytes) -> None:
        return None

    async def drain(self) -> None:
        await self.takes.wait()

    def get_extra_info(self, _: str) -> None:
        return None


def test_who_waits_later_does_not_begin_the_time_anew(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("iocs.serving.sending.outbound.time.monotonic", lambda: now[0])

    async def story() -> list[float | None]:
        stalled = Stalled()
        outbound = Outbound(stalled, Budget(10**9))  # type: ignore[arg-type]
        waiting = [asyncio.create_task(outbound.drain())]
        await asyncio.sleep(0)
        seen = [outbound.blocked_since]
        now[0] = 219.0
        waiting.append(asyncio.create_task(outbound.drain()))
        await asyncio.sleep(0)
        seen.append(outbound.blocked_since)
        waiting[1].cancel()
        await asyncio.wait({waiting[1]})
        seen.append(outbound.blocked_since)
        stalled.takes.set()
        await waiting[0]
        return [*seen, outbound.blocked_since]

    assert run(story()) == [100.0, 100.0, 100.0, None]


def test_who_takes_a_little_now_and_then_is_slow_and_not_idle(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("iocs.serving.sending.outbound.time.monotonic", lambda: now[0])

    async def story() -> list[tuple[float | None, float | None]]:
        stream, seen = Keeping(), []
        stream.takes = False

        async def drain() -> None:  # it takes what the transport keeps
            seen.append((outbound.blocked_since, outbound.idle_since))
            now[0] += 110.0
            stream.kept = 0

        stream.drain = drain  # type: ignore[method-assign]
        outbound = Outbound(stream, Budget(10**9))  # type: ignore[arg-type]
        outbound.put(bytes(5 * BATCH_BYTES))
        await outbound.drain()
        return [*seen, (outbound.blocked_since, outbound.idle_since)]

    assert run(story()) == [(100.0, 100.0), (100.0, 210.0), (100.0, 320.0), (None, None)]


def test_a_client_whose_sender_fails_is_cut_off(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: ServingCircuit) -> None:
        raise struct_error

    struct_error = MemoryError("no room for a batch")

    async def story() -> Any:
        client = Client()
        cut = asyncio.Event()

        class Streams:
            writer = client.writer

            async def recv(self, _: int) -> bytes:
                await cut.wait()
                return b""

        client.writer.transport.abort = cut.set
        client.circuit.client = Streams()
        monkeypatch.setattr(ServingCircuit, "subscription_queue_loop", fails)
        await asyncio.wait_for(client.circuit.serve(), 20)
        return client.circuit.counts.cut_clients

    assert run(story()) == 1
    assert "cut off: sending failed: MemoryError: no room for a batch" in caplog.text


def test_pieces_grow_while_the_system_takes_them_and_are_small_for_who_takes_nothing(
    run: Run,
) -> None:
    sizes: list[int] = []
    kept = [0]

    def write(data: bytes) -> None:
        sizes.append(len(data))
        kept[0] += len(data) if len(sizes) > 5 else 0

    async def drain() -> None:
        kept[0] = 0

    transport = SimpleNamespace(is_closing=lambda: False, get_write_buffer_size=lambda: kept[0])
    writer = SimpleNamespace(
        transport=transport, write=write, drain=drain, get_extra_info=lambda _: None
    )

    async def story() -> None:
        outbound = Outbound(writer, Budget(10**9))  # type: ignore[arg-type]
        outbound.put(bytes(20 * BATCH_BYTES))
        await outbound.drain()

    run(story())
    assert sum(sizes) == 20 * BATCH_BYTES
    most = MOST_BYTES // BATCH_BYTES
    # The sixth is not taken, and the transport keeps it; from then on none is.
    assert [size // BATCH_BYTES for size in sizes] == [1, 2, most, most, most, most, 1]


@pytest.mark.parametrize("closes", [False, True])
def test_what_is_large_is_given_to_the_system_as_it_is_and_follows_whole(
    run: Run, monkeypatch: pytest.MonkeyPatch, closes: bool
) -> None:
    messages = [os.urandom(size) for size in (100, 3_000_000, 1, 2_000_000)]
    given: list[int] = []
    stock = os.writev

    def writev(descriptor: int, buffers: list[memoryview]) -> int:
        given.extend(id(one.obj) for one in buffers)
        return stock(descriptor, buffers)

    monkeypatch.setattr(os, "writev", writev)

    async def story() -> tuple[bytes, int]:
        ours, theirs = socket.socketpair()
        _, writer = await asyncio.open_connection(sock=ours)
        reader, client = await asyncio.open_connection(sock=theirs)
        budget = Budget(10**9)
        outbound = Outbound(writer, budget)
        outbound.pass_on(messages)
        received = await reader.read(50)
        if closes:
            client.transport.abort()
        else:
            outbound.put(b"last")
            received += await reader.readexactly(5_000_101 + 4 - len(received))
        while budget.nbytes:  # it is given back in either case
            outbound.write()
            await asyncio.sleep(0)
        for end in (client, writer):
            end.close()
        return received, outbound.nbytes

    received, left = run(story())
    assert {id(one) for one in messages[:2]} <= set(given)
    assert left == 0
    assert received == (messages[0][:50] if closes else b"".join([*messages, b"last"]))


class Keeping:
    """A stream of which the system takes nothing more at some time; its transport keeps it then."""

    def __init__(self) -> None:
        self.kept = 0
        self.takes = True
        self.closes = False
        self.writes = 0
        self.transport = SimpleNamespace(
            is_closing=lambda: self.closes and self.writes > 0,
            get_write_buffer_size=lambda: self.kept,
        )

    def write(self, data: bytes) -> None:
        self.writes += 1
        self.kept += 0 if self.takes else len(data)

    async def drain(self) -> None:
        await asyncio.Event().wait()

    def get_extra_info(self, _: str) -> None:
        return None


def test_what_a_transport_keeps_stays_within_its_bound_after_pieces_have_grown(run: Run) -> None:
    async def story() -> int:
        stream = Keeping()
        outbound = Outbound(stream, Budget(10**9))  # type: ignore[arg-type]
        outbound.pass_on([bytes(20 * BATCH_BYTES)])
        stream.takes = False
        outbound.pass_on([bytes(BATCH_BYTES)])
        outbound.pass_on([bytes(20 * BATCH_BYTES)])
        outbound.forget()
        return stream.kept

    assert BATCH_BYTES < run(story()) <= MOST_BYTES


def test_nothing_more_is_written_to_who_is_found_gone(run: Run) -> None:
    async def story() -> tuple[int, int, int]:
        stream, budget = Keeping(), Budget(10**9)
        stream.closes = True
        outbound = Outbound(stream, budget)  # type: ignore[arg-type]
        outbound.pass_on([bytes(20 * BATCH_BYTES)])
        return stream.writes, outbound.nbytes, budget.nbytes

    assert run(story()) == (1, 0, 0)
