"""Many light clients in one process: how fast they are served, how old values are, how many bytes.

    python -m benchmarks.servers.crowd ADDRESS PORT CLIENTS EACH PVS SECONDS

Each circuit monitors ``EACH`` of ``M:Value0`` ... ``M:Value{PVS-1}``, not the same ones, as
``camonitor`` does. What comes is counted and thrown away, but for one client of which each value's
age is looked at: both clocks are this host's. Prints what it found as one line of JSON.
"""

from __future__ import annotations

import json
import selectors
import struct
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.servers.client import EPICS_EPOCH_S
from benchmarks.servers.watching import RECEIVE_BYTES, Bystander

__all__ = ["Crowd", "Watched"]

#: An update of a double with its time stamp, as it travels: header, status, stamp, pad, value.
UPDATE_BYTES = 16 + 24
#: Values that came while it connected are taken first.
WARM_UP_S = 1.0
_STAMP = struct.Struct(">II")


@dataclass(frozen=True)
class Watched:
    """What a crowd saw.

    Attributes:
        connect_s: From the first circuit to the first value of the last monitor, s.
        received: Bytes of updates.
        updates: Number of them.
        p50_ms: Age of values of one client when they arrived, median, ms.
        p99_ms: The same, 99 %.
    """

    connect_s: float
    received: int
    updates: int
    p50_ms: float
    p99_ms: float


class Crowd:
    """The circuits.

    Args:
        address: Of the server.
        port: Of the server.
        clients: How many circuits.
        each: Monitors of each.
        pvs: PVs that the server has.
    """

    def __init__(self, address: str, port: int, clients: int, each: int, pvs: int) -> None:
        begin = time.perf_counter()
        self._chooser = selectors.DefaultSelector()
        self._all = []
        for number in range(clients):
            names = [f"M:Value{(number * each + n) % pvs}" for n in range(each)]
            client = Bystander(port, names, address)
            self._chooser.register(client.socket, selectors.EVENT_READ, number == 0)
            self._all.append(client)
        self._connect_s = time.perf_counter() - begin

    def watch(self, seconds: float) -> Watched:
        """Receive for so long.

        Raises:
            ConnectionError: The server has closed a circuit.
        """
        buffer, received, ages, kept = bytearray(RECEIVE_BYTES), 0, [], bytearray()
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            for key, _ in self._chooser.select(left_s):
                size = key.fileobj.recv_into(buffer)  # type: ignore[union-attr]
                if not size:
                    raise ConnectionError("the server has closed a circuit")
                received += size
                if key.data:
                    kept += buffer[:size]
                    ages += _ages(kept, time.time())
        p50, p99 = np.quantile(ages, [0.5, 0.99]) * 1e3 if ages else (np.nan, np.nan)
        count = received // UPDATE_BYTES
        return Watched(self._connect_s, received, count, float(p50), float(p99))

    def close(self) -> None:
        """Leave."""
        for client in self._all:
            client.socket.close()


def _ages(kept: bytearray, now: float) -> list[float]:
    """Seconds since the stamps of the whole updates; they are taken off."""
    found = []
    whole = len(kept) // UPDATE_BYTES * UPDATE_BYTES
    for offset in range(0, whole, UPDATE_BYTES):
        seconds, nanoseconds = _STAMP.unpack_from(kept, offset + 20)
        found.append(now - EPICS_EPOCH_S - seconds - 1e-9 * nanoseconds)
    del kept[:whole]
    return found


def main() -> None:
    """Watch, and print what was seen."""
    address, *numbers = sys.argv[1:]
    port, clients, each, pvs, seconds = (int(number) for number in numbers)
    crowd = Crowd(address, port, clients, each, pvs)
    crowd.watch(WARM_UP_S)
    print(json.dumps(asdict(crowd.watch(seconds))), flush=True)


if __name__ == "__main__":
    main()
