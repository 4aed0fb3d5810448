"""Pulls of fitted resonances over leaks of all sizes and angles, past both kinds of measurement.

    OMP_NUM_THREADS=1 python -m benchmarks.studies.resonance_leaks [--angles 72] [--seed 1]

Each trace is 401 points over +-4 widths of a resonance at 1.1 GHz with Q_L = 35 000, beta = 2,
behind 30 ns of cable, its noise a thousandth of the full amplitude (in each part), with a leak
added before the cable, or past it. A reflection is fitted with the circulator's isolation stated as
what it is. A pull is the distance from the truth over the stated error, systematics and all: its
width over all angles is 1 where errors tell the truth.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haloscope.measuring.goodness import Goodness
from haloscope.measuring.reflection import fit_reflection
from haloscope.measuring.transmission import fit_transmission

NU0_HZ, LOADED_Q, BETA = 1.1e9, 35000.0, 2.0
POINTS, WIDTHS, DELAY_S, NOISE = 401, 8.0, 30e-9, 1e-3
LEAKS_DB = (-40.0, -35.0, -30.0, -25.0, -20.0, -15.0)
GEOMETRIES = ("transmission", "reflection")


@dataclass(frozen=True)
class Pulls:
    """Pulls of one kind of measurement with leaks of one size.

    Attributes:
        pull: Of nu0, Q_L and, of reflections, beta, by angle: (angles, 2 or 3).
        chi2: Of each fit, per degree of freedom.
        bad: Number of fits that are not good.
    """

    pull: NDArray[np.float64]
    chi2: NDArray[np.float64]
    bad: int

    @property
    def width(self) -> NDArray[np.float64]:
        """Root of the mean square of each: the width about the truth."""
        return np.sqrt(np.mean(self.pull**2, axis=0))


def pulls(
    geometry: str, leak_db: float, angles: int, *, past_the_cable: bool, seed: int = 1
) -> Pulls:
    """Fit traces with a leak of one size at equally spaced angles."""
    random = np.random.default_rng([seed, round(-leak_db), past_the_cable])
    found = [
        _fit(geometry, leak_db, angle, past_the_cable, random)
        for angle in np.linspace(0, 2 * np.pi, angles, endpoint=False)
    ]
    good = [goodness for _, goodness in found]
    return Pulls(
        np.array([pull for pull, _ in found]),
        np.array([goodness.chi2 for goodness in good]),
        sum(not goodness.good for goodness in good),
    )


def _fit(
    geometry: str,
    leak_db: float,
    angle: float,
    past_the_cable: bool,
    random: np.random.Generator,
) -> tuple[list[float], Goodness]:
    nu = NU0_HZ + 0.5 * WIDTHS * NU0_HZ / LOADED_Q * np.linspace(-1, 1, POINTS)
    resonance = 1 / (1 + 2j * LOADED_Q * (nu - NU0_HZ) / NU0_HZ)
    leak = 10 ** (leak_db / 20) * np.exp(1j * angle)
    cable = np.exp(-2j * np.pi * DELAY_S * (nu - NU0_HZ))
    added = leak if past_the_cable else leak * cable
    parts = random.standard_normal((2, POINTS))
    noise = NOISE * (parts[0] + 1j * parts[1])
    if geometry == "transmission":
        fit = fit_transmission(nu, resonance * cable + added + noise)
        return [*_pulls_of(fit)], fit.goodness
    s11 = 2 * BETA / (1 + BETA) * resonance - 1
    reflected = fit_reflection(nu, s11 * cable + added + noise, isolation_db=-leak_db)
    of_beta = (reflected.beta - BETA) / reflected.beta_error
    return [*_pulls_of(reflected), of_beta], reflected.goodness


def _pulls_of(fit: object) -> Iterator[float]:
    for name, truth in (("frequency_hz", NU0_HZ), ("loaded_q", LOADED_Q)):
        yield (getattr(fit, name) - truth) / getattr(fit, f"{name}_error")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--angles", type=int, default=72)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print("                                width of the pull   largest      median   not")
    print("measurement  leak    added      nu0   Q_L   beta    pull         chi2     good")
    for geometry in GEOMETRIES:
        everything = []
        for leak_db in LEAKS_DB:
            for past in (False, True):
                found = pulls(geometry, leak_db, args.angles, past_the_cable=past, seed=args.seed)
                everything.append(found.pull)
                print(
                    f"{geometry:12s} {leak_db:4.0f} dB {'past cable' if past else 'before':10s}"
                    f" {_columns(found.width)}   {np.abs(found.pull).max():5.1f}"
                    f"        {np.median(found.chi2):5.2f}   {found.bad:4d}"
                )
        whole = Pulls(np.concatenate(everything), np.ones(1), 0)
        print(f"{geometry:12s} all leaks          {_columns(whole.width)}")


def _columns(width: NDArray[np.float64]) -> str:
    return " ".join([f"{value:5.2f}" for value in width] + ["     "] * (3 - width.size))


if __name__ == "__main__":
    main()
