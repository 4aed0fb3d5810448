"""What rescans say of a candidate: does it persist, and does it behave as an axion?

Four questions, after Brubaker et al., Phys. Rev. D 96, 123008 (2017), section VII: is it there
again (``judge``), has it the axion's line shape and does its power follow the cavity's Lorentzian
(module ``lineshape``), and does its power follow the square of the field (``field_test``)? The
last needs a repetition at another field, best at none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.statistics.lineshape import (
    DetuningTest,
    ShapeTest,
    detuning_test,
    shape_test,
)

IMPROBABLE = 1e-3  # A hypothesis less probable than this is dropped, as in ``lineshape``.
DECISIVE_SIGMA = 3.0  # Both hypotheses must be this far apart for a test of the field to count.


@dataclass(frozen=True)
class FieldTest:
    """Power of a candidate at two fields; an axion's goes as B^2, interference does not change.

    Attributes:
        strength: Power with the field on, in units of DFSZ at that field.
        strength_error: Its standard error.
        off_strength: Power at the other field, in the same units.
        off_error: Its standard error.
        field_ratio_squared: (B off / B on)^2, what an axion's power is multiplied by.
    """

    strength: float
    strength_error: float
    off_strength: float
    off_error: float
    field_ratio_squared: float

    def _chi2(self, share: float) -> float:
        variance = self.off_error**2 + (share * self.strength_error) ** 2
        return (self.off_strength - share * self.strength) ** 2 / variance

    @property
    def chi2_axion(self) -> float:
        """Chi-square of power going as B^2, one degree of freedom."""
        return self._chi2(self.field_ratio_squared)

    @property
    def chi2_interference(self) -> float:
        """Chi-square of the same power at both fields, one degree of freedom."""
        return self._chi2(1.0)

    @property
    def decisive(self) -> bool:
        """The candidate is strong enough, and the fields far enough apart, to tell."""
        apart = (1 - self.field_ratio_squared) * self.strength
        return abs(apart) > DECISIVE_SIGMA * float(np.hypot(self.strength_error, self.off_error))

    @property
    def axion_like(self) -> bool:
        """The power went as B^2 rather than not, and consistently so."""
        likely = float(chi2.sf(self.chi2_axion, 1)) > IMPROBABLE
        return likely and self.chi2_axion < self.chi2_interference


def field_test(
    on: Spectra, off: Spectra, axion_hz: float, options: Options | None = None
) -> FieldTest:
    """Compare a candidate's power at two fields.

    Both stacks are fitted with the axion's line. The spectra without field are put in units of the
    power that DFSZ axions would have with it.

    Args:
        on: Spectra over the candidate with the field on.
        off: The same at another field, 0 T included.
        axion_hz: Frequency of the candidate, Hz.
        options: Settings of the analysis.

    Raises:
        ValueError: A stack does not cover the candidate, or its field is not one field.
    """
    high, low = _one_field(on), _one_field(off)
    if not high > low >= 0:
        raise ValueError(f"field test: {high} T with the field on and {low} T with it off")
    as_on = replace(off, magnet_field_t=np.full(len(off), high))
    seen, unseen = (_shape(analyze(s, options), axion_hz) for s in (on, as_on))
    return FieldTest(
        seen.strength,
        seen.strength_error,
        unseen.strength,
        unseen.strength_error,
        (low / high) ** 2,
    )


def _one_field(spectra: Spectra) -> float:
    field = np.abs(spectra.magnet_field_t)
    if np.ptp(field) > 0.01:
        raise ValueError(
            f"field test: fields from {field.min():.3f} T to {field.max():.3f} T in one stack, "
            "needed the same within 0.01 T"
        )
    return float(field.mean())


@dataclass(frozen=True)
class Verdict:
    """What a rescan says of one candidate.

    Attributes:
        candidate: As found in the search.
        rescan_excess: Highest normalised excess of the rescan alone within a quarter of a line.
        combined_excess: The same of search and rescan together.
        expected_rescan: Mean excess of the rescan if the candidate were an axion of its apparent
            coupling.
        persists: The combined excess is over the threshold, and the rescan is not below what an
            axion of SNR 5 in the search would leave with 90 % probability.
        shape: Line shape in the combined spectrum.
        detuning: Power against the cavity's detuning; None if no spectra were given.
        field: Power against the field; None if no spectra with the field off were given.
    """

    candidate: Candidate
    rescan_excess: float
    combined_excess: float
    expected_rescan: float
    persists: bool
    shape: ShapeTest
    detuning: DetuningTest | None = None
    field: FieldTest | None = None

    @property
    def objections(self) -> tuple[str, ...]:
        """The checks that speak against an axion; a field test that cannot tell is not one."""
        against = {
            "persistence": not self.persists,
            "line shape": not self.shape.axion_like,
            "detuning": self.detuning is not None and not self.detuning.axion_like,
            "field": self.field is not None and self.field.decisive and not self.field.axion_like,
        }
        return tuple(name for name, failed in against.items() if failed)

    @property
    def axion_like(self) -> bool:
        """It persists and nothing that was checked speaks against an axion."""
        return not self.objections


def judge(
    candidate: Candidate,
    search: Result,
    rescan: Result,
    combined: Result,
    *,
    spectra: Spectra | None = None,
    field_off: Spectra | None = None,
) -> Verdict:
    """Compare a candidate with a rescan of its frequency.

    Args:
        candidate: From the search.
        search: The search.
        rescan: The rescan alone.
        combined: Both together.
        spectra: Spectra over the candidate with the field on, for its power against detuning
            (three must hold the line) and against the field.
        field_off: The same with the field off.

    Raises:
        ValueError: A result does not cover the candidate, or spectra with the field off came alone.
    """
    if field_off is not None and spectra is None:
        raise ValueError("judge: spectra with the field off, and none with it on to compare")
    nu, options = candidate.frequency_hz, search.options
    place = _near(rescan, nu)
    again = float(rescan.normalised[place].max())
    at = int(np.argmin(np.abs(search.frequency_hz - nu)))
    gain = float(rescan.limit.expected_snr[place].max() / search.limit.expected_snr[at])
    together = float(combined.normalised[_near(combined, nu)].max())
    demanded = options.target_snr * gain - (options.target_snr - options.threshold)
    return Verdict(
        candidate,
        again,
        together,
        candidate.excess * gain,
        bool(together > options.threshold and again > demanded),
        _shape(combined, nu),
        None if spectra is None else detuning_test(spectra, nu, options),
        None
        if spectra is None or field_off is None
        else field_test(spectra, field_off, nu, options),
    )


def _shape(result: Result, axion_hz: float) -> ShapeTest:
    """The line shape in a result, its strength that in the cavity."""
    passed = result.calibration.line_transmission
    return shape_test(result.sums, axion_hz, line_transmission=passed)


def _near(result: Result, frequency_hz: float) -> np.ndarray:
    """Grand bins within a quarter of a line."""
    nu, options = result.frequency_hz, result.options
    line_hz = result.step_hz * options.fine_merge * options.coarse_merge * options.line_bins
    place = np.flatnonzero(np.abs(nu - frequency_hz) <= 0.25 * line_hz)
    if not place.size:
        raise ValueError(
            f"rescan: {nu[0]:.0f} to {nu[-1]:.0f} Hz does not cover the candidate at "
            f"{frequency_hz:.0f} Hz"
        )
    return place
