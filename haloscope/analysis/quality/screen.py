"""Before the first fit: rows that cannot be spectra of noise.

A row that is dead, constant, clipped or not finite spoils what it is fitted or averaged with, so it
is found without a fit. The scatter from bin to bin, which no smooth baseline has a part in, must be
that of the radiometer equation within a factor of two; the fit's residuals are held to it more
closely.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.distinct import bin_scatter
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.quality.verdicts import Fault
from haloscope.analysis.ranges import FloatArray

__all__ = ["Row", "screen"]

#: Bins at one highest (or lowest) value that are no chance, in counts of a digitizer either.
FEWEST_CLIPPED: Final = 8
ROUGHLY: Final = 2.0

#: A row's number, what is wrong with it, and the same in words.
Row = tuple[int, Fault, str]


def screen(
    power: NDArray[np.floating],
    masked: NDArray[np.bool_] | None,
    averages: FloatArray,
    demands: Demands,
) -> list[Row]:
    """What is wrong with rows of power that nobody fitted yet.

    Args:
        power: Power in the windows, shape (n, bins).
        masked: Bins left out, same shape; None for none.
        averages: Periodograms in each spectrum, shape (n,).
        demands: What is asked of them.

    Returns:
        Rows with what is wrong with them; each row once.
    """
    bad: dict[int, tuple[Fault, str]] = {}
    for found in (
        _masked(masked, demands),
        _impossible(power, masked),
        _clipped(power),
        _scatter(power, averages),
    ):
        for row, fault, words in found:
            bad.setdefault(row, (fault, words))
    return [(row, *bad[row]) for row in sorted(bad)]


def _masked(masked: NDArray[np.bool_] | None, demands: Demands) -> Iterator[Row]:
    share = np.zeros(0) if masked is None else masked.mean(axis=1)
    for row in np.flatnonzero(share > demands.most_masked).tolist():
        words = f"{share[row]:.0%} of its window is masked, at most {demands.most_masked:.0%}"
        yield row, Fault.MASKED, words


def _impossible(power: NDArray[np.floating], masked: NDArray[np.bool_] | None) -> Iterator[Row]:
    low, high = power.min(axis=1), power.max(axis=1)
    bins = power.shape[1]
    for row in np.flatnonzero(~((low > 0) & (high > low) & np.isfinite(high))).tolist():
        whole = np.ones(bins, dtype=bool) if masked is None else ~masked[row]
        values = power[row][whole]
        strange = int(np.sum(~np.isfinite(values)))
        if strange:
            yield row, Fault.NOT_FINITE, f"{strange} of {bins} bins are not finite"
        elif values.size and values.max() == values.min():
            yield row, Fault.CONSTANT, f"every bin is {values[0]:.6g} W"
        elif values.size and values.min() <= 0:
            count = int(np.sum(values <= 0))
            words = f"{count} of {bins} bins are not above 0 W, the lowest {values.min():.3g} W"
            yield row, Fault.NOT_POSITIVE, words


def _clipped(power: NDArray[np.floating]) -> Iterator[Row]:
    for edge, extreme in (("highest", power.max(axis=1)), ("lowest", power.min(axis=1))):
        count = (power == extreme[:, None]).sum(axis=1)
        for row in np.flatnonzero(count >= FEWEST_CLIPPED).tolist():
            rest = power[row][power[row] != extreme[row]]
            if not rest.size:
                continue
            beside = rest.max() if edge == "highest" else rest.min()
            # In a tail that thins out, fewer bins have the last value than the one before.
            if count[row] > 2 * np.sum(rest == beside):
                words = f"{count[row]} bins stand at the {edge} value, {extreme[row]:.6g} W"
                yield row, Fault.CLIPPED, words


def _scatter(power: NDArray[np.floating], averages: FloatArray) -> Iterator[Row]:
    ratio = bin_scatter(power) * np.sqrt(averages)
    for row in np.flatnonzero(~((ratio > 1 / ROUGHLY) & (ratio < ROUGHLY))).tolist():
        yield (
            row,
            Fault.RADIOMETER,
            f"its bins scatter {ratio[row]:.3g} times as much as the radiometer equation says for "
            f"{averages[row]:.6g} averages, needed {1 / ROUGHLY:g} to {ROUGHLY:g}",
        )
