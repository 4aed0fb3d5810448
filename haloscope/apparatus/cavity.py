"""The cavity at one moment: hybrid modes, S-parameters, emission, response to axions.

The TM mode couples to two antennas, to its walls and to TE modes that the rod does not tune.
Input-output theory of the coupled modes, all rates as full widths in Hz (kappa = nu / Q):

    chi(nu) = 1 / [ kappa_L/2 + i (nu - nu_TM) + sum_j g_j^2 / (kappa_j/2 + i (nu - nu_j)) ]
    S11 = kappa_e chi - 1,    S21 = sqrt(kappa_e kappa_w) chi

Without TE modes this is the textbook S11 = 2 beta/(1+beta) / (1 + 2 i Q_L x) - 1. With one at
distance D = nu_TM - nu_TE the resonances lie at (nu_TM + nu_TE)/2 +- sqrt(D^2/4 + g^2). The axion
drives the TM part alone, so the signal follows |chi|^2. Each loss channel emits at its own
temperature (the letter: the rod is hotter).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haloscope.apparatus.timeline import Wander
from haloscope.apparatus.unknowns import Unknowns
from haloscope.mode_map import ModeMap
from haloscope.parameters import HaloscopeParameters

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class CavityState:
    """The cavity as the waves see it.

    Attributes:
        tm_hz: Frequency of the bare TM mode.
        wall_width_hz: Loss rate of the bare TM mode into walls and rod, kappa_0 = nu / Q_0.
        strong_width_hz: Rate into the strong antenna, beta kappa_0.
        weak_width_hz: Rate into the weak antenna.
        rod_share: Share of the wall loss that is in the rod.
        form_factor: C of the bare TM mode.
        te_hz: Frequencies of the TE modes.
        te_width_hz: Their loss rates.
        te_coupling_hz: Their couplings g to the TM mode.
    """

    tm_hz: float
    wall_width_hz: float
    strong_width_hz: float
    weak_width_hz: float
    rod_share: float
    form_factor: float
    te_hz: tuple[float, ...] = ()
    te_width_hz: tuple[float, ...] = ()
    te_coupling_hz: tuple[float, ...] = ()

    @property
    def loaded_width_hz(self) -> float:
        """Full width of the bare TM mode with both antennas."""
        return self.wall_width_hz + self.strong_width_hz + self.weak_width_hz

    @property
    def loaded_q(self) -> float:
        """Q_L of the bare TM mode."""
        return self.tm_hz / self.loaded_width_hz

    @property
    def beta(self) -> float:
        """Coupling of the strong antenna to the bare TM mode."""
        return self.strong_width_hz / self.wall_width_hz

    def response(self, frequency_hz: FloatArray) -> ComplexArray:
        """chi(nu) in 1/Hz."""
        damping, detuning, _ = self._inverse(frequency_hz)
        return np.asarray(1 / (damping + 1j * detuning), dtype=np.complex128)

    def s11(self, frequency_hz: FloatArray) -> ComplexArray:
        """Reflection at the strong antenna."""
        return self.strong_width_hz * self.response(frequency_hz) - 1

    def s21(self, frequency_hz: FloatArray) -> ComplexArray:
        """Transmission from the weak to the strong antenna."""
        return np.sqrt(self.strong_width_hz * self.weak_width_hz) * self.response(frequency_hz)

    def signal_shape(self, frequency_hz: FloatArray) -> FloatArray:
        """|chi|^2 over the bare TM mode's on resonance: the Lorentzian L without TE modes."""
        damping, detuning, _ = self._inverse(frequency_hz)
        return (0.5 * self.loaded_width_hz) ** 2 / (damping**2 + detuning**2)

    def emission(
        self, frequency_hz: FloatArray, incident_k: float, wall_k: float, rod_k: float
    ) -> FloatArray:
        """Noise temperature in K of what leaves the strong antenna.

        Args:
            frequency_hz: Frequencies, (n,).
            incident_k: Noise temperature of what arrives at the antenna and is reflected.
            wall_k: Noise temperature of barrel, caps, weak antenna and TE modes' walls.
            rod_k: Noise temperature of the rod.
        """
        damping, detuning, te = self._inverse(frequency_hz)
        strength = self.strong_width_hz / (damping**2 + detuning**2)
        # Unitarity: what is not reflected is absorbed, so with one temperature the sum is that
        # temperature.
        rod = self.wall_width_hz * self.rod_share
        walls = self.wall_width_hz * (1 - self.rod_share) + self.weak_width_hz
        excess = rod * (rod_k - incident_k) + (walls + te) * (wall_k - incident_k)
        return incident_k + strength * excess

    def resonances_hz(self) -> FloatArray:
        """Frequencies of the hybrid modes without losses, ascending, (1 + number of TE modes,)."""
        return self._hybrids()[0]

    def tm_fractions(self) -> FloatArray:
        """TM fraction eta of each hybrid mode, in the order of ``resonances_hz``."""
        return self._hybrids()[1][0] ** 2

    def _hybrids(self) -> tuple[FloatArray, FloatArray]:
        matrix = np.diag([0.0, *(nu - self.tm_hz for nu in self.te_hz)])
        matrix[0, 1:] = matrix[1:, 0] = self.te_coupling_hz
        shift, vectors = np.linalg.eigh(matrix)
        return self.tm_hz + shift, vectors

    def _inverse(
        self, frequency_hz: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray | float]:
        """1 / chi as its real and imaginary part, and the rate at which TE walls take TM energy."""
        damping: FloatArray | float = 0.5 * self.loaded_width_hz
        detuning = frequency_hz - self.tm_hz
        taken: FloatArray | float = 0.0
        for nu, width, g in zip(self.te_hz, self.te_width_hz, self.te_coupling_hz, strict=True):
            away = frequency_hz - nu
            pull = g**2 / (0.25 * width**2 + away**2)
            taken = taken + width * pull
            detuning = detuning - away * pull
        return damping + 0.5 * taken + np.zeros_like(detuning), detuning, taken


class Cavity:
    """Makes a ``CavityState`` from rod angle, antenna depth and time.

    Args:
        parameters: The haloscope.
        mode_map: Its map from rod to mode.
        seed: The machine's seed, for the drift and for what the form factor truly is.
    """

    def __init__(self, parameters: HaloscopeParameters, mode_map: ModeMap, seed: int) -> None:
        self.parameters, self.mode_map = parameters, mode_map
        self._drift = Wander(seed, "cavity", parameters.cavity.drift_hz)
        self._form_factor_factor = Unknowns.drawn(parameters, seed).form_factor
        self._reference_width_hz = parameters.cavity.reference_hz / float(
            mode_map.unloaded_q(parameters.cavity.reference_hz)
        )

    def at(self, angle_deg: float, depth_mm: float, time_s: float) -> CavityState:
        """The cavity with the rod at ``angle_deg`` and the antenna inserted by ``depth_mm``."""
        cavity, antenna = self.parameters.cavity, self.parameters.antenna
        bare = self.mode_map.at_angle(angle_deg)
        bare_hz = bare.frequency_hz
        depth = (depth_mm - antenna.reference_position_mm) / antenna.depth_scale_mm
        strong_hz = antenna.reference_beta * self._reference_width_hz * float(np.exp(depth))
        wall_hz = bare_hz / bare.unloaded_q
        pulling_hz = antenna.pulling_hz_per_beta * (strong_hz / wall_hz - antenna.reference_beta)
        return CavityState(
            tm_hz=bare_hz + pulling_hz + self._drift.at(time_s),
            wall_width_hz=wall_hz,
            strong_width_hz=strong_hz,
            weak_width_hz=cavity.weak_coupling * wall_hz,
            rod_share=bare.rod_share,
            form_factor=bare.form_factor * self._form_factor_factor,
            te_hz=cavity.te_frequency_hz,
            te_width_hz=tuple(
                nu / q for nu, q in zip(cavity.te_frequency_hz, cavity.te_q, strict=True)
            ),
            te_coupling_hz=cavity.te_coupling_hz,
        )
