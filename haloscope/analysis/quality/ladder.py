"""The simplest baseline model that describes the data, and whether the one in use does.

A model of p parameters takes p degrees of freedom from the residuals of white noise. If a richer
one with p + q describes n spectra no better, the deviance of all of them together falls by a
chi-square of n q degrees of freedom (S. S. Wilks, Ann. Math. Stat. 9, 60 (1938)); if it falls by
more than chance allows, the simpler model leaves something out. Of all models the simplest is taken
that no richer one beats.

Deviance in bins that a fit has not seen (odd blocks from even ones, with a margin of one standard
error) was tried and is too blunt: half of the data predict with twice the variance, and on measured
spectra of QUAX it finds nothing between models of which the simpler one widens the grand spectrum
by a third.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from haloscope.analysis.chain.baseline import Baseline, fit_baseline
from haloscope.analysis.chain.response import TakenUp, taken_up
from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.chain.template import line_table
from haloscope.analysis.options import Options
from haloscope.analysis.quality.harm import Harm
from haloscope.analysis.quality.linescale import (
    SmootherScale,
    freedom_taken,
    line_scale,
    smoother_scale,
)
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra
from haloscope.analysis.statistics.tails import above_chi_square

__all__ = ["DEGREES", "HIGHEST_DEGREE", "MOST_SPECTRA", "Adequacy", "Rung", "adequacy", "choose"]

#: Spectra that are looked at, spread over the stack.
MOST_SPECTRA = 64
#: A model is beaten if chance lets the deviance fall as far with less probability.
BEATEN = 1e-3
DEGREES = range(2, 7)
#: The richest that these are held against.
HIGHEST_DEGREE = DEGREES[-1] + 2
_JPA_DB = 1.0  # The letter's model is that of a receiver behind a JPA.
_CLIP_SIGMA = 6.0  # A bin further off is a spike's.
_FEWEST = 3
_BINS_PER_PARAMETER = 10


@dataclass(frozen=True)
class Rung:
    """One model of the ladder, from simple to rich.

    Attributes:
        baseline: Its name.
        degree: Of a Pade model; 0 for the others.
        deviance: Mean deviance of a spectrum.
        freedom: Degrees of freedom that it takes from each.
        beaten: Least probability, over all richer models, that chance lets the deviance fall as far
            as theirs; 1 for the richest.
        chosen: It is the one.
    """

    baseline: str
    degree: int
    deviance: float
    freedom: float
    beaten: float
    chosen: bool

    def __str__(self) -> str:
        name = f"{self.baseline} {self.degree}" if self.degree else self.baseline
        chosen = ", chosen" if self.chosen else ""
        return f"{name} (deviance {self.deviance:.1f}, p {self.beaten:.1g}{chosen})"


@dataclass(frozen=True)
class Adequacy:
    """The model in use against a richer one.

    Attributes:
        richer: The richer one that describes the data best; "" if there is none to compare with.
        options: Settings with it; None if there is none.
        excess: By how much the deviance of a spectrum falls beyond chance.
        probability: That chance lets it fall as far.
        width: Share that this adds to the variance of the grand spectrum at most: if it is the same
            in all spectra and as smooth as a line.
        harm: What it does, where that was measured.
    """

    richer: str
    options: Options | None
    excess: float
    probability: float
    width: float
    harm: Harm | None = None


@dataclass(frozen=True)
class _Described:
    """A model fitted: deviance, degrees of freedom taken and strong lines, each of shape (n,)."""

    options: Options
    deviance: FloatArray
    freedom: FloatArray
    lines: FloatArray


def choose(
    spectra: Spectra, windows: Windows, options: Options
) -> tuple[Options, tuple[Rung, ...]]:
    """Settle on a model.

    Args:
        spectra: The stack, without rows that are no spectra; its power is not looked at.
        windows: Its windows.
        options: Settings.

    Returns:
        The options with the model chosen, and all models tried.

    Raises:
        ValueError: No model can be fitted to spectra of so few bins.
    """
    sample = _Sample.of(spectra, windows)
    tried = [sample.described(own) for own in _models(spectra, windows, options)]
    if not tried:
        raise ValueError(
            f"baseline: none can be chosen for windows of {windows.fine_bins} bins: the simplest "
            f"needs more than {_BINS_PER_PARAMETER * (DEGREES[0] + 3)}; name one, or take a wider "
            "window"
        )
    calm = _calm(tried)
    beaten = [
        min([_chance(one, other, calm) for other in tried[k + 1 :]], default=1.0)
        for k, one in enumerate(tried)
    ]
    simplest = next(k for k, p in enumerate(beaten) if p > BEATEN)
    rungs = tuple(
        Rung(
            one.options.baseline,
            one.options.pade_degree if one.options.baseline == "pade" else 0,
            float(one.deviance[calm].mean()),
            float(one.freedom[calm].mean()),
            beaten[k],
            k == simplest,
        )
        for k, one in enumerate(tried)
    )
    return tried[simplest].options, rungs


def adequacy(spectra: Spectra, windows: Windows, options: Options, overlaps: float) -> Adequacy:
    """Hold the model in use against richer ones.

    Args:
        spectra: The stack; its power is not looked at.
        windows: Its windows.
        options: Settings with the model in use.
        overlaps: Spectra over one frequency.
    """
    models = list(_richer(windows, options))
    if not models:
        return Adequacy("", None, 0.0, 1.0, 0.0)
    sample = _Sample.of(spectra, windows)
    own, others = sample.described(options), [sample.described(other) for other in models]
    calm = _calm([own, *others])
    chances = [_chance(own, other, calm) for other in others]
    best = int(np.argmin(chances))
    other = others[best]
    fall = (own.deviance - other.deviance)[calm].mean()
    excess = float(fall - (other.freedom - own.freedom)[calm].mean())
    weights = _weights(windows, options)
    # A misfit f per bin, as smooth as a line, has m f^2 of deviance and n_eff f^2 of z^2.
    effective = options.coarse_merge * float(weights.sum() ** 2 / (weights @ weights))
    width = max(excess, 0.0) * effective / windows.fine_bins * overlaps
    name = f"pade {other.options.pade_degree}"
    return Adequacy(name, other.options, excess, chances[best], width)


def _models(spectra: Spectra, windows: Windows, options: Options) -> Iterator[Options]:
    """Models that these spectra allow, the simplest first."""
    for degree in DEGREES:
        if degree == 4 and np.median(spectra.jpa_gain_peak_db) > _JPA_DB:
            yield replace(options, baseline="letter")
        if _enough_bins(windows, degree):
            yield replace(options, baseline="pade", pade_degree=degree)
    if options.savgol_degree < options.savgol_bins(windows.fine_hz) <= windows.fine_bins:
        yield replace(options, baseline="savgol")


def _richer(windows: Windows, options: Options) -> Iterator[Options]:
    """Models that follow more than the one in use; none for a smoother."""
    first = {"pade": options.pade_degree + 1, "letter": 5}.get(options.baseline)
    if first is not None:
        for degree in (first, first + 1):
            if _enough_bins(windows, degree):
                yield replace(options, baseline="pade", pade_degree=degree)


def _enough_bins(windows: Windows, degree: int) -> bool:
    return windows.fine_bins > _BINS_PER_PARAMETER * (degree + 3)


def _calm(tried: Sequence[_Described]) -> IntArray:
    """Spectra without a strong line, which richer models would follow; all if too few are left."""
    lines = np.max([one.lines for one in tried], axis=0)
    calm = np.flatnonzero(lines == 0)
    return calm if calm.size >= min(_FEWEST, len(lines)) else np.arange(len(lines))


def _chance(one: _Described, other: _Described, rows: IntArray) -> float:
    """Probability that noise alone lets the deviance fall as far from one model to a richer one."""
    fall = float((one.deviance - other.deviance)[rows].sum())
    more = float((other.freedom - one.freedom)[rows].sum())
    return above_chi_square(fall, max(more, 0.5 * len(rows)))


def _weights(windows: Windows, options: Options) -> FloatArray:
    table = line_table(windows.target_hz[:1], windows.step_hz, options)
    return table.weights(options.template)[0]


@dataclass(frozen=True)
class _Sample:
    """Spectra spread over a stack (n), with their windows."""

    spectra: Spectra
    windows: Windows
    merged: FloatArray

    @classmethod
    def of(cls, spectra: Spectra, windows: Windows) -> _Sample:
        count = len(spectra)
        rows = np.unique(np.linspace(0, count - 1, min(count, MOST_SPECTRA)).astype(np.int64))
        some = windows.rows(rows)
        return cls(spectra.without_power(rows), some, some.merged())

    def described(self, options: Options) -> _Described:
        """Fit a model."""
        windows, rows = self.windows, slice(0, len(self.spectra))
        baseline = fit_baseline(self.spectra, windows, self.merged, rows, options)
        averages = self.spectra.num_averages * windows.merge
        root = np.sqrt(averages)[:, None]
        with np.errstate(all="ignore"):
            residual = self.merged / baseline.power - 1
            inside = np.clip(residual, -np.minimum(_CLIP_SIGMA / root, 0.99), _CLIP_SIGMA / root)
            deviance = 2 * averages[:, None] * (inside - np.log1p(inside))
        deviance = np.where(np.isfinite(residual), deviance, _CLIP_SIGMA**2)
        response = self._response(baseline, averages, options)
        pull = np.where(np.isfinite(residual), inside * root, 0.0)
        scale = line_scale(pull, None, response, _weights(windows, options), options.coarse_merge)
        freedom = (
            np.full(len(root), response.freedom_taken)
            if isinstance(response, SmootherScale)
            else freedom_taken(response.own)
        )
        return _Described(options, deviance.sum(axis=1), freedom, scale.lines)

    def _response(
        self, baseline: Baseline, averages: FloatArray, options: Options
    ) -> TakenUp | SmootherScale:
        windows = self.windows
        if baseline.shape is not None:
            return taken_up(baseline, windows, slice(0, len(self.spectra)), averages, options)
        return smoother_scale(
            windows.fine_bins, options.savgol_bins(windows.fine_hz), options.savgol_degree,
            options.coarse_merge, _weights(windows, options),
        )  # fmt: skip
