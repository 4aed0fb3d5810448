"""Those who get the same bytes: what is posted is made once for them, whatever their number.

The messages of two clients that ask for one channel in one type differ in four bytes, the number
that each has given its subscription.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from caproto import AccessRights, ChannelType

from iocs.serving.clients.subscription import Listener, Subscription
from iocs.serving.sending.posted import Posted
from iocs.serving.sending.scalars import packer_of
from iocs.serving.sending.updates import NUMBER_BYTES, SMALL_BYTES, event_head

__all__ = ["Listeners"]

_READ: Final = int(AccessRights.READ)
Failed = Callable[[Exception], None]


class Audience:
    """Subscriptions without a filter to one channel, of one type and number of elements.

    Their clients have the same rights: they come from one host, and are one user.

    Attributes:
        members: The subscriptions, in the order in which they were begun.
    """

    __slots__ = (
        "_count",
        "_counts",
        "_entry",
        "_kind",
        "_kind_name",
        "_packer",
        "_place",
        "members",
    )

    def __init__(self, first: Subscription) -> None:
        self._entry = first.spec.db_entry
        self._kind_name = first.spec.data_type_name
        self._kind, self._count = first.request.kind, first.request.count
        self._place = first.circuit.place
        self._counts = first.circuit.monitors.counts
        is_own = self._count <= 1 and self._kind_name == ChannelType(self._kind).name
        self._packer = packer_of(self._entry, self._kind) if is_own else None
        self.members: dict[Subscription, None] = {}

    def give(self, posted: Posted, flags: int, failed: Failed) -> None:
        """Give all of them a value; a value that cannot be had in their type ends them.

        Args:
            posted: The value.
            flags: The kinds of event that it is.
            failed: Told of a fault of ours; the others are given theirs.
        """
        # Asked at every post: rules may change, and who may not read any more hears no more.
        if not int(self._entry.check_access(*self._place)) & _READ:
            return
        if not any(member.circuit.monitors.room > 0 for member in self.members):
            for member in tuple(self.members):  # the bytes would be made for nobody
                _post(member, posted, flags, failed)
            return
        try:
            before, after, body = self._parts(posted)
        except Exception as failure:
            for member in tuple(self.members):
                member.circuit.give_up(member, failure)
            return
        size = len(before) + NUMBER_BYTES + len(after) + len(body)
        is_small = size <= SMALL_BYTES
        given = 0
        for member in tuple(self.members):  # one that is cut off meanwhile leaves
            try:
                monitors = member.circuit.monitors
                if monitors.room <= 0:
                    member.circuit.post(member, posted, flags)
                elif is_small and monitors.ready:  # as ``add`` does: no call for each client
                    monitors.room -= size
                    monitors.ready += (before, member.number, after, body)
                    given += 1
                else:
                    monitors.add(size, (before, member.number, after, body))
            except Exception as failure:
                failed(failure)
        self._counts.sent += given

    def _parts(self, posted: Posted) -> tuple[bytes, bytes, bytes]:
        """The message but for each one's number: before that, after it, and the payload."""
        body = posted.scalar(self._packer) if self._packer is not None else None
        if body is None:
            return posted.parts(self._kind, self._count, self._kind_name)
        before, after = event_head(len(body), self._kind, 1)
        return before, after, body


class Listeners:
    """All subscriptions to one channel in one type and for the same kinds of event.

    A client's several are given each value in the order in which they were begun, as by EPICS base.
    So what they belong to stands on levels, and those of a client are on rising ones.
    """

    def __init__(self) -> None:
        self._levels: list[dict[Any, Audience | Subscription]] = []
        self._of: dict[Listener, dict[Subscription, None]] = {}

    def __iter__(self) -> Iterator[Subscription]:
        for several in self._of.values():
            yield from several

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, subscription: Subscription) -> None:
        """Give it what is posted from now on."""
        several = self._of.setdefault(subscription.circuit, {})
        key = _key(subscription)
        level = 0
        if several:
            last = next(reversed(several))
            level = last.level if _key(last) == key else last.level + 1
        several[subscription] = None
        subscription.level = level
        if level == len(self._levels):
            self._levels.append({})
        if subscription.is_filtered:
            self._levels[level][key] = subscription
            return
        audience = self._levels[level].get(key)
        if not isinstance(audience, Audience):
            audience = self._levels[level][key] = Audience(subscription)
        audience.members[subscription] = None

    def remove(self, subscription: Subscription) -> None:
        """Give it nothing any more."""
        several = self._of[subscription.circuit]
        del several[subscription]
        if not several:
            del self._of[subscription.circuit]
        level, key = self._levels[subscription.level], _key(subscription)
        held = level[key]
        if isinstance(held, Audience):
            del held.members[subscription]
        if not isinstance(held, Audience) or not held.members:
            del level[key]
        while self._levels and not self._levels[-1]:
            self._levels.pop()

    def give(self, posted: Posted, flags: int, failed: Failed) -> None:
        """Give all of them a value; arguments as for ``Audience.give``."""
        for level in tuple(self._levels):
            for held in tuple(level.values()):
                if isinstance(held, Audience):
                    held.give(posted, flags, failed)
                else:
                    _post(held, posted, flags, failed)


def _post(subscription: Subscription, posted: Posted, flags: int, failed: Failed) -> None:
    """Give one a value by itself; arguments as for ``Audience.give``."""
    try:
        subscription.circuit.post(subscription, posted, flags)
    except Exception as failure:  # the circuit ends what fails; this is a fault of ours
        failed(failure)


def _key(subscription: Subscription) -> Any:
    """What those have in common who get the same bytes."""
    if subscription.is_filtered:
        return subscription
    request = subscription.request
    return request.kind, request.count, subscription.circuit.place
