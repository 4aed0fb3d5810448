"""A limit beside somebody else's, in the text form of limit compilations.

Each line holds an axion mass in eV and a coupling in 1/GeV (AxionLimits, C. O'Hare,
github.com/cajohare/AxionLimits); ``#`` begins a comment, and a coupling of 1 marks where nothing is
excluded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from haloscope.analysis.exchange import published
from haloscope.analysis.pipeline import Result
from haloscope.analysis.spectra import FloatArray
from haloscope.axion import frequency_hz
from instruments.foreign_files import read_bounded

__all__ = ["Comparison", "Curve", "compared", "curve"]

MAX_BYTES: Final = 50_000_000
#: Above this a coupling is a mark, and no haloscope's limit.
NOT_EXCLUDED: Final = 1e-3
_COLUMNS: Final = 2


@dataclass(frozen=True)
class Curve:
    """A limit.

    Attributes:
        frequency_hz: Ascending, shape (k,), Hz.
        coupling_per_gev: Shape (k,), 1/GeV.
    """

    frequency_hz: FloatArray
    coupling_per_gev: FloatArray


@dataclass(frozen=True)
class Comparison:
    """Somebody else's coupling over ours at their points: above 1 where ours is the deeper.

    Attributes:
        points: Of theirs where we exclude something.
        expected: Quartiles over the limit that does not depend on what was seen.
        observed: Quartiles over that by the power seen.
    """

    points: int
    expected: tuple[float, float, float]
    observed: tuple[float, float, float]

    def __str__(self) -> str:
        (a, b, c), (d, e, f) = self.expected, self.observed
        return (
            f"theirs / ours at {self.points} points: median {b:.3f} (middle half {a:.3f} to "
            f"{c:.3f}) of the limit expected, {e:.3f} ({d:.3f} to {f:.3f}) of that by the power "
            "seen"
        )


def curve(name: str) -> Curve:
    """A shipped curve by its name (capp6, quax), or that of a file.

    Raises:
        OSError: There is no such file.
        ValueError: It is no such file; names it and the line.
    """
    if name == "quax":
        return Curve(*published.quax())
    if name == "capp6":
        own = published.capp6()
        return Curve(own.frequency_hz, own.coupling_per_gev)
    path = Path(name)
    try:
        lines = read_bounded(path, MAX_BYTES).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text") from None
    mass, coupling = _numbers(path, lines).T
    kept = coupling < NOT_EXCLUDED
    if not kept.any():
        raise ValueError(f"{path}: no line excludes a coupling below {NOT_EXCLUDED:g} /GeV")
    order = np.argsort(mass[kept], kind="stable")
    own_hz = mass[kept][order] * frequency_hz(1.0)
    return Curve(own_hz, coupling[kept][order])


def _numbers(path: Path, lines: list[str]) -> FloatArray:
    rows = []
    for at, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].replace(",", " ").split()
        if not words:
            continue
        try:
            row = [float(word) for word in words[:_COLUMNS]]
        except ValueError:
            row = []
        if len(row) < _COLUMNS or not all(0 < value < np.inf for value in row):
            raise ValueError(f"{path}, line {at}: {line!r:.60}, needed a mass in eV and a coupling")
        rows.append(row)
    if not rows:
        raise ValueError(f"{path}: no line with a mass in eV and a coupling in 1/GeV")
    return np.array(rows)


def compared(result: Result, other: Curve) -> Comparison:
    """Hold a result against a curve where both exclude something.

    Raises:
        ValueError: There is no such place; says which bands they are of.
    """
    own = result.excluded
    nu = result.frequency_hz[own]
    theirs = other.frequency_hz
    spacing = float(np.median(np.diff(result.frequency_hz))) if len(nu) > 1 else 0.0
    at = np.searchsorted(nu, theirs).clip(1, max(len(nu) - 1, 1))
    inside = np.zeros(len(theirs), dtype=bool)
    if len(nu) > 1:
        inside = (theirs >= nu[0]) & (theirs <= nu[-1]) & (nu[at] - nu[at - 1] < 1.5 * spacing)
    if not inside.any():
        raise ValueError(
            f"beside: their {theirs[0] * 1e-6:.6f} to {theirs[-1] * 1e-6:.6f} MHz have no point "
            f"in our {result.frequency_hz[0] * 1e-6:.6f} to "
            f"{result.frequency_hz[-1] * 1e-6:.6f} MHz where both exclude something"
        )
    limit = result.limit
    ratios = [
        other.coupling_per_gev[inside] / np.interp(theirs[inside], nu, column[own])
        for column in (limit.coupling_per_gev, limit.observed_per_gev)
    ]
    first, second = ((float(a), float(b), float(c)) for a, b, c in
                     (np.quantile(ratio, [0.25, 0.5, 0.75]) for ratio in ratios))  # fmt: skip
    return Comparison(int(inside.sum()), first, second)
