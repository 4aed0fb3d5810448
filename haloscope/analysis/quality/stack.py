"""Tests of the whole analysis: each with what was found, what is expected and whether they agree.

The grand spectrum's own errors come from its correlated bins: with rho_k the correlation of bins k
apart, the mean of n bins has the variance sum_k rho_k / n, and the width the relative variance
sum_k rho_k^2 / (2 n). The fits of the baselines take up slow waves, so that the mean scatters less
than that; the width does not.

Whether a misfit of the baseline does harm has two answers. Measured against a richer model that
describes the data better (module ``harm``) it is known to a few percent of the grand spectrum's
variance, however few the bins. Where none does, the width has to tell, which takes many bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.chain.template import line_table
from haloscope.analysis.options import Options
from haloscope.analysis.quality.calm import Calm, strong
from haloscope.analysis.quality.ladder import Adequacy
from haloscope.analysis.quality.linescale import tail_probability
from haloscope.analysis.quality.residuals import HISTOGRAM_EDGES, Residuals
from haloscope.analysis.quality.verdicts import Check, Fault, Quality
from haloscope.analysis.spectra import Calibration, FloatArray
from haloscope.analysis.statistics.candidates import (
    Candidate,
    expected_clusters,
    neighbour_correlation,
)
from haloscope.analysis.statistics.tails import above_poisson

__all__ = [
    "MISFIT",
    "RICHER",
    "WIDTH",
    "beaten",
    "described",
    "grand_checks",
    "grand_errors",
    "harmless",
    "misfit_is_harmless",
    "model_checks",
    "outside_candidates",
    "seen_harmless",
    "spectra_checks",
]

WIDTH: Final = "width of the grand spectrum"
MISFIT: Final = "residuals averaged over a line, all spectra"
RICHER: Final = "no richer model describes the data better"
#: A test fails at less probability than this.
SURPRISING: Final = 1e-3
#: And so does one that decides whether the result is to be believed.
UNBELIEVABLE: Final = 1e-4
#: A richer baseline model that describes the data better, with less probability by chance.
UNBELIEVABLE_MODEL: Final = 1e-3
#: What a misfit may add to the variance of the grand spectrum at most: 5 % of its width.
_MODEL_SLACK: Final = 0.1
#: And what it may take of an axion's power.
_POWER_SLACK: Final = 0.05
#: Share of the spectra that may have another noise temperature.
_OUTER: Final = 0.05
_MOST_CUT_FROM_A_SMOOTHER: Final = 0.02
_MEAN_SIGMA, _WIDTH_SIGMA = 3.0, 2.5
_WRONG_WIDTH_SIGMA: Final = 4.0
#: What a grand width may be off besides its error: half a percent of a limit.
_WIDTH_SLACK: Final = 0.01


def spectra_checks(
    seen: Residuals, quality: Quality, options: Options, *, harmless: bool
) -> list[Check]:
    """Tests of the spectra and their fits.

    Args:
        seen: Residuals of the spectra used.
        quality: Verdicts on all of them.
        options: Settings.
        harmless: Whether misfits are known to do no harm (``harmless``).
    """
    n = seen.fine_bins
    width, near = float(seen.width.mean()), seen.neighbour_correlation - seen.expected_correlation
    left = np.sqrt(seen.freedom.sum() / (seen.freedom.sum() + _taken(seen)))
    spread = 5 / np.sqrt(2 * seen.freedom.min())
    expected = float(seen.expected_correlation.mean())
    return [
        Check("spectra cut", f"{quality.cut} of {quality.spectra}: {quality.reasons}", "none",
              not quality.cut and not quality.findings),
        Check("most spectra are used", f"{quality.used.mean():.0%}", "more than half",
              bool(quality.used.mean() > 0.5), decisive=True),
        Check("baseline fits converged", f"{seen.converged.mean():.1%} of {len(seen.width)}", "all",
              seen.all_converged),
        Check("width of fit residuals / radiometer", f"{width:.4f}", f"{left:.4f}",
              abs(width - left) < 5 / np.sqrt(2 * n) + 0.002),
        Check("widest and narrowest spectrum", f"{seen.width.min():.3f} to {seen.width.max():.3f}",
              f"{left:.3f} +- {spread:.3f}", bool(np.all(np.abs(seen.width - left) < spread))),
        Check("correlation of neighbouring residuals", f"{seen.neighbour_correlation.mean():.2g}",
              f"{expected:.2g} +- {4 / np.sqrt(n):.2g}", abs(float(near.mean())) < 4 / np.sqrt(n)),
        Check("residuals beyond 6 sigma", f"{_tail(seen.histogram):.0f}", "0",
              _tail(seen.histogram) == 0),
        _misfit(seen, options, harmless),
        _noise(seen, quality, options),
        _cut(seen, options),
    ]  # fmt: skip


def _cut(seen: Residuals, options: Options) -> Check:
    """Bins cut; the efficiency of a smoother is that of whole spectra."""
    share = seen.cut_fraction
    wrong = options.baseline == "savgol" and share > _MOST_CUT_FROM_A_SMOOTHER
    return Check("fine bins cut", f"{share:.3%}", "below 1 %", share < 0.01, decisive=wrong)


def _taken(seen: Residuals) -> float:
    """Degrees of freedom that all fits together take."""
    return float(-(seen.expected_correlation * seen.fine_bins / len(seen.width)).sum())


def _misfit(seen: Residuals, options: Options, harmless: bool) -> Check:
    ratio, error, p = _line_scale(seen)
    return Check(MISFIT, f"{ratio:.4f} (p {p:.2g})", f"1 +- {error:.4f}",
                 described(seen, options), decisive=not harmless)  # fmt: skip


def _line_scale(seen: Residuals) -> tuple[float, float, float]:
    """Width of all residuals together on the scale of the line, its error and its probability."""
    chi2, mean, variance = seen.line_chi2.sum(), seen.line_mean.sum(), seen.line_variance.sum()
    ratio, error = float(np.sqrt(chi2 / mean)), float(0.5 * np.sqrt(variance) / mean)
    return ratio, error, float(tail_probability(chi2, mean, variance))


def described(seen: Residuals, options: Options) -> bool:
    """Whether the baseline's model leaves no misfit on the scale of the line.

    By the sum of all spectra's chi-square: the model is one for all.
    """
    ratio, _, p = _line_scale(seen)
    return p > UNBELIEVABLE or abs(ratio - 1) < options.demands.misfit_slack


def _noise(seen: Residuals, quality: Quality, options: Options) -> Check:
    """T_n at the cavity over the stack: one calibration of the gain holds for all of it.

    If many were cut because they differ from the rest, nobody knows which of the two the
    calibration is of.
    """
    cavity = seen.noise_temperature_k[:, 1]
    low, high = np.quantile(cavity, [_OUTER, 1 - _OUTER])
    span, most = float(high / low - 1), options.demands.noise_span
    off = quality.counts.get(Fault.NOISE_DRIFT, 0) - int(
        sum(quality.used[f.spectrum] for f in quality.findings if f.fault is Fault.NOISE_DRIFT)
    )
    found = f"{low * 1e3:.4g} to {high * 1e3:.4g} mK" + (f", {off} others cut" if off else "")
    few = off <= max(1, _OUTER * quality.spectra)
    return Check("noise temperature over the stack", found,
                 f"the same within {most:.0%}, of all but {_OUTER:.0%}", span < most and few,
                 decisive=True)  # fmt: skip


def beaten(held: Adequacy | None) -> bool:
    """Whether a richer model describes the data better, by what may matter to the result."""
    return held is not None and held.probability < UNBELIEVABLE_MODEL and held.width > _MODEL_SLACK


def seen_harmless(held: Adequacy | None) -> bool:
    """Whether what the model leaves out was measured to do no harm."""
    return (
        held is not None
        and held.harm is not None
        and held.harm.added < _MODEL_SLACK
        and abs(held.harm.recovered - 1) < _POWER_SLACK
    )


def model_checks(held: Adequacy | None, *, harmless: bool) -> list[Check]:
    """Tests of the baseline's model; none where it was held against no richer one."""
    if held is None or not held.richer:
        return []
    found = (
        f"deviance {held.excess:.2f} lower with {held.richer} beyond chance (p "
        f"{held.probability:.1g}), at most {held.width:.2g} of the grand variance"
    )
    if held.harm is not None:
        added, recovered = held.harm.added, held.harm.recovered
        found += f"; measured: {added:.2g} of it, {recovered:.0%} of an axion's power"
    expected = f"p > {UNBELIEVABLE_MODEL:g}, or less than {_MODEL_SLACK:g}"
    return [Check(RICHER, found, expected, not beaten(held), decisive=not harmless)]


def _tail(histogram: FloatArray) -> float:
    centre = 0.5 * (HISTOGRAM_EDGES[1:] + HISTOGRAM_EDGES[:-1])
    return float(histogram[np.abs(centre) > 6].sum())


def grand_errors(grand: Grand, step_hz: float, options: Options) -> tuple[float, float]:
    """Standard errors of the mean and of the width of the normalised grand spectrum."""
    middle = grand.frequency_hz[len(grand) // 2 : len(grand) // 2 + 1]
    weights = line_table(middle, step_hz, options).weights(options.template)[0]
    rho = np.correlate(weights, weights, mode="full") / (weights @ weights)
    n = len(grand)
    return float(np.sqrt(rho.sum() / n)), float(np.sqrt((rho**2).sum() / (2 * n)))


def outside_candidates(
    calm: Calm, candidates: Sequence[Candidate], step_hz: float, options: Options
) -> NDArray[np.bool_]:
    """Grand bins of a calmed stack that no candidate touches, shape (k,).

    Those are the ones that share a coarse bin with it, and beside a strong one whose line was not
    taken out all bins of the spectra that hold it: their baselines bend towards it.
    """
    line = options.line_bins * options.coarse_merge * options.fine_merge * step_hz
    frequency_hz = calm.grand.frequency_hz
    clear = np.ones(len(frequency_hz), dtype=bool)
    bending = [found for found in strong(candidates) if found not in calm.taken_out]
    for found in candidates:
        reach = options.window_hz if found in bending else line
        low, high = found.low_hz - reach, found.high_hz + reach
        clear &= ~((frequency_hz > low) & (frequency_hz < high))
    return clear


def harmless(held: Adequacy | None, *, averaged_out: bool) -> bool:
    """Whether what the model leaves out is known to do no harm.

    Args:
        held: The model against a richer one; None if that was not looked at.
        averaged_out: What the grand spectrum's width tells (``misfit_is_harmless``).
    """
    return seen_harmless(held) or (averaged_out and not beaten(held))


def misfit_is_harmless(
    calm: Calm, candidates: Sequence[Candidate], step_hz: float, options: Options
) -> bool:
    """Whether the width of a grand spectrum leaves no room for what a misfit could add to it.

    Misfits of many spectra over one frequency add up if they are alike and average out if not; a
    grand spectrum of many bins tells which.
    """
    quiet = calm.grand.normalised[outside_candidates(calm, candidates, step_hz, options)]
    if len(quiet) < 3 * options.line_bins:
        return False
    _, error = grand_errors(calm.grand, step_hz, options)
    error *= float(np.sqrt(len(calm.grand) / len(quiet)))
    width = float(np.sqrt(np.mean(quiet**2)))
    return bool((width + 2 * error) ** 2 - 1 < _MODEL_SLACK)


def grand_checks(
    grand: Grand,
    candidates: Sequence[Candidate],
    calibration: Calibration,
    step_hz: float,
    options: Options,
    calm: Calm,
) -> list[Check]:
    """Tests of the grand spectrum.

    Its width is that of ``calm``, the same without strong candidates' lines, where no candidate is.
    """
    clear = outside_candidates(calm, candidates, step_hz, options)
    assumed = calibration.assumed
    return [
        *_distribution_checks(calm.grand.normalised[clear], calm.grand, step_hz, options),
        *_candidate_checks(grand, candidates, step_hz, options),
        Check("assumed, not measured", ", ".join(assumed) or "nothing", "nothing", not assumed),
    ]  # fmt: skip


def _distribution_checks(
    calm: FloatArray, grand: Grand, step_hz: float, options: Options
) -> list[Check]:
    if len(calm) < 3 * options.line_bins:
        found = f"{len(calm)} bins away from candidates"
        return [Check(WIDTH, found, "too few to tell", True)]
    mean_error, width_error = np.array(grand_errors(grand, step_hz, options)) * np.sqrt(
        len(grand) / len(calm)
    )
    mean, width = float(np.mean(calm)), float(np.sqrt(np.mean(calm**2)))
    from scipy.stats import kstest  # slow to import: not before a result is asked for

    core = calm[np.abs(calm) < 4]
    normality = float(kstest(core[:: 2 * options.line_bins], "norm").pvalue)
    off = (abs(width - 1) - _WIDTH_SLACK) / width_error
    return [
        Check("mean of the grand spectrum", f"{mean:.4f}", f"0 +- {mean_error:.3f} at most",
              abs(mean) < _MEAN_SIGMA * mean_error),
        Check(WIDTH, f"{width:.4f}", f"1 +- {width_error:.3f}",
              off < _WIDTH_SIGMA, decisive=bool(off > _WRONG_WIDTH_SIGMA)),
        Check("normality (Kolmogorov-Smirnov, independent bins)", f"p = {normality:.3f}",
              f"p > {SURPRISING:g}", normality > SURPRISING),
    ]  # fmt: skip


def _candidate_checks(
    grand: Grand, candidates: Sequence[Candidate], step_hz: float, options: Options
) -> list[Check]:
    rho = neighbour_correlation(grand, step_hz, options)
    clusters = expected_clusters(len(grand), rho, options.threshold)
    likely = above_poisson(len(candidates) - 1, clusters)
    highest = max(candidates, key=lambda found: found.excess, default=None)
    chance = 1.0 if highest is None else highest.global_p
    found = "none" if highest is None else f"{highest.excess:.2f} sigma (global p {chance:.2g})"
    return [
        Check("candidates", f"{len(candidates)}", f"{clusters:.1f} from noise alone",
              likely > SURPRISING),
        Check("highest candidate", found, f"global p > {SURPRISING:g} from noise alone",
              chance > SURPRISING),
    ]  # fmt: skip
