"""What becomes of a nasty spectrum: used, cut, doubted or refused, and how good the limit is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.quality.stack import grand_errors
from haloscope.analysis.quality.verdicts import Fault, Quality, QualityError
from tests.physics.analysis.quality.nasty import OPTIONS, STEP_HZ, Make, options_of, possible


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        name: Of the case.
        baseline: Of the analysis.
        fate: "used" (all spectra, result believed), "cut" (some were left out, result believed),
            "doubted" (a result that says it is not to be believed) or "refused" (an error).
        why: In words.
        converged: Share of fits that converged, of the spectra used; 1 where refused.
        spectra: Number given.
        cut: Of them left out, or found unfit where all was refused; all of them if no one was told.
        unconverged: Of them with a fit that did not converge.
        ratio: Smallest limit claimed over the possible one.
        width_pull: Width of the grand spectrum less 1, in its own standard errors.
        rise: What an axion of 8 sigma adds to its grand bin over what is claimed; NaN if the case
            with it is not believed, its bin is gone, or other spectra were cut.
        pull: Its grand bin less what is claimed, in standard deviations.
    """

    name: str
    baseline: str
    fate: str
    why: str
    converged: float = 1.0
    spectra: int = 0
    cut: int = 0
    unconverged: int = 0
    ratio: float = np.nan
    width_pull: float = np.nan
    rise: float = np.nan
    pull: float = np.nan

    @property
    def believed(self) -> bool:
        """Whether it says so of itself."""
        return self.fate in ("used", "cut")

    def __str__(self) -> str:
        return (
            f"{self.name} | {self.baseline}: {self.fate}, ratio {self.ratio:.3f}, width pull "
            f"{self.width_pull:+.1f}, rise {self.rise:.3f}, pull {self.pull:+.1f}, converged "
            f"{self.converged:.0%}; {self.why[:160]}"
        )


AXION_SIGMA = 8.0


def tried(name: str, make: Make, baseline: str, *, axion: bool = True) -> Outcome:
    """Analyse a case, and again with an axion in it."""
    options = options_of(baseline)
    case = make({})
    try:
        result = analyze(case.spectra, options)
    except ValueError as error:
        judged = error.quality if isinstance(error, QualityError) else None
        count = len(case.spectra)
        cut = count if judged is None else judged.cut
        return Outcome(name, baseline, "refused", str(error), 1.0, count, cut, _unconverged(judged))
    grand, claimed = result.grand, result.limit.coupling_per_gev
    allowed = possible(case, OPTIONS)
    at = np.rint(grand.frequency_hz).astype(int)
    ratio = min(float(g / allowed[f]) for f, g in zip(at.tolist(), claimed, strict=True))
    _, error_of_width = grand_errors(grand, STEP_HZ, options)
    width = float(np.sqrt(np.mean(result.normalised**2)) - 1) / error_of_width
    fate = "doubted" if not result.believed else "cut" if result.quality.cut else "used"
    rise, pull = np.nan, np.nan
    if axion and result.believed:
        rise, pull = _axion(make, result, options)
    return Outcome(
        name, baseline, fate, result.verdict(), float(result.checks.converged.mean()),
        result.quality.spectra, result.quality.cut, _unconverged(result.quality), ratio,
        width, rise, pull,
    )  # fmt: skip


def _unconverged(quality: Quality | None) -> int:
    return 0 if quality is None else quality.counts.get(Fault.NOT_CONVERGED, 0)


def _axion(make: Make, before: Result, options: Options) -> tuple[float, float]:
    """Rise and pull of an axion in the middle."""
    middle = len(before.grand) // 2
    axion_hz = float(before.frequency_hz[middle])
    dfsz_sigma = before.grand.efficiency_aligned[middle] * before.grand.snr[middle]
    times_dfsz = float(np.sqrt(AXION_SIGMA / dfsz_sigma))
    try:
        after = analyze(make({axion_hz: times_dfsz}).spectra, options)
    except ValueError:
        return np.nan, np.nan
    there = np.flatnonzero(np.abs(after.frequency_hz - axion_hz) < 0.5)
    if not after.believed or not there.size:
        return np.nan, np.nan
    k = int(there[0])
    seen = float(after.normalised[k])
    claimed = times_dfsz**2 * float(after.grand.efficiency_aligned[k] * after.grand.snr[k])
    same = np.array_equal(after.quality.used, before.quality.used)
    rise = (seen - float(before.normalised[middle])) / claimed if same else np.nan
    return rise, seen - claimed
