"""The letter's cavity, magnet and refrigerator as designed, with a field calculation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import jn_zeros, jnp_zeros

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

__all__ = ["compute"]

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
        "cooling-power": exact(
            1e3 * p.cryostat.cooling_power_w, _READ_BACK,
            f"at {1e3 * p.cryostat.cooling_power_at_k:g} mK",
        ),
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
    at = _nearest_mode_hz(p, height, p.cavity.te_frequency_hz[0])
    reach = load(p)
    return {
        "tm010-best": exact(
            float((first / second) ** 2), "closed form", "C of TM_020 over that of TM_010, no rod"
        ),
        "mode-crossing": numerical(
            1e-6 * at, 20.0, "rod left out, ends flat",
            "nearest TE mode of a cylinder of 36.85 litre and 131 mm radius (assumed): the letter "
            "gives neither height nor radius, and the model's 1094.63 MHz is put in",
        ),
        "tuning-range": spread(
            0.5e-6 * (reach.lowest_hz + reach.highest_hz), 1e-6 * reach.lowest_hz,
            1e-6 * reach.highest_hz, "numerical: " + _ASSUMED_RADIUS,
            note="that the rod's crank reaches",
        ),
    }  # fmt: skip


def _nearest_mode_hz(p: HaloscopeParameters, height_m: float, wanted_hz: float) -> float:
    """Frequency of the TE mode of an empty cylinder that is nearest to a wanted one."""
    found = []
    for order in range(4):
        for zero in jnp_zeros(order, 2):
            for half_waves in range(1, 8):
                k = math.hypot(zero / p.cavity.radius_m, half_waves * math.pi / height_m)
                found.append(SPEED_OF_LIGHT_M_PER_S * k / (2.0 * math.pi))
    return min(found, key=lambda f: abs(f - wanted_hz))


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
