"""Bytes of one client, cut into messages, with a bound on how much one message may hold."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from caproto import CAStatus

from iocs.serving.limits import Partial
from iocs.serving.messages import (
    ALIGNMENT,
    HEADER,
    LARGE,
    LARGE_HEADER,
    REQUESTS,
    Request,
)
from iocs.serving.sending.budget import Budget

#: Read at once; more when a larger message is on its way.
READ_BYTES: Final = 16_384
LARGE_READ_BYTES: Final = 1_048_576


@dataclass(frozen=True)
class Oversized:
    """A message that is refused; what is left of it is thrown away as it comes.

    Attributes:
        request: The request without its payload.
        size: Bytes of the whole message.
        reason: Why it is refused.
        status: The protocol's code for that.
    """

    request: Request
    size: int
    reason: str
    status: CAStatus = CAStatus.ECA_TOLARGE


@dataclass(frozen=True)
class Unreadable:
    """Where a stream of messages can be cut no further.

    Attributes:
        request: The message, without its payload.
        reason: What is wrong with it.
    """

    request: Request
    reason: str


class Inbound:
    """What has come in from one client.

    Args:
        max_message_bytes: Beyond this a message is refused.
        budget: Where what stands half received is counted, with that of the other clients.

    Attributes:
        partial: The message that stands half received, None if none does.
        unreadable: Set once what came is no Channel Access; nothing is taken from then on.
    """

    def __init__(self, max_message_bytes: int, budget: Budget) -> None:
        self._max_bytes = max_message_bytes
        self._budget = budget
        self._held = bytearray()
        self._drain_bytes = 0
        self._wanted_bytes = 0
        self._announced: tuple[Request, int] | None = None
        self.partial: Partial | None = None
        self.unreadable: Unreadable | None = None

    @property
    def read_bytes(self) -> int:
        """How much to read at once."""
        return max(READ_BYTES, min(self._wanted_bytes, LARGE_READ_BYTES))

    @property
    def between_messages(self) -> bool:
        """Whether what comes next begins with a message."""
        return self.partial is None and not self._drain_bytes and self.unreadable is None

    def take(self, data: bytes) -> list[Request | Oversized]:
        """Take what was received; the requests that are complete now, in their order."""
        if self.unreadable is not None:
            return []
        drained = min(self._drain_bytes, len(data))
        self._drain_bytes -= drained
        self._held += memoryview(data)[drained:]
        found: list[Request | Oversized] = []
        offset = 0
        while self.unreadable is None and (cut := self._next(offset)) is not None:
            request, offset = cut
            found.append(request)
        del self._held[:offset]
        self._note_partial(finished=bool(found))
        return found

    def _note_partial(self, *, finished: bool) -> None:
        known, held = self.partial, len(self._held)
        self._budget.change(held - (known.nbytes if known else 0))
        now = time.monotonic()
        began = now if known is None or finished else known.began_s
        self.partial = Partial(began, now, held) if held else None

    def give_up(self) -> Oversized | None:
        """Refuse the message that stands half received; its rest is thrown away as it comes.

        None if it is not known yet what it is.
        """
        if self._announced is None:
            return None
        request, size = self._announced
        self._drain_bytes = size - len(self._held)
        self.drop()
        reason = f"no room for {size} bytes beside the unfinished messages of other clients"
        return Oversized(request, size, reason, CAStatus.ECA_ALLOCMEM)

    def drop(self) -> None:
        """Forget a half received message."""
        self._held = bytearray()
        self._wanted_bytes = 0
        self._announced = None
        self._note_partial(finished=False)

    def _next(self, offset: int) -> tuple[Request | Oversized, int] | None:
        """The message that begins at ``offset`` and where it ends, None if more has to come."""
        have = len(self._held) - offset
        self._announced = None
        self._wanted_bytes = max(HEADER.size - have, 0)
        if have < HEADER.size:
            return None
        command, size, kind, count, first, second = HEADER.unpack_from(self._held, offset)
        start = HEADER.size
        # The protocol's mark of a long header: a size of 0xFFFF that no count goes with.
        if size == LARGE and count == 0:
            if have < LARGE_HEADER.size:
                self._wanted_bytes = LARGE_HEADER.size - have
                return None
            size, count = LARGE_HEADER.unpack_from(self._held, offset)[6:]
            start = LARGE_HEADER.size
        request = Request(command, kind, count, first, second)
        if (reason := _wrong(command, size)) is not None:
            self.unreadable = Unreadable(request, reason)
            self.drop()
            return None
        if start + size > self._max_bytes:  # never held: the rest is thrown away as it arrives
            self._drain_bytes = max(start + size - have, 0)
            reason = f"{start + size} bytes are more than the {self._max_bytes} this server takes"
            oversized = Oversized(request, start + size, reason)
            return oversized, min(offset + start + size, len(self._held))
        self._wanted_bytes = max(start + size - have, 0)
        if have < start + size:
            self._announced = (request, start + size)
            return None
        payload = bytes(memoryview(self._held)[offset + start : offset + start + size])
        return Request(command, kind, count, first, second, payload), offset + start + size


def _wrong(command: int, size: int) -> str | None:
    if command not in REQUESTS:
        return f"{command} is no request of Channel Access"
    if size % ALIGNMENT:
        return f"a payload of {size} bytes, not a multiple of {ALIGNMENT}"
    return None
