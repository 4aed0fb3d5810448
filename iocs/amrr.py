"""The IOC of the magnetic refrigerator: ``python -m iocs.amrr --help``."""

from __future__ import annotations

if __name__ == "__main__":  # before the imports below, which take seconds
    from iocs.interrupting import end_at_once

    end_at_once()

import argparse
import sys
from collections.abc import Sequence

from amrr import native
from amrr.parameter_files import parameters_of
from amrr.parameters import RefrigeratorParameters
from iocs.ioc import main
from iocs.parameters import from_file
from pvdb.plant import Plant
from pvdb.refrigerator.plant import refrigerator_plant

PREFIX = "AMRR:"


def build(options: argparse.Namespace) -> Plant:
    """The refrigerator that the options describe."""
    native.code.meanwhile = True  # the first start need not wait for the compiler
    parameters = from_file(RefrigeratorParameters(), parameters_of, options.parameters)
    return refrigerator_plant(parameters, seed=options.seed)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the IOC; returns the exit code."""
    return main("amrr", PREFIX, build, arguments)


if __name__ == "__main__":
    sys.exit(run())
