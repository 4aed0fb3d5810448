"""What a rescan says of a candidate: does it persist, and does it behave as an axion?

After Brubaker et al., Phys. Rev. D 96, 123008 (2017), section VII: is it there again, and do the
spectra of search and rescan together pass the vetoes (package ``vetoes``), that of the field among
them where the candidate was measured again without it?
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.pipeline import Result
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.candidates import Candidate, candidate_at
from haloscope.analysis.vetoes.vetting import Vetting, vetted_near

__all__ = ["Verdict", "judge"]


@dataclass(frozen=True)
class Verdict:
    """What a rescan says of one candidate.

    Attributes:
        candidate: As found in the search.
        rescan_excess: Highest normalised excess of the rescan alone within a quarter of a line.
        together: The candidate in search and rescan together: its coupling with error, and its
            significance, global over all that was searched.
        expected_rescan: Mean excess of the rescan if the candidate were an axion of its apparent
            coupling.
        persists: The combined excess is over the threshold, and the rescan is not below what an
            axion of SNR 5 in the search would leave with 90 % probability: one of ten such axions
            is lost here.
        vetting: What the vetoes say of the spectra of both; None if none were given.
    """

    candidate: Candidate
    rescan_excess: float
    together: Candidate
    expected_rescan: float
    persists: bool
    vetting: Vetting | None = None

    @property
    def combined_excess(self) -> float:
        """Normalised excess of search and rescan together."""
        return self.together.excess

    @property
    def objections(self) -> tuple[str, ...]:
        """The checks that speak against an axion, by their names."""
        against = () if self.persists else ("persistence",)
        return (*against, *(() if self.vetting is None else (t.name for t in self.vetting.against)))

    @property
    def axion_like(self) -> bool:
        """It persists and nothing that was checked speaks against an axion."""
        return not self.objections

    @property
    def words(self) -> str:
        """The verdict in one line."""
        told = (
            f"{self.rescan_excess:.1f} sigma in the rescan alone, {self.expected_rescan:.1f} "
            f"expected of an axion, {self.combined_excess:.1f} together"
        )
        if not self.persists:
            return f"gone: {told}"
        if self.vetting is not None and self.vetting.vetoed:
            return f"{self.vetting.verdict}; it persists: {told}"
        found = self.together
        return (
            f"confirmed: {told}; coupling {found.coupling_per_gev:.3g} +- "
            f"{found.coupling_error_per_gev:.1g} /GeV, {found.excess:.1f} sigma local, "
            f"{found.global_words} global"
        )


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
        spectra: Good spectra over the candidate with the field on, of both, for the vetoes.
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
    together = _together(candidate, search, combined)
    demanded = options.target_snr * gain - (options.target_snr - options.threshold)
    said = None
    if spectra is not None:
        (said,) = vetted_near([together], spectra, options, field_off=field_off)
    return Verdict(
        candidate,
        again,
        together,
        candidate.excess * gain,
        bool(together.excess > options.threshold and again > demanded),
        said,
    )


def _together(candidate: Candidate, search: Result, combined: Result) -> Candidate:
    """The candidate in both, its significance global over the larger of the two."""
    place = _near(combined, candidate.frequency_hz)
    snr = combined.limit.expected_snr
    own, taken = combined.options, combined.systematic
    found = candidate_at(combined.grand, snr, place, combined.step_hz, own, taken)
    more = max(len(search.grand) / len(combined.grand), 1.0)
    return replace(found, global_p=min(found.global_p * more, 1.0))


def _near(result: Result, frequency_hz: float) -> NDArray[np.int64]:
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
