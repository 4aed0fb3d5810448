"""The same records in EPICS base's softIoc and in our IOC, side by side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryohalo.processes.addresses import wait_served
from tests.live.against_base import softioc, twin_ioc
from tests.live.exchange import Peer

PREFIX = "twin:"
IOC = Path(twin_ioc.__file__)


class Twins:
    """Both servers, and a client of each.

    Args:
        folder: For what they write.
        base_port: Of softIoc.
        our_port: Of our IOC.

    Attributes:
        base: A client of softIoc.
        ours: A client of our IOC.
        log: What our IOC has written.
    """

    def __init__(self, folder: Path, base_port: int, our_port: int) -> None:
        self._folder, self._ports = folder, (base_port, our_port)
        self.log = folder / "ours.log"
        self.log.write_text("")
        self._start()

    @property
    def peers(self) -> tuple[Peer, Peer]:
        """Base first."""
        return self.base, self.ours

    def restart(self) -> None:
        """Begin anew with both."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """End both."""
        for peer in self.peers:
            peer.socket.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(20)

    def _start(self) -> None:
        folder, (base_port, our_port) = self._folder, self._ports
        database, rules = folder / "twin.db", folder / "twin.acf"
        database.write_text(softioc.database(twin_ioc.table(), PREFIX, twin_ioc.initial_values()))
        rules.write_text(twin_ioc.ACCESS)
        base = softioc.start(database, base_port, folder / "base.log", rules)
        line = [sys.executable, str(IOC), "--port", str(our_port), "--prefix", PREFIX]
        with self.log.open("a") as output:
            ours = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self._processes = base, ours
        try:
            for port in self._ports:
                wait_served([f"{PREFIX}ao"], port)
            self.base, self.ours = (Peer(port) for port in self._ports)
        except BaseException:
            for process in self._processes:
                process.kill()
            raise


@contextmanager
def served(folder: Path, base_port: int, our_port: int) -> Iterator[Twins]:
    """Both servers, until the end of the block."""
    twins = Twins(folder, base_port, our_port)
    try:
        yield twins
    finally:
        twins.stop()
