"""A stack of measured power spectra with everything that was measured beside them.

This is the one input of the analysis: plain arrays, one row per spectrum, in SI units. Where the
numbers came from (a catalog of documents, an HDF5 file of another experiment, a generator in a
test) is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_UNITS = {"db": "dB", "k": "K"}


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
        assumed: Names of the values, here or in the stack, that were used and nobody measured;
            shown with every result.

    Raises:
        ValueError: A value is not finite, a temperature or an error is negative, or there is
            neither a gain nor a noise temperature.
    """

    line_attenuation_db: float
    line_attenuation_db_error: float | None = None
    receiver_gain_db: float | None = None
    receiver_gain_db_error: float | None = None
    receiver_temperature_k: float | None = None
    receiver_temperature_k_error: float | None = None
    noise_temperature_k: float | None = None
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

    @staticmethod
    def quantities() -> tuple[str, ...]:
        """Names of the numbers of a calibration."""
        return tuple(f.name for f in fields(Calibration) if f.name != "assumed")

    def assuming(self, *names: str) -> Calibration:
        """The same with these values marked as assumed too, each once."""
        return replace(self, assumed=tuple(dict.fromkeys((*self.assumed, *names))))


def _demand_usable(name: str, value: float) -> None:
    unit = _UNITS[name.removesuffix("_error").rsplit("_", 1)[-1]]
    if not math.isfinite(value):
        raise ValueError(f"calibration: {name} is {value} {unit}, must be finite; None if unknown")
    if name.endswith("_k") and value <= 0:
        raise ValueError(f"calibration: {name} is {value} {unit}, must be above 0 {unit}")
    if name.endswith("_error") and value < 0:
        raise ValueError(f"calibration: {name} is {value} {unit}, must not be below 0 {unit}")


@dataclass(frozen=True)
class Spectra:
    """n power spectra of equal length, each with the apparatus as measured at that step.

    Attributes:
        power_w: Mean power per bin, shape (n, bins), W (or any unit if
            ``calibration.noise_temperature_k`` is given). float32 is enough: its rounding is 1e5
            times below the noise of one bin.
        frequency_start_hz: Centre of bin 0, shape (n,), Hz.
        step_hz: Bin width and spacing, Hz, common to the stack.
        num_averages: Number of averaged power spectra, shape (n,).
        target_frequency_hz: Centre of the wanted window, shape (n,), Hz.
        cavity_frequency_hz: Measured resonance of the cavity, shape (n,), Hz.
        loaded_q: Measured loaded quality factor, shape (n,).
        beta: Measured coupling of the antenna, shape (n,).
        jpa_resonance_hz: Measured resonance of the JPA (half its pump frequency), shape (n,), Hz.
        jpa_bandwidth_hz: Full width of its gain at half of G - 1, shape (n,), Hz.
        jpa_gain_peak_db: In-situ gain at its resonance, shape (n,), dB.
        magnet_field_t: Central field, shape (n,), T.
        form_factor: Form factor C at each step, shape (n,).
        first_bin: Number of the digitizer's bin that is bin 0 here, shape (n,); 0 unless the
            spectra were cut.
        calibration: The receiver behind the JPA.
        volume_m3: Cavity volume, m^3.
        field_ratio: Average of the field over the cavity / central field; 1 if the average is given
            as ``magnet_field_t``.
        errors: Standard errors of the measured fields by name, each of shape (n,).
        labels: One word per spectrum on where it came from (run and sequence number).
    """

    power_w: NDArray[np.floating]
    frequency_start_hz: FloatArray
    step_hz: float
    num_averages: FloatArray
    target_frequency_hz: FloatArray
    cavity_frequency_hz: FloatArray
    loaded_q: FloatArray
    beta: FloatArray
    jpa_resonance_hz: FloatArray
    jpa_bandwidth_hz: FloatArray
    jpa_gain_peak_db: FloatArray
    magnet_field_t: FloatArray
    form_factor: FloatArray
    calibration: Calibration
    volume_m3: float
    field_ratio: float
    errors: Mapping[str, FloatArray] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    first_bin: FloatArray = field(default_factory=lambda: np.zeros(()))

    def __post_init__(self) -> None:
        if self.power_w.ndim != 2 or 0 in self.power_w.shape:
            raise ValueError(f"spectra: power_w has shape {self.power_w.shape}, needed (n, bins)")
        if not self.step_hz > 0:
            raise ValueError(f"spectra: step_hz is {self.step_hz} Hz, must be above 0 Hz")
        for name in self.row_fields():
            value = np.asarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, self._one_per_row(name, value))
        for name in ("volume_m3", "field_ratio"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"spectra: {name} is {getattr(self, name)}, must be above 0")
        checked = {name: self._one_per_row(name, value) for name, value in self.errors.items()}
        object.__setattr__(self, "errors", checked)
        if self.labels and len(self.labels) != len(self):
            raise ValueError(f"spectra: {len(self.labels)} labels for {len(self)} spectra")

    def __len__(self) -> int:
        return int(self.power_w.shape[0])

    @staticmethod
    def row_fields() -> tuple[str, ...]:
        """Names of the fields that hold one number per spectrum."""
        skip = {"power_w", "step_hz", "calibration", "errors", "volume_m3", "field_ratio", "labels"}
        return tuple(f.name for f in fields(Spectra) if f.name not in skip)

    def _one_per_row(self, name: str, value: ArrayLike) -> FloatArray:
        array = np.asarray(value, dtype=np.float64)
        if array.ndim == 0:
            array = np.full(len(self), float(array))
        if array.shape != (len(self),):
            raise ValueError(f"spectra: {name} has shape {array.shape}, needed ({len(self)},)")
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array))[0])
            raise ValueError(f"spectra: {name} of spectrum {row} is {array[row]}, not a number")
        return array

    def error(self, name: str, default: float = 0.0) -> FloatArray:
        """Standard errors of one measured field, shape (n,); ``default`` if none was recorded."""
        return self.errors.get(name, np.full(len(self), default))

    def subset(self, rows: slice | ArrayLike) -> Spectra:
        """Some of the spectra: a slice (which shares memory), indices or a boolean mask."""
        index = rows if isinstance(rows, slice) else np.arange(len(self))[np.asarray(rows)]
        changed: dict[str, Any] = {name: getattr(self, name)[index] for name in self.row_fields()}
        errors = {name: value[index] for name, value in self.errors.items()}
        labels = tuple(np.array(self.labels)[index]) if self.labels else ()
        return replace(self, power_w=self.power_w[index], errors=errors, labels=labels, **changed)


def same_number(a: float, b: float) -> bool:
    """Whether two widths or volumes are one: they differ by rounding alone (1e-9 of them)."""
    return math.isclose(a, b, rel_tol=1e-9)


def concatenate(parts: Sequence[Spectra]) -> Spectra:
    """Join stacks that share bins, bin width and geometry; the first one's calibration is kept.

    What any of them assumes is marked in the whole.

    Raises:
        ValueError: No parts, or bin widths, lengths, volumes or field ratios differ.
    """
    if not parts:
        raise ValueError("spectra: nothing to concatenate")
    first = parts[0]
    for name in ("step_hz", "volume_m3", "field_ratio"):
        values = [getattr(part, name) for part in parts]
        if not all(same_number(value, values[0]) for value in values):
            raise ValueError(f"spectra: cannot concatenate stacks with different {name}: {values}")
    joined: dict[str, Any] = {
        n: np.concatenate([getattr(p, n) for p in parts]) for n in Spectra.row_fields()
    }
    common = set.intersection(*(set(part.errors) for part in parts))
    assumed = [name for part in parts for name in part.calibration.assumed]
    return replace(
        first,
        calibration=first.calibration.assuming(*assumed),
        power_w=np.concatenate([part.power_w for part in parts]),
        errors={name: np.concatenate([part.errors[name] for part in parts]) for name in common},
        labels=tuple(label for part in parts for label in part.labels)
        if all(part.labels for part in parts)
        else (),
        **joined,
    )
