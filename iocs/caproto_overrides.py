"""What is mended in caproto 1.3.0's server by overriding its internals; no other file does.

Each override states the defect; ``tests/live/test_serving*.py`` fails without it.
``docs/serving.md`` has the defects written up for upstream.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import warnings
from typing import Any, Final

import caproto
from caproto.asyncio.server import Context
from caproto.asyncio.utils import _TransportWrapper

from iocs.serving_limits import Limits, Statistics

CAPROTO_VERSION: Final = "1.3.0"

log = logging.getLogger("iocs.serving")


class CaprotoVersionWarning(UserWarning):
    """caproto is not the release these overrides were written against."""


def install() -> None:
    """Check caproto's release. Warns loudly if it is another one."""
    if caproto.__version__ != CAPROTO_VERSION:
        warnings.warn(
            f"iocs/caproto_overrides.py replaces internals of caproto {CAPROTO_VERSION}, but caproto "
            f"{caproto.__version__} is installed: run tests/live and benchmarks/serving before trusting it",
            CaprotoVersionWarning,
            stacklevel=2,
        )


class ServingContext(Context):
    """caproto's server context with bounds."""

    def __init__(self, pvdb: dict[str, Any], interfaces: list[str], limits: Limits) -> None:
        super().__init__(pvdb, interfaces)
        self.limits = limits
        self.statistics = Statistics()
        self._listening = asyncio.Event()
        self._not_listening = len(interfaces)

    async def wait_listening(self) -> None:
        """Return when circuits are accepted on every interface."""
        await self._listening.wait()

    async def server_accept_loop(self, sock: socket.socket) -> None:
        """Accept circuits.

        Defect: caproto's listener has protocol 0, so asyncio does not set TCP_NODELAY and small
            messages sent
        back to back wait 40 ms for the client's delayed acknowledgement. Nothing bounds the number
        of clients.
        """

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = writer.get_extra_info("peername")
            if peer is None or len(self.circuits) >= self.limits.max_clients:
                self.statistics.refused_clients += 1
                log.warning("client %s refused: %d clients are connected", peer, len(self.circuits))
                writer.close()
                return
            self.server_tasks.create(self.tcp_handler(_TransportWrapper(reader, writer), peer))

        await asyncio.start_server(connected, sock=sock)
        self._not_listening -= 1
        if self._not_listening == 0:
            self._listening.set()

    async def broadcast_beacon_loop(self) -> None:
        """Send beacons, twice as far apart each time up to EPICS_CAS_BEACON_PERIOD.

        Defect: a beacon to a host where no repeater listens comes back as ECONNREFUSED and is
            logged as two
        tracebacks, each time. It is no fault: there is nobody to tell.
        """
        period_s, longest_s = 0.02, float(self.environ["EPICS_CAS_BEACON_PERIOD"])
        while True:
            for interface, udp in self.beacon_socks.values():
                beacon = caproto.Beacon(13, self.port, self.beacon_count, interface)
                try:
                    await udp.send(self.broadcaster.send(beacon))
                except (OSError, caproto.CaprotoNetworkError) as error:
                    log.debug("beacon not delivered: %s", error)
            self.beacon_count += 1
            await asyncio.sleep(period_s)
            period_s = min(2 * period_s, longest_s)
