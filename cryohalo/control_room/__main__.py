"""The supervisor as a process: ``python -m cryohalo.control_room``; ``cryohalo up`` starts it.

Every change of a service is a line on standard output: name, state, what it said. ``settled`` is
the line after which nothing more is said there: each service is ready, or has failed once.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cryohalo.commands.iocs import ended_by_signals
from cryohalo.configuration import Found, read
from cryohalo.control_room.folder import AlreadyUpError, ServiceReport, StateFolder
from cryohalo.control_room.services import clients_environment, services
from cryohalo.control_room.supervisor import Supervisor

__all__ = ["SETTLED", "keep", "main"]

SETTLED = "settled"


def keep(found: Found, tell: Callable[[Sequence[ServiceReport]], None]) -> int:
    """Keep the services of a configuration until a signal; returns the exit code.

    Args:
        found: The configuration.
        tell: Called with all reports whenever one has changed.

    Raises:
        AlreadyUpError: Another supervisor keeps them.
    """
    folder = StateFolder(found.values.state_dir)
    folder.make()
    lock = folder.lock()
    try:
        environment = clients_environment(found)
        repeater = found.values.epics.repeater_port
        supervisor = Supervisor(services(found.values), folder, environment, repeater)
        with ended_by_signals(supervisor.ask_to_end):
            return supervisor.run(tell)
    finally:
        lock.release()


class _Teller:
    """Says what changes, until all is settled."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._settled = False

    def __call__(self, reports: Sequence[ServiceReport]) -> None:
        if self._settled:
            return
        for report in reports:
            if self._told.get(report.name) != report.state:
                self._told[report.name] = report.state
                _say(f"{report.name}\t{report.state}\t{report.said}")
        if all(report.state != "starting" for report in reports):
            self._settled = True
            _say(SETTLED)
            _say_nothing_more()


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:  # nobody reads: ``up`` was interrupted
        _say_nothing_more()


def _say_nothing_more() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cryohalo.control_room", description=__doc__)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go
    try:
        return keep(read(options.config), _Teller())
    except (AlreadyUpError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
