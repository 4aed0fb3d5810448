"""The IOC of the magnetic refrigerator: ``python -m iocs.amrr --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from amrr.controls.interlocks import interlocks_of
from amrr.parameters import Parameters
from amrr.refrigerator import Refrigerator
from iocs.amrr_records import amrr_records
from iocs.ioc import Plant, main
from iocs.parameters import from_file

PREFIX = "AMRR:"


def build(options: argparse.Namespace) -> Plant:
    """The refrigerator that the options describe."""
    parameters = from_file(Parameters(), options.parameters)
    machine = Refrigerator(parameters, seed=options.seed)
    interlocks = interlocks_of(machine)
    return Plant(
        machine=machine,
        records=amrr_records(machine, interlocks),
        guards=(interlocks.check,),
        seed=options.seed,
        parameters_hash=parameters.digest(),
    )


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the IOC; returns the exit code."""
    return main("amrr", PREFIX, build, arguments)


if __name__ == "__main__":
    sys.exit(run())
