"""Blind injections through the whole chain: IOC, plan, catalog, analysis; found as predicted?

For each seed an IOC hides an axion where only the seed decides (or none, with --no-inject), a plan
calibrates and scans, and the analysis reads the catalog. The envelope is opened at the end. The
number found is compared with the sum of the predicted probabilities, the number of chance
candidates with the noise expectation.

    python examples/blind_injections.py --seeds 20
    python examples/blind_injections.py --seeds 20 --no-inject
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from cryohalo.processes.addresses import free_ports, repeater_stand_in
from cryohalo.processes.launcher import LaunchedIoc, Launcher
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
    with repeater_stand_in() as repeater:
        where = {"ports": free_ports(1), "repeater_port": repeater.getsockname()[1]}
        for seed in range(options.first, options.first + options.seeds):
            prefix = f"S{seed}:"
            with Launcher([ioc(seed, prefix, options)], **where) as launcher:
                os.environ.update(launcher.environment)
                fates.append(fate(prefix, options))
            print(line(seed, fates[-1]), flush=True)
    print(verdict(fates, inject=not options.no_inject))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--steps", type=int, default=30, help="steps of 10 kHz")
    parser.add_argument("--coupling", type=float, default=6.3e-16, help="1/GeV")
    parser.add_argument("--no-inject", action="store_true", help="hide nothing")
    return parser.parse_args()


def ioc(seed: int, prefix: str, options: argparse.Namespace) -> LaunchedIoc:
    """The haloscope's IOC; what it hides lies where at least half of the spectra overlap."""
    half = (options.steps - 1) * STEP_MHZ / 2
    band = (f"{CENTRE_MHZ - half}", f"{CENTRE_MHZ + half}")
    hidden = ("--inject", str(options.coupling), "--inject-band", *band)
    common = ("--prefix", prefix, "--seed", str(seed), "--speed", "0")
    return LaunchedIoc("haloscope", arguments=(*common, *(() if options.no_inject else hidden)))


def fate(prefix: str, options: argparse.Namespace) -> Fate:
    """Calibrate, scan, analyse, and only then open the envelope."""
    from cryohalo.session import Session
    from haloscope.apparatus.injection import open_envelope
    from plans.haloscope.calibration import calibrate
    from plans.haloscope.scan import scan

    half = (options.steps - 1) * STEP_MHZ / 2
    with tempfile.TemporaryDirectory() as folder, Session.open(folder, halo_prefix=prefix) as s:
        calibration = s.run_engine(calibrate(s.haloscope, CENTRE_MHZ)).plan_result
        first, last = round(CENTRE_MHZ - half, 6), round(CENTRE_MHZ + half, 6)
        plan = scan(s.haloscope, start_mhz=first, stop_mhz=last, calibration=calibration)
        (run,) = s.run(plan)
        result = analysed(run)
        published = s.haloscope.seal.envelope_hash.get()
        s.haloscope.seal.unseal.set(1).wait(timeout=10)
        return judged(result, open_envelope(s.haloscope.seal.envelope.get(), published))


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
