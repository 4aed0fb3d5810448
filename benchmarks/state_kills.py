"""Random kill -9 under acknowledged puts: how many are lost.

    python -m benchmarks.state_kills --rounds 40

Both IOCs in turn, at several speeds, with settings, moves, ramps, acquisitions and the cycle under
way when they are killed. Prints figures; exit code 1 if a put was lost, or
forbidden by the access rules.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from cryohalo.processes.addresses import free_ports
from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from tests.live.supervision.killing import (
    AMRR_CYCLE,
    AMRR_RAMPS,
    HALOSCOPE,
    HALOSCOPE_DIGITIZING,
    Killing,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--puts-survive", default="power-cut")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def start(ioc: LaunchedIoc) -> RunningIoc:
            more = (*ioc.arguments, "--puts-survive", options.puts_survive)
            (port,) = free_ports(1)
            log = folder / f"{ioc.name}-{port}.log"
            running = RunningIoc(LaunchedIoc(ioc.name, arguments=more), port, dict(os.environ), log)
            running.wait_ready()
            return running

        def end(running: RunningIoc) -> None:
            running.end()
            for line in running.log.read_text().splitlines():
                if "Traceback" in line or " ERROR " in line or "left out" in line:
                    print("   ", line, flush=True)

        machines = (HALOSCOPE, AMRR_RAMPS, HALOSCOPE_DIGITIZING, AMRR_CYCLE)
        killings = [
            Killing(machine, start, folder / f"state-{n}", options.seed + n)
            for n, machine in enumerate(machines)
        ]
        for number in range(options.rounds):
            killing = killings[number % len(killings)]
            killing.round(end)
            tally = killing.tally
            print(
                f"{number + 1:3d} {killing.machine.name:9s} acknowledged {tally.acknowledged}, "
                f"refused {tally.refused}, under way at the kill {tally.under_way}, "
                f"lost {len(tally.lost)}", flush=True,
            )  # fmt: skip
        for killing in killings:  # what the last kill has left
            running = start(killing.ioc())
            killing.check(running.port)
            end(running)
        return _report([killing.tally for killing in killings])


def _report(tallies) -> int:
    lost = [line for tally in tallies for line in tally.lost]
    print(
        f"{sum(t.rounds for t in tallies)} kills, {sum(t.acknowledged for t in tallies)} puts "
        f"acknowledged, {sum(t.under_way for t in tallies)} under way when killed, {len(lost)} lost"
    )
    print("\n".join(lost))
    forbidden = sum(tally.forbidden for tally in tallies)
    if forbidden:
        print(f"{forbidden} puts were forbidden by the access rules: nothing was tried with them")
    return 1 if lost or forbidden else 0


if __name__ == "__main__":
    sys.exit(main())
