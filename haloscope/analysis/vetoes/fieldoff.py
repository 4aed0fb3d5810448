"""Spectra with the field off, made ready to be compared with those with it on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.reduce import Reduction
from haloscope.analysis.options import Options
from haloscope.analysis.quality.assess import assess, screened
from haloscope.analysis.quality.residuals import ResidualSums
from haloscope.analysis.quality.verdicts import QualityError
from haloscope.analysis.spectra import Spectra

__all__ = ["FieldOff", "field_off_of"]

_ONE_FIELD_T = 0.05


@dataclass(frozen=True)
class FieldOff:
    """Spectra at another field, in units of the power that axions have with the field on.

    Attributes:
        reduction: They, their baselines fitted (n).
        names: What to call them, shape (n,).
        used: Which of them are good, shape (n,).
        ratio_squared: (B off / B on)^2, what an axion's power is multiplied by.
    """

    reduction: Reduction
    names: tuple[str, ...]
    used: NDArray[np.bool_]
    ratio_squared: float


def field_off_of(on: Spectra, off: Spectra, options: Options) -> FieldOff:
    """Judge and fit the spectra with the field off.

    Args:
        on: Spectra with the field on.
        off: The same at another field, 0 T included.
        options: Settings; the baseline is settled.

    Raises:
        ValueError: A stack is of more than one field, or the second is not below the first.
        QualityError: None of the spectra with the field off can be used.
    """
    high, low = _one_field(on), _one_field(off)
    if not high > low >= 0:
        raise ValueError(f"field off: {high:.4g} T with the field on and {low:.4g} T with it off")
    as_on = replace(off, magnet_field_t=np.full(len(off), high))
    single = replace(options, filter_average=False)
    try:
        stack = screened(as_on, single)
        judged = assess(stack, single, Accumulator(off.step_hz, single), ResidualSums())
    except QualityError as error:
        raise QualityError(f"field off: {error}", error.quality) from error
    names = tuple(off.name(int(number)) for number in stack.numbers)
    used = judged.quality.used[stack.numbers]
    return FieldOff(judged.reduction, names, used, (low / high) ** 2)


def _one_field(spectra: Spectra) -> float:
    field = np.abs(spectra.magnet_field_t)
    if np.ptp(field) > _ONE_FIELD_T:
        raise ValueError(
            f"field off: fields from {field.min():.3f} T to {field.max():.3f} T in one stack, "
            f"needed the same within {_ONE_FIELD_T} T"
        )
    return float(field.mean())
