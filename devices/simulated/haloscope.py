"""The haloscope's device with the physics in process: `Haloscope(name="haloscope")`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from devices.haloscope import Haloscope as HaloscopeDevice
from devices.simulated.bench import DO, Bench, Channel, Done, current_bench
from devices.simulated.interlocks import Guard, interlock_channels, unguarded
from devices.simulated.motor import motor_channels
from devices.simulated.signals import simulated
from devices.simulated.supply import NO_YES, supply_channels
from haloscope.apparatus.experiment import Haloscope as Machine
from haloscope.apparatus.experiment import Path, SwitchPosition
from haloscope.apparatus.interlocks import amplifier_fault, interlocks_of, pump_switch
from haloscope.axion import AxionLine
from haloscope.parameters import Parameters
from instruments.control.interlocks import Interlocks

__all__ = ["Haloscope", "channels"]

DONE_ACQUIRE = ("Done", "Acquire")
OFF_ON = ("Off", "On")
PREVIEW = 1000


def Haloscope(
    prefix: str = "HALO:",
    *,
    name: str,
    machine: Machine | None = None,
    parameters: Parameters | None = None,
    seed: int = 0,
    lines: Sequence[AxionLine] = (),
    **kwargs: Any,
) -> Any:
    """A `devices.haloscope.Haloscope` whose signals read a machine in this process.

    Args:
        prefix: of the channels' names.
        name: of the device.
        machine: the physics; made from `parameters`, `seed` and `lines` if not given.
        parameters: of the machine.
        seed: of the machine.
        lines: axions in its field.
        kwargs: passed on to ophyd.

    The device's `bench` holds the machine; `bench.close()` ends its clock thread.
    """
    machine = machine or Machine(parameters, seed=seed, lines=lines)
    interlocks = interlocks_of(machine, lambda: machine.fridge.reading_k("MXC"))
    table = {f"{prefix}{key}": one for key, one in channels(machine, interlocks).items()}
    bench = Bench(machine, table, prefix, interlocks.check)
    token = current_bench.set(bench)
    try:
        device = simulated(HaloscopeDevice)(prefix, name=name, **kwargs)
    finally:
        current_bench.reset(token)
    device.bench = bench
    return device


def channels(machine: Machine, interlocks: Interlocks) -> dict[str, Channel]:
    """All channels of the haloscope by name without prefix."""

    def guard(thing: str) -> Guard:
        return partial(interlocks.guarded, thing)

    return {
        **motor_channels("Rod", machine.rod, "deg", guard("Rod")),
        **motor_channels("Antenna", machine.antenna, "mm", guard("Antenna")),
        **supply_channels("Magnet:", machine.magnet, guard=guard("Magnet")),
        **_cold(machine, interlocks),
        **_analyzer(machine),
        **_amplifier(machine, interlocks),
        **_digitizer(machine, guard("Digitizer")),
        **_rest(machine, guard("Switch")),
        **interlock_channels(interlocks),
    }


def _pair(
    name: str,
    target: Any,
    attribute: str,
    units: str = "",
    scale: float = 1.0,
    limits: tuple[float, float] = (0.0, 0.0),
    kind: type = float,
    precision: int | None = None,
    guard: Guard = unguarded,
) -> dict[str, Channel]:
    """A setpoint `X` and its readback `X_RBV` over an attribute in SI units."""

    def get() -> Any:
        return kind(getattr(target, attribute) * scale)

    def put(value: float) -> None:
        setattr(target, attribute, kind(value / scale))

    return {
        name: Channel(get, guard(put), units, precision, limits),
        f"{name}_RBV": Channel(get, None, units, precision),
    }


def _choice(
    name: str,
    target: Any,
    attribute: str,
    names: tuple[str, ...],
    guard: Guard = unguarded,
) -> dict[str, Channel]:
    """An enumeration as setpoint and readback."""

    def get() -> int:
        return int(getattr(target, attribute))

    def put(value: str) -> None:
        setattr(target, attribute, names.index(value))

    return {name: Channel(get, guard(put), enum=names), f"{name}_RBV": Channel(get, enum=names)}


def _reading(get: Callable[[], Any], units: str = "", precision: int | None = None) -> Channel:
    return Channel(get, None, units, precision)


def _cold(machine: Machine, interlocks: Interlocks) -> dict[str, Channel]:
    """Thermometers of the refrigerator, and the noise source."""
    source, table = machine.noise_source, {}
    for stage in ("MXC", "Still", "FourK", "Cavity", "Rod", "JPA", "NoiseSource"):
        table[f"Fridge:{stage}_RBV"] = _thermometer(machine, stage)

    def heat(kelvin: float) -> Done:
        source.setpoint_k = wanted_k = float(kelvin)
        return lambda: source.settled or source.setpoint_k != wanted_k

    p = machine.parameters.noise_source
    return table | {
        "NoiseSource:Temp": Channel(
            lambda: source.setpoint_k,
            interlocks.guarded("NoiseSource", heat),
            "K",
            4,
            (p.lowest_k, p.highest_k),
        ),
        "NoiseSource:Temp_RBV": _thermometer(machine, "NoiseSource"),
        "NoiseSource:Heater_RBV": _reading(lambda: source.heater_w * 1e3, "mW", 5),
    }


def _thermometer(machine: Machine, stage: str) -> Channel:
    return _reading(lambda: float(machine.fridge.reading_k(stage)), "K", 4)


def _acquisition(instrument: Any, guard: Guard = unguarded) -> dict[str, Channel]:
    """What analyzer and digitizer share."""

    def begin(_: str) -> Done:
        instrument.acquire()
        return lambda: not instrument.busy

    guarded_begin = guard(begin)

    def acquire(value: str) -> Done | None:
        return None if value == "Done" else guarded_begin(value)

    return {
        "Acquire": Channel(lambda: int(instrument.busy), acquire, enum=DONE_ACQUIRE),
        "Acquire_RBV": Channel(lambda: int(instrument.busy), enum=DONE_ACQUIRE),
        "Abort": Channel(lambda: 0, lambda _: instrument.abort(), enum=DO),
        "Progress_RBV": _reading(lambda: float(instrument.progress * 100.0), "%", 1),
        "Counter_RBV": _reading(lambda: int(instrument.counter)),
    }


def _analyzer(machine: Machine) -> dict[str, Channel]:
    """The network analyzer."""
    vna = machine.vna
    p, reference = vna.parameters, machine.parameters.cavity.reference_hz
    middle, widest = (0.5e-6 * reference, 1.5e-6 * reference), 0.2e-6 * reference
    powers = (p.lowest_power_dbm, p.highest_power_dbm)
    table = {
        **_acquisition(vna),
        **_choice("Path", vna, "path", tuple(path.name.capitalize() for path in Path)),
        **_pair("Center", vna, "center_hz", "MHz", 1e-6, middle, precision=6),
        **_pair("Span", vna, "span_hz", "MHz", 1e-6, (1e-4, widest), precision=6),
        **_pair("NumPoints", vna, "points", "", 1, (3, 20001), int),
        **_pair("Averages", vna, "averages", "", 1, (1, 9999), int),
        **_pair("Bandwidth", vna, "bandwidth_hz", "Hz", 1.0, (1.0, 1e5), precision=1),
        **_pair("Power", vna, "power_dbm", "dBm", 1.0, powers, precision=2),
        "Frequency_RBV": _reading(lambda: vna.frequency_hz * 1e-6, "MHz", 6),
        "Real_RBV": _reading(lambda: vna.trace.real.copy()),
        "Imag_RBV": _reading(lambda: vna.trace.imag.copy()),
        "Magnitude_RBV": _reading(lambda: _decibel(vna.trace), "dB", 3),
        "Phase_RBV": _reading(lambda: np.degrees(np.angle(vna.trace)), "deg", 2),
    }
    return {f"VNA:{name}": channel for name, channel in table.items()}


def _decibel(trace: Any) -> Any:
    return 20.0 * np.log10(np.maximum(np.abs(trace), 1e-30))


def _amplifier(machine: Machine, interlocks: Interlocks) -> dict[str, Channel]:
    """The parametric amplifier."""
    jpa = machine.jpa
    low, high = (hz * 1e-6 for hz in jpa.resonance_limits_hz)
    flux = jpa.parameters.flux_period_a * 1e6

    switch, fault = pump_switch(machine, interlocks), amplifier_fault(machine, interlocks)
    pair = partial(_pair, guard=partial(interlocks.guarded, "JPA settings"))
    table = {
        **pair("FluxCurrent", jpa, "flux_current_a", "uA", 1e6, (-flux, flux), precision=3),
        **pair("Resonance", jpa, "resonance_setpoint_hz", "MHz", 1e-6, (low, high), precision=6),
        **pair(
            "PumpFrequency", jpa, "pump_frequency_hz", "MHz", 1e-6, (2 * low, 2 * high), precision=6
        ),
        **pair("PumpPower", jpa, "pump_power_dbm", "dBm", 1.0, (-80.0, 0.0), precision=3),
        "Pump": Channel(lambda: int(jpa.pump_on), lambda name: switch(name == "On"), enum=OFF_ON),
        "Pump_RBV": Channel(lambda: int(jpa.pump_on), enum=OFF_ON),
        "Fault_RBV": Channel(lambda: int(bool(fault())), enum=NO_YES),
    }
    return {f"JPA:{name}": channel for name, channel in table.items()}


def _digitizer(machine: Machine, guard: Guard) -> dict[str, Channel]:
    """The digitizer and the local oscillator before it."""
    daq, lo = machine.digitizer, machine.local_oscillator
    reference = machine.parameters.cavity.reference_hz
    low, high = 0.5e-6 * reference, 1.5e-6 * reference
    bins, width_hz = daq.parameters.bins, daq.parameters.bin_width_hz

    def state() -> int:
        return 1 if daq.busy else 2 if daq.aborted else 0

    def preview() -> Any:
        return daq.spectrum_w.reshape(PREVIEW, -1).mean(axis=1)

    table = {
        **_acquisition(daq, guard),
        **_pair("NumAverages", daq, "averages", "", 1, (1, 10_000_000), int),
        "AcquireTime_RBV": _reading(lambda: float(daq.duration_s), "s", 1),
        "RBW_RBV": _reading(lambda: float(width_hz), "Hz", 1),
        "Span_RBV": _reading(lambda: bins * width_hz * 1e-6, "MHz", 3),
        "TimeRemaining_RBV": _reading(lambda: float(daq.time_remaining_s), "s", 1),
        "FrequencyStart_RBV": _reading(lambda: float(daq.frequency_start_hz) * 1e-6, "MHz", 6),
        "FrequencyStep_RBV": _reading(lambda: float(daq.frequency_step_hz), "Hz", 1),
        "Center_RBV": _reading(lambda: lo.frequency_hz * 1e-6 + 10.7, "MHz", 6),
        "Spectrum_RBV": _reading(lambda: daq.spectrum_w, "W"),
        "Preview_RBV": _reading(preview, "W"),
        "State_RBV": Channel(state, enum=("Idle", "Acquiring", "Aborted")),
    }
    return {f"DAQ:{name}": channel for name, channel in table.items()} | {
        f"LO:{name}": channel
        for name, channel in _pair(
            "Frequency", lo, "frequency_hz", "MHz", 1e-6, (low, high), precision=6
        ).items()
    }


def _rest(machine: Machine, guard: Guard) -> dict[str, Channel]:
    """Switch and provenance; there is no sealed injection in process."""
    names = tuple(position.name.replace("_", " ").capitalize() for position in SwitchPosition)
    return {
        **_choice("Switch", machine.switch, "position", names, guard),
        "Sim:EnvelopeHash_RBV": Channel(lambda: ""),
        "Sim:Unseal": Channel(lambda: 0, lambda _: None, enum=DO),
        "Sim:Envelope_RBV": Channel(lambda: ""),
        "Sim:Seed_RBV": Channel(lambda: machine.seed),
        "IOC:ParametersHash_RBV": Channel(lambda: machine.parameters.hash()),
    }
