"""Puts of one client that nobody is told of when they are complete, those of a packet together.

A put without completion to a record that has its effect at once is over when it has acted. Each
acts in its turn; the log, the journal and the look for what has changed, which cost ten times as
much, are for all of them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from caproto import ChannelType

from iocs.serving.clients.identity import Identity
from iocs.serving.clients.readings import ClientChannel
from iocs.serving.interfaces import PutsAtOnce
from iocs.serving.messages import HEADER, Request

__all__ = ["Acted", "PlainPut", "PlainPuts"]

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


class PlainPut(NamedTuple):
    """One of them.

    Attributes:
        channel: What it was put to.
        data: What came.
        offset: Where in that its message begins.
    """

    channel: ClientChannel
    data: bytes
    offset: int

    @property
    def request(self) -> Request:
        """Its message, taken apart."""
        command, size, kind, count, first, second = HEADER.unpack_from(self.data, self.offset)
        begin = self.offset + HEADER.size
        return Request(command, kind, count, first, second, self.data[begin : begin + size])


#: The same of one that has acted: made for each, and looked at where something goes wrong.
Acted = tuple[ClientChannel, bytes, int]
#: Told of a put that has failed: which, why, and whose it is.
Failed = Callable[[PlainPut, Exception, PutsAtOnce], None]
#: Told of puts that have acted and whose they are, to finish them.
Finish = Callable[[Sequence[Acted], PutsAtOnce], None]


class PlainPuts:
    """Lets plain puts act, and has those finished together that have come together.

    Args:
        client: Who puts.
        room: Says how many puts more of this client may be in progress.
        failed: Told of each that fails.
        finish: Told of those that have acted.

    Attributes:
        acted: Those that have acted and are to be finished.
    """

    def __init__(
        self, client: Identity, room: Callable[[], int], failed: Failed, finish: Finish
    ) -> None:
        self._client = client
        self._room = room
        self._failed = failed
        self._finish = finish
        self.acted: list[Acted] = []
        self._owner: PutsAtOnce | None = None
        # Rights change with no put, so they are asked for once for those that come together.
        self._open: dict[ClientChannel, Callable[[Any, Any, str, str], None]] = {}
        self._names = ("", "")
        self._most = 0

    def act(self, channel: ClientChannel, kind: int, data: bytes, offset: int) -> bool:
        """Let a put act if it is plain; whether it is. ``finish`` is to follow in this turn.

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
        except Exception as failure:
            assert self._owner is not None
            self._failed(PlainPut(channel, data, offset), failure, self._owner)
        else:
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
