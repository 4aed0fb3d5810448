"""Hosts from which one IOC is watched, as network namespaces of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.scale import networks
from benchmarks.scale.axis import Axis, Quantity
from benchmarks.scale.networks import Network, address, broadcast
from benchmarks.scale.process import cpu_s, peak_mb
from benchmarks.servers import many_pvs
from tests.live.epics_base import command

PVS, CLIENTS, EACH, PERIOD_S, SECONDS, PORT = 1000, 25, 20, 1.0, 5, 15_064


def measure(size: int) -> dict[str, float]:
    """The numbers of a process that has a network of its own."""
    if why := networks.missing():
        raise SystemExit(why)
    line = networks.inside([sys.executable, "-m", "benchmarks.scale.axes.hosts", str(size)])
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit((done.stderr.strip().splitlines() or ["it ended"])[-1])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def apart(hosts: int) -> dict[str, float]:
    """An IOC on one host, and clients on so many others."""
    with Network() as network:
        server = network.add()
        others = [network.add() for _ in range(hosts)]
        with _ioc(network, server) as ioc:
            assert ioc.stdout is not None
            if not ioc.stdout.readline().startswith("ready"):
                raise SystemExit("the IOC has not come")
            found_s = max(_found_s(network, host) for host in others)
            used_s, carried = cpu_s(ioc.pid), network.carried(server)[0]
            crowds = [_crowd(network, host) for host in others]
            seen = [json.loads(crowd.communicate()[0]) for crowd in crowds]
            used_s, carried = cpu_s(ioc.pid) - used_s, network.carried(server)[0] - carried
            memory_mb = peak_mb(ioc.pid)
            ioc.terminate()
        updates = sum(one["updates"] for one in seen)
        return {
            "cpu_ms": 1e3 * used_s,
            "found_ms": 1e3 * found_s,
            "connect_s": max(one["connect_s"] for one in seen),
            "p50_ms": max(one["p50_ms"] for one in seen),
            "p99_ms": max(one["p99_ms"] for one in seen),
            "memory_mb": memory_mb,
            "wire_kb": carried / 1e3,
            "arrived": updates / (hosts * CLIENTS * EACH * SECONDS / PERIOD_S),
        }


def _ioc(network: Network, host: int) -> Any:
    """The IOC of many PVs on a host, where all hosts find it."""
    where = ["--interfaces", "0.0.0.0", "--port", str(PORT)]
    line = [sys.executable, many_pvs.__file__, *where]
    line += ["--pvs", str(PVS), "--period", str(PERIOD_S)]
    # It ends when its input closes: with this process, however that ends.
    environment = {**os.environ, "CRYOHALO_END_WITH_STDIN": "1"}
    return subprocess.Popen(
        [*network.on(host), *line],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _found_s(network: Network, host: int) -> float:
    """Seconds of EPICS base's caget, which finds the IOC by a broadcast, all in all."""
    line, environment = command("caget", "-w", "10", f"{many_pvs.PREFIX}Value0")
    environment |= {
        "EPICS_CA_ADDR_LIST": f"{broadcast()}:{PORT}",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
    }
    begin = time.perf_counter()
    done = subprocess.run(
        [*network.on(host), *line], env=environment, capture_output=True, text=True, check=False
    )
    took_s = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"host {host}: {done.stderr}")
    return took_s


def _crowd(network: Network, host: int) -> subprocess.Popen[str]:
    numbers = [str(number) for number in (PORT, CLIENTS, EACH, PVS, SECONDS)]
    line = [sys.executable, "-m", "benchmarks.servers.crowd", address(1), *numbers]
    return subprocess.Popen([*network.on(host), *line], stdout=subprocess.PIPE, text=True)


AXIS = Axis(
    name="hosts",
    title="hosts of clients",
    told=(
        f"An IOC of {PVS} PVs that all change once a second on a host of its own, and on each "
        f"other host {CLIENTS} circuits with {EACH} monitors: network namespaces of one machine, "
        "joined by a bridge, so that searches are broadcasts and packets cross from host to "
        "host, but all share the machine's cores. EPICS base's `caget` finds the IOC from each "
        "host; the slowest host is told."
    ),
    why=(
        "Four hosts of 25 clients are 100 clients: it grows as with clients of one host, below "
        "their number, since what is worked out once serves more of them. Values get older as "
        "all hosts and the IOC share the machine's cores, which hosts of their own would not."
    ),
    sizes=(1, 2, 3, 4),
    large=(),
    quantities={
        "cpu_ms": Quantity("processor of the IOC in all", "ms", "time"),
        "found_ms": Quantity("caget by broadcast", "ms", "time"),
        "connect_s": Quantity("all connect", "s", "time"),
        "p50_ms": Quantity("age, median", "ms", "time"),
        "p99_ms": Quantity("age, 99 %", "ms", "time"),
        "memory_mb": Quantity("peak memory of the IOC", "MB", "memory"),
        "wire_kb": Quantity("sent by the IOC's host in all", "kB", "bytes"),
        "arrived": Quantity("updates arrived of those due", "", "other"),
    },
    measure=measure,
)


if __name__ == "__main__":
    print(json.dumps(apart(int(sys.argv[1]))))
