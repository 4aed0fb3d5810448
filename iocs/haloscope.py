"""The IOC of the haloscope: ``python -m iocs.haloscope --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from haloscope.apparatus.experiment import Haloscope
from haloscope.apparatus.injection import hidden_line
from haloscope.apparatus.interlocks import interlocks_of
from haloscope.axion import AxionLine
from haloscope.parameters import Parameters
from iocs.envelope import Envelope
from iocs.haloscope_records import haloscope_faults, haloscope_records
from iocs.ioc import Plant, main
from iocs.parameters import from_file

PREFIX = "HALO:"
BYTES_PER_BIN = 8
HEADER_BYTES = 200_000
"""Room for the header and for clients that ask for a little more than an array."""
DEFAULT_BAND_MHZ = (1090.0, 1110.0)
"""The letter's scan, about 20 MHz."""
HZ_PER_MHZ = 1e6


def extend(parser: argparse.ArgumentParser) -> None:
    """Add the options of this IOC alone."""
    parser.add_argument(
        "--inject",
        type=float,
        metavar="COUPLING",
        help="hide an axion of this coupling (1/GeV) where only the seed decides",
    )
    parser.add_argument(
        "--inject-band",
        type=float,
        nargs=2,
        default=DEFAULT_BAND_MHZ,
        metavar=("LOW", "HIGH"),
        help="hide it between these frequencies in MHz; default %(default)s",
    )


def build(options: argparse.Namespace) -> Plant:
    """The haloscope that the options describe."""
    parameters = from_file(Parameters.capp12tb(), options.parameters)
    line = hidden(options)
    machine = Haloscope(parameters, seed=options.seed, lines=[line] if line else [])
    faults = haloscope_faults(machine)
    interlocks = interlocks_of(machine, lambda: faults.reading("MXC"))
    envelope = Envelope(options.seed, line)
    return Plant(
        machine=machine,
        records=[*haloscope_records(machine, interlocks, faults), *envelope.records()],
        guards=(interlocks.check,),
        seed=options.seed,
        parameters_hash=parameters.hash(),
        array_bytes=parameters.digitizer.bins * BYTES_PER_BIN + HEADER_BYTES,
    )


def hidden(options: argparse.Namespace) -> AxionLine | None:
    """The axion that the options ask to hide."""
    if options.inject is None:
        return None
    low_hz, high_hz = (edge * HZ_PER_MHZ for edge in options.inject_band)
    return hidden_line(options.seed, low_hz, high_hz, options.inject)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the IOC; returns the exit code."""
    return main("haloscope", PREFIX, build, arguments, extend)


if __name__ == "__main__":
    sys.exit(run())
