"""The same PVs served by this project's serving layer or by caproto as it comes, for comparison.

They are bare channels of caproto or, with ``--records``, records as the instruments' IOCs have.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import Any

import numpy as np
from caproto import ChannelData, ChannelDouble
from caproto.asyncio.server import Context

from iocs.access.rules import AccessRules
from iocs.records import Database
from iocs.serving import ServerOptions, add_arguments, options_from, serve, set_environment
from pvdb.records import Record, readback, setpoint

WAVEFORM_POINTS = 100_000


def make_pvdb(prefix: str, scalars: int) -> dict[str, ChannelData]:
    """``prefix0`` ... scalars, ``prefixwave``, and ``prefixget``, which nobody posts to."""
    pvdb: dict[str, ChannelData] = {
        f"{prefix}{number}": ChannelDouble(value=0.0, max_subscription_backlog=20)
        for number in range(scalars)
    }
    pvdb[f"{prefix}get"] = ChannelDouble(value=1.0)
    pvdb[f"{prefix}wave"] = ChannelDouble(
        value=np.zeros(WAVEFORM_POINTS), max_length=WAVEFORM_POINTS, max_subscription_backlog=2
    )
    return pvdb


class Numbers:
    """What the records show: a number that counts up, and one that clients set.

    Args:
        scalars: Records of the first.
    """

    def __init__(self, scalars: int) -> None:
        self._scalars = scalars
        self.count = 0.0
        self.put = 1.0

    def table(self) -> list[Record]:
        """The records ``0`` ... and ``get``, as an instrument's are."""
        shown = [
            readback(f"{number}", lambda: self.count, "Counts up")
            for number in range(self._scalars)
        ]
        limits = (-1e9, 1e9)
        return [*shown, setpoint("get", lambda: self.put, self._take, "Put to", control=limits)]

    def _take(self, value: float) -> None:
        self.put = value


async def post_records(numbers: Numbers, database: Database, rate_hz: float) -> None:
    """Change all records together, ``rate_hz`` times a second, and post them."""
    due = time.monotonic()
    while True:
        numbers.count += 1.0
        await database.post()
        due += 1.0 / rate_hz
        await asyncio.sleep(max(due - time.monotonic(), 0.0))


async def post(channels: list[ChannelData], rate_hz: float) -> None:
    """Post to all channels together, ``rate_hz`` times a second; 0 for as fast as it goes."""
    number, due = 0, time.monotonic()
    while True:
        number += 1
        for channel in channels:
            await channel.write(float(number))
        if rate_hz:
            due += 1.0 / rate_hz
            await asyncio.sleep(max(due - time.monotonic(), 0.0))


async def post_wave(channel: ChannelData, rate_hz: float) -> None:
    """Post a new array ``rate_hz`` times a second."""
    due = time.monotonic()
    while True:
        await channel.write(np.full(WAVEFORM_POINTS, due))
        due += 1.0 / rate_hz
        await asyncio.sleep(max(due - time.monotonic(), 0.0))


def main() -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--records", action="store_true", help="scalars as this project's records")
    parser.add_argument("--prefix", default="b:")
    parser.add_argument("--scalars", type=int, default=100)
    parser.add_argument("--rate", type=float, default=10.0, help="Hz; 0 as fast as it goes")
    parser.add_argument("--waveform-rate", type=float, default=0.0, help="Hz; 0 never")
    arguments = parser.parse_args()
    if arguments.records:
        return serve_records(arguments)
    pvdb = make_pvdb(arguments.prefix, arguments.scalars)
    options = options_from(arguments, "bench")

    async def start(_server: Any) -> None:
        scalars = [pvdb[f"{arguments.prefix}{n}"] for n in range(arguments.scalars)]
        tasks.append(asyncio.create_task(post(scalars, arguments.rate)))
        if arguments.waveform_rate:
            wave = pvdb[f"{arguments.prefix}wave"]
            tasks.append(asyncio.create_task(post_wave(wave, arguments.waveform_rate)))

    tasks: list[asyncio.Task[None]] = []
    if arguments.stock:
        return asyncio.run(serve_stock(pvdb, options, start))
    return serve(pvdb, options, startup=start)


def serve_records(arguments: argparse.Namespace) -> int:
    """Scalars as records of a database, as the instruments' IOCs have them."""
    numbers = Numbers(arguments.scalars)
    database = Database(numbers.table(), arguments.prefix, access=AccessRules.read())
    tasks: list[asyncio.Task[None]] = []

    async def start(_server: Any) -> None:
        tasks.append(asyncio.create_task(post_records(numbers, database, arguments.rate)))

    return serve(database.pvdb, options_from(arguments, "bench"), startup=start)


async def serve_stock(pvdb: dict[str, ChannelData], options: ServerOptions, start: Any) -> int:
    """Caproto's own server with its own defaults."""
    set_environment(options)

    async def hook(_library: Any) -> None:
        await asyncio.sleep(0.2)
        await start(None)
        print(f"ready {options.name} {options.interfaces[0]}:{options.port}", flush=True)

    await Context(pvdb, list(options.interfaces)).run(startup_hook=hook)
    return 0


if __name__ == "__main__":
    sys.exit(main())
