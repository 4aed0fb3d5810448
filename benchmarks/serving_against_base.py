"""Gets, puts and monitors of this project's records beside EPICS base's softIoc, in one run.

    python -m benchmarks.serving_against_base [--rounds 3] [--seconds 0.5] [--against COMMIT]

Both serve the same scalars at 10 Hz and one record that is asked and put to. The rounds alternate,
so that a busy machine is busy for both: read the ratios. Requests come from one client, one after
the other or many in one packet; the age of a monitor is that of its time stamp when it arrives,
both by this host's clock. All traffic stays on loopback. With ``--against`` another commit serves
the same records in the same rounds ("before"), out of a temporary folder; 19d3b05 is the oldest
that has what they are made of.
"""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.results import hand_in
from benchmarks.servers.client import Watcher, rate_per_s
from benchmarks.servers.start import Running, server
from benchmarks.step_against import tree_of

SERVERS = ("softIoc", "records", "ours")
#: Records of another commit.
BEFORE = "before"
SCALARS = (100, 1000)
#: In one packet.
MANY = 100
ASKED = "b:get"


class Measured(NamedTuple):
    """One thing that is measured.

    Attributes:
        what: In words.
        unit: Its unit.
        most: How many times worse than softIoc's it may be; None where nothing is asked.
        more_is_better: A rate, not a time.
    """

    what: str
    unit: str
    most: float | None
    more_is_better: bool


Found = dict[Measured, dict[str, list[float]]]


def asking(running: Running, seconds: float, found: Found) -> None:
    """Gets and puts per second, and what each costs the server."""
    for kind in ("get", "put with completion", "put"):
        for at_once in (1, MANY):
            before_s = running.cpu_s()
            rate = rate_per_s(running.port, ASKED, seconds, kind, at_once)
            cost_us = 1e6 * (running.cpu_s() - before_s) / (rate * seconds)
            what = f"{kind}, {'one by one' if at_once == 1 else f'{at_once} in a packet'}"
            _note(found, Measured(what, "1/s", 4.0, True), running, rate)
            _note(found, Measured(f"{what}: processor", "us", None, False), running, cost_us)


def watching(running: Running, scalars: int, seconds: float, found: Found) -> None:
    """Ages of monitors."""
    watcher = Watcher(running.port, [f"b:{number}" for number in range(scalars)])
    try:
        watcher.watch(0.5)  # connecting and first values
        seen = watcher.watch(seconds)
    finally:
        watcher.close()
    for fraction, most in ((0.5, 2.0), (0.95, None)):
        what = f"age of a monitor, {scalars} PVs at 10 Hz, p{100 * fraction:g}"
        _note(found, Measured(what, "ms", most, False), running, seen.quantile_ms(fraction))
    what = f"updates received, {scalars} PVs at 10 Hz"
    _note(found, Measured(what, "1/s", None, True), running, len(seen) / seconds)


def _note(found: Found, measured: Measured, running: Running, value: float) -> None:
    found.setdefault(measured, {}).setdefault(running.name, []).append(value)


def measure(names: list[str], rounds: int, seconds: float, before: Path | None = None) -> Found:
    """All rounds, the servers in alternation; ``before`` has the files of another commit."""
    found: Found = {}
    if before is not None:
        names = [*names, BEFORE]
    for _ in range(rounds):
        for scalars in SCALARS:
            for name in names:
                served, tree = ("records", before) if name == BEFORE else (name, None)
                with server(served, scalars, 10.0, tree=tree) as running:
                    running = replace(running, name=name)
                    if scalars == SCALARS[0]:
                        asking(running, seconds, found)
                    watching(running, scalars, 2.0 * seconds, found)
    return found


def line(measured: Measured, values: dict[str, list[float]]) -> str:
    """One row: the medians, and how many times worse than softIoc's ours are."""
    medians = {name: median(several) for name, several in values.items()}
    cells = [f"{measured.what:48s} {measured.unit:4s}"]
    base = medians.get("softIoc")
    for name, value in medians.items():
        cells.append(f"{name} {value:9.2f}")
        if base is not None and name != "softIoc":
            ratio = base / value if measured.more_is_better else value / base if base else 0.0
            cells.append(f"({ratio:5.2f} x)")
    if measured.most is not None:
        cells.append(f"at most {measured.most:g} x")
    return "  ".join(cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="per measurement")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS[:2]))
    parser.add_argument("--against", metavar="COMMIT", help="serve its records, too")
    options = parser.parse_args()
    with tree_of(options.against) if options.against else nullcontext() as before:
        found = measure(options.servers, options.rounds, options.seconds, before)
    for measured, values in found.items():
        print(line(measured, values), flush=True)
        if measured.most is not None and "softIoc" in values and "records" in values:
            ours, base = (median(values[name]) for name in ("records", "softIoc"))
            more = measured.more_is_better
            hand_in(measured.what, ours, measured.unit, against="softIoc", other=base, more=more)
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
