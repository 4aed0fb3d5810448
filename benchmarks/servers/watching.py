"""Clients that watch and throw away what they get, at the least cost to the machine.

    python -m benchmarks.servers.watching PORT CLIENTS EACH NAME...

Holds so many circuits, each with monitors of ``EACH`` of the PVs as ``camonitor`` makes them (the
PV's own type with its time stamp), prints ``watching`` when all have their first values, and reads
until it is ended. One process for all: what clients cost is not what is measured.
"""

from __future__ import annotations

import selectors
import sys

from tests.live.raw_client import CREATE_CHANNEL, ERROR, EVENT_ADD, RawClient, padded

#: From a plain DBR type to the same with a time stamp.
TIMED = 14
RECEIVE_BYTES = 1 << 20


class Bystander(RawClient):
    """A circuit that monitors some PVs."""

    def __init__(self, port: int, names: list[str], address: str = "127.0.0.1") -> None:
        super().__init__(port, timeout_s=60.0, address=address)
        for number, name in enumerate(names):
            self.send(CREATE_CHANNEL, first=number, second=13, payload=padded(name.encode()))
        # All first: a value that comes while another channel is waited for would be passed over.
        for number, made in enumerate([self.until(CREATE_CHANNEL) for _ in names]):
            self.monitor(made.second, number, made.data_type + TIMED, count=0)
        waiting = len(names)
        while waiting:  # what may not be read, as the truth of a blind search, is refused
            waiting -= self.receive().command in (EVENT_ADD, ERROR)


def main() -> None:
    """Watch until ended."""
    port, clients, each = (int(number) for number in sys.argv[1:4])
    names = sys.argv[4:]
    chooser = selectors.DefaultSelector()
    for number in range(clients):
        mine = [names[(number * each + n) % len(names)] for n in range(each)]
        chooser.register(Bystander(port, mine).socket, selectors.EVENT_READ)
    print("watching", flush=True)
    buffer = bytearray(RECEIVE_BYTES)
    while True:
        for key, _ in chooser.select():
            if not key.fileobj.recv_into(buffer):  # type: ignore[union-attr]
                raise SystemExit("the server has closed a circuit")


if __name__ == "__main__":
    main()
