"""Cold flows: lines far narrower than the halo's, in a time stream, along their Doppler track.

A flow of dark matter that has not virialised has one speed v relative to the laboratory and puts
its power into a line much narrower than a hertz, at f (1 + v^2/2c^2): L. Duffy et al. (ADMX), Phys.
Rev. D 74, 012006 (2006). The laboratory is accelerated, by the Earth's rotation (0.034 m/s^2 times
the cosine of its latitude) and on its orbit (0.006 m/s^2), so that the line drifts by up to
f v a/c^2: 4e-4 Hz a second at 1.1 GHz and 780 km/s, 37 bins of 10 mHz in a thousand seconds.

For each drift the stream is multiplied by the chirp that undoes it and cut into records of one over
the bin width; their power spectra, over the noise's running median, are averaged: of noise alone
the mean of R exponentials, Gamma(R)/R. Direction and speed need not be known, as long as the track
is straight: a stream in which rotation bends it by more than a quarter of a bin to either side is
refused, with the length that is not.

Two limits: on the power that a line has in this stream, and on the mean power of a flow whose line
is not resolved. Its field is a sum of many waves, so that its power in one stream is drawn once
from an exponential distribution, and one of ten such flows has less than a tenth of its mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.ndimage import median_filter
from scipy.optimize import brentq
from scipy.special import gammaincc, gammaincinv
from scipy.stats import ncx2

from haloscope.analysis.options import Options
from haloscope.analysis.reuse.streams import Stream
from haloscope.analysis.spectra import FloatArray
from haloscope.constants import SPEED_OF_LIGHT_M_PER_S

__all__ = ["FASTEST_M_PER_S", "Flow", "Flows", "find_flows", "longest_s"]

#: Of what is bound to the galaxy, 544 km/s (Smith et al. 2007), against the Sun's 232.
FASTEST_M_PER_S: Final = 780e3
_ROTATION_M_PER_S2: Final = 0.0337
_ORBIT_M_PER_S2: Final = 0.0059
_ROTATION_RAD_PER_S: Final = 7.292e-5
_FEWEST_RECORDS: Final = 4
_FEWEST_BINS: Final = 64
_MOST_CELLS: Final = 2_000_000_000
_MEDIAN_BINS: Final = 401
#: Bins to either side by which a track may be bent.
_BENT: Final = 0.25
_EDGE: Final = 0.05  # Of the band at each end, where the digitizer's filter may fall.
_PLACES: Final = 15
_DRAWS: Final = 200


@dataclass(frozen=True)
class Flow:
    """A line above the threshold.

    Attributes:
        frequency_hz: In the middle of the stream, Hz.
        drift_hz_per_s: How it moves.
        power: Mean power in its bin over the noise's there; 1 is noise alone.
        bandwidth_hz: Its power over the noise's density: P = k_B T_n times this, Hz; scalloping
            not undone.
        local_p: Of noise alone in one bin along one track.
        global_p: Anywhere, along any.
    """

    frequency_hz: float
    drift_hz_per_s: float
    power: float
    bandwidth_hz: float
    local_p: float
    global_p: float


@dataclass(frozen=True)
class Flows:
    """What a stream holds.

    Attributes:
        flows: Lines above the threshold, the strongest first.
        highest: The highest cell, whatever it is.
        records: How many were averaged.
        bin_hz: Width of the bins.
        bins: How many were searched.
        drifts_hz_per_s: Tracks searched, shape (d,).
        threshold: Mean power above which a cell is a flow.
        limit_hz: A line that has this power over the noise's density in this stream is found with
            the confidence, Hz.
        limit_mean_hz: A flow of this mean power is, whatever its power is in this stream, Hz.
        confidence: Of both.
    """

    flows: tuple[Flow, ...]
    highest: Flow
    records: int
    bin_hz: float
    bins: int
    drifts_hz_per_s: FloatArray
    threshold: float
    limit_hz: float
    limit_mean_hz: float
    confidence: float


def longest_s(centre_hz: float, bin_hz: float, fastest_m_per_s: float = FASTEST_M_PER_S) -> float:
    """Longest stream in which rotation bends no track by more than a quarter of a bin, s.

    A parabola of second derivative f v w a/c^2 is off its best straight line by a sixteenth of that
    times the length squared, to either side.
    """
    bend = centre_hz * fastest_m_per_s / SPEED_OF_LIGHT_M_PER_S**2
    bend *= _ROTATION_M_PER_S2 * _ROTATION_RAD_PER_S
    return math.sqrt(16 * _BENT * bin_hz / bend)


def find_flows(
    stream: Stream,
    bin_hz: float,
    *,
    fastest_m_per_s: float = FASTEST_M_PER_S,
    false_alarm: float = 0.01,
    confidence: float | None = None,
) -> Flows:
    """Look for cold flows.

    Args:
        stream: One stretch.
        bin_hz: Resolution; 10 mHz to 1 Hz are of use.
        fastest_m_per_s: Relative to the laboratory.
        false_alarm: Probability that noise alone gives any flow.
        confidence: Of the limits; that of a search for axions if not given.

    Raises:
        ValueError: The stream is too short or too long for the bins, or a value is none.
    """
    confidence = Options().confidence if confidence is None else confidence
    _demand(stream, bin_hz, fastest_m_per_s, false_alarm, confidence)
    size = round(stream.sample_rate_hz / bin_hz)
    own_bin_hz = stream.sample_rate_hz / size
    records = stream.samples.size // size
    length_s = records / own_bin_hz
    drifts = _drifts(stream, own_bin_hz, length_s, fastest_m_per_s)
    skipped = math.ceil(_EDGE * size) + math.ceil(np.abs(drifts).max() * length_s / own_bin_hz)
    inner = np.arange(skipped, size - skipped)
    if inner.size < _FEWEST_BINS or inner.size * drifts.size * records > _MOST_CELLS:
        raise ValueError(
            f"flows: {inner.size} bins, {drifts.size} drifts, {records} records: needed "
            f"{_FEWEST_BINS} bins or more that no track leaves, and at most {_MOST_CELLS:g} cells"
        )
    noise = _noise(_spectrum(stream, size, records, 0.0), records)
    mean = np.stack([_spectrum(stream, size, records, d)[inner] / noise[inner] for d in drifts])
    trials = float(mean.size)
    threshold = _threshold(records, trials, false_alarm)
    first_hz = stream.centre_hz - size // 2 * own_bin_hz

    def flow(at: tuple[int, int]) -> Flow:
        value = float(mean[at])
        local = float(gammaincc(records, records * value))
        place = first_hz + own_bin_hz * float(inner[at[1]])
        return Flow(place, float(drifts[at[0]]), value, (value - 1) * own_bin_hz, local,
                    min(1.0, local * trials))  # fmt: skip

    return Flows(
        tuple(flow(at) for at in _peaks(mean, threshold)),
        flow(_highest(mean)),
        records,
        own_bin_hz,
        inner.size,
        drifts,
        threshold,
        own_bin_hz * _needed(records, threshold, confidence, drawn=False),
        own_bin_hz * _needed(records, threshold, confidence, drawn=True),
        confidence,
    )


def _demand(
    stream: Stream, bin_hz: float, fastest_m_per_s: float, false_alarm: float, confidence: float
) -> None:
    if not 0 < bin_hz < math.inf:
        raise ValueError(f"flows: bins of {bin_hz} Hz, must be above 0")
    if not 0 < fastest_m_per_s < SPEED_OF_LIGHT_M_PER_S / 10:
        raise ValueError(f"flows: fastest is {fastest_m_per_s} m/s, needed above 0, below 3e7")
    if not (0 < false_alarm < 0.5 and 0.5 <= confidence < 1):
        raise ValueError(f"flows: false alarm {false_alarm}, confidence {confidence}: no such pair")
    fewest = _FEWEST_RECORDS / bin_hz
    most = longest_s(stream.centre_hz, bin_hz, fastest_m_per_s)
    if not fewest <= stream.duration_s:
        raise ValueError(
            f"flows: the stream of {stream.duration_s:.6g} s is shorter than the {fewest:.6g} s of "
            f"{_FEWEST_RECORDS} records of {bin_hz:g} Hz: take wider bins"
        )
    if stream.duration_s > most:
        raise ValueError(
            f"flows: in {stream.duration_s:.6g} s rotation bends a track by more than a quarter of "
            f"a bin of {bin_hz:g} Hz: cut the stream to {most:.6g} s or take wider bins"
        )


def _spectrum(stream: Stream, size: int, records: int, drift: float) -> FloatArray:
    """Mean power spectrum of the records with a drift undone, Hz/s, shape (size,)."""
    samples = stream.samples[: records * size]
    if drift:
        t = (np.arange(samples.size) - 0.5 * samples.size) / stream.sample_rate_hz
        samples = samples * np.exp(-1j * np.pi * drift * t**2)
    lines = np.fft.fft(samples.reshape(records, size), axis=1)
    return np.asarray(np.fft.fftshift(np.mean(np.abs(lines) ** 2, axis=0)))


def _noise(mean: FloatArray, records: int) -> FloatArray:
    """The noise in each bin by the running median, shape of ``mean``."""
    width = min(_MEDIAN_BINS, mean.size // 4 * 2 + 1)
    # Median of the mean of R exponentials.
    noise = median_filter(mean, width, mode="nearest") / (gammaincinv(records, 0.5) / records)
    if not np.all(noise > 0):
        raise ValueError("flows: the stream holds no noise in part of its band")
    return np.asarray(noise)


def _drifts(stream: Stream, bin_hz: float, length_s: float, fastest_m_per_s: float) -> FloatArray:
    """Drifts that differ by half a bin over half of the stream, Hz/s."""
    acceleration = _ROTATION_M_PER_S2 + _ORBIT_M_PER_S2
    most = stream.centre_hz * fastest_m_per_s * acceleration / SPEED_OF_LIGHT_M_PER_S**2
    step = bin_hz / length_s
    count = math.ceil(most / step)
    return step * np.arange(-count, count + 1, dtype=np.float64)


def _threshold(records: int, trials: float, false_alarm: float) -> float:
    """Mean power that noise passes anywhere with this probability at most (Bonferroni)."""
    wanted = math.log(false_alarm / trials)

    def missing(value: float) -> float:
        return math.log(max(float(gammaincc(records, records * value)), 1e-300)) - wanted

    high = 2.0
    while missing(high) > 0:
        high *= 2
    return float(brentq(missing, 1.0, high, xtol=1e-12))


@lru_cache(maxsize=64)
def _needed(records: int, threshold: float, confidence: float, *, drawn: bool) -> float:
    """Power of a line over the noise in a bin that is found with this probability.

    What of it is in the bin depends on where in the bin it lies, on how far the nearest track is
    off, by up to a quarter of a bin at the ends of the stream, and on how it is bent: as much as a
    stream may be at most.

    Args:
        records: How many are averaged.
        threshold: Of their mean.
        confidence: The probability.
        drawn: The power is the mean of an exponential distribution, of which each stream has one
            draw; else the line has it.
    """
    places = (np.arange(_PLACES) + 0.5) / _PLACES - 0.5
    along = np.linspace(-1, 1, _PLACES)
    off = 0.5 * places[:, None] * along + _BENT * (2 * along**2 - 1)
    shares = (np.sinc(places[:, None, None] + off) ** 2).mean(axis=2).ravel()
    draws = -np.log1p(-(np.arange(_DRAWS) + 0.5) / _DRAWS) if drawn else np.ones(1)

    def missing(power: float) -> float:
        shift = 2 * records * power * shares[:, None] * draws
        return float(ncx2.sf(2 * records * threshold, 2 * records, shift).mean()) - confidence

    high = threshold
    while missing(high) < 0:
        high *= 2
    return float(brentq(missing, 0.0, high, rtol=1e-6))


def _highest(mean: FloatArray) -> tuple[int, int]:
    row, column = np.unravel_index(int(mean.argmax()), mean.shape)
    return int(row), int(column)


def _peaks(mean: FloatArray, threshold: float, most: int = 50) -> list[tuple[int, int]]:
    """Cells above the threshold, each the highest of all that one line lifts."""
    left = mean.copy()
    found: list[tuple[int, int]] = []
    while len(found) < most:
        at = _highest(left)
        if not left[at] > threshold:
            break
        found.append(at)
        # A line lifts every track that crosses it: a cell of d drifts off is within d bins.
        reach = np.abs(np.arange(len(mean)) - at[0]) // 2 + 3
        for row, width in enumerate(reach.tolist()):
            left[row, max(at[1] - width, 0) : at[1] + width + 1] = 0.0
    return found
