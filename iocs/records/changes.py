"""Which channels have something to work out or to post.

All of some hundred are looked through before every post, which is after every put and ten times a
second; few have changed. So the plain ones, that only have a value to read, are compared here in
one go, list against list: a call per channel would cost more than the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from iocs.records.interfaces import ServedChannel

__all__ = ["NOT_READ", "Changes", "read_again"]

#: In place of a reading: the channel is to read for itself.
NOT_READ: Final = object()


class Changes:
    """The channels of a database, in the order in which they are posted."""

    def __init__(self) -> None:
        self._channels: list[ServedChannel] = []
        self._places: dict[ServedChannel, int] = {}
        self._plain: list[tuple[int, ServedChannel]] = []
        self._reads: list[Callable[[], Any]] = []
        self._others: list[tuple[int, ServedChannel]] = []
        self._noted: set[int] = set()

    def add(self, channel: ServedChannel) -> None:
        """Look at this channel, too."""
        record, place = channel.record, len(self._channels)
        self._channels.append(channel)
        self._places[channel] = place
        watched = record.version is not None or record.trouble is not None or record.array
        if watched or callable(record.control):
            self._others.append((place, channel))
        elif record.read is None:
            # What holds the last put is processed by the put: it is looked at here but once.
            self._noted.add(place)
        else:
            self._plain.append((place, channel))
            self._reads.append(record.read)

    def note(self, channel: ServedChannel) -> None:
        """Look at this channel next time whatever its reading: a put to it was accepted."""
        if channel in self._places:
            self._noted.add(self._places[channel])

    def found(self) -> list[tuple[ServedChannel, Any]]:
        """Those that have changed since they were processed last, all looked at at one moment.

        With each stands what was read of it, or ``NOT_READ``.
        """
        places: dict[int, Any] = dict.fromkeys(self._noted, NOT_READ)
        self._noted = set()
        places |= {place: NOT_READ for place, channel in self._others if not channel.quiet()}
        seen = [channel.seen for _, channel in self._plain]
        try:
            readings = [read() for read in self._reads]
            if readings != seen:
                both = zip(self._plain, readings, seen, strict=True)
                places |= {place: now for (place, _), now, last in both if now != last}
        except Exception:  # one fails: processing reads it again, and says so
            places |= {place: NOT_READ for place, channel in self._plain if not channel.quiet()}
        return [(self._channels[place], places[place]) for place in sorted(places)]


def read_again(channel: ServedChannel, reading: Any) -> Any:
    """What a channel that was found to have changed shows by now; arguments as found."""
    read = channel.record.read
    if reading is NOT_READ or read is None:
        return NOT_READ
    try:
        return read()
    except Exception:  # processing reads it once more, and says so
        return NOT_READ
