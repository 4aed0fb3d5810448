"""The fast digitizer: averaged power spectra with the exact statistics of a radiometer.

With a rectangular window each bin of one transform of Gaussian noise is exponentially distributed;
the mean of N of them is Gamma(N)/N times the mean spectrum, exactly, neighbouring bins independent
(S. Ahn et al., JINST 17, P05025 (2022) for the instrument). ``gamma_mean`` draws that directly;
``time_series_spectrum`` gets it the slow way, from transforms of a time series, and exists to prove
the other one.

Gamma(N) for large N by the method of Marsaglia and Tsang (ACM Trans. Math. Softw. 26, 363 (2000)):
with d = N - 1/3, c = 1/sqrt(9 d), x normal and v = (1 + c x)^3, d v is accepted with probability
exp(x^2/2 + d - d v + d ln v), about 1 - x^4/(108 d). For N = 5000 that is above 0.998 for |x| < 6,
so the uniform numbers that could reject are drawn for the few elements where one exceeds 0.998
only: a random subset of binomial size. The result is exact nevertheless.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope.apparatus.acquisition import Acquisition
from haloscope.apparatus.timeline import Timeline
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused
from instruments.kept import Array, Flag, Group, Number, Row, Spec
from instruments.random import generator
from instruments.ranges import commanded

FloatArray = NDArray[np.float64]

#: How many spectra may be averaged.
_AVERAGES: Final = (1, 10_000_000)
#: What a saved spectrum may have per bin, W: more than any receiver gives; and where it may begin.
_MOST_W: Final = 1e3
_FREQUENCY: Final = Number(-1e12, 1e12, "Hz")

#: Below this N the library's own generator is used.
_LARGE: Final[int] = 1000
_FAR: Final[float] = 6.0
#: Elements treated at a time: they stay in the cache.
_BLOCK: Final[int] = 8192


def gamma_mean(random: np.random.Generator, averages: int, size: int) -> FloatArray:
    """``size`` draws of Gamma(``averages``) / ``averages``: mean 1, variance 1/averages.

    Args:
        random: Source of random numbers.
        averages: N, 1 or more.
        size: How many.
    """
    if averages < _LARGE:
        return random.standard_gamma(averages, size) / averages
    x = random.standard_normal(size)
    d = averages - 1 / 3
    again = _rejected(random, x, d)
    # (scale (1 + c x))^3 = d v / N, in place and block by block: memory would cost as much as
    # arithmetic.
    scale = (d / averages) ** (1 / 3)
    scratch = np.empty(_BLOCK)
    for start in range(0, size, _BLOCK):
        part = x[start : start + _BLOCK]
        square = scratch[: part.size]
        part *= scale / np.sqrt(9 * d)
        part += scale
        np.multiply(part, part, out=square)
        part *= square
    if again.size:
        x[again] = random.standard_gamma(averages, again.size) / averages
    return x


def _rejected(random: np.random.Generator, x: FloatArray, d: float) -> NDArray[np.int64]:
    """Indices that Marsaglia and Tsang's method rejects."""
    size = x.size
    # Elements whose uniform number lies in the doubtful top range; below it all |x| < 6 pass.
    doubt = -float(_log_acceptance(np.array([-_FAR]), d)[0])
    count = random.binomial(size, doubt)
    doubtful = random.choice(size, count, replace=False, shuffle=False)
    uniform = 1 - doubt * random.random(count)
    rejected = doubtful[np.log(uniform) > _log_acceptance(x[doubtful], d)]
    if max(x.max(), -x.min()) >= _FAR:  # one in 5e8: decided by a uniform number of its own
        far = np.flatnonzero(np.abs(x) >= _FAR)
        rejected = np.setdiff1d(rejected, far)
        out = np.log(random.random(far.size)) > _log_acceptance(x[far], d)
        rejected = np.concatenate([rejected, far[out]])
    return rejected


def _log_acceptance(x: FloatArray, d: float) -> FloatArray:
    v = 1 + x / np.sqrt(9 * d)
    return 0.5 * x**2 + d - d * v**3 + 3 * d * np.log(v)


def time_series_spectrum(
    random: np.random.Generator, mean_w: FloatArray, averages: int
) -> FloatArray:
    """Average of ``averages`` periodograms of a stationary time series of spectrum ``mean_w``.

    White complex noise is filtered by the impulse response of sqrt(mean) in overlapping blocks and
    cut into records without a window. Costs some 30 ms per record of 100 000 points.

    Args:
        random: Source of random numbers.
        mean_w: Mean power per bin in W, (bins,), bin ``bins / 2`` at zero intermediate offset.
        averages: Number of records.

    Returns:
        (bins,) in W.
    """
    bins = mean_w.size
    response = np.fft.ifft(np.sqrt(np.fft.ifftshift(mean_w)))
    # Centre the impulse response, so that a record needs half a record of noise on either side.
    padded = np.concatenate([np.roll(response, bins // 2), np.zeros(bins)])
    transfer = np.fft.fft(padded)
    total = np.zeros(bins)
    before = _white(random, bins)
    for _ in range(averages):
        after = _white(random, bins)
        filtered = np.fft.ifft(np.fft.fft(np.concatenate([before, after])) * transfer)
        record = filtered[bins:]
        total += np.abs(np.fft.fft(record)) ** 2 / bins
        before = after
    return np.fft.fftshift(total) / averages


def _white(random: np.random.Generator, size: int) -> NDArray[np.complex128]:
    parts = random.standard_normal((2, size)) * np.sqrt(0.5)
    return parts[0] + 1j * parts[1]


class SimulatedDigitizer(Acquisition):
    """The instrument: settings, acquisition, last spectrum.

    Args:
        parameters: The haloscope.
        timeline: The machine's clock.
        centre_hz: Returns the frequency at the middle of the band: local oscillator plus
            intermediate frequency.
        mean_w: Returns the mean power per bin in W for a given centre, (bins,), as the apparatus is
            now.
        seed: Of its noise.
    """

    def __init__(
        self,
        parameters: HaloscopeParameters,
        timeline: Timeline,
        centre_hz: Callable[[], float],
        mean_w: Callable[[float], FloatArray],
        seed: int,
    ) -> None:
        super().__init__("digitizer", timeline)
        self.parameters = parameters.digitizer
        self._centre_hz, self._mean_w, self._seed = centre_hz, mean_w, seed
        self._averages = self.parameters.averages
        self._slow = False
        self._spectrum_w = np.zeros(self.parameters.bins)
        self._frequency_start_hz = self._start_of(centre_hz())
        self._averaged = 0

    @property
    def averages(self) -> int:
        """Number of spectra to average, 1 to 10 million."""
        return self._averages

    @averages.setter
    def averages(self, value: int) -> None:
        self.refuse_while_busy("change the averages")
        number = commanded("digitizer averages", value, *_AVERAGES, "spectra")
        if number != int(number):
            raise Refused(f"digitizer averages: {number:g} is not a whole number of spectra")
        self._averages = int(number)

    @property
    def time_series(self) -> bool:
        """Take spectra the slow way, from a simulated time series."""
        return self._slow

    @time_series.setter
    def time_series(self, value: bool) -> None:
        self.refuse_while_busy("change the mode")
        self._slow = bool(value)

    @property
    def duration_s(self) -> float:
        """Time for all averages: 0.1 s each at 10 Hz, and the dead time."""
        return self._duration_s(self._averages)

    def _duration_s(self, averages: int) -> float:
        return averages / self.parameters.bin_width_hz / self.parameters.efficiency

    @property
    def spectrum_w(self) -> FloatArray:
        """Last spectrum: mean power per bin in W at the digitizer's input, (bins,)."""
        return self._spectrum_w

    @property
    def spectrum_averages(self) -> int:
        """Number of averages in the last spectrum, 0 before the first."""
        return self._averaged

    @property
    def frequency_start_hz(self) -> float:
        """Centre of bin 0 of the last spectrum."""
        return self._frequency_start_hz

    @property
    def frequency_step_hz(self) -> float:
        """Bin width."""
        return self.parameters.bin_width_hz

    def state(self) -> dict[str, Any]:
        """Plain values for saving."""
        return {
            **super().state(),
            "settings": [self._averages, self._slow],
            "spectrum_w": self._spectrum_w.copy(),
            "shown": [self._frequency_start_hz, self._averaged],
        }

    def _settings_allowed(self) -> dict[str, Spec]:
        averages = Number(*_AVERAGES, "spectra", whole=True)
        shown = {"start": _FREQUENCY, "averages": Number(0, _AVERAGES[1], "spectra", whole=True)}
        return {
            "settings": Row({"averages": averages, "time series": Flag()}),
            "spectrum_w": self._spectrum_allowed,
            "shown": Row(shown),
        }

    def _result(self) -> Spec:
        averages = Number(*_AVERAGES, "spectra", whole=True)
        spectrum = self._spectrum_allowed
        return Group({"spectrum_w": spectrum, "start_hz": _FREQUENCY, "averages": averages})

    @property
    def _spectrum_allowed(self) -> Array:
        return Array((self.parameters.bins,), Number(0.0, _MOST_W, "W"))

    def _duration_of(self, state: dict[str, Any]) -> float:
        return self._duration_s(state["settings"][0])

    def _take_over(self, state: dict[str, Any]) -> None:
        super()._take_over(state)
        self._averages, self._slow = state["settings"]
        self._spectrum_w = state["spectrum_w"].copy()
        self._frequency_start_hz, self._averaged = state["shown"]

    def _start_of(self, centre_hz: float) -> float:
        return centre_hz - self.parameters.bins // 2 * self.parameters.bin_width_hz

    def _measure(self, number: int) -> dict[str, Any]:
        centre_hz = self._centre_hz()
        spectrum = self._mean_w(centre_hz)
        random = generator(self._seed, "digitizer", number)
        if self._slow:
            spectrum = time_series_spectrum(random, spectrum, self._averages)
        else:
            draws = gamma_mean(random, self._averages, spectrum.size)
            draws *= spectrum
            spectrum = draws
        start_hz = self._start_of(centre_hz)
        return {"spectrum_w": spectrum, "start_hz": start_hz, "averages": self._averages}

    def _show(self, result: dict[str, Any]) -> None:
        self._spectrum_w = result["spectrum_w"]
        self._frequency_start_hz = result["start_hz"]
        self._averaged = result["averages"]
