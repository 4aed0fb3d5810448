"""What a forecast needs to know of an apparatus: plain numbers, each as its owners state it.

Nothing of a simulation's truth: scatter, drifts and what nobody knows of the machine are not here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from haloscope.lorentzian import lorentzian
from haloscope.measuring.calibration import effective_temperature_k
from haloscope.measuring.sweeps import Sweeps, Widths
from haloscope.noise import emitted_k, reflected_k, system_noise_k
from haloscope.parametric import bandwidth_hz, power_gain
from haloscope.planning.timing import Times

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

__all__ = ["Amplifier", "AmplifierKind", "Mode", "Setup"]

AmplifierKind = Literal["jpa", "squeezed", "wideband"]


@dataclass(frozen=True, kw_only=True)
class Mode:
    """The cavity's mode at one frequency.

    Attributes:
        form_factor: C.
        unloaded_q: Q_0.
        rod_share: Share of the wall loss that is in the rod.
    """

    form_factor: float
    unloaded_q: float
    rod_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Amplifier:
    """The first amplifier as it is set up for a spectrum.

    Attributes:
        kind: "jpa", a Lorentzian gain about half the pump frequency; "squeezed", the same with a
            squeezer before the cavity; "wideband", gain without a resonance, its idler far away.
        gain_db: Gain at its resonance.
        linewidth_hz: Without pump; of a wideband amplifier the width of its gain.
        offset_hz: Its resonance less the target, Hz.
        excess_k: T_x, K.
        squeezing_db: S of the squeezer, dB.
        squeezed_transmission: The eta from squeezer to amplifier.
    """

    kind: AmplifierKind
    gain_db: float
    linewidth_hz: float
    offset_hz: float
    excess_k: float
    squeezing_db: float
    squeezed_transmission: float

    @property
    def peak_gain(self) -> float:
        """Gain at the resonance, a ratio."""
        return float(10 ** (self.gain_db / 10))

    @property
    def bandwidth_hz(self) -> float:
        """Full width of the gain at half of G - 1, Hz."""
        if self.kind == "wideband":
            return self.linewidth_hz
        return bandwidth_hz(self.peak_gain, self.linewidth_hz)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One haloscope, ready to scan.

    Attributes:
        name: Of the apparatus.
        mode: The cavity's mode at a resonance, Hz.
        reference_hz: Resonance at which its numbers are stated, Hz.
        lowest_hz: Lowest resonance that can be tuned to, Hz.
        highest_hz: Highest.
        beta: Coupling of the antenna as it is operated.
        volume_m3: That detects (``haloscope.combining.detecting_volume_m3``).
        field_t: Central field, T.
        field_ratio: Average over the cavity / central field.
        amplifier: The first amplifier.
        rest_k: Noise temperature of the chain behind it, K.
        rest_gain_db: Gain of that chain, dB.
        line_attenuation_db: Loss from cavity to switch, dB.
        cold_k: Physical temperature of cavity and lines, K.
        rod_k: Of the rod, K.
        incident_k: Of what sends noise onto the cavity, K.
        bin_hz: Bin of the digitizer, Hz.
        times: What else takes time.
        errors: Standard errors that the owners state, by the names of
            ``analysis.apparatus.ERRORS``.
        calibration_errors: Standard errors of a calibration that was made, by the names of
            ``analysis.calibration.Calibration``.
    """

    name: str
    mode: Callable[[float], Mode]
    reference_hz: float
    lowest_hz: float
    highest_hz: float
    beta: float
    volume_m3: float
    field_t: float
    field_ratio: float
    amplifier: Amplifier
    rest_k: float
    rest_gain_db: float
    line_attenuation_db: float
    cold_k: float
    rod_k: float
    incident_k: float
    bin_hz: float
    times: Times
    errors: Mapping[str, float] = field(default_factory=dict)
    calibration_errors: Mapping[str, float] = field(default_factory=dict)

    def loaded_q(self, cavity_hz: float, beta: float | None = None) -> float:
        """Q_L at a resonance."""
        return self.mode(cavity_hz).unloaded_q / (1 + (self.beta if beta is None else beta))

    def sweeps(self, cavity_hz: float) -> Sweeps:
        """The analyzer's sweeps there."""
        own, width_hz = self.amplifier, cavity_hz / self.loaded_q(cavity_hz)
        return Sweeps(Widths(cavity_hz, width_hz, own.bandwidth_hz, own.offset_hz))

    def source_k(self, frequency_hz: FloatArray, cavity_hz: float, beta: float) -> FloatArray:
        """T_s of what comes through the line to the amplifier, K, at frequencies in Hz."""
        mode = self.mode(cavity_hz)
        wall_k, rod_k, incident_k = (
            float(effective_temperature_k(kelvin, cavity_hz))
            for kelvin in (self.cold_k, self.rod_k, self.incident_k)
        )
        own, passed = self.amplifier, 10 ** (-self.line_attenuation_db / 10)
        arriving_k = reflected_k(incident_k, wall_k, own.squeezing_db, own.squeezed_transmission)
        inside_k = mode.rod_share * rod_k + (1 - mode.rod_share) * wall_k
        width_hz = cavity_hz * (1 + beta) / mode.unloaded_q
        response = lorentzian(frequency_hz - cavity_hz, width_hz)
        leaving = emitted_k(beta, response, arriving_k, inside_k)
        return np.asarray(passed * leaving + (1 - passed) * wall_k)

    def noise_k(self, frequency_hz: FloatArray, target_hz: float, beta: float) -> FloatArray:
        """T_n at the switch, K, with the cavity on the target."""
        own, nu = self.amplifier, np.asarray(frequency_hz, dtype=np.float64)
        signal = self.source_k(nu, target_hz, beta)
        idler: FloatArray | float
        if own.kind == "wideband":
            idler = float(effective_temperature_k(self.cold_k, target_hz))
        else:
            idler = self.source_k(2 * (target_hz + own.offset_hz) - nu, target_hz, beta)
        return system_noise_k(
            signal, idler, self.gain(nu, target_hz), excess_k=own.excess_k, rest_k=self.rest_k
        )

    def gain(self, frequency_hz: FloatArray, target_hz: float) -> FloatArray:
        """Gain of the first amplifier, a ratio."""
        own = self.amplifier
        offset = frequency_hz - target_hz - own.offset_hz
        return power_gain(offset, own.peak_gain, own.bandwidth_hz)

    def coupled(self, beta: float) -> Setup:
        """The same, operated at another coupling."""
        return replace(self, beta=beta)

    def demand_reach(self, low_hz: float, high_hz: float) -> None:
        """Refuse a band that the cavity cannot be tuned over.

        Raises:
            ValueError: Names the band and the reach.
        """
        if not self.lowest_hz <= low_hz < high_hz <= self.highest_hz:
            raise ValueError(
                f"forecast: band {low_hz * 1e-6:.6g} to {high_hz * 1e-6:.6g} MHz, the cavity of "
                f"{self.name} is tuned from {self.lowest_hz * 1e-6:.6g} to "
                f"{self.highest_hz * 1e-6:.6g} MHz"
            )
