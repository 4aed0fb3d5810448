"""A small IOC with nothing but the serving layer under test; run by path, as a process."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import socket
import sys
from pathlib import Path

import numpy as np
from caproto import ChannelType, EventAddResponse
from caproto.asyncio.server import Context
from caproto.server import PVGroup, pvproperty

from iocs.serving import Server, ServerOptions, add_arguments, options_from, serve
from iocs.serving.limits import Limits, Statistics
from iocs.serving.sending.updates import Update


class Toy(PVGroup):
    Value = pvproperty(value=1.0, precision=3, dtype=float, alarm_group="value")
    Limited = pvproperty(
        value=0.5, lower_ctrl_limit=0.0, upper_ctrl_limit=1.0, dtype=float, alarm_group="limited"
    )
    Text = pvproperty(value="hello", dtype=ChannelType.STRING, alarm_group="text")
    Switch = pvproperty(
        value="Off", enum_strings=("Off", "On"), dtype=ChannelType.ENUM, alarm_group="switch"
    )
    Wave = pvproperty(
        value=np.zeros(100_000),
        dtype=float,
        max_length=100_000,
        alarm_group="wave",
        max_subscription_backlog=2,
    )
    Broken = pvproperty(value=0, alarm_group="broken")
    Slow = pvproperty(value=0, alarm_group="slow")
    Finish = pvproperty(value=0, alarm_group="finish")
    End = pvproperty(
        value=0, doc="1: the server fails, 2: it is to be started again", alarm_group="end"
    )
    Complain = pvproperty(
        value=0, doc="puts a long text into Value's alarm", alarm_group="complain"
    )
    Burst = pvproperty(value=0, alarm_group="burst")
    Flood = pvproperty(value=0, alarm_group="flood")
    Counter = pvproperty(value=0, alarm_group="counter")
    Counts = pvproperty(value=[0] * 8, dtype=int, max_length=8, alarm_group="statistics")

    Retained = pvproperty(value=0, doc="updates alive in this process", alarm_group="retained")
    NoDelay = pvproperty(value=0, doc="1 if every circuit has TCP_NODELAY", alarm_group="nodelay")

    flooding: asyncio.Task[None] | None = None
    server: Server | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.finished = asyncio.Event()

    @Broken.getter
    async def Broken(self, instance):
        raise OSError("the thermometer is on fire")

    @Slow.putter
    async def Slow(self, instance, value):
        """Completes when somebody writes to Finish."""
        await self.finished.wait()

    @Finish.putter
    async def Finish(self, instance, value):
        self.finished.set()

    @End.putter
    async def End(self, instance, value):
        end = {1: self.server.fail, 2: self.server.restart}[int(value)]
        end("asked to by a test")

    @Complain.putter
    async def Complain(self, instance, value):
        text = "the helium level is too low by a hand's breadth at least, refill" * int(value)
        await self.Value.alarm.write(alarm_string=text)

    @Burst.putter
    async def Burst(self, instance, value):
        """Post so many updates of Counter without a pause, all before this put completes."""
        for number in range(1, int(value) + 1):
            await self.Counter.write(number)

    @Flood.putter
    async def Flood(self, instance, value):
        """Post Counter and Value as fast as possible from now on, or stop."""
        if self.flooding is not None:
            self.flooding.cancel()
        self.flooding = asyncio.create_task(self._flood()) if value else None

    async def _flood(self) -> None:
        number = 0
        while True:
            number += 1
            await self.Counter.write(number)
            await self.Value.write(float(number))

    @Retained.getter
    async def Retained(self, instance):
        gc.collect()
        return sum(isinstance(thing, (Update, EventAddResponse)) for thing in gc.get_objects())

    @NoDelay.getter
    async def NoDelay(self, instance):
        sockets = [
            one.client.writer.get_extra_info("socket") for one in self.server.context.circuits
        ]
        return int(all(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for s in sockets))

    @Counts.getter
    async def Counts(self, instance):
        counts = self.server.statistics
        return [
            counts.clients,
            counts.channels,
            counts.sent,
            counts.dropped,
            counts.coalesced,
            counts.refused_clients,
            counts.cut_clients,
            counts.refused_puts,
        ]


def main() -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--prefix", default="toy:")
    parser.add_argument("--saved", type=Path)
    parser.add_argument("--stock", action="store_true", help="caproto's own server, for comparison")
    parser.add_argument("--stalled-client-s", type=float, default=60.0)
    parser.add_argument("--unfinished-message-s", type=float, default=30.0)
    parser.add_argument("--max-puts", type=int, default=1000)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    group = Toy(prefix=arguments.prefix)
    options = options_from(arguments, "toy")
    if arguments.stock:
        return _serve_stock(group, options)
    limits = Limits(
        max_clients=arguments.max_clients,
        stalled_client_s=arguments.stalled_client_s,
        unfinished_message_s=arguments.unfinished_message_s,
        max_puts_in_progress=arguments.max_puts,
    )
    options = ServerOptions(options.name, options.interfaces, options.port, limits=limits)

    async def keep(server: Server) -> None:
        group.server = server

    async def save(server: Server) -> None:
        if arguments.saved:
            arguments.saved.write_text(f"{group.Value.value}")

    return serve(group.pvdb, options, startup=keep, shutdown=save)


def _serve_stock(group: Toy, options: ServerOptions) -> int:
    from iocs.serving import set_environment

    set_environment(options)

    async def run() -> None:
        async def ready(_library: object) -> None:
            print(f"ready {options.name} {options.interfaces[0]}:{options.port}", flush=True)

        context = Context(group.pvdb, list(options.interfaces))
        group.server = argparse.Namespace(statistics=Statistics(), context=context)
        await context.run(startup_hook=ready)

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
