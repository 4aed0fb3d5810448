"""Step 1: the part of each spectrum around the cavity, on one frequency grid common to all.

The letter keeps 150 kHz around each target frequency, which leaves out the pump tone 100 kHz below.
Bins are counted on a global grid of multiples of the digitizer's bin width, so that merged bins of
different spectra coincide:

    fine bin K    digitizer bins K m ... K m + m - 1   (m = ``fine_merge``)
    coarse bin C  fine bins C c ... C c + c - 1        (c = ``coarse_merge``)

A digitizer that is not on the grid is rounded to it, by at most half a bin (5 Hz of a line 1000 Hz
wide).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.blocks import blocks
from haloscope.analysis.cuts import Cut, pieces
from haloscope.analysis.options import Options
from haloscope.analysis.ranges import demand_between
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra

_MOST_ADDED_UP = 7  # Bins that NumPy adds one after the other; more it adds in pairs.
_FEWEST_BINS = 20  # Of a window: with fewer neither noise nor baseline can be judged.


@dataclass(frozen=True)
class Windows:
    """Equal windows of a stack of spectra.

    Attributes:
        power: Power per digitizer bin, shape (n, bins), unit of the input; cut out of the stack
            when it is asked for.
        first_fine: Global number of the first fine bin, shape (n,).
        first_column: Column of the spectra at which the window starts, shape (n,).
        first_digitizer: Bin of the digitizer at which it starts, shape (n,); another number where
            the spectra are part of what was digitized.
        step_hz: Digitizer bin width, Hz.
        merge: Digitizer bins per fine bin.
        target_hz: Centre asked for, shape (n,), Hz.
        masked: Bins to be left out, shape (n, bins), likewise; None for none.
    """

    power: Cut[np.floating]
    first_fine: IntArray
    first_column: IntArray
    first_digitizer: IntArray
    step_hz: float
    merge: int
    target_hz: FloatArray
    masked: Cut[np.bool_] | None = None

    def rows(self, index: IntArray) -> Windows:
        """Those of part of the spectra; no power is copied."""
        return replace(
            self,
            power=self.power.rows(index),
            first_fine=self.first_fine[index],
            first_column=self.first_column[index],
            first_digitizer=self.first_digitizer[index],
            target_hz=self.target_hz[index],
            masked=None if self.masked is None else self.masked.rows(index),
        )

    @property
    def fine_hz(self) -> float:
        """Width of a fine bin, Hz."""
        return self.step_hz * self.merge

    @property
    def fine_bins(self) -> int:
        """Fine bins per window."""
        return int(self.power.shape[1]) // self.merge

    def frequency_hz(self, rows: slice | IntArray = slice(None)) -> FloatArray:
        """Centres of the fine bins, shape (rows, fine bins), Hz."""
        number = self.first_fine[rows, None] + np.arange(self.fine_bins)
        return fine_centre_hz(number, self.step_hz, self.merge)

    def column_of(self, frequency_hz: FloatArray, rows: slice | IntArray = slice(None)) -> IntArray:
        """Column of the fine bin that a frequency of each window is in, the nearest.

        Args:
            frequency_hz: Shape (rows,), Hz.
            rows: Which windows.

        Returns:
            Shape (rows,).
        """
        offset = frequency_hz - fine_centre_hz(self.first_fine[rows], self.step_hz, self.merge)
        return np.clip(np.rint(offset / self.fine_hz), 0, self.fine_bins - 1).astype(np.int64)

    def three_columns(
        self, cavity_hz: FloatArray, rows: slice | IntArray = slice(None)
    ) -> IntArray:
        """Fine bins at the lower end, at the cavity and at the upper end, shape (rows, 3).

        Args:
            cavity_hz: Of all spectra, shape (n,), Hz.
            rows: Which spectra.
        """
        cavity = self.column_of(cavity_hz[rows], rows)
        last = np.full_like(cavity, self.fine_bins - 1)
        return np.stack([np.zeros_like(cavity), cavity, last], axis=1)

    def merged(self, rows: slice | IntArray = slice(None)) -> FloatArray:
        """Mean power of each fine bin, shape (rows, fine bins); sums are formed in float64."""
        return self.merged_like(self.power[rows])

    def merged_like(self, values: NDArray[np.floating]) -> FloatArray:
        """Mean over each fine bin of values in digitizer bins, (rows, bins) to (rows, fine)."""
        parts = values.reshape(values.shape[0], self.fine_bins, self.merge)
        if self.merge > _MOST_ADDED_UP:
            return parts.sum(axis=2, dtype=np.float64) / self.merge
        # The same sums in the same order, six times faster than over so short an axis.
        total = parts[:, :, 0].astype(np.float64)
        for part in range(1, self.merge):
            total += parts[:, :, part]
        total /= self.merge
        return total


def fine_centre_hz(number: IntArray, step_hz: float, merge: int) -> FloatArray:
    """Centre of the fine bin of this global number, Hz."""
    return np.asarray(((number + 0.5) * merge - 0.5) * step_hz, dtype=np.float64)


def fine_edge_hz(number: IntArray, step_hz: float, merge: int) -> FloatArray:
    """Lower edge of the fine bin of this global number, Hz."""
    return np.asarray((number * float(merge) - 0.5) * step_hz, dtype=np.float64)


def select(spectra: Spectra, options: Options) -> Windows:
    """Cut ``options.window_hz`` around each target frequency, of spectra that hold power.

    Raises:
        ValueError: As ``windows_of``, or power that is not above zero; says which and why.
    """
    windows = windows_of(spectra, options)
    _demand_positive(windows.power, spectra.name)
    return windows


def windows_of(spectra: Spectra, options: Options) -> Windows:
    """Cut ``options.window_hz`` around each target frequency, whatever is in it.

    Raises:
        ValueError: A spectrum does not cover its window, its cavity lies outside of it, every bin
            is masked, or no window of this width holds a line; says which and why.
    """
    merge, step = options.fine_merge, spectra.step_hz
    width = _width(options, step)
    start = np.rint(spectra.frequency_start_hz / step).astype(np.int64)
    wanted = np.rint(spectra.target_frequency_hz / step).astype(np.int64) - width // 2
    first = _inside(-(-wanted // merge), start, spectra.power_w.shape[1], width, merge)
    offset = first * merge - start
    _demand_cover(spectra, offset, width)
    _demand_cavity(spectra, 0.5 * options.window_hz)
    power = Cut.of(spectra.power_w, offset, width)
    digitizer = offset + np.rint(spectra.first_bin).astype(np.int64)
    masked = None if spectra.masked is None else Cut.of(spectra.masked, offset, width)
    if masked is not None and all(masked[rows].all() for rows in blocks(len(masked))):
        raise ValueError("selection: every bin of every window is masked")
    target = spectra.target_frequency_hz
    return Windows(power, first, offset, digitizer, step, merge, target, masked)


def demand_window(options: Options, step_hz: float, bins: int) -> None:
    """Refuse a window that holds no line, or that spectra of so many bins of a width do not fill.

    Raises:
        ValueError: Says which, with window and spectrum.
    """
    width = _width(options, step_hz)
    if width > bins:
        raise ValueError(
            f"selection: the window of {options.window_hz:.6g} Hz needs {width} bins, a spectrum "
            f"has {bins} of {step_hz:.6g} Hz, {bins * step_hz:.6g} Hz"
        )


def _width(options: Options, step_hz: float) -> int:
    """Digitizer bins of a window, a multiple of the fine bin's; refuses one that holds no line."""
    merge = options.fine_merge
    width = round(options.window_hz / step_hz / merge) * merge
    _demand_room(width // merge, step_hz * merge, options)
    return width


def _demand_room(fine_bins: int, fine_hz: float, options: Options) -> None:
    """Refuse a window too narrow to hold a line wherever it begins, or to tell a baseline by."""
    line = (options.line_bins + 1) * options.coarse_merge
    if fine_bins < max(line, _FEWEST_BINS):
        raise ValueError(
            f"selection: the window of {options.window_hz:.6g} Hz holds {fine_bins} bins of "
            f"{fine_hz:.6g} Hz, needed {max(line, _FEWEST_BINS)} or more: a line of "
            f"{options.line_bins} x {options.coarse_merge} bins and one coarse bin, and at least "
            f"{_FEWEST_BINS}; take a wider window, narrower bins, or merge fewer"
        )


def _demand_positive(power: Cut[np.floating], name: Callable[[int], str]) -> None:
    for rows in blocks(len(power)):
        part = power[rows]
        lowest, highest = part.min(axis=1), part.max(axis=1)
        bad = np.flatnonzero(~((lowest > 0) & np.isfinite(highest)))
        if bad.size:
            row = int(bad[0])
            raise ValueError(
                f"selection: power of {name(rows.start + row)} runs from {lowest[row]} W to "
                f"{highest[row]} W inside its window, must be above 0 W and finite"
            )


def trim(spectra: Spectra, options: Options) -> Spectra:
    """The stack cut to its windows and two fine bins on each side, to hold a campaign in memory.

    The cut is at the same distance from the target in every spectrum, so that spectra stay aligned
    in the intermediate frequency.
    """
    step, bins = spectra.step_hz, spectra.power_w.shape[1]
    width = round(options.window_hz / step) + 4 * options.fine_merge
    target = np.rint((spectra.target_frequency_hz - spectra.frequency_start_hz) / step)
    first = np.clip(target.astype(np.int64) - width // 2, 0, max(bins - width, 0))
    width = min(width, bins)
    return spectra.with_checked(
        power_w=pieces(spectra.power_w, first, width),
        masked=None if spectra.masked is None else pieces(spectra.masked, first, width),
        frequency_start_hz=spectra.frequency_start_hz + first * step,
        first_bin=spectra.first_bin + first,
    )


def _inside(first: IntArray, start: IntArray, bins: int, width: int, merge: int) -> IntArray:
    """Move a window that overhangs by less than one fine bin, as rounding can cause."""
    lowest, highest = -(-start // merge), (start + bins - width) // merge
    moved = np.clip(first, lowest, np.maximum(lowest, highest))
    return np.where(np.abs(moved - first) <= 1, moved, first)


def _demand_cover(spectra: Spectra, offset: IntArray, width: int) -> None:
    bins = spectra.power_w.shape[1]
    bad = np.flatnonzero((offset < 0) | (offset + width > bins))
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"selection: {spectra.name(row)} ({bins} bins of {spectra.step_hz} Hz from "
            f"{spectra.frequency_start_hz[row]:.1f} Hz) does not cover the window of {width} bins "
            f"around its target {spectra.target_frequency_hz[row]:.1f} Hz"
        )


def _demand_cavity(spectra: Spectra, half_hz: float) -> None:
    target = spectra.target_frequency_hz
    demand_between(
        "cavity_frequency_hz", spectra.cavity_frequency_hz, target - half_hz, target + half_hz,
        spectra.name,
    )  # fmt: skip
