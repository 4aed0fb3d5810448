"""False candidates of short scans before and after the vetoes, and hidden axions that they lose.

The simulated haloscope is scanned through its plans, in process: 30 steps of 500 s, somewhere from
1096 to 1109 MHz, every scan with a seed and unknowns of its own.

    none      no axion; interference as the simulation has it: 6 lines an hour within 20 MHz, median
              10 mK and 400 Hz wide
    dense     no axion; twenty times as many
    weak      no axion; as many as that, but 2 mK and 800 Hz wide: below what the spike filter cuts
    hidden    an axion of 1 to 2.7 times DFSZ (up to KSVZ) in the field

In the scans ``none``, five axions of such couplings are besides put in by software, one at a time.
Every scan is a line of a file, and is not made again::

    python benchmarks/studies/vetoes_interference.py --output studies/vetoes --scans 100
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kstest

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.analysis.chain.signal import inject
from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.quality.verdicts import QualityError
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.candidates import expected_clusters, neighbour_correlation
from haloscope.analysis.statistics.limits import dfsz
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from instruments.random import generator
from plans.haloscope.scan import scan

STEPS, STEP_MHZ, AVERAGES = 30, 0.01, 5000
BAND_MHZ = (1096.0, 1109.0)
TIMES_DFSZ = (1.0, 2.7)
KINDS: dict[str, dict[str, float]] = {
    "none": {},
    "dense": {"interference_per_hour": 120.0},
    "hidden": {},
    "weak": {
        "interference_per_hour": 120.0,
        "interference_power_k": 0.002,
        "interference_width_hz": 800.0,
    },
}
INJECTED = 5
NEAR_HZ = 3000.0
CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.05,
    "receiver_temperature_k": 1.2,
    "receiver_temperature_k_error": 0.02,
    "line_attenuation_db": 0.4,
    "line_attenuation_db_error": 0.05,
}
OPTIONS = Options()


def scanned(kind: str, seed: int) -> tuple[Spectra, AxionLine | None]:
    """One scan, and the axion in it."""
    random = generator(seed, f"vetoes study: {kind}")
    first_mhz = round(float(random.uniform(*BAND_MHZ)), 3)
    line = None
    if kind == "hidden":
        place_hz = (first_mhz + STEP_MHZ * random.uniform(8, STEPS - 9)) * 1e6
        line = AxionLine(place_hz, float(dfsz(np.array(place_hz)) * random.uniform(*TIMES_DFSZ)))
    letter = HaloscopeParameters.capp12tb()
    receiver = replace(letter.receiver, **KINDS[kind])
    device = Haloscope(
        name="haloscope",
        seed=1000 * list(KINDS).index(kind) + seed,
        parameters=replace(letter, receiver=receiver),
        lines=[] if line is None else [line],
    )
    engine, documents = make_run_engine(), list[tuple[str, dict[str, Any]]]()
    try:
        targets = [round(first_mhz + STEP_MHZ * k, 6) for k in range(STEPS)]
        plan = scan(device, targets, averages=AVERAGES, calibration=CALIBRATION)
        engine(plan, lambda name, document: documents.append((name, document)))
    finally:
        close_run_engine(engine)
        device.bench.close()
    return spectra_from_documents(documents), line


def told(result: Result) -> list[dict[str, Any]]:
    """The candidates of a result as plain values."""
    return [
        {
            "hz": found.frequency_hz,
            "excess": found.excess,
            "vetoed": said.vetoed,
            "p": {test.name: test.p for test in said.tests},
            "verdict": said.verdict,
        }
        for found, said in zip(result.candidates, result.vetoes, strict=True)
    ]


def of_axion(result: Result, axion_hz: float, times: float) -> dict[str, Any]:
    """What became of an axion."""
    near = [c for c in told(result) if abs(c["hz"] - axion_hz) < NEAR_HZ]
    best = max(near, key=lambda c: float(c["excess"]), default=None)
    return {"axion_hz": axion_hz, "times": times, "found": best}


def injected(spectra: Spectra, seed: int) -> Iterator[dict[str, Any]]:
    """Axions put into a scan one at a time, and what became of them."""
    random = generator(seed, "vetoes study: injected")
    low, high = np.sort(spectra.target_frequency_hz)[[7, -8]]
    for _ in range(INJECTED):
        axion_hz, times = float(random.uniform(low, high)), float(random.uniform(*TIMES_DFSZ))
        with_it = inject(spectra, axion_hz, times * float(dfsz(np.array(axion_hz))))
        yield of_axion(analyze(with_it, OPTIONS), axion_hz, times)


def studied(kind: str, seed: int) -> dict[str, Any]:
    """One line of the file."""
    spectra, line = scanned(kind, seed)
    try:
        result = analyze(spectra, OPTIONS)
    except QualityError as error:
        return {"kind": kind, "seed": seed, "refused": str(error)}
    rho = neighbour_correlation(result.grand, result.step_hz, OPTIONS)
    by_chance = expected_clusters(len(result.grand), rho, OPTIONS.threshold)
    known: dict[str, Any] = {
        "kind": kind,
        "seed": seed,
        "by_chance": by_chance,
        "cut": result.quality.cut,
        "believed": result.believed,
        "candidates": told(result),
    }
    if line is not None:
        times = line.coupling_per_gev / float(dfsz(np.array(line.frequency_hz)))
        known["axions"] = [of_axion(result, line.frequency_hz, times)]
    elif kind == "none":
        known["axions"] = list(injected(spectra, seed))
    return known


def _lost(axions: list[Mapping[str, Any]], name: str) -> None:
    found = [a["found"] for a in axions if a["found"] is not None]
    lost = sum(c["vetoed"] for c in found)
    if not found:
        return
    share = lost / len(found)
    error = np.sqrt(max(share, 1 / len(found)) / len(found))
    print(f"{name}: {len(axions)} axions, {len(found)} found, {lost} of them vetoed: "
          f"{share:.2%} +- {error:.2%} (at most {OPTIONS.false_veto:.0%} stated)")  # fmt: skip
    for test in found[0]["p"]:
        p = [c["p"][test] for c in found if test in c["p"]]
        below = np.mean(np.array(p) < OPTIONS.false_veto)
        print(f"    {test:<10} p below 1 %: {below:.2%}; uniform or larger: "
              f"{kstest(p, 'uniform', alternative='greater').pvalue:.2f}")  # fmt: skip


def show(lines: list[Mapping[str, Any]]) -> None:
    """The tables."""
    print("kind, scans, refused, spectra cut, candidates, vetoed, standing, by chance")
    for kind in KINDS:
        mine = [line for line in lines if line["kind"] == kind]
        good = [line for line in mine if "refused" not in line]
        if not good:
            continue
        places = [c for line in good for c in line["candidates"] if not _own(line, c)]
        vetoed = sum(c["vetoed"] for c in places)
        chance = sum(line["by_chance"] for line in good)
        cut = sum(line["cut"] for line in good)
        print(f"{kind}: {len(mine)}, {len(mine) - len(good)}, {cut}, {len(places)}, {vetoed}, "
              f"{len(places) - vetoed}, {chance:.1f} +- {np.sqrt(chance):.1f}")  # fmt: skip
        high = [c for c in places if c["excess"] > 5]
        print(f"    above 5 sigma: {len(high)}, vetoed {sum(c['vetoed'] for c in high)}")
    software = [a for line in lines if line["kind"] == "none" for a in line.get("axions", ())]
    _lost(software, "put in by software")
    _lost([a for line in lines if line["kind"] == "hidden" for a in line.get("axions", ())],
          "in the field")  # fmt: skip


def _own(line: Mapping[str, Any], candidate: Mapping[str, Any]) -> bool:
    """Whether a candidate is the hidden axion of its scan."""
    return line["kind"] == "hidden" and any(
        abs(candidate["hz"] - axion["axion_hz"]) < NEAR_HZ for axion in line.get("axions", ())
    )


def main() -> None:
    """Make what is missing, show all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=100)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    path = given.output / "scans.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(line["kind"], line["seed"]) for line in lines}
    for kind in given.kinds:
        for seed in range(1, given.scans + 1):
            if (kind, seed) in done:
                continue
            lines.append(studied(kind, seed))
            with path.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
    show(lines)


if __name__ == "__main__":
    main()
