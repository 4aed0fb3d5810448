"""Blind injections through the whole chain: IOC, plan, catalog, analysis; found as predicted?

For each seed an IOC hides an axion where the seed decides (or none, with --no-inject), a plan
calibrates and scans, and the analysis reads the catalog. The envelope is opened at the end. With
--blind a key file, drawn by chance, takes the seed's place: nobody knows where the axion is, and no
run can be repeated. The number found is compared with the sum of the predicted probabilities, the
number of chance candidates with the noise expectation.

    python examples/blind_injections.py --seeds 20
    python examples/blind_injections.py --seeds 20 --no-inject
    python examples/blind_injections.py --seeds 20 --blind
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cryohalo.processes.addresses import free_ports, repeater_stand_in
from cryohalo.processes.launcher import LaunchedIoc, Launcher
from haloscope.apparatus.blinding import BlindKey
from haloscope.axion import AxionLine

CENTRE_MHZ, STEP_MHZ = 1100.0, 0.010
LINE_WIDTH_HZ = 4050.0


@dataclass(frozen=True)
class Fate:
    """What became of one seed.

    Attributes:
        hidden_hz: Where the axion was, NaN without one.
        probability: Predicted probability of finding it.
        found: A candidate lies within a line width of it.
        chance: Candidates elsewhere.
        expected_chance: Of those, from noise alone.
    """

    hidden_hz: float
    probability: float
    found: bool
    chance: int
    expected_chance: float


def main() -> None:
    """Run all seeds and print the comparison."""
    options = arguments()
    fates = []
    # One address for all: Channel Access reads its environment once in a process's life.
    with repeater_stand_in() as repeater, tempfile.TemporaryDirectory() as keys:
        where = {"ports": free_ports(1), "repeater_port": repeater.getsockname()[1]}
        for seed in range(options.first, options.first + options.seeds):
            prefix = f"S{seed}:"
            key_file = key_in(keys, seed, options) if options.blind else None
            with Launcher([ioc(seed, prefix, options, key_file)], **where) as launcher:
                os.environ.update(launcher.environment)
                fates.append(fate(prefix, options, key_file))
            print(line(seed, fates[-1]), flush=True)
    print(verdict(fates, inject=not options.no_inject))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--steps", type=int, default=30, help="steps of 10 kHz")
    parser.add_argument("--coupling", type=float, default=6.3e-16, help="1/GeV")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-inject", action="store_true", help="hide nothing")
    how.add_argument("--blind", action="store_true", help="hide by chance and a key, not by seed")
    return parser.parse_args()


def band_mhz(options: argparse.Namespace) -> tuple[float, float]:
    """Where it is hidden: where at least half of the spectra overlap."""
    half = (options.steps - 1) * STEP_MHZ / 2
    return CENTRE_MHZ - half, CENTRE_MHZ + half


def key_in(folder: str, number: int, options: argparse.Namespace) -> Path:
    """A key file of its own for one run."""
    low, high = (edge * 1e6 for edge in band_mhz(options))
    path = Path(folder) / f"{number}.key"
    BlindKey.drawn((low, high), (options.coupling, options.coupling)).write(path)
    return path


def ioc(seed: int, prefix: str, options: argparse.Namespace, key_file: Path | None) -> LaunchedIoc:
    """The haloscope's IOC, with something hidden or not."""
    common = ("--prefix", prefix, "--speed", "0")
    if key_file is not None:
        return LaunchedIoc("haloscope", arguments=(*common, "--blind", str(key_file)))
    band = [f"{edge}" for edge in band_mhz(options)]
    hidden = ("--inject", str(options.coupling), "--inject-band", *band)
    seeded = (*common, "--seed", str(seed))
    return LaunchedIoc("haloscope", arguments=(*seeded, *(() if options.no_inject else hidden)))


def fate(prefix: str, options: argparse.Namespace, key_file: Path | None) -> Fate:
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
        return judged(result, open_envelope(opening.start["envelope"], run.start["envelope_hash"]))


def analysed(run: Any) -> Any:
    """The analysis of one run of the catalog."""
    from haloscope.analysis.exchange.documents import spectra_from_documents
    from haloscope.analysis.pipeline import analyze

    return analyze(spectra_from_documents(run.documents()))


def judged(result: Any, hidden: AxionLine | None) -> Fate:
    """Compare candidates with the envelope's contents."""
    from haloscope.analysis.statistics.candidates import expected_clusters, neighbour_correlation
    from haloscope.analysis.statistics.injection import recovery

    options = result.options
    correlation = neighbour_correlation(result.grand, result.step_hz, options)
    by_chance = expected_clusters(len(result.grand), correlation, options.threshold)
    if hidden is None:
        return Fate(np.nan, 0.0, False, len(result.candidates), by_chance)
    seen = recovery(result, hidden.frequency_hz, hidden.coupling_per_gev)
    distances = (abs(c.frequency_hz - hidden.frequency_hz) for c in result.candidates)
    chance = sum(distance > LINE_WIDTH_HZ for distance in distances)
    found = len(result.candidates) > chance
    return Fate(hidden.frequency_hz, seen.probability, found, chance, by_chance)


def line(seed: int, one: Fate) -> str:
    """One seed in words."""
    hidden = "" if np.isnan(one.hidden_hz) else f"hidden at {one.hidden_hz * 1e-6:.6f} MHz, "
    word = "found" if one.found else "not found"
    return f"seed {seed}: {hidden}predicted {one.probability:.2f}, {word}; by chance {one.chance}"


def verdict(fates: list[Fate], *, inject: bool) -> str:
    """Numbers found against their expectation."""
    chance, expected = sum(f.chance for f in fates), sum(f.expected_chance for f in fates)
    text = f"chance candidates {chance}, expected {expected:.1f} +- {expected**0.5:.1f}"
    if not inject:
        return text
    p = np.array([f.probability for f in fates])
    spread = float(np.sqrt(np.sum(p * (1 - p))))
    return f"found {sum(f.found for f in fates)}, expected {p.sum():.1f} +- {spread:.1f}; {text}"


if __name__ == "__main__":
    main()
