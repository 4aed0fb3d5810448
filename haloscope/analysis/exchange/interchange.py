"""Spectra of any haloscope in one HDF5 file: write it, read it, analyse it.

Layout (version 1 to 3), everything in SI units::

    /                   attributes: format = "cryohalo-spectra", version = 1 to 3, step_hz,
                        volume_m3, field_ratio (average over central field; 1 if the field given is
                        the average)
    /power_w            (n, bins) mean power per bin, W; or any unit with noise_temperature_k given
    /frequency_start_hz (n,) centre of bin 0
    /num_averages       (n,) averaged periodograms
    /target_frequency_hz, /cavity_frequency_hz, /loaded_q, /beta, /magnet_field_t, /form_factor,
    /jpa_resonance_hz, /jpa_bandwidth_hz, /jpa_gain_peak_db          (n,) each
    /first_bin          (n,) number of the digitizer's bin that is bin 0 here, optional, 0 if absent
    /time_s             (n,) when each was recorded, s since 1970, optional, 0 where unknown
    /receiver_gain_offset_db, /line_attenuation_offset_db
                        (n,) gain of the receiver and loss of the line at each spectrum less
                        those of the calibration, dB, optional, 0 if absent; version 3 then
    /masked             (n, bins) 1 where a bin is to be left out, optional; the version is 2 then
    /errors/NAME        (n,) standard error of NAME, optional
    /labels             (n,) strings, optional
    /calibration        attributes of ``spectra.Calibration``: line_attenuation_db (0 if the gain is
                        referred to the cavity) and receiver_gain_db or noise_temperature_k are
                        needed; ``assumed`` lists the names of those that nobody measured

A receiver without a JPA has jpa_gain_peak_db = 0 and any positive bandwidth.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from haloscope.analysis.exchange.documents import demand_met
from haloscope.analysis.exchange.hdf5 import Reader, reading
from haloscope.analysis.spectra import Calibration, Spectra

FORMAT, VERSION = "cryohalo-spectra", 1
_MASKED_VERSION = 2  # What reads version 1 alone would use the bins that are masked.
_OFFSETS_VERSION = 3  # What reads versions 1 and 2 alone would pass over them.
_VERSIONS = (VERSION, _MASKED_VERSION, _OFFSETS_VERSION)
_OFFSETS = ("receiver_gain_offset_db", "line_attenuation_offset_db")
_OPTIONAL = ("first_bin", "time_s", *_OFFSETS)
_SCALARS = ("step_hz", "volume_m3", "field_ratio")


def write_spectra(path: Path | str, spectra: Spectra) -> None:
    """Write a stack; an existing file is replaced."""
    with h5py.File(path, "w") as file:
        file.attrs.update(
            format=FORMAT,
            version=_version(spectra),
            step_hz=spectra.step_hz,
            volume_m3=spectra.volume_m3,
            field_ratio=spectra.field_ratio,
        )
        file.create_dataset("power_w", data=spectra.power_w, compression="gzip", shuffle=True)
        if spectra.masked is not None:
            masked = spectra.masked.astype(np.uint8)
            file.create_dataset("masked", data=masked, compression="gzip")
        for name in Spectra.row_fields():
            if name in _OFFSETS and not _has_offsets(spectra):
                continue
            file[name] = getattr(spectra, name)
        for name, value in spectra.errors.items():
            file[f"errors/{name}"] = value
        if spectra.labels:
            file["labels"] = list(spectra.labels)
        group = file.create_group("calibration")
        for name, value in asdict(spectra.calibration).items():
            if value is not None:
                group.attrs[name] = list(value) if isinstance(value, tuple) else value


def _has_offsets(spectra: Spectra) -> bool:
    return any(getattr(spectra, name).any() for name in _OFFSETS)


def _version(spectra: Spectra) -> int:
    if _has_offsets(spectra):
        return _OFFSETS_VERSION
    return VERSION if spectra.masked is None else _MASKED_VERSION


def read_spectra(path: Path | str, drop: Collection[str] = ()) -> Spectra:
    """Read a stack.

    Args:
        path: The file.
        drop: Labels of spectra that are left out, whatever is in them; numbers where there are no
            labels.

    Raises:
        ValueError: Not such a file, a dataset or a needed value is missing, or one is not usable;
            names it. Nothing is filled in.
        OSError: No such file.
    """
    with reading(path) as file:
        version = file.attribute("version")
        if file.attribute("format") != FORMAT or version not in _VERSIONS:
            raise ValueError(f"not a {FORMAT} file of version {VERSION} to {_OFFSETS_VERSION}")
        scalars = {name: file.number(name) for name in _SCALARS}
        unknown = [name for name, value in scalars.items() if value is None]
        if unknown:
            raise ValueError(f"attributes missing: {', '.join(unknown)}")
        names = [n for n in Spectra.row_fields() if n not in _OPTIONAL or file.has(n)]
        absent = [n for n in ("power_w", *names) if not file.has(n)]
        if absent:
            raise ValueError(f"datasets missing: {', '.join(absent)}")
        rows: dict[str, Any] = {name: file.numbers(name) for name in names} | scalars
        rows["power_w"] = file.numbers("power_w")
        rows["labels"] = file.texts("labels") if file.has("labels") else ()
        rows["masked"] = file.numbers("masked") if file.has("masked") else None
        errors = {name: file.numbers(f"errors/{name}") for name in file.members("errors")}
        if drop:
            rows, errors = _without(rows, errors, drop)
        return Spectra(errors=errors, calibration=_calibration(file), **rows)


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        spectra: Number of spectra.
        labels: Theirs; none in a file without.
    """

    spectra: int
    labels: tuple[str, ...]


def read_labels(path: Path | str) -> Contents:
    """How many spectra a file holds, and what they are called.

    Raises:
        ValueError: Not such a file.
        OSError: No such file.
    """
    with reading(path) as file:
        count = len(np.atleast_1d(file.numbers("num_averages")))
        return Contents(count, file.texts("labels") if file.has("labels") else ())


def _without(
    rows: dict[str, Any], errors: dict[str, Any], drop: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of a file without those that are to be left out."""
    count = len(rows["power_w"])
    names = rows["labels"] or tuple(str(row) for row in range(count))
    demand_met(drop, names)
    left = [row for row in range(count) if row >= len(names) or names[row] not in drop]
    if not left:
        raise ValueError(f"all {count} spectra are left out")

    def taken(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(value[row] for row in left if row < len(value))
        same = isinstance(value, np.ndarray) and value.ndim and len(value) == count
        return value[left] if same else value

    return {k: taken(v) for k, v in rows.items()}, {k: taken(v) for k, v in errors.items()}


def _calibration(file: Reader) -> Calibration:
    found = {name: file.number(name, "calibration") for name in Calibration.quantities()}
    given = {name: value for name, value in found.items() if value is not None}
    if "line_attenuation_db" not in given:
        raise ValueError(
            "calibration has no line_attenuation_db; write it, 0 dB if the gain is "
            "referred to the cavity, and name it in 'assumed' if nobody measured it"
        )
    assumed = file.attribute("assumed", "calibration")
    names = () if assumed is None else tuple(map(str, np.atleast_1d(assumed)))
    return Calibration(**given, assumed=names)
