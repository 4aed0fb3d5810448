"""Fuzz our IOC and EPICS base's softIoc alike over Channel Access, and list where they differ.

Names with fields and filters, DBR types, counts, masks and puts at random, from a seed. By hand:

    python -m tests.live.against_base.fuzz --minutes 60 --seed 1

What has no reason in `tests.live.against_base.reasons` is tried once more on fresh servers (base
does not always survive what it is asked, see there) and then listed; the exit code is 1 if anything
is.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from cryohalo.processes.addresses import (
    FIRST_PORT,
    client_environment,
    free_ports,
    repeater_stand_in,
)
from tests.live.against_base import cases, twins
from tests.live.against_base.cases import Case
from tests.live.against_base.reasons import REASONS, reasons
from tests.live.against_base.twins import Twins

#: Servers that have been asked so much begin anew.
CASES_PER_LIFE = 5_000


@dataclass
class Found:
    """What has been seen.

    Attributes:
        cases: How many were tried.
        lives: How often both servers were started.
        needed: How often each reason was.
        unexplained: Cases that differ for no stated reason, with what both servers said.
    """

    cases: int = 0
    lives: int = 1
    needed: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.cases} cases, {self.lives} lives, {len(self.unexplained)} unexplained"]
        lines += [f"{number:8} {REASONS[key]}" for key, number in self.needed.most_common()]
        return "\n".join([*lines, *self.unexplained])


def try_one(both: Twins, case: Case, found: Found) -> None:
    """Ask both, and note what they said."""
    base, ours = cases.outcomes(both, case)
    why = reasons(case, base, ours)
    if "" in why or (both.peers[0].cut_off and not any(base.replies)):
        both.restart()
        found.lives += 1
        base, ours = cases.outcomes(both, case)
        why = reasons(case, base, ours)
    found.cases += 1
    found.needed.update(why - {""})
    if "" in why:
        found.unexplained.append(f"{case}\n  base {base}\n  ours {ours}")


def fuzz(both: Twins, seed: int, *, most: int, minutes: float = float("inf")) -> Found:
    """Try cases at random.

    Args:
        both: The servers.
        seed: Of the cases.
        most: How many cases at most.
        minutes: How long at most.
    """
    random, found, end = Random(seed), Found(), time.monotonic() + 60 * minutes
    while found.cases < most and time.monotonic() < end:
        try_one(both, cases.random_case(random), found)
        if found.cases % CASES_PER_LIFE == 0:
            print(found, flush=True)
            both.restart()
    return found


def main() -> int:
    """Fuzz for the time that the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=sys.maxsize)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that both servers end too
    repeater = repeater_stand_in()
    ports = free_ports(2, FIRST_PORT + 1900)
    os.environ |= client_environment(ports, repeater.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder, twins.served(Path(folder), *ports) as both:
        found = fuzz(both, options.seed, most=options.cases, minutes=options.minutes)
        if "Traceback" in both.log.read_text():
            found.unexplained.append("a traceback in our log")
    repeater.close()
    print(found)
    return int(bool(found.unexplained))


if __name__ == "__main__":
    sys.exit(main())
