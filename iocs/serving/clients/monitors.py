"""The monitors of one client: what waits for it, filtered as it asked, encoded when it is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from iocs.serving.clients.subscription import Subscription
from iocs.serving.limits import Limits, Statistics
from iocs.serving.sending.budget import Budget
from iocs.serving.sending.outbound import BATCH_BYTES
from iocs.serving.sending.posted import Posted
from iocs.serving.sending.queues import Pending
from iocs.serving.sending.updates import SMALL_BYTES, Update

#: Longer arrays have the shorter history.
ARRAY_ELEMENTS: Final = 100


class Monitors:
    """Updates of one client's subscriptions.

    Args:
        limits: How many may wait.
        counts: Where they are counted.
        budget: Where what waits is counted, with that of the other clients.
        give_up: Ends a subscription whose value cannot be encoded.
    """

    def __init__(
        self,
        limits: Limits,
        counts: Statistics,
        budget: Budget,
        give_up: Callable[[Subscription, Exception], None],
    ) -> None:
        self.limits = limits
        self.counts = counts
        self.pending: Pending[Subscription, Update] = Pending(
            limits.max_pending_bytes, counts, budget
        )
        self._give_up = give_up

    def post(self, subscription: Subscription, posted: Posted, flags: int) -> None:
        """Queue an update for one subscription; never blocks.

        Raises:
            Exception: The value cannot be had in the client's type, or not filtered.
        """
        update = subscription.filtered(posted, flags, posted.time_s)
        if update is not None:
            self.queue(subscription, update)

    def queue(self, subscription: Subscription, update: Update) -> None:
        """Queue an update that has passed the filters."""
        self.pending.put(subscription, update, self._history(subscription))

    def take(self) -> list[bytes]:
        """The next batch of messages in pieces, in the order of posting; empty when nothing waits.

        Large payloads are shared with other clients and stay pieces of their own; what is small is
        joined, since each piece costs as much to keep account of as to make. A value that cannot be
        encoded ends its subscription.
        """
        pieces: list[bytes] = []
        small: list[bytes] = []
        while not (pieces or small) and (batch := self.pending.take(BATCH_BYTES)):
            for subscription, update in batch:
                try:
                    head, body = subscription.message(update)
                except Exception as failure:
                    self._give_up(subscription, failure)
                    continue
                self.counts.sent += 1
                small.append(head)
                if len(body) <= SMALL_BYTES:
                    small.append(body)
                else:
                    pieces += (b"".join(small), body)
                    small.clear()
        if small:
            pieces.append(b"".join(small))
        return pieces

    def discard(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        self.pending.discard(subscription)

    def _history(self, subscription: Subscription) -> int:
        entry = subscription.channel.entry
        long = entry.max_length > ARRAY_ELEMENTS
        most = self.limits.array_history if long else self.limits.history
        return max(1, min(entry.max_subscription_backlog, most))
