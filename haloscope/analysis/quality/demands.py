"""What the analysis demands of each spectrum, and what becomes of one that fails."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Real
from typing import Final, Literal

BadSpectra = Literal["cut", "refuse", "keep"]
Receiver = Literal["phase preserving", "phase sensitive", "squeezed"]
_RECEIVERS: Final = ("phase preserving", "phase sensitive", "squeezed")


@dataclass(frozen=True)
class Demands:
    """Settings of the verdicts; part of the options of an analysis.

    Attributes:
        bad_spectra: ``"cut"`` leaves spectra that fail out of the sums, ``"refuse"`` ends the
            analysis if one fails or the result is not to be believed, ``"keep"`` only tells.
        kept: Labels of spectra that are used in spite of their verdict (their number where they
            have no label).
        receiver: ``"phase preserving"``, which adds at least half a quantum to the half that comes
            in, so that T_n is at least h f/k (C. M. Caves, Phys. Rev. D 26, 1817 (1982)), or
            ``"phase sensitive"``, which need not add any: at least h f/2k. ``"squeezed"``: behind a
            squeezer, at least what ``haloscope.noise.squeezed_floor`` leaves of h f/k at the
            coupling measured.
        reflected_share: Of a squeezed receiver: what its squeezer leaves of the vacuum that the
            cavity reflects (``haloscope.noise.squeezed_share``), as its owners state.
        highest_noise_k: Above this T_n at the cavity is none of a cold receiver but a slip of a
            unit (powers in mW), K.
        noise_drift: Largest share by which T_n may be off the median of the stack.
        noise_span: Largest share by which T_n may differ between the lowest and the highest
            twentieth of the spectra: a limit rests on one calibration of the gain.
        noise_step: Largest share by which it may be off that of its neighbours in frequency, if
            they agree among themselves.
        parameter_step: The same of Q_L and beta.
        gain_step_db: The same of the JPA's gain, dB.
        level_factor: Where the noise temperature is given instead of the gain: how many times the
            power may be above or below the median of the stack.
        improbable: A spectrum whose residuals are less probable than this fails.
        radiometer_slack: Share by which the chi-square may be off besides, for averages that are
            known roughly.
        misfit_slack: Share by which the stack's residuals may be too wide on the scale of the line.
        most_masked: Largest share of masked bins.
    """

    bad_spectra: BadSpectra = "cut"
    kept: tuple[str, ...] = ()
    receiver: Receiver = "phase preserving"
    reflected_share: float = 1.0
    highest_noise_k: float = 20.0
    noise_drift: float = 0.1
    noise_span: float = 0.1
    noise_step: float = 0.1
    parameter_step: float = 0.3
    gain_step_db: float = 1.0
    level_factor: float = 3.0
    improbable: float = 1e-6
    radiometer_slack: float = 0.05
    misfit_slack: float = 0.01
    most_masked: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "kept", tuple(str(label) for label in self.kept))
        if self.bad_spectra not in ("cut", "refuse", "keep"):
            raise ValueError(f"demands: bad_spectra is {self.bad_spectra!r}: cut, refuse or keep")
        if self.receiver not in _RECEIVERS:
            raise ValueError(
                f"demands: receiver is {self.receiver!r}: one of {', '.join(_RECEIVERS)}"
            )
        for item in fields(self):
            if item.name in ("bad_spectra", "kept", "receiver"):
                continue
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, Real):
                raise ValueError(f"demands: {item.name} is {value!r:.60}, not a number")
            if not float(value) >= 0:
                raise ValueError(f"demands: {item.name} is {value}, must not be below 0")
        if not self.reflected_share <= 1:
            raise ValueError(
                f"demands: reflected_share is {self.reflected_share}, must be at most 1"
            )
