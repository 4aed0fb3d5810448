"""The analysis while the scan runs: grand spectrum and limit after every spectrum.

Each spectrum is reduced on its own and added to the sums of module ``combine``; only the grand bins
that it touches are computed again, so the cost of a step does not grow with the scan. The numbers
are those of the offline analysis to rounding, with one exception that needs all spectra at once:
the spike cut on the aligned average. ``finish`` applies it by running the offline analysis over the
windows kept in memory (120 MB for the letter's scan).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.grand import Grand, grand_spectrum
from haloscope.analysis.chain.reduce import coarse_range, reduce_stack
from haloscope.analysis.chain.selection import Windows, select, trim
from haloscope.analysis.chain.spikes import Spike
from haloscope.analysis.exchange.documents import DocumentReader, stack
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze, summarise
from haloscope.analysis.report.checks import ResidualSums
from haloscope.analysis.spectra import Calibration, Spectra, concatenate
from haloscope.analysis.statistics.candidates import Candidate, find_candidates
from haloscope.analysis.statistics.limits import Limit, limit


@dataclass(frozen=True)
class OnlineUpdate:
    """What one spectrum changed.

    Attributes:
        spectra: Spectra added so far.
        label: The spectrum.
        grand: The grand bins it touched, as they stand now; None while no line width is covered.
        limit: Their limits.
        candidates: Candidates among them.
        spikes: What was cut from this spectrum.
    """

    spectra: int
    label: str
    grand: Grand | None
    limit: Limit | None
    candidates: list[Candidate]
    spikes: tuple[Spike, ...]


Publish = Callable[[OnlineUpdate], None]


class Online:
    """Accumulates spectra as they arrive; a bluesky callback too.

    Args:
        options: Settings; the aligned average of the spike filter is left to ``finish``.
        publish: Called with every update, to put it on screens.
        keep: Keep the windows for ``finish``.

    Raises:
        ValueError: The baseline is a smoother, whose efficiency needs overlapping spectra.
    """

    def __init__(
        self, options: Options | None = None, *, publish: Publish | None = None, keep: bool = True
    ) -> None:
        self.options = options or Options()
        if self.options.baseline == "savgol":
            raise ValueError("online: needs a fitted baseline, not 'savgol'")
        self._single = replace(self.options, filter_average=False)
        self._publish = publish
        self._keep = keep
        self._kept: list[Spectra] = []
        self._sums: Accumulator | None = None
        self._residuals = ResidualSums()
        self._spikes: list[Spike] = []
        self._calibration: Calibration | None = None
        self._reader = DocumentReader(self.options)

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document of a scan: ``RE.subscribe(online)``."""
        for event in self._reader.read(name, document):
            reader = self._reader
            self.add(stack([event], reader.calibration(), reader.apparatus()))

    def add(self, spectra: Spectra) -> OnlineUpdate:
        """Add spectra, usually one."""
        windows = select(spectra, self._single)
        reduction = reduce_stack(spectra, windows, self._single)
        if self._sums is None:
            self._sums = Accumulator(spectra.step_hz, self._single)
        known = self._calibration or spectra.calibration
        self._calibration = known.assuming(*spectra.calibration.assumed)
        for rows, reduced, baseline in reduction.chunks():
            self._sums.add(reduced)
            self._residuals.add(spectra.subset(rows), windows, rows, reduced, baseline)
        self._remember(spectra, reduction.spikes)
        update = self._update(spectra, windows, reduction.spikes)
        if self._publish is not None:
            self._publish(update)
        return update

    def _remember(self, spectra: Spectra, spikes: Sequence[Spike]) -> None:
        assert self._sums is not None
        before = self._sums.spectra - len(spectra)
        self._spikes += [replace(spike, spectrum=spike.spectrum + before) for spike in spikes]
        if self._keep:
            self._kept.append(trim(spectra, self.options))

    def _update(
        self, spectra: Spectra, windows: Windows, spikes: tuple[Spike, ...]
    ) -> OnlineUpdate:
        assert self._sums is not None
        label = spectra.labels[-1] if spectra.labels else str(self._sums.spectra - 1)
        low, high = coarse_range(windows, self._single)
        try:
            grand = grand_spectrum(self._sums, first=low, last=high)
        except ValueError:
            return OnlineUpdate(self._sums.spectra, label, None, None, [], spikes)
        assert self._calibration is not None
        bound = limit(grand, self._calibration, self._sums.step_hz, self._single)
        found = find_candidates(grand, bound.expected_snr, self._sums.step_hz, self._single)
        return OnlineUpdate(self._sums.spectra, label, grand, bound, found, spikes)

    def result(self) -> Result:
        """The result of everything added so far.

        Raises:
            ValueError: Nothing was added yet.
        """
        if self._sums is None or self._calibration is None:
            raise ValueError("online: no spectrum yet")
        checks = self._residuals.finish()
        return summarise(self._sums, self._calibration, self._spikes, checks)

    def finish(self) -> Result:
        """The offline analysis of everything added, with the aligned average of the spike filter.

        Raises:
            ValueError: Nothing was added, or the windows were not kept.
        """
        if not self._kept:
            raise ValueError("online: no windows kept to finish with")
        return analyze(concatenate(self._kept), self.options)


def highest(update: OnlineUpdate) -> tuple[float, float]:
    """Frequency (Hz) and normalised excess of the highest grand bin of an update; NaN if none."""
    if update.grand is None:
        return float("nan"), float("nan")
    top = int(np.argmax(update.grand.normalised))
    return float(update.grand.frequency_hz[top]), float(update.grand.normalised[top])
