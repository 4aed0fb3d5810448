"""The payloads that are asked for most, put together at once: one value, with its time and alarm.

caproto makes an array of one element, a structure of metadata, fills that field by field and gives
both as bytes: 40 us, where packing six numbers takes one. Whatever is not as plain as this goes
that way (``None`` here), and a test holds both to the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from caproto import ChannelType, TimeStamp
from caproto._constants import MAX_STRING_SIZE

__all__ = ["Packer", "packed", "packer_of", "scalar_payload"]

Pack = Callable[..., bytes | None]


def _number(layout: str, *types: type) -> Pack:
    packed = struct.Struct(">" + layout).pack

    def pack(value: Any, head: tuple[int, ...], _: Mapping[str, Any]) -> bytes | None:
        return packed(*head, value) if type(value) in types else None

    return pack


def _state(layout: str) -> Pack:
    packed = struct.Struct(">" + layout).pack

    def pack(value: Any, head: tuple[int, ...], data: Mapping[str, Any]) -> bytes | None:
        return packed(*head, data["enum_strings"].index(value))

    return pack


def _text(layout: str) -> Pack:
    packed = struct.Struct(">" + layout).pack

    def pack(value: Any, head: tuple[int, ...], _: Mapping[str, Any]) -> bytes | None:
        plain = isinstance(value, str) and len(value) < MAX_STRING_SIZE and value.isascii()
        return packed(*head, value.encode("ascii")) if plain else None

    return pack


_HEAD: Final = "hhII"
#: DBR type to the type of channels that have it as their own, whether time and alarm stand before
#: the value, and what packs it. Payloads are filled up to eights.
_PACKERS: Final = {
    int(ChannelType.DOUBLE): (ChannelType.DOUBLE, False, _number("d", float)),
    int(ChannelType.LONG): (ChannelType.LONG, False, _number("i4x", int, bool)),
    int(ChannelType.INT): (ChannelType.INT, False, _number("h6x", int, bool)),
    int(ChannelType.ENUM): (ChannelType.ENUM, False, _state("H6x")),
    int(ChannelType.STRING): (ChannelType.STRING, False, _text(f"{MAX_STRING_SIZE}s")),
    int(ChannelType.TIME_DOUBLE): (ChannelType.DOUBLE, True, _number(_HEAD + "4xd", float)),
    int(ChannelType.TIME_LONG): (ChannelType.LONG, True, _number(_HEAD + "i", int, bool)),
    int(ChannelType.TIME_INT): (ChannelType.INT, True, _number(_HEAD + "2xh", int, bool)),
    int(ChannelType.TIME_ENUM): (ChannelType.ENUM, True, _state(_HEAD + "2xH")),
    int(ChannelType.TIME_STRING): (
        ChannelType.STRING, True, _text(f"{_HEAD}{MAX_STRING_SIZE}s4x")
    ),
}  # fmt: skip


class Packer(NamedTuple):
    """Puts one type's payload together.

    Attributes:
        timed: Whether time and alarm stand before the value.
        pack: Gives the bytes of value, head and data; None or an error where it cannot.
    """

    timed: bool
    pack: Pack


def packer_of(entry: Any, kind: int) -> Packer | None:
    """What packs one element of a channel's own type; None if it is another or not as simple.

    Args:
        entry: caproto's channel.
        kind: The DBR type asked for.
    """
    own, timed, pack = _PACKERS.get(kind, _NONE)
    if pack is None or entry.data_type is not own or getattr(entry, "parent", None) is not None:
        return None  # a field has its record's alarm
    return Packer(timed, pack)


def packed(packer: Packer, data: Mapping[str, Any], alarm: Mapping[str, Any]) -> bytes | None:
    """A value, with its time and alarm where they belong to the type; None if it is not as simple.

    Args:
        packer: Of the type.
        data: The value and its metadata.
        alarm: Its alarm.
    """
    head: tuple[int, ...] = ()
    if packer.timed:
        stamp = data["timestamp"]
        if type(stamp) is not TimeStamp:
            return None
        head = (alarm["status"], alarm["severity"], *stamp)
    try:
        return packer.pack(data["value"], head, data)
    except (struct.error, ValueError, KeyError):
        return None


def scalar_payload(
    entry: Any, data: Mapping[str, Any], alarm: Mapping[str, Any], kind: int
) -> bytes | None:
    """One element of a channel's own type, with its time and alarm; None if it is not as simple.

    Args:
        entry: caproto's channel.
        data: Its value and metadata.
        alarm: Its alarm.
        kind: The DBR type asked for.
    """
    packer = packer_of(entry, kind)
    return None if packer is None else packed(packer, data, alarm)


_NONE: Final = (None, False, None)
