"""Reduce a stack, judge every spectrum and add those that pass to the sums.

Before the first fit the rows that cannot be spectra are taken out (module ``screen``); after it the
noise at the cavity and the measured parameters are looked at (``noise``), and at last the residuals
of each fit (``residuals``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.blocks import worked
from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.reduce import Reduction, reduce_stack
from haloscope.analysis.chain.selection import Windows, windows_of
from haloscope.analysis.chain.spikes import Spike
from haloscope.analysis.options import Options
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.quality.noise import (
    noise_at_three,
    noise_faults,
    noise_faults_in_turn,
    parameter_faults,
    steady_of,
)
from haloscope.analysis.quality.residuals import ResidualSums, Rows, residual_rows
from haloscope.analysis.quality.screen import Row, screen
from haloscope.analysis.quality.steady import Steady
from haloscope.analysis.quality.verdicts import Fault, Finding, Quality, QualityError, used_of
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra

__all__ = ["Assessment", "Screened", "assess", "screened"]

# Not even kept on demand: nothing can be fitted to them.
_NO_SPECTRUM = frozenset({Fault.NOT_FINITE, Fault.NOT_POSITIVE, Fault.CONSTANT, Fault.MASKED})


@dataclass(frozen=True)
class Screened:
    """A stack without the rows that are no spectra.

    Attributes:
        labels: What the spectra given are called, shape (n,).
        numbers: Of those left, in the stack given, shape (k,).
        spectra: What was measured beside the power of those left (k); theirs is not copied.
        windows: Theirs, cut out of the stack given.
        findings: What is wrong with the others.
    """

    labels: tuple[str, ...]
    numbers: IntArray
    spectra: Spectra
    windows: Windows
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Assessment:
    """A stack that was judged.

    Attributes:
        quality: The verdicts.
        spikes: What the spike filter cut, with the numbers of the stack given.
        steady: Of the spectra used, what should be steady: T_n at the cavity, K, or the power there
            where T_n was given; shape (k,).
        rows: Numbers of the spectra used, in the stack that was screened, shape (k,).
        noise_k: Their T_n at the lower end of the window, the cavity and the upper end, (k, 3), K.
        reduction: Of the spectra that are such, their baselines fitted (package ``vetoes``).
    """

    quality: Quality
    spikes: tuple[Spike, ...]
    steady: FloatArray
    rows: IntArray
    noise_k: FloatArray
    reduction: Reduction


def screened(spectra: Spectra, options: Options) -> Screened:
    """Take out the rows that cannot be spectra of noise.

    Raises:
        ValueError: A spectrum does not cover its window, or its cavity lies outside of it.
        QualityError: No spectrum is left, or one failed and none may.
    """
    windows = windows_of(spectra, options)
    found = _screened(windows, spectra.num_averages, options.demands)
    labels = spectra.labels or tuple(str(row) for row in range(len(spectra)))
    findings = tuple(Finding(row, spectra.name(row), fault, words) for row, fault, words in found)
    used = used_of(labels, findings, options.demands)
    used[[f.spectrum for f in findings if f.fault in _NO_SPECTRUM]] = False
    demand_some(Quality(labels, used, findings), options.demands)
    left = np.flatnonzero(used)
    return Screened(labels, left, spectra.without_power(left), windows.rows(left), findings)


def _screened(windows: Windows, averages: FloatArray, demands: Demands) -> list[Row]:
    """``screen`` block by block."""

    def work(rows: slice) -> list[Row]:
        masked = None if windows.masked is None else windows.masked[rows]
        found = screen(windows.power[rows], masked, averages[rows], demands)
        return [(rows.start + row, fault, words) for row, fault, words in found]

    return [row for part in worked(work, len(averages)) for row in part]


def assess(
    stack: Screened,
    options: Options,
    sums: Accumulator,
    residuals: ResidualSums,
    *,
    before: Steady | None = None,
    in_turn: bool = False,
) -> Assessment:
    """Fit, judge, and add to the sums what passes.

    Args:
        stack: The spectra.
        options: Settings.
        sums: Where spectra that pass are added.
        residuals: Where their residuals are.
        before: What should be steady, of spectra that came earlier; None if this is all of them.
        in_turn: Judge each of a block at most as though it had come alone after those before it.

    Raises:
        QualityError: No spectrum passes, or one does not and none may fail.
    """
    reduction = reduce_stack(stack.spectra, stack.windows, options)
    noise = noise_at_three(stack.spectra, stack.windows, reduction.at_three)
    level = reduction.at_three[:, 1]
    demands = options.demands
    findings: list[Finding] = []
    if not in_turn:
        found = noise_faults(stack.spectra, noise[:, 1], level, demands, before=before)
        if before is None:
            found += parameter_faults(stack.spectra, demands)
        findings = _named(stack, found)
    for rows, reduced, part in reduction.chunks():
        judged = residual_rows(reduced, part, noise[rows], stack.windows, rows, options)
        own = _named(stack, _residual_faults(judged, rows, demands))
        if in_turn:
            findings = _noise_in_turn(stack, noise[:, 1], level, own, demands, before or Steady())
        findings += own
        good = used_of(stack.labels, findings, demands)[stack.numbers[rows]]
        chosen = reduced if good.all() else reduced.rows(np.flatnonzero(good))
        if len(chosen):
            sums.add(chosen)
            residuals.add(chosen, judged if good.all() else judged.subset(good))
    quality = _quality(stack, findings, demands)
    demand_some(quality, demands)
    used = np.flatnonzero(quality.used[stack.numbers])
    steady = steady_of(stack.spectra, noise[:, 1], level)[used]
    spikes = _numbered(reduction, stack.numbers)
    return Assessment(quality, spikes, steady, used, noise[used], reduction)


def _noise_in_turn(
    stack: Screened,
    noise_k: FloatArray,
    level: FloatArray,
    others: list[Finding],
    demands: Demands,
    before: Steady,
) -> list[Finding]:
    """What is wrong with the noise of each, after those before it of which ``others`` is wrong."""
    without = used_of(stack.labels, others, demands)

    def used(row: int, faulty: bool) -> bool:
        number = int(stack.numbers[row])
        kept = demands.bad_spectra == "keep" or stack.labels[number] in demands.kept
        return bool(without[number]) and (kept or not faulty)

    found = noise_faults_in_turn(stack.spectra, noise_k, level, demands, before=before, used=used)
    return _named(stack, found)


def _named(stack: Screened, found: Iterable[tuple[int, Fault, str]]) -> list[Finding]:
    """Findings by the numbers of the stack that was given."""
    return [
        Finding(int(stack.numbers[row]), _name(stack, row), fault, words)
        for row, fault, words in found
    ]


def _name(stack: Screened, row: int) -> str:
    number = int(stack.numbers[row])
    return f"spectrum {number} ({stack.labels[number]})" if stack.spectra.labels else (
        f"spectrum {number}"
    )  # fmt: skip


def _residual_faults(judged: Rows, rows: slice, demands: Demands) -> list[tuple[int, Fault, str]]:
    found = [
        (rows.start + k, Fault.NOT_CONVERGED, "the fit of its baseline did not converge")
        for k in np.flatnonzero(~judged.converged).tolist()
    ]
    ratio, p = judged.chi2_per_dof, judged.chi2_probability
    off = (p < demands.improbable) & (np.abs(ratio - 1) > demands.radiometer_slack)
    for k in np.flatnonzero(off | ~np.isfinite(ratio)).tolist():
        words = (
            f"residuals {np.sqrt(ratio[k]):.3f} times the radiometer equation (chi-square "
            f"{judged.chi2[k]:.0f} for {judged.freedom[k]:.0f} degrees of freedom, p {p[k]:.1g})"
        )
        found.append((rows.start + k, Fault.CHI2, words))
    p = judged.line_probability
    for k in np.flatnonzero(p < demands.improbable).tolist():
        words = (
            f"averaged over a line, residuals are {_width(judged, k):.2f} times what noise leaves "
            f"(chi-square {judged.line_chi2[k]:.0f} for {judged.line_mean[k]:.0f} +- "
            f"{np.sqrt(judged.line_variance[k]):.0f}, p {p[k]:.1g})"
        )
        found.append((rows.start + k, Fault.MISFIT, words))
    return found


def _width(judged: Rows, row: int) -> float:
    return float(np.sqrt(judged.line_chi2[row] / judged.line_mean[row]))


def _quality(stack: Screened, findings: list[Finding], demands: Demands) -> Quality:
    everything = sorted((*stack.findings, *findings), key=lambda finding: finding.spectrum)
    used: NDArray[np.bool_] = np.zeros(len(stack.labels), dtype=bool)
    used[stack.numbers] = used_of(stack.labels, findings, demands)[stack.numbers]
    return Quality(stack.labels, used, tuple(everything))


def demand_some(quality: Quality, demands: Demands) -> None:
    """Refuse a stack of which nothing is left, or of which something fails and nothing may.

    Raises:
        QualityError: Says what is wrong with how many, and with the first.
    """
    if not quality.used.any():
        raise QualityError(
            f"quality: none of {quality.spectra} spectra can be used ({quality.reasons}): "
            f"{quality.findings[0]}",
            quality,
        )
    if demands.bad_spectra == "refuse" and quality.findings:
        raise QualityError(
            f"quality: {len({f.spectrum for f in quality.findings})} of {quality.spectra} spectra "
            f"fail ({quality.reasons}): {quality.findings[0]}",
            quality,
        )


def _numbered(reduction: Reduction, numbers: IntArray) -> tuple[Spike, ...]:
    return tuple(
        spike if spike.spectrum < 0 else replace(spike, spectrum=int(numbers[spike.spectrum]))
        for spike in reduction.spikes
    )
