"""Events of scans in SI units, and the stack of spectra that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.apparatus import Apparatus, apparatus_of
from haloscope.analysis.ranges import same_number
from haloscope.analysis.scratch import Scratch
from haloscope.analysis.spectra import Calibration, Spectra

#: Key and unit of each measured number that may have a standard error, by the name of ``Spectra``.
MEASURED: dict[str, tuple[str, float]] = {
    "cavity_frequency_hz": ("measured_cavity_frequency", 1e6),
    "loaded_q": ("measured_loaded_q", 1.0),
    "beta": ("measured_beta", 1.0),
    "jpa_resonance_hz": ("measured_jpa_resonance", 1e6),
    "jpa_bandwidth_hz": ("measured_jpa_bandwidth", 1e3),
    "jpa_gain_peak_db": ("measured_jpa_gain_peak", 1.0),
}

#: What a spectrum may be shorter than the others: a fine bin on each side is to spare.
_SPARE_BINS = 20


@dataclass(frozen=True)
class Event:
    """One event of a scan, in SI units.

    Attributes:
        power_w: Spectrum around the target, shape (bins,), W.
        frequency_start_hz: Centre of its first bin, Hz.
        step_hz: Bin width, Hz.
        values: Measured numbers by the names of ``Spectra``.
        errors: Standard errors of those for which one was recorded.
        label: Run and sequence number.
        run: The run's uid.
        tm_share: Share of the TM mode in the resonance, below 1 beside a mode crossing.
    """

    power_w: NDArray[np.float32]
    frequency_start_hz: float
    step_hz: float
    values: Mapping[str, float]
    errors: Mapping[str, float]
    label: str
    tm_share: float = 1.0
    run: str = ""

    def moved(self, scratch: Scratch) -> Event:
        """The event without its power, which is kept there: NaN in as many bins, without memory."""
        scratch.add(self.power_w)
        nothing = np.broadcast_to(np.float32(np.nan), self.power_w.shape)
        return replace(self, power_w=nothing)


def stack(
    events: Iterable[Event],
    calibration: Calibration,
    apparatus: Apparatus | None = None,
    *,
    scratch: Scratch | None = None,
) -> Spectra:
    """A stack of events; their spectra must have the same bin width.

    A standard error that an event lacks is left out for the whole stack and marked as assumed zero.

    Args:
        events: Of one apparatus.
        calibration: Its receiver.
        apparatus: Its geometry; None for that of the letter, which is marked as assumed.
        scratch: Where the power of these events is, in their order; None if they hold it.

    Raises:
        ValueError: No event, or different bin widths.
    """
    rows = list(events)
    if not rows:
        raise ValueError("documents: no scan event with a spectrum among them")
    for row in rows:
        if not same_number(row.step_hz, rows[0].step_hz):
            raise ValueError(
                f"documents: spectra with different bin widths, {rows[0].step_hz} Hz of event "
                f"{rows[0].label} and {row.step_hz} Hz of event {row.label}"
            )
    apparatus = apparatus or apparatus_of({})
    bins = _common_length(rows)
    known = [name for name in MEASURED if all(name in row.errors for row in rows)]
    unknown = [f"{name}_error" for name in MEASURED if name not in known]
    names = list(rows[0].values)
    values: dict[str, Any] = {name: np.array([row.values[name] for row in rows]) for name in names}
    share = np.array([row.tm_share for row in rows])
    form_factor = apparatus.form_factor_at(values["cavity_frequency_hz"]) * share
    if all("beta_systematic" in row.errors for row in rows):
        known.append("beta_systematic")
    return Spectra(
        power_w=_power(rows, bins, scratch),
        frequency_start_hz=np.array([row.frequency_start_hz for row in rows]),
        step_hz=rows[0].step_hz,
        form_factor=form_factor,
        calibration=calibration.assuming(*apparatus.assumed, *unknown),
        volume_m3=apparatus.volume_m3,
        field_ratio=apparatus.field_ratio,
        errors=apparatus.error_rows(form_factor)
        | {name: np.array([row.errors[name] for row in rows]) for name in known},
        labels=tuple(row.label for row in rows),
        **values,
    )


def _power(rows: Sequence[Event], bins: int, scratch: Scratch | None) -> NDArray[np.float32]:
    if scratch is None:
        return np.stack([row.power_w[:bins] for row in rows])
    return scratch.array(bins)


def _common_length(rows: Sequence[Event]) -> int:
    """Bins of the shortest spectrum, which by rounding may be some less than those of others."""
    lengths = [len(row.power_w) for row in rows]
    usual, shortest = int(np.median(lengths)), min(lengths)
    if usual - shortest > _SPARE_BINS:
        label = rows[lengths.index(shortest)].label
        raise ValueError(
            f"documents: event {label} has a spectrum of {shortest} bins, the others of {usual}"
        )
    return shortest
