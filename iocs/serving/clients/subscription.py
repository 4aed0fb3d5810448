"""One subscription: what it asked for, what its filters let pass, how its messages read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from caproto._utils import ChannelFilter
from caproto.server.common import SubscriptionSpec

from iocs.serving.clients.readings import ClientChannel
from iocs.serving.filtering.filters import Gate
from iocs.serving.limits import Statistics
from iocs.serving.messages import Request
from iocs.serving.sending.posted import Posted
from iocs.serving.sending.updates import NUMBER_BYTES, Update

#: What a subscription and each of its filters take, about: measured with 20 000 of them.
SUBSCRIPTION_BYTES: Final = 1000
GATE_BYTES: Final = 150
_NO_FILTER: Final = ChannelFilter(ts=False, dbnd=None, arr=None, sync=None)


class Ready(Protocol):
    """What is ready to be sent to one client, see ``Monitors``."""

    room: int
    ready: list[bytes]
    counts: Statistics

    def add(self, size: int, message: tuple[bytes, bytes, bytes, bytes]) -> None:
        """One message more, in its pieces."""


class Listener(Protocol):
    """The client that a subscription belongs to."""

    @property
    def place(self) -> tuple[str, str]:
        """Its host and user, by which it has rights."""

    @property
    def monitors(self) -> Ready:
        """What is ready to be sent to it."""

    def post(self, subscription: Subscription, posted: Posted, flags: int) -> None:
        """Queue an update for one of its subscriptions; never blocks."""

    def give_up(self, subscription: Subscription, failure: Exception) -> None:
        """End a subscription whose value cannot be sent."""


@dataclass(eq=False)
class Subscription:
    """One subscription.

    Attributes:
        circuit: The client's.
        channel: The client's channel.
        request: With which it was begun: its type, number of elements and number.
        mask: The kinds of event that it wants.
        spec: What it has in common with others.
        gates: Its filters, in order.
        number: The client's own number of it, as it stands in each message.
        level: Its place among the client's own, see ``Listeners``.
    """

    circuit: Listener
    channel: ClientChannel
    request: Request
    mask: int
    spec: SubscriptionSpec = field(init=False)
    gates: list[Gate] = field(init=False)
    number: bytes = field(init=False)
    level: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        kind = self.channel.readable_as(self.request.kind)
        self.spec = spec_of(self.channel.entry, kind.name, self.mask)
        self.gates = self.channel.filters.begin()
        self.number = self.request.second.to_bytes(NUMBER_BYTES)

    @property
    def is_filtered(self) -> bool:
        """Whether what it is sent is not the channel's whole value at each post."""
        return bool(self.channel.filters)

    @property
    def nbytes(self) -> int:
        """What it takes, about, without what waits to be sent."""
        return SUBSCRIPTION_BYTES + GATE_BYTES * len(self.gates)

    def filtered(self, posted: Posted, flags: int, time_s: float) -> Update | None:
        """What is to be sent of a posted value, None if its filters let nothing pass.

        Args:
            posted: The value.
            flags: The kinds of event that it is.
            time_s: When it was posted to this subscription, s since the Unix epoch.

        Raises:
            Exception: It cannot be had in this type, or not filtered.
        """
        if self.gates:
            number = posted.number(long_text=self.channel.long_text)
            events = flags & self.mask
            if not all(gate.passes(number, events) for gate in self.gates):
                return None
        return self.channel.filtered(posted.update(self.spec.data_type_name), time_s)

    def message(self, update: Update) -> tuple[bytes, bytes]:
        """The event message: what is this subscription's own, and what it shares with others."""
        return update.message(self.request.kind, self.request.count, self.request.second)

    def pieces(self, update: Update) -> tuple[bytes, bytes, bytes, bytes]:
        """The same in pieces; but for the second, its number, others share them."""
        before, after, body = update.parts(self.request.kind, self.request.count)
        return before, self.number, after, body


def spec_of(entry: Any, kind_name: str, mask: int) -> SubscriptionSpec:
    """What a subscription has in common with others: caproto's key for them.

    Args:
        entry: Caproto's channel.
        kind_name: Caproto's name of the type.
        mask: Kinds of event.
    """
    return SubscriptionSpec(entry, kind_name, mask, _NO_FILTER)
