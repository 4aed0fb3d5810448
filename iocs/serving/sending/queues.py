"""Updates that wait for one client: in order, bounded, the newest never lost.

A client that reads slower than values are posted must cost a bounded amount of memory and nobody
else's time. Each subscription may have a short history waiting; when it is full the oldest goes.
When the client's updates together exceed their bytes, or the client has paused events, every
subscription is down to one slot that always holds the newest value.

EPICS base's server does the same with a ring buffer per client (modules/database/src/ioc/db/
dbEvent.c: once a subscription's entries are used up, its last entry is replaced).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from iocs.serving.limits import Statistics
from iocs.serving.sending.budget import Budget


class Sized(Protocol):
    """Something that will be sent and knows about how many bytes it holds."""

    @property
    def nbytes(self) -> int:
        """Bytes it keeps alive until it is sent."""


Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item", bound=Sized)


class _Slots(Generic[Item]):
    """The updates of one subscription that wait, oldest first, and its places in the line."""

    __slots__ = ("items", "places")

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.places = 0


class Pending(Generic[Key, Item]):
    """Updates waiting for one client.

    Args:
        max_bytes: Beyond this each subscription keeps its newest update only.
        statistics: Where dropped and coalesced updates are counted.
        budget: What waits for all clients together; beyond it, the same.

    Attributes:
        nbytes: Bytes held now.
        paused: The client has turned events off: keep one update per subscription, give none out.
    """

    def __init__(self, max_bytes: int, statistics: Statistics, budget: Budget) -> None:
        self.max_bytes = max_bytes
        self._budget = budget
        self.statistics = statistics
        self.nbytes = 0
        self.paused = False
        self._slots: dict[Key, _Slots[Item]] = {}
        self._line: deque[Key] = deque()

    def __len__(self) -> int:
        return sum(len(slots.items) for slots in self._slots.values())

    def put(self, key: Key, item: Item, history: int) -> None:
        """Add the newest update of a subscription. Never blocks.

        Args:
            key: The subscription.
            item: What to send.
            history: How many updates of this subscription may wait, at least 1.
        """
        slots = self._slots.get(key)
        if slots is None:
            slots = self._slots[key] = _Slots()
        if slots.items:
            self._make_room(slots, item.nbytes, history)
        slots.items.append(item)
        self.nbytes += item.nbytes
        self._budget.hold(item, item.nbytes)
        if slots.places < len(slots.items):
            slots.places += 1
            self._line.append(key)

    def take(self, max_bytes: int) -> list[tuple[Key, Item]]:
        """Take updates in the order of posting, until the batch holds ``max_bytes`` or more."""
        batch: list[tuple[Key, Item]] = []
        taken = 0
        while self._line and taken < max_bytes and not self.paused:
            key = self._line.popleft()
            slots = self._slots.get(key)
            if slots is None:  # cancelled since
                continue
            slots.places -= 1
            if slots.items:
                item = self._out(slots)
                taken += item.nbytes
                batch.append((key, item))
            if not (slots.items or slots.places):  # else every subscription would keep its place
                del self._slots[key]
        return batch

    def discard(self, key: Key) -> None:
        """Forget a subscription: nothing of it is sent any more."""
        slots = self._slots.pop(key, None)
        if slots is not None:
            self._empty(slots)
            if slots.places:
                self._line = deque(waiting for waiting in self._line if waiting != key)

    def clear(self) -> None:
        """Forget everything: the client is gone."""
        for slots in self._slots.values():
            self._empty(slots)
        self._slots.clear()
        self._line.clear()

    def _make_room(self, slots: _Slots[Item], nbytes: int, history: int) -> None:
        full = self.nbytes + nbytes > self.max_bytes or self._budget.over
        if self.paused or full:
            self.statistics.coalesced += len(slots.items)
            self._empty(slots)
        elif len(slots.items) >= history:
            self.statistics.dropped += 1
            self._out(slots)

    def _out(self, slots: _Slots[Item]) -> Item:
        """The oldest update, which waits no longer."""
        item = slots.items.popleft()
        self.nbytes -= item.nbytes
        self._budget.release(item, item.nbytes)
        return item

    def _empty(self, slots: _Slots[Item]) -> None:
        while slots.items:
            self._out(slots)
