"""Narrow scans with and without a loud axion: which are believed, and should they be?

    python benchmarks/studies/narrow_scans.py [--scans 40] [--searches 100] [--rippled 5]

The simulated receiver, 21 steps of 500 s, other noise and another receiver in each scan. First as
it is: a doubt is a false alarm. Then searches as the tutorial's, in which what is found is taken
again, seven steps of 2000 s about each place, which show smaller misfits. Then with a ripple of the
gain besides, at rest in frequency ("sky") or about the cavity ("tuned"); what it adds to the grand
spectrum is known, since the same noise is analysed without it. Half a second of a processor for
each scan and analysis, seven for each search.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from bluesky.utils import MsgGenerator

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.quality.verdicts import QualityError
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.axion import AxionLine
from plans.haloscope.campaign import campaign
from plans.haloscope.scan import scan
from plans.haloscope.steps import planned

COUPLINGS = (0.0, 8e-16, 1e-15, 1.45e-15, 1.8e-15, 3e-15)
LOUD = 1.45e-15
#: Of the tutorial on finding an axion, 1/GeV.
HIDDEN = 1e-15, 1.5e-15
MODELS = Options(), Options(baseline="pade", pade_degree=5)
RIPPLES = [
    (at, period_hz, amplitude)
    for at in ("sky", "tuned")
    for period_hz in (9e3, 20e3, 45e3)
    for amplitude in (3e-4, 6e-4, 1e-3)
]
CALIBRATION = {
    "receiver_gain_db": 104.0, "receiver_gain_db_error": 0.02,
    "receiver_temperature_k": 1.2, "receiver_temperature_k_error": 0.01,
    "line_attenuation_db": 0.45, "line_attenuation_db_error": 0.01,
}  # fmt: skip


def hidden(seed: int) -> tuple[float, float]:
    """Somewhere in the scan's middle: frequency in Hz and, as the tutorial's, coupling in 1/GeV."""
    random = np.random.default_rng(1000 + seed)
    return 1100.25e6 + 0.1e6 * float(random.random()), float(random.uniform(*HIDDEN))


@lru_cache(maxsize=64)  # Of each ripple's scans all are the same but for the ripple.
def taken(seed: int, coupling: float) -> tuple[Spectra, bool]:
    """A scan with an axion somewhere in its middle, and whether it was believed meanwhile."""
    lines = [AxionLine(hidden(seed)[0], coupling)] if coupling else []
    device, online = Haloscope(name="haloscope", seed=seed, lines=lines), Online()
    targets = planned(start_mhz=1100.2, stop_mhz=1100.4)
    spectra = recorded(
        device, scan(device, targets, averages=5000, calibration=CALIBRATION), online
    )
    return spectra, online.result().believed


def searched(seed: int) -> Spectra:
    """A search with an axion: the scan, and with 20 000 averages what is found in it."""
    device = Haloscope(name="haloscope", seed=seed, lines=[AxionLine(*hidden(seed))])
    targets = planned(start_mhz=1100.2, stop_mhz=1100.4)
    plan = campaign(device, "axion", targets, averages=5000, calibration=CALIBRATION)
    return recorded(device, plan)


def recorded(device: Haloscope, plan: MsgGenerator[Any], *listeners: Any) -> Spectra:
    """Run a plan on a device, which is closed after it; the spectra that it took."""
    documents: list[tuple[str, dict[str, Any]]] = []
    engine = make_run_engine()
    engine.subscribe(lambda name, document: documents.append((name, document)))
    for listener in listeners:
        engine.subscribe(listener)
    try:
        engine(plan)
    finally:
        close_run_engine(engine)
        device.bench.close()
    return spectra_from_documents(documents)


def rippled(spectra: Spectra, at: str, period_hz: float, amplitude: float) -> Spectra:
    """With a ripple of the gain."""
    first = spectra.frequency_start_hz - (spectra.target_frequency_hz if at == "tuned" else 1.1e9)
    x = first[:, None] + np.arange(spectra.power_w.shape[1]) * spectra.step_hz
    wave = 1 + amplitude * np.sin(2 * np.pi * x / period_hz + 0.7)
    return replace(spectra, power_w=(spectra.power_w * wave).astype(np.float32))


def believed(spectra: Spectra) -> bool:
    """What the analysis says."""
    try:
        return analyze(spectra).believed
    except QualityError:
        return False


def added(one: Grand, other: Grand) -> float:
    """Variance of the difference of two grand spectra with the same noise."""
    hz: list[FloatArray] = [np.rint(grand.frequency_hz) for grand in (one, other)]
    _, i, j = np.intersect1d(*hz, return_indices=True)
    return float(np.mean((one.normalised[i] - other.normalised[j]) ** 2))


@dataclass(frozen=True)
class Rippled:
    """What became of scans with one ripple: added variance of each, and how many were believed."""

    added: list[float]
    without: int
    loud: int


def with_ripple(scans: int, at: str, period_hz: float, amplitude: float) -> Rippled:
    """Scans of one ripple, with no axion and with a loud one."""
    keep = Options(demands=Demands(bad_spectra="keep"))
    more, said = [], np.zeros(2, dtype=int)
    for seed in range(1, scans + 1):
        plain, loud = taken(seed, 0.0)[0], taken(seed, LOUD)[0]
        waved = rippled(plain, at, period_hz, amplitude)
        more.append(added(analyze(plain, keep).grand, analyze(waved, keep).grand))
        said += believed(waved), believed(rippled(loud, at, period_hz, amplitude))
    return Rippled(more, int(said[0]), int(said[1]))


def false_alarms(scans: int) -> Iterator[str]:
    """Of scans of the receiver as it is."""
    for coupling in COUPLINGS:
        found = [taken(seed, coupling) for seed in range(1, scans + 1)]
        after = sum(not believed(spectra) for spectra, _ in found)
        during = sum(not meanwhile for _, meanwhile in found)
        yield f"| {coupling:g} | {after} of {scans} | {during} of {scans} |"


def search_alarms(searches: int) -> Iterator[str]:
    """Of searches with an axion, by the baseline that they are analysed with."""
    doubted: list[list[float]] = [[] for _ in MODELS]
    for seed in range(1, searches + 1):
        spectra = searched(seed)
        for options, added in zip(MODELS, doubted, strict=True):
            result = analyze(spectra, options)
            if not result.believed:
                harm = result.adequacy and result.adequacy.harm
                added.append(harm.added if harm else np.nan)
    for options, added in zip(MODELS, doubted, strict=True):
        span = f"{np.nanmin(added):.2f} to {np.nanmax(added):.2f}" if added else ""
        yield f"| {options.baseline} | {len(added)} of {searches} | {span} |"


def rippled_scans(scans: int) -> Iterator[str]:
    """Of scans with a ripple besides."""
    for at, period_hz, amplitude in RIPPLES:
        seen = with_ripple(scans, at, period_hz, amplitude)
        yield (
            f"| {at}, {period_hz * 1e-3:g} kHz, {amplitude:g} | {np.mean(seen.added):.2f} "
            f"| {seen.without} of {scans} | {seen.loud} of {scans} |"
        )


def show(title: str, lines: Iterator[str]) -> None:
    """Print a table, each line as it comes."""
    print(f"\n{title}\n|{'---|' * (title.count('|') - 1)}")
    for line in lines:
        print(line, flush=True)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=40)
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--rippled", type=int, default=5)
    told = parser.parse_args()
    tables = [
        (told.scans, false_alarms,
         "| axion, 1/GeV | not believed after the scan | while it runs |"),
        (told.searches, search_alarms,
         "| baseline | searches not believed | which adds to their grand variance |"),
        (told.rippled, rippled_scans,
         "| ripple | adds to the grand variance | believed, no axion | with a loud one |"),
    ]  # fmt: skip
    for count, lines, title in tables:
        if count:
            show(title, lines(count))


if __name__ == "__main__":
    main()
