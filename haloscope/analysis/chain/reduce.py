"""Steps 2 to 5 for a whole stack: baselines, spikes, excess and amplitudes.

``reduce_stack`` runs the passes of module ``passes``; the ``Reduction`` it returns gives the excess
of every spectrum chunk by chunk, as often as asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from haloscope.analysis.chain.baseline import Baseline
from haloscope.analysis.chain.combine import Accumulator, Reduced
from haloscope.analysis.chain.looking import fitted_and_looked, rounds, spikes_of, without
from haloscope.analysis.chain.passes import Job, Pass, begin, fitted, part_of
from haloscope.analysis.chain.rescale import amplitudes
from haloscope.analysis.chain.response import response, taken_up
from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.chain.spikes import Spike
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra


@dataclass(frozen=True)
class Reduction:
    """A stack whose baselines are fitted and whose spikes are cut.

    The excess of a spectrum is worked out whenever it is asked for, from the power that is read
    again, what was cut of it and how its fit ended: nothing of every bin is held.

    Attributes:
        job: Spectra, windows and settings.
        final: The last pass.
        spikes: Bins that started a cut.
    """

    job: Job
    final: Pass
    spikes: tuple[Spike, ...]

    @property
    def at_three(self) -> FloatArray:
        """Baselines at the lower end of the window, the cavity and the upper end, shape (n, 3)."""
        assert self.final.fits is not None
        return self.final.fits.at_three

    def baseline(self, rows: slice | IntArray = slice(None)) -> Baseline:
        """The baselines of some of the spectra, worked out once more."""
        return part_of(self.job, self.final, rows).baseline

    def sums(self) -> Accumulator:
        """All of the spectra added up."""
        total = Accumulator(self.job.windows.step_hz, self.job.options)
        for _, reduced, _ in self.chunks():
            total.add(reduced)
        return total

    def chunks(self) -> Iterator[tuple[slice, Reduced, Baseline]]:
        """Rows, reduced spectra and baselines, in order."""
        yield from self.job.chunks(self._reduced)

    def of(self, rows: IntArray) -> Reduced:
        """Some of the spectra."""
        return self._reduction_of(rows)[0]

    def _reduced(self, rows: slice) -> tuple[slice, Reduced, Baseline]:
        return rows, *self._reduction_of(rows)

    def _reduction_of(self, rows: slice | IntArray) -> tuple[Reduced, Baseline]:
        job = self.job
        known = part_of(job, self.final, rows)
        merged, kept, baseline = known.merged, known.kept, known.baseline
        part, windows = job.spectra.without_power(rows), job.windows
        averages = part.num_averages * windows.merge
        excess = merged / baseline.power - 1
        if kept is not None:
            excess[kept <= 0] = 0.0
        amplitude = amplitudes(part, windows, windows.frequency_hz(rows), baseline.power)
        taken = removed = None
        if baseline.shape is not None:
            # Bins that were cut carry neither weight nor signal, and the fit does not see them.
            seen = amplitude if kept is None else amplitude * kept
            taken = taken_up(baseline, windows, rows, averages, job.options, kept)
            removed = response(taken, windows, rows, seen, job.options)
        first = windows.first_fine[rows]
        reduced = Reduced(first, excess, amplitude, averages, kept, removed, taken)
        return reduced, baseline


def reduce_stack(
    spectra: Spectra, windows: Windows, options: Options, *, workers: int = 0
) -> Reduction:
    """Fit the baselines of a stack and cut its spikes.

    Args:
        spectra: The measured stack; its power is not looked at.
        windows: Its windows.
        options: Settings.
        workers: Threads; 0 for one per core, at most four.
    """
    job = Job(spectra, windows, options, workers)
    state = begin(job)
    spikes: tuple[Spike, ...] = ()
    for merge in rounds(job):
        state, found = fitted_and_looked(job, state, merge)
        state = without(job, state, found)
        spikes += spikes_of(job, found)
    return Reduction(job, fitted(job, state), spikes)


def coarse_range(windows: Windows, options: Options) -> tuple[int, int]:
    """Global coarse bins that windows touch, with a line width on each side."""
    merge, lines = options.coarse_merge, options.line_bins
    first = windows.first_fine
    return (
        int(first.min()) // merge - lines,
        (int(first.max()) + windows.fine_bins) // merge + lines + 2,
    )
