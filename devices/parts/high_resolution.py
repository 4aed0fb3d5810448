"""The digitizer's high-resolution channel: time streams of a narrow band."""

from __future__ import annotations

from devices.hardware.optional import optional
from devices.parts.rf import Acquiring
from devices.signals.reading import readback
from devices.signals.settable import setting

__all__ = ["HighResolution"]


class HighResolution(Acquiring):
    """Streams of complex samples in sqrt(W), ``real`` and ``imaginary``, about ``stream_center``.

    The mean square over the sample rate, ``noise_density``, is a spectrum's power per bin over the
    width of its bin. A stream has as many samples as duration times bandwidth were when it was
    triggered; its description leaves the length open.
    """

    RESTORED = ("center", "bandwidth", "duration")

    center = setting("Center", doc="MHz")
    bandwidth = setting("Bandwidth", doc="Hz: of the band, and samples a second")
    duration = setting("Duration", doc="s")
    message = optional(readback("Message_RBV", "omitted", string=True), "not shown")
    num_points = optional(readback("NumPoints_RBV", "omitted"), "not shown")
    real = readback("StreamReal_RBV", varying=True)
    imaginary = readback("StreamImag_RBV", varying=True)
    stream_center = readback("StreamCenter_RBV")
    sample_rate = readback("SampleRate_RBV")
    start_time = readback("StartTime_RBV")
    noise_density = readback("NoiseDensity_RBV")

    def acquire_time_s(self) -> float:
        """The duration, and a second for its beginning and end."""
        return 1.0 + float(self.duration.get())
