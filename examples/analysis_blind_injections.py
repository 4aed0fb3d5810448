"""Blind injections over many seeds: found or missed as the efficiency and the error budget predict.

For every seed the simulated apparatus hides an axion of random coupling in a sealed envelope; a
short scan is taken through the instruments, analysed, and only then is the envelope opened. What no
experiment knows of its apparatus is another truth under every seed, with spreads as large as the
budget's errors: the noise source, on which T_n hangs, is off by 7.5 %. In process by default; with
``--catalog`` the runs of a catalog, taken through the IOC, are judged instead (the envelope of each
run is read from a JSON file of texts by run uid)::

    python examples/analysis_blind_injections.py --seeds 20
    python examples/analysis_blind_injections.py --seeds 1000 --keep fates.jsonl    # goes on
    python examples/analysis_blind_injections.py --seeds 100 --first 100001 --empty
    python examples/analysis_blind_injections.py --catalog data/runs --envelopes envelopes.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fates import Fate, Kept, judged, table
from operating import operator

from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra
from haloscope.apparatus.injection import envelope, envelope_hash, hidden_line, open_envelope
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from instruments.random import generator
from plans.haloscope.calibration import calibrate
from plans.haloscope.commissioning import cool_and_ramp

FIRST_HZ, STEPS, STEP_HZ = 1.1e9, 18, 10e3
HIDDEN_HZ = (1.100055e9, 1.100105e9)  # Where all spectra that can do overlap.
COUPLING_PER_GEV = (4e-16, 1.8e-15)  # 0.6 of the limit to KSVZ.
#: What T_n is uncertain by where no two methods are compared (``Options.noise_systematic``).
UNKNOWN = {"unknowns": {"noise_source_spread": 0.075}}


def sealed_scan(seed: int, *, empty: bool = False) -> tuple[Spectra, str, str]:
    """A scan with a hidden axion: spectra, the envelope and the hash published before."""
    coupling = generator(seed, "blind injection strength").uniform(*COUPLING_PER_GEV)
    line = None if empty else hidden_line(seed, *HIDDEN_HZ, float(coupling))
    text = envelope(line, seed)
    parameters = HaloscopeParameters.from_mapping(UNKNOWN)
    with operator(seed, lines=[] if line is None else [line], parameters=parameters) as hand:
        hand.run(cool_and_ramp(hand.haloscope))
        calibration = hand.run(calibrate(hand.haloscope, FIRST_HZ / 1e6, averages=500))
        targets_hz = FIRST_HZ + STEP_HZ * np.arange(STEPS)
        spectra = hand.scan((targets_hz / 1e6).tolist(), calibration=calibration)
    return spectra, text, envelope_hash(text)


def in_process(seed: int, *, empty: bool = False) -> Fate:
    """Scan, analyse, open, judge."""
    spectra, text, published = sealed_scan(seed, empty=empty)
    result = analyze(spectra)
    return judged(seed, result, open_envelope(text, published))


def from_catalog(folder: Path, envelopes: Path) -> Iterator[Fate]:
    """Judge the runs of a catalog whose envelopes have been opened."""
    from cryohalo.catalog import Catalog

    texts: dict[str, str] = json.loads(envelopes.read_text("utf-8"))
    catalog = Catalog(folder)
    for number, (uid, text) in enumerate(texts.items()):
        result = analyze(spectra_from_documents(catalog[uid].documents()))
        yield judged(number, result, AxionLine(**json.loads(text)["axion_line"]))


def main() -> None:
    """Print every injection and the sums."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--empty", action="store_true", help="hide nothing")
    parser.add_argument("--keep", type=Path, help="file of fates; what is in it is not done again")
    parser.add_argument("--catalog", type=Path)
    parser.add_argument("--envelopes", type=Path)
    given = parser.parse_args()
    kept = Kept(given.keep)
    if given.catalog:
        for fate in from_catalog(given.catalog, given.envelopes):
            kept.add(fate)
    else:
        for seed in kept.missing(range(given.first, given.first + given.seeds)):
            kept.add(in_process(seed, empty=given.empty))
    print(table(kept.fates))


if __name__ == "__main__":
    main()
