"""The process variables of the haloscope's microwave instruments: analyzer, amplifier, digitizer.

``Acquire`` behaves as in areaDetector: 1 starts, the put completes when idle again, 0 aborts. An
aborted acquisition completes its put too; the counter shows that there are no new data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from haloscope.apparatus.acquisition import Acquisition
from haloscope.apparatus.experiment import Path, SimulatedHaloscope
from haloscope.apparatus.interlocks import amplifier_fault, pump_switch
from haloscope.apparatus.network_analyzer import MOST_POINTS
from instruments.control.interlocks import Interlocks
from instruments.still import Same, Still
from pvdb.parts.faults import Interference
from pvdb.records import (
    Record,
    State,
    acquire,
    choice,
    command,
    counter,
    group,
    readback,
    state,
    text,
    waveform,
    while_still,
    whole_setpoint,
)
from pvdb.records.binding import reader, setting
from pvdb.records.severity import Severity

MHZ_PER_HZ = 1e-6
UA_PER_A = 1e6
PERCENT = 100.0
MOST_SPECTRA = 10_000_000
PREVIEW_POINTS = 1000
PATHS = ("Weak", "Strong", "Bypass")


def microwave_records(machine: SimulatedHaloscope, interlocks: Interlocks) -> list[Record]:
    """Groups ``VNA JPA LO DAQ``."""
    daq = machine.digitizer
    interference = Interference(
        lambda: daq.spectrum_w,
        lambda: daq.frequency_start_hz,
        daq.frequency_step_hz,
        machine.parameters.cavity.reference_hz * MHZ_PER_HZ,
    )
    return [
        *group("VNA", while_still(machine.vna.still, _analyzer(machine))),
        *group("JPA", while_still(Still(machine.jpa), _amplifier(machine, interlocks))),
        *group("JPA", _fault(machine, interlocks)),
        *group("LO", _oscillator(machine)),
        *group("DAQ", _digitizer(machine, interference, interlocks)),
        *interference.records(),
    ]


def acquiring(
    instrument: Acquisition, what: str, begin: Callable[[Any], None] | None = None
) -> Iterator[Record]:
    """What every acquisition has: start, abort, progress, counter, times.

    Args:
        instrument: What acquires.
        what: It takes, in a word.
        begin: Starts it, where something may forbid that.
    """

    def busy() -> bool:
        return instrument.busy

    def start() -> None:
        begin(1) if begin else instrument.acquire()

    yield acquire("Acquire", busy, start, instrument.abort, f"Take a {what}")
    yield state("Acquire_RBV", lambda: int(busy()), f"Taking a {what}", ("Done", "Acquire"))
    yield command("Abort", instrument.abort, "Stop without a result")
    yield readback(
        "Progress_RBV",
        reader(instrument, "progress", PERCENT),
        "Share done",
        "%",
        precision=1,
        display=(0.0, 100.0),
        deadband=0.05,
    )
    yield counter("Counter_RBV", lambda: instrument.counter, f"Finished: {what}")
    yield readback(
        "TimeRemaining_RBV",
        reader(instrument, "time_remaining_s"),
        "Simulated time to the end",
        "s",
        precision=1,
        deadband=0.05,
    )
    yield readback(
        "AcquireTime_RBV", reader(instrument, "duration_s"), "Simulated time it takes", "s"
    )


# -- network analyzer ------------------------------------------------------------------------------


def _analyzer(machine: SimulatedHaloscope) -> Iterator[Record]:
    vna = machine.vna
    yield from acquiring(vna, "trace")
    yield from _path(vna)
    reference_mhz = machine.parameters.cavity.reference_hz * MHZ_PER_HZ
    band = (0.5 * reference_mhz, 1.5 * reference_mhz)
    span = (1e-4, 0.2 * reference_mhz)
    power = (vna.parameters.lowest_power_dbm, vna.parameters.highest_power_dbm)
    yield from setting("Center", vna, "center_hz", "Middle of the sweep", "MHz", band, **_MHZ)
    yield from setting("Span", vna, "span_hz", "Width of the sweep", "MHz", span, **_MHZ)
    yield from _whole("NumPoints", vna, "points", "Points of a sweep", (3, MOST_POINTS))
    yield from _whole("Averages", vna, "averages", "Sweeps averaged", (1, 9999))
    yield from setting("Bandwidth", vna, "bandwidth_hz", "IF bandwidth", "Hz", (1.0, 1e5))
    yield from setting("Power", vna, "power_dbm", "Power at the port", "dBm", power)
    yield from _traces(vna)


_MHZ: dict[str, Any] = {"scale": MHZ_PER_HZ, "precision": 6}


def _path(vna: Any) -> Iterator[Record]:
    def choose(index: int) -> None:
        vna.path = Path(index)

    yield choice("Path", lambda: int(vna.path), choose, "Way to the amplifier", PATHS, saved=True)
    yield state("Path_RBV", lambda: int(vna.path), "Way to the amplifier", PATHS)


def _whole(
    name: str, thing: Any, attribute: str, what: str, control: tuple[int, int]
) -> Iterator[Record]:
    def read() -> int:
        return int(getattr(thing, attribute))

    def write(value: int) -> None:
        setattr(thing, attribute, value)

    yield whole_setpoint(name, read, write, what, control=control)
    yield counter(f"{name}_RBV", read, what, display=control)


def _traces(vna: Any) -> Iterator[Record]:
    rows: tuple[tuple[str, Callable[[], Any], str, str], ...] = (
        ("Frequency_RBV", lambda: vna.frequency_hz * MHZ_PER_HZ, "Frequencies", "MHz"),
        ("Real_RBV", lambda: vna.trace.real, "Trace, real part", ""),
        ("Imag_RBV", lambda: vna.trace.imag, "Trace, imaginary part", ""),
        ("Magnitude_RBV", lambda: _decibel(vna.trace), "Trace, magnitude", "dB"),
        ("Phase_RBV", lambda: np.degrees(np.angle(vna.trace)), "Trace, phase", "deg"),
    )
    displays = {"Magnitude_RBV": (-120.0, 40.0), "Phase_RBV": (-180.0, 180.0)}
    version = Same(lambda: vna.trace)
    for name, read, what, units in rows:
        yield waveform(
            name,
            read,
            what,
            MOST_POINTS,
            units,
            precision=6,
            display=displays.get(name, (0.0, 0.0)),
            version=version,
        )


def _decibel(trace: Any) -> Any:
    """20 log10 |S|, with -400 dB for nothing at all."""
    return 20.0 * np.log10(np.maximum(np.abs(trace), 1e-20))


# -- parametric amplifier, local oscillator --------------------------------------------------------


def _amplifier(machine: SimulatedHaloscope, interlocks: Interlocks) -> Iterator[Record]:
    jpa = machine.jpa
    low_mhz, high_mhz = (limit * MHZ_PER_HZ for limit in jpa.resonance_limits_hz)
    guard = partial(interlocks.guarded, "JPA settings")
    period_ua = machine.parameters.jpa.flux_period_a * UA_PER_A
    yield from setting(
        "FluxCurrent",
        jpa,
        "flux_current_a",
        "Current of the flux coil",
        "uA",
        (-period_ua, period_ua),
        scale=UA_PER_A,
        precision=4,
        guard=guard,
    )
    yield from setting(
        "Resonance",
        jpa,
        "resonance_setpoint_hz",
        "Resonance by the controller's table",
        "MHz",
        (low_mhz, high_mhz),
        guard=guard,
        **_MHZ,
    )
    yield from setting(
        "PumpFrequency",
        jpa,
        "pump_frequency_hz",
        "Pump, twice the middle of the gain",
        "MHz",
        (2 * low_mhz, 2 * high_mhz),
        guard=guard,
        **_MHZ,
    )
    yield from setting(
        "PumpPower", jpa, "pump_power_dbm", "Pump power", "dBm", (-80.0, 0.0), guard=guard
    )
    yield from _pump(machine, interlocks)


def _pump(machine: SimulatedHaloscope, interlocks: Interlocks) -> Iterator[Record]:
    jpa, states = machine.jpa, ("Off", "On")
    yield choice(
        "Pump",
        lambda: int(jpa.pump_on),
        pump_switch(machine, interlocks),
        "Pump tone",
        states,
        saved=True,
    )
    yield state("Pump_RBV", lambda: int(jpa.pump_on), "Pump tone", states)


def _fault(machine: SimulatedHaloscope, interlocks: Interlocks) -> Iterator[Record]:
    fault = amplifier_fault(machine, interlocks)
    alarming = (State("No"), State("Yes", Severity.MAJOR_ALARM))
    yield state("Fault_RBV", lambda: int(bool(fault())), "Parametric oscillation", alarming)
    yield text("Message_RBV", fault, "What is wrong with the amplifier")


def _oscillator(machine: SimulatedHaloscope) -> Iterator[Record]:
    oscillator = machine.local_oscillator
    reference_mhz = machine.parameters.cavity.reference_hz * MHZ_PER_HZ
    band = (0.5 * reference_mhz, 1.5 * reference_mhz)
    yield from setting(
        "Frequency", oscillator, "frequency_hz", "Local oscillator", "MHz", band, **_MHZ
    )


# -- digitizer -------------------------------------------------------------------------------------


def _digitizer(
    machine: SimulatedHaloscope, interference: Interference, interlocks: Interlocks
) -> Iterator[Record]:
    daq, p = machine.digitizer, machine.parameters.digitizer
    if_hz = machine.parameters.receiver.intermediate_hz
    start = interlocks.guarded("Digitizer", lambda _: daq.acquire())
    yield from while_still(daq.still, acquiring(daq, "spectrum", start))
    yield text(
        "Message_RBV", lambda: interlocks.reason_against("Digitizer"), "Why it may not acquire now"
    )
    yield from while_still(daq.still, _next_and_last(daq))
    yield readback(
        "Center_RBV",
        lambda: (machine.local_oscillator.frequency_hz + if_hz) * MHZ_PER_HZ,
        "Middle of the next spectrum",
        "MHz",
        precision=6,
    )
    yield state("State_RBV", lambda: _daq_state(daq), "Digitizer", ("Idle", "Acquiring", "Aborted"))
    yield from _spectra(interference, p.bins)


def _next_and_last(daq: Any) -> Iterator[Record]:
    """What the next spectrum will be like, and where the last one lies."""
    p = daq.parameters
    span_mhz = p.bins * p.bin_width_hz * MHZ_PER_HZ
    yield from _whole("NumAverages", daq, "averages", "Spectra averaged", (1, MOST_SPECTRA))
    yield readback("RBW_RBV", lambda: p.bin_width_hz, "Resolution bandwidth", "Hz")
    yield readback("Span_RBV", lambda: span_mhz, "Width of a spectrum", "MHz")
    yield readback(
        "FrequencyStart_RBV",
        reader(daq, "frequency_start_hz", MHZ_PER_HZ),
        "Centre of bin 0",
        "MHz",
        precision=6,
    )
    yield readback("FrequencyStep_RBV", reader(daq, "frequency_step_hz"), "Width of a bin", "Hz")


def _daq_state(daq: Any) -> str:
    if daq.busy:
        return "Acquiring"
    return "Aborted" if daq.aborted else "Idle"


def _spectra(daq: Interference, bins: int) -> Iterator[Record]:
    version = Same(daq.spectrum_w)
    yield waveform(
        "Spectrum_RBV",
        daq.spectrum_w,
        "Mean power per bin at the input",
        bins,
        "W",
        version=version,
    )
    yield waveform(
        "Preview_RBV",
        lambda: preview(daq.spectrum_w()),
        "The spectrum, averaged for screens",
        PREVIEW_POINTS,
        "W",
        version=version,
    )


def preview(spectrum_w: Any) -> Any:
    """``PREVIEW_POINTS`` means over equal stretches of a spectrum, W per bin."""
    points = min(PREVIEW_POINTS, spectrum_w.size)
    stretch = spectrum_w.size // points
    return spectrum_w[: points * stretch].reshape(points, stretch).mean(axis=1)
