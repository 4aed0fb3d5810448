"""From a post to the clients that listen.

Defects of caproto's queue, in the place of which this stands: it is unbounded, and the one task
that empties it waits for the slowest client; when a subscriber leaves meanwhile, ``deque mutated
during iteration`` ends the server; and the poster works out the client's type.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from caproto.server.common import SubscriptionSpec

from iocs.serving.clients.audience import Listeners
from iocs.serving.clients.subscription import Subscription
from iocs.serving.sending.posted import Posted
from iocs.words.complaints import Complaints, words

log = logging.getLogger("iocs.serving")


class Fanout:
    """Subscriptions of all clients, and what was posted and has not been given to them yet."""

    def __init__(self) -> None:
        self._subscriptions: dict[SubscriptionSpec, Listeners] = {}
        self._posted: deque[tuple[Sequence[SubscriptionSpec], Posted, int]] = deque()
        self._called = False
        self._complaints = Complaints(log)

    # -- the books -------------------------------------------------------------------------------

    def add(self, subscription: Subscription) -> None:
        """Give it what is posted from now on."""
        spec = subscription.spec
        listeners = self._subscriptions.get(spec)
        if listeners is None:
            listeners = self._subscriptions[spec] = Listeners()
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
        queues = spec.db_entry._queues  # noqa: SLF001
        by_type = queues[self][None]
        by_type[spec.data_type_name].discard(spec)
        if not by_type[spec.data_type_name]:
            del by_type[spec.data_type_name]
        if not by_type:  # so that posting sees at once that nobody listens
            del queues[self]

    # -- what is posted --------------------------------------------------------------------------

    def hand_over(self, specs: Sequence[SubscriptionSpec], posted: Posted, flags: int) -> None:
        """Take what was posted; it is given out in the next turn of the event loop.

        Args:
            specs: The subscriptions that want it.
            posted: The value.
            flags: The kinds of event that it is.
        """
        self._posted.append((specs, posted, flags))
        if not self._called:
            self._called = True
            asyncio.get_running_loop().call_soon(self.deliver)

    def deliver(self) -> None:
        """Give out what was posted; never blocks, never raises."""
        self._called = False
        while self._posted:
            specs, posted, flags = self._posted.popleft()
            for spec in specs:
                listeners = self._subscriptions.get(spec)
                if listeners is not None:
                    listeners.give(posted, flags, self._failed)
            posted.given_out()

    def _failed(self, failure: Exception) -> None:
        self._complaints.tell("giving", f"giving out a value failed: {words(failure)}")
