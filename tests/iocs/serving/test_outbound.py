"""Bytes on their way to one client: how long it takes none, and a sender that fails."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from iocs.serving.clients.circuit import ServingCircuit
from iocs.serving.sending.budget import Budget
from iocs.serving.sending.outbound import Outbound
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
