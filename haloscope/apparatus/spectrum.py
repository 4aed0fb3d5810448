"""The mean power spectrum that the digitizer would see after infinite averaging.

Everything smooth is evaluated on a grid of 500 Hz and interpolated by cubic polynomials (error
below 1e-6 of a 31 kHz wide resonance); lines are added bin by bin from their integrals. The axion
field is Gaussian noise, so its power adds to the mean and fluctuates with it. Correlation between a
bin and its idler bin is neglected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from haloscope.apparatus.receiver import Conditions, Receiver, SwitchPosition
from haloscope.axion import AxionLine, signal_power_w
from haloscope.parameters import HaloscopeParameters

FloatArray = NDArray[np.float64]

#: Bins per node of the grid for what is smooth.
NODE_BINS = 50


def mean_spectrum_w(
    centre_hz: float,
    parameters: HaloscopeParameters,
    receiver: Receiver,
    conditions: Conditions,
    lines: Sequence[AxionLine],
    out: FloatArray | None = None,
) -> FloatArray:
    """Mean power per bin in W at the digitizer.

    Args:
        centre_hz: Frequency at the middle of the band, that is at offset 0 of bin ``bins / 2``.
        parameters: The haloscope.
        receiver: Its receiver.
        conditions: The apparatus at the time.
        lines: Axions in the field.
        out: Array to fill, (bins,); a new one by default. Fresh memory costs as much as the rest.

    Returns:
        (bins,), ``out`` if that was given; bin i is centred on ``centre_hz + (i - bins / 2) *
        bin_width``.
    """
    d = parameters.digitizer
    start_hz = centre_hz - d.bins // 2 * d.bin_width_hz
    count = -(-d.bins // NODE_BINS) + 3
    nodes = np.arange(-1.0, count - 1.0, dtype=np.float64) * (NODE_BINS * d.bin_width_hz)
    offset = nodes - d.bins // 2 * d.bin_width_hz
    coarse = receiver.noise_power_w(start_hz + nodes, conditions, d.bin_width_hz)
    coarse = coarse + _image_w(centre_hz, offset, parameters, receiver, conditions)
    spectrum = np.empty(d.bins) if out is None else out
    _interpolate(coarse * receiver.filter(offset), spectrum)
    _add_spurious(spectrum, start_hz, d.bin_width_hz, receiver, conditions)
    if conditions.switch is SwitchPosition.CAVITY and conditions.field_t != 0:
        for line in lines:
            _add_axion(spectrum, start_hz, parameters, receiver, conditions, line)
    return spectrum


def line_spectrum_w(
    centre_hz: float,
    parameters: HaloscopeParameters,
    receiver: Receiver,
    conditions: Conditions,
    line: AxionLine,
) -> FloatArray:
    """What one line adds to ``mean_spectrum_w``, W per bin, (bins,); 0 without field or cavity."""
    d = parameters.digitizer
    spectrum = np.zeros(d.bins)
    if conditions.switch is SwitchPosition.CAVITY and conditions.field_t != 0:
        start_hz = centre_hz - d.bins // 2 * d.bin_width_hz
        _add_axion(spectrum, start_hz, parameters, receiver, conditions, line)
    return spectrum


def _image_w(
    centre_hz: float,
    offset_hz: FloatArray,
    parameters: HaloscopeParameters,
    receiver: Receiver,
    conditions: Conditions,
) -> FloatArray:
    """What the mixer's other sideband, two intermediate frequencies below, leaks in mirrored.

    Some 1e-5 of the power, and neither cavity nor JPA have structure there: a parabola suffices.
    """
    r = parameters.receiver
    half_hz = float(offset_hz[-1])
    image_hz = centre_hz - 2 * r.intermediate_hz - half_hz * np.array([-1.0, 0.0, 1.0])
    power = receiver.noise_power_w(image_hz, conditions, parameters.digitizer.bin_width_hz)
    low, middle, high = 10 ** (-r.image_rejection_db / 10) * power
    t = offset_hz / half_hz
    return middle + t * (0.5 * (high - low) + t * (0.5 * (high + low) - middle))


@lru_cache(maxsize=4)
def _weights(bins_per_node: int) -> FloatArray:
    """Cubic Lagrange weights of the four nodes around each bin of an interval, (4, bins)."""
    t = np.arange(bins_per_node) / bins_per_node
    return np.stack(
        [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ]
    )


def _interpolate(nodes: FloatArray, out: FloatArray) -> None:
    """Fill ``out`` with values at the bins; the first node lies one interval before bin 0."""
    windows = np.lib.stride_tricks.sliding_window_view(nodes, 4)
    whole = out.size // NODE_BINS * NODE_BINS
    np.matmul(
        windows[: whole // NODE_BINS],
        _weights(NODE_BINS),
        out=out[:whole].reshape(-1, NODE_BINS),
    )
    if whole < out.size:
        out[whole:] = (windows[whole // NODE_BINS] @ _weights(NODE_BINS))[: out.size - whole]


def _add_spurious(
    spectrum: FloatArray, start_hz: float, bin_hz: float, receiver: Receiver, c: Conditions
) -> None:
    """Each line as a box of its width, spread over the bins it covers."""
    end_hz = start_hz + spectrum.size * bin_hz
    for line in receiver.spurious_lines(start_hz, end_hz, c):
        half = 0.5 * max(line.width_hz, bin_hz)
        low, edges = _edges(
            spectrum.size, start_hz, bin_hz, line.frequency_hz - half, line.frequency_hz + half
        )
        filled = np.clip((edges - line.frequency_hz + half) / (2 * half), 0, 1)
        spectrum[low : low + edges.size - 1] += line.power_w * np.diff(filled)


def _edges(
    bins: int, start_hz: float, bin_hz: float, from_hz: float, to_hz: float
) -> tuple[int, FloatArray]:
    """First bin and the edges of the bins that touch an interval, cut to the band."""
    low = int(np.clip(np.floor((from_hz - start_hz) / bin_hz + 0.5), 0, bins))
    high = int(np.clip(np.floor((to_hz - start_hz) / bin_hz + 0.5) + 1, low, bins))
    return low, start_hz + (np.arange(low, high + 1, dtype=np.float64) - 0.5) * bin_hz


def _add_axion(
    spectrum: FloatArray,
    start_hz: float,
    parameters: HaloscopeParameters,
    receiver: Receiver,
    c: Conditions,
    line: AxionLine,
) -> None:
    """The line at its own frequency with the JPA's gain G, and its idler with G - 1.

    Both are worked out whole wherever the line lies, and what is outside of the band is added as
    nothing: were it left out, the time that a spectrum takes would tell where a hidden line is.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # far outside of the band nothing is used
        _add_both(spectrum, start_hz, parameters, receiver, c, line)


def _add_both(
    spectrum: FloatArray,
    start_hz: float,
    parameters: HaloscopeParameters,
    receiver: Receiver,
    c: Conditions,
    line: AxionLine,
) -> None:
    grid = _Grid(start_hz, parameters.digitizer.bin_width_hz, spectrum.size)
    below, above = line.span_hz()
    relative = (above - below) / line.frequency_hz
    first, edges = grid.cover(below, relative)
    power, nu = _signal_w(edges, parameters, receiver, c, line)
    gain = c.paramp.gain(nu) * receiver.rest_gain(nu, c.time_s)
    grid.add(spectrum, first, power * gain * receiver.filter(grid.offset(nu)))
    if c.paramp.peak_gain > 1 and c.paramp.mirrors:
        mirror = c.paramp.mirror
        first, edges = grid.cover(float(mirror(np.array(above))), relative)
        # The mirror reverses the order of frequencies: the bins go in and come out reversed.
        power, _ = _signal_w(mirror(edges)[::-1], parameters, receiver, c, line)
        nu = 0.5 * (edges[1:] + edges[:-1])
        gain = (c.paramp.gain(nu) - 1) * receiver.rest_gain(nu, c.time_s)
        grid.add(spectrum, first, power[::-1] * gain * receiver.filter(grid.offset(nu)))


@dataclass(frozen=True)
class _Grid:
    """The bins of a band, continued on both sides."""

    start_hz: float
    bin_hz: float
    bins: int

    def cover(self, from_hz: float, relative: float) -> tuple[int, FloatArray]:
        """First bin and the edges of the bins that hold an interval; of the band, if it is wider.

        Its width is given over the line's frequency: how many bins follows from where the band is.
        """
        first = int(np.floor((from_hz - self.start_hz) / self.bin_hz + 0.5))
        end_hz = self.start_hz + self.bins * self.bin_hz
        count = int(np.ceil(1.01 * relative * end_hz / self.bin_hz)) + 2
        if count >= self.bins:
            first, count = 0, self.bins
        numbers = np.arange(first, first + count + 1, dtype=np.float64)
        return first, self.start_hz + (numbers - 0.5) * self.bin_hz

    def offset(self, frequency_hz: FloatArray) -> FloatArray:
        """From the middle of the band, Hz."""
        return frequency_hz - self.start_hz - self.bins // 2 * self.bin_hz

    def add(self, spectrum: FloatArray, first: int, power_w: FloatArray) -> None:
        """Add to the bins from ``first`` on; those that the band has not are added as 0."""
        number = np.arange(first, first + power_w.size)
        inside = (number >= 0) & (number < self.bins)
        np.add.at(spectrum, np.clip(number, 0, self.bins - 1), np.where(inside, power_w, 0.0))


def _signal_w(
    edges_hz: FloatArray,
    parameters: HaloscopeParameters,
    receiver: Receiver,
    c: Conditions,
    line: AxionLine,
) -> tuple[FloatArray, FloatArray]:
    """Signal power per bin in W at the switch, (n,), and bin centres, from edges (n + 1,)."""
    centres = 0.5 * (edges_hz[1:] + edges_hz[:-1])
    total_w = signal_power_w(
        line.coupling_per_gev,
        line.frequency_hz,
        field_t=c.field_t,
        volume_m3=parameters.cavity.detecting_volume_m3,
        form_factor=c.cavity.form_factor,
        loaded_q=c.cavity.loaded_q,
        beta=c.cavity.beta,
        density_gev_per_cm3=parameters.axion.density_gev_per_cm3 * line.density_fraction,
    )
    shape = c.cavity.signal_shape(centres) * receiver.signal_transmission(centres)
    field = parameters.axion
    fractions = line.fractions(
        edges_hz, time_s=c.time_s, start_day=field.start_day, latitude_deg=field.latitude_deg
    )
    return total_w * fractions * shape, centres
