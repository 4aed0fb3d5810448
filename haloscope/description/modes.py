"""The map from tuning rod to TM010-like mode: frequency, form factor and share of the wall loss.

A field calculation that the experimenters have too (they used finite elements): the tables shipped
in ``data/mode_map_*.csv`` come from ``haloscope.helmholtz`` through
``examples/haloscope_mode_map_table.py`` and are interpolated by cubic splines. The crank puts the
rod at s^2 = s0^2 + l^2 - 2 s0 l cos(theta).

The map knows the bare TM mode. Mode crossings, drifts and what the antenna does are the apparatus's
affair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from haloscope.constants import SPEED_OF_LIGHT_M_PER_S
from haloscope.description.groups import Cavity, Rod
from instruments.foreign_files import read_bounded
from instruments.ranges import all_within

__all__ = ["MOST_ROWS", "BareMode", "ModeMap", "Table", "made", "table_named", "wrong_in"]

FloatArray = NDArray[np.float64]
#: Rows of a table: (s/R, K R, form factor, loss on barrel and on rod).
Table = tuple[tuple[float, ...], ...]

_MOST_BYTES = 10_000_000
#: Offset, wavenumber, form factor, two shares; a cubic spline needs four.
_COLUMNS, _FEWEST_ROWS = 5, 4
#: Numbers that no table has, and steps too small to interpolate over.
_LARGEST, _FINEST = 1e6, 1e-7
#: It is served and recorded with every run.
MOST_ROWS = 1000


@dataclass(frozen=True)
class BareMode:
    """The TM mode alone: frequency in Hz, form factor C, the rod's share of the loss, Q_0."""

    frequency_hz: float
    form_factor: float
    rod_share: float
    unloaded_q: float


@dataclass(frozen=True)
class ModeMap:
    """Rod position to mode properties for one haloscope.

    Attributes:
        cavity: What is stated of the cavity.
        rod: And of the tuning rod.
        offsets: Rod offsets s/R of the table, ascending, (n,).
        wavenumbers: KR of the table, descending, (n,).
    """

    cavity: Cavity
    rod: Rod
    offsets: FloatArray
    wavenumbers: FloatArray
    _splines: Mapping[str, CubicSpline] = field(repr=False)

    @property
    def highest_hz(self) -> float:
        """Highest frequency of the table."""
        return float(self.wavenumbers[0] * self._hz_per_wavenumber)

    @property
    def lowest_hz(self) -> float:
        """Lowest frequency of the table."""
        return float(self.wavenumbers[-1] * self._hz_per_wavenumber)

    def offset_m(self, angle_deg: ArrayLike) -> FloatArray:
        """Distance of the rod from the cavity's axis at crank angle ``angle_deg``."""
        rod = self.rod
        cosine = np.cos(np.radians(np.asarray(angle_deg, dtype=np.float64)))
        square = rod.axle_offset_m**2 + rod.arm_m**2 - 2 * rod.axle_offset_m * rod.arm_m * cosine
        return np.sqrt(square)

    def frequency_hz(self, angle_deg: ArrayLike) -> FloatArray:
        """Frequency of the bare TM mode at crank angle ``angle_deg``."""
        offset = self.offset_m(angle_deg) / self.cavity.radius_m
        return self._splines["wavenumber"](offset**2) * self._hz_per_wavenumber

    def at_angle(self, angle_deg: float) -> BareMode:
        """All properties of the bare TM mode at crank angle ``angle_deg``, in one evaluation."""
        offset = float(self.offset_m(angle_deg)) / self.cavity.radius_m
        k, form_factor, share, geometry = self._splines["all"](offset**2)
        cavity, (form_reference, geometry_reference) = self.cavity, self._references
        nu = float(k * self._hz_per_wavenumber)
        q = (
            cavity.unloaded_q
            * geometry
            / geometry_reference
            * (nu / cavity.reference_hz) ** (1 / 3)
        )
        return BareMode(
            nu, float(cavity.form_factor * form_factor / form_reference), float(share), float(q)
        )

    @cached_property
    def _references(self) -> tuple[float, float]:
        """Form factor and geometry factor of the table at the reference frequency."""
        square = self._square_of(self.cavity.reference_hz)
        form, geometry = self._splines["form_factor"](square), self._splines["geometry"](square)
        return float(form), float(geometry)

    def angle_deg(self, frequency_hz: ArrayLike) -> FloatArray:
        """Crank angle at which the bare TM mode has ``frequency_hz``.

        Raises:
            ValueError: Outside of the table or out of the crank's reach.
        """
        rod = self.rod
        square_m2 = self._square_of(frequency_hz) * self.cavity.radius_m**2
        cosine = (rod.axle_offset_m**2 + rod.arm_m**2 - square_m2) / (
            2 * rod.axle_offset_m * rod.arm_m
        )
        if np.any(np.abs(cosine) > 1):
            raise ValueError(f"the crank does not reach {frequency_hz!r} Hz")
        return np.degrees(np.arccos(cosine))

    def form_factor(self, frequency_hz: ArrayLike) -> FloatArray:
        """Form factor C of the bare TM mode tuned to ``frequency_hz``, normalised to B_avg^2 V.

        The course is the table's, the scale is the parameter ``cavity.form_factor`` at the
        reference frequency.
        """
        cavity = self.cavity
        here, reference = self._pair("form_factor", frequency_hz)
        return cavity.form_factor * here / reference

    def rod_share(self, frequency_hz: ArrayLike) -> FloatArray:
        """Share of the wall loss that is in the rod, 0 to 1."""
        return self._splines["rod_share"](self._square_of(frequency_hz))

    def unloaded_q(self, frequency_hz: ArrayLike) -> FloatArray:
        """Unloaded quality factor Q_0 of the bare TM mode.

        Q_0 = omega mu_0 int H^2 dV / (R_s oint H^2 dS): the integrals from the table, R_s as
        nu^(2/3), the extreme anomalous skin effect of cold copper; scale from ``cavity.unloaded_q``
        at the reference frequency.
        """
        cavity = self.cavity
        ratio = np.asarray(frequency_hz, dtype=np.float64) / cavity.reference_hz
        here, reference = self._pair("geometry", frequency_hz)
        return cavity.unloaded_q * here / reference * ratio ** (1 / 3)

    @property
    def _hz_per_wavenumber(self) -> float:
        cavity = self.cavity
        return SPEED_OF_LIGHT_M_PER_S / (2 * np.pi * cavity.radius_m) * cavity.frequency_scale

    def _pair(self, name: str, frequency_hz: ArrayLike) -> tuple[FloatArray, FloatArray]:
        spline = self._splines[name]
        reference = self._square_of(self.cavity.reference_hz)
        return spline(self._square_of(frequency_hz)), spline(reference)

    def _square_of(self, frequency_hz: ArrayLike) -> FloatArray:
        """(s/R)^2 at a frequency: in the square the wavenumber is smooth and monotonic."""
        # In the unit in which plans are given their targets.
        low, high = self.lowest_hz * 1e-6, self.highest_hz * 1e-6
        all_within("mode map: frequency", np.multiply(frequency_hz, 1e-6), low, high, "MHz")
        k = np.asarray(frequency_hz, dtype=np.float64) / self._hz_per_wavenumber
        forward = self._splines["wavenumber"]
        square = self._splines["square"](k)
        for _ in range(2):  # Newton: the two splines invert each other only to their own accuracy
            square = square - (forward(square) - k) / forward(square, 1)
        return square


def made(cavity: Cavity, rod: Rod, table: Sequence[Sequence[float]]) -> ModeMap:
    """The map of a cavity and a rod, from a table in which ``wrong_in`` finds nothing."""
    offsets, wavenumbers, form_factor, barrel, in_rod = np.asarray(table, dtype=np.float64).T
    length = cavity.volume_m3 / (np.pi * cavity.radius_m**3)  # in cavity radii
    # Tangential H^2 on an end cap integrates to int E^2 dA (times k^2, as on the walls), and there
    # are two.
    total = length * (barrel + in_rod) + 2
    square = offsets**2
    columns = {
        "wavenumber": wavenumbers,
        "form_factor": form_factor,
        "rod_share": length * in_rod / total,
        "geometry": length / total,
    }
    splines = {name: CubicSpline(square, column) for name, column in columns.items()}
    splines["all"] = CubicSpline(square, np.stack(list(columns.values()), axis=1))
    splines["square"] = CubicSpline(wavenumbers[::-1], square[::-1])
    return ModeMap(cavity, rod, offsets, wavenumbers, splines)


def table_named(name: str, folder: str = "") -> Table:
    """A shipped table, or one from a file.

    Args:
        name: As parameter files have it in ``rod.mode_map``.
        folder: Where a file is looked for.

    Raises:
        OSError: It is neither a shipped table nor a file that can be read.
        ValueError: The file is no table of a mode map.
    """
    shipped = files("haloscope") / "data" / f"mode_map_{name}.csv"
    return _shipped(name) if shipped.is_file() else _parsed(name, _read(name, folder))


@lru_cache(maxsize=8)
def _shipped(name: str) -> Table:
    return _parsed(name, (files("haloscope") / "data" / f"mode_map_{name}.csv").read_text())


def _read(name: str, folder: str) -> str:
    return read_bounded(Path(folder) / name, _MOST_BYTES).decode()


def _parsed(name: str, text: str) -> Table:
    lines = [line for line in text.splitlines() if line.partition("#")[0].strip()]
    if not lines:
        raise ValueError(f"mode map {name}: no rows")
    table = np.loadtxt(lines, delimiter=",", comments="#", ndmin=2)
    rows: Table = tuple(tuple(row) for row in table.tolist())
    if wrong := wrong_in(rows):
        raise ValueError(f"mode map {name}: {wrong}")
    return rows


def wrong_in(table: object) -> str:
    """What makes something no table of a mode map; "" if it is one."""
    try:
        rows = np.asarray(table)
    except (TypeError, ValueError, OverflowError):
        return f"needed rows of {_COLUMNS} numbers"
    if rows.dtype.kind not in "iuf":  # numpy would take texts and truths for numbers
        return f"needed rows of {_COLUMNS} numbers"
    rows = rows.astype(np.float64)
    fits = rows.ndim == 2 and rows.shape[1] == _COLUMNS
    if not fits or not _FEWEST_ROWS <= len(rows) <= MOST_ROWS or not np.isfinite(rows).all():
        return (
            f"a table of shape {rows.shape}, needed {_FEWEST_ROWS} to {MOST_ROWS} rows "
            f"of {_COLUMNS} finite numbers"
        )
    if np.any(np.abs(rows) > _LARGEST):
        return f"a number beyond {_LARGEST:g}"
    if not (np.all(np.diff(rows[:, 0]) > _FINEST) and rows[0, 0] >= 0 and rows[-1, 0] < 1):
        return "the rod's offsets, first column, must ascend from 0 or more to below 1"
    if not (np.all(np.diff(rows[:, 1]) < -_FINEST) and rows[-1, 1] > 0):
        return "the wavenumbers, second column, must descend and be above 0"
    if np.any(rows[:, 2] <= 0) or np.any(rows[:, 3:] < 0):
        return "a form factor, third column, that is not above 0, or a loss below 0"
    return ""
