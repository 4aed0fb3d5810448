"""What the parts of one client use of each other and of the server, so that none imports its owner.

The server makes circuits, a circuit its answers, these its subscriptions; each is given its owner,
and knows of it what stands here.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from iocs.serving.clients.fanout import Fanout
from iocs.serving.clients.monitors import Monitors
from iocs.serving.clients.subscription import Subscription
from iocs.serving.filtering.filters import NO_FILTERS, Filters
from iocs.serving.limits import Limits, Statistics
from iocs.serving.sending.budget import Budget
from iocs.serving.sending.rounds import Rounds
from iocs.serving.sending.updates import Update
from iocs.words.complaints import Complaints


class Found(NamedTuple):
    """What is served under a name.

    Attributes:
        entry: Caproto's channel.
        filters: What the name asks for.
        long_text: Whether a text is to be sent as bytes.
    """

    entry: Any
    filters: Filters = NO_FILTERS
    long_text: bool = False


class PutsAtOnce(Protocol):
    """What takes the puts to its channels of which nobody is told when they are complete.

    Each acts in its turn; what follows is done once for all that have come together. A channel has
    it as ``owner``, and ``acts_at_once`` where its puts are as plain as that.
    """

    def act(self, channel: Any, data: Any, client: str, where: str) -> None:
        """Let a put act.

        Args:
            channel: What is put to.
            data: One number.
            client: ``user@host``, as the client names itself.
            where: ``host:port`` that it comes from.

        Raises:
            Exception: Nothing has moved; it is put again, as others are, which tells of it.
        """

    async def finish(self) -> None:
        """Do what is to follow the puts that have acted; its first part in the turn of the call."""

    def hurry(self, hurried: bool) -> None:
        """Whether what takes its first step now is the last of what has come together."""


class Context(Protocol):
    """The server, as its clients' circuits use it.

    Attributes:
        limits: What each client may hold.
        counts: What has happened.
        fanout: The subscriptions of all clients.
        rounds: When those are sent to who only watch.
        waiting: What waits to be sent to all clients.
        unfinished: What of half received messages is kept for all clients.
        books: What the channels and subscriptions of all clients take.
        complaints: Log lines of which each kind is written once a minute.
        port: The TCP port, known before there is any client.
        server_tasks: Caproto's tasks, which end with the server.
    """

    limits: Limits
    counts: Statistics
    fanout: Fanout
    rounds: Rounds
    waiting: Budget
    unfinished: Budget
    books: Budget
    complaints: Complaints
    port: int
    server_tasks: Any

    def serves(self, name: str) -> bool:
        """True if this PV, with field and filters, is served here."""

    def find(self, name: str) -> Found:
        """What is served under a name.

        Raises:
            Exception: Nothing is.
        """

    def relieve(self) -> None:
        """Cut off a client while too much waits for all together."""

    def refuse_unfinished(self) -> None:
        """Refuse half received messages while they hold too much together."""


class Circuit(Protocol):
    """One client's connection, as its answers and its subscriptions use it.

    Attributes:
        address: Host and port of the client.
        limits: What it may hold.
        counts: Where it is counted.
        monitors: What waits for its subscriptions.
    """

    address: tuple[str, int]
    limits: Limits
    counts: Statistics
    monitors: Monitors

    def send(self, *messages: bytes) -> None:
        """Send soon."""

    async def tell(self, *replies: bytes) -> None:
        """Send a reply after the updates that were posted before it."""

    @property
    def place(self) -> tuple[str, str]:
        """The client's host and user, by which it has rights."""

    def hand_over(self) -> None:
        """Put what is ready of the monitors on its way, before what is sent next."""

    def give_up(self, subscription: Subscription, failure: Exception) -> None:
        """End a subscription whose value cannot be sent."""

    def wake(self) -> None:
        """See whether monitors wait to be sent."""

    def post(self, subscription: Subscription, posted: Any, flags: int) -> None:
        """Queue an update for one subscription; never blocks."""

    def queue(self, subscription: Subscription, update: Update) -> None:
        """Queue the first update of a subscription."""
