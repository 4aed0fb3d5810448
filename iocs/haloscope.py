"""The IOC of the haloscope: ``python -m iocs.haloscope --help``."""

from __future__ import annotations

if __name__ == "__main__":  # before the imports below, which take seconds
    from iocs.interrupting import end_at_once

    end_at_once()

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace

from haloscope.apparatus.blinding import BlindKey
from haloscope.apparatus.injection import hidden_line
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from instruments.options import between, readable_file
from iocs.ioc import main
from iocs.parameters import from_file
from iocs.supervision.secrecy import keep_secrets
from pvdb.haloscope.plant import haloscope_plant
from pvdb.plant import Plant

log = logging.getLogger("cryohalo.iocs")

PREFIX = "HALO:"
HZ_PER_MHZ = 1e6
#: Ten times what helioscopes exclude.
MAX_COUPLING_PER_GEV = 1e-9
MAX_FREQUENCY_MHZ = 1e6
#: Of a flow: as wide as a halo's line at the highest frequency.
MAX_FLOW_HZ = 1e6


def extend(parser: argparse.ArgumentParser) -> None:
    """Add the options of this IOC alone."""
    parser.add_argument(
        "--inject",
        type=between(0.0, MAX_COUPLING_PER_GEV, "1/GeV"),
        metavar="COUPLING",
        help="hide an axion of this coupling (1/GeV) where the seed decides; not blind: whoever "
        "knows the seed can find it",
    )
    parser.add_argument(
        "--inject-band",
        type=between(0.0, MAX_FREQUENCY_MHZ, "MHz"),
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="hide it between these frequencies in MHz; default: the band of the search",
    )
    parser.add_argument(
        "--inject-modulated",
        action="store_true",
        help="let its line follow the laboratory's speed with day and year; default: the yearly "
        "mean",
    )
    parser.add_argument(
        "--inject-flow",
        type=between(0.0, MAX_FLOW_HZ, "Hz"),
        metavar="WIDTH",
        help="hide a cold flow instead: a Gaussian line of this standard deviation in Hz",
    )
    parser.add_argument(
        "--blind",
        type=readable_file,
        metavar="KEYFILE",
        help="hide what this file of `cryohalo blind seal` holds, which gives the seed too",
    )


def build(options: argparse.Namespace) -> Plant:
    """The haloscope that the options describe."""
    default, read = HaloscopeParameters.capp12tb(), HaloscopeParameters.from_toml
    parameters = from_file(default, read, options.parameters)
    if options.blind is not None:
        return haloscope_plant(parameters, blind=blind_key(options))
    line = hidden(options, parameters)
    if line is not None:
        log.warning(
            "not blind: where the axion hides follows from the seed, which Sim:Seed_RBV tells"
        )
    return haloscope_plant(parameters, seed=options.seed, hidden=line)


def blind_key(options: argparse.Namespace) -> BlindKey:
    """The key file, in a process whose memory nobody else reads from now on."""
    if options.seed:
        raise ValueError("--seed: the seed of a blind run comes from its key file")
    if options.inject is not None or _without_inject(options):
        raise ValueError("--inject: what a blind run hides comes from its key file")
    keep_secrets()
    return BlindKey.read(options.blind)


def hidden(options: argparse.Namespace, parameters: HaloscopeParameters) -> AxionLine | None:
    """The axion that the options ask to hide."""
    if options.inject is None:
        for name in _without_inject(options):
            raise ValueError(f"{name} hides nothing without --inject")
        return None
    if options.inject_modulated and options.inject_flow is not None:
        raise ValueError("--inject-flow: a flow of one speed is not modulated as a halo's line is")
    p = parameters.operation
    low_hz, high_hz = p.band_low_hz, p.band_high_hz
    if options.inject_band is not None:
        low_hz, high_hz = (edge * HZ_PER_MHZ for edge in options.inject_band)
    line = hidden_line(options.seed, low_hz, high_hz, options.inject)
    modulated, width_hz = options.inject_modulated, options.inject_flow
    return replace(line, modulated=modulated, narrow_width_hz=width_hz)


def _without_inject(options: argparse.Namespace) -> list[str]:
    """Options that were given and say how what is hidden is to be."""
    given = {
        "--inject-band": options.inject_band is not None,
        "--inject-modulated": options.inject_modulated,
        "--inject-flow": options.inject_flow is not None,
    }
    return [name for name, there in given.items() if there]


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the IOC; returns the exit code."""
    return main("haloscope", PREFIX, build, arguments, extend)


if __name__ == "__main__":
    sys.exit(run())
