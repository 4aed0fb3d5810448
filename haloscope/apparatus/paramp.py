"""Flux-driven Josephson parametric amplifier: resonance, gain, bandwidth, idler, saturation, drift.

Resonance of a SQUID-terminated line: nu_r = nu_max sqrt|cos(pi (I - I_0)/I_phi)| (Yamamoto et al.,
Appl. Phys. Lett. 93, 042510 (2008)). Pumped near twice the resonance it is a degenerate amplifier
used off degeneracy; with the pump's amplitude rho over its threshold (Clerk et al., Rev. Mod. Phys.
82, 1155 (2010), section V),

    G_0 = ((1 + rho^2) / (1 - rho^2))^2,    B = kappa (1 - rho^2),
    G(D) = 1 + (G_0 - 1) / (1 + (2 D / B)^2),

D from half the pump frequency f_J. rho^2 is proportional to the pump power; with the resonance d
away from f_J it is divided by 1 + (2 d / kappa)^2. The idler at 2 f_J - nu comes out with the gain
G - 1: half a quantum of it and more is the noise that the amplifier adds. Near 20 dB, 0.1 dB of
pump is 1 dB of gain.

A wideband amplifier (a travelling-wave one) follows the same law of its pump, for want of one that
holds for all of them, with a width of its gain that does not shrink and an idler far away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope.apparatus.timeline import Timeline, Wander
from haloscope.parameters import HaloscopeParameters
from haloscope.parametric import peak_gain, power_gain
from instruments.kept import Flag, Group, Number, Spec, check
from instruments.random import generator
from instruments.ranges import commanded

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

#: Above this rho^2 the gain no longer follows the formula: the amplifier oscillates (36 dB).
_OSCILLATION: Final[float] = 0.97
_PUMP_POWER: Final = Number(-80.0, 0.0, "dBm")


@dataclass(frozen=True)
class ParampState:
    """The amplifier as the waves see it.

    Attributes:
        resonance_hz: Its own resonance nu_r.
        width_hz: Its linewidth kappa.
        centre_hz: f_J, half the pump frequency.
        peak_gain: G_0 (power); 1 with the pump off.
        bandwidth_hz: B.
        compression_w: Input power that compresses a gain of 20 dB by 1 dB.
        oscillating: True above threshold.
        mirrors: Its idler lies beside the signal, mirrored at ``centre_hz``; that of a wideband
            amplifier is far away.
    """

    resonance_hz: float
    width_hz: float
    centre_hz: float
    peak_gain: float
    bandwidth_hz: float
    compression_w: float
    oscillating: bool
    mirrors: bool = True

    def gain(self, frequency_hz: FloatArray, input_w: float = 0.0) -> FloatArray:
        """Power gain at ``frequency_hz``, compressed by a tone of ``input_w`` at its input."""
        # 1 dB of compression at the stated power and 20 dB; proportionally earlier at higher gain.
        load = 0.2589 * input_w / self.compression_w * self.peak_gain / 100
        compressed = 1 + (self.peak_gain - 1) / (1 + load)
        return power_gain(frequency_hz - self.centre_hz, compressed, self.bandwidth_hz)

    def reflection(self, frequency_hz: FloatArray, input_w: float = 0.0) -> ComplexArray:
        """Complex reflection: all-pass with the pump off, sqrt(G) with the pump on."""
        d = 2 * (frequency_hz - self.resonance_hz) / self.width_hz
        passive = (1 - 1j * d) / (1 + 1j * d)
        if self.peak_gain == 1:
            return passive
        phase = np.exp(-1j * np.arctan(2 * (frequency_hz - self.centre_hz) / self.bandwidth_hz))
        return np.sqrt(self.gain(frequency_hz, input_w)) * phase

    def mirror(self, frequency_hz: FloatArray) -> FloatArray:
        """Idler frequency of each frequency."""
        return 2 * self.centre_hz - frequency_hz


class Paramp:
    """The amplifier with its controls: flux current and pump.

    Args:
        parameters: The haloscope.
        timeline: The machine's clock.
        seed: The machine's seed, for drifts and the error of the controller's table.
    """

    def __init__(self, parameters: HaloscopeParameters, timeline: Timeline, seed: int) -> None:
        self.parameters = parameters.jpa
        self._timeline = timeline
        p = self.parameters
        reference_hz = parameters.cavity.reference_hz
        self._flux_drift = Wander(seed, "jpa.flux", p.drift_hz)
        self._pump_drift = Wander(seed, "jpa.pump", p.pump_drift_db)
        random = generator(seed, "jpa.table")
        self._table_phase = random.uniform(0, 2 * np.pi, 3)
        self._limits_hz = (0.6 * reference_hz, 0.9999 * p.highest_resonance_hz)
        self._resonance_setpoint_hz = reference_hz + parameters.operation.jpa_offset_hz
        self._flux_current_a = self._current_by_table(self._resonance_setpoint_hz)
        self._pump_frequency_hz = 2 * self._resonance_setpoint_hz
        self._pump_power_dbm = p.threshold_power_dbm - 0.9
        self._pump_on = False

    # controls

    @property
    def flux_current_a(self) -> float:
        """Coil current in A."""
        return self._flux_current_a

    @flux_current_a.setter
    def flux_current_a(self, value: float) -> None:
        limit = self.parameters.flux_period_a
        self._flux_current_a = commanded("JPA flux current", value, -limit, limit, "A")
        self._resonance_setpoint_hz = self._frequency_by_table(self._flux_current_a)

    @property
    def resonance_setpoint_hz(self) -> float:
        """Resonance wanted, by the controller's own table of flux current (some 15 kHz wrong)."""
        return self._resonance_setpoint_hz

    @resonance_setpoint_hz.setter
    def resonance_setpoint_hz(self, value: float) -> None:
        self._resonance_setpoint_hz = commanded("JPA resonance", value, *self._limits_hz, "Hz")
        self._flux_current_a = self._current_by_table(self._resonance_setpoint_hz)

    @property
    def pump_frequency_hz(self) -> float:
        """Pump generator's frequency."""
        return self._pump_frequency_hz

    @pump_frequency_hz.setter
    def pump_frequency_hz(self, value: float) -> None:
        low, high = self._limits_hz
        self._pump_frequency_hz = commanded("JPA pump frequency", value, 2 * low, 2 * high, "Hz")

    @property
    def pump_power_dbm(self) -> float:
        """Pump generator's power."""
        return self._pump_power_dbm

    @pump_power_dbm.setter
    def pump_power_dbm(self, value: float) -> None:
        limit = _PUMP_POWER
        self._pump_power_dbm = commanded("JPA pump power", value, limit.low, limit.high, limit.unit)

    @property
    def pump_on(self) -> bool:
        """Pump generator's output."""
        return self._pump_on

    @pump_on.setter
    def pump_on(self, value: bool) -> None:
        self._pump_on = bool(value)

    @property
    def resonance_limits_hz(self) -> tuple[float, float]:
        """Range of ``resonance_setpoint_hz``."""
        return self._limits_hz

    @property
    def fault(self) -> str:
        """What is wrong in words, empty if nothing is."""
        # Asked after every step: the drifts are worked out only where they could decide.
        if not self._pump_on or self._highest_drive() < _OSCILLATION:
            return ""
        if self.at(self._timeline.now_s, in_situ=True).oscillating:
            return f"parametric oscillation at {self._pump_power_dbm:.2f} dBm of pump power"
        return ""

    # physics

    def at(self, time_s: float, *, in_situ: bool) -> ParampState:
        """The amplifier at ``time_s``; ``in_situ`` with the cavity instead of 50 ohm before it."""
        p = self.parameters
        resonance_hz = self._resonance_hz(self._flux_current_a) + self._flux_drift.at(time_s)
        centre_hz = 0.5 * self._pump_frequency_hz
        rho2 = self._drive(time_s, resonance_hz - centre_hz, in_situ) if self._pump_on else 0.0
        oscillating, rho2 = rho2 >= _OSCILLATION, min(rho2, _OSCILLATION)
        return ParampState(
            resonance_hz=resonance_hz,
            width_hz=p.linewidth_hz,
            centre_hz=centre_hz,
            peak_gain=peak_gain(rho2),
            bandwidth_hz=p.linewidth_hz if self._wideband else p.linewidth_hz * (1 - rho2),
            compression_w=1e-3 * 10 ** (p.compression_dbm / 10),
            oscillating=oscillating,
            mirrors=not self._wideband,
        )

    def state(self) -> dict[str, Any]:
        """Plain values for saving."""
        return {
            "resonance_setpoint_hz": self._resonance_setpoint_hz,
            "flux_current_a": self._flux_current_a,
            "pump_frequency_hz": self._pump_frequency_hz,
            "pump_power_dbm": self._pump_power_dbm,
            "pump_on": self._pump_on,
        }

    def allowed(self, now_ns: int = 0) -> Spec:
        """What a saved state may hold; it has no times."""
        (low, high), limit_a = self._limits_hz, self.parameters.flux_period_a
        # By the table a flux current gives any resonance up to the highest, and a table may err.
        shown = Number(-self._top_hz, 2 * self._top_hz, "Hz")
        return Group(
            {
                "resonance_setpoint_hz": shown,
                "flux_current_a": Number(-limit_a, limit_a, "A"),
                "pump_frequency_hz": Number(2 * low, 2 * high, "Hz"),
                "pump_power_dbm": _PUMP_POWER,
                "pump_on": Flag(),
            }
        )

    def restore(self, state: dict[str, Any]) -> None:
        """Take over saved values.

        Raises:
            Refused: One of them cannot be; nothing is taken over.
        """
        check(self.allowed(), state, "jpa")
        self._resonance_setpoint_hz = state["resonance_setpoint_hz"]
        self._flux_current_a = state["flux_current_a"]
        self._pump_frequency_hz = state["pump_frequency_hz"]
        self._pump_power_dbm, self._pump_on = state["pump_power_dbm"], state["pump_on"]

    @property
    def _wideband(self) -> bool:
        return self.parameters.kind == "wideband"

    def _drive(self, time_s: float, detuning_hz: float, in_situ: bool) -> float:
        """rho^2."""
        p = self.parameters
        power_db = self._pump_power_dbm - p.threshold_power_dbm + self._pump_drift.at(time_s)
        power_db += p.in_situ_pump_db if in_situ else 0.0
        return float(10 ** (power_db / 10) / (1 + (2 * detuning_hz / p.linewidth_hz) ** 2))

    def _highest_drive(self) -> float:
        """What rho^2 in situ cannot exceed: no detuning, the pump drifted as far as it can."""
        p = self.parameters
        power_db = self._pump_power_dbm - p.threshold_power_dbm + p.in_situ_pump_db
        return float(10 ** ((power_db + self._pump_drift.largest) / 10))

    def _resonance_hz(self, current_a: float) -> float:
        p = self.parameters
        angle = np.pi * (current_a - p.flux_offset_a) / p.flux_period_a
        return float(p.highest_resonance_hz * np.sqrt(abs(np.cos(angle))))

    def _current_a(self, resonance_hz: float) -> float:
        p = self.parameters
        angle = np.arccos((resonance_hz / p.highest_resonance_hz) ** 2)
        return float(p.flux_offset_a + p.flux_period_a * angle / np.pi)

    def _table_error_hz(self, frequency_hz: float) -> float:
        periods_hz = frequency_hz / np.array([3.1e6, 8.3e6, 21e6])
        waves = np.sin(2 * np.pi * periods_hz + self._table_phase)
        return float(self.parameters.table_error_hz * np.sqrt(2 / 3) * waves.sum())

    def _current_by_table(self, frequency_hz: float) -> float:
        return self._current_a(min(frequency_hz + self._table_error_hz(frequency_hz), self._top_hz))

    def _frequency_by_table(self, current_a: float) -> float:
        true_hz = self._resonance_hz(current_a)
        shown_hz = true_hz
        for _ in range(20):
            shown_hz = true_hz - self._table_error_hz(shown_hz)
        return shown_hz

    @property
    def _top_hz(self) -> float:
        return self.parameters.highest_resonance_hz
