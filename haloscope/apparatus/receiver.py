"""The receiver behind the JPA: gain, ripple, filter, attenuation, switch, spurious lines.

``Conditions`` are all that a spectrum or a trace depends on, frozen at one moment. Noise
temperatures (the note to the letter's Friis formula): power per bin at the digitizer, with G the
JPA's gain and the idler at nu_i = 2 f_J - nu,

    P(nu) = G_rest k b [ G T_s(nu) + (G - 1) (T_s(nu_i) + T_x (1 + 1/sqrt G)^2) + T_rest ]

The excess T_x is noise of the JPA's own loss. It acts on the field inside, which exceeds what comes
out by 1 + 1/sqrt G, so referred to the input it grows where the gain falls (the letter: the gain's
profile makes that of the JPA's noise). Its part without pump belongs to T_rest. The idler
of a wideband amplifier lies far away and brings the noise of a cold load. With a squeezer what
falls on the cavity is squeezed while the amplifier is pumped (``haloscope.noise``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.apparatus.cavity import CavityState
from haloscope.apparatus.paramp import ParampState
from haloscope.apparatus.timeline import Wander
from haloscope.apparatus.unknowns import Unknowns
from haloscope.constants import BOLTZMANN_J_PER_K
from haloscope.measuring.calibration import effective_temperature_k
from haloscope.noise import reflected_k
from haloscope.parameters import HaloscopeParameters
from instruments.random import generator

FloatArray = NDArray[np.float64]

#: Interference comes and goes in slots of this length (assumed).
_SLOT_S: Final[float] = 600.0
#: Comb and interference powers are stated at the JPA's input for its 16.8 dB of gain at the target.
_TARGET_GAIN: Final[float] = 10**1.681


class SwitchPosition(IntEnum):
    """What the microwave switch connects to the receiver."""

    CAVITY = 0
    NOISE_SOURCE = 1
    OPEN = 2


@dataclass(frozen=True)
class Conditions:
    """The radio-frequency apparatus at one moment.

    Attributes:
        time_s: Simulated time.
        switch: Position of the switch.
        cavity: The cavity.
        paramp: The JPA.
        barrel_k: Physical temperature of the cavity's barrel, caps and of the lines.
        rod_k: Physical temperature of the rod.
        noise_source_k: Physical temperature of the noise source.
        field_t: Average field B_avg over the cavity.
    """

    time_s: float
    switch: SwitchPosition
    cavity: CavityState
    paramp: ParampState
    barrel_k: float
    rod_k: float
    noise_source_k: float
    field_t: float


@dataclass(frozen=True)
class SpuriousLine:
    """A narrow line: centre and full width in Hz, total power in W at the digitizer."""

    frequency_hz: float
    width_hz: float
    power_w: float


class Receiver:
    """Everything between switch and digitizer that the JPA is not.

    Args:
        parameters: The haloscope.
        seed: The machine's seed: ripple phases, comb strengths, interference, gain drift.
    """

    def __init__(self, parameters: HaloscopeParameters, seed: int) -> None:
        self.parameters, self._seed = parameters.receiver, seed
        self._all, self._unknowns = parameters, Unknowns.drawn(parameters, seed)
        p, random = self.parameters, generator(seed, "receiver")
        self._ripple_phase = random.uniform(0, 2 * np.pi, len(p.ripple_period_hz))
        self._attenuation_phase = float(random.uniform(0, 2 * np.pi))
        self._harmonic = lru_cache(maxsize=256)(self._draw_harmonic)
        self._drift = Wander(seed, "receiver.gain", p.gain_drift_db)

    def rest_gain(self, frequency_hz: FloatArray, time_s: float) -> FloatArray:
        """Power gain of the chain behind the JPA."""
        p, offset = self.parameters, frequency_hz - self._all.cavity.reference_hz
        gain_db = p.rest_gain_db + self._drift.at(time_s) + p.rest_slope_db_per_mhz * offset / 1e6
        for period, phase in zip(p.ripple_period_hz, self._ripple_phase, strict=True):
            gain_db = gain_db + p.ripple_db * np.sin(2 * np.pi * offset / period + phase)
        return np.exp(np.log(10) / 10 * gain_db)

    def filter(self, offset_hz: FloatArray) -> FloatArray:
        """Power transmission of the intermediate frequency filter at an offset from its centre."""
        power = (offset_hz / self.parameters.filter_half_width_hz) ** 2
        for _ in range(3):  # to the sixteenth
            power = power * power
        return 1 / (1 + power)

    def line_attenuation_db(self, frequency_hz: FloatArray) -> FloatArray:
        """Attenuation of the line from cavity to switch by reflection, one way, positive."""
        p = self.parameters
        turn = 2 * np.pi * (frequency_hz - self._all.cavity.reference_hz) / 40e6
        wave = np.sin(turn + self._attenuation_phase)
        return p.line_attenuation_db + p.line_attenuation_span_db * wave

    def line_transmission(self, frequency_hz: FloatArray) -> FloatArray:
        """Power transmission of the line from cavity to switch by reflection, one way."""
        return np.exp(-np.log(10) / 10 * self.line_attenuation_db(frequency_hz))

    def signal_transmission(self, frequency_hz: FloatArray) -> FloatArray:
        """Share of the cavity's power that truly reaches the switch, (n,)."""
        loss_db = self.line_attenuation_db(frequency_hz) + self._unknowns.line_attenuation_db
        return np.exp(-np.log(10) / 10 * np.maximum(loss_db, 0.0))

    def source_noise_k(self, frequency_hz: FloatArray, conditions: Conditions) -> FloatArray:
        """Noise temperature T_s of what comes through the switch to the JPA."""
        nu_hz = self._all.cavity.reference_hz
        if conditions.switch is SwitchPosition.NOISE_SOURCE:
            true_k = conditions.noise_source_k * self._unknowns.noise_source
            load_k = float(effective_temperature_k(true_k, nu_hz))
            return np.full_like(frequency_hz, load_k)
        base_k = self._all.cryostat.base_temperature_k
        wall_k, rod_k, incident_k = (
            float(effective_temperature_k(kelvin, nu_hz))
            for kelvin in (
                conditions.barrel_k,
                conditions.rod_k,
                np.sqrt(self.parameters.termination_k**2 + conditions.barrel_k**2 - base_k**2),
            )
        )
        if conditions.switch is SwitchPosition.OPEN:
            return np.full_like(frequency_hz, incident_k)
        if conditions.paramp.peak_gain > 1:  # the squeezer is pumped with the amplifier
            own = self._all.jpa
            incident_k = reflected_k(
                incident_k, wall_k, own.squeezing_db, own.squeezed_transmission
            )
        passed = self.signal_transmission(frequency_hz)
        emitted = conditions.cavity.emission(frequency_hz, incident_k, wall_k, rod_k)
        return passed * emitted + (1 - passed) * wall_k

    def noise_power_w(self, frequency_hz: FloatArray, c: Conditions, bin_hz: float) -> FloatArray:
        """Mean noise power per bin in W at the digitizer, without image, filter and lines."""
        p = self.parameters
        signal = self.source_noise_k(frequency_hz, c)
        kelvin = signal + p.rest_noise_k
        if c.paramp.peak_gain > 1:
            gain = c.paramp.gain(frequency_hz)
            idler = self._idler_k(frequency_hz, c)
            excess = self._all.jpa.excess_noise_k * (1 + 1 / np.sqrt(gain)) ** 2
            kelvin = kelvin + (gain - 1) * (signal + idler + excess)
        rest_gain = self.rest_gain(frequency_hz, c.time_s)
        return rest_gain * (BOLTZMANN_J_PER_K * bin_hz) * kelvin

    def _idler_k(self, frequency_hz: FloatArray, c: Conditions) -> FloatArray:
        """Noise temperature of what comes in at the idler of each frequency."""
        if c.paramp.mirrors:
            return self.source_noise_k(c.paramp.mirror(frequency_hz), c)
        cold_k = float(effective_temperature_k(c.barrel_k, self._all.cavity.reference_hz))
        return np.full_like(frequency_hz, cold_k)

    def spurious_lines(self, low_hz: float, high_hz: float, c: Conditions) -> list[SpuriousLine]:
        """Clock comb, pump leakage and present interference between two frequencies."""
        lines = [*self._comb(low_hz, high_hz), *self._interference(c)]
        if c.paramp.peak_gain > 1 and c.paramp.mirrors:
            gain = c.paramp.peak_gain * 10 ** (self.parameters.rest_gain_db / 10)
            power_w = self._all.jpa.leakage_power_w * gain
            lines.append(SpuriousLine(c.paramp.centre_hz, 10.0, power_w))
        return [line for line in lines if low_hz <= line.frequency_hz <= high_hz]

    def _comb(self, low_hz: float, high_hz: float) -> Iterator[SpuriousLine]:
        spacing_hz = self.parameters.comb_spacing_hz
        for number in range(int(low_hz // spacing_hz), int(high_hz // spacing_hz) + 2):
            yield self._harmonic(number)

    def _draw_harmonic(self, number: int) -> SpuriousLine:
        p, random = self.parameters, generator(self._seed, "receiver.comb", number)
        strength = p.comb_power_k * random.lognormal(0.0, 1.0)
        nu_hz = number * p.comb_spacing_hz + random.uniform(-15.0, 15.0)
        return SpuriousLine(nu_hz, 15.0, self._power_w(strength, 15.0))

    def _interference(self, c: Conditions) -> Iterator[SpuriousLine]:
        p = self.parameters
        random = generator(self._seed, "receiver.interference", int(c.time_s // _SLOT_S))
        for _ in range(random.poisson(p.interference_per_hour * _SLOT_S / 3600)):
            offset_hz = random.uniform(-0.5, 0.5) * p.interference_span_hz
            strength = p.interference_power_k * random.lognormal(0.0, 0.7)
            width_hz = p.interference_width_hz * random.lognormal(0.0, 0.5)
            nu_hz = self._all.cavity.reference_hz + offset_hz
            yield SpuriousLine(nu_hz, width_hz, self._power_w(strength, width_hz))

    def _power_w(self, kelvin_per_bin: float, width_hz: float) -> float:
        gain = _TARGET_GAIN * 10 ** (self.parameters.rest_gain_db / 10)
        return BOLTZMANN_J_PER_K * width_hz * kelvin_per_bin * gain
