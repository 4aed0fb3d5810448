"""Which channels have something to work out or to post.

All of some hundred are looked through before every post, which is after every put and ten times a
second; few have changed. So the plain ones, that only have a value to read, are compared here in
one loop: a call per channel would cost more than the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from iocs.records.interfaces import ServedChannel

__all__ = ["Changes"]


class Changes:
    """The channels of a database, in the order in which they are posted."""

    def __init__(self) -> None:
        self._channels: list[ServedChannel] = []
        self._plain: list[tuple[int, ServedChannel, Callable[[], Any]]] = []
        self._others: list[tuple[int, ServedChannel]] = []
        self._held: list[tuple[int, ServedChannel]] = []

    def add(self, channel: ServedChannel) -> None:
        """Look at this channel, too."""
        record, place = channel.record, len(self._channels)
        self._channels.append(channel)
        watched = record.version is not None or record.trouble is not None
        if watched or callable(record.control):
            self._others.append((place, channel))
        elif record.read is not None:
            self._plain.append((place, channel, record.read))
        else:
            self._held.append((place, channel))

    def found(self) -> list[ServedChannel]:
        """Those that have changed since they were processed last, all looked at at one moment."""
        places = [place for place, channel in self._others if not channel.quiet()]
        # What holds the last put is processed by the put: it is looked at here but once.
        places += [place for place, _ in self._held]
        self._held.clear()
        for place, channel, read in self._plain:
            try:
                if read() != channel.seen or channel.refusal != channel.told_refusal:
                    places.append(place)
            except Exception:  # processing reads again, and says so
                places.append(place)
        return [self._channels[place] for place in sorted(places)]
