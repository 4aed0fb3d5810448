"""What the analysis may be told to do differently.

``Options.of`` has what the owners of an apparatus state of it; the defaults are those of the
shipped CAPP-12TB, the letter's choices (A. K. Yi et al., arXiv:2210.10961).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from numbers import Real
from typing import Any, Final, Literal

from scipy.special import ndtri

from haloscope.analysis.apparatus import capp12tb
from haloscope.analysis.quality.demands import Demands
from haloscope.axion import line_cdf
from haloscope.constants import LOCAL_DENSITY_GEV_PER_CM3
from haloscope.description import Description
from haloscope.description.groups import Analysis
from haloscope.noise import squeezed_share

#: Coarse bins over the cavity's width, at most: there eps is right to 1.5 % (a bin of 0.41 of the
#: width makes it 7 % too high).
LARGEST_BIN: Final = 0.15
#: What an apparatus' owners state under the same name.
_STATED = ("window_hz", "baseline", "pade_degree", "savgol_window_hz", "savgol_degree",
           "jpa_gain_tolerance_db", "confidence", "target_snr", "noise_systematic")  # fmt: skip


def _stated(name: str) -> Any:
    """A field that is CAPP-12TB's by default."""
    return field(default_factory=lambda: getattr(capp12tb().analysis, name))


def _baseline(description: Description) -> BaselineKind:
    found: Any = description.analysis.baseline  # its schema has the same words
    kind: BaselineKind = found
    return kind


def _merged(name: str) -> Any:
    """A field that is as many bins as CAPP-12TB's are by default."""

    def bins() -> int:
        known = capp12tb()
        reference_hz = known.cavity.reference_hz
        return _bins(known.analysis, known.digitizer.bin_width_hz, reference_hz, {})[name]

    return field(default_factory=bins)


def _bins(
    analysis: Analysis, step_hz: float, frequency_hz: float, chosen: Mapping[str, int]
) -> dict[str, Any]:
    """Bins merged so that they fit the line's width at a frequency; those chosen stay."""
    line_hz = analysis.line_span * frequency_hz
    fine = max(1, round(line_hz / analysis.fine_per_line / step_hz))
    fine = chosen.get("fine_merge", fine)
    coarse = max(1, round(line_hz / analysis.coarse_per_line / (fine * step_hz)))
    coarse = chosen.get("coarse_merge", coarse)
    lines = max(1, math.ceil(line_hz / (fine * coarse * step_hz) - 0.25))
    lines = chosen.get("line_bins", lines)
    return {"fine_merge": fine, "coarse_merge": coarse, "line_bins": lines}


def _fine_enough(description: Description, frequency_hz: float) -> Analysis:
    """What is stated, with coarse bins that are small against a cavity as narrow as the line."""
    stated, cavity = description.analysis, description.cavity
    width_hz = frequency_hz * (1 + description.antenna.reference_beta) / cavity.unloaded_q
    coarse = math.ceil(stated.line_span * frequency_hz / (LARGEST_BIN * width_hz))
    if coarse <= stated.coarse_per_line:
        return stated
    # Odd, as they are stated, so that fine bins share out evenly.
    coarse += 1 - coarse % 2
    return replace(stated, coarse_per_line=coarse, fine_per_line=max(stated.fine_per_line, coarse))


def _demands(description: Description) -> Demands:
    """What the receiver's kind makes possible, and what is no noise of it any longer."""
    own, rest_k = description.jpa, description.receiver.rest_noise_k
    amplifiers_k = _MOST_NOISE * (rest_k + own.excess_noise_k)
    plain = replace(Demands(), highest_noise_k=max(Demands().highest_noise_k, amplifiers_k))
    if own.kind != "squeezed":
        return plain
    share = squeezed_share(own.squeezing_db, own.squeezed_transmission)
    return replace(plain, receiver="squeezed", reflected_share=share)


BaselineKind = Literal["auto", "letter", "pade", "savgol"]

_WORDS = {
    "baseline": ("auto", "letter", "pade", "savgol"),
    "template": ("aligned", "averaged"),
    "normalise": ("per bin", "constant", "none"),
    "efficiency_definition": ("averaged", "aligned"),
    "systematics": ("budget", "noise"),
}
_COUNTS = {"fine_merge": 1, "coarse_merge": 1, "line_bins": 1, "pade_degree": 2, "savgol_degree": 0,
           "spike_neighbours": 0}  # fmt: skip
_ABOVE_ZERO = ("window_hz", "savgol_window_hz", "target_snr", "spike_threshold_sigma",
               "average_threshold_sigma", "bump_place_tolerance",
               "bump_width_tolerance")  # fmt: skip
_NOT_BELOW_ZERO = ("jpa_gain_tolerance_db", "narrow_hz")
_SHARES = ("confidence", "noise_systematic", "false_veto", "density_fraction")
_MOST_DENSITY = 10.0  # Streams and clumps aside, no halo model has more.
#: A system noise of so many times that of the amplifiers as described is a slip of a unit.
_MOST_NOISE: Final = 5.0
#: What is chosen for the width of the line where nobody chooses it.
MERGES: Final = ("fine_merge", "coarse_merge", "line_bins")


@dataclass(frozen=True)
class Options:
    """Settings of one analysis.

    Attributes:
        window_hz: Span kept around each target frequency, Hz.
        fine_merge: Digitizer bins merged before the baseline is subtracted (5: 10 -> 50 Hz).
        coarse_merge: Fine bins merged after the combination (9: 50 -> 450 Hz).
        line_bins: Coarse bins co-added with the line's weights (9: 4050 Hz, >99.9 % of the line at
            1.1 GHz).
        baseline: ``"letter"`` (five-parameter function x JPA Lorentzian x quadratic), ``"pade"``
            (polynomial over quadratic), ``"savgol"`` (degree 4, ``savgol_window_hz``), or
            ``"auto"``: the simplest of them that describes the data (module ``quality.ladder``).
        pade_degree: Degree of the polynomial: 4 behind a JPA, 3 for a flat receiver.
        savgol_window_hz: Window of the Savitzky-Golay smoother, Hz (2001 bins of 10 Hz).
        savgol_degree: Degree of its polynomial.
        jpa_gain_tolerance_db: Gaussian prior of the fit on the JPA's gain at the target, dB, added
            to the measured error. 0.4 dB is the tolerance the letter demanded of the gain.
        bump_place_tolerance: Gaussian prior of the fit on where the cavity's bump is, about the
            measured cavity, in widths of the cavity. It keeps a bump too faint to tell its own
            place from an axion's line.
        bump_width_tolerance: The same on the logarithm of its width, about the measured one.
        filter_spikes: Cut narrow spikes at both resolutions.
        filter_average: Cut also on the average of all spectra aligned in the intermediate
            frequency.
        spike_threshold_sigma: Cut in a single spectrum above this many standard deviations.
        average_threshold_sigma: Cut in the aligned average above this many.
        spike_neighbours: Bins cut on each side of a spike.
        narrow_hz: A spike must stand out of the mean of this span on each side, or of a twentieth
            of the line's if that is more, so that a strong axion line is not taken for one; 0 for
            the plain cut.
        template: ``"aligned"`` (axion at the lower edge of a coarse bin) or ``"averaged"`` over the
            bin.
        target_snr: Signal level that the search is to find, in standard deviations.
        confidence: Probability to find it; sets the threshold ``target_snr - ndtri(confidence)``.
        noise_systematic: Relative systematic uncertainty of T_n where no two methods were compared
            (letter 5-10 %); where they were it counts as one more difference, since two may agree
            by chance.
        systematics: What is taken off the expected SNR: ``"budget"``, the root of the sum of
            squares of all errors of the expected power (package ``budget``), or ``"noise"``, that
            of T_n alone as in the letter.
        normalise: ``"per bin"`` divides each grand bin by its own closed-form width, ``"constant"``
            by the mean of them, as the letter did with 0.94; ``"none"`` leaves it.
        density_fraction: Share of the local density, 0.45 GeV/cm^3, that the axions are: couplings
            go as its root; 0.3 / 0.45 for a density of 0.3.
        modulated: The vetoes follow the line's shape through the year, by the date of each
            spectrum; else the laboratory has its speed's yearly mean. The search's template is of
            the mean in any case.
        latitude_deg: Of the laboratory, for ``modulated``.
        false_veto: Share of axions, at most, that the vetoes take for interference; 0 for none.
        demands: What is asked of each spectrum, and what becomes of one that fails.
        efficiency_definition: ``"averaged"`` over the axion's place within a coarse bin, or
            ``"aligned"``.
    """

    window_hz: float = _stated("window_hz")
    fine_merge: int = _merged("fine_merge")
    coarse_merge: int = _merged("coarse_merge")
    line_bins: int = _merged("line_bins")
    baseline: BaselineKind = field(default_factory=lambda: _baseline(capp12tb()))
    pade_degree: int = _stated("pade_degree")
    savgol_window_hz: float = _stated("savgol_window_hz")
    savgol_degree: int = _stated("savgol_degree")
    jpa_gain_tolerance_db: float = _stated("jpa_gain_tolerance_db")
    bump_place_tolerance: float = 0.3
    bump_width_tolerance: float = 0.15
    filter_spikes: bool = True
    filter_average: bool = True
    spike_threshold_sigma: float = 6.0
    average_threshold_sigma: float = 4.5
    spike_neighbours: int = 3
    narrow_hz: float = 200.0
    template: Literal["aligned", "averaged"] = "aligned"
    target_snr: float = _stated("target_snr")
    confidence: float = _stated("confidence")
    noise_systematic: float = _stated("noise_systematic")
    systematics: Literal["budget", "noise"] = "budget"
    normalise: Literal["per bin", "constant", "none"] = "per bin"
    efficiency_definition: Literal["averaged", "aligned"] = "averaged"
    density_fraction: float = 1.0
    modulated: bool = False
    latitude_deg: float = field(default_factory=lambda: capp12tb().axion.latitude_deg)
    false_veto: float = 0.01
    demands: Demands = field(default_factory=Demands)

    @classmethod
    def of(
        cls,
        description: Description,
        frequency_hz: float | None = None,
        step_hz: float | None = None,
    ) -> Options:
        """What the owners of an apparatus state, with bins for the line at a frequency.

        Args:
            description: Of the apparatus.
            frequency_hz: Of the axions searched for; the reference if not given.
            step_hz: Digitizer bin width; the apparatus' if not given.
        """
        stated = description.analysis
        nu_hz = description.cavity.reference_hz if frequency_hz is None else frequency_hz
        fine = _fine_enough(description, nu_hz)
        bins = _bins(fine, step_hz or description.digitizer.bin_width_hz, nu_hz, {})
        density = description.axion.density_gev_per_cm3 / LOCAL_DENSITY_GEV_PER_CM3
        own = {name: getattr(stated, name) for name in _STATED}
        latitude = description.axion.latitude_deg
        return cls(
            **own, **bins, density_fraction=density, latitude_deg=latitude,
            demands=_demands(description),
        )  # fmt: skip

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                raise ValueError(
                    f"options: {name} is {getattr(self, name)!r}, needed one of {', '.join(words)}"
                )
        for name in (
            "confidence",
            "noise_systematic",
            "false_veto",
            *_ABOVE_ZERO,
            *_NOT_BELOW_ZERO,
        ):
            _demand_number(name, getattr(self, name))
        for name in _ABOVE_ZERO:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"options: {name} is {getattr(self, name)}, must be above 0")
        for name, fewest in _COUNTS.items():
            _demand_count(name, getattr(self, name), fewest)
        for name in _NOT_BELOW_ZERO:
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"options: {name} is {getattr(self, name)}, must not be below 0")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"options: confidence is {self.confidence}, needed 0.5 to below 1")
        if not 0 <= self.noise_systematic < 1:
            raise ValueError(f"options: noise_systematic {self.noise_systematic} not in 0 to 1")
        if not 0 < self.density_fraction <= _MOST_DENSITY:
            raise ValueError(
                f"options: density_fraction is {self.density_fraction}, must be above 0 and at "
                f"most {_MOST_DENSITY:g}"
            )
        _demand_number("latitude_deg", self.latitude_deg)
        if not -90 <= self.latitude_deg <= 90:
            raise ValueError(f"options: latitude_deg is {self.latitude_deg}, needed -90 to 90")
        if not 0 <= self.false_veto < 0.5:
            raise ValueError(f"options: false_veto is {self.false_veto}, needed 0 to below 0.5")
        if not self.threshold > 0:
            # Noise alone would pass it as often as an axion is to, and any coupling be excluded.
            raise ValueError(
                f"options: target_snr is {self.target_snr}, needed more than "
                f"{ndtri(self.confidence):.4g} for a confidence of {self.confidence}: the "
                "threshold must be above 0"
            )

    @property
    def threshold(self) -> float:
        """Candidate threshold, 5 - 1.2816 = 3.718 standard deviations for the letter's choices."""
        return float(self.target_snr - ndtri(self.confidence))

    def suited_to(
        self,
        step_hz: float,
        frequency_hz: float,
        *,
        description: Description | None = None,
        chosen: Collection[str] = (),
    ) -> Options:
        """The same with bins merged to the width of the line there.

        The line's width grows with its frequency, and digitizers have bins of other widths: for
        CAPP-12TB 81 fine and 9 coarse bins are to hold 4050 Hz at 1.1 GHz, 38 kHz at 10.35 GHz.

        Args:
            step_hz: Digitizer bin width, Hz.
            frequency_hz: Of the axions searched for, Hz.
            description: Of the apparatus; CAPP-12TB's if not given.
            chosen: Names of ``MERGES`` that stay as they are; the others go by them.
        """
        stated = _fine_enough(capp12tb() if description is None else description, frequency_hz)
        kept = {name: getattr(self, name) for name in chosen}
        return replace(self, **_bins(stated, step_hz, frequency_hz, kept))

    def line_share(self, step_hz: float, frequency_hz: float) -> float:
        """Share of an axion's line that the co-added bins hold, if it begins where they do."""
        span = self.line_bins * self.coarse_merge * self.fine_merge * step_hz
        return float(line_cdf(frequency_hz + span, frequency_hz))

    def words(self, step_hz: float, frequency_hz: float) -> str:
        """What is analysed how, in one line: window, bins, line, model and what is asked for.

        Args:
            step_hz: Digitizer bin width, Hz.
            frequency_hz: Of the axions searched for, Hz.
        """
        fine = step_hz * self.fine_merge
        coarse = fine * self.coarse_merge
        share = self.line_share(step_hz, frequency_hz)
        part = f"; axions {self.density_fraction:.6g} of the local density"
        return (
            f"window {self.window_hz * 1e-3:.6g} kHz; bins of {step_hz:.6g} Hz, "
            f"{self.fine_merge} merged to {fine:.6g} Hz, {self.coarse_merge} of them to "
            f"{coarse:.6g} Hz, {self.line_bins} co-added: {share:.2%} of the line at "
            f"{frequency_hz * 1e-6:.6g} MHz; {self.confidence:.6g} to find {self.target_snr:.6g} "
            f"sigma{part if self.density_fraction != 1 else ''}"
        )

    def savgol_bins(self, bin_hz: float) -> int:
        """Window of the Savitzky-Golay smoother in bins of this width, odd."""
        return 2 * int(self.savgol_window_hz / bin_hz / 2) + 1

    def savgol_room(self, bin_hz: float, bins: int) -> int:
        """The same, for windows of so many bins.

        Raises:
            ValueError: It does not fit, or is too narrow for the polynomial.
        """
        own = self.savgol_bins(bin_hz)
        if not self.savgol_degree < own <= bins:
            raise ValueError(
                f"options: savgol_window_hz of {self.savgol_window_hz:g} Hz is {own} bins of "
                f"{bin_hz:.6g} Hz, needed more than {self.savgol_degree} (savgol_degree) and at "
                f"most the {bins} of a window"
            )
        return own

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change with any setting; recorded with every result."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def line_span_hz(frequency_hz: float) -> float:
    """Width of the line's part that is co-added, Hz: 4050 Hz at 1.1 GHz."""
    return capp12tb().analysis.line_span * frequency_hz


def _demand_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"options: {name} is {value!r:.60}, not a number")


def _demand_count(name: str, value: Any, fewest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < fewest:
        raise ValueError(
            f"options: {name} is {value!r:.60}, must be a whole number, {fewest} or more"
        )
