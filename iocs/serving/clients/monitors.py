"""The monitors of one client: what is ready for it while it keeps up, what waits while it does not.

For a client that takes what it is sent, messages are put together as values are posted, out of
pieces that it shares with others, and nothing is ever thrown away. Once the system takes no more
for it, values wait as they are, bounded, filtered as it asked, and are encoded when they are sent.
"""

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
#: Of which a message is put together, the second being the subscription's number.
PIECES: Final = 4
#: Bytes that a large payload counts for at most while it is ready: it is one for all clients, and
#: four of them are let wait for a round.
SHARED_BYTES: Final = BATCH_BYTES // 4

Message = tuple[bytes, bytes, bytes, bytes]


class Monitors:
    """Updates of one client's subscriptions.

    Args:
        limits: How many may wait.
        counts: Where they are counted.
        budget: Where what waits is counted, with that of the other clients.
        give_up: Ends a subscription whose value cannot be encoded.
        begin: Called when the first message is ready.

    Attributes:
        pending: What waits because the client does not keep up.
        room: Bytes that may still be made ready; none while the client does not keep up.
        ready: Messages in pieces, in the order of posting.
    """

    def __init__(
        self,
        limits: Limits,
        counts: Statistics,
        budget: Budget,
        give_up: Callable[[Subscription, Exception], None],
        begin: Callable[[], None],
    ) -> None:
        self.limits = limits
        self.counts = counts
        self.pending: Pending[Subscription, Update] = Pending(
            limits.max_pending_bytes, counts, budget
        )
        self.room = BATCH_BYTES
        self.ready: list[bytes] = []
        self._large_at: list[int] = []  # among the pieces
        self._ended: dict[int, bytes] = {}  # numbers by identity: they may be used again
        self._give_up = give_up
        self._begin = begin

    def add(self, size: int, message: Message) -> None:
        """One message is ready.

        Args:
            size: Bytes of it.
            message: Its header up to the subscription's number, that, what follows it, the payload.
        """
        if not self.ready:
            self._begin()
        self.room -= size if size < SHARED_BYTES else SHARED_BYTES
        self.counts.sent += 1
        self.ready += message
        if size > SMALL_BYTES:
            self._large_at.append(len(self.ready) - 1)

    def close(self) -> None:
        """The client does not keep up: what comes from now on waits."""
        self.room = 0

    def open(self) -> None:
        """The client has taken all: unless it has paused events, what comes is made ready."""
        waits = bool(self.ready or self.pending.nbytes or self.pending.paused)
        self.room = 0 if waits else BATCH_BYTES

    def post(self, subscription: Subscription, posted: Posted, flags: int) -> None:
        """Queue an update for one subscription; never blocks.

        Raises:
            Exception: The value cannot be had in the client's type, or not filtered.
        """
        update = subscription.filtered(posted, flags, posted.time_s)
        if update is not None:
            self.queue(subscription, update)

    def queue(self, subscription: Subscription, update: Update) -> None:
        """Queue an update that has passed the filters.

        Raises:
            Exception: It cannot be encoded.
        """
        if self.room > 0:
            message = subscription.pieces(update)
            self.add(sum(map(len, message)), message)
        else:
            self.close()
            self.pending.put(subscription, update, self._history(subscription))

    def take(self) -> list[bytes]:
        """The next messages in pieces, in the order of posting; empty when there are none."""
        return self.take_ready() or self._take_pending()

    def take_ready(self) -> list[bytes]:
        """The messages that are ready.

        Large payloads are shared with other clients and stay pieces of their own; what is small is
        joined, since each piece costs as much to keep account of as to make.
        """
        pieces, self.ready = self.ready, []
        large_at, self._large_at = self._large_at, []
        if self._ended:
            pieces, self._ended = _without(pieces, self._ended), {}
            return _joined(pieces)
        if not large_at:
            return [b"".join(pieces)] if pieces else pieces
        return _joined_around(pieces, large_at)

    def _take_pending(self) -> list[bytes]:
        """A batch of what waits. A value that cannot be encoded ends its subscription."""
        pieces: list[bytes] = []
        while not pieces and (batch := self.pending.take(BATCH_BYTES)):
            for subscription, update in batch:
                try:
                    pieces += subscription.message(update)
                except Exception as failure:
                    self._give_up(subscription, failure)
                else:
                    self.counts.sent += 1
        return _joined(pieces)

    def discard(self, subscription: Subscription) -> None:
        """Forget a subscription: nothing of it is sent any more."""
        self.pending.discard(subscription)
        if self.ready:
            self._ended[id(subscription.number)] = subscription.number

    def clear(self) -> None:
        """Forget everything: the client is gone."""
        self.ready = []
        self._large_at = []
        self._ended = {}
        self.close()
        self.pending.clear()

    def _history(self, subscription: Subscription) -> int:
        entry = subscription.channel.entry
        long = entry.max_length > ARRAY_ELEMENTS
        most = self.limits.array_history if long else self.limits.history
        return max(1, min(entry.max_subscription_backlog, most))


def _without(pieces: list[bytes], ended: dict[int, bytes]) -> list[bytes]:
    """Messages but for those of subscriptions that have ended."""
    kept: list[bytes] = []
    for place in range(0, len(pieces), PIECES):
        if id(pieces[place + 1]) not in ended:
            kept += pieces[place : place + PIECES]
    return kept


def _joined_around(pieces: list[bytes], large_at: list[int]) -> list[bytes]:
    """The same bytes; the pieces at these places are themselves."""
    joined: list[bytes] = []
    begin = 0
    for place in large_at:
        if begin < place:
            joined.append(b"".join(pieces[begin:place]))
        joined.append(pieces[place])
        begin = place + 1
    if begin < len(pieces):
        joined.append(b"".join(pieces[begin:]))
    return joined


def _joined(pieces: list[bytes]) -> list[bytes]:
    """The same bytes; large pieces are themselves."""
    large_at = [place for place, piece in enumerate(pieces) if len(piece) > SMALL_BYTES]
    return _joined_around(pieces, large_at)
