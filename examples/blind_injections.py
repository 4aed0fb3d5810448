"""Blind injections through the whole chain: IOC, plan, catalog, analysis; found as predicted?

For each seed an IOC hides an axion where the seed decides (or none, with --no-inject), a plan
calibrates and scans, and the analysis reads the catalog. The envelope is opened at the end. With
--blind a key file, drawn by chance, takes the seed's place: nobody knows where the axion is, nor
how strong, and no run can be repeated. Pulls, numbers found and coverage are held against what the
analysis predicts, the number of chance candidates against the noise (`fates.table`). What no
experiment knows of its apparatus is another truth every time, as wide as the error budget.

    python examples/blind_injections.py --seeds 20
    python examples/blind_injections.py --seeds 20 --no-inject
    python examples/blind_injections.py --seeds 100 --blind --keep fates.jsonl     # goes on
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from fates import Fate, Kept, judged, table

from cryohalo.processes.addresses import free_ports, repeater_stand_in
from cryohalo.processes.launcher import LaunchedIoc, Launcher
from haloscope.apparatus.blinding import BlindKey
from instruments.random import generator

CENTRE_MHZ, STEP_MHZ = 1100.0, 0.010
#: Of the machine: the noise source is off by as much as the budget assumes of T_n.
UNKNOWN = "[unknowns]\nnoise_source_spread = 0.075\n"


def main() -> None:
    """Run all seeds and print the comparison."""
    options = arguments()
    kept = Kept(options.keep)
    # One address for all: Channel Access reads its environment once in a process's life.
    with repeater_stand_in() as repeater, tempfile.TemporaryDirectory() as folder:
        where = {"ports": free_ports(1), "repeater_port": repeater.getsockname()[1]}
        (Path(folder) / "unknown.toml").write_text(UNKNOWN, "utf-8")
        for seed in kept.missing(range(options.first, options.first + options.seeds)):
            prefix = f"S{seed}:"
            key_file = key_in(folder, seed, options) if options.blind else None
            launched = ioc(seed, prefix, options, Path(folder) / "unknown.toml", key_file)
            with Launcher([launched], **where) as launcher:
                os.environ.update(launcher.environment)
                kept.add(fate(seed, prefix, options, key_file))
    print(table(kept.fates))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--steps", type=int, default=30, help="steps of 10 kHz")
    parser.add_argument("--coupling", type=float, nargs=2, default=(4e-16, 1.8e-15),
                        metavar=("LOW", "HIGH"), help="between these, 1/GeV")  # fmt: skip
    parser.add_argument("--keep", type=Path, help="file of fates; what is in it is not done again")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-inject", action="store_true", help="hide nothing")
    how.add_argument("--blind", action="store_true", help="hide by chance and a key, not by seed")
    return parser.parse_args()


def band_mhz(options: argparse.Namespace) -> tuple[float, float]:
    """Range of the scan."""
    half = (options.steps - 1) * STEP_MHZ / 2
    return CENTRE_MHZ - half, CENTRE_MHZ + half


def hidden_mhz(options: argparse.Namespace) -> tuple[float, float]:
    """Where an axion is hidden: where about all spectra overlap that can do."""
    half = max((options.steps - 13) * STEP_MHZ / 2, STEP_MHZ)
    return CENTRE_MHZ - half, CENTRE_MHZ + half


def key_in(folder: str, number: int, options: argparse.Namespace) -> Path:
    """A key file of its own for one run."""
    low, high = (edge * 1e6 for edge in hidden_mhz(options))
    path = Path(folder) / f"{number}.key"
    BlindKey.drawn((low, high), tuple(options.coupling)).write(path)
    return path


def ioc(
    seed: int, prefix: str, options: argparse.Namespace, parameters: Path, key_file: Path | None
) -> LaunchedIoc:
    """The haloscope's IOC, with something hidden or not."""
    common = ("--prefix", prefix, "--speed", "0", "--parameters", str(parameters))
    if key_file is not None:
        return LaunchedIoc("haloscope", arguments=(*common, "--blind", str(key_file)))
    band = [f"{edge}" for edge in hidden_mhz(options)]
    coupling = generator(seed, "blind injection strength").uniform(*options.coupling)
    hidden = ("--inject", str(float(coupling)), "--inject-band", *band)
    seeded = (*common, "--seed", str(seed))
    return LaunchedIoc("haloscope", arguments=(*seeded, *(() if options.no_inject else hidden)))


def fate(seed: int, prefix: str, options: argparse.Namespace, key_file: Path | None) -> Fate:
    """Calibrate, scan, analyse, and only then open the envelope."""
    from cryohalo.session import Session
    from haloscope.apparatus.injection import open_envelope
    from plans.haloscope.calibration import calibrate
    from plans.haloscope.scan import scan
    from plans.haloscope.unsealing import unseal

    with tempfile.TemporaryDirectory() as folder, Session.open(folder, halo_prefix=prefix) as s:
        calibration = s.run_engine(calibrate(s.haloscope, CENTRE_MHZ)).plan_result
        first, last = (round(edge, 6) for edge in band_mhz(options))
        plan = scan(s.haloscope, start_mhz=first, stop_mhz=last, calibration=calibration)
        (run,) = s.run(plan)
        result = analysed(run)
        key = None if key_file is None else BlindKey.read(key_file).unseal_key
        (opening,) = s.run(unseal(s.haloscope, key))
        line = open_envelope(opening.start["envelope"], run.start["envelope_hash"])
        return judged(seed, result, line)


def analysed(run: Any) -> Any:
    """The analysis of one run of the catalog."""
    from haloscope.analysis.exchange.documents import spectra_from_documents
    from haloscope.analysis.pipeline import analyze

    return analyze(spectra_from_documents(run.documents()))


if __name__ == "__main__":
    main()
