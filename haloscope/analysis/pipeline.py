"""The whole analysis in one call: measured spectra in, limits and candidates out.

    select -> screen -> baseline -> spikes (10 Hz) -> merge -> spikes (50 Hz) -> baseline
    -> verdicts -> rescale -> combine -> merge (450 Hz) -> grand spectrum -> xi, eps
    -> candidates, limit -> vetoes -> is it to be believed?

after A. K. Yi et al., arXiv:2210.10961 and B. M. Brubaker et al., Phys. Rev. D 96, 123008 (2017).
Each step is a module of its own and can be used alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.budget.contributions import Contributions, contributions
from haloscope.analysis.budget.propagation import Budget, constant_budget, propagated
from haloscope.analysis.budget.verdict import budget_checks
from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.grand import Grand, SmootherResponse, grand_spectrum
from haloscope.analysis.chain.reduce import coarse_range
from haloscope.analysis.chain.selection import windows_of
from haloscope.analysis.chain.spikes import Spike
from haloscope.analysis.options import Options
from haloscope.analysis.quality.assess import assess, screened
from haloscope.analysis.quality.calm import Calm, calmed, judged_anew, strong
from haloscope.analysis.quality.harm import measured_harm
from haloscope.analysis.quality.ladder import Adequacy, Rung, adequacy, choose
from haloscope.analysis.quality.narrow import narrow_checks
from haloscope.analysis.quality.residuals import Residuals, ResidualSums
from haloscope.analysis.quality.stack import (
    MISFIT,
    RICHER,
    WIDTH,
    beaten,
    described,
    grand_checks,
    harmless,
    misfit_is_harmless,
    model_checks,
    spectra_checks,
)
from haloscope.analysis.quality.verdicts import Check, Quality, QualityError
from haloscope.analysis.spectra import Calibration, FloatArray, IntArray, Spectra
from haloscope.analysis.statistics.candidates import Candidate, excluded, find_candidates
from haloscope.analysis.statistics.efficiency import smoother_response
from haloscope.analysis.statistics.limits import Limit, limit
from haloscope.analysis.statistics.powermeasured import PowerMeasured, power_measured
from haloscope.analysis.vetoes.fieldoff import field_off_of
from haloscope.analysis.vetoes.raising import raised
from haloscope.analysis.vetoes.vetting import Verdicts, vetted


@dataclass(frozen=True)
class Result:
    """Everything the analysis found.

    Attributes:
        grand: The grand spectrum with xi and eps per bin.
        limit: Exclusion per grand bin.
        candidates: Clusters over the threshold.
        spikes: What the spike filter cut.
        checks: Fit residuals and noise temperatures of the spectra used.
        quality: Which spectra were used, and what is wrong with the others.
        options: Settings used.
        calibration: Receiver calibration used.
        sums: The accumulated sums; rescans and partial results can be joined to them.
        step_hz: Digitizer bin width, Hz.
        spectra: Number of spectra used.
        budget: Errors of the expected power per grand bin.
        ladder: Baseline models that were tried, where the options left the choice open.
        adequacy: The model in use against richer ones; None where that was not looked at (online).
        calm: The stack without its strong candidates' lines, by which the model is judged; None
            where there are none, or no spectra were at hand.
        vetoes: What the vetoes say of each candidate; empty where no spectra were at hand to ask.
        cavity_width_hz: Loaded width of the narrowest cavity used, Hz; NaN if unknown.
    """

    grand: Grand
    limit: Limit
    candidates: list[Candidate]
    spikes: tuple[Spike, ...]
    checks: Residuals
    quality: Quality
    options: Options
    calibration: Calibration
    sums: Accumulator
    step_hz: float
    spectra: int
    budget: Budget
    ladder: tuple[Rung, ...] = ()
    adequacy: Adequacy | None = None
    calm: Calm | None = None
    vetoes: Verdicts = ()
    cavity_width_hz: float = math.nan

    @property
    def standing(self) -> list[Candidate]:
        """Candidates that no veto takes for interference."""
        if not self.vetoes:
            return list(self.candidates)
        pairs = zip(self.candidates, self.vetoes, strict=True)
        return [c for c, said in pairs if not said.vetoed]

    @property
    def vetoed(self) -> list[Candidate]:
        """Candidates that a veto takes for interference."""
        pairs = zip(self.candidates, self.vetoes, strict=bool(self.vetoes))
        return [c for c, said in pairs if said.vetoed]

    @property
    def tests(self) -> tuple[Check, ...]:
        """Tests of the spectra, their fits and the grand spectrum."""
        calm = self.calm or Calm(self.grand, self.checks, ())
        of_grand = grand_checks(
            self.grand, self.candidates, self.calibration, self.step_hz, self.options, calm
        )
        averaged_out = misfit_is_harmless(calm, self.candidates, self.step_hz, self.options)
        no_harm = harmless(self.adequacy, averaged_out=averaged_out)
        no_harm &= all(test.passed for test in of_grand if test.name == WIDTH)
        return (
            *spectra_checks(calm.checks, self.quality, self.options, harmless=no_harm),
            *model_checks(self.adequacy, harmless=no_harm),
            *of_grand,
            *budget_checks(self.systematic),
            *narrow_checks(
                self.cavity_width_hz, float(self.frequency_hz[0]), self.step_hz, self.options
            ),
        )

    @property
    def doubts(self) -> tuple[Check, ...]:
        """Tests that failed and on which it hangs whether the limit is to be believed."""
        return tuple(test for test in self.tests if test.decisive and not test.passed)

    @property
    def needs_spectra(self) -> bool:
        """Whether only its spectra tell of the baseline's model (``model_judged``).

        It is among the doubts, or a loud line stands where a misfit could hide.
        """
        return bool(strong(self.candidates)) or any(
            doubt.name in (MISFIT, WIDTH) for doubt in self.doubts
        )

    @property
    def better(self) -> Options | None:
        """Settings with the richer baseline that beats the one used.

        None where no doubt says that one does.
        """
        doubted = any(doubt.name == RICHER for doubt in self.doubts)
        return self.adequacy.options if doubted and self.adequacy else None

    @property
    def believed(self) -> bool:
        """Whether the limit is to be believed, as far as the data themselves tell."""
        return not self.doubts

    def verdict(self) -> str:
        """What the tests and the verdicts on the spectra come to, in one line."""
        doubts = "; ".join(str(test) for test in self.doubts)
        told = self.quality.sentence()
        return f"NOT TO BE BELIEVED: {doubts}; {told}" if doubts else told

    @property
    def settings(self) -> str:
        """How it was analysed, in one line."""
        return self.options.words(self.step_hz, float(self.frequency_hz[len(self.grand) // 2]))

    @property
    def systematic(self) -> FloatArray:
        """Relative error of the expected power that the limit was lowered by, shape (k,)."""
        return taken_off(self.budget, self.options)

    @property
    def frequency_hz(self) -> FloatArray:
        """Axion frequency of each grand bin, Hz."""
        return self.grand.frequency_hz

    @property
    def normalised(self) -> FloatArray:
        """Normalised excess of each grand bin, standard Gaussian without an axion."""
        return self.grand.normalised

    @property
    def excluded(self) -> NDArray[np.bool_]:
        """Where the limit excludes something: grand bins away from every candidate that stands."""
        return self._away_from(self.standing) & np.isfinite(self.limit.coupling_per_gev)

    def _away_from(self, candidates: Sequence[Candidate]) -> NDArray[np.bool_]:
        merged = self.options.line_bins * self.options.coarse_merge * self.options.fine_merge
        return excluded(self.frequency_hz, candidates, self.step_hz * merged)

    @cached_property
    def bayes(self) -> PowerMeasured:
        """The same by the power measured instead of a threshold."""
        return power_measured(
            self.grand, self.limit.expected_snr, self.step_hz, self.options,
            excluded=self.excluded, silent=~self._away_from(self.vetoed),
        )  # fmt: skip

    @property
    def xi(self) -> float:
        """Width of the excess before normalisation, mean over the grand spectrum (letter 0.94)."""
        return float(self.grand.xi.mean())

    @property
    def eps(self) -> float:
        """SNR efficiency averaged over the axion's place in a bin (letter 0.88)."""
        return float(self.grand.efficiency_averaged.mean())

    @property
    def eps_aligned(self) -> float:
        """SNR efficiency of an axion at the lower edge of a coarse bin, mean over the spectrum."""
        return float(self.grand.efficiency_aligned.mean())


def analyze(
    spectra: Spectra, options: Options | None = None, *, field_off: Spectra | None = None
) -> Result:
    """Analyse a stack of spectra.

    Args:
        spectra: Measured spectra; 30 or 2000 of them, full or already cut to the window.
        options: Settings; the letter's by default.
        field_off: Spectra over candidates at another field, for the veto that asks for them.

    Raises:
        ValueError: A spectrum does not cover its window, or none overlap over a line width; or the
            fields of ``spectra`` and ``field_off`` are not two.
        SameDataError: A spectrum is there twice.
        QualityError: No spectrum can be used; or one fails or the result is not to be believed, and
            ``options.demands`` refuses such.
        OSError: As ``calmed``.
    """
    options = options or Options()
    stack = screened(spectra, options)
    spectra.demand_distinct(stack.windows.power, stack.windows.first_fine, stack.numbers)
    ladder: tuple[Rung, ...] = ()
    if options.baseline == "auto":
        options, ladder = choose(stack.spectra, stack.windows, options)
    sums = Accumulator(spectra.step_hz, options)
    sums.reserve(*coarse_range(stack.windows, options))
    residuals = ResidualSums()
    judged = assess(stack, options, sums, residuals)
    used = stack.spectra.without_power(judged.rows)
    smoother = None if sums.has_response else smoother_response(spectra, options, stack.numbers)
    try:
        result = summarise(
            sums, spectra.calibration, judged.spikes, residuals.finish(), judged.quality,
            smoother=smoother, rows=contributions(used, judged.noise_k, options),
        )  # fmt: skip
    except ValueError as error:
        if not judged.quality.cut:
            raise
        raise QualityError(f"{error}; {judged.quality.sentence()}", judged.quality) from error
    names = tuple(spectra.name(int(number)) for number in stack.numbers)
    off = None if field_off is None else field_off_of(stack.spectra, field_off, options)
    good = judged.quality.used[stack.numbers]
    said = vetted(result.candidates, judged.reduction, names, used=good, field_off=off)
    result = with_vetoes(result, said)
    numbers = stack.numbers[judged.rows]
    result = model_judged(spectra, numbers, replace(result, ladder=ladder))
    demand_belief(result)
    return result


def model_judged(spectra: Spectra, rows: IntArray, result: Result) -> Result:
    """The result with what its spectra say of the baseline's model.

    Args:
        spectra: A stack.
        rows: Which of the spectra were used, shape (n,).
        result: Of them.

    Raises:
        OSError: As ``calmed``.
    """
    options = result.options
    checks, calm = result.checks, None
    left, taken_out = calmed(spectra, rows, result.candidates, options)
    if taken_out:
        spectra, rows = left, np.arange(len(left))
        sums, checks = judged_anew(spectra, rows, options)
        smoother = None if sums.has_response else smoother_response(spectra, options)
        calm = Calm(grand_spectrum(sums, smoother=smoother), checks, taken_out)
    held = _adequacy(spectra, rows, result.grand, checks, options)
    return replace(result, calm=calm, adequacy=held)


def _adequacy(
    spectra: Spectra, rows: IntArray, grand: Grand, checks: Residuals, options: Options
) -> Adequacy:
    """The model in use against a richer one: what that could do, and if it is much what it does."""
    windows = windows_of(spectra, options).rows(rows)
    overlaps = float(np.median(grand.overlaps))
    held = adequacy(spectra.without_power(rows), windows, options, overlaps)
    richer = held.options
    if richer is None:
        return held
    misfit = not described(checks, options)
    # A misfit that the richer model leaves too is not what is measured against it.
    if beaten(held) or (misfit and described(judged_anew(spectra, rows, richer)[1], richer)):
        return replace(held, harm=measured_harm(spectra, options, richer, rows))
    return held


def with_vetoes(result: Result, said: Verdicts) -> Result:
    """The result with what the vetoes say of its candidates; the limit is raised at the vetoed."""
    result = replace(result, vetoes=said)
    taken = taken_off(result.budget, result.options)
    own = limit(result.grand, result.calibration, result.step_hz, result.options, taken)
    return replace(result, limit=raised(own, result.grand, result.vetoed, result.options))


def demand_belief(result: Result) -> None:
    """Refuse a result that is not to be believed, where the options say so.

    Raises:
        QualityError: Says why.
    """
    if result.options.demands.bad_spectra == "refuse" and not result.believed:
        raise QualityError(f"quality: {result.verdict()}", result.quality)


def summarise(
    sums: Accumulator,
    calibration: Calibration,
    spikes: Sequence[Spike],
    checks: Residuals,
    quality: Quality,
    *,
    smoother: SmootherResponse | None = None,
    rows: Contributions | None = None,
) -> Result:
    """Grand spectrum, limit and candidates of accumulated sums; without ``rows`` T_n alone errs."""
    options = sums.options
    grand = grand_spectrum(sums, smoother=smoother)
    budget = budget_of(rows, grand.frequency_hz, options)
    taken = taken_off(budget, options)
    bound = limit(grand, calibration, sums.step_hz, options, taken)
    candidates = find_candidates(grand, bound.expected_snr, sums.step_hz, options, taken)
    return Result(
        grand,
        bound,
        candidates,
        tuple(spikes),
        checks,
        quality,
        options,
        calibration,
        sums,
        sums.step_hz,
        sums.spectra,
        budget,
        cavity_width_hz=_narrowest_hz(rows),
    )


def _narrowest_hz(rows: Contributions | None) -> float:
    if rows is None or not len(rows):
        return math.nan
    return float(np.min(rows.cavity_hz / rows.loaded_q))


def budget_of(rows: Contributions | None, frequency_hz: FloatArray, options: Options) -> Budget:
    """Errors of the expected power in grand bins, shape (k,), Hz; of T_n alone without rows."""
    if rows is None or not len(rows):
        return constant_budget(frequency_hz, options.noise_systematic)
    return propagated(rows, frequency_hz)


def taken_off(budget: Budget, options: Options) -> FloatArray:
    """What the options take off the expected SNR, relative, per grand bin."""
    return budget.total if options.systematics == "budget" else budget.noise


def expected_width(result: Result) -> tuple[float, float]:
    """Mean and standard deviation of the normalised grand spectrum: 0 and 1 if all is well."""
    return float(np.mean(result.normalised)), float(np.std(result.normalised))
