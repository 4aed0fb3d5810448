"""Blind injections over many seeds: found or missed as the efficiency predicts.

For every seed the simulated apparatus hides an axion in a sealed envelope; a short scan is taken
through the instruments, analysed, and only then is the envelope opened. In process by default; with
``--catalog`` the runs of a catalog, taken through the IOC, are judged instead (the envelope of each
run is read from a JSON file of texts by run uid)::

    python examples/analysis_blind_injections.py --seeds 20
    python examples/analysis_blind_injections.py --catalog data/runs --envelopes envelopes.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from operating import operator

from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.injection import Recovery, recovery
from haloscope.apparatus.injection import envelope, envelope_hash, hidden_line, open_envelope
from haloscope.axion import AxionLine, coupling_dfsz
from instruments.random import generator
from plans.haloscope.calibration import calibrate
from plans.haloscope.commissioning import cool_and_ramp

FIRST_HZ, STEPS, STEP_HZ = 1.1e9, 24, 10e3
HIDDEN_HZ = (1.10005e9, 1.10018e9)  # Where most spectra of the scan overlap.


def sealed_scan(seed: int) -> tuple[Spectra, str, str]:
    """A scan with a hidden axion: spectra, the envelope and the hash published before."""
    strength = generator(seed, "blind injection strength").uniform(0.3, 1.3)
    line = hidden_line(seed, *HIDDEN_HZ, coupling_dfsz(FIRST_HZ) * float(np.sqrt(strength)))
    text = envelope(line, seed)
    with operator(seed, lines=[line]) as hand:
        hand.run(cool_and_ramp(hand.haloscope))
        calibration = hand.run(calibrate(hand.haloscope, FIRST_HZ / 1e6, averages=500))
        targets_hz = FIRST_HZ + STEP_HZ * np.arange(STEPS)
        spectra = hand.scan((targets_hz / 1e6).tolist(), calibration=calibration)
    return spectra, text, envelope_hash(text)


def in_process(seeds: int) -> Iterator[tuple[str, Recovery]]:
    """Scan, analyse, open, judge."""
    for seed in range(1, seeds + 1):
        spectra, text, published = sealed_scan(seed)
        result = analyze(spectra)
        line = open_envelope(text, published)
        yield f"seed {seed}", recovery(result, line.frequency_hz, line.coupling_per_gev)


def from_catalog(folder: Path, envelopes: Path) -> Iterator[tuple[str, Recovery]]:
    """Judge the runs of a catalog whose envelopes have been opened."""
    from cryohalo.catalog import Catalog

    texts: dict[str, str] = json.loads(envelopes.read_text("utf-8"))
    catalog = Catalog(folder)
    for uid, text in texts.items():
        result = analyze(spectra_from_documents(catalog[uid].documents()))
        line = AxionLine(**json.loads(text)["axion_line"])
        yield uid[:8], recovery(result, line.frequency_hz, line.coupling_per_gev)


def main() -> None:
    """Print every injection and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--catalog", type=Path)
    parser.add_argument("--envelopes", type=Path)
    given = parser.parse_args()
    runs = (
        from_catalog(given.catalog, given.envelopes) if given.catalog else in_process(given.seeds)
    )
    fates = []
    for name, fate in runs:
        fates.append(fate)
        print(
            f"{name}: {fate.axion_hz * 1e-6:.5f} MHz, expected {fate.expected:.2f} +- 1, observed "
            f"{fate.observed:.2f}, probability {fate.probability:.2f}, "
            f"{'found' if fate.found else 'missed'}"
        )
    chance = np.array([fate.probability for fate in fates])
    pulls = np.array([fate.pull for fate in fates])
    found = sum(fate.found for fate in fates)
    spread = float(np.sqrt(np.sum(chance * (1 - chance))))
    print(f"found {found} of {len(fates)}, predicted {chance.sum():.1f} +- {spread:.1f}")
    print(f"pulls: mean {pulls.mean():+.2f} +- {len(pulls) ** -0.5:.2f}, width {pulls.std():.2f}")


if __name__ == "__main__":
    main()
