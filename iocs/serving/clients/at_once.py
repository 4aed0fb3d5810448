"""Requests of one client that are answered as they come.

Between a packet and the task that serves its client lie a stream, a future and two turns of the
event loop, which cost several times what reading a number does. What needs none of that, plain
readings and the beginning of puts, is dealt with where the packet arrives. Whatever is not as plain
as this is left, with all that follows it, to ``Answers``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from iocs.serving.clients.identity import Identity
from iocs.serving.clients.inbound import READ_BYTES
from iocs.serving.clients.puts import MOST_PUTS, ClientPuts
from iocs.serving.clients.readings import ClientChannel, plain_reading
from iocs.serving.messages import ALIGNMENT, HEADER, LARGE, CaCommand, Request

__all__ = ["MOST_PUTS", "AtOnce"]

_READ: Final = int(CaCommand.READ_NOTIFY)
_PLAIN_PUT: Final = int(CaCommand.WRITE)
_PUTS: Final = (_PLAIN_PUT, int(CaCommand.WRITE_NOTIFY))


class Asked(Protocol):
    """What one client has, as its requests are about it.

    Attributes:
        channels: Its channels by the server's number.
        identity: Who it is.
        puts: Its puts in progress.
    """

    channels: dict[int, ClientChannel]
    identity: Identity
    puts: ClientPuts


class AtOnce:
    """Answers the requests at the beginning of a packet.

    Args:
        asked: What they are about.
        most_bytes: Largest message that is taken.
    """

    def __init__(self, asked: Asked, most_bytes: int) -> None:
        self._asked = asked
        self._most_bytes = min(most_bytes, LARGE) - HEADER.size

    def __call__(self, data: bytes, send: Callable[[bytes], None]) -> int:
        """Answer what can be answered at once.

        Args:
            data: What has come; it begins with a message.
            send: Takes the replies, in their order.

        Returns:
            How many bytes have been dealt with: whole messages. Others get their turn after
            ``READ_BYTES`` or ``MOST_PUTS``.
        """
        try:
            return self._answer(data, send)
        finally:
            self._asked.puts.plain.finish()

    def _answer(self, data: bytes, send: Callable[[bytes], None]) -> int:
        plain, channels, most = self._asked.puts.plain, self._asked.channels, self._most_bytes
        offset, puts = 0, 0
        end = min(len(data), READ_BYTES)
        replies: list[bytes] = []
        while offset + HEADER.size <= end:
            command, size, kind, count, first, second = HEADER.unpack_from(data, offset)
            following = offset + HEADER.size + size
            if command == _READ and not size:
                if plain.acted:  # before anything is read
                    plain.finish()
                reply = self._reading(kind, count, first, second)
                if reply is None:
                    break
                replies.append(reply)
            elif command in _PUTS and following <= end and not size % ALIGNMENT and size <= most:
                if puts == MOST_PUTS:
                    break
                puts += 1
                if replies:
                    send(b"".join(replies))  # before that of the put
                    replies.clear()
                channel = channels.get(first)
                if channel is None:
                    break
                is_plain = command == _PLAIN_PUT and count == 1 and size > 0
                if not (is_plain and plain.act(channel, kind, data, offset)):
                    payload = data[following - size : following]
                    request = Request(command, kind, count, first, second, payload)
                    last = puts == MOST_PUTS or not _is_put(data, following)
                    if not self._asked.puts.begin_at_once(request, channel, last=last):
                        break
            else:
                break
            offset = following
        send(b"".join(replies))
        return offset

    def _reading(self, kind: int, count: int, first: int, second: int) -> bytes | None:
        channel = self._asked.channels.get(first)
        if channel is None or not self._asked.puts.young.passed:
            return None
        try:
            return plain_reading(channel, self._asked.identity, kind, count, second)
        except Exception:  # it is read again, and told of, where there is time for it
            return None


def _is_put(data: bytes, offset: int) -> bool:
    """Whether a put begins there."""
    return int.from_bytes(data[offset : offset + 2]) in _PUTS and len(data) > offset
