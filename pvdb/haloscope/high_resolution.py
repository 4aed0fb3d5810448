"""The process variables of the digitizer's high-resolution channel, group ``DAQ:HighRes``.

``Acquire`` behaves as that of ``DAQ``; either kind is taken at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.apparatus.high_resolution import LIMITS
from haloscope.measuring.samples import MOST_SAMPLES
from instruments.control.interlocks import Interlocks
from instruments.still import Same
from pvdb.haloscope.microwave import MHZ_PER_HZ, acquiring
from pvdb.records import Record, counter, group, readback, text, waveform, while_still
from pvdb.records.binding import reader, setting

W_TO_PW = 1e12


def high_resolution_records(machine: SimulatedHaloscope, interlocks: Interlocks) -> list[Record]:
    """The group ``DAQ:HighRes``."""
    return group("DAQ:HighRes", _records(machine, interlocks))


def _records(machine: SimulatedHaloscope, interlocks: Interlocks) -> Iterator[Record]:
    channel = machine.high_resolution
    start = interlocks.guarded("HighRes", lambda _: channel.acquire())
    yield from while_still(channel.still, acquiring(channel, "time stream", start))
    yield text(
        "Message_RBV", lambda: interlocks.reason_against("HighRes"), "Why it may not acquire now"
    )
    yield from while_still(channel.still, _settings_and_stream(machine))


def _settings_and_stream(machine: SimulatedHaloscope) -> Iterator[Record]:
    channel = machine.high_resolution
    low_mhz, high_mhz = machine.local_oscillator.limits_hz
    band = (low_mhz * MHZ_PER_HZ, high_mhz * MHZ_PER_HZ)
    yield from setting(
        "Center", channel, "centre_hz", "Middle of the narrow band", "MHz", band,
        scale=MHZ_PER_HZ, precision=9,
    )  # fmt: skip
    for name, attribute, what, key in (
        ("Bandwidth", "bandwidth_hz", "Its width, samples a second", "bandwidth_hz"),
        ("Duration", "stretch_s", "Length of a stream", "duration_s"),
    ):
        limit = LIMITS[key]
        yield from setting(name, channel, attribute, what, limit.unit, (limit.low, limit.high))
    yield counter(
        "NumPoints_RBV", lambda: channel.points, "Samples of the next", display=(0, MOST_SAMPLES)
    )
    yield from _stream(channel)


def _stream(channel: Any) -> Iterator[Record]:
    """The last stream, and what it is of."""
    rows: tuple[tuple[str, Callable[[], Any], str], ...] = (
        ("StreamReal_RBV", lambda: channel.samples.real, "Time stream, real part"),
        ("StreamImag_RBV", lambda: channel.samples.imag, "Time stream, imaginary part"),
    )
    version = Same(lambda: channel.samples)
    for name, read, what in rows:
        yield waveform(name, read, what, MOST_SAMPLES, "sqrt(W)", version=version)
    centre = reader(channel, "stream_centre_hz", MHZ_PER_HZ)
    yield readback("StreamCenter_RBV", centre, "Frequency 0 of it", "MHz", precision=9)
    yield readback(
        "SampleRate_RBV", reader(channel, "sample_rate_hz"), "Its samples a second", "Hz"
    )
    yield readback(
        "StartTime_RBV", reader(channel, "start_s"), "Simulated time of its first sample", "s"
    )
    yield readback(
        "NoiseDensity_RBV",
        reader(channel, "noise_w_per_hz", W_TO_PW),
        "Its power: a spectrum's per bin width",
        "pW/Hz",
        precision=6,
    )
