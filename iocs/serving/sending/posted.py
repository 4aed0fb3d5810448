"""A channel as it was when it was posted: what is handed from the machine to those who listen.

Posting copies, and no more: nothing of a client's (its type, its filter, its buffer) runs on the
call stack of the machine. It is worked out from the copy afterwards, once for all who ask for one
type.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import Any, Final
from weakref import WeakValueDictionary

import numpy as np
from caproto import ChannelType
from caproto._data import _channel_type_by_name

from iocs.serving.filtering.filters import number_of
from iocs.serving.sending.arrays import array_payload
from iocs.serving.sending.scalars import Packer, packed
from iocs.serving.sending.updates import SMALL_BYTES, Update, event_parts

#: caproto's channels have a place for what is worked out of their value; it is emptied when that
#: changes.
_KEY: Final = "posted"
#: Types and numbers of elements that a value is kept in, in bytes; clients ask for a few.
MOST_KEPT: Final = 8

Parts = tuple[bytes, bytes, bytes]
Key = tuple[int, int, str]


class Posted:
    """A copy of a channel's value, alarm and metadata.

    Attributes:
        entry: Caproto's channel.
        time_s: When it was made, s since the Unix epoch.
    """

    __slots__ = ("_alarm", "_data", "_large", "_last", "_parts", "_updates", "entry", "time_s")

    def __init__(self, entry: Any) -> None:
        self.entry = entry
        self.time_s = time.time()
        self._data = entry._data.copy()  # noqa: SLF001
        self._alarm = entry.alarm._data.copy()  # noqa: SLF001
        # What is large is kept by those who wait for it, not here: a channel may be asked for in
        # all types. Only the last one is, while it is given out: the next client wants the same.
        self._updates: WeakValueDictionary[str, Update] | None = None
        self._last: Update | None = None
        self._large: tuple[Key, Parts] | None = None
        self._parts: dict[Key, Parts] = {}
        value = self._data["value"]
        if isinstance(value, np.ndarray):  # the machine may change it in place
            self._data["value"] = value.copy()

    def update(self, kind_name: str) -> Update:
        """The value in a client's type.

        Args:
            kind_name: Caproto's name of the DBR type, or of its long texts.

        Raises:
            Exception: It cannot be converted.
        """
        if self._updates is None:
            self._updates = WeakValueDictionary()
        found = self._updates.get(kind_name)
        if found is None:
            found = self._updates[kind_name] = Update(*self._read(_channel_type_by_name[kind_name]))
        self._last = found
        return found

    def given_out(self) -> None:
        """All have been given it: nothing large is kept for others."""
        self._large = None
        if self._last is not None and self._last.nbytes > SMALL_BYTES:
            self._last = None

    def parts(self, kind: int, count: int, kind_name: str) -> Parts:
        """What all subscribers of one type are sent, see ``Update.parts``.

        Args:
            kind: The DBR type asked for.
            count: Elements asked for.
            kind_name: Caproto's name of the type, or of its long texts.

        Raises:
            Exception: It cannot be converted or encoded.
        """
        key = kind, count, kind_name
        found = self._parts.get(key)
        if found is None and self._large is not None and self._large[0] == key:
            found = self._large[1]
        if found is None:
            found = self._made_parts(kind, count, kind_name)
            if len(found[2]) > SMALL_BYTES:
                self._large = key, found
            elif len(self._parts) < MOST_KEPT:
                self._parts[key] = found
        return found

    def _made_parts(self, kind: int, count: int, kind_name: str) -> Parts:
        if kind_name == ChannelType(kind).name:
            body = array_payload(self.entry, self._data, self._alarm, kind, count)
            if body is not None:
                return event_parts(body, kind, count or len(self._data["value"]))
        return self.update(kind_name).parts(kind, count)

    def scalar(self, packer: Packer) -> bytes | None:
        """The payload where it is as simple as this, see ``packed``."""
        return packed(packer, self._data, self._alarm)

    def number(self, *, long_text: bool) -> float | None:
        """The value as filters of numbers see it, see ``number_of``."""
        return number_of(self.entry, self._data["value"], long_text=long_text)

    def _read(self, kind: Any) -> tuple[Any, Any]:
        """Caproto's conversion, which reads the channel, of the copy in the channel's place."""
        entry, alarm = self.entry, self.entry.alarm
        kept = (entry._data, alarm._data)  # noqa: SLF001
        entry._data, alarm._data = self._data, self._alarm  # noqa: SLF001
        try:
            return at_once(entry._read(kind))  # noqa: SLF001
        finally:
            entry._data, alarm._data = kept  # noqa: SLF001


def posted_of(entry: Any) -> Posted:
    """A channel as it is now; the same object for all who ask before it changes."""
    content = entry._content  # noqa: SLF001
    found = content.get(_KEY)
    if found is None:
        found = content[_KEY] = Posted(entry)
    return found


def at_once(work: Coroutine[Any, Any, tuple[Any, Any]]) -> tuple[Any, Any]:
    """The result of a coroutine that suspends nowhere.

    While it runs, others' values stand in the channel's place: nobody may come in between.

    Raises:
        RuntimeError: It does suspend.
    """
    try:
        work.send(None)
    except StopIteration as ended:
        return ended.value
    work.close()
    raise RuntimeError("a conversion has suspended")
