"""Sharing as a process: ``python -m cryohalo.sharing``; ``cryohalo up`` starts it.

It serves Tiled on loopback, unless it is told of another server, and delivers what comes into the
catalog's folder there. ``ready tiled HOST:PORT`` is its line on standard output when it listens.
With another server, ``/`` at its port says how far it is.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cryohalo.errors import CatalogError
from cryohalo.processes.addresses import LOOPBACK
from cryohalo.processes.ending import ended
from cryohalo.sharing.health import HEALTH
from cryohalo.sharing.key import key_in, make_key
from cryohalo.sharing.sharer import Place, Sharer
from instruments.options import whole

__all__ = ["main", "serve", "tell"]

_EXIT_PORT_TAKEN: Final = 69
_EXIT_USAGE: Final = 2


async def serve(place: Place, port: int, listener: socket.socket) -> int:
    """Serve Tiled and deliver to it until asked to end; returns the exit code."""
    from cryohalo.sharing.server import Server

    asked = ended()
    server = Server(place.state, place.key)
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    listening = asyncio.ensure_future(server.listening.wait())
    await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        return 1
    with _sharing(place):
        print(f"ready tiled {LOOPBACK}:{port}", flush=True)
        end = asyncio.ensure_future(asked.wait())
        await asyncio.wait({running, end}, return_when=asyncio.FIRST_COMPLETED)
    failed = running.done()
    server.should_exit = True
    await running
    return int(failed)


async def tell(place: Place, port: int, listener: socket.socket) -> int:
    """Deliver to another server, and say how far that is, until asked to end."""
    from tornado.httpserver import HTTPServer
    from tornado.web import Application, StaticFileHandler

    asked = ended()
    route = (r"/()", StaticFileHandler, {"path": place.state, "default_filename": HEALTH})
    server = HTTPServer(Application([route]))
    server.add_sockets([listener])
    with _sharing(place):
        print(f"ready tiled {LOOPBACK}:{port}", flush=True)
        await asked.wait()
    server.stop()
    await server.close_all_connections()
    return 0


@contextlib.contextmanager
def _sharing(place: Place) -> Iterator[None]:
    """Deliver meanwhile, in a thread."""
    asked = threading.Event()
    thread = threading.Thread(target=Sharer(place, asked).run, name="sharing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        asked.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cryohalo.sharing", description=__doc__)
    parser.add_argument("--catalog", type=Path, required=True, help="folder of the catalog")
    parser.add_argument("--state", type=Path, required=True, help="folder of its own files")
    parser.add_argument("--port", type=whole(1, 65_535), required=True, help="where it listens")
    parser.add_argument("--key", type=Path, required=True, help="file of the API key")
    parser.add_argument("--to", metavar="ADDRESS", help="another server; none is served then")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        options.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        print(f"{options.state}: {error.strerror}", file=sys.stderr)
        return _EXIT_USAGE
    try:
        key = key_in(options.key) if options.to else make_key(options.key)
        listener = socket.create_server((LOOPBACK, options.port))
    except CatalogError as error:
        print(error, file=sys.stderr)
        return _EXIT_USAGE
    except OSError as error:
        print(f"port {options.port} on {LOOPBACK}: {error.strerror}", file=sys.stderr)
        return _EXIT_PORT_TAKEN
    address = options.to or f"http://{LOOPBACK}:{options.port}"
    place = Place(options.catalog.absolute(), options.state.absolute(), address, key)
    try:
        return asyncio.run((tell if options.to else serve)(place, options.port, listener))
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed: pip install 'cryohalo[tiled]'", file=sys.stderr)
        return _EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())
