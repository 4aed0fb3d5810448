"""The monitors of one client: what waits for it, filtered as it asked, encoded when it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from caproto._utils import apply_arr_filter, apply_deadband_filter
from caproto.server.common import SubscriptionSpec, host_endian

from iocs.serving.limits import Limits, Statistics
from iocs.serving.outbound import BATCH_BYTES
from iocs.serving.queues import Pending
from iocs.serving.updates import Update

#: Longer arrays have the shorter history.
ARRAY_ELEMENTS: Final = 100


class Monitors:
    """Updates of one client's subscriptions.

    Args:
        limits: How many may wait.
        counts: Where they are counted.
        last_dead_band: The server's last value sent through each dead-band filter.
        last_sync: The server's last update sent through each synchronisation filter.
    """

    def __init__(
        self, limits: Limits, counts: Statistics, last_dead_band: Any, last_sync: Any
    ) -> None:
        self.limits = limits
        self.counts = counts
        self.pending = Pending(limits.max_pending_bytes, counts)
        self._last_dead_band = last_dead_band
        self._last_sync = last_sync
        self._subscriptions: dict[int, Any] = {}

    def post(self, subscription: Any, update: Update, flags: int) -> None:
        """Queue an update for one subscription; never blocks."""
        filters = subscription.channel_filter
        if filters.arr is not None:
            update = Update(update.metadata, apply_arr_filter(filters.arr, update.values))
        if filters.dbnd is not None and not self._outside(subscription, update, flags):
            return
        if filters.sync is not None and self._seen(subscription, filters.sync, update):
            return
        entry, number = subscription.db_entry, subscription.subscriptionid
        long = entry.max_length > ARRAY_ELEMENTS
        most = self.limits.array_history if long else self.limits.history
        self._subscriptions[number] = subscription
        self.pending.put(number, update, max(1, min(entry.max_subscription_backlog, most)))

    def take(self) -> list[bytes]:
        """The next batch of messages, in the order of posting; empty when nothing waits."""
        batch = self.pending.take(BATCH_BYTES)
        self.counts.sent += len(batch)
        return [self._encode(number, update) for number, update in batch]

    def discard(self, number: int) -> None:
        """Forget a subscription."""
        self._subscriptions.pop(number, None)
        self.pending.discard(number)

    def _encode(self, number: Any, update: Any) -> bytes:
        subscription = self._subscriptions[number]
        kind, count = int(subscription.data_type), subscription.data_count
        return bytes(update.message(kind, count, number))

    def _outside(self, subscription: Any, update: Update, flags: int) -> bool:
        moved = apply_deadband_filter(
            previous_value=self._last_dead_band.get(subscription),
            new_value=update.values,
            sub=subscription,
            flags=flags,
            host_endian=host_endian,
        )
        if moved is not None:
            self._last_dead_band[subscription] = moved
        return moved is not None

    def _seen(self, subscription: Any, sync: Any, update: Update) -> bool:
        last = self._last_sync[subscription][sync.s]
        now = (bytes(update.metadata), bytes(update.values))
        seen = last.get(sync.m) == now
        last[sync.m] = now
        return bool(seen)


def spec_of(subscription: Any) -> SubscriptionSpec:
    """What a subscription has in common with others, caproto's key for them."""
    kind, mask = subscription.data_type.name, subscription.mask
    return SubscriptionSpec(subscription.db_entry, kind, mask, subscription.channel_filter)


class Fanout:
    """Hands updates to the circuits of their subscribers.

    Takes the place of the context's queue: there and then, without a queue.

    Defect: the original queue is unbounded, and the one task that empties it waits for the slowest
    client; when a subscriber leaves meanwhile, ``deque mutated during iteration`` ends the server.
    """

    def __init__(self, subscriptions: Mapping[Any, Iterable[Any]]) -> None:
        self._subscriptions = subscriptions

    async def put(self, item: Any) -> None:
        """Queue an update with every circuit it concerns; never blocks."""
        specs, metadata, values, flags, only = item
        update = Update(metadata, values)
        for spec in specs:
            concerned = self._subscriptions.get(spec, ()) if only is None else (only,)
            for subscription in concerned:
                subscription.circuit.post(subscription, update, flags)
