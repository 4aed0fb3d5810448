"""The command line that both IOCs share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from instruments.options import readable_file, whole, writable_folder
from iocs.serving import add_arguments
from iocs.serving.arguments import OneLineParser, check_interfaces, port_number
from pvdb.names import check_prefix
from pvdb.parts.clock import MAX_SPEED

MAX_SEED = 2**31 - 1
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
DESCRIPTION = "Serve the simulated {name} over EPICS Channel Access."


def parser(name: str, prefix: str) -> argparse.ArgumentParser:
    """The options of IOC ``name``."""
    parser = OneLineParser(prog=f"python -m iocs.{name}", description=DESCRIPTION.format(name=name))
    parser.add_argument("--list-pvs", action="store_true", help="print the names and end")
    parser.add_argument(
        "--prefix", type=_prefix, default=prefix, help=f"begins every name; default {prefix}"
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="times real time; 0: as fast as possible"
    )
    parser.add_argument(
        "--seed", type=whole(0, MAX_SEED), default=0, help="of all random numbers; default 0"
    )
    parser.add_argument(
        "--parameters",
        type=readable_file,
        metavar="FILE",
        help="TOML file that overrides the model",
    )
    parser.add_argument(
        "--state-dir",
        type=writable_folder,
        metavar="DIR",
        help="keep setpoints, snapshots and the put log",
    )
    parser.add_argument(
        "--puts-survive",
        choices=("power-cut", "kill"),
        default="power-cut",
        help="what an acknowledged put survives, with --state-dir; the first waits for the disk",
    )
    parser.add_argument(
        "--access",
        type=readable_file,
        metavar="FILE",
        help="access security file (.acf) instead of ours",
    )
    parser.add_argument(
        "--pva", type=port_number, metavar="PORT", help="serve PV Access too, on this port"
    )
    parser.add_argument(
        "--log-level", type=str.upper, choices=LOG_LEVELS, default="WARNING", help="what is logged"
    )
    add_arguments(parser)
    return parser


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parsed options; what makes no sense ends the process with a message."""
    options = parser.parse_args(arguments)
    if not 0 <= options.speed <= MAX_SPEED:
        parser.error(f"--speed {options.speed:g}: 0 to {MAX_SPEED:g}")
    if why := check_interfaces(options.interfaces):
        parser.error(f"--interfaces {' '.join(options.interfaces)}: {why}")
    if options.pva == options.port:
        parser.error(f"--pva {options.pva}: that is the port of Channel Access")
    return options


def _prefix(text: str) -> str:
    try:
        return check_prefix(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
