"""A stack of measured power spectra with everything that was measured beside them.

This is the one input of the analysis: plain arrays, one row per spectrum, in SI units. Where the
numbers came from (a catalog of documents, an HDF5 file of another experiment, a generator in a
test) is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from haloscope.analysis.blocks import PowerRows
from haloscope.analysis.calibration import Calibration, combined
from haloscope.analysis.copies import demand_none_elsewhere, demand_none_mixed
from haloscope.analysis.cuts import Cut
from haloscope.analysis.distinct import demand_own_labels, demand_own_noise
from haloscope.analysis.power import usable_power
from haloscope.analysis.ranges import (
    CALIBRATION,
    ERROR,
    ROWS,
    SCALARS,
    FloatArray,
    demand_between,
    demand_rows,
    float_row,
    same_number,
)

IntArray = NDArray[np.int64]

__all__ = ["Calibration", "FloatArray", "IntArray", "Spectra", "concatenate", "referred_to"]


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
        time_s: When each was recorded, shape (n,), s since 1970; 0 where nobody noted it.
        calibration: The receiver behind the JPA.
        receiver_gain_offset_db: Gain of the receiver at each spectrum less the calibration's, shape
            (n,), dB; 0 where one calibration holds for all.
        line_attenuation_offset_db: Loss of the line at each spectrum less the calibration's, shape
            (n,), dB.
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
    masked: NDArray[np.bool_] | None = None
    time_s: FloatArray = field(default_factory=lambda: np.zeros(()))
    receiver_gain_offset_db: FloatArray = field(default_factory=lambda: np.zeros(()))
    line_attenuation_offset_db: FloatArray = field(default_factory=lambda: np.zeros(()))

    #: Whether all of its power was compared.
    _known_distinct: ClassVar[bool] = False

    def __post_init__(self) -> None:
        power, masked = usable_power(self.power_w, self.masked)
        object.__setattr__(self, "power_w", power)
        object.__setattr__(self, "masked", masked)
        object.__setattr__(self, "labels", tuple(str(label) for label in self.labels))
        if self.labels and len(self.labels) != len(self):
            raise ValueError(f"spectra: {len(self.labels)} labels for {len(self)} spectra")
        for name, allowed in SCALARS.items():
            allowed.demand(float(getattr(self, name)), f"spectra: {name}")
        for name in self.row_fields():
            value = float_row(name, getattr(self, name), len(self))
            demand_rows(name, value, ROWS[name], self.name)
            object.__setattr__(self, name, value)
        errors = {}
        for name, given in self.errors.items():
            errors[name] = float_row(f"error of {name}", given, len(self))
            demand_rows(f"error of {name}", errors[name], ERROR, self.name)
        object.__setattr__(self, "errors", errors)
        self._demand_one_frequency_scale()
        self._demand_a_line_that_loses()

    def _demand_a_line_that_loses(self) -> None:
        """No line passes on more than it gets, at no spectrum."""
        loss = self.calibration.line_attenuation_db + self.line_attenuation_offset_db
        lossless = np.where(np.abs(loss) < 1e-9, 0.0, loss)  # Rounding of sum and offset.
        demand_rows("loss of the line", lossless, CALIBRATION["line_attenuation_db"], self.name)

    def _demand_one_frequency_scale(self) -> None:
        """The JPA lies within a factor of two of the cavity."""
        cavity, jpa = self.cavity_frequency_hz, self.jpa_resonance_hz
        demand_between("jpa_resonance_hz", jpa, 0.5 * cavity, 2 * cavity, self.name)

    def __len__(self) -> int:
        return int(self.power_w.shape[0])

    @property
    def receiver_gain(self) -> FloatArray:
        """Power gain of the receiver at each spectrum, a ratio, shape (n,).

        Raises:
            ValueError: The calibration has no gain.
        """
        gain_db = self.calibration.receiver_gain_db
        if gain_db is None:
            raise ValueError("spectra: the calibration gives no receiver_gain_db")
        return np.asarray(10 ** ((gain_db + self.receiver_gain_offset_db) / 10))

    @property
    def relative_transmission(self) -> FloatArray:
        """Transmission of the line at each spectrum over the calibration's, shape (n,)."""
        return np.asarray(10 ** (-self.line_attenuation_offset_db / 10))

    @staticmethod
    def row_fields() -> tuple[str, ...]:
        """Names of the fields that hold one number per spectrum."""
        return _ROW_FIELDS

    def name(self, row: int) -> str:
        """What to call a spectrum: its number, and its label if it has one."""
        return f"spectrum {row} ({self.labels[row]})" if self.labels else f"spectrum {row}"

    def demand_distinct(
        self,
        windows: PowerRows | None = None,
        place: NDArray[np.integer] | None = None,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse a stack that holds a spectrum twice, by its labels or by its noise.

        Args:
            windows: The part of each of these spectra that is about its target, shape (n, bins):
                copies of one spectrum that were cut differently have it in common. Given them,
                copies that are shifted or backwards are looked for too.
            place: Number of each window's first bin on the frequency axis, shape (n,): with it, a
                spectrum made of others of its place is.
            rows: Which of the spectra are looked at, ascending, shape (n,); all if not given.

        Raises:
            SameDataError: Names both spectra, and counts the others.
        """
        numbers = np.arange(len(self)) if rows is None else rows
        averages = self.num_averages[numbers]
        labels = [self.labels[row] for row in numbers.tolist()] if self.labels else []

        def name(row: int) -> str:
            return self.name(int(numbers[row]))

        demand_own_labels(labels, numbers.tolist() if labels else None)
        bins = self.power_w.shape[1]
        if not self._known_distinct and (windows is None or windows.shape[1] < bins):
            whole = Cut(self.power_w, numbers, np.zeros_like(numbers), bins)
            demand_own_noise(whole, averages, name)
            # Part of them are distinct too. Power that somebody may change is compared every time.
            if rows is None and not self.power_w.flags.writeable:
                object.__setattr__(self, "_known_distinct", True)
        if windows is not None:
            demand_own_noise(windows, averages, name)
            demand_none_elsewhere(windows, averages, name)
        if windows is not None and place is not None:
            demand_none_mixed(windows, place, averages, name)

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with any number in the stack."""
        digest = hashlib.sha256()
        for item in fields(self):
            _digest(digest, item.name, getattr(self, item.name))
        return digest.hexdigest()[:16]

    def error(self, name: str, default: float = 0.0) -> FloatArray:
        """Standard errors of one measured field, shape (n,); ``default`` if none was recorded."""
        return self.errors.get(name, np.full(len(self), default))

    def subset(self, rows: slice | ArrayLike) -> Spectra:
        """Some of the spectra: a slice, indices or a boolean mask.

        A slice shares memory; all of them in order are the stack itself.

        Raises:
            IndexError: A mask of another length, or rows that are no whole numbers.
            ValueError: No spectrum is chosen.
        """
        index = self._index(rows)
        if self._is_all(index):
            return self
        masked = None if self.masked is None else self.masked[index]
        return self.with_checked(power_w=self.power_w[index], masked=masked, **self._beside(index))

    def without_power(self, rows: slice | ArrayLike = slice(None)) -> Spectra:
        """What was measured beside the power of some of the spectra, which is not copied.

        The power of these is NaN in every bin, of the same shape, and takes no memory.

        Raises:
            IndexError: As ``subset``.
            ValueError: As ``subset``.
        """
        index = self._index(rows)
        if self._is_all(index) and not any(self.power_w.strides):
            return self
        beside = self._beside(index)
        shape = len(beside["time_s"]), self.power_w.shape[1]
        nothing = np.broadcast_to(self.power_w.dtype.type(np.nan), shape)
        return self.with_checked(power_w=nothing, masked=None, **beside)

    def _index(self, rows: slice | ArrayLike) -> slice | IntArray:
        """Rows as a slice, where they are one or all, or as numbers."""
        if isinstance(rows, slice):
            return rows
        chosen = np.asarray(rows)
        if chosen.size and chosen.dtype.kind not in "biu":
            raise IndexError(f"spectra: rows of dtype {chosen.dtype}, needed numbers or truths")
        if chosen.dtype == bool and len(chosen) != len(self):
            raise IndexError(f"spectra: {len(chosen)} truths for {len(self)} spectra")
        index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        if len(index) == len(self) and np.array_equal(index, np.arange(len(self))):
            return slice(None)
        return index

    def _is_all(self, index: slice | IntArray) -> bool:
        return isinstance(index, slice) and index.indices(len(self)) == (0, len(self), 1)

    def _beside(self, index: slice | IntArray) -> dict[str, Any]:
        """Everything that is one for each spectrum, but for power and mask, of these rows."""
        chosen: dict[str, Any] = {name: getattr(self, name)[index] for name in self.row_fields()}
        if not len(chosen["time_s"]):
            raise ValueError(f"spectra: none of {len(self)} is chosen, needed one or more")
        chosen["errors"] = {name: value[index] for name, value in self.errors.items()}
        chosen["labels"] = self.labels and (
            self.labels[index]
            if isinstance(index, slice)
            else tuple(self.labels[row] for row in index.tolist())
        )
        return chosen

    def with_checked(self, **changed: Any) -> Spectra:
        """The stack with other values of its fields, which were looked at when they came in."""
        other = object.__new__(Spectra)
        other.__dict__.update({name: getattr(self, name) for name in _FIELDS} | changed)
        return other


_FIELDS = tuple(f.name for f in fields(Spectra))
_ROW_FIELDS = tuple(name for name in _FIELDS if name in ROWS)


def _digest(digest: Any, name: str, value: Any) -> None:
    """Feed a digest with a field: arrays by their bytes, the rest by its text."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            _digest(digest, f"{name}.{key}", value[key])
    elif isinstance(value, np.ndarray):
        digest.update(f"{name} {value.dtype.str} {value.shape} ".encode())
        digest.update(np.ascontiguousarray(value).data)
    else:
        digest.update(f"{name} {value!r} ".encode())


def concatenate(parts: Sequence[Spectra]) -> Spectra:
    """Join stacks that share bins, bin width and geometry.

    All are referred to one calibration: power is brought to the receiver gain of the first stack,
    offsets tell what the line's loss is at each spectrum. What any of them assumes is marked in the
    whole.

    Raises:
        SameDataError: A spectrum is in it twice.
        ValueError: No parts, or bin widths, lengths, volumes, field ratios or calibrations differ.
    """
    if not parts:
        raise ValueError("spectra: nothing to concatenate")
    first = parts[0]
    for name in ("step_hz", "volume_m3", "field_ratio"):
        values = [getattr(part, name) for part in parts]
        if not all(same_number(value, values[0]) for value in values):
            raise ValueError(f"spectra: cannot concatenate stacks with different {name}: {values}")
    bins = [part.power_w.shape[1] for part in parts]
    if len(set(bins)) > 1:
        short = parts[int(np.argmin(bins))]
        raise ValueError(
            f"spectra: cannot concatenate spectra of {min(bins)} and {max(bins)} bins: "
            f"{short.name(0)} of its stack has {min(bins)}"
        )
    calibration = combined([part.calibration for part in parts])
    parts = [referred_to(part, calibration) for part in parts]
    joined: dict[str, Any] = {
        n: np.concatenate([getattr(p, n) for p in parts]) for n in Spectra.row_fields()
    }
    common = set.intersection(*(set(part.errors) for part in parts))
    whole = replace(
        first,
        calibration=calibration,
        power_w=np.concatenate([part.power_w for part in parts]),
        masked=_joined_masks(parts),
        errors={name: np.concatenate([part.errors[name] for part in parts]) for name in common},
        labels=tuple(label for part in parts for label in part.labels)
        if all(part.labels for part in parts)
        else (),
        **joined,
    )
    whole.demand_distinct()
    return whole


def referred_to(part: Spectra, calibration: Calibration) -> Spectra:
    """The same spectra with another calibration as their reference.

    Power is what a receiver of its gain would have measured; the offset of the line's loss tells
    the difference.
    """
    own = part.calibration
    changed: dict[str, Any] = {}
    if own.receiver_gain_db != calibration.receiver_gain_db and None not in (
        own.receiver_gain_db, calibration.receiver_gain_db
    ):  # fmt: skip
        assert own.receiver_gain_db is not None
        assert calibration.receiver_gain_db is not None
        factor = 10 ** ((calibration.receiver_gain_db - own.receiver_gain_db) / 10)
        changed["power_w"] = part.power_w * part.power_w.dtype.type(factor)
    more_db = own.line_attenuation_db - calibration.line_attenuation_db
    if more_db:
        changed["line_attenuation_offset_db"] = part.line_attenuation_offset_db + more_db
    if not changed:
        return part
    reference = replace(
        own,
        receiver_gain_db=calibration.receiver_gain_db if "power_w" in changed
        else own.receiver_gain_db,
        line_attenuation_db=calibration.line_attenuation_db,
    )  # fmt: skip
    return replace(part, calibration=reference, **changed)


def _joined_masks(parts: Sequence[Spectra]) -> NDArray[np.bool_] | None:
    if all(part.masked is None for part in parts):
        return None
    none = (np.zeros(part.power_w.shape, dtype=bool) for part in parts)
    return np.concatenate(
        [empty if p.masked is None else p.masked for p, empty in zip(parts, none, strict=True)]
    )
