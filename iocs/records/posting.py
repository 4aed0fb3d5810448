"""What is posted, and when: records that have changed, a few at a time, each with its stamp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from iocs.records.changes import Changes, read_again
from iocs.records.channels import LiveChannel
from iocs.records.together import Together

__all__ = ["MOST_AT_ONCE", "Posting"]

#: Records that are posted before others get their turn, and these are sent.
MOST_AT_ONCE: Final = 16


class Posting:
    """Posts those of the channels in ``_changes`` that have changed.

    Args:
        wall_time: Gives time stamps, s since the Unix epoch.
    """

    def __init__(self, wall_time: Callable[[], float]) -> None:
        self._wall_time = wall_time
        self._posting = 0
        self._post_together = Together(self.post_puts)
        self._beside: dict[LiveChannel, int] = {}
        self._changes = Changes()

    async def post(self) -> None:
        """Read every record and post what changed.

        The time stamp is the moment of the reading. All that is read before others get their turn
        has one; what is read after that, when a put may have changed it, has a later one.
        """
        self._posting += 1
        try:
            now = self._wall_time()
            # Looked through in one go, all at one moment; few of some hundred have changed.
            for number, (channel, found) in enumerate(self._changes.found()):
                if number and not number % MOST_AT_ONCE:
                    await asyncio.sleep(0)
                    now = self._wall_time()
                reading = found if number < MOST_AT_ONCE else read_again(channel, found)
                if not channel.take(reading, now):
                    await channel.process(now)
            await self._post_beside()
        finally:
            self._posting -= 1

    async def post_puts(self) -> None:
        """Post what puts have changed."""
        await self.post()

    @property
    def posting(self) -> bool:
        """Whether records are being posted or about to be: the machine must stand still meanwhile.

        Posting gives way to other tasks. If the machine moved on, what is posted would not belong
        to one moment, and a move could begin and end unseen by those who wait for its ``DMOV``.
        """
        return self._posting > 0 or self._post_together.awaited

    async def _post_beside(self) -> None:
        while self._beside:
            channel, flags = self._beside.popitem()
            await channel.publish(flags)
            await channel.process_fields(self._wall_time())  # .ACKS follows .ACKT

    def post_beside(self, channel: LiveChannel, flags: int) -> None:
        """Post a channel of which something other than the value has changed.

        Args:
            channel: The record whose field was written.
            flags: Kinds of event: of a property, of the alarm.
        """
        self._beside[channel] = self._beside.get(channel, 0) | flags

    def doubt(self, channel: LiveChannel) -> None:
        """Look at this channel at the next post even if its device is still.

        Args:
            channel: Is being processed.
        """
        self._changes.doubt(channel)

    def hurry(self, hurried: bool) -> None:
        """Whether the put that takes its first step now is the last of those that came together."""
        self._post_together.hurried = hurried
