"""Run one of the IOCs under caproto's own server with its own defaults, for comparison.

python benchmarks/servers/stock_ioc.py haloscope --prefix HALO: --port 15064
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from typing import Any

from caproto.asyncio.server import Context

import iocs.ioc
from iocs.serving import Hook, ServerOptions, set_environment
from iocs.serving.limits import Statistics


class StockServer:
    """What an IOC's hooks need of a server."""

    statistics = Statistics()

    def stop(self, _reason: str = "") -> None:
        """Nothing stops it but a signal."""


def serve(
    pvdb: Any, options: ServerOptions, startup: Hook | None = None, shutdown: Hook | None = None
) -> int:
    """Like ``iocs.serving.serve``, without any of it."""
    del shutdown  # caproto runs no hook on a signal
    set_environment(options)

    async def run() -> None:
        async def hook(_library: Any) -> None:
            if startup is not None:
                await startup(StockServer())  # type: ignore[arg-type]
            print(f"ready {options.name} {options.interfaces[0]}:{options.port}", flush=True)
            await asyncio.Event().wait()

        await Context(dict(pvdb), list(options.interfaces)).run(startup_hook=hook)

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    name = sys.argv.pop(1)
    iocs.ioc.serve = serve
    runpy.run_module(f"iocs.{name}", run_name="__main__")
