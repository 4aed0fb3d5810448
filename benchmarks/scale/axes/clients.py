"""Clients of one IOC."""

from __future__ import annotations

from benchmarks.scale.axis import Axis, Quantity
from benchmarks.scale.process import cpu_s, peak_mb
from benchmarks.scale.serving import many
from benchmarks.servers.crowd import Crowd

PVS, EACH, PERIOD_S, SECONDS = 1000, 20, 1.0, 5.0


def measure(size: int) -> dict[str, float]:
    """So many circuits on one IOC."""
    with many(PVS, PERIOD_S, "--max-clients", str(size + 10)) as served:
        crowd = Crowd("127.0.0.1", served.port, size, EACH, PVS)
        crowd.watch(1.0)  # those that connected first have values waiting
        used_s = cpu_s(served.pid)
        seen = crowd.watch(SECONDS)
        used_s = cpu_s(served.pid) - used_s
        found = {
            "cpu_ms": 1e3 * used_s / SECONDS,
            "connect_s": seen.connect_s,
            "p50_ms": seen.p50_ms,
            "p99_ms": seen.p99_ms,
            "memory_mb": peak_mb(served.pid),
            "wire_kb": seen.received / SECONDS / 1e3,
            "arrived": seen.updates / (size * EACH * SECONDS / PERIOD_S),
        }
        crowd.close()
        return found


AXIS = Axis(
    name="clients",
    title="clients of an IOC",
    told=(
        f"An IOC of {PVS} PVs that all change once a second; each client is a circuit of its own "
        f"and monitors {EACH} of them. All circuits are in one process beside it, whose own time "
        f"is not counted. Processor time of the IOC in a second, over {SECONDS:g} s; age of "
        "values when they arrive at one of the clients."
    ),
    why=(
        "What the IOC does by itself, and what is worked out once for all clients, does not "
        "grow: the exponent is below one until the share of each client (a copy of the bytes, a "
        "send) is the larger part. Values get older because clients that only watch are sent "
        "theirs in rounds."
    ),
    sizes=(1, 3, 10, 30, 100, 200, 500),
    large=(),
    quantities={
        "cpu_ms": Quantity("processor per second", "ms", "time"),
        "connect_s": Quantity("all connect", "s", "time"),
        "p50_ms": Quantity("age, median", "ms", "time"),
        "p99_ms": Quantity("age, 99 %", "ms", "time"),
        "memory_mb": Quantity("peak memory", "MB", "memory"),
        "wire_kb": Quantity("on the wire per second", "kB", "bytes"),
        "arrived": Quantity("updates arrived of those due", "", "other"),
    },
    measure=measure,
)
