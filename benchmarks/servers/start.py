"""The three servers that are compared, each a process on a private loopback port."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from cryohalo.processes.addresses import free_ports, repeater_stand_in, wait_served
from cryohalo.processes.launcher import LaunchedIoc, Launcher
from tests.live.epics_base import command

HERE = Path(__file__).parent
NAMES = ("ours", "stock caproto", "softIoc")
#: The same IOC in other ways: "records" are served as those of the instruments are.
_WAYS: dict[str, list[str]] = {"ours": [], "stock caproto": ["--stock"], "records": ["--records"]}
#: softIoc's scan rates end at 10 Hz.
SOFTIOC_DB = 'record(ai, "b:{n}") {{ field(SCAN, "{scan}") field(DTYP, "Soft Timestamp") }}\n'
SOFTIOC_WAVE = """record(waveform, "b:wave") {{
  field(SCAN, "{scan}") field(NELM, "100000") field(FTVL, "DOUBLE") }}
record(ao, "b:get") {{ field(VAL, "1") field(PINI, "YES") }}
"""


@dataclass
class Running:
    """A server under test."""

    name: str
    port: int
    process: psutil.Process

    def memory_mb(self) -> float:
        """Resident memory."""
        return float(self.process.memory_info().rss) / 1e6

    def cpu_s(self) -> float:
        """Processor time used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def alive(self) -> bool:
        """Whether it still runs."""
        return bool(self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE)


@contextlib.contextmanager
def server(
    name: str,
    scalars: int = 100,
    rate_hz: float = 10.0,
    waveform_hz: float = 0.0,
    tree: Path | None = None,
) -> Iterator[Running]:
    """Run one of :data:`NAMES` with scalars ``b:0`` ..., ``b:wave`` and ``b:get``.

    "records" has no ``b:wave``.

    Args:
        name: Which.
        scalars: How many.
        rate_hz: How often they change.
        waveform_hz: How often ``b:wave`` does.
        tree: Where another commit's files are, to serve with; what is served is this one's.
    """
    if name == "softIoc":
        with _softioc(scalars, rate_hz, waveform_hz) as running:
            yield running
        return
    arguments = ["--prefix", "b:", "--scalars", str(scalars), "--rate", str(rate_hz)]
    arguments += ["--waveform-rate", str(waveform_hz)]
    arguments += _WAYS[name]
    environment = {"PYTHONPATH": str(tree or HERE.parents[1])}
    ioc = LaunchedIoc("bench", (str(HERE / "bench_ioc.py"),), tuple(arguments), environment)
    with Launcher([ioc]) as launcher:
        running = launcher.running["bench"]
        wait_served(["b:get"], running.port)
        yield Running(name, running.port, psutil.Process(running.process.pid))


@contextlib.contextmanager
def _softioc(scalars: int, rate_hz: float, waveform_hz: float) -> Iterator[Running]:
    scans = {0.0: "Passive", 10.0: ".1 second", 5.0: ".2 second", 1.0: "1 second"}
    text = "".join(SOFTIOC_DB.format(n=n, scan=scans[rate_hz]) for n in range(scalars))
    text += SOFTIOC_WAVE.format(scan=scans[min(waveform_hz, 10.0)])
    with tempfile.TemporaryDirectory() as folder, repeater_stand_in() as repeater:
        database = Path(folder) / "bench.db"
        database.write_text(text)
        line, environment = command("softIoc", "-S", "-d", str(database))
        port = free_ports(1)[0]
        environment |= {
            "EPICS_CAS_SERVER_PORT": str(port),
            "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
            "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
            "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1",
            "EPICS_CAS_BEACON_PORT": str(repeater.getsockname()[1]),
        }
        process = subprocess.Popen(
            line,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.PIPE,
        )
        try:
            wait_served(["b:get"], port)
            yield Running("softIoc", port, psutil.Process(process.pid))
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
