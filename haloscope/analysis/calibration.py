"""The receiver behind the JPA, as measured by the calibration plans."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from haloscope.analysis.budget.terms import TERMS
from haloscope.analysis.ranges import CALIBRATION, ERROR, Range

__all__ = ["Calibration", "combined"]

#: Attenuations of one line that are this far apart, besides their errors, are not of one line.
SAME_ATTENUATION_DB: Final = 0.2

#: What a calibration may be wrong by, and the term of the budget that it is.
_UNSURE: Final = {
    "receiver_gain_db_error": "receiver_gain",
    "line_attenuation_db_error": "line_attenuation",
    "noise_difference": "noise_temperature",
}


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The receiver without the JPA, as measured by the calibration plans, for a whole stack.

    Nothing has a default but None, which means that nobody measured it. The analysis needs the
    attenuation, and either the gain or the noise temperature.

    Attributes:
        line_attenuation_db: Loss from the cavity to the switch, half the difference of two
            reflections, dB; 0 where the gain is referred to the cavity.
        line_attenuation_db_error: Its standard error, dB.
        receiver_gain_db: Gain from the switch to the digitizer, Y factor, dB.
        receiver_gain_db_error: Its standard error, dB.
        receiver_temperature_k: Noise temperature of the same chain, K.
        receiver_temperature_k_error: Its standard error, K.
        noise_temperature_k: System noise temperature at the cavity frequency, K. If given, it sets
            the scale of the power and no gain is needed (spectra in arbitrary units of another
            experiment).
        noise_difference: How far two methods of measuring the system noise are apart, relative:
            the systematic of T_n.
        assumed: Names of the values, here or in the stack, that were used and nobody measured;
            shown with every result.

    Raises:
        ValueError: A value is not finite or outside its range (``ranges.CALIBRATION``), or there is
            neither a gain nor a noise temperature.
    """

    line_attenuation_db: float
    line_attenuation_db_error: float | None = None
    receiver_gain_db: float | None = None
    receiver_gain_db_error: float | None = None
    receiver_temperature_k: float | None = None
    receiver_temperature_k_error: float | None = None
    noise_temperature_k: float | None = None
    noise_difference: float | None = None
    assumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.quantities():
            value = getattr(self, name)
            if value is not None:
                _demand_usable(name, float(value))
        if self.receiver_gain_db is None and self.noise_temperature_k is None:
            raise ValueError(
                "calibration: neither receiver_gain_db nor noise_temperature_k is given; one of "
                "them must set the scale of the power"
            )

    @property
    def line_transmission(self) -> float:
        """Share of the cavity's power that the line passes on to the switch."""
        return float(10 ** (-self.line_attenuation_db / 10))

    @staticmethod
    def quantities() -> tuple[str, ...]:
        """Names of the numbers of a calibration."""
        return tuple(f.name for f in fields(Calibration) if f.name != "assumed")

    def assuming(self, *names: str) -> Calibration:
        """The same with these values marked as assumed too, each once."""
        return replace(self, assumed=tuple(dict.fromkeys((*self.assumed, *names))))


def _demand_usable(name: str, value: float) -> None:
    own = CALIBRATION[name.removesuffix("_error")]
    allowed = Range(ERROR.low, ERROR.high, own.unit) if name.endswith("_error") else own
    if not math.isfinite(value):
        raise ValueError(
            f"calibration: {name} is {value} {own.unit}, must be finite; None if unknown"
        )
    allowed.demand(value, f"calibration: {name}")


def combined(parts: Sequence[Calibration]) -> Calibration:
    """One calibration for several stacks whose power was brought to the gain of the first.

    The line's attenuation is the largest of theirs, so that no limit comes out too strong where
    nothing tells how much less it was. So are the errors of gain and attenuation and the difference
    of two methods; one that some of them lack is unknown for all, unless what the others know is
    worse than what is assumed.

    Args:
        parts: One or more.

    Raises:
        ValueError: Some set their scale by a gain and some by a noise temperature, or the noise
            temperatures or the attenuations are not the same.
    """
    first = parts[0]
    noise = [part.noise_temperature_k for part in parts]
    if any(value != noise[0] for value in noise):
        raise ValueError(
            f"calibration: noise temperatures {_listed(noise)} K in stacks that are to be joined; "
            "analyse them apart"
        )
    lines = [part.line_attenuation_db for part in parts]
    errors = [part.line_attenuation_db_error or 0.0 for part in parts]
    if max(lines) - min(lines) > SAME_ATTENUATION_DB + 3 * math.hypot(max(errors), min(errors)):
        raise ValueError(
            f"calibration: line attenuations {_listed(lines)} dB in stacks that are to be joined, "
            f"more than {SAME_ATTENUATION_DB} dB and three standard errors apart; analyse them "
            "apart"
        )
    lossy = parts[lines.index(max(lines))]
    return replace(
        first,
        line_attenuation_db=lossy.line_attenuation_db,
        **{name: _largest(parts, name) for name in _UNSURE},
        assumed=tuple(dict.fromkeys(name for part in parts for name in part.assumed)),
    )


def _largest(parts: Sequence[Calibration], name: str) -> float | None:
    given = [getattr(part, name) for part in parts]
    known = [value for value in given if value is not None]
    if len(known) == len(given) or max(known, default=0.0) > TERMS[_UNSURE[name]].assumed:
        return max(known)
    return None


def _listed(values: Sequence[float | None]) -> str:
    return ", ".join(dict.fromkeys("none" if v is None else f"{v:g}" for v in values))
