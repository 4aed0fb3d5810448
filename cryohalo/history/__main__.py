"""The recorder as a process: ``python -m cryohalo.history``; ``cryohalo up`` starts it.

It survives IOCs and sessions: what it records is lost and comes again. ``ready history
HOST:PORT`` is its first line on standard output, when it listens and has subscribed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from tornado.httpserver import HTTPServer

from cryohalo.history.recorder import Options, Recorder
from cryohalo.history.retrieval import application
from cryohalo.history.store import HistoryError, Store
from cryohalo.history.variables import HEART, of_instruments
from cryohalo.processes.addresses import LOOPBACK
from cryohalo.processes.ending import ended
from instruments.options import between, whole

__all__ = ["main", "record"]

_DAY_S = 86_400.0
_EXIT_PORT_TAKEN = 69
_EXIT_USAGE = 2


async def record(recorder: Recorder, file: Path, port: int) -> int:
    """Record and serve until asked to end; returns the exit code."""
    asked = ended()
    server = HTTPServer(application(file), max_header_size=16_384, max_body_size=4096)
    try:
        server.listen(port, LOOPBACK)
    except OSError as error:
        print(f"port {port} on {LOOPBACK}: {error.strerror}", file=sys.stderr)
        return _EXIT_PORT_TAKEN
    recorder.open()
    running = asyncio.ensure_future(recorder.run())
    print(f"ready history {LOOPBACK}:{port}", flush=True)
    waiting = {running, asyncio.ensure_future(asked.wait())}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    failed = running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    server.stop()
    await server.close_all_connections()
    return int(failed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cryohalo.history", description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="the history")
    parser.add_argument("--port", type=whole(1, 65_535), required=True, help="of the JSON route")
    for name in ("amrr", "haloscope"):
        parser.add_argument(f"--{name}", metavar="PREFIX", help="record this instrument")
        told = "parameters of its IOC, where they are not the default ones"
        parser.add_argument(f"--{name}-parameters", type=Path, metavar="FILE", help=told)
    parser.add_argument("--commit", type=between(0.0, 60.0, "s"), default=1.0)
    parser.add_argument("--days", type=between(0.0, 36_500.0, "days"), default=30.0)
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    prefixes = {n: p for n in ("amrr", "haloscope") if (p := getattr(options, n))}
    files = {n: f for n in prefixes if (f := getattr(options, f"{n}_parameters"))}
    try:
        store = Store(options.file)
    except HistoryError as error:
        print(error, file=sys.stderr)
        return _EXIT_USAGE
    how = Options(options.commit, options.days * _DAY_S)
    hearts = [prefix + HEART for prefix in prefixes.values()]
    try:
        recorder = Recorder(store, of_instruments(prefixes, files), hearts, how)
        return asyncio.run(record(recorder, options.file, options.port))
    finally:
        store.close()


if __name__ == "__main__":
    sys.exit(main())
