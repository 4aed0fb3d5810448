"""Those who get the same bytes: what is posted is made once for them, whatever their number.

The messages of two clients that ask for one channel in one type differ in four bytes, the number
that each has given its subscription.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from caproto import AccessRights

from iocs.serving.clients.subscription import Subscription
from iocs.serving.sending.posted import Posted
from iocs.serving.sending.updates import NUMBER_BYTES, SMALL_BYTES, Update

__all__ = ["Listeners"]

_READ: Final = int(AccessRights.READ)
Failed = Callable[[Exception], None]


class Audience:
    """Subscriptions without a filter to one channel, of one type and number of elements.

    Their clients have the same rights: they come from one host, and are one user.

    Attributes:
        members: The subscriptions, in the order in which they were begun.
    """

    __slots__ = ("_count", "_entry", "_kind", "_kind_name", "_place", "members")

    def __init__(self, first: Subscription) -> None:
        self._entry = first.spec.db_entry
        self._kind_name = first.spec.data_type_name
        self._kind, self._count = first.request.kind, first.request.count
        self._place = first.circuit.place
        self.members: dict[Subscription, None] = {}

    def give(self, posted: Posted, flags: int, made: dict[str, Update], failed: Failed) -> None:
        """Give all of them a value; a value that cannot be had in their type ends them.

        Args:
            posted: The value.
            flags: The kinds of event that it is.
            made: What has been made of it so far, by type.
            failed: Told of a fault of ours; the others are given theirs.
        """
        # Asked at every post: rules may change, and who may not read any more hears no more.
        if not int(self._entry.check_access(*self._place)) & _READ:
            return
        try:
            update = made.get(self._kind_name)
            if update is None:
                update = made[self._kind_name] = posted.update(self._kind_name)
            before, after, body = update.parts(self._kind, self._count)
        except Exception as failure:
            for member in tuple(self.members):
                member.circuit.give_up(member, failure)
            return
        size = len(before) + len(after) + len(body) + NUMBER_BYTES
        if len(body) <= SMALL_BYTES:
            after, body = after + body, b""
        for member in tuple(self.members):  # one that is cut off meanwhile leaves
            try:
                monitors = member.circuit.monitors
                if monitors.room > 0:
                    monitors.add(size, before, member.number, after, body)
                else:
                    member.circuit.post(member, posted, flags)
            except Exception as failure:
                failed(failure)


class Listeners:
    """All subscriptions to one channel in one type and for the same kinds of event."""

    def __init__(self) -> None:
        self._audiences: dict[tuple[Any, ...], Audience] = {}
        self._filtered: dict[Subscription, None] = {}

    def __iter__(self) -> Iterator[Subscription]:
        for audience in self._audiences.values():
            yield from audience.members
        yield from self._filtered

    def __bool__(self) -> bool:
        return bool(self._audiences or self._filtered)

    def add(self, subscription: Subscription) -> None:
        """Give it what is posted from now on."""
        if subscription.is_filtered:
            self._filtered[subscription] = None
            return
        key = _key(subscription)
        audience = self._audiences.get(key)
        if audience is None:
            audience = self._audiences[key] = Audience(subscription)
        audience.members[subscription] = None

    def remove(self, subscription: Subscription) -> None:
        """Give it nothing any more."""
        if subscription.is_filtered:
            del self._filtered[subscription]
            return
        key = _key(subscription)
        members = self._audiences[key].members
        del members[subscription]
        if not members:
            del self._audiences[key]

    def give(self, posted: Posted, flags: int, made: dict[str, Update], failed: Failed) -> None:
        """Give all of them a value; arguments as for ``Audience.give``."""
        for audience in tuple(self._audiences.values()):
            audience.give(posted, flags, made, failed)
        for subscription in tuple(self._filtered):
            try:
                subscription.circuit.post(subscription, posted, flags)
            except Exception as failure:  # the circuit ends what fails; this is for its own faults
                failed(failure)


def _key(subscription: Subscription) -> tuple[Any, ...]:
    request = subscription.request
    return request.kind, request.count, subscription.circuit.place
