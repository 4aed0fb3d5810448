"""The haloscope's IOC, counting what it is asked and what it sends; run by path, as a process.

The counts stand in a file of whole numbers, in the order of ``COUNTS``, as they are at any moment.
"""

from __future__ import annotations

import asyncio
import os
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iocs.serving.clients.answers import Answers
from iocs.serving.clients.at_once import AtOnce
from iocs.serving.clients.plain_puts import PlainPuts
from iocs.serving.clients.puts import ClientPuts
from iocs.serving.clients.readings import ClientChannel
from iocs.serving.messages import CaCommand, Request

COUNTS = ("puts", "gets", "requests", "sends", "bytes")
FILE = "COUNTS_FILE"
PUTS = (CaCommand.WRITE, CaCommand.WRITE_NOTIFY)


def count(counts: Any) -> None:
    """Have the serving layer count."""
    answered, written, given = Answers.__call__, asyncio.StreamWriter.write, os.writev
    reading, begun, acted = AtOnce._reading, ClientPuts.begin_at_once, PlainPuts.act

    def read_at_once(self: AtOnce, *asked: int) -> bytes | None:
        reply = reading(self, *asked)
        counts[1] += reply is not None
        counts[2] += reply is not None
        return reply

    def put_at_once(
        self: ClientPuts, request: Request, channel: ClientChannel, *, last: bool
    ) -> bool:
        has_begun = begun(self, request, channel, last=last)
        counts[0] += has_begun
        counts[2] += has_begun
        return has_begun

    def plain_put(self: PlainPuts, *put: Any) -> bool:
        has_acted = acted(self, *put)
        counts[0] += has_acted
        counts[2] += has_acted
        return has_acted

    async def answering(self: Answers, request: Request) -> None:
        counts[0] += request.command in PUTS
        counts[1] += request.command == CaCommand.READ_NOTIFY
        counts[2] += 1
        await answered(self, request)

    def sending(self: asyncio.StreamWriter, data: bytes) -> None:
        counts[3] += 1
        counts[4] += len(data)
        written(self, data)

    def giving(descriptor: int, buffers: Sequence[memoryview]) -> int:
        taken = given(descriptor, buffers)
        counts[3] += 1
        counts[4] += taken
        return taken

    AtOnce._reading = read_at_once  # type: ignore[method-assign]
    ClientPuts.begin_at_once = put_at_once  # type: ignore[method-assign]
    PlainPuts.act = plain_put  # type: ignore[method-assign]
    Answers.__call__ = answering  # type: ignore[method-assign]
    asyncio.StreamWriter.write = sending  # type: ignore[method-assign,assignment]
    os.writev = giving  # type: ignore[assignment]


def read(file: Path) -> dict[str, int]:
    """The counts of an IOC that counts into ``file``."""
    found = np.frombuffer(file.read_bytes(), np.int64)
    return dict(zip(COUNTS, found.tolist(), strict=True))


if __name__ == "__main__":
    count(np.memmap(os.environ[FILE], np.int64, "w+", shape=len(COUNTS)))
    runpy.run_module("iocs.haloscope", run_name="__main__")
