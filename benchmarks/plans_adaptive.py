"""The adaptive scan against the fixed 500 s: simulated time to the same coupling everywhere.

    python -m benchmarks.plans_adaptive [--seed 1]

Three bands, simulated in process: quiet with its ends, quiet without its ends (there nothing is to
be gained but by the steps outside), and one with the mode crossing. The fixed scan sets the target:
the largest limit it reaches anywhere in the band.
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
from plans.adaptive import adaptive_scan, worst_coupling
from plans.scan import scan
from plans.steps import planned, without

CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.02,
    "receiver_temperature_k": 1.2,
    "receiver_temperature_k_error": 0.01,
    "line_attenuation_db": 0.45,
    "line_attenuation_db_error": 0.01,
}
#: As `plans.commissioning.map_modes` measures it.
CROSSING = (1094.41, 1094.84)


@dataclass(frozen=True)
class Case:
    """Targets from `first` to `last`, the band inside them, what is left out."""

    name: str
    first_mhz: float
    last_mhz: float
    margin_mhz: float = 0.0
    skip_mhz: tuple[tuple[float, float], ...] = ()


CASES = (
    Case("quiet, with its ends", 1100.0, 1100.8),
    Case("quiet, without its ends", 1100.0, 1100.8, 0.08),
    Case("mode crossing", 1094.0, 1095.2, 0.0, (CROSSING,)),
)


def compare(engine: Any, case: Case, seed: int) -> str:
    """One line of the table."""
    whole = planned(start_mhz=case.first_mhz, stop_mhz=case.last_mhz)
    targets = without(whole, case.skip_mhz)
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
    averages = np.array([count for _, count in end.steps])
    return (
        f"| {case.name} | {len(targets)} | {worst:.3e} | {end.worst_per_gev:.3e} |"
        f" {fixed_s:.0f} | {adaptive_s:.0f} | {100 * (1 - adaptive_s / fixed_s):.0f} % |"
        f" {averages.min()} to {averages.max()} | {'yes' if end.reached else 'no'} |"
    )


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    engine = make_run_engine()
    print(
        "| band | steps | g fixed | g adaptive | fixed s | adaptive s | saved | averages | there |"
    )
    print("|---" * 9 + "|")
    for case in CASES:
        print(compare(engine, case, options.seed), flush=True)
    close_run_engine(engine)


if __name__ == "__main__":
    main()
