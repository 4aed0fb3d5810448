"""The letter's cavity, magnet and refrigerator as designed, with a field calculation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import jn_zeros, jnp_zeros, jv, jvp

from cryohalo.reproduction.finding import Finding, exact, numerical, spread
from cryohalo.reproduction.papers import claim_named
from cryohalo.reproduction.work import Answers, Work
from haloscope.constants import SPEED_OF_LIGHT_M_PER_S
from haloscope.helmholtz import solve
from haloscope.measuring.calibration import effective_temperature_k
from haloscope.mode_map import load
from haloscope.parameters import HaloscopeParameters
from instruments.drawing import BLUE, RED, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["TransverseElectric", "compute"]

_READ_BACK: Final = "none: a parameter, read back"
_ASSUMED_RADIUS: Final = "two dimensions; the letter leaves the cavity's radius out, 131 mm assumed"


def compute(work: Work) -> Answers:
    """Findings of fields and stated values."""
    p = HaloscopeParameters.capp12tb()
    found = {**_stated(p), **_form_factor(p, work.quick), **_modes(p)}
    work.tell(0.8)
    work.figure(
        "cavity-modes", _figure(p),
        "Frequency and form factor against the angle of the tuning rod, with the searched band.",
        ["form-factor", "tuning-range"],
    )  # fmt: skip
    return found


def _stated(p: HaloscopeParameters) -> dict[str, Finding]:
    source_k = effective_temperature_k(p.noise_source.lowest_k, p.cavity.reference_hz)
    bore_mm = claim_named("bore").high
    return {
        "average-field": exact(p.magnet.average_field_t, _READ_BACK),
        "cavity-volume": exact(1e3 * p.cavity.volume_m3, _READ_BACK),
        "bore": exact(
            2e3 * p.cavity.radius_m, "none: a parameter",
            f"diameter of the cavity (assumed), to fit into {bore_mm:g} mm",
        ),
        "cooling-power": exact(1e3 * p.cryostat.cooling_power_w, _READ_BACK),
        "cooling-power-at": exact(1e3 * p.cryostat.cooling_power_at_k, _READ_BACK),
        "source-noise": exact(1e3 * float(source_k), "closed form", "with its zero-point half"),
    }  # fmt: skip


def _form_factor(p: HaloscopeParameters, quick: bool) -> dict[str, Finding]:
    """C over the searched band, from the field, before it is scaled to the letter's."""
    low, high = p.operation.band_low_hz, p.operation.band_high_hz
    rod = claim_named("rod-diameter").low
    places = np.linspace(low, high, 3 if quick else 5)
    course = load(p)
    offsets = course.offset_m(course.angle_deg(places)) / p.cavity.radius_m
    modes = [solve(rod, float(offset)) for offset in offsets]
    factors = [mode.form_factor for mode in modes]
    return {
        "form-factor": spread(
            float(np.median(factors)), min(factors), max(factors),
            "numerical: " + _ASSUMED_RADIUS,
            note="over the band; ends and the field's curvature would lower it; field on the walls "
            f"at most {max(mode.residual for mode in modes):.0e}",
        ),
        "rod-diameter": exact(rod, "none: input of the field calculation"),
    }  # fmt: skip


def _modes(p: HaloscopeParameters) -> dict[str, Finding]:
    first, second = jn_zeros(0, 2)
    height = p.cavity.volume_m3 / (math.pi * p.cavity.radius_m**2)
    mode = _nearest_mode(p, height, p.cavity.te_frequency_hz[0])
    reach = load(p)
    return {
        "tm010-best": exact(
            float((first / second) ** 2), "closed form", "C of TM_020 over that of TM_010, no rod"
        ),
        "mode-crossing": numerical(
            1e-6 * mode.frequency_hz, 1e-6 * mode.moved_hz(*_rod(p)),
            "the rod is left out: what it moves, to first order in its area; ends are flat",
            "nearest TE mode of a cylinder of 36.85 litre and 131 mm radius (assumed): the letter "
            "gives neither height nor radius, and the model's 1094.63 MHz is put in",
        ),
        "tuning-range": spread(
            0.5e-6 * (reach.lowest_hz + reach.highest_hz), 1e-6 * reach.lowest_hz,
            1e-6 * reach.highest_hz, "numerical: " + _ASSUMED_RADIUS,
            note="that the rod's crank reaches",
        ),
    }  # fmt: skip


@dataclass(frozen=True)
class TransverseElectric:
    """A TE mode of an empty cylinder with flat ends.

    Attributes:
        order: Of the angle.
        zero: Of the Bessel function's derivative.
        half_waves: Along the axis.
        radius_m: Of the cylinder.
        height_m: Of the same.
    """

    order: int
    zero: float
    half_waves: int
    radius_m: float
    height_m: float

    @property
    def wavenumber(self) -> float:
        """1/m."""
        along = self.half_waves * math.pi / self.height_m
        return math.hypot(self.zero / self.radius_m, along)

    @property
    def frequency_hz(self) -> float:
        """Hz."""
        return SPEED_OF_LIGHT_M_PER_S * self.wavenumber / (2.0 * math.pi)

    def moved_hz(self, rod_radius: float, rod_offset: float) -> float:
        """How far a rod moves it at most, whatever its angle, to first order in the rod's area.

        With H_z = u of unit norm in the disc, a conducting rod of radius a at x takes from the
        eigenvalue pi a^2 (2 |grad u|^2 - zero^2 u^2), the term of a small hole with Neumann's
        condition: more where the transverse E is, less than nothing where only H_z is.

        Args:
            rod_radius: In radii of the cylinder.
            rod_offset: Of its axis, likewise.
        """
        m, k = self.order, self.zero
        angle = np.linspace(0.0, 2.0 * np.pi, 361)
        norm = math.pi * (1.0 if m == 0 else 0.5) * (1.0 - (m / k) ** 2) * jv(m, k) ** 2
        radial = k * jvp(m, k * rod_offset) * np.cos(m * angle)
        around = m / rod_offset * jv(m, k * rod_offset) * np.sin(m * angle)
        here = jv(m, k * rod_offset) * np.cos(m * angle)
        off = math.pi * rod_radius**2 * (2.0 * (radial**2 + around**2) - (k * here) ** 2) / norm
        share = float(np.abs(off).max()) / (2.0 * (self.wavenumber * self.radius_m) ** 2)
        return share * self.frequency_hz


def _rod(p: HaloscopeParameters) -> tuple[float, float]:
    """Radius and offset of the rod where the modes cross, in radii of the cavity."""
    course = load(p)
    offset_m = course.offset_m(course.angle_deg(np.array([p.cavity.te_frequency_hz[0]])))
    return claim_named("rod-diameter").low, float(offset_m[0]) / p.cavity.radius_m


def _nearest_mode(p: HaloscopeParameters, height_m: float, wanted_hz: float) -> TransverseElectric:
    """The TE mode of an empty cylinder that is nearest to a frequency."""
    found = [
        TransverseElectric(order, float(zero), half_waves, p.cavity.radius_m, height_m)
        for order in range(4)
        for zero in jnp_zeros(order, 2)
        for half_waves in range(1, 8)
    ]
    return min(found, key=lambda mode: abs(mode.frequency_hz - wanted_hz))


@styled
def _figure(p: HaloscopeParameters) -> Figure:
    from matplotlib.figure import Figure

    modes, figure = load(p), Figure(figsize=(6.8, 3.0), layout="constrained")
    angles = np.linspace(p.rod.low_limit_deg, p.rod.high_limit_deg, 300)
    frequency = modes.frequency_hz(angles)
    left, right = figure.subplots(1, 2, sharex=True)
    left.plot(angles, 1e-6 * frequency, color=BLUE)
    band = (1e-6 * p.operation.band_low_hz, 1e-6 * p.operation.band_high_hz)
    left.axhspan(*band, color=RED, alpha=0.2, lw=0, label="searched")
    left.set(xlabel="rod's crank (deg)", ylabel="TM$_{010}$-like mode (MHz)")
    left.legend()
    right.plot(angles, modes.form_factor(frequency), color=BLUE)
    right.set(xlabel="rod's crank (deg)", ylabel="form factor as used, scaled to 0.6")
    return figure
