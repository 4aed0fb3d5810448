"""Serve a PV database over Channel Access: options, readiness, signals, exit codes.

Four promises to the starter of an IOC:

1. One line on stdout, ``ready NAME ADDRESS:PORT pvs=N``, once circuits are accepted and ``startup``
   has returned.
2. SIGTERM, SIGINT, SIGHUP and SIGQUIT run ``shutdown`` (outputs safe, state saved) while clients
   still see the PVs; exit code 0.
3. A taken port is never shared by accident: the start ends with code 69 and says who has it.
4. A failure of the server itself, or of what ``Server.fail`` is called for, runs ``shutdown``
   too and ends the process with code 1; nothing lingers.
5. ``Server.restart`` does the same with code 75: a supervisor starts the process again.

caproto's server does the serving; what had to be mended in it stands in
``iocs/serving/caproto_overrides.py`` and, for one client, ``iocs/serving/clients/circuit.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from instruments.options import whole
from iocs.serving.arguments import EXIT_USAGE, beacon_address, interface, port_number
from iocs.serving.caproto_overrides import ServingContext, install
from iocs.serving.environment import environment_mistake
from iocs.serving.limits import Limits, Statistics
from iocs.serving.listening.ports import PortTakenError, require_free
from iocs.words.saying import say

__all__ = ["Hook", "Server", "ServerOptions", "add_arguments", "options_from", "serve"]

EXIT_OK: Final = 0
EXIT_SERVER_FAILED: Final = 1
#: More circuits than a process can have descriptors for on most systems.
MOST_CLIENTS: Final = 100_000
#: ``EX_TEMPFAIL`` of sysexits.h: ended well, and is to be started again.
EXIT_RESTART: Final = 75
#: ``EX_UNAVAILABLE`` of sysexits.h.
EXIT_PORT_TAKEN: Final = 69
#: Signals that ask for a clean end: a supervisor's, Ctrl-C, a terminal that was closed, Ctrl-\\.
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
#: Set by a launcher that holds our standard input open: end when it closes, even if the launcher
#: was killed.
END_WITH_STDIN: Final = "CRYOHALO_END_WITH_STDIN"

log = logging.getLogger("iocs.serving")


@dataclass(frozen=True)
class ServerOptions:
    """How a PV database is served.

    Attributes:
        name: What the ready line and log lines call this IOC.
        interfaces: Addresses to listen on. Loopback unless the operator says otherwise.
        port: UDP and TCP port.
        share_port: Let several IOCs share the UDP port (the site's usual 5064 on 0.0.0.0); TCP then
            moves.
        beacon_addresses: Where beacons go, ``host`` or ``host:port``. They announce a
            restart.
        limits: Bounds on clients, memory and time, see ``iocs.serving.limits.Limits``.
        shutdown_timeout_s: How long ``shutdown`` may take before the server ends without it.
    """

    name: str = "ioc"
    interfaces: tuple[str, ...] = ("127.0.0.1",)
    port: int = 5064
    share_port: bool = False
    beacon_addresses: tuple[str, ...] = ("127.0.0.1",)
    limits: Limits = field(default_factory=Limits)
    shutdown_timeout_s: float = 20.0


class Server:
    """The running server, as ``startup`` and ``shutdown`` see it.

    Attributes:
        options: What it was started with.
        exit_code: With which the process will end.
    """

    def __init__(self, context: ServingContext, options: ServerOptions) -> None:
        self.context = context
        self.options = options
        self.exit_code = EXIT_OK
        self._stopping = asyncio.Event()

    @property
    def statistics(self) -> Statistics:
        """Live counts (clients, dropped and coalesced updates, refusals) for health PVs."""
        return self.context.count()

    @property
    def address(self) -> str:
        """Where circuits are accepted, ``host:port``; the port is the one really bound."""
        return f"{self.options.interfaces[0]}:{self.context.port}"

    def stop(self, reason: str = "asked to stop") -> None:
        """End the server: run ``shutdown``, close all circuits. Returns at once."""
        if not self._stopping.is_set():
            log.info("%s: stopping, %s", self.options.name, reason)
        self._stopping.set()

    def fail(self, reason: str) -> None:
        """End the server because it cannot go on: as ``stop``, with exit code 1."""
        log.critical("%s: %s", self.options.name, reason)
        self.exit_code = EXIT_SERVER_FAILED
        self.stop(reason)

    def restart(self, reason: str) -> None:
        """End the server so that a supervisor starts it again: exit code 75."""
        self.exit_code = self.exit_code or EXIT_RESTART
        self.stop(reason)

    async def wait_stopping(self) -> None:
        """Return when somebody has asked the server to stop."""
        await self._stopping.wait()


Hook = Callable[[Server], Awaitable[None]]


def serve(
    pvdb: Mapping[str, Any],
    options: ServerOptions,
    startup: Hook | None = None,
    shutdown: Hook | None = None,
) -> int:
    """Serve until a signal, a failure or ``Server.stop``.

    Args:
        pvdb: PV name to caproto ``ChannelData``, e.g. ``PVGroup.pvdb``.
        options: Where and how.
        startup: Awaited once circuits can be opened and before the ready line. It starts tasks and
            returns.
        shutdown: Awaited once at the end, whatever ended the server, while clients are still
            connected.

    Returns:
        The exit code of the process: 0, 1 (server failed), 2 (it may not listen there, or a
        variable of the environment cannot be used), 69 (port taken) or 75 (asked to end and be
        started again).
    """
    if mistake := environment_mistake():
        say(f"{options.name}: {mistake}", sys.stderr)
        return EXIT_USAGE
    try:
        if not options.share_port:
            require_free(options.interfaces, options.port)
    except PortTakenError as error:
        say(f"{options.name}: {error}", sys.stderr)
        return EXIT_PORT_TAKEN
    except OSError as error:  # a port that this user may not have, an address that is not ours
        where = f"{', '.join(options.interfaces)} port {options.port}"
        say(f"{options.name}: cannot listen on {where}: {error.strerror}", sys.stderr)
        return EXIT_USAGE
    set_environment(options)
    install(options.limits)
    try:
        return asyncio.run(_serve(pvdb, options, startup, shutdown))
    finally:
        _ignore_signals()


def _ignore_signals() -> None:
    """All is done: a second signal must not turn the clean end into one by a signal."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def set_environment(options: ServerOptions) -> None:
    """Put the options where caproto reads them when a context is made."""
    os.environ["EPICS_CA_SERVER_PORT"] = str(options.port)
    os.environ["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] = "NO"
    os.environ["EPICS_CAS_BEACON_ADDR_LIST"] = " ".join(options.beacon_addresses)


async def _serve(
    pvdb: Mapping[str, Any], options: ServerOptions, startup: Hook | None, shutdown: Hook | None
) -> int:
    context = ServingContext(dict(pvdb), list(options.interfaces), options.limits)
    server = Server(context, options)
    _watch_signals(server)

    async def start(_library: Any) -> None:
        await context.listening.wait()
        if startup is not None:
            await startup(server)
        if not say(f"ready {options.name} {server.address} pvs={len(pvdb)}", sys.stdout):
            log.warning("%s: ready; nobody reads its standard output", options.name)

    running = asyncio.create_task(context.run(startup_hook=start), name="server")
    stopping = asyncio.create_task(server.wait_stopping(), name="stopping")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():  # nothing asked it to
        server.exit_code = EXIT_SERVER_FAILED
    await _run_shutdown(server, shutdown)
    return await _end(running, stopping, server)


async def _run_shutdown(server: Server, shutdown: Hook | None) -> None:
    if shutdown is None:
        return
    name, limit_s = server.options.name, server.options.shutdown_timeout_s
    try:
        await asyncio.wait_for(shutdown(server), limit_s)
    except TimeoutError:
        log.error("%s: shutdown took longer than %g s; ending without it", name, limit_s)
    except Exception:
        log.exception("%s: shutdown failed", name)


async def _end(running: asyncio.Task[None], stopping: asyncio.Task[None], server: Server) -> int:
    stopping.cancel()
    running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        pass
    except Exception:
        log.exception("%s: the server failed", server.options.name)
        return EXIT_SERVER_FAILED
    return server.exit_code


def _watch_signals(server: Server) -> None:
    loop = asyncio.get_running_loop()
    # The parent process may have had them blocked: a child inherits that.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    for number in ENDING:
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # started under nohup
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends asyncio.run instead
            loop.add_signal_handler(number, server.stop, signal.Signals(number).name)
    if os.environ.get(END_WITH_STDIN):
        loop.add_reader(0, _on_stdin, server)


def _on_stdin(server: Server) -> None:
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        server.stop("the process that started it is gone")


def add_arguments(parser: argparse.ArgumentParser, port: int = 5064) -> None:
    """Add the options every IOC has on its command line: where to listen, how to be found."""
    parser.add_argument(
        "--interfaces",
        type=interface,
        nargs="+",
        default=["127.0.0.1"],
        help="addresses to listen on (0.0.0.0: all); default 127.0.0.1",
    )
    parser.add_argument(
        "--port", type=port_number, default=port, help=f"UDP and TCP port; default {port}"
    )
    parser.add_argument(
        "--share-port", action="store_true", help="share the UDP port with other IOCs on this host"
    )
    parser.add_argument(
        "--beacons",
        type=beacon_address,
        nargs="+",
        default=["127.0.0.1"],
        metavar="HOST[:PORT]",
        help="where beacons are sent; default this host's repeater",
    )
    clients = Limits().max_clients
    parser.add_argument(
        "--max-clients",
        type=whole(1, MOST_CLIENTS),
        default=clients,
        help=f"circuits at once; default {clients}",
    )


def options_from(arguments: argparse.Namespace, name: str) -> ServerOptions:
    """The options of one IOC from its parsed command line."""
    return ServerOptions(
        name=name,
        interfaces=tuple(arguments.interfaces),
        port=arguments.port,
        share_port=arguments.share_port,
        beacon_addresses=tuple(arguments.beacons),
        limits=Limits(max_clients=arguments.max_clients),
    )
