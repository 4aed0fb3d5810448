"""Calibrating the refrigerator's model: are the errors that it states those of its results?

    python -m benchmarks.studies.amrr_calibration [--seeds 6] [--fit NAME=TRUTH ...]

A machine whose parameters differ from the fit's start is measured at four loads, with noise of the
stated errors; each seed draws other noise. Pulls are (fitted - true)/error; over many seeds their
mean is 0 and their standard deviation 1. The correlation and the least determined combination say
which parameters the data cannot tell apart. The machine is that of the command (20 lumps a bed, 0.2
s): one that is settled to 1 mK only, as with 12 lumps and 0.5 s, has noise of its own in its
derivatives, and states errors that are several times too small.
"""

from __future__ import annotations

import argparse

import numpy as np

from amrr.design.points import Effort, at_load, running
from amrr.parameters import RefrigeratorParameters
from amrr.studies.calibration import ERRORS, MeasuredPoint, calibrate
from amrr.studies.ranges import with_values

START = with_values(RefrigeratorParameters(), {"regenerator.nodes": 20, "dt_s": 0.2})
EFFORT = Effort(tolerance_k=2e-4, most_cycles=80)
LOADS_W = (200e-6, 500e-6, 800e-6, 1100e-6)
TRUTH = ("molecular_field_scale=1.05", "exchangers.parasitic_w=9e-5")


def _measured(values: dict[str, float]) -> list[MeasuredPoint]:
    machine = running(with_values(START, values))
    states = [(load_w, at_load(machine, load_w, EFFORT)) for load_w in LOADS_W]
    return [
        MeasuredPoint(load_w, START.cycle, {name: float(getattr(state, name)) for name in ERRORS})
        for load_w, state in states
    ]


def _noisy(points: list[MeasuredPoint], seed: int) -> list[MeasuredPoint]:
    rng = np.random.default_rng(seed)
    return [
        MeasuredPoint(
            p.load_w, p.cycle, {k: v + ERRORS[k] * float(rng.normal()) for k, v in p.values.items()}
        )
        for p in points
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--fit", nargs="+", default=list(TRUTH), metavar="NAME=TRUTH")
    parser.add_argument("--use", nargs="+", default=["chx_k", "lowest_k", "highest_k"])
    chosen = parser.parse_args()
    truth = {name: float(value) for name, value in (text.split("=") for text in chosen.fit)}
    exact = _measured(truth)
    pulls = []
    for seed in range(chosen.seeds):
        found = calibrate(
            _noisy(exact, seed), tuple(truth), start=START, use=chosen.use, effort=EFFORT
        )
        pulls.append((found.values - np.array(list(truth.values()))) / found.errors)
        shown = "  ".join(
            f"{name} {v:.6g} +- {e:.2g}"
            for name, v, e in zip(found.names, found.values, found.errors, strict=True)
        )
        print(f"seed {seed}: {shown}  chi2 {found.chi_square:.1f}/{found.degrees}", flush=True)
        if seed == 0:
            print(np.round(found.correlation, 3))
            print(found.directions[-1])
    mean, spread = np.mean(pulls, axis=0), np.std(pulls, axis=0, ddof=1)
    for name, m, s in zip(truth, mean, spread, strict=True):
        print(f"{name}: pulls {m:+.2f} +- {s / np.sqrt(len(pulls)):.2f}, their spread {s:.2f}")


if __name__ == "__main__":
    main()
