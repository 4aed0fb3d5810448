"""Resistance thermometers: sensor curve, bridge noise, self-heating, a scanner that takes turns.

Curve: Lake Shore's published CX-1010 table, interpolated as ln R against ln T. A reading is
T_curve(R(T + P_excitation/G) (1 + noise)). Channels 0 and 1 (cold heat exchanger, stage) have
bridges of their own, read every step; the others share a scanner that dwells on each and reads at
the end of the dwell, so their readings are up to a round old. Noise is keyed by (seed, block of
steps), never drawn from a shared stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from amrr.circuit.layout import Places
from amrr.compiled import jit
from instruments.random import generator
from instruments.ranges import commanded

Array = NDArray[np.float64]

#: The place of the thermometer on the 1.6 K stage, which is no lump of the loop.
ON_STAGE: Final = -1
#: The place of a thermometer that this machine does not have; the scanner passes it over.
ABSENT: Final = -2

#: The lump that each thermometer is mounted on, on its metal partner where it has one. In the order
#: of the columns of a saved state: a new one is appended.
MOUNTS: Final[Mapping[str, Callable[[Places], int]]] = {
    "CHX": lambda at: (at.cold_exchanger.start + at.cold_exchanger.stop) // 2,
    "Stage": lambda _: ON_STAGE,
    "PumpA": lambda at: at.pump["A"],
    "PumpB": lambda at: at.pump["B"],
    "RegenAHot": lambda at: at.bed["A"].stop - 1,
    "RegenACold": lambda at: at.bed["A"].start,
    "RegenBHot": lambda at: at.bed["B"].start,
    "RegenBCold": lambda at: at.bed["B"].stop - 1,
    "HHXA": lambda at: at.hot_exchanger["A"].start,
    "HHXB": lambda at: at.hot_exchanger["B"].start,
    "Detector1": lambda at: at.detectors.get("Detector1", ABSENT),
    "Detector2": lambda at: at.detectors.get("Detector2", ABSENT),
    "Detector3": lambda at: at.detectors.get("Detector3", ABSENT),
    "Detector4": lambda at: at.detectors.get("Detector4", ABSENT),
}
NAMES: Final = tuple(MOUNTS)
COUNT: Final = len(NAMES)
CONTINUOUS: Final = 2
NOISE_BLOCK: Final = 4096

#: Lake Shore CX-1010, K and ohm.
CURVE_K: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 1.4, 2.0, 3.0, 4.2, 6.0, 10.0)
CURVE_OHM: Final = (
    21389.0, 4401.6, 2322.4, 1604.7, 1248.2, 662.43, 518.97, 413.26, 328.95, 277.32, 234.44, 187.11,
)  # fmt: skip

# State rows, one column per channel.
READING: Final = 0  # K
READ_AT: Final = 1  # simulated time of the reading, s
OFFSET: Final = 2  # fault: error of the calibration, relative
BROKEN: Final = 3  # fault: 1 = open circuit
STATE_ROWS: Final = 4

# Grid of the interpolated curve in ln T.
_LOG_FIRST: Final = math.log(0.1)
_LOG_LAST: Final = math.log(10.0)
_GRID: Final = 1024


class ReadingStatus(IntEnum):
    """Whether a reading may be believed."""

    OK = 0
    STALE = 1
    OVER_RANGE = 2
    OPEN = 3


def mounts(places: Places) -> NDArray[np.int64]:
    """Lump of each thermometer of a machine with these parts, ``ON_STAGE`` for the stage's."""
    return np.array([place(places) for place in MOUNTS.values()], dtype=np.int64)


def adopted(saved: Any, now: Array) -> Any:
    """A saved state of fewer thermometers, with those that are new since as they are ``now``.

    Args:
        saved: As it was read; what is no such state is given back as it is.
        now: The machine's own, shape (STATE_ROWS, COUNT).
    """
    if np.ndim(saved) != 2 or len(saved) != STATE_ROWS or np.shape(saved)[1] >= COUNT:
        return saved
    return np.concatenate([saved, now[:, np.shape(saved)[1] :]], axis=1)


def curve() -> Array:
    """Logarithm of R on a uniform grid of ln T, shape (1024,): the table as a smooth curve."""
    spline = PchipInterpolator(np.log(CURVE_K), np.log(CURVE_OHM))
    return np.ascontiguousarray(spline(np.linspace(_LOG_FIRST, _LOG_LAST, _GRID)))


@jit
def log_resistance(log_r: Array, temperature_k: float) -> float:
    """Logarithm of R (ohm) at a temperature."""
    step = (_LOG_LAST - _LOG_FIRST) / (_GRID - 1)
    position = (math.log(temperature_k) - _LOG_FIRST) / step
    i = min(max(int(position), 0), _GRID - 2)
    u = position - i
    return log_r[i] * (1.0 - u) + log_r[i + 1] * u


@jit
def temperature(log_r: Array, value: float) -> float:
    """T at which the curve has this ln R, by bisection of the falling table."""
    low, high = 0, _GRID - 1
    while high - low > 1:
        middle = (low + high) // 2
        if log_r[middle] > value:
            low = middle
        else:
            high = middle
    step = (_LOG_LAST - _LOG_FIRST) / (_GRID - 1)
    u = (value - log_r[low]) / (log_r[high] - log_r[low])
    return math.exp(_LOG_FIRST + step * (low + u))


@jit
def read(
    x: Array, k: int, log_r: Array, true_k: float, noise: float, heating_k: float, time_s: float
) -> None:
    """Take one reading of channel ``k``."""
    if x[BROKEN, k] > 0.0:
        return
    value = log_resistance(log_r, true_k + heating_k) + math.log(1.0 + noise) + x[OFFSET, k]
    x[READING, k] = temperature(log_r, value)
    x[READ_AT, k] = time_s


def noise_block(seed: int, block: int, relative: float) -> Array:
    """Relative resistance noise for ``NOISE_BLOCK`` steps, shape (NOISE_BLOCK, COUNT)."""
    stream = generator(seed, "amrr.thermometers", block)
    return relative * stream.standard_normal((NOISE_BLOCK, COUNT))


class Thermometer:
    """One channel as the operator sees it.

    Args:
        name: One of ``NAMES``.
        state: The machine's thermometer state.
        clock: Array whose first element is the simulated time, s.
        dwell: Array whose first element is the time the scanner spends on each channel, s.
        scanned: How many channels the scanner visits in a round.
    """

    def __init__(self, name: str, state: Array, clock: Array, dwell: Array, scanned: int) -> None:
        self.name = name
        self._scanned = scanned
        self._k = NAMES.index(name)
        self._x = state
        self._clock = clock
        self._dwell = dwell

    @property
    def reading_k(self) -> float:
        """The last reading, K; NaN with an open sensor."""
        if self._x[BROKEN, self._k] > 0.0:
            return math.nan
        return float(self._x[READING, self._k])

    @property
    def age_s(self) -> float:
        """Simulated time since the reading was taken, s."""
        return float(self._clock[0] - self._x[READ_AT, self._k])

    @property
    def stale(self) -> bool:
        """True when the reading is older than one and a half rounds of the scanner.

        A channel with a bridge of its own is stale after 1 s.
        """
        if self._k < CONTINUOUS:
            return self.age_s > 1.0
        return self.age_s > 1.5 * self._scanned * float(self._dwell[0])

    @property
    def status(self) -> ReadingStatus:
        """Whether the reading may be believed."""
        if self._x[BROKEN, self._k] > 0.0:
            return ReadingStatus.OPEN
        if not 0.15 <= self._x[READING, self._k] <= 9.9:
            return ReadingStatus.OVER_RANGE
        return ReadingStatus.STALE if self.stale else ReadingStatus.OK

    def break_sensor(self, broken: bool = True) -> None:
        """Fault: open the sensor's leads, or mend them."""
        self._x[BROKEN, self._k] = 1.0 if broken else 0.0

    def set_calibration_error(self, relative_resistance: float) -> None:
        """Fault: a wrong curve, as a relative error of resistance.

        Raises:
            Refused: Beyond 0.5, or not a number.
        """
        what = f"{self.name}: calibration error"
        share = commanded(what, relative_resistance, -0.5, 0.5, "")
        self._x[OFFSET, self._k] = math.log1p(share)
