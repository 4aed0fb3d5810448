"""A haloscope's habits in proportion to its widths, to begin a parameter file with."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from haloscope.description.proportions import proportions
from haloscope.parameters import HaloscopeParameters

__all__ = ["suggested"]

#: Groups that say how a haloscope is run, not what it is: they are suggested.
_GROUPS: Final = ("operation", "analysis")
#: The band begins with so much of the frequency to both sides.
_BAND: Final = 0.01


def suggested(
    source: HaloscopeParameters, frequency_hz: float, unloaded_q: float
) -> HaloscopeParameters:
    """Another haloscope's values with those that go by widths in proportion to a new one's.

    Args:
        source: Has the proportions' couplings and gain, and all other values.
        frequency_hz: Of the new one's search, the middle.
        unloaded_q: Of its cavity there.
    """
    own = proportions(
        frequency_hz,
        unloaded_q,
        beta=source.antenna.reference_beta,
        gain_db=source.operation.gain_db,
        line_span=source.analysis.line_span,
    )
    own["operation"] |= {
        "band_low_hz": (1 - _BAND) * frequency_hz,
        "band_high_hz": (1 + _BAND) * frequency_hz,
    }
    changed = {group: replace(getattr(source, group), **own[group]) for group in _GROUPS}
    why = f"derived: from the widths at {frequency_hz * 1e-6:g} MHz, Q {unloaded_q:g}"
    origins = {f"{group}.{name}": why for group in _GROUPS for name in own[group]}
    # Modes that cross another one's mode are none of a new one's.
    cavity = replace(source.cavity, te_frequency_hz=(), te_coupling_hz=(), te_q=())
    names = ("te_frequency_hz", "te_coupling_hz", "te_q")
    origins |= {f"cavity.{name}": "assumed: none known" for name in names}
    return replace(
        source, cavity=cavity, file_origins={**source.file_origins, **origins}, **changed
    )
