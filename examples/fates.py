"""What became of hidden axions: one record each, kept in a file, and the table they come to.

A program that hides axions adds a line of JSON per experiment and, started again, goes on behind
the last one. `table` holds three things against their expectation:

- *pulls*: excess seen less excess expected at the hidden place, in standard deviations of the noise
  alone and of noise and error budget together. With a true budget these have mean 0 and width 1.
- *found*: axions whose grand bin is over the threshold, against the sum of the probabilities that
  the analysis predicts (over the places of the noise and of the budget).
- *coverage*: of the axions with a coupling above the limit that was claimed at their place, the
  share that was found. The others were excluded wrongly; the limit claims 10 % of those at it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.candidates import expected_clusters, neighbour_correlation
from haloscope.analysis.statistics.injection import recovery
from haloscope.axion import AxionLine

LINE_WIDTH_HZ = 4050.0
STRONG_SIGMA = 12.0  # Where an error budget of 8 % is as large as the noise.


@dataclass(frozen=True)
class Fate:
    """What became of one experiment.

    Attributes:
        seed: Its number.
        hidden_hz: Where the axion was, 0 without one.
        coupling_per_gev: Its coupling.
        limit_per_gev: The limit at its place, as if no candidate stood there.
        expected: Mean excess that the analysis predicts.
        systematic: Relative error of that by the budget.
        observed: Excess of the nearest grand bin.
        found: That bin is over the threshold.
        threshold: Of candidates.
        chance: Candidates elsewhere, before vetoes.
        expected_chance: Of those, from noise alone.
        believed: Whether the result says it is to be believed.
        standing: Candidates elsewhere that no veto takes for interference; -1 if none was asked.
        lost: Candidates at the axion that a veto takes for interference.
    """

    seed: int
    hidden_hz: float
    coupling_per_gev: float
    limit_per_gev: float
    expected: float
    systematic: float
    observed: float
    found: bool
    threshold: float
    chance: int
    expected_chance: float
    believed: bool
    standing: int = -1
    lost: int = 0

    @property
    def probability(self) -> float:
        """Predicted probability of finding it, averaged over the budget."""
        if not self.hidden_hz:
            return 0.0
        width = np.hypot(1.0, self.expected * self.systematic)
        return float(ndtr((self.expected - self.threshold) / width))

    def words(self) -> str:
        """In one line."""
        if not self.hidden_hz:
            return (
                f"seed {self.seed}: nothing hidden; by chance {self.chance}, {self.standing} stand"
            )
        return (
            f"seed {self.seed}: {self.hidden_hz * 1e-6:.6f} MHz, {self.coupling_per_gev:.3g} /GeV, "
            f"expected {self.expected:.2f}, observed {self.observed:.2f}, probability "
            f"{self.probability:.2f}, {'found' if self.found else 'missed'}; by chance "
            f"{self.chance}"
        )


def judged(seed: int, result: Result, hidden: AxionLine | None) -> Fate:
    """Compare a result with what was hidden."""
    correlation = neighbour_correlation(result.grand, result.step_hz, result.options)
    by_chance = expected_clusters(len(result.grand), correlation, result.options.threshold)
    threshold, candidates = result.options.threshold, result.candidates
    if hidden is None:
        return Fate(seed, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, False, threshold, len(candidates),
                    by_chance, result.believed, len(result.standing))  # fmt: skip
    seen = recovery(result, hidden.frequency_hz, hidden.coupling_per_gev)
    at = int(np.argmin(np.abs(result.frequency_hz - hidden.frequency_hz)))
    chance, standing, thrown_out = (
        sum(abs(c.frequency_hz - hidden.frequency_hz) > LINE_WIDTH_HZ for c in some)
        for some in (candidates, result.standing, result.vetoed)
    )
    return Fate(
        seed, hidden.frequency_hz, hidden.coupling_per_gev,
        float(result.limit.coupling_per_gev[at]), seen.expected, seen.systematic, seen.observed,
        seen.found, threshold, chance, by_chance, result.believed, standing,
        len(result.vetoed) - thrown_out,
    )  # fmt: skip


class Kept:
    """Fates in a file of JSON lines; what is in it is not done again.

    Args:
        path: The file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.fates: list[Fate] = []
        if path is not None and path.exists():
            lines = path.read_text("utf-8").splitlines()
            self.fates = [Fate(**json.loads(line)) for line in lines if line.endswith("}")]

    def missing(self, seeds: Sequence[int]) -> Iterator[int]:
        """Those of the seeds that are still to be done."""
        done = {fate.seed for fate in self.fates}
        yield from (seed for seed in seeds if seed not in done)

    def add(self, fate: Fate) -> None:
        """Keep one more, and say it."""
        self.fates.append(fate)
        print(fate.words(), flush=True)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(fate)) + "\n")


def table(fates: Sequence[Fate]) -> str:
    """Pulls, numbers found, coverage and chance candidates, each with what is expected."""
    lines = [f"experiments {len(fates)}, believed {sum(f.believed for f in fates)}"]
    hidden = [f for f in fates if f.hidden_hz]
    if hidden:
        strong = [f for f in hidden if f.expected > STRONG_SIGMA]
        for name, some in (("all", hidden), (f"expected above {STRONG_SIGMA:g}", strong)):
            lines += _pulls(name, some)
        lines += [_found("found", hidden)]
        above = [f for f in hidden if f.coupling_per_gev >= f.limit_per_gev]
        lines += [_found("coverage: found of those above the limit", above)]
        near = [f for f in hidden if 0.9 < f.coupling_per_gev / f.limit_per_gev < 1.1]
        lines += [_found("found of those within 10 % of the limit", near)]
    chance, expected = sum(f.chance for f in fates), sum(f.expected_chance for f in fates)
    lines += [f"chance candidates {chance}, of noise alone {expected:.1f} +- {expected**0.5:.1f}"]
    asked = [f for f in fates if f.standing >= 0]
    if asked:
        before, after = sum(f.chance for f in asked), sum(f.standing for f in asked)
        lost = sum(f.lost for f in asked)
        lines += [f"vetoes: chance candidates {before} before, {after} after; axions lost {lost}"]
    return "\n".join(lines)


def _pulls(name: str, fates: Sequence[Fate]) -> list[str]:
    if len(fates) < 2:
        return []
    plain = np.array([f.observed - f.expected for f in fates])
    width = np.array([np.hypot(1.0, f.expected * f.systematic) for f in fates])
    ratio = np.array([f.observed / f.expected for f in fates])
    return [
        f"pulls of the power, {name} ({len(fates)}): {_moments(plain / width)} (noise alone: "
        f"{_moments(plain)}); seen / expected {ratio.mean():.4f} +- "
        f"{ratio.std(ddof=1) / len(fates) ** 0.5:.4f}"
    ]


def _moments(pulls: np.ndarray) -> str:
    """Mean and width with their standard errors; that of the width from the fourth moment."""
    n, mean, width = len(pulls), float(pulls.mean()), float(pulls.std(ddof=1))
    fourth = float(np.mean((pulls - mean) ** 4))
    error = np.sqrt(max(fourth - width**4, 0.0) / n) / (2 * width)
    return f"mean {mean:+.3f} +- {width / n**0.5:.3f}, width {width:.3f} +- {error:.3f}"


def _found(name: str, fates: Sequence[Fate]) -> str:
    chance = np.array([f.probability for f in fates])
    found, spread = sum(f.found for f in fates), float(np.sqrt(np.sum(chance * (1 - chance))))
    share = found / max(len(fates), 1)
    return (
        f"{name}: {found} of {len(fates)} ({share:.1%}), predicted {chance.sum():.1f} +- "
        f"{spread:.1f}"
    )
