"""A time stream of a narrow band, for cold flows: lines below a hertz that drift with the Earth.

``cryohalo flows RUN`` looks for them.
"""

from collections.abc import Mapping
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator, short_uid

from devices.haloscope import Haloscope
from devices.signals.settable import Setting
from haloscope.measuring.samples import sample_count
from plans.haloscope.measure import configure
from plans.haloscope.scan import event_devices
from plans.haloscope.setting_up import ScanState, check, receiver_at, set_up
from plans.shared.common import (
    apparatus,
    in_run,
    metadata,
    number_in,
    provenance,
    record,
)
from plans.shared.needs import needs
from plans.shared.safety import left_as_found, run_haloscope_safely

__all__ = ["high_resolution"]


@needs("high_resolution", "antenna", "magnet.field.readback")
def high_resolution(
    haloscope: Haloscope,
    frequency_mhz: float,
    *,
    bandwidth_hz: float = 40.0,
    duration_s: float = 600.0,
    calibration: Mapping[str, float] | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[dict[str, float]]:
    """Set up cavity and amplifier as a step of a scan does, and take a time stream there.

    Parameters
    ----------
    haloscope
        The device.
    frequency_mhz
        Middle of the narrow band, and where the cavity shall be, MHz.
    bandwidth_hz
        Width of the narrow band, Hz.
    duration_s
        Length of the stream, s. Their product, the number of samples, is at most 100 000. The
        analysis refuses a stream in which the Earth's rotation bends a line's track by more than a
        quarter of its bins: 1306 s for 10 mHz, 4129 s for 0.1 Hz, at 1.1 GHz.
    calibration
        For the start document.
    md
        Metadata for the start document.

    Returns
    -------
    ``samples``, how many, and ``noise_density``, pW/Hz at the digitizer.

    Raises
    ------
    LimitError
        A device's limit is exceeded; nothing has moved.
    ValueError
        Too many samples or too few; nothing has moved.
    """
    averages = haloscope.apparatus.digitizer.averages
    check(haloscope, frequency_mhz, averages)
    wanted = _settings(haloscope, frequency_mhz, bandwidth_hz, duration_s)
    args = {
        "frequency_mhz": frequency_mhz,
        "bandwidth_hz": bandwidth_hz,
        "duration_s": duration_s,
    }
    machine = yield from provenance(haloscope)
    start = metadata(
        "high_resolution",
        [haloscope.high_resolution],
        args,
        md,
        calibration=dict(calibration) if calibration else None,
        apparatus=apparatus(haloscope),
        **machine,
    )

    def inner() -> MsgGenerator[dict[str, float]]:
        state = ScanState.of(haloscope.apparatus)
        values = yield from set_up(haloscope, frequency_mhz, averages, state)
        yield from bps.checkpoint()
        yield from configure({**receiver_at(haloscope, frequency_mhz, averages), **wanted})
        return (yield from _taken(haloscope, values))

    safe = run_haloscope_safely(in_run(inner(), start), haloscope)
    return (yield from left_as_found(safe, haloscope))


def _settings(
    haloscope: Haloscope, frequency_mhz: float, bandwidth_hz: float, duration_s: float
) -> dict[Setting, float]:
    """Of the channel; refuses what it would."""
    channel = haloscope.high_resolution
    wanted: dict[Setting, float] = {
        channel.center: frequency_mhz,
        channel.bandwidth: bandwidth_hz,
        channel.duration: duration_s,
    }
    for setting, value in wanted.items():
        setting.check_value(value)
    sample_count(bandwidth_hz, duration_s)
    return wanted


def _taken(haloscope: Haloscope, values: Mapping[str, float]) -> MsgGenerator[dict[str, float]]:
    """Take the stream, and record it with what was inferred before."""
    channel, group = haloscope.high_resolution, short_uid("stream")
    yield from bps.trigger(channel, group=group)
    yield from bps.abs_set(haloscope.measured, values, group=group)
    yield from bps.wait(group)
    others = [device for device in event_devices(haloscope) if device is not haloscope.daq]
    reading = yield from record([channel, *others], "primary")
    samples = np.size(reading[channel.real.name]["value"])
    density = number_in(reading, channel.noise_density)
    return {"samples": float(samples), "noise_density": density}
