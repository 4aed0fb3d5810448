"""The subscriptions of one client: begun, ended, given up, kept in the books."""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Callable
from typing import Final

from caproto import CAStatus

from iocs.serving.clients.books import Books
from iocs.serving.clients.readings import ClientChannel, RefusedRequestError, failed
from iocs.serving.clients.subscription import Subscription
from iocs.serving.interfaces import Circuit, Context
from iocs.serving.messages import CaCommand, Request, error, kind_name, message
from iocs.serving.sending.posted import posted_of
from iocs.words.complaints import words

#: Three numbers that nobody uses any more, then the mask.
_LAYOUT: Final = struct.Struct(">fffH2x")
#: VALUE, LOG, ALARM, PROPERTY are the first four bits; the next four are room for more.
_HIGHEST_MASK: Final = 0xFF

log = logging.getLogger("iocs.serving")


class Subscriptions:
    """Those of one client, by its own number."""

    def __init__(self, circuit: Circuit, context: Context, books: Books) -> None:
        self._circuit = circuit
        self._books = books
        self._fanout = context.fanout
        self._by_number: dict[int, Subscription] = {}

    def begin(self, request: Request, channel: ClientChannel) -> None:
        """Begin one, with the value as it is; a number that is taken again ends the earlier one.

        Raises:
            RefusedRequestError: The mask asks for nothing, or there are too many.
            Exception: The value cannot be had in this type or through these filters, and there is
                no subscription.
        """
        subscription = self._subscription(request, channel)
        self._fanout.deliver()  # what was posted before is not for this one
        first = subscription.filtered(posted_of(channel.entry), subscription.mask, time.time())
        if first is not None:
            subscription.message(first)
        self._books.enter(subscription.nbytes)
        self.end(request.second)
        self._by_number[request.second] = subscription
        self._fanout.add(subscription)
        if first is not None:
            self._circuit.queue(subscription, first)

    def _subscription(self, request: Request, channel: ClientChannel) -> Subscription:
        if len(request.payload) < _LAYOUT.size:
            reason = f"{channel.name}: {len(request.payload)} bytes are no mask"
            raise RefusedRequestError(CAStatus.ECA_BADMASK, reason)
        mask = _LAYOUT.unpack_from(request.payload)[3]
        if not 0 < mask <= _HIGHEST_MASK:
            reason = f"{channel.name}: a mask of {mask:#x} asks for no kind of event"
            raise RefusedRequestError(CAStatus.ECA_BADMASK, reason)
        return Subscription(self._circuit, channel, request, mask)

    def cancel(self, request: Request, channel: ClientChannel) -> bytes:
        """End one at the client's wish; the reply.

        Defect: it is looked for among all of the client's, each time, and must be named with the
        type that it was begun with.
        """
        subscription = self._by_number.get(request.second)
        if subscription is None or subscription.channel is not channel:
            reason = f"{channel.name} has no subscription {request.second}"
            return error(request, CAStatus.ECA_BADMONID, reason, channel.cid)
        self.end(request.second)
        begun = subscription.request
        return message(CaCommand.EVENT_ADD, begun.kind, begun.count, channel.sid, request.second)

    def give_up(self, subscription: Subscription, failure: Exception) -> None:
        """End one whose value cannot be sent, and notify its client."""
        number, channel = subscription.request.second, subscription.channel
        if self._by_number.get(number) is not subscription:
            return
        self.end(number)
        kind = kind_name(subscription.request.kind)
        log.warning("%r: its subscription as %s is ended: %s", channel.name, kind, words(failure))
        self._circuit.send(failed(subscription.request, channel, failure))

    def end(self, number: int) -> None:
        """Forget one, if there is one of this number."""
        subscription = self._by_number.pop(number, None)
        if subscription is not None:
            self._circuit.monitors.discard(subscription)
            self._fanout.remove(subscription)
            self._books.leave(subscription.nbytes)

    def end_all(self, concerned: Callable[[Subscription], bool]) -> None:
        """Forget all that are concerned."""
        for number, subscription in list(self._by_number.items()):
            if concerned(subscription):
                self.end(number)
