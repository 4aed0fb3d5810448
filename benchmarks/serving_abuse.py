"""What clients can do to a server: rubbish, crowds, unfinished puts. Memory and health afterwards.

    python -m benchmarks.serving_abuse malformed crowd unfinished hoard silent

Runs against both IOCs of this project and, for comparison, stock caproto and softIoc. Everything is
seeded, bounded in number and goes to loopback only.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import socket
import struct
from collections.abc import Callable, Iterator

import psutil

from benchmarks.servers.start import Running, server
from cryohalo.processes.addresses import wait_served
from cryohalo.processes.launcher import LaunchedIoc, Launcher
from tests.live import raw_client as ca
from tests.live.raw_client import RawClient

Row = dict[str, object]
SEED = 20260
UDP_PACKETS = 30_000
TCP_CONNECTIONS = 3_000
TCP_PACKETS = 10_000
UNFINISHED_BYTES = 100_000_000
HOARDERS = 100
HOARDED_BYTES = 3_900_000
SILENT = 50
SILENT_S = 20
ARRAYS = {
    "haloscope": ("a:DAQ:Spectrum_RBV", "a:DAQ:Preview_RBV", "a:VNA:Magnitude_RBV"),
    "amrr": ("a:RegenA:TempProfile_RBV", "a:RegenB:TempProfile_RBV"),
}


@contextlib.contextmanager
def target(name: str) -> Iterator[tuple[Running, str]]:
    """One server, and a PV to ask for."""
    if name not in ("amrr", "haloscope"):
        with server(name, 100, 10.0) as running:
            yield running, "b:get"
        return
    with Launcher([LaunchedIoc(name, arguments=("--prefix", "a:"))]) as launcher:
        ioc = launcher.running[name]
        wait_served(["a:IOC:HEARTBEAT"], ioc.port)
        running = Running(name, ioc.port, psutil.Process(ioc.process.pid))
        yield running, "a:IOC:HEARTBEAT"


def malformed(running: Running, _pv: str) -> Row:
    """40 000 packets of random bytes and of headers that lie, over UDP and 3000 connections."""
    choose = random.Random(SEED)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", running.port))
        for _ in range(UDP_PACKETS):
            with contextlib.suppress(OSError):
                udp.send(_rubbish(choose))
    for number in range(TCP_CONNECTIONS):
        share = (
            TCP_PACKETS * (number + 1) // TCP_CONNECTIONS - TCP_PACKETS * number // TCP_CONNECTIONS
        )
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", running.port), 5) as tcp,
        ):
            for _ in range(share):
                tcp.sendall(_rubbish(choose))
    return {"packets": UDP_PACKETS + TCP_PACKETS}


def _rubbish(choose: random.Random) -> bytes:
    kind = choose.randrange(3)
    if kind == 0:
        return choose.randbytes(choose.randrange(1, 200))
    size = choose.choice([0, 8, 16, 0xFFF0, 0xFFFF])
    fields = [choose.choice([0, 1, 6, 7, 0xFFFF]) for _ in range(2)]
    header = struct.pack(
        ">HHHHII",
        choose.randrange(30),
        size,
        *fields,
        choose.getrandbits(32),
        choose.getrandbits(32),
    )
    return header if kind == 1 else header + choose.randbytes(choose.randrange(0, 64))


def crowd(running: Running, pv: str) -> Row:
    """200 clients with 10 subscriptions each, half of them reset, then 500 quick connections."""
    clients = []
    for _ in range(200):
        client = RawClient(running.port)
        sid = client.open(pv)
        for number in range(10):
            client.monitor(sid, number)
        clients.append(client)
    served = sum(client.until(ca.EVENT_ADD).command == ca.EVENT_ADD for client in clients)
    for client in clients[::2]:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    still = sum(client.until(ca.EVENT_ADD).command == ca.EVENT_ADD for client in clients[1::2])
    for client in clients[1::2]:
        client.socket.close()
    for _ in range(500):
        socket.create_connection(("127.0.0.1", running.port), 5).close()
    return {"clients served": served, "after half were reset": still}


def unfinished(running: Running, pv: str) -> Row:
    """Three puts that announce 100 MB and stop one byte before the end."""
    clients = [RawClient(running.port) for _ in range(3)]
    chunk = b"\0" * 1_000_000
    for client in clients:
        sid = client.open(pv)
        elements = UNFINISHED_BYTES // 8
        client.send(ca.WRITE_NOTIFY, ca.DOUBLE, elements, sid, 1, b"", size=UNFINISHED_BYTES)
        try:
            for _ in range(UNFINISHED_BYTES // len(chunk) - 1):
                client.socket.sendall(chunk)
            client.socket.sendall(chunk[:-1])
        except OSError:
            pass
    row: Row = {"MB while open": round(running.memory_mb(), 1)}
    for client in clients:
        client.socket.close()
    return row


def hoard(running: Running, pv: str) -> Row:
    """100 puts of 3.9 MB, all stopped one byte before the end; then one honest one."""
    clients = [RawClient(running.port) for _ in range(HOARDERS)]
    chunk = b"\0" * (HOARDED_BYTES - 1)
    for client in clients:
        sid = client.open(pv)
        client.send(ca.WRITE_NOTIFY, ca.DOUBLE, HOARDED_BYTES // 8, sid, 1, b"", size=HOARDED_BYTES)
        with contextlib.suppress(OSError):
            client.socket.sendall(chunk)
    row: Row = {"MB while open": round(running.memory_mb(), 1)}
    with RawClient(running.port) as honest:
        payload = b"\0" * HOARDED_BYTES
        reply = honest.put(honest.open(pv), ca.DOUBLE, payload, count=HOARDED_BYTES // 8)
        row["honest put answered"] = reply.command
    return _closed(row, running, clients)


def silent(running: Running, pv: str) -> Row:
    """50 clients that ask for all arrays in all types, by gets and monitors, and read nothing."""
    arrays = ARRAYS.get(running.name, (pv,))
    clients = [RawClient(running.port, receive_buffer=4096) for _ in range(SILENT)]
    for client in clients:
        number = 0
        for cid, name in enumerate(arrays, 1):
            sid = client.open(name, cid)
            for data_type in range(35):
                number += 1
                client.monitor(sid, number, data_type, count=0)
    for client in clients:
        client.socket.setblocking(False)
        with contextlib.suppress(OSError):
            for ioid in range(100):
                client.send(ca.READ_NOTIFY, ca.DOUBLE, 0, 1, ioid)
    peak = 0.0
    with RawClient(running.port) as watcher:
        sid = watcher.open("a:IOC:HEARTBEAT")
        watcher.monitor(sid, 1)
        for _ in range(SILENT_S):
            watcher.until(ca.EVENT_ADD)
            peak = max(peak, running.memory_mb())
    return _closed({"MB while open": round(peak, 1)}, running, clients)


def _closed(row: Row, running: Running, clients: list[RawClient]) -> Row:
    """Close all clients and let the server notice."""
    for client in clients:
        client.socket.close()
    with RawClient(running.port) as watcher:
        watcher.monitor(watcher.open("a:IOC:HEARTBEAT"), 1)
        for _ in range(5):
            watcher.until(ca.EVENT_ADD)
    return row


CASES: dict[str, Callable[[Running, str], Row]] = {
    "malformed": malformed,
    "crowd": crowd,
    "unfinished": unfinished,
    "hoard": hoard,
    "silent": silent,
}


def measure(case: str, name: str) -> Row:
    """One case against one server of its own."""
    row: Row = {"case": case, "server": name}
    with target(name) as (running, pv):
        with RawClient(running.port) as client:
            client.get(client.open(pv))
        row["MB before"] = round(running.memory_mb(), 1)
        try:
            row |= CASES[case](running, pv)
            with RawClient(running.port) as client:
                row["get answered"] = client.get(client.open(pv)).command == ca.READ_NOTIFY
        except (OSError, ConnectionError) as error:
            row["failed"] = f"{type(error).__name__}: {error}"
        row["alive"] = running.alive()
        if running.alive():
            row["MB after"] = round(running.memory_mb(), 1)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", choices=CASES)
    parser.add_argument(
        "--servers", nargs="+", default=["amrr", "haloscope", "ours", "stock caproto", "softIoc"]
    )
    arguments = parser.parse_args()
    for case in arguments.cases:
        for name in arguments.servers:
            row = measure(case, name)
            print("  ".join(f"{key}: {value}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
