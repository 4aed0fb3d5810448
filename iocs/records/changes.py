"""Which channels have something to work out or to post.

All of some hundred are looked through before every post, which is after every put and ten times a
second; few have changed. So those of a device that gives the same mark as at the last look are not
read at all (``Record.still``). Of the others the plain ones, that only have a value to read, are
compared in one go, list against list: a call per channel would cost more than the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from instruments.still import Mark
from iocs.records.interfaces import ServedChannel
from pvdb.records import Record

__all__ = ["NOT_READ", "Changes", "read_again"]

#: In place of a reading: the channel is to read for itself.
NOT_READ: Final = object()


class _Device:
    """The channels that one function tells to be still; those that nothing tells of are another.

    Attributes:
        doubted: Places of those that may not have been processed as they are: they are looked at
            whatever the mark.
    """

    def __init__(self, still: Callable[[], Mark] | None) -> None:
        self._still = still
        self._mark: Mark = None
        self._channels: dict[int, ServedChannel] = {}
        self._plain: list[tuple[int, ServedChannel]] = []
        self._reads: list[Callable[[], Any]] = []
        self._others: list[tuple[int, ServedChannel]] = []
        self.doubted: set[int] = set()

    def add(self, place: int, channel: ServedChannel) -> None:
        """Look at this channel, too."""
        record = channel.record
        self._channels[place] = channel
        if _is_plain(record) and record.read is not None:
            self._plain.append((place, channel))
            self._reads.append(record.read)
        else:
            self._others.append((place, channel))

    def found(self) -> dict[int, Any]:
        """Places of those that have changed since they were processed last, and what was read."""
        mark = self._marked()
        if mark is None or mark is not self._mark:
            found = self._compared()
        elif not self.doubted:
            return {}
        else:
            found = {p: NOT_READ for p in self.doubted if not self._channels[p].quiet()}
        self._mark, self.doubted = mark, set(found)
        return found

    def _marked(self) -> Mark:
        try:
            return None if self._still is None else self._still()
        except Exception:  # nothing is known of it; what fails is said by those that are read
            return None

    def _compared(self) -> dict[int, Any]:
        places = {place: NOT_READ for place, channel in self._others if not channel.quiet()}
        seen = [channel.seen for _, channel in self._plain]
        try:
            readings = [read() for read in self._reads]
            if readings != seen:
                both = zip(self._plain, readings, seen, strict=True)
                places |= {place: now for (place, _), now, last in both if now != last}
        except Exception:  # one fails: processing reads it again, and says so
            places |= {place: NOT_READ for place, channel in self._plain if not channel.quiet()}
        return places


class Changes:
    """The channels of a database, in the order in which they are posted."""

    def __init__(self) -> None:
        self._channels: list[ServedChannel] = []
        self._places: dict[ServedChannel, int] = {}
        self._devices: dict[Callable[[], Mark] | None, _Device] = {}
        self._device_of: dict[ServedChannel, _Device] = {}
        self._noted: set[int] = set()

    def add(self, channel: ServedChannel) -> None:
        """Look at this channel, too."""
        record, place = channel.record, len(self._channels)
        self._channels.append(channel)
        self._places[channel] = place
        if _is_plain(record) and record.read is None:
            # What holds the last put is processed by the put: it is looked at here but once.
            self._noted.add(place)
            return
        device = self._devices.setdefault(record.still, _Device(record.still))
        device.add(place, channel)
        self._device_of[channel] = device

    def note(self, channel: ServedChannel) -> None:
        """Look at this channel next time whatever its reading: a put to it was accepted."""
        if channel in self._places:
            self._noted.add(self._places[channel])

    def doubt(self, channel: ServedChannel) -> None:
        """Read this channel next time even if its device is still: it is being processed.

        What is processed may be of another moment than that of the look, and it may fail.
        """
        device = self._device_of.get(channel)
        if device is not None:
            device.doubted.add(self._places[channel])

    def found(self) -> list[tuple[ServedChannel, Any]]:
        """Those that have changed since they were processed last, all looked at at one moment.

        With each stands what was read of it, or ``NOT_READ``.
        """
        noted, self._noted = self._noted, set()
        places: dict[int, Any] = dict.fromkeys(noted, NOT_READ)
        for device in self._devices.values():
            places |= device.found()
        for place in noted:
            self.doubt(self._channels[place])
        return [(self._channels[place], places[place]) for place in sorted(places)]


def _is_plain(record: Record) -> bool:
    """Whether nothing but its value can be another."""
    watched = record.version is not None or record.trouble is not None or record.array
    return not watched and not callable(record.control)


def read_again(channel: ServedChannel, reading: Any) -> Any:
    """What a channel that was found to have changed shows by now; arguments as found."""
    read = channel.record.read
    if reading is NOT_READ or read is None:
        return NOT_READ
    try:
        return read()
    except Exception:  # processing reads it once more, and says so
        return NOT_READ
