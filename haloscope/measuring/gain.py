"""Fit of the amplifier's gain profile to the power ratio with the pump on and off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from haloscope.lorentzian import lorentzian
from haloscope.measuring.goodness import Goodness, goodness_of
from haloscope.measuring.minimum import Minimum, minimise
from haloscope.parametric import power_gain

FloatArray = NDArray[np.float64]

__all__ = ["GainProfile", "fit_gain_profile", "flat_gain_profile"]

_DB = 10 / np.log(10)
#: A profile that misses by less, 0.2 dB, is good enough. What a gain is held against is swept more
#: coarsely: the ratio's noise is correlated, and chi2 is two where nothing is wrong.
_SLIGHT: Final = 0.05


@dataclass(frozen=True)
class GainProfile:
    """The JPA's power gain as fitted: a Lorentzian, with one standard deviation of each number.

    Attributes:
        peak_gain: G_0, a ratio.
        resonance_hz: Centre of the profile.
        bandwidth_hz: Full width at half of G_0 - 1.
        probe_hz: Where the probe tone is; NaN if nobody asked for the gain at one.
        goodness: How well a Lorentzian describes the trace, if it is the fit of one.
    """

    peak_gain: float
    peak_gain_error: float
    resonance_hz: float
    resonance_hz_error: float
    bandwidth_hz: float
    bandwidth_hz_error: float
    probe_hz: float = math.nan
    goodness: Goodness | None = None

    def gain(self, frequency_hz: ArrayLike) -> FloatArray:
        """Power gain, a ratio, at frequencies in Hz."""
        detuning_hz = np.asarray(frequency_hz, dtype=np.float64) - self.resonance_hz
        return power_gain(detuning_hz, self.peak_gain, self.bandwidth_hz)

    def gain_error(self, frequency_hz: float) -> float:
        """Standard deviation of the gain at a frequency in Hz, from peak, centre and width."""
        detuning_hz = frequency_hz - self.resonance_hz
        shape = float(lorentzian(detuning_hz, self.bandwidth_hz))
        u = 2 * detuning_hz / self.bandwidth_hz
        slope = 2 * (self.peak_gain - 1) * shape**2 * u / self.bandwidth_hz
        by_peak = shape * self.peak_gain_error
        by_centre = 2 * slope * self.resonance_hz_error
        by_width = slope * u * self.bandwidth_hz_error
        return float(np.linalg.norm([by_peak, by_centre, by_width]))

    @property
    def resonance_mhz(self) -> float:
        """Centre of the profile in the unit of the wire, MHz."""
        return self.resonance_hz / 1e6

    @property
    def bandwidth_khz(self) -> float:
        """Bandwidth in the unit of the wire, kHz."""
        return self.bandwidth_hz / 1e3

    @property
    def peak_gain_db(self) -> float:
        """Gain at the resonance, dB."""
        return float(10 * np.log10(self.peak_gain))

    @property
    def peak_gain_db_error(self) -> float:
        """Its standard deviation, dB."""
        return float(_DB * self.peak_gain_error / self.peak_gain)

    @property
    def probe_gain_db(self) -> float:
        """Gain at the probe tone, dB."""
        return float(10 * np.log10(self.gain(self.probe_hz)))

    @property
    def probe_gain_db_error(self) -> float:
        """Its standard deviation, dB: a kilohertz from the peak it is the peak's."""
        return self.peak_gain_db_error


def fit_gain_profile(
    frequency_hz: ArrayLike, gain: ArrayLike, *, probe_hz: float = math.nan
) -> GainProfile:
    """Fit the JPA's Lorentzian to measured power gains (ratios).

    Args:
        frequency_hz: (P,) ascending, P at least 8.
        gain: Power with pump over power without, (P,).
        probe_hz: Where the probe tone is, if the gain is wanted there.

    Raises:
        ValueError: Wrong shapes, values that are not finite, frequencies that do not ascend, no
            gain above 1 dB, a fit that does not converge or whose resonance is not in the trace.
    """
    nu, g = np.asarray(frequency_hz, dtype=np.float64), np.asarray(gain, dtype=np.float64)
    if nu.shape != g.shape or nu.size < 8:
        raise ValueError(f"gain profile: {nu.size} frequencies for {g.size} gains, 8 or more")
    if not (np.isfinite(nu).all() and np.isfinite(g).all() and np.all(np.diff(nu) > 0)):
        raise ValueError("gain profile: frequencies must be finite and ascending, gains finite")
    if not np.max(g) > 10**0.1:
        raise ValueError("gain profile: no gain above 1 dB in the trace")
    span = nu[-1] - nu[0]
    x = (nu - nu[0]) / span
    minimum = _fit_lorentzian(x, g)
    p = minimum.parameters
    if not (minimum.converged and p[0] > 0 and 0 <= p[1] <= 1 and abs(p[2]) < 2):
        raise ValueError(f"gain profile: no resonance between {nu[0]:.0f} and {nu[-1]:.0f} Hz")
    height = float(p[0] / (1 + p[0]))
    goodness = goodness_of(
        minimum.residual, p.size, height, largest=1.0, converged=True, slight=_SLIGHT
    )
    error = np.sqrt(np.diag(_robust_covariance(minimum)) * goodness.stretch)
    return GainProfile(
        peak_gain=float(1 + p[0]),
        peak_gain_error=float(error[0]),
        resonance_hz=float(nu[0] + span * p[1]),
        resonance_hz_error=float(span * error[1]),
        bandwidth_hz=float(span * abs(p[2])),
        bandwidth_hz_error=float(span * error[2]),
        probe_hz=float(probe_hz),
        goodness=goodness,
    )


def flat_gain_profile(
    frequency_hz: ArrayLike, gain: ArrayLike, *, centre_hz: float, width_hz: float, probe_hz: float
) -> GainProfile:
    """The gain of an amplifier without a resonance: the mean over a trace, as good as its scatter.

    Args:
        frequency_hz: (P,) ascending, P at least 8.
        gain: Power with pump over power without, (P,).
        centre_hz: Where it is set to.
        width_hz: Of its gain, as its owners state.
        probe_hz: Where the gain is wanted.

    Raises:
        ValueError: Wrong shapes, values that are not finite, or no gain above 1 dB.
    """
    nu, g = np.asarray(frequency_hz, dtype=np.float64), np.asarray(gain, dtype=np.float64)
    if nu.shape != g.shape or nu.size < 8:
        raise ValueError(f"gain: {nu.size} frequencies for {g.size} gains, 8 or more")
    if not (np.isfinite(nu).all() and np.isfinite(g).all()):
        raise ValueError("gain: frequencies and gains must be finite")
    middle = float(np.mean(g))
    if not middle > 10**0.1:
        raise ValueError("gain: no gain above 1 dB in the trace")
    # Neighbouring points share what they are divided by: the trend's error is counted, too.
    error = float(np.std(g, ddof=1) / np.sqrt(nu.size / 2))
    return GainProfile(middle, error, centre_hz, 0.0, width_hz, 0.0, probe_hz=float(probe_hz))


def _fit_lorentzian(x: FloatArray, gain: FloatArray) -> Minimum:
    """Fit G_0 - 1, centre and width; residuals are shares of the gain.

    The trace without pump has the same noise everywhere and is what every point is divided by: the
    ratio scatters in proportion to itself. The weights are those of the start: it is near enough.
    """
    top = int(np.argmax(np.convolve(gain, np.ones(5) / 5, mode="same")))
    width = float(np.mean(gain - 1 > 0.5 * (gain[top] - 1)) * (x[-1] - x[0]))
    start = np.array([gain[top] - 1, x[top], max(width, 2 * (x[1] - x[0]))])
    weights = 1 / np.maximum(power_gain(x - start[1], 1 + start[0], start[2]), 1.0)

    def residuals(p: FloatArray) -> tuple[FloatArray, FloatArray]:
        u = 2 * (x - p[1]) / p[2]
        shape = 1 / (1 + u * u)
        jacobian = np.empty((x.size, 3))
        jacobian[:, 0] = shape
        jacobian[:, 1] = 4 * p[0] * shape * shape * u / p[2]
        jacobian[:, 2] = 0.5 * jacobian[:, 1] * u
        return weights * (1 + p[0] * shape - gain), weights[:, None] * jacobian

    return minimise(residuals, start)


def _robust_covariance(minimum: Minimum) -> FloatArray:
    """Covariance from each point's own residual (White's, HC2): right for any noise over the trace.

    J. MacKinnon and H. White, J. Econometrics 29, 305 (1985).
    """
    jacobian = minimum.jacobian
    inverse = minimum.covariance(1.0)
    leverage = np.einsum("pi,ij,pj->p", jacobian, inverse, jacobian)
    scores = jacobian * (minimum.residual / np.sqrt(np.maximum(1 - leverage, 1e-3)))[:, None]
    return inverse @ (scores.T @ scores) @ inverse
