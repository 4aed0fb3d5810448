"""Spikes looked for in a fitted pass, and taken out of it.

A look goes through the blocks of a stack once: it fits what is stale, and while the residuals of a
block are at hand it finds the spikes of single spectra and adds what is left to the aligned average
of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.passes import (
    FittedBlock,
    Job,
    Part,
    Pass,
    cut,
    fit_block,
    with_fits,
)
from haloscope.analysis.chain.selection import fine_centre_hz
from haloscope.analysis.chain.spikes import (
    AlignedAverage,
    FoundBins,
    Spike,
    find_average,
    find_single,
    grow,
    grow_rows,
    joined,
)
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray

__all__ = ["FoundSpikes", "fitted_and_looked", "rounds", "spikes_of", "without"]

#: The aligned average needs spectra at different frequencies, else it would see an axion.
_FEWEST_PLACES: Final = 5
#: Median residual, in standard deviations: noise has 0.67.
_SPREAD: Final = 1.0


@dataclass(frozen=True)
class FoundSpikes:
    """What one look has found.

    Attributes:
        merge: Digitizer bins per bin looked at.
        single: Bins of single spectra.
        average: Bins of the aligned average; empty where there is none.
        aligned: The aligned average.
    """

    merge: int
    single: FoundBins
    average: FoundBins
    aligned: AlignedAverage


@dataclass(frozen=True)
class _Found:
    """What a look has found in a block.

    Attributes:
        single: Bins of single spectra.
        excess: What the aligned average is made of, without them, shape (n, bins); None for none.
        kept: Fraction left of each fine bin, shape (n, m); None where nothing was cut.
    """

    single: FoundBins
    excess: NDArray[np.floating] | None
    kept: FloatArray | None


def rounds(job: Job) -> list[int]:
    """Digitizer bins per bin, for each look of the spike filter."""
    return sorted({1, job.windows.merge}) if job.options.filter_spikes else []


def fitted_and_looked(job: Job, state: Pass, merge: int) -> tuple[Pass, FoundSpikes]:
    """Fit what is stale (as ``passes.fitted``) and look for spikes, block by block.

    Args:
        job: What does not change.
        state: The pass to fit.
        merge: Digitizer bins per bin looked at: 1, or the fine bin's.

    Returns:
        The pass fitted, nothing more cut yet, and what was found in it.
    """
    aligned = AlignedAverage(job.windows, merge)

    def work(rows: slice) -> tuple[slice, FittedBlock, _Found]:
        fits, part = fit_block(job, state, rows, wanted=True)
        assert part is not None
        return rows, FittedBlock.of(job, fits, part), _look(job, part, rows, merge)

    every: list[FittedBlock] = []
    found: list[FoundBins] = []
    for rows, of_block, here in job.chunks(work):
        every.append(of_block)
        found.append(here.single.shifted(rows.start))
        if here.excess is not None:
            aligned.add(rows, here.excess, here.kept if merge > 1 else None)
    average = FoundBins.none()
    if job.options.filter_average and aligned.places() >= _FEWEST_PLACES:
        average = find_average(
            aligned.mean(), job.options,
            surroundings=job.surroundings(merge), others=aligned.mean_of_others(),
        )  # fmt: skip
    return with_fits(state, every), FoundSpikes(merge, joined(found), average, aligned)


def _look(job: Job, part: Part, rows: slice, merge: int) -> _Found:
    """Look for spikes in the spectra of a block."""
    excess, sigma = _excess(job, part, rows, merge), _sigma(job, part, rows, merge)
    single = find_single(excess, sigma, job.options, surroundings=job.surroundings(merge))
    if not job.options.filter_average:
        return _Found(single, None, None)
    excess = _limited(excess, single, sigma, job.options)
    excess[_not_described(job, part, rows)] = 0.0
    return _Found(single, excess, part.kept)


def _not_described(job: Job, part: Part, rows: slice) -> NDArray[np.bool_]:
    """Spectra whose baseline is no fit at all: they have no say in what is cut in the others."""
    residual = part.merged / part.baseline.power - 1
    limit = _SPREAD * job.spectra.num_averages[rows] ** -0.5 / np.sqrt(job.windows.merge)
    return np.asarray(~(np.median(np.abs(residual), axis=1) < limit))


def _excess(job: Job, part: Part, rows: slice, merge: int) -> NDArray[np.floating]:
    """y/b - 1; in digitizer bins with the baseline constant over a fine bin (error 3e-4)."""
    baseline = part.baseline.power
    if merge > 1:
        fine: FloatArray = part.merged / baseline - 1
        if part.kept is not None:
            fine[part.kept <= 0] = 0.0
        return fine
    power = job.windows.power[rows]
    inverse = (1 / baseline).astype(power.dtype)
    blocks = power.reshape(power.shape[0], -1, job.windows.merge) * inverse[:, :, None]
    blocks -= 1
    return blocks.reshape(power.shape)


def _sigma(job: Job, part: Part, rows: slice, merge: int) -> FloatArray:
    """Standard deviation of the excess: (n, 1), or (n, m) where bins are partly cut."""
    sigma = 1 / np.sqrt(job.spectra.num_averages[rows] * merge)[:, None]
    kept = part.kept if merge > 1 else None
    return sigma if kept is None else sigma / np.sqrt(np.where(kept > 0, kept, 1.0))


def _limited(
    excess: NDArray[np.floating], found: FoundBins, sigma: FloatArray, options: Options
) -> NDArray[np.floating]:
    """Bring spikes down to the threshold: one spectrum's spike must not cut the bin in all."""
    of_bin = np.broadcast_to(sigma, excess.shape)[found.rows, found.columns]
    excess[found.rows, found.columns] = options.spike_threshold_sigma * of_bin
    return excess


def without(job: Job, state: Pass, found: FoundSpikes) -> Pass:
    """The pass without the bins that were found and their neighbours."""
    if not found.single.rows.size and not found.average.columns.size:
        return state
    neighbours = job.options.spike_neighbours
    bins = job.windows.power.shape[1] // found.merge
    rows, columns = grow_rows(found.single, neighbours, bins)
    if found.average.columns.size:
        more = found.aligned.rows_of(
            grow(found.average.columns, neighbours, found.aligned.bins), bins
        )
        rows, columns = np.append(rows, more[0]), np.append(columns, more[1])
    return cut(job, state, rows, columns, found.merge)


def spikes_of(job: Job, found: FoundSpikes) -> tuple[Spike, ...]:
    """What was found, with frequencies."""
    step, fine = job.windows.step_hz, job.windows.merge
    first = job.windows.first_fine[found.single.rows] * (fine // found.merge)
    frequency = fine_centre_hz(first + found.single.columns, step, found.merge)
    single = zip(found.single.rows, frequency, found.single.significance, strict=True)
    place = fine_centre_hz(found.aligned.first + found.average.columns, step, found.merge)
    average = zip(place, found.average.significance, strict=True)
    width = step * found.merge
    return (
        *(Spike(int(row), float(f), float(s), width) for row, f, s in single),
        *(Spike(-1, float(f), float(s), width) for f, s in average),
    )
