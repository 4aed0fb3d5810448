"""The digitizer's high-resolution channel: complex samples of a narrow band, for lines below 1 Hz.

The base band is mixed down to a centre of its own and sampled without gaps at the width of the
narrow band. Samples are in sqrt(W): the mean of |x|^2 over the bandwidth is the spectrum's mean
power per hertz. Noise and every line are Gaussian processes drawn in bins of one over the duration,
of the mean power that the spectrum would have there (``haloscope.apparatus.spectrum``); so a flow
narrower than that has one draw of an exponential distribution as its power in a stream.

A cold flow at rest in the galaxy passes the laboratory at the laboratory's own speed v. Its line
drifts by f v dv/c^2 as that changes: with the Earth's rotation it swings by up to 0.9 Hz about
``frequency_hz`` at 1.1 GHz, and within a stream the orbit drags it as well. A halo's line, four
orders of magnitude wider, is left where it is. The amplifier's mirrored copy of a flow drifts with
it here, not against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from haloscope.apparatus.acquisition import Acquisition
from haloscope.apparatus.receiver import Conditions, Receiver
from haloscope.apparatus.spectrum import line_spectrum_w, mean_spectrum_w
from haloscope.apparatus.timeline import LATEST_NS, NS_PER_S, Timeline
from haloscope.axion import AxionLine, earth_speed_m_per_s
from haloscope.constants import SPEED_OF_LIGHT_M_PER_S
from haloscope.measuring.samples import MOST_SAMPLES, sample_count
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused
from instruments.kept import Group, Number, Row, Series, Spec
from instruments.random import generator
from instruments.ranges import commanded

__all__ = ["LIMITS", "SimulatedStream"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

#: What each setting may be; the centre must also lie in the digitizer's band to acquire.
LIMITS: Final = {
    "centre_hz": Number(1e6, 1e12, "Hz"),
    "bandwidth_hz": Number(1.0, 10_000.0, "Hz"),
    "duration_s": Number(1.0, 20_000.0, "s"),
}
_BANDWIDTH_HZ, _DURATION_S = 40.0, 600.0
#: Of a sample: the root of what a saved spectrum may have.
_MOST: Final = 1e3**0.5
#: A day's swing over the longest stream, to 1e-7.
_DEGREE, _KNOTS = 6, 49


class SimulatedStream(Acquisition):
    """The channel: settings, acquisition, last stream.

    Args:
        parameters: The haloscope.
        timeline: The machine's clock.
        centre_hz: Returns the middle of the digitizer's band.
        receiver: What is in front of it.
        conditions: Returns the apparatus as it is now.
        lines: Axions in the field.
        seed: Of its noise.
    """

    def __init__(
        self,
        parameters: HaloscopeParameters,
        timeline: Timeline,
        centre_hz: Callable[[], float],
        receiver: Receiver,
        conditions: Callable[[], Conditions],
        lines: Sequence[AxionLine],
        seed: int,
    ) -> None:
        super().__init__("high-resolution channel", timeline)
        self._all, self._middle_hz, self._receiver = parameters, centre_hz, receiver
        self._conditions, self._lines, self._seed = conditions, tuple(lines), seed
        self._settings = {
            "centre_hz": parameters.cavity.reference_hz,
            "bandwidth_hz": _BANDWIDTH_HZ,
            "duration_s": _DURATION_S,
        }
        none = np.zeros(1, dtype=np.complex128)
        self._show({"samples": none, "shown": [self.centre_hz, _BANDWIDTH_HZ, 0, 1]})
        self._idle = self.state()

    # settings

    @property
    def centre_hz(self) -> float:
        """Middle of the narrow band."""
        return self._settings["centre_hz"]

    @centre_hz.setter
    def centre_hz(self, value: float) -> None:
        self._set("centre_hz", value)

    @property
    def bandwidth_hz(self) -> float:
        """Width of the narrow band, and samples a second."""
        return self._settings["bandwidth_hz"]

    @bandwidth_hz.setter
    def bandwidth_hz(self, value: float) -> None:
        self._set("bandwidth_hz", value)

    @property
    def stretch_s(self) -> float:
        """How long a stream is asked to be."""
        return self._settings["duration_s"]

    @stretch_s.setter
    def stretch_s(self, value: float) -> None:
        self._set("duration_s", value)

    @property
    def points(self) -> int:
        """Samples of the next stream."""
        return _points(self._settings)

    @property
    def duration_s(self) -> float:
        """Time of all samples."""
        return self.points / self.bandwidth_hz

    def acquire(self) -> None:
        """Start.

        Raises:
            Refused: A stream is being taken, it would have too many samples or too few, or its band
                leaves the digitizer's.
        """
        self.refuse_while_busy("acquire")
        try:
            sample_count(self.bandwidth_hz, self.stretch_s)
        except ValueError as error:
            raise Refused(f"{self.name}: {error}") from error
        digitizer, middle_hz = self._all.digitizer, self._middle_hz()
        half_hz = 0.5 * digitizer.bins * digitizer.bin_width_hz
        if abs(self.centre_hz - middle_hz) + 0.5 * self.bandwidth_hz > half_hz:
            raise Refused(
                f"{self.name}: {self.bandwidth_hz:g} Hz about {self.centre_hz * 1e-6:.6f} MHz "
                f"leave the digitizer's band, {(middle_hz - half_hz) * 1e-6:.6f} to "
                f"{(middle_hz + half_hz) * 1e-6:.6f} MHz: move the local oscillator"
            )
        super().acquire()

    # readings, of the last stream

    @property
    def samples(self) -> ComplexArray:
        """Last stream in sqrt(W) at the digitizer's input, (m,); one 0 before the first."""
        return self._samples

    @property
    def sample_rate_hz(self) -> float:
        """Its samples a second."""
        return float(self._shown[1])

    @property
    def stream_centre_hz(self) -> float:
        """What is at frequency 0 of it."""
        return float(self._shown[0])

    @property
    def start_s(self) -> float:
        """Simulated time of its first sample."""
        return self._shown[2] / NS_PER_S

    @property
    def noise_w_per_hz(self) -> float:
        """Its mean power per hertz: of a spectrum, mean power per bin over the width of a bin."""
        return self._power_w / self.sample_rate_hz

    # saving

    def state(self) -> dict[str, Any]:
        """Plain values for saving."""
        own = {"settings": dict(self._settings), "samples": self._samples.copy()}
        return {**super().state(), **own, "shown": list(self._shown)}

    def adopted(self, state: Any) -> Any:
        """A machine's saved state in the present layout: older versions had no such channel."""
        if not isinstance(state, dict):
            return state
        return {"high_resolution": self._idle, **state}

    def _settings_allowed(self) -> dict[str, Spec]:
        return {"settings": Group(LIMITS), **_stream()}

    def _result(self) -> Spec:
        return Group(_stream())

    def _duration_of(self, state: dict[str, Any]) -> float:
        settings = state["settings"]
        return _points(settings) / float(settings["bandwidth_hz"])

    def _conflict(self, state: dict[str, Any], now_ns: int) -> str:
        for name, result in {"": state, "pending ": state["pending"] or state}.items():
            if (size := result["samples"].size) != (count := result["shown"][3]):
                return f"the {name}stream of {count} samples has {size} samples"
        return super()._conflict(state, now_ns)

    def _take_over(self, state: dict[str, Any]) -> None:
        super()._take_over(state)
        self._settings = dict(state["settings"])
        self._show({"samples": state["samples"].copy(), "shown": list(state["shown"])})

    def _set(self, key: str, value: float) -> None:
        what, limit = key.partition("_")[0], LIMITS[key]
        self.refuse_while_busy(f"change the {what}")
        named = f"{self.name}: {what}"
        number = commanded(named, value, limit.low, limit.high, limit.unit)
        self._settings = {**self._settings, key: number}

    # the stream

    def _measure(self, number: int) -> dict[str, Any]:
        random = generator(self._seed, "high-resolution channel", number)
        c, points = self._conditions(), self.points
        digitizer = replace(self._all.digitizer, bins=points, bin_width_hz=1 / self.duration_s)
        fine = replace(self._all, digitizer=digitizer)
        offset_hz = np.asarray(np.fft.fftfreq(points, 1 / self.bandwidth_hz), dtype=np.float64)
        passed = np.fft.fftshift(
            self._receiver.filter(offset_hz + self.centre_hz - self._middle_hz())
        )
        mean_w = mean_spectrum_w(self.centre_hz, fine, self._receiver, c, ())
        samples = _drawn(random, mean_w * passed)
        # Each the same work, whether in the band, of no strength, or neither: see ``spectrum``.
        for line in self._lines:
            shift_hz = _off_grid_hz(line.frequency_hz - self.centre_hz, digitizer.bin_width_hz)
            line_w = line_spectrum_w(self.centre_hz + shift_hz, fine, self._receiver, c, line)
            turns = self._turns(line, c.time_s) + shift_hz * np.arange(points) / self.bandwidth_hz
            samples += _drawn(random, line_w * passed) * np.exp(2j * np.pi * turns)
        return {
            "samples": samples,
            "shown": [self.centre_hz, self.bandwidth_hz, self._start_ns, points],
        }

    def _turns(self, line: AxionLine, middle_s: float) -> FloatArray:
        """Phase that a line's drift adds to each sample, in turns, (m,)."""
        time_s = (np.arange(self.points) - self.points / 2) / self.bandwidth_hz
        if line.narrow_width_hz is None:
            return np.zeros_like(time_s)
        knots_s = np.linspace(time_s[0], time_s[-1], _KNOTS)
        field = self._all.axion
        at = {"start_day": field.start_day, "mean_m_per_s": line.earth_speed_m_per_s}
        speed = np.array([
            earth_speed_m_per_s(middle_s + t, latitude_deg=field.latitude_deg, **at)
            for t in knots_s
        ])  # fmt: skip
        still = earth_speed_m_per_s(middle_s, latitude_deg=90.0, **at)
        shift_hz = line.frequency_hz * (speed**2 - still**2) / (2 * SPEED_OF_LIGHT_M_PER_S**2)
        return np.asarray(Polynomial.fit(knots_s, shift_hz, _DEGREE).integ()(time_s))

    def _show(self, result: dict[str, Any]) -> None:
        self._samples: ComplexArray
        self._samples, self._shown = result["samples"], result["shown"]
        self._power_w = float(np.mean(np.abs(self._samples) ** 2))


def _points(settings: dict[str, float]) -> int:
    return max(1, round(settings["bandwidth_hz"] * settings["duration_s"]))


def _stream() -> dict[str, Spec]:
    """Samples, and what they are of."""
    shown = {"centre": LIMITS["centre_hz"], "rate": LIMITS["bandwidth_hz"]}
    return {
        "samples": Series(MOST_SAMPLES, Number(0.0, _MOST, "sqrt(W)"), is_complex=True),
        "shown": Row(
            {
                **shown,
                "start_ns": Number(0, LATEST_NS, "ns", whole=True),
                "count": Number(1, MOST_SAMPLES, "samples", whole=True),
            }
        ),
    }


def _off_grid_hz(offset_hz: float, bin_hz: float) -> float:
    """How far a frequency is from the middle of its bin."""
    return float(offset_hz - bin_hz * np.round(offset_hz / bin_hz))


def _drawn(random: np.random.Generator, mean_w: FloatArray) -> ComplexArray:
    """Gaussian noise of a mean power per bin, ascending in frequency, as samples (m,)."""
    parts = random.standard_normal((2, mean_w.size)) * np.sqrt(0.5 * mean_w)
    return np.asarray(np.fft.ifft(np.fft.ifftshift(parts[0] + 1j * parts[1])) * mean_w.size)
