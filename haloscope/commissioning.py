"""How an operator measures the apparatus: the letter's procedures, through instruments alone.

The functions command drives, switch, JPA, analyser and digitizer of a machine, let simulated time
pass, and evaluate what the instruments show with ``haloscope.measuring.resonance`` and
``haloscope.measuring.calibration``. They never read parameters or truth of the simulation. Plans do
the same over process variables; this module is for tests, examples and figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope import mode_map
from haloscope.apparatus.experiment import Haloscope, Path, SwitchPosition
from haloscope.measuring import calibration, resonance
from haloscope.mode_map import ModeMap

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

#: The letter: JPA 100 kHz below the target; probe tone 1 kHz above the JPA's resonance;
#: intermediate frequency.
JPA_OFFSET_HZ: Final[float] = -100e3
PROBE_OFFSET_HZ: Final[float] = 1e3
INTERMEDIATE_HZ: Final[float] = 10.7e6
#: More than the play of the rod's crank.
TAKE_UP_DEG: Final[float] = 0.005


@dataclass(frozen=True)
class Sweep:
    """Settings of the network analyser."""

    path: Path
    span_hz: float
    points: int
    bandwidth_hz: float
    averages: int = 1


SEARCH: Final = Sweep(Path.WEAK, 5e6, 501, 300.0)
TRANSMISSION: Final = Sweep(Path.WEAK, 150e3, 101, 100.0)
REFLECTION: Final = Sweep(Path.STRONG, 300e3, 151, 300.0)
GAIN: Final = Sweep(Path.BYPASS, 1e6, 101, 100.0)


@dataclass(frozen=True)
class Spectrum:
    """One averaged spectrum: bin centres in Hz and powers in W per bin, (bins,) each."""

    frequency_hz: FloatArray
    power_w: FloatArray
    averages: int
    bin_width_hz: float

    def band(self, centre_hz: float, half_width_hz: float) -> tuple[float, float]:
        """Mean power per bin around a frequency and its standard error, narrow spikes left out."""
        power = self.power_w[np.abs(self.frequency_hz - centre_hz) <= half_width_hz]
        middle = float(np.median(power))
        power = power[np.abs(power - middle) < 6 * middle / np.sqrt(self.averages)]
        return float(power.mean()), float(power.std(ddof=1) / np.sqrt(power.size))


class TuningError(RuntimeError):
    """What was asked for was not reached; the message says what was."""


def wait(machine: Haloscope) -> None:
    """Let time pass until nothing is in progress."""
    while machine.busy:
        machine.step(machine.dt_s)


def sweep(machine: Haloscope, settings: Sweep, centre_hz: float) -> tuple[FloatArray, ComplexArray]:
    """Acquire one trace: frequencies in Hz and complex S-parameter."""
    vna = machine.vna
    vna.path, vna.center_hz, vna.span_hz = settings.path, centre_hz, settings.span_hz
    vna.points, vna.averages = settings.points, settings.averages
    vna.bandwidth_hz = settings.bandwidth_hz
    vna.acquire()
    wait(machine)
    return vna.frequency_hz, vna.trace


def transmission(
    machine: Haloscope, centre_hz: float, settings: Sweep = TRANSMISSION
) -> resonance.Transmission:
    """Resonance and loaded Q through the weak line, pump off."""
    machine.jpa.pump_on, machine.switch.position = False, SwitchPosition.CAVITY
    return resonance.fit_transmission(*sweep(machine, settings, centre_hz))


def reflection(
    machine: Haloscope, centre_hz: float, settings: Sweep = REFLECTION
) -> resonance.Reflection:
    """Resonance and coupling through the strong line, pump off."""
    machine.jpa.pump_on, machine.switch.position = False, SwitchPosition.CAVITY
    return resonance.fit_reflection(*sweep(machine, settings, centre_hz))


def tune(
    machine: Haloscope,
    target_hz: float,
    *,
    tolerance_hz: float = 1e3,
    attempts: int = 12,
    table: ModeMap | None = None,
) -> resonance.Transmission:
    """Bring the measured resonance to ``target_hz`` by the rod.

    The calculated map gives the first angle and the slope; the rest is done by measuring.

    Args:
        machine: The haloscope.
        target_hz: Resonance wanted, Hz.
        tolerance_hz: Distance from it that counts as reached, Hz.
        attempts: Moves before giving up.
        table: The cavity's calculated map; by default that of the letter's machine.

    Raises:
        TuningError: Not reached.
    """
    table = table or mode_map.load()
    goal = float(table.angle_deg(target_hz))
    slope = float(table.frequency_hz(goal + 0.01) - table.frequency_hz(goal)) / 0.01
    if abs(machine.rod.position - goal) > 0.1:
        _approach(machine, goal)
    found = transmission(machine, target_hz, SEARCH)
    for _ in range(attempts):
        distance_hz = target_hz - found.frequency_hz
        if abs(distance_hz) <= tolerance_hz:
            return found
        _approach(machine, machine.rod.position + distance_hz / slope)
        settings = SEARCH if abs(distance_hz) > 50e3 else TRANSMISSION
        found = transmission(machine, target_hz, settings)
    raise TuningError(f"cavity: wanted {target_hz:.0f} Hz, reached {found.frequency_hz:.0f} Hz")


def _approach(machine: Haloscope, angle_deg: float) -> None:
    """Move the rod so that it always arrives upwards, the crank's play taken up."""
    if angle_deg < machine.rod.position:
        machine.rod.move_to(angle_deg - TAKE_UP_DEG)
        wait(machine)
    machine.rod.move_to(angle_deg)
    wait(machine)


def couple(
    machine: Haloscope, centre_hz: float, beta: float, *, tolerance: float = 0.05
) -> resonance.Reflection:
    """Bring the measured coupling to ``beta`` by the antenna.

    A millimetre is taken for a factor e of coupling; where it is not, repeating makes up for that.

    Raises:
        TuningError: Not reached.
    """
    found = reflection(machine, centre_hz)
    for _ in range(12):
        if abs(found.beta - beta) <= tolerance:
            return found
        machine.antenna.move_to(machine.antenna.position + np.log(beta / found.beta))
        wait(machine)
        found = reflection(machine, found.frequency_hz)
    raise TuningError(f"antenna: wanted beta {beta}, reached {found.beta:.3f}")


def gain_profile(machine: Haloscope, centre_hz: float) -> calibration.GainProfile:
    """JPA gain by the bypass line: power with pump over power without. Leaves the pump on."""
    machine.jpa.pump_on = False
    nu, off = sweep(machine, GAIN, centre_hz)
    machine.jpa.pump_on = True
    on = sweep(machine, GAIN, centre_hz)[1]
    return calibration.fit_gain_profile(nu, np.abs(on / off) ** 2)


def set_jpa(
    machine: Haloscope, target_hz: float, *, gain_db: float = 20.0, tolerance_db: float = 0.1
) -> calibration.GainProfile:
    """Put the JPA 100 kHz below the target and its gain at the probe tone to 20 dB.

    Raises:
        TuningError: Not reached.
    """
    jpa, centre_hz = machine.jpa, target_hz + JPA_OFFSET_HZ
    jpa.resonance_setpoint_hz, jpa.pump_frequency_hz = centre_hz, 2 * centre_hz
    probe_db = np.nan
    for _ in range(12):
        profile = gain_profile(machine, centre_hz + PROBE_OFFSET_HZ)
        probe_db = 10 * float(np.log10(profile.gain(centre_hz + PROBE_OFFSET_HZ)))
        if abs(probe_db - gain_db) <= tolerance_db:
            return profile
        # rho^2, proportional to the pump power, from G_0 = ((1 + rho^2) / (1 - rho^2))^2.
        step_db = 10 * np.log10(_drive(gain_db) / _drive(probe_db))
        jpa.pump_power_dbm += float(np.clip(step_db, -2, 0.3))
    raise TuningError(f"JPA: wanted {gain_db:.2f} dB at the probe tone, reached {probe_db:.2f} dB")


def digitize(machine: Haloscope, centre_hz: float, averages: int) -> Spectrum:
    """One averaged spectrum around a frequency."""
    machine.local_oscillator.frequency_hz = centre_hz - INTERMEDIATE_HZ
    d = machine.digitizer
    d.averages = averages
    d.acquire()
    wait(machine)
    bins = np.arange(d.spectrum_w.size, dtype=np.float64)
    frequency = d.frequency_start_hz + bins * d.frequency_step_hz
    return Spectrum(frequency, d.spectrum_w, d.spectrum_averages, d.frequency_step_hz)


def y_factor(
    machine: Haloscope,
    centre_hz: float,
    *,
    temperatures_k: tuple[float, ...] = (0.025, 0.1, 0.2, 0.3, 0.4),
    averages: int = 500,
    half_width_hz: float = 50e3,
) -> calibration.YFactor:
    """Gain and noise of the chain without the JPA.

    Afterwards the noise source is cold again and the switch on the cavity.
    """
    machine.jpa.pump_on, machine.switch.position = False, SwitchPosition.NOISE_SOURCE
    kelvins, powers, errors = [], [], []
    for setpoint in temperatures_k:
        machine.noise_source.setpoint_k = setpoint
        wait(machine)
        spectrum = digitize(machine, centre_hz, averages)
        power, error = spectrum.band(centre_hz, half_width_hz)
        kelvins.append(machine.noise_source.temperature_k)
        powers.append(power)
        errors.append(error)
    machine.noise_source.setpoint_k = temperatures_k[0]
    wait(machine)
    machine.switch.position = SwitchPosition.CAVITY
    width_hz = machine.digitizer.frequency_step_hz
    return calibration.y_factor(kelvins, powers, errors, centre_hz, bin_width_hz=width_hz)


def jpa_noise(
    machine: Haloscope, target_hz: float, chain: calibration.YFactor, *, averages: int = 2000
) -> calibration.NoiseTemperature:
    """Noise of the JPA at the target by the power ratio, noise source cold.

    Afterwards the pump is off and the switch on the cavity.
    """
    machine.switch.position = SwitchPosition.NOISE_SOURCE
    profile = set_jpa(machine, target_hz)
    on = digitize(machine, target_hz, averages).band(target_hz, 10e3)
    machine.jpa.pump_on = False
    off = digitize(machine, target_hz, averages).band(target_hz, 10e3)
    machine.switch.position = SwitchPosition.CAVITY
    gain = float(profile.gain(target_hz))
    return calibration.jpa_noise(
        *on, *off,
        gain=gain, gain_error=gain * profile.peak_gain_error / profile.peak_gain,
        source_temperature_k=machine.noise_source.temperature_k,
        receiver_temperature_k=chain.temperature_k,
        receiver_temperature_k_error=chain.temperature_k_error,
        frequency_hz=target_hz,
    )  # fmt: skip


def line_attenuation(machine: Haloscope, resonance_hz: float) -> calibration.Attenuation:
    """Loss from cavity to switch by reflection off resonance and at the floating switch."""
    machine.jpa.pump_on = False
    settings = replace(REFLECTION, averages=4)
    traces = []
    for position in (SwitchPosition.CAVITY, SwitchPosition.OPEN):
        machine.switch.position = position
        traces.append(sweep(machine, settings, resonance_hz - 0.7e6)[1])
    machine.switch.position = SwitchPosition.CAVITY
    return calibration.line_attenuation(*traces)


def system_noise_k(
    machine: Haloscope, target_hz: float, chain: calibration.YFactor, *, averages: int = 5000
) -> tuple[FloatArray, FloatArray]:
    """Noise temperature in situ: offsets from the target in Hz and T_n in K, blocks of 1 kHz.

    The gain is the chain's times the JPA's, measured with the cavity in the line.
    """
    machine.switch.position = SwitchPosition.CAVITY
    profile = set_jpa(machine, target_hz)
    spectrum = digitize(machine, target_hz, averages)
    gain_db = chain.gain_db + 10 * np.log10(profile.gain(spectrum.frequency_hz))
    noise = calibration.system_noise_k(
        spectrum.power_w, gain_db, bin_width_hz=spectrum.bin_width_hz
    )
    usable = noise.size // 100 * 100
    blocks = np.median(noise[:usable].reshape(-1, 100), axis=1)
    offsets = spectrum.frequency_hz[:usable].reshape(-1, 100).mean(axis=1) - target_hz
    return offsets, blocks


def _drive(gain_db: float) -> float:
    root = 10 ** (gain_db / 20)
    return float((root - 1) / (root + 1))
