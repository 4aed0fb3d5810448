"""The adaptive scan against the fixed 500 s: simulated time to the same coupling everywhere.

    python -m benchmarks.studies.plans_adaptive [--seeds 1 2 3 4 5]

Three bands, simulated in process: quiet with its ends, quiet without its ends (there nothing is to
be gained but by the steps outside), and one with the mode crossing. The fixed scan sets the target:
the largest limit it reaches anywhere in the band. A seed is a noise of its own, the same in both
scans' machines; with several the spread of what is saved is printed too.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import bluesky.preprocessors as bpp
import numpy as np

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.analysis.online import Online
from plans.haloscope.adaptive import adaptive_scan, worst_coupling
from plans.haloscope.scan import scan
from plans.haloscope.steps import planned, without

CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.02,
    "receiver_temperature_k": 1.2,
    "receiver_temperature_k_error": 0.01,
    "line_attenuation_db": 0.45,
    "line_attenuation_db_error": 0.01,
}
#: As `plans.haloscope.commissioning.map_modes` measures it.
CROSSING = (1094.41, 1094.84)


@dataclass(frozen=True)
class Case:
    """Targets from `first` to `last`, the band inside them, what is left out."""

    name: str
    first_mhz: float
    last_mhz: float
    margin_mhz: float = 0.0
    skip_mhz: tuple[tuple[float, float], ...] = ()

    def targets(self) -> list[float]:
        """Of both scans, MHz."""
        whole = planned(start_mhz=self.first_mhz, stop_mhz=self.last_mhz)
        return without(whole, self.skip_mhz)


CASES = (
    Case("quiet, with its ends", 1100.0, 1100.8),
    Case("quiet, without its ends", 1100.0, 1100.8, 0.08),
    Case("mode crossing", 1094.0, 1095.2, 0.0, (CROSSING,)),
)


@dataclass(frozen=True)
class Comparison:
    """Both scans of one case with one seed: limits in 1/GeV, simulated seconds, averages."""

    worst_per_gev: float
    adaptive_per_gev: float
    fixed_s: float
    adaptive_s: float
    averages: tuple[int, int]
    reached: bool

    @property
    def saved(self) -> float:
        """Share of the fixed scan's time."""
        return 1.0 - self.adaptive_s / self.fixed_s


def compare(engine: Any, case: Case, seed: int) -> Comparison:
    """Scan a case both ways."""
    targets = case.targets()
    band = case.first_mhz + case.margin_mhz, case.last_mhz - case.margin_mhz
    online = Online(keep=False)
    device = Haloscope(name="haloscope", seed=seed)
    engine(bpp.subs_wrapper(scan(device, targets, calibration=CALIBRATION), online))
    fixed_s = device.bench.machine.time_s
    device.bench.close()
    limit = online.result().limit
    worst = worst_coupling(limit.frequency_hz, limit.coupling_per_gev, band, case.skip_mhz)
    device = Haloscope(name="haloscope", seed=seed)
    plan = adaptive_scan(
        device,
        targets,
        worst,
        band_mhz=band,
        skip_mhz=case.skip_mhz,
        calibration=CALIBRATION,
    )
    end = engine(plan).plan_result
    adaptive_s = device.bench.machine.time_s
    device.bench.close()
    averages = [count for _, count in end.steps]
    return Comparison(
        worst,
        end.worst_per_gev,
        fixed_s,
        adaptive_s,
        (min(averages), max(averages)),
        end.reached,
    )


def row(case: Case, seed: int, one: Comparison) -> str:
    """One seed of one case, in Markdown."""
    return (
        f"| {case.name} | {seed} | {one.worst_per_gev:.3e} | {one.adaptive_per_gev:.3e} |"
        f" {one.fixed_s:.0f} | {one.adaptive_s:.0f} | {100 * one.saved:.1f} % |"
        f" {one.averages[0]} to {one.averages[1]} | {'yes' if one.reached else 'no'} |"
    )


def summary(case: Case, all_of_it: list[Comparison]) -> str:
    """All seeds of one case, in Markdown: mean, standard deviation and range of what was saved."""
    saved = 100 * np.array([one.saved for one in all_of_it])
    spread = saved.std(ddof=1) if len(saved) > 1 else float("nan")
    ratio = np.array([one.adaptive_per_gev / one.worst_per_gev for one in all_of_it])
    times = np.mean([[one.fixed_s, one.adaptive_s] for one in all_of_it], axis=0)
    return (
        f"| {case.name} | {len(case.targets())} | {times[0]:.0f} | {times[1]:.0f} |"
        f" {saved.mean():.1f} +- {spread:.1f} % | {saved.min():.1f} to {saved.max():.1f} % |"
        f" {ratio.max():.4f} | {sum(one.reached for one in all_of_it)} of {len(all_of_it)} |"
    )


def main() -> None:
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options = parser.parse_args()
    engine = make_run_engine()
    print(
        "| band | seed | g fixed | g adaptive | fixed s | adaptive s | saved | averages | there |"
    )
    print("|---" * 9 + "|")
    found: dict[str, list[Comparison]] = {case.name: [] for case in CASES}
    for seed in options.seeds:
        for case in CASES:
            one = compare(engine, case, seed)
            found[case.name].append(one)
            print(row(case, seed, one), flush=True)
    print("\n| band | steps | fixed s | adaptive s | saved | range | g over g fixed | there |")
    print("|---" * 8 + "|")
    for case in CASES:
        print(summary(case, found[case.name]))
    close_run_engine(engine)


if __name__ == "__main__":
    main()
