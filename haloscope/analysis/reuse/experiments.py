"""Results of analyses as experiments that can be combined: read from their files, held together.

What is the same data is refused: results that name one run, or whose grand spectra are correlated.
Within a line of a candidate that stands in any experiment, or in the combination, nothing is
excluded. Where an experiment vetoed a candidate its data are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from haloscope.analysis.distinct import SameDataError
from haloscope.analysis.exchange.files import load
from haloscope.analysis.exchange.hdf5 import Reader, reading
from haloscope.analysis.ranges import same_number
from haloscope.analysis.reuse.combination import (
    Combined,
    Measured,
    combined,
    common_grid,
    covered,
)
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz, left_over
from haloscope.axion import mass_ev

__all__ = ["Experiment", "Together", "read_experiment", "together"]

_ALIKE: Final = 0.25
_SIGMAS: Final = 5.0
_FEWEST: Final = 50
_CLIP: Final = 3.0


@dataclass(frozen=True)
class Experiment:
    """One result.

    Attributes:
        name: Of its apparatus: campaigns of one share the common part of their errors.
        label: What to call it.
        frequency_hz: Of its grand bins, shape (k,), Hz.
        coarse_hz: Width of its coarse bins, Hz.
        line_hz: Width of its line, Hz.
        excess: Normalised excess, shape (k,).
        mean: Mean excess of a DFSZ axion before errors are taken off, shape (k,).
        common: Relative error of it from common terms, shape (k,).
        own: From the others, shape (k,).
        level: Mean excess that its own search asks for.
        threshold: Of its candidates.
        confidence: Of its limit.
        density_fraction: Of its axions.
        standing: Its candidates that stand, (low, high) in Hz.
        vetoed: Those that a veto took for interference.
        runs: What it was made of, by name.
        doubts: Why it is not to be believed; "" if it is.
    """

    name: str
    label: str
    frequency_hz: FloatArray
    coarse_hz: float
    line_hz: float
    excess: FloatArray
    mean: FloatArray
    common: FloatArray
    own: FloatArray
    level: float
    threshold: float
    confidence: float
    density_fraction: float
    standing: tuple[tuple[float, float], ...]
    vetoed: tuple[tuple[float, float], ...]
    runs: frozenset[str]
    doubts: str


@dataclass(frozen=True)
class Together:
    """A combination.

    Attributes:
        frequency_hz: Of axions, shape (k,), Hz.
        result: Of the likelihood.
        coupling_per_gev: Excluded coupling whatever was seen, shape (k,), 1/GeV.
        observed_per_gev: Given what was seen, shape (k,), 1/GeV.
        experiments: How many have data, shape (k,).
        over: Above the threshold of the combined search, shape (k,).
        excluded: Where the limit excludes anything, shape (k,).
        confidence: Of it.
        density_fraction: Of the axions.
        doubts: What is not to be believed, by experiment.
    """

    frequency_hz: FloatArray
    result: Combined
    coupling_per_gev: FloatArray
    observed_per_gev: FloatArray
    experiments: NDArray[np.int64]
    over: NDArray[np.bool_]
    excluded: NDArray[np.bool_]
    confidence: float
    density_fraction: float
    doubts: tuple[str, ...]

    @property
    def mass_ev(self) -> FloatArray:
        """Axion masses, shape (k,), eV."""
        return mass_ev(1.0) * self.frequency_hz


def read_experiment(path: Path | str, name: str = "") -> Experiment:
    """A result file of ``cryohalo analyze``.

    Args:
        path: ``result.h5``.
        name: Of its apparatus; the file's own if not given.

    Raises:
        OSError: No such file.
        ValueError: It is no such file, or lacks what a combination needs; names it.
    """
    grand, limit, more = load(path)
    with reading(path) as file:
        common, own = _errors(file, len(grand.frequency_hz))
        step_hz = file.number("step_hz")
    try:
        return _experiment(Path(path), name, grand, limit, more, common, own, step_hz)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"{path}: a result without {error}: analyse it anew") from error


def _experiment(
    path: Path,
    name: str,
    grand: Any,
    limit: Any,
    more: dict[str, Any],
    common: FloatArray,
    own: FloatArray,
    step_hz: float | None,
) -> Experiment:
    options, provenance = more["options"], more["provenance"]
    fine_hz = float(step_hz or math.nan) * int(options["fine_merge"])
    coarse_hz = fine_hz * int(options["coarse_merge"])
    taken = np.hypot(common, own)
    usable = np.isfinite(limit.expected_snr) & (limit.expected_snr > 0)
    mean = np.where(usable, limit.expected_snr / left_over(taken), 0.0)
    asked = (limit.coupling_per_gev / dfsz(grand.frequency_hz)) ** 2 * limit.expected_snr
    confidence, target = float(options["confidence"]), float(options["target_snr"])
    if not (mean > 0).any() or not math.isfinite(coarse_hz) or not coarse_hz > 0:
        raise ValueError(f"{path}: no bin in which an axion would be seen")
    found = more["candidates"]
    lie = [(float(c["low_hz"]), float(c["high_hz"]), bool(c.get("vetoed"))) for c in found]
    quality = more.get("quality", {})
    return Experiment(
        name or str(provenance.get("apparatus_name", "")) or str(path),
        str(path),
        grand.frequency_hz,
        coarse_hz,
        coarse_hz * int(options["line_bins"]),
        np.where(usable, grand.normalised, 0.0),
        mean,
        common,
        own,
        float(np.median(asked[usable])),
        target - float(ndtri(confidence)),
        confidence,
        float(options.get("density_fraction", 1.0)),
        tuple((low, high) for low, high, vetoed in lie if not vetoed),
        tuple((low, high) for low, high, vetoed in lie if vetoed),
        frozenset(key for key in provenance if str(key).startswith("run_")),
        "" if quality.get("believed", True) else str(quality.get("verdict", "not believed")),
    )


def _errors(file: Reader, bins: int) -> tuple[FloatArray, FloatArray]:
    """Relative errors of the expected power, common and own, as far as they were taken off."""
    names = [n for n in file.members("budget") if n not in ("total", "taken_off")]
    if not names:
        raise ValueError("a result without an error budget: analyse it anew")
    squares = {True: np.zeros(bins), False: np.zeros(bins)}
    for name in names:
        is_common = file.attribute("common", f"budget/{name}")
        row = file.numbers(f"budget/{name}")
        if row.shape != (bins,):
            raise ValueError(f"budget/{name} has shape {row.shape}, needed ({bins},)")
        squares[bool(is_common)] += row**2
    taken = file.numbers("budget/taken_off")
    total = np.sqrt(squares[True] + squares[False])
    # Where the options take T_n alone off, that is what holds here too.
    scale = np.where(total > 0, taken / np.where(total > 0, total, 1.0), 0.0)
    return np.sqrt(squares[True]) * scale, np.sqrt(squares[False]) * scale


def together(experiments: Sequence[Experiment]) -> Together:
    """Combine.

    Raises:
        SameDataError: Two of them are of the same data.
        ValueError: Fewer than two, or their confidence, threshold or density differ; says which.
    """
    if len(experiments) < 2:
        raise ValueError(f"combination: {len(experiments)} results, needed two or more")
    _demand_alike(experiments)
    _demand_distinct(experiments)
    grid = common_grid([(one.frequency_hz, one.coarse_hz) for one in experiments])
    first = experiments[0]
    level = max(one.level for one in experiments)
    result = combined(_measured(experiments, grid), level, first.confidence)
    over = result.z > first.threshold
    line = max(one.line_hz for one in experiments)
    excluded = np.isfinite(result.strength)
    for one in experiments:
        for low, high in one.standing:
            excluded &= (grid <= low - one.line_hz) | (grid >= high + one.line_hz)
    for at in grid[over]:
        excluded &= np.abs(grid - at) >= line
    unit = dfsz(grid)
    count = sum((covered(grid, e.frequency_hz, e.coarse_hz) >= 0).astype(np.int64)
                for e in experiments)  # fmt: skip
    return Together(
        grid,
        result,
        unit * np.sqrt(result.strength),
        unit * np.sqrt(result.observed),
        np.asarray(count),
        over,
        excluded,
        first.confidence,
        first.density_fraction,
        tuple(f"{one.label}: {one.doubts}" for one in experiments if one.doubts),
    )


def _measured(experiments: Sequence[Experiment], grid: FloatArray) -> Measured:
    rows: dict[str, list[FloatArray]] = {n: [] for n in ("excess", "mean", "common", "own")}
    for one in experiments:
        at = covered(grid, one.frequency_hz, one.coarse_hz)
        used = at >= 0
        for low, high in one.vetoed:
            used &= (grid <= low - one.line_hz) | (grid >= high + one.line_hz)
        for name, row in rows.items():
            row.append(np.where(used, getattr(one, name)[at], 0.0))
    stacked = {name: np.array(row) for name, row in rows.items()}
    return Measured(**stacked, apparatus=tuple(one.name for one in experiments))


def _demand_alike(experiments: Sequence[Experiment]) -> None:
    first = experiments[0]
    for name in ("confidence", "threshold", "density_fraction"):
        values = [getattr(one, name) for one in experiments]
        if not all(same_number(value, values[0]) for value in values):
            told = ", ".join(f"{value:.6g} of {one.label}" for value, one in
                             zip(values, experiments, strict=True))  # fmt: skip
            raise ValueError(f"combination: one {name} is needed, not {told}: analyse anew")
    assert first.confidence > 0


def _demand_distinct(experiments: Sequence[Experiment]) -> None:
    for k, one in enumerate(experiments):
        for other in experiments[:k]:
            shared = one.runs & other.runs
            if shared:
                raise SameDataError(
                    f"combination: {sorted(shared)[0]} is in {other.label} and in {one.label}: the "
                    "same data twice"
                )
            alike, needed = _correlation(one, other)
            if alike > needed:
                raise SameDataError(
                    f"combination: the grand spectra of {other.label} and {one.label} are "
                    f"correlated by {alike:.2f}, where chance allows {needed:.2f}: the same data "
                    "twice"
                )


def _correlation(one: Experiment, other: Experiment) -> tuple[float, float]:
    """Of the excesses at the frequencies of both, and what independent data stay below."""
    at = covered(one.frequency_hz, other.frequency_hz, max(one.coarse_hz, other.coarse_hz))
    both = (at >= 0) & (one.mean > 0)
    x, y = one.excess[both], other.excess[at[both]]
    if np.array_equal(x, y) and x.size:
        return 1.0, _ALIKE
    if x.size < _FEWEST:
        return 0.0, _ALIKE
    x, y = np.clip(x, -_CLIP, _CLIP), np.clip(y, -_CLIP, _CLIP)
    if not (x.std() > 0 and y.std() > 0):
        return 0.0, _ALIKE
    bins = max(one.line_hz, other.line_hz) / one.coarse_hz
    return float(np.corrcoef(x, y)[0, 1]), max(_ALIKE, _SIGMAS / math.sqrt(x.size / bins))
