"""Beacons: a server announces that it is there, and that it has restarted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final

import caproto as ca

#: "RECOMMENDED" by the Channel Access specification.
FIRST_PERIOD_S: Final = 0.02

log = logging.getLogger("iocs.serving")


async def send_beacons(
    sockets: Collection[tuple[str, Any]], broadcaster: Any, port: int, longest_s: float
) -> None:
    """Send beacons for ever, twice as far apart each time up to ``longest_s``.

    Args:
        sockets: For each destination our interface and caproto's connected UDP socket.
        broadcaster: Caproto's encoder.
        port: TCP port of this server.
        longest_s: ``EPICS_CAS_BEACON_PERIOD``.
    """
    number, period_s = 0, FIRST_PERIOD_S
    while True:
        for interface, udp in sockets:
            try:
                await udp.send(broadcaster.send(ca.Beacon(13, port, number, interface)))
            except (OSError, ca.CaprotoNetworkError) as error:
                log.debug("beacon not delivered: %s", error)  # no repeater runs
        number += 1
        await asyncio.sleep(period_s)
        period_s = min(2 * period_s, longest_s)
