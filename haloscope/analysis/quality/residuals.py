"""Residuals of the baseline fits: are they white, Gaussian and as wide as the radiometer says?

Collected chunk by chunk while the analysis runs. Each number comes with what it should be: a fit of
p parameters to m bins leaves m - p degrees of freedom and a correlation of neighbours of -p/m.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.baseline import Baseline
from haloscope.analysis.chain.combine import Reduced
from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.chain.template import line_table
from haloscope.analysis.options import Options
from haloscope.analysis.quality.linescale import (
    LineScale,
    SmootherScale,
    freedom_taken,
    line_scale,
    smoother_scale,
    tail_probability,
)
from haloscope.analysis.spectra import FloatArray

__all__ = ["HISTOGRAM_EDGES", "ResidualSums", "Residuals", "Rows", "residual_rows"]

HISTOGRAM_EDGES = np.linspace(-8.0, 8.0, 161)


@dataclass(frozen=True)
class Rows:
    """What the residuals of n spectra say, in standard deviations of the radiometer equation.

    Attributes:
        width: Standard deviation, shape (n,); 1 by the radiometer equation.
        neighbour_correlation: Correlation of neighbours, shape (n,).
        expected_correlation: What a fit of as many parameters leaves of it, -p/m, shape (n,).
        chi2: Chi-square without strong lines of an axion's shape, shape (n,).
        freedom: Its degrees of freedom, shape (n,).
        line_chi2: Chi-square on the scale of the line (module ``linescale``), shape (n,).
        line_mean: What it should be, shape (n,).
        line_variance: Its variance, shape (n,).
        lines: Strong lines of an axion's shape, shape (n,).
        averages: Periodograms per fine bin, shape (n,).
        converged: Whether each fit converged, shape (n,).
        noise_temperature_k: T_n at the lower end, the cavity and the upper end of the window, shape
            (n, 3), K.
        theta: Fit parameters, shape (n, p).
        cut_share: Share of fine bins cut, shape (n,).
    """

    width: FloatArray
    neighbour_correlation: FloatArray
    expected_correlation: FloatArray
    chi2: FloatArray
    freedom: FloatArray
    line_chi2: FloatArray
    line_mean: FloatArray
    line_variance: FloatArray
    lines: FloatArray
    averages: FloatArray
    converged: NDArray[np.bool_]
    noise_temperature_k: FloatArray
    theta: FloatArray
    cut_share: FloatArray

    @property
    def chi2_per_dof(self) -> FloatArray:
        """Chi-square per degree of freedom, shape (n,)."""
        return self.chi2 / self.freedom

    @property
    def chi2_variance(self) -> FloatArray:
        """Variance of the chi-square, shape (n,): an average of N periodograms has tails."""
        return self.freedom * (2 + 6 / self.averages)

    @property
    def chi2_probability(self) -> FloatArray:
        """Of a chi-square at least as far out, shape (n,)."""
        return tail_probability(self.chi2, self.freedom, self.chi2_variance)

    @property
    def line_probability(self) -> FloatArray:
        """Of a misfit on the scale of the line at least as large, shape (n,)."""
        return tail_probability(self.line_chi2, self.line_mean, self.line_variance)

    def subset(self, index: NDArray[np.bool_]) -> Rows:
        """Those of part of the spectra."""
        return Rows(*(getattr(self, item.name)[index] for item in fields(Rows)))


@dataclass(frozen=True)
class Residuals(Rows):
    """The residuals of all spectra used.

    Attributes:
        histogram: Counts between ``HISTOGRAM_EDGES``.
        skewness: Of all residuals; 2/sqrt(N m) for averaged periodograms.
        excess_kurtosis: Of all residuals; 6/(N m).
        fine_bins: Number of residuals.
    """

    histogram: FloatArray
    skewness: float
    excess_kurtosis: float
    fine_bins: float

    @property
    def all_converged(self) -> bool:
        """True if every fit converged."""
        return bool(self.converged.all())

    @property
    def cut_fraction(self) -> float:
        """Share of fine bins lost to the spike filter and to masks."""
        return float(self.cut_share.mean())


def residual_rows(
    reduced: Reduced,
    baseline: Baseline,
    noise_temperature_k: FloatArray,
    windows: Windows,
    rows: slice,
    options: Options,
) -> Rows:
    """The residuals of the spectra ``rows``.

    Args:
        reduced: These spectra, reduced.
        baseline: Theirs.
        noise_temperature_k: Theirs, at lower end, cavity and upper end, shape (n, 3), K.
        windows: Of all spectra.
        rows: Which these are.
        options: Settings.
    """
    pull = reduced.pull
    good = np.ones_like(pull) if reduced.kept is None else (reduced.kept > 0).astype(float)
    count = good.sum(axis=1)
    sum2 = np.einsum("nj,nj->n", pull, pull)
    near = np.einsum("nj,nj->n", pull[:, 1:], pull[:, :-1]) / np.maximum(sum2, 1e-300)
    taken, scale = _on_lines(reduced, pull, windows, rows, options)
    return Rows(
        np.sqrt(sum2 / np.maximum(count, 1)),
        near,
        -taken / np.maximum(count, 1),
        np.maximum(sum2 - scale.line_chi2, 0.0),
        np.maximum(count - taken - scale.lines, 1.0),
        scale.chi2,
        scale.mean,
        scale.variance,
        scale.lines,
        reduced.averages,
        baseline.converged,
        noise_temperature_k,
        baseline.theta,
        1 - good.mean(axis=1),
    )


def _on_lines(
    reduced: Reduced, pull: FloatArray, windows: Windows, rows: slice, options: Options
) -> tuple[FloatArray, LineScale]:
    """Degrees of freedom that the fits take, shape (n,), and chi2 on the scale of the line."""
    targets = windows.target_hz[rows]
    # Lines as wide as those of 0.1 % more or less: a spectrum's is the same whatever it is with.
    unit = 10.0 ** (np.floor(np.log10(targets)) - 3)
    found: dict[float, list[int]] = {}
    for row, place in enumerate((np.rint(targets / unit) * unit).tolist()):
        found.setdefault(place, []).append(row)
    if len(found) == 1:
        return _on_line(reduced, pull, windows, next(iter(found)), options)
    freedom, parts, order = np.empty(len(pull)), [], []
    for place, some in found.items():
        index = np.array(some)
        freedom[index], part = _on_line(reduced.rows(index), pull[index], windows, place, options)
        parts.append(part)
        order += some
    return freedom, LineScale.together(parts).rows(np.argsort(order))


def _on_line(
    reduced: Reduced, pull: FloatArray, windows: Windows, place_hz: float, options: Options
) -> tuple[FloatArray, LineScale]:
    """The same with the line of an axion of this frequency."""
    table = line_table(np.array([place_hz]), windows.step_hz, options)
    weights = table.weights(options.template)[0]
    response = reduced.taken or _smoother(windows, options, weights)
    taken = (
        np.full(len(pull), response.freedom_taken)
        if isinstance(response, SmootherScale)
        else freedom_taken(response.own)
    )
    return taken, line_scale(pull, reduced.kept, response, weights, options.coarse_merge)


def _smoother(windows: Windows, options: Options, weights: FloatArray) -> SmootherScale:
    window = options.savgol_bins(windows.fine_hz)
    return smoother_scale(
        windows.fine_bins, window, options.savgol_degree, options.coarse_merge, weights
    )


@dataclass
class ResidualSums:
    """Collects the residuals of the spectra used, chunk by chunk."""

    _rows: list[Rows] = field(default_factory=list)
    _moments: FloatArray = field(default_factory=lambda: np.zeros(5))
    _histogram: FloatArray = field(default_factory=lambda: np.zeros(len(HISTOGRAM_EDGES) - 1))

    def add(self, reduced: Reduced, rows: Rows) -> None:
        """Add spectra that are used."""
        pull = reduced.pull
        square = pull * pull
        whole = pull.shape[1]
        of_rows = zip(
            [whole] * len(pull) if reduced.kept is None else np.sum(reduced.kept > 0, axis=1),
            pull.sum(axis=1), square.sum(axis=1),
            np.einsum("nj,nj->n", square, pull), np.einsum("nj,nj->n", square, square),
            strict=True,
        )  # fmt: skip
        for own in of_rows:  # one by one, so that they round alike however many come at once
            self._moments += own
        scaled = (pull - HISTOGRAM_EDGES[0]) * (len(self._histogram) / np.ptp(HISTOGRAM_EDGES))
        place = np.clip(scaled.astype(np.int64), 0, len(self._histogram) - 1)
        self._histogram += np.bincount(place.ravel(), minlength=len(self._histogram))
        self._rows.append(rows)

    def finish(self) -> Residuals:
        """The residuals of everything added."""
        joined: dict[str, Any] = {
            item.name: np.concatenate([getattr(part, item.name) for part in self._rows])
            for item in fields(Rows)
        }
        n, s1, s2, s3, s4 = self._moments
        variance = s2 / n - (s1 / n) ** 2
        return Residuals(
            histogram=self._histogram,
            skewness=float(s3 / n / variance**1.5),
            excess_kurtosis=float(s4 / n / variance**2 - 3),
            fine_bins=float(n),
            **joined,
        )
