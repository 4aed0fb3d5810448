"""From a post to the clients that listen.

Defects of caproto's queue, in the place of which this stands: it is unbounded, and the one task
that empties it waits for the slowest client; when a subscriber leaves meanwhile, ``deque mutated
during iteration`` ends the server; and the poster works out the client's type.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from caproto.server.common import SubscriptionSpec

from iocs.serving.clients.audience import Listeners
from iocs.serving.clients.subscription import Subscription
from iocs.serving.sending.posted import Posted, posted_of
from iocs.words.complaints import Complaints, words

#: Values posted together. They do not wait for others as what a put changes waits for its answer.
MUCH: Final = 8
_NOBODY: Final[Mapping[Any, Any]] = {}

log = logging.getLogger("iocs.serving")


class Fanout:
    """Subscriptions of all clients, and what was posted and has not been given to them yet.

    Args:
        hasten: Called when much that was posted is ready to be sent.
    """

    def __init__(self, hasten: Callable[[], None]) -> None:
        self._hasten = hasten
        self._subscriptions: dict[SubscriptionSpec, Listeners] = {}
        # The same by channel: each post looks them up.
        self._of: dict[Any, dict[SubscriptionSpec, Listeners]] = {}
        self._posted: deque[tuple[Sequence[Listeners], Posted, int]] = deque()
        self._called = False
        self._complaints = Complaints(log)

    # -- the books -------------------------------------------------------------------------------

    def add(self, subscription: Subscription) -> None:
        """Give it what is posted from now on."""
        spec = subscription.spec
        listeners = self._subscriptions.get(spec)
        if listeners is None:
            listeners = self._subscriptions[spec] = Listeners()
            self._of.setdefault(spec.db_entry, {})[spec] = listeners
        listeners.add(subscription)
        queues = spec.db_entry._queues  # noqa: SLF001
        queues[self][None][spec.data_type_name].add(spec)

    def remove(self, subscription: Subscription) -> None:
        """Give it nothing any more."""
        spec = subscription.spec
        listeners = self._subscriptions[spec]
        listeners.remove(subscription)
        if listeners:
            return
        del self._subscriptions[spec]
        of_channel = self._of[spec.db_entry]
        del of_channel[spec]
        if not of_channel:
            del self._of[spec.db_entry]
        queues = spec.db_entry._queues  # noqa: SLF001
        by_type = queues[self][None]
        by_type[spec.data_type_name].discard(spec)
        if not by_type[spec.data_type_name]:
            del by_type[spec.data_type_name]
        if not by_type:  # so that posting sees at once that nobody listens
            del queues[self]

    # -- what is posted --------------------------------------------------------------------------

    def hand_over(self, entry: Any, flags: int) -> None:
        """Take what was posted; it is given out in the next turn of the event loop.

        Args:
            entry: The channel, as it is now.
            flags: The kinds of event that it is.
        """
        eligible = entry._is_eligible  # noqa: SLF001
        wanted = [one for spec, one in self._of.get(entry, _NOBODY).items() if eligible(spec)]
        if not wanted:
            return
        self._posted.append((wanted, posted_of(entry), flags))
        if not self._called:
            self._called = True
            asyncio.get_running_loop().call_soon(self._have_delivered)

    def _have_delivered(self) -> None:
        """Give out what was posted, and have it sent if it is much."""
        self._called = False
        much = len(self._posted) >= MUCH
        self.deliver()
        if much:
            self._hasten()

    def deliver(self) -> None:
        """Give out what was posted; never blocks, never raises."""
        while self._posted:
            several, posted, flags = self._posted.popleft()
            for listeners in several:
                listeners.give(posted, flags, self._failed)
            posted.given_out()

    def _failed(self, failure: Exception) -> None:
        self._complaints.tell("giving", f"giving out a value failed: {words(failure)}")
