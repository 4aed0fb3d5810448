"""One averaged spectrum, and the power in a band of it: what calibrations are made of."""

import math
from collections.abc import Mapping
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray

from devices.haloscope import Haloscope
from devices.parts.rf import Digitizer
from haloscope.measuring import decisions
from plans.haloscope.measure import configure
from plans.shared.common import number_in, record

__all__ = ["FEWEST_BINS", "FLAT", "band_power", "digitize"]

#: Half width of the band that a power is taken from, as a share of the spectrum.
OF_SPECTRUM = 1 / 20
#: Fewer bins than this, to either side, tell no spread.
FEWEST_BINS = 8
#: Farther from a spectrum's middle than this share of it the filter begins to show.
FLAT = 0.4


def digitize(
    haloscope: Haloscope, center_mhz: float, averages: int, stream: str
) -> MsgGenerator[Mapping[str, Any]]:
    """Take one averaged spectrum centred on a frequency into a stream; returns the readings."""
    daq = haloscope.daq
    receiver = haloscope.apparatus.receiver
    lo_mhz = decisions.local_oscillator_hz(center_mhz * 1e6, receiver) / 1e6
    wanted = {haloscope.lo.frequency: lo_mhz, daq.num_averages: averages}
    yield from configure(wanted)
    yield from bps.trigger(daq, wait=True)
    return (yield from record([daq, haloscope.noise_source, haloscope.sim], stream))


def band_power(
    daq: Digitizer, reading: Mapping[str, Any], center_mhz: float, half_width_mhz: float = math.nan
) -> tuple[float, float]:
    """Mean power per bin about a frequency and its standard error, W, without narrow lines.

    Over a share of the spectrum if no width is given, and over ``FEWEST_BINS`` to either side at
    least.

    The median is not used: for averaged spectra it is biased by the skew. Bins beyond five standard
    deviations are taken out once instead.
    """
    spectrum = np.asarray(reading[daq.spectrum.name]["value"])
    frequency = _frequencies(daq, reading, len(spectrum))
    step_mhz = frequency[1] - frequency[0]
    if math.isnan(half_width_mhz):
        half_width_mhz = OF_SPECTRUM * step_mhz * len(spectrum)
    # An amplifier's gain may be wider than what is digitized.
    half_width_mhz = min(half_width_mhz, FLAT * step_mhz * len(spectrum))
    half_width_mhz = max(half_width_mhz, FEWEST_BINS * step_mhz)
    band = spectrum[np.abs(frequency - center_mhz) <= half_width_mhz]
    spread = 1.4826 * np.median(np.abs(band - np.median(band)))
    clean = band[np.abs(band - np.median(band)) <= 5.0 * spread] if spread > 0 else band
    return float(clean.mean()), float(clean.std(ddof=1) / math.sqrt(len(clean)))


def _frequencies(daq: Digitizer, reading: Mapping[str, Any], bins: int) -> NDArray[np.float64]:
    """Frequency of each bin, MHz."""
    start_mhz = number_in(reading, daq.frequency_start)
    step_mhz = number_in(reading, daq.frequency_step) * 1e-6
    return start_mhz + np.arange(bins, dtype=np.float64) * step_mhz
