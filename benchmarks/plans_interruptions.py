"""A campaign whose IOC and session are killed (-9) at random moments, against an undisturbed one.

    python -m benchmarks.plans_interruptions [--kills 10] [--steps 60] [--seed 1]

Half of the kills hit the IOC, which is started again at once, half the session, which is started
again when it has ended. In the end every planned step must be in the catalog exactly once, and the
analysis must agree with that of the campaign left in peace.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plans_session import documents
from cryohalo.catalog import Catalog
from cryohalo.processes.addresses import (
    client_environment,
    free_ports,
    repeater_stand_in,
    wait_served,
)
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.pipeline import Result, analyze
from plans.haloscope.steps import completed, planned

FIRST_MHZ = 1100.0
PREFIX = "KILL:"
#: Seconds after which a session that lost its IOC is ended with it: its own time-outs are 20 s.
PATIENCE_S = 60.0


@dataclass
class Outcome:
    """What is in the catalog in the end."""

    planned_mhz: list[float]
    taken_mhz: list[float]
    result: Result
    kills: list[str]

    @property
    def exact(self) -> bool:
        """Every planned step once, none else."""
        return sorted(self.taken_mhz) == sorted(self.planned_mhz)


class Laboratory:
    """One IOC on a port of its own, and sessions that talk to it."""

    def __init__(self, folder: Path, steps: int, averages: int) -> None:
        self.folder = folder
        self.last_mhz = FIRST_MHZ + 0.01 * (steps - 1)
        self.averages = averages
        self._repeater = repeater_stand_in()
        [self._port] = free_ports(1)
        self._environment = {
            **os.environ,
            **client_environment([self._port], self._repeater.getsockname()[1]),
        }
        self.ioc = self._start_ioc()

    def _start_ioc(self) -> RunningIoc:
        arguments = ("--prefix", PREFIX, "--speed", "0", "--seed", "1")
        log = self.folder / "ioc.log"
        running = RunningIoc(
            LaunchedIoc("haloscope", arguments=arguments), self._port, self._environment, log
        )
        running.wait_ready()
        wait_served([f"{PREFIX}Rod"], self._port)
        return running

    def kill_ioc(self) -> None:
        """Kill the IOC and start it again."""
        os.killpg(self.ioc.process.pid, signal.SIGKILL)
        self.ioc.end()
        self.ioc = self._start_ioc()

    def session(self) -> subprocess.Popen[bytes]:
        """Start a session that goes on with the campaign."""
        catalog = self.folder / "catalog"
        command = [sys.executable, "-m", "benchmarks.plans_session", PREFIX, str(catalog)]
        command += [str(FIRST_MHZ), str(self.last_mhz), str(self.averages)]
        with (self.folder / "session.log").open("ab") as log:
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def close(self) -> None:
        """End the IOC."""
        self.ioc.end()
        self._repeater.close()


def run(folder: Path, steps: int, averages: int, kills: list[str], seed: int) -> Outcome:
    """A campaign with these kills ("ioc" or "session"), each at a random moment."""
    chance = random.Random(seed)
    lab = Laboratory(folder, steps, averages)
    left, done = list(kills), []
    session = lab.session()
    try:
        while True:
            try:
                code = session.wait(chance.uniform(3.0, 9.0) if left else None)
            except subprocess.TimeoutExpired:
                kill = left.pop(0)
                done.append(kill)
                if kill == "session":
                    session.kill()
                    session.wait()
                else:
                    lab.kill_ioc()
                    _let_fail(session)
                session = lab.session()
                continue
            if code == 0:
                break
            session = lab.session()
    finally:
        session.kill()
        session.wait()
        lab.close()
    catalog = folder / "catalog"
    targets = planned(start_mhz=FIRST_MHZ, stop_mhz=lab.last_mhz)
    result = analyze(spectra_from_documents(_scan_documents(catalog)))
    return Outcome(targets, completed(documents(catalog), "scan"), result, done)


def _scan_documents(catalog: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Documents of the scan alone: candidates, and so rescans, are different chance each time."""
    for run in Catalog(catalog):
        if run.start["plan_name"] == "scan":
            yield from run.documents()


def _let_fail(session: subprocess.Popen[bytes]) -> None:
    """A session whose IOC died notices by itself; if it does not, it ends here."""
    try:
        session.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        session.kill()
        session.wait()


def main() -> None:
    """Print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=10, help="of the IOC, and as many sessions")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--averages", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    order = ["ioc", "session"] * options.kills
    random.Random(options.seed).shuffle(order)
    outcomes = []
    for kills in (order, []):
        with tempfile.TemporaryDirectory() as folder:
            outcome = run(Path(folder), options.steps, options.averages, kills, options.seed)
        outcomes.append(outcome)
        counts = {kind: outcome.kills.count(kind) for kind in ("ioc", "session")}
        print(f"killed {counts}: {len(outcome.taken_mhz)} steps of {len(outcome.planned_mhz)}")
        print(f"  each planned step once: {outcome.exact}")
    cut, peace = (outcome.result.limit.coupling_per_gev for outcome in outcomes)
    if len(cut) == len(peace):
        ratio = cut / peace
        print(f"limit against the campaign in peace: {ratio.mean():.4f}, rms {np.std(ratio):.4f}")
    for outcome in outcomes:
        z = outcome.result.normalised
        print(f"grand spectrum: mean {z.mean():.3f}, width {z.std():.3f}, {len(z)} bins")


if __name__ == "__main__":
    main()
