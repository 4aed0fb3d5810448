"""Accepting clients when the system gives no more, and keeping descriptors for the IOC itself."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from iocs.serving.listening import accepting
from iocs.serving.listening.accepting import Acceptor, highest_descriptor
from tests.iocs.conftest import Run


class Served:
    """Counts who was taken and who was refused."""

    def __init__(self) -> None:
        self.taken = asyncio.Event()
        self.refused = asyncio.Event()

    def take(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        self.taken.set()


async def accept(served: Served, event: asyncio.Event) -> None:
    """Let one client connect and wait for what becomes of it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        acceptor = Acceptor(listener, served.take, served.refused.set)
        running = asyncio.create_task(acceptor.run())
        _, writer = await asyncio.open_connection(*listener.getsockname())
        await asyncio.wait_for(event.wait(), 20)
        writer.close()
        running.cancel()
        await asyncio.wait({running})


def test_a_client_is_taken_once_there_is_a_descriptor_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accepting, "RETRY_S", 0.0)

    async def story() -> None:
        loop, served, fails = asyncio.get_running_loop(), Served(), [5]
        accepts = loop.sock_accept

        async def sock_accept(listener: socket.socket) -> Any:
            if fails[0]:
                fails[0] -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return await accepts(listener)

        monkeypatch.setattr(loop, "sock_accept", sock_accept)
        await accept(served, served.taken)

    run(story())
    assert caplog.text.count("Too many open files") == 1


def test_the_last_descriptors_are_not_for_clients(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "highest_descriptor", lambda: 2)

    async def story() -> bool:
        served = Served()
        await accept(served, served.refused)
        return served.taken.is_set()

    assert run(story()) is False


@pytest.mark.parametrize(("limit", "highest"), [(64, 47), (1024, 1007), (20, 14)])
def test_how_many_are_kept(monkeypatch: pytest.MonkeyPatch, limit: int, highest: int) -> None:
    monkeypatch.setattr(accepting.resource, "getrlimit", lambda _: (limit, limit))
    assert highest_descriptor() == highest


def test_without_a_limit_none_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    none = accepting.resource.RLIM_INFINITY
    monkeypatch.setattr(accepting.resource, "getrlimit", lambda _: (none, none))
    assert highest_descriptor() == float("inf")
