"""Bytes of one client, cut into commands, with a bound on how much one message may hold."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import caproto as ca
from caproto._commands import Commands

#: Read at once; more when a larger message is on its way.
READ_BYTES: Final = 16_384
LARGE_READ_BYTES: Final = 1_048_576
_REQUESTS: Final = frozenset(Commands[ca.CLIENT])
_LARGE: Final = b"\xff\xff"


@dataclass(frozen=True)
class Oversized:
    """A message that is refused; what is left of it is thrown away as it comes.

    Attributes:
        header: The request's header, for the error reply.
        size: Bytes of the whole message.
    """

    header: bytes
    size: int

    @property
    def channel_number(self) -> int:
        """The channel the message was for."""
        return int.from_bytes(self.header[8:12])


class Inbound:
    """What has come in from one client.

    Args:
        circuit: caproto's state of the circuit, which cuts bytes into commands.
        max_message_bytes: Beyond this a message is refused.

    Attributes:
        partial_since: When the message that stands half received last grew, monotonic seconds.
    """

    def __init__(self, circuit: Any, max_message_bytes: int) -> None:
        self._circuit = circuit
        self._max_bytes = max_message_bytes
        self._wanted_bytes = 0
        self._drain_bytes = 0
        self.partial_since: float | None = None

    @property
    def read_bytes(self) -> int:
        """How much to read at once."""
        return max(READ_BYTES, min(self._wanted_bytes, LARGE_READ_BYTES))

    def take(self, data: bytes) -> tuple[list[Any], Oversized | None]:
        """Take what was received.

        Returns:
            The commands that are complete now, and a message that is too large if there is one.

        Raises:
            RemoteProtocolError: This is no Channel Access.
        """
        drained = min(self._drain_bytes, len(data))
        self._drain_bytes -= drained
        if not (data := data[drained:]):
            return [], None
        commands, self._wanted_bytes = self._circuit.recv(data)
        held = self._circuit._data  # noqa: SLF001
        if len(held) > 1 and int.from_bytes(held[:2]) not in _REQUESTS:
            raise ca.RemoteProtocolError("this is no Channel Access")
        self.partial_since = time.monotonic() if held else None
        return list(commands), self._oversized(held)

    def drop(self) -> None:
        """Forget a half received message."""
        self._circuit._data = bytearray()  # noqa: SLF001
        self._wanted_bytes = 0
        self.partial_since = None

    def _oversized(self, held: bytearray) -> Oversized | None:
        size = len(held) + self._wanted_bytes
        if size <= self._max_bytes:
            return None
        self._drain_bytes = self._wanted_bytes
        self.drop()
        return Oversized(bytes(held[: 24 if held[2:4] == _LARGE else 16]), size)
