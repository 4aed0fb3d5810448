"""Gain and loss at each spectrum, from the calibrations that start documents carry.

A run's calibration is one value of each quantity, or has besides the list ``points`` of those taken
along the band and in the course of the campaign. A spectrum takes the points of its own run and of
all runs of its campaign, later ones too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from haloscope.analysis.budget.terms import TERMS
from haloscope.analysis.ranges import FloatArray
from haloscope.analysis.recorded import finite, group
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.tracking import Point, points_of, track

__all__ = ["tracked"]

_ERRORS = {"gain": "receiver_gain_offset_db", "loss": "line_attenuation_offset_db"}
_ASSUMED_DB = {name: TERMS[f"{name}_between"].assumed for name in _ERRORS}


def tracked(
    spectra: Spectra, runs: Sequence[str], starts: Mapping[str, Mapping[str, Any]]
) -> Spectra:
    """The stack with gain and loss at each spectrum.

    Args:
        spectra: As measured, the power of each run brought from its own gain to the stack's (n).
        runs: Uid of the run of each, shape (n,).
        starts: Start documents by uid.

    Raises:
        ValueError: A run's calibration cannot be used; names what is wrong with it.
    """
    reference = spectra.calibration
    gain, loss = np.zeros(len(spectra)), np.zeros(len(spectra))
    errors = {name: np.full(len(spectra), np.nan) for name in _ERRORS}
    rows_of: dict[str, list[int]] = {}
    for row, run in enumerate(runs):
        rows_of.setdefault(run, []).append(row)
    for run, own in rows_of.items():
        rows = np.array(own)
        own_loss_db = _own(starts, run, "line_attenuation_db", reference.line_attenuation_db)
        loss[rows] = own_loss_db - reference.line_attenuation_db
        points = _points(starts, run)
        if not points:
            continue
        where = spectra.cavity_frequency_hz[rows], spectra.time_s[rows]
        gains, losses = (track(points, name, *where) for name in _ERRORS)
        own_gain_db = _own(starts, run, "receiver_gain_db", reference.receiver_gain_db or 0.0)
        gain[rows] = gains.value_db - own_gain_db
        loss[rows] = losses.value_db - reference.line_attenuation_db
        for name, found in (("gain", gains), ("loss", losses)):
            errors[name][rows] = np.nan if found.between_db is None else found.between_db
    known = {_ERRORS[name]: _filled(value, _ASSUMED_DB[name]) for name, value in errors.items()}
    return replace(
        spectra,
        receiver_gain_offset_db=gain,
        line_attenuation_offset_db=loss,
        errors={**spectra.errors, **{name: v for name, v in known.items() if v is not None}},
    )


def _filled(error_db: FloatArray, assumed_db: float) -> FloatArray | None:
    """Errors where some runs do not tell theirs; None for the assumed one everywhere.

    What others found is not forgotten where it is worse than that.
    """
    told = np.isfinite(error_db)
    worst = float(error_db[told].max(initial=0.0))
    if not told.all() and worst <= assumed_db:
        return None
    return np.where(told, error_db, worst)


def _points(starts: Mapping[str, Mapping[str, Any]], run: str) -> tuple[Point, ...]:
    """Of a run's own calibration and of those of its campaign's other runs."""
    campaign = starts.get(run, {}).get("campaign")
    same = [
        start
        for uid, start in starts.items()
        if uid == run or (campaign and start.get("campaign") == campaign)
    ]
    return tuple(point for start in same for point in points_of(group(start, "calibration")))


def _own(starts: Mapping[str, Mapping[str, Any]], run: str, name: str, fallback: float) -> float:
    """A value of a run's own calibration; the fallback where it has none."""
    own = group(starts.get(run, {}), "calibration").get(name)
    return fallback if own is None else finite(own, f"run {run[:8]}: {name}")
