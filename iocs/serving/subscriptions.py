"""The subscriptions of one client: begun, ended, kept in the server's books and in its own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from caproto import CAStatus
from caproto.server.common import Subscription

from iocs.serving.messages import Command, Request, error, message
from iocs.serving.monitors import spec_of
from iocs.serving.readings import Channel, RefusedRequestError

if TYPE_CHECKING:
    from iocs.serving.caproto_overrides import ServingContext
    from iocs.serving.circuit import ServingCircuit

#: Three numbers that nobody uses any more, then the mask.
_LAYOUT: Final = struct.Struct(">fffH2x")
_EVENTS: Final = 0xF
"""VALUE, LOG, ALARM, PROPERTY: what a mask may ask for."""


class Subscriptions:
    """Those of one client, by its own number."""

    def __init__(self, circuit: ServingCircuit, context: ServingContext) -> None:
        self._circuit = circuit
        self._context = context
        self._by_number: dict[int, Subscription] = {}

    async def begin(self, request: Request, channel: Channel) -> None:
        """Begin one, with the value as it is; a number that is taken again ends the earlier one.

        Raises:
            RefusedRequestError: The mask asks for nothing.
            Exception: Whatever reading the value raises; there is then no subscription.
        """
        subscription = self._subscription(request, channel)
        await self.end(request.second)
        spec = spec_of(subscription)
        self._by_number[request.second] = subscription
        self._context.subscriptions[spec].append(subscription)
        try:
            await channel.entry.subscribe(self._context.subscription_queue, spec, subscription)
        except Exception:
            await self.end(request.second)
            raise

    def _subscription(self, request: Request, channel: Channel) -> Subscription:
        if len(request.payload) < _LAYOUT.size:
            reason = f"{channel.name}: {len(request.payload)} bytes are no mask"
            raise RefusedRequestError(CAStatus.ECA_BADMASK, reason)
        mask = _LAYOUT.unpack_from(request.payload)[3] & _EVENTS
        if not mask:
            reason = f"{channel.name}: the mask asks for no kind of event"
            raise RefusedRequestError(CAStatus.ECA_BADMASK, reason)
        return Subscription(
            mask=mask,
            channel_filter=channel.channel_filter,
            circuit=self._circuit,
            channel=channel,
            data_type=channel.readable_as(request.kind),
            data_count=request.count,
            subscriptionid=request.second,
            db_entry=channel.entry,
        )

    async def cancel(self, request: Request, channel: Channel) -> bytes:
        """End one at the client's wish; the reply.

        Defect: it is looked for among all of the client's, each time, and must be named with the
        type that it was begun with.
        """
        subscription = self._by_number.get(request.second)
        if subscription is None or subscription.channel is not channel:
            reason = f"{channel.name} has no subscription {request.second}"
            return error(request, CAStatus.ECA_BADMONID, reason, channel.cid)
        await self.end(request.second)
        kind, count = int(subscription.data_type), subscription.data_count
        return message(Command.EVENT_ADD, kind, count, channel.sid, request.second)

    async def end(self, number: int) -> None:
        """Forget one, if there is one of this number."""
        subscription = self._by_number.pop(number, None)
        if subscription is None:
            return
        spec, everybodys = spec_of(subscription), self._context.subscriptions
        self._circuit.monitors.discard(number)
        self._context.last_dead_band.pop(subscription, None)
        self._context.last_sync_edge_update.pop(subscription, None)
        everybodys[spec].remove(subscription)
        if not everybodys[spec]:
            del everybodys[spec]
            await spec.db_entry.unsubscribe(self._context.subscription_queue, spec)

    async def end_all(self, concerned: Callable[[Any], bool]) -> None:
        """Forget all that are concerned."""
        for number, subscription in list(self._by_number.items()):
            if concerned(subscription):
                await self.end(number)
