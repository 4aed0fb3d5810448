"""PVs of one IOC."""

from __future__ import annotations

import asyncio
import time

from benchmarks.scale.axis import Axis, Quantity
from benchmarks.scale.process import peak_mb
from benchmarks.scale.serving import many
from benchmarks.servers.crowd import Crowd
from benchmarks.servers.many_pvs import PREFIX, Counter, table
from iocs.records import Database

PASSES, PERIOD_S, SECONDS = 10, 2.0, 6.0


def passes_s(pvs: int) -> tuple[float, float]:
    """Seconds to look for changes where there are none, and where every PV has changed."""
    machine = Counter(1.0)
    database = Database(table(machine, pvs), PREFIX)

    async def timed(step_s: float) -> float:
        times = []
        for _ in range(PASSES):
            machine.step(step_s)
            begin = time.perf_counter()
            await database.post()
            times.append(time.perf_counter() - begin)
        return min(times)

    async def both() -> tuple[float, float]:
        await database.post()
        return await timed(0.0), await timed(1.0)

    return asyncio.run(both())


def measure(size: int) -> dict[str, float]:
    """An IOC of so many PVs, and one client that monitors all of them."""
    still_s, moved_s = passes_s(size)
    with many(size, PERIOD_S) as served:
        ready_mb = peak_mb(served.pid)
        crowd = Crowd("127.0.0.1", served.port, 1, size, size)
        crowd.watch(PERIOD_S)  # values that came while it connected
        seen = crowd.watch(SECONDS)
        watched_mb = peak_mb(served.pid)
        crowd.close()
        return {
            "start_s": served.start_s,
            "still_ms": 1e3 * still_s,
            "moved_ms": 1e3 * moved_s,
            "connect_s": seen.connect_s,
            "ready_mb": ready_mb,
            "watched_mb": watched_mb,
            "update_kb": 1e-3 * seen.received * PERIOD_S / SECONDS,
        }


AXIS = Axis(
    name="pvs",
    title="PVs of an IOC",
    told=(
        "An IOC of plain readbacks, made of the same parts as the two instruments' own: its "
        "start, a pass that looks for changes and finds none, or finds that all have changed "
        "(in process, best of ten, no client), and one client that makes a channel and a "
        "monitor for each while all PVs change every 2 s."
    ),
    why=(
        "Start and memory begin with what Python and caproto take whatever the table: they bend "
        "where the PVs' own share outgrows that. A pass reads every PV once, in one list; what "
        "beyond a thousand PVs makes it dearer for each is presumably that they no longer fit into "
        "the processor's caches."
    ),
    sizes=(100, 300, 1000, 3000, 10_000),
    large=(),
    quantities={
        "start_s": Quantity("start to ready", "s", "time"),
        "still_ms": Quantity("pass, nothing changed", "ms", "time"),
        "moved_ms": Quantity("pass, all changed", "ms", "time"),
        "connect_s": Quantity("client connects to all", "s", "time"),
        "ready_mb": Quantity("peak memory when ready", "MB", "memory"),
        "watched_mb": Quantity("and with a client on all", "MB", "memory"),
        "update_kb": Quantity("on the wire, all changed once", "kB", "bytes"),
    },
    measure=measure,
)
