"""Which places of a search to take again: by a threshold on the excess, or by the prior update.

``threshold``: grand bins above ``Options.threshold``, the letter's rule.

``bayes``: bins whose prior update u = exp(mu x - mu^2/2) at one coupling is above a level. Among
all rules that find the same share of axions of that coupling, anywhere in the band with the same
probability, this one sends the fewest bins to a rescan by chance (the lemma of Neyman and Pearson,
the update being the ratio of likelihoods; but for the axion's place within a bin). The two are the
same rule where the sensitivity is the same. Where it varies (ends of the band, beside a mode
crossing, after a rescan), the update asks for less excess where an axion would leave a little less
than elsewhere, and for more than can be where it would leave next to nothing.

By default the coupling is what the threshold's search finds with its confidence on average over the
band, and the level that at which the update finds as many of them. Both depend on the sensitivity
alone, not on what was seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, owens_t

from haloscope.analysis.pipeline import Result
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.bayes import found_share, threshold_strength, typical
from haloscope.analysis.statistics.candidates import (
    Candidate,
    find_candidates,
    neighbour_correlation,
)
from haloscope.analysis.statistics.limits import dfsz
from haloscope.analysis.statistics.powermeasured import band_places, sensitive

Rule = Literal["threshold", "bayes"]
RULES: Final[tuple[Rule, ...]] = ("threshold", "bayes")


@dataclass(frozen=True)
class Decision:
    """How it is decided what to take again.

    Attributes:
        rule: ``"threshold"`` on the excess or ``"bayes"``, on the prior update.
        coupling_per_gev: Coupling in the middle of the band at which the update is taken, 1/GeV; in
            units of DFSZ's it is the same elsewhere. None: what the threshold's search finds with
            its confidence.
        update: Take again above this update. None: that with which as many axions of the coupling
            are found as by the threshold.

    Raises:
        ValueError: Another rule, or a number that is not above 0.
    """

    rule: Rule = "threshold"
    coupling_per_gev: float | None = None
    update: float | None = None

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"decision: {self.rule!r}, needed one of {', '.join(RULES)}")
        for name, unit in (("coupling_per_gev", " 1/GeV"), ("update", "")):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"decision: {name} is {value}{unit}, must be above 0")


@dataclass(frozen=True)
class Applied:
    """A decision at the sensitivity of a search.

    Attributes:
        decision: It.
        coupling_per_gev: Coupling used, in the middle of the band, 1/GeV.
        update: Level of the update; NaN for the threshold's rule.
        levels: Excess above which each grand bin is taken again, shape (k,).
        places: Mean number of places that noise alone sends to a rescan.
        found: Share of axions of that coupling that are, averaged over the well covered band.
    """

    decision: Decision
    coupling_per_gev: float
    update: float
    levels: FloatArray
    places: float
    found: float


def to_rescan(result: Result, decision: Decision | None = None) -> list[Candidate]:
    """The places of a search to take again, in order of frequency; none that a veto took.

    Args:
        result: The search.
        decision: The rule; the threshold's if None.
    """
    decision = decision or Decision()
    if decision.rule == "threshold":
        return result.standing
    levels = applied(result, decision).levels
    places = find_candidates(
        result.grand,
        result.limit.expected_snr,
        result.step_hz,
        result.options,
        result.systematic,
        levels=levels,
    )
    return [place for place in places if not any(_same(place, gone) for gone in result.vetoed)]


def _same(a: Candidate, b: Candidate) -> bool:
    """Whether two clusters share a grand bin."""
    return a.low_hz <= b.high_hz and b.low_hz <= a.high_hz


def applied(result: Result, decision: Decision) -> Applied:
    """A decision at the sensitivity of a search: its levels, and what they find and cost."""
    grand, options = result.grand, result.options
    snr = result.limit.expected_snr
    core = sensitive(grand, snr)
    places, few = band_places(grand, result.step_hz, options), typical(snr[core])
    unit = float(dfsz(np.array(grand.frequency_hz[core].mean())))
    if decision.coupling_per_gev is None:
        strength = threshold_strength(few, options.threshold, options.confidence, places)
    else:
        strength = (decision.coupling_per_gev / unit) ** 2
    log_update = float("nan")
    levels, of_few = np.full(len(grand), options.threshold), np.full(len(few), options.threshold)
    if decision.rule == "bayes":
        aim = found_share(few, strength, options.threshold, places)
        own = decision.update
        log_update = math.log(own) if own else _as_many(strength * few, places, aim)
        levels, of_few = (update_levels(strength * some, log_update) for some in (snr, few))
    return Applied(
        decision,
        unit * float(np.sqrt(strength)),
        float(np.exp(log_update)),
        levels,
        _by_chance(levels, neighbour_correlation(grand, result.step_hz, options)),
        found_share(few, strength, of_few, places),
    )


def update_levels(mean: FloatArray, log_update: float) -> FloatArray:
    """Excess at which the update of each bin is e^log_update, shape (k,).

    Args:
        mean: Mean excess of the axion, shape (k,); where it leaves none, no excess is enough.
        log_update: Natural logarithm of the update.
    """
    levels = np.full(len(mean), np.inf)
    some = mean > 0
    levels[some] = 0.5 * mean[some] + log_update / mean[some]
    return levels


def _as_many(mean: FloatArray, places: FloatArray, aim: float) -> float:
    """Logarithm of the update with which the share ``aim`` of the axions is found."""

    def more(log_update: float) -> float:
        return found_share(mean, 1.0, update_levels(mean, log_update), places) - aim

    strongest = float(mean.max())
    all_or_none = strongest * (strongest + 10)  # levels of half the mean and ten less, or more
    return float(brentq(more, -all_or_none, all_or_none))


def _by_chance(levels: FloatArray, correlation: float) -> float:
    """Mean number of clusters over ``levels`` by noise alone: upcrossings of correlated bins."""
    root = np.sqrt((1 - correlation) / (1 + correlation))
    return float(ndtr(-levels[0]) + 2 * owens_t(levels[1:], root).sum())
