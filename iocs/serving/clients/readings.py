"""What a client asks to read, judged and encoded as EPICS base does it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

from caproto import CAStatus, ChannelType, Forbidden
from caproto._dbr import _LongStringChannelType

from iocs.serving.clients.identity import Identity
from iocs.serving.filtering.filters import Filters
from iocs.serving.messages import (
    HEADER,
    LAST_TYPE,
    CaCommand,
    Request,
    element_bytes,
    error,
    kind_name,
    message,
)
from iocs.serving.sending.arrays import array_payload
from iocs.serving.sending.scalars import scalar_payload
from iocs.serving.sending.updates import NORMAL, Update

#: What a channel and each of its filters take, about: measured with 100 000 of them.
CHANNEL_BYTES: Final = 300
FILTER_BYTES: Final = 250
#: Longest reason sent to a client; the whole is in the log.
REASON_LENGTH: Final = 200
_UNREADABLE: Final = (int(ChannelType.PUT_ACKT), int(ChannelType.PUT_ACKS))


class RefusedRequestError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: The protocol's code.
    """

    def __init__(self, status: CAStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(eq=False)
class ClientChannel:
    """A channel of one client.

    Attributes:
        name: As the client gave it, with field and modifiers.
        cid: The client's number.
        sid: The server's number.
        entry: What is served.
        filters: What its name asks for.
        long_text: Whether a text is sent as bytes: the name ends in ``$``.
        cleared: Whether the client has given it up.
        is_plain: Whether the value is sent as it was posted, whole.
    """

    name: str
    cid: int
    sid: int
    entry: Any
    filters: Filters
    long_text: bool
    cleared: bool = False
    is_plain: bool = field(init=False)

    def __post_init__(self) -> None:
        posted = getattr(self.entry, "read_as_posted", False)
        self.is_plain = posted and not self.filters and not self.long_text

    @property
    def nbytes(self) -> int:
        """What it takes, about."""
        filters = len(self.filters.gates) + len(self.filters.slices)
        return CHANNEL_BYTES + len(self.name) + FILTER_BYTES * filters

    @property
    def most(self) -> int:
        """Elements that can be read of it."""
        return self.filters.most(self._length)

    @property
    def _length(self) -> int:
        """Elements of what is served."""
        return int(self.entry.long_string_max_length if self.long_text else self.entry.max_length)

    def filtered(self, update: Update, time_s: float) -> Update:
        """What a client of this channel gets of a value.

        Args:
            update: The whole value.
            time_s: When it is sent, s since the Unix epoch.
        """
        if self.filters.stamped:
            update = update.stamped(time_s)
        if self.filters.slices:
            update = Update(update.metadata, self.filters.cut(update.values, self._length))
        return update

    @property
    def kind(self) -> int:
        """Its own DBR type."""
        return int(ChannelType.CHAR if self.long_text else self.entry.data_type)

    def readable_as(self, kind: int) -> Any:
        """The type to read for a request for ``kind``."""
        if self.long_text and kind in _LONG_TEXTS:
            return _LongStringChannelType(kind)
        return ChannelType(kind)


_LONG_TEXTS: Final = frozenset(int(kind) for kind in _LongStringChannelType)


def check_kind(channel: ClientChannel, kind: int, count: int, most_bytes: int) -> None:
    """See that a reading or subscription can be had.

    Args:
        channel: What is read.
        kind: The DBR type asked for.
        count: Elements asked for.
        most_bytes: Most that is sent beyond what the channel holds.

    Raises:
        RefusedRequestError: There is no such type, nothing is read as it, or it would be too much.
    """
    if kind > LAST_TYPE:
        raise RefusedRequestError(CAStatus.ECA_BADTYPE, f"there is no {kind_name(kind)}")
    if kind in _UNREADABLE:
        reason = f"{channel.name}: {kind_name(kind)} is for puts only"
        raise RefusedRequestError(CAStatus.ECA_GETFAIL, reason)
    if count > channel.most and count * element_bytes(kind) > most_bytes:
        reason = f"{channel.name} holds {channel.most} elements, {count} were asked for"
        raise RefusedRequestError(CAStatus.ECA_TOLARGE, reason)


async def read(request: Request, channel: ClientChannel, client: Identity) -> bytes:
    """The reply to a read of a kind that ``check_kind`` let pass.

    Raises:
        Forbidden: The client may not read it.
        Exception: Whatever reading raises.
    """
    if (reply := _at_once(request, channel, client)) is not None:
        return reply
    kind = channel.readable_as(request.kind)
    metadata, values = await channel.entry.auth_read(
        *client.place, kind, user_address=client.address
    )
    update = channel.filtered(Update(metadata, values), time.time())
    if request.command == CaCommand.READ:
        return _old_reply(request, update, channel)
    body = update.payload(request.kind, request.count)
    count = request.count or update.count
    return message(CaCommand.READ_NOTIFY, request.kind, count, NORMAL, request.second, body)


def _at_once(request: Request, channel: ClientChannel, client: Identity) -> bytes | None:
    """The reply to a plain reading, see ``plain_reading`` and ``array_payload``.

    Raises:
        Forbidden: The client may not read it.
    """
    if request.command != CaCommand.READ_NOTIFY or not channel.is_plain:
        return None
    client.require_readable(channel.entry, channel.name)
    kind, count, entry = request.kind, request.count, channel.entry
    body = array_payload(entry, entry._data, entry.alarm._data, kind, count)  # noqa: SLF001
    if body is None:
        return plain_reading(channel, client, kind, count, request.second)
    count = count or len(entry._data["value"])  # noqa: SLF001
    return message(CaCommand.READ_NOTIFY, kind, count, NORMAL, request.second, body)


def plain_reading(
    channel: ClientChannel, client: Identity, kind: int, count: int, number: int
) -> bytes | None:
    """The reply to a reading of one plain value that nothing is worked out for; else None.

    Args:
        channel: What is read.
        client: Who asks; None if it may not read.
        kind: The DBR type asked for.
        count: Elements asked for.
        number: The client's number of the request.
    """
    entry = channel.entry
    if count > 1 or not channel.is_plain or not client.may_read(entry):
        return None
    body = scalar_payload(entry, entry._data, entry.alarm._data, kind)  # noqa: SLF001
    if body is None:
        return None
    return HEADER.pack(CaCommand.READ_NOTIFY, len(body), kind, 1, NORMAL, number) + body


def _old_reply(request: Request, update: Update, channel: ClientChannel) -> bytes:
    """A reading without status, of exactly as many elements as were asked for."""
    body = update.payload(request.kind, request.count or 1)
    if request.count == 0:
        body = bytes(update.metadata) if update.values_apart else b""
    elif request.count == 1 and request.kind == ChannelType.STRING:
        body = body.rstrip(b"\0") + b"\0"
    return message(CaCommand.READ, request.kind, request.count, channel.cid, request.second, body)


def failed(request: Request, channel: ClientChannel, failure: Exception) -> bytes:
    """The reply to a reading or subscription that failed."""
    if isinstance(failure, RefusedRequestError):
        status = failure.status
    else:
        forbidden = isinstance(failure, Forbidden)
        status = CAStatus.ECA_NORDACCESS if forbidden else CAStatus.ECA_GETFAIL
    reason = str(failure) or str(failure.__cause__ or type(failure).__name__)
    return error(request, status, reason[:REASON_LENGTH], channel.cid)
