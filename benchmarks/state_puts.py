"""What it costs to keep a put before it is acknowledged.

    python -m benchmarks.state_puts

Puts with completion to the haloscope's IOC, one after the other and from several clients at once,
with nothing kept, with what survives the process, and with what survives a power cut; at rest, and
while the physics runs as fast as it can. The three servers are measured in alternation.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from cryohalo.processes.addresses import free_ports
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from tests.live.raw_client import DOUBLE, RawClient

VALUE = struct.Struct(">d")
KINDS = {"nothing kept": (), "kill": ("--puts-survive", "kill"), "power-cut": ()}
LONG = 10_000_000.0  # averages: it acquires for as long as the figures take


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puts", type=int, default=300)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for speed, what in ((1, "at rest"), (0, "while it acquires, as fast as it can")):
            servers = {kind: start(kind, speed, Path(name)) for kind in KINDS}
            try:
                measure(servers, what, options)
            finally:
                for server in servers.values():
                    server.end()
    return 0


def start(kind: str, speed: float, folder: Path) -> RunningIoc:
    (port,) = free_ports(1)
    state = () if kind == "nothing kept" else ("--state-dir", str(folder / f"{kind}-{speed}"))
    arguments = ("--prefix", "B:", "--speed", str(speed), *state, *KINDS[kind])
    running = RunningIoc(
        LaunchedIoc("haloscope", arguments=arguments),
        port,
        dict(os.environ),
        folder / f"{port}.log",
    )
    running.wait_ready()
    return running


def measure(servers: dict[str, RunningIoc], what: str, options: argparse.Namespace) -> None:
    if "acquires" in what:
        for server in servers.values():
            client = RawClient(server.port)
            client.put(client.open("B:DAQ:NumAverages"), DOUBLE, VALUE.pack(LONG))
            client.send(4, DOUBLE, 1, client.open("B:DAQ:Acquire"), 0, VALUE.pack(1.0))
    single: dict[str, list[float]] = {kind: [] for kind in servers}
    together: dict[str, list[float]] = {kind: [] for kind in servers}
    for _ in range(options.rounds):
        for kind, server in servers.items():
            single[kind] += puts(server.port, options.puts)
            together[kind].append(at_once(server.port, options.clients, options.puts))
    print(f"{what}:")
    for kind in servers:
        p50, p99 = np.quantile(single[kind], [0.5, 0.99]) * 1e3
        print(
            f"  {kind:13s} one client: p50 {p50:6.2f} ms, p99 {p99:6.2f} ms; "
            f"{options.clients} clients: {np.median(together[kind]):6.0f} puts/s", flush=True,
        )  # fmt: skip


def puts(port: int, count: int) -> list[float]:
    """Times of ``count`` puts, s."""
    times = []
    with RawClient(port) as client:
        sid = client.open("B:VNA:Power")
        for number in range(count):
            began = time.perf_counter()
            client.put(sid, DOUBLE, VALUE.pack(-60.0 + number % 10))
            times.append(time.perf_counter() - began)
    return times


def at_once(port: int, clients: int, count: int) -> float:
    """Puts per second of several clients together."""
    each = max(1, count // clients)
    threads = [threading.Thread(target=puts, args=(port, each)) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clients * each / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
