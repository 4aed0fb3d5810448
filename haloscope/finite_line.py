"""The axion's line through a cavity that is not much wider: Eq. 1 with the line's own width.

The field's power is spread over frequencies as f(nu) (``haloscope.axion``), and the cavity passes
L(nu - nu_c) of each. The letter's Eq. 1 takes the line for narrow; the power is

    P = P_full * h,    h = int f(nu) L(nu - nu_c) dnu,

with P_full that of Eq. 1 on resonance. For Q_L far below Q_a = nu_a / (width of the line) h is L at
the line's middle; for Q_L far above, P_full h goes to a constant: Q_L h -> (pi/2) nu_c f(nu_c). For
a line that is itself a Lorentzian of quality Q_a, h = Q_a / (Q_a + Q_L) at its middle, so that
Q_L h = 1 / (1/Q_L + 1/Q_a) (D. Kim et al., JCAP 03 (2020) 066, and the tests here).

A spectrum's own bins need none of this: the share of the line in a bin times L there is exact for
bins narrower than both. It is whole-line estimates that need it, and plans: a step cannot be wider
than what it covers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from haloscope.axion import AxionLine, bin_fractions
from haloscope.constants import EARTH_SPEED_M_PER_S, HALO_RMS_SPEED_M_PER_S, SPEED_OF_LIGHT_M_PER_S

FloatArray = NDArray[np.float64]

__all__ = [
    "SIMPLE_FORM_ERROR",
    "best_detuning_hz",
    "effective_q",
    "line_overlap",
    "line_q",
    "simple_form_fails",
]

#: Bins that the line is cut into: the overlap is good to 1e-6.
_BINS: Final = 4000
#: Where Eq. 1 overstates the power at its best by more than this share, it is not to be used.
SIMPLE_FORM_ERROR: Final = 0.01


def line_q() -> float:
    """Q_a, the line's frequency over its rms width: 1.93e6 for the standard halo.

    From the variance of nu/nu_a - 1 = v^2/2c^2 of the boosted Maxwellian: with s^2 = v_rms^2/3,
    var(v^2) = 6 s^4 + 4 s^2 v_E^2.
    """
    square = HALO_RMS_SPEED_M_PER_S**2 / 3
    variance = 6 * square**2 + 4 * square * EARTH_SPEED_M_PER_S**2
    return float(2 * SPEED_OF_LIGHT_M_PER_S**2 / np.sqrt(variance))


def line_overlap(axion_hz: float, cavity_hz: ArrayLike, loaded_q: float) -> FloatArray:
    """Share h of the power of Eq. 1 on resonance that the cavity takes from the whole line.

    Args:
        axion_hz: Frequency of an axion at rest, Hz.
        cavity_hz: Resonance, Hz, any shape.
        loaded_q: Q_L.

    Returns:
        0 to 1, in the shape of ``cavity_hz``; good to 1e-6.

    Raises:
        ValueError: A frequency or quality factor that is not above 0.
    """
    cavity = np.asarray(cavity_hz, dtype=np.float64)
    if not (axion_hz > 0 and loaded_q > 0 and np.all(cavity > 0)):
        raise ValueError(
            f"finite line: axion {axion_hz} Hz, cavity {cavity} Hz, Q {loaded_q}: must be above 0"
        )
    low, high = AxionLine(axion_hz, 0.0).span_hz()
    edges = np.linspace(low, high, _BINS + 1)
    share = bin_fractions(edges, axion_hz)
    half_hz = 0.5 * cavity[..., None] / loaded_q
    # The mean of a Lorentzian over a bin in closed form: however narrow, it does not fall between.
    turned = half_hz * np.arctan((edges - cavity[..., None]) / half_hz)
    mean = np.diff(turned, axis=-1) / np.diff(edges)
    return np.asarray(mean @ share)


def best_detuning_hz(axion_hz: float, loaded_q: float) -> float:
    """Where the cavity takes most of the line: its resonance less the axion's rest frequency, Hz.

    Between the line's peak, for a narrow cavity, and its mean, for a wide one.
    """
    low, high = AxionLine(axion_hz, 0.0).span_hz()

    def loss(detuning_hz: float) -> float:
        return -float(line_overlap(axion_hz, axion_hz + detuning_hz, loaded_q))

    found = minimize_scalar(loss, bounds=(0.0, 0.5 * (high - low)), method="bounded")
    return float(found.x)


def effective_q(axion_hz: float, loaded_q: float) -> float:
    """Q_L h at the best detuning: what stands for Q_L in Eq. 1 with the whole line.

    Q_L for a wide cavity; for a narrow one it saturates at (pi/2) nu f at the line's peak, 1.55e6
    for the standard halo, however high Q_L.
    """
    best_hz = axion_hz + best_detuning_hz(axion_hz, loaded_q)
    return loaded_q * float(line_overlap(axion_hz, best_hz, loaded_q))


def simple_form_fails(axion_hz: float, loaded_q: float) -> str:
    """Words of warning where Eq. 1 with the line taken for narrow is wrong; "" where it holds."""
    effective = effective_q(axion_hz, loaded_q)
    share = loaded_q / effective - 1
    if share <= SIMPLE_FORM_ERROR:
        return ""
    return (
        f"loaded Q {loaded_q:.3g} is not small against the line's {line_q():.3g}: Eq. 1 with a "
        f"narrow line overstates the power by {share:.0%}; of the whole line the cavity has an "
        f"effective Q of {effective:.3g}"
    )
