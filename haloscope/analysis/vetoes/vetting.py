"""Every candidate of an analysis through every veto, with a verdict in words.

Of the tests that can be made with the spectra at hand, each may take an axion for interference with
an equal share of ``Options.false_veto``; all together then lose at most that share of the axions
(Bonferroni), however the tests are correlated. What noise alone lifts over the threshold looks like
an axion to them and stands: only a rescan tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.reduce import Reduction, reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.vetoes import following, shape
from haloscope.analysis.vetoes.fieldoff import FieldOff, field_off_of
from haloscope.analysis.vetoes.following import Veto
from haloscope.analysis.vetoes.steps import NotHeldError, Steps, measured_steps

__all__ = ["MOST", "Verdicts", "Vetting", "vetted", "vetted_near"]

#: Candidates looked at, the highest of them: an analysis with more has another fault.
MOST = 200
_TESTS: tuple[tuple[str, Callable[[Steps], Veto]], ...] = (
    ("one step", following.one_step),
    ("steps", following.steps),
    ("detuning", following.detuning),
    ("width", shape.width),
    ("line shape", shape.line_shape),
    ("halves", following.halves),
)
_MOST_NARROW = 3  # Lines on top of one axion's.
_GENERAL = frozenset({"steps", "line shape"})  # Of these a failure does not say what is wrong.


@dataclass(frozen=True)
class Vetting:
    """What the vetoes say of one candidate.

    Attributes:
        frequency_hz: Of the candidate, Hz.
        tests: Those that were made, in a fixed order.
        not_made: Why others were not, by their names.
        level: A test vetoes below this probability.
        steps: The candidate spectrum by spectrum; None if too few spectra hold it.
    """

    frequency_hz: float
    tests: tuple[Veto, ...]
    not_made: tuple[tuple[str, str], ...]
    level: float
    steps: Steps | None = None

    @property
    def against(self) -> tuple[Veto, ...]:
        """Tests that say it is interference; those that say of what kind come first."""
        failed = [test for test in self.tests if test.p < self.level]
        return tuple(sorted(failed, key=lambda test: (test.name in _GENERAL, test.p)))

    @property
    def vetoed(self) -> bool:
        """It is interference, or the one axion of a hundred that looks so."""
        return bool(self.against)

    @property
    def false_veto(self) -> float:
        """Probability, at most, that an axion is vetoed."""
        return self.level * len(self.tests)

    @property
    def verdict(self) -> str:
        """One line: "vetoed: ..." with what was found, or "stands"."""
        if self.vetoed:
            found = "; ".join(f"{test.words}, p {test.p:.1g}" for test in self.against[:2])
            more = len(self.against) - 2
            return f"vetoed: {found}" + (f"; and {more} more" if more > 0 else "")
        told = f"stands ({len(self.tests)} tests)"
        if self.steps is not None and self.steps.left_out_hz:
            places = ", ".join(f"{(a + b) / 2e6:.6f} MHz" for a, b in self.steps.left_out_hz)
            told += f"; without the narrow lines on it at {places}"
        if not self.not_made:
            return told
        return f"{told}; not tested: {', '.join(f'{name} ({why})' for name, why in self.not_made)}"

    def recorded(self) -> dict[str, Any]:
        """As files carry it: plain values."""
        found: dict[str, Any] = {
            "vetoed": self.vetoed,
            "verdict": self.verdict,
            "false_veto_probability": self.false_veto,
            "tests": [
                {"name": t.name, "p": t.p, "vetoed": t.p < self.level, "words": t.words}
                for t in self.tests
            ],
            "not_tested": dict(self.not_made),
        }
        if self.steps is not None:
            seen = self.steps
            found["steps"] = {
                "spectra": list(seen.names),
                "time_s": seen.time_s.tolist(),
                "detuning_hz": seen.detuning_hz.tolist(),
                "strength_dfsz": seen.strength.tolist(),
                "strength_error_dfsz": seen.error.tolist(),
                "left_out_hz": [list(interval) for interval in seen.left_out_hz],
            }
        return found


#: Of all candidates, in their order.
Verdicts = tuple[Vetting, ...]


def vetted(
    candidates: Sequence[Candidate],
    reduction: Reduction,
    names: tuple[str, ...],
    *,
    used: NDArray[np.bool_] | None = None,
    field_off: FieldOff | None = None,
) -> Verdicts:
    """Put every candidate through the vetoes.

    Args:
        candidates: Of the grand spectrum of these spectra.
        reduction: The spectra, their baselines fitted (n).
        names: What to call them, shape (n,).
        used: Which of them are in the grand spectrum, shape (n,); all if not given.
        field_off: Spectra at another field.
    """
    rank = np.argsort([-c.excess for c in candidates])
    looked_at = set(rank[:MOST].tolist())
    return tuple(
        _vetted(c.frequency_hz, reduction, names, used, field_off)
        if number in looked_at
        else _untested(c.frequency_hz, f"of {len(candidates)} candidates the {MOST} highest are")
        for number, c in enumerate(candidates)
    )


def vetted_near(
    candidates: Sequence[Candidate],
    spectra: Spectra,
    options: Options,
    *,
    field_off: Spectra | None = None,
) -> Verdicts:
    """Put candidates through the vetoes by spectra at hand, all of which are good.

    Args:
        candidates: Of a grand spectrum of these spectra.
        spectra: Those over the candidates, and any others.
        options: Settings; the filter of the aligned average is left out.
        field_off: Spectra at another field.

    Raises:
        ValueError: The fields are not two, or of the spectra with the field off none can be used.
    """
    options = replace(options, filter_average=False)
    span = 0.5 * options.window_hz
    places = np.array([c.frequency_hz for c in candidates])
    away = np.abs(spectra.target_frequency_hz[:, None] - places).min(axis=1, initial=np.inf)
    near = np.flatnonzero(away < span)
    if not near.size:
        return tuple(_untested(place, "no spectra over it") for place in places.tolist())
    part = spectra.subset(near)
    names = tuple(spectra.name(int(row)) for row in near)
    off = None if field_off is None else field_off_of(part, field_off, options)
    reduction = reduce_stack(part, select(part, options), options)
    return vetted(candidates, reduction, names, field_off=off)


def _untested(frequency_hz: float, why: str) -> Vetting:
    return Vetting(frequency_hz, (), (("any", why),), 0.0)


def _vetted(
    frequency_hz: float,
    reduction: Reduction,
    names: tuple[str, ...],
    used: NDArray[np.bool_] | None,
    field_off: FieldOff | None,
) -> Vetting:
    if not reduction.job.options.false_veto:
        return _untested(frequency_hz, "the options ask for no veto")
    tests = dict(_TESTS)
    try:
        seen = _followed(frequency_hz, reduction, names, used)
    except NotHeldError as error:
        return _untested(frequency_hz, str(error))
    if field_off is not None:
        tests["field"] = lambda on: _field(on, field_off)
    made, not_made = [], []
    for name, test in tests.items():
        try:
            made.append(test(seen))
        except NotHeldError as error:
            not_made.append((name, str(error)))
    level = reduction.job.options.false_veto / len(made)
    return Vetting(frequency_hz, tuple(made), tuple(not_made), level, seen)


def _followed(
    frequency_hz: float,
    reduction: Reduction,
    names: tuple[str, ...],
    used: NDArray[np.bool_] | None,
) -> Steps:
    """A candidate spectrum by spectrum, without narrow lines if it stands without them, too.

    A harmonic of some clock does not make an axion beneath it none.

    Raises:
        NotHeldError: Too few spectra hold it.
    """
    options = reduction.job.options
    seen = measured_steps(reduction, frequency_hz, names, used=used, fewest=1)
    for _ in range(_MOST_NARROW):
        narrow = shape.narrow_line(seen, options.false_veto / len(_TESTS))
        if narrow is None:
            break
        less = (*seen.left_out_hz, narrow)
        again = measured_steps(reduction, frequency_hz, names, used=used, fewest=1, without_hz=less)
        if not again.mean > options.threshold * again.mean_error:
            break
        seen = again
    return seen


def _field(on: Steps, off: FieldOff) -> Veto:
    place = on.place_hz
    without = measured_steps(
        off.reduction, place, off.names, used=off.used, place_hz=place, fewest=1,
        without_hz=on.left_out_hz,
    )  # fmt: skip
    return following.field(on, without, off.ratio_squared)
