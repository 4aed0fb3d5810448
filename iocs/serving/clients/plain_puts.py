"""Puts of one client that nobody is told of when they are complete, those of a packet together.

A put without completion to a record that has its effect at once is over when it has acted. Each
acts in its turn; the log, the journal and the look for what has changed, which cost ten times as
much, are for all of them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from caproto import ChannelType

from iocs.serving.clients.identity import Identity
from iocs.serving.clients.readings import ClientChannel
from iocs.serving.interfaces import PutsAtOnce
from iocs.serving.messages import HEADER, Request

__all__ = ["Acted", "PlainPuts", "request_of"]

#: What one number of a DBR type looks like.
_NUMBERS: Final = {
    int(kind): struct.Struct(f">{code}")
    for kind, code in (
        (ChannelType.INT, "h"),
        (ChannelType.FLOAT, "f"),
        (ChannelType.ENUM, "H"),
        (ChannelType.LONG, "i"),
        (ChannelType.DOUBLE, "d"),
    )
}


#: One that has acted: its channel, what came, and where in that its message begins.
Acted = tuple[ClientChannel, bytes, int]
#: Told of puts that have acted and whose they are, to finish them.
Finish = Callable[[Sequence[Acted], PutsAtOnce], None]


def request_of(data: bytes, offset: int) -> Request:
    """The message that begins there, taken apart; it is whole."""
    command, size, kind, count, first, second = HEADER.unpack_from(data, offset)
    begin = offset + HEADER.size
    return Request(command, kind, count, first, second, data[begin : begin + size])


class PlainPuts:
    """Lets plain puts act, and has those finished together that have come together.

    Args:
        client: Who puts.
        room: Says how many puts more of this client may be in progress.
        finish: Told of those that have acted.

    Attributes:
        acted: Those that have acted and are to be finished.
    """

    def __init__(self, client: Identity, room: Callable[[], int], finish: Finish) -> None:
        self._client = client
        self._room = room
        self._finish = finish
        self.acted: list[Acted] = []
        self._owner: PutsAtOnce | None = None
        # Rights change with no put, so they are asked for once for those that come together.
        self._open: dict[ClientChannel, Callable[[Any, Any, str, str], None]] = {}
        self._names = ("", "")
        self._most = 0

    def act(self, channel: ClientChannel, kind: int, data: bytes, offset: int) -> bool:
        """Let a put act if it is plain; whether it has. ``finish`` is to follow in this turn.

        One that is refused has moved nothing: it goes the way of all others, where that is told of.

        Args:
            channel: What is put to.
            kind: The DBR type of what is put, one element.
            data: What has come.
            offset: Where in that the message begins, which is whole.
        """
        number = _NUMBERS.get(kind)
        act = self._open.get(channel) or self._opened(channel)
        if number is None or act is None or len(self.acted) >= self._most:
            return False
        try:
            act(channel.entry, number.unpack_from(data, offset + HEADER.size)[0], *self._names)
        except Exception:
            return False
        self.acted.append((channel, data, offset))
        return True

    def _opened(self, channel: ClientChannel) -> Callable[[Any, Any, str, str], None] | None:
        """What lets plain puts to a channel act; None if none may go to it."""
        entry = channel.entry
        if not getattr(entry, "acts_at_once", False) or not self._client.may_write(entry):
            return None
        owner: PutsAtOnce = entry.owner
        if owner is not self._owner:
            self.finish()
            self._owner = owner
            host, port = self._client.address
            self._names = (str(self._client), f"{host}:{port}")
        self._most = self._room()
        self._open[channel] = act = owner.act
        return act

    def look_again(self) -> None:
        """Something else is in progress: see anew what may come."""
        self._open.clear()

    def finish(self) -> None:
        """No more puts come with those that have acted."""
        acted, owner = self.acted, self._owner
        if owner is None:
            return
        self.acted, self._owner = [], None
        self._open.clear()
        if acted:
            self._finish(acted, owner)
