"""The analysis while the scan runs: grand spectrum and limit after every spectrum, or every few.

Each spectrum is reduced on its own and added to the sums of module ``combine``; only the grand bins
that it touches are computed again, so the cost of a step does not grow with the scan. The numbers
are those of the offline analysis bit by bit, with one exception that needs all spectra at once:
the spike cut on the aligned average. ``finish`` applies it by running the offline analysis over the
windows kept in memory (120 MB for the letter's scan).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from haloscope.analysis.budget.contributions import Contributions, contributions
from haloscope.analysis.budget.running import RunningBudget
from haloscope.analysis.calibration import combined
from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.selection import windows_of
from haloscope.analysis.chain.spikes import Spike
from haloscope.analysis.exchange.documents import DocumentReader
from haloscope.analysis.exchange.events import Event
from haloscope.analysis.kept import Kept
from haloscope.analysis.live import OF_ALL
from haloscope.analysis.lots import Lot
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import (
    Result,
    analyze,
    demand_belief,
    model_judged,
    summarise,
    with_vetoes,
)
from haloscope.analysis.quality.assess import assess, demand_some, screened
from haloscope.analysis.quality.residuals import ResidualSums
from haloscope.analysis.quality.steady import Steady
from haloscope.analysis.quality.verdicts import Fault, Finding, Quality, QualityError
from haloscope.analysis.seen import Seen
from haloscope.analysis.spectra import Calibration, Spectra, referred_to
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.touched import touched
from haloscope.analysis.update import OnlineUpdate
from haloscope.analysis.vetoes.vetting import Verdicts, vetted_near

log = logging.getLogger("haloscope.online")

Publish = Callable[[OnlineUpdate], None]


class Online:
    """Accumulates spectra as they arrive; a bluesky callback too.

    Args:
        options: Settings; the aligned average of the spike filter is left to ``finish``.
        publish: Called with every update, to put it on screens.
        keep: Keep the windows for ``finish``.
        together: Spectra of documents that are taken at once where they follow each other, at most
            64. They wait until there are as many, until anything is asked, or for ``settle``. Each
            is judged as though it had come alone, and all numbers are the same to the bit;
            ``publish`` is told once of all of them.

    Raises:
        ValueError: The baseline is a smoother, whose efficiency needs overlapping spectra, or to be
            chosen by what all spectra say.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        publish: Publish | None = None,
        keep: bool = True,
        together: int = 1,
    ) -> None:
        self.options = options or Options()
        if self.options.baseline in OF_ALL:
            raise ValueError(f"online: needs a fitted baseline, not {self.options.baseline!r}")
        self._single = replace(self.options, filter_average=False)
        self._told: list[Publish] = [] if publish is None else [publish]
        self._keep = keep
        self._kept = Kept(self.options)
        self._sums: Accumulator | None = None
        self._residuals = ResidualSums()
        self._spikes: list[Spike] = []
        self._calibration: Calibration | None = None
        self._joined: Calibration | None = None
        self._reader = DocumentReader(self.options)
        self._off_reader = DocumentReader(self.options, field_off=True)
        self._off: list[Event] = []
        self._seen = Seen()
        self._steady = Steady()
        self._rows: list[Contributions] = []
        self._budget: RunningBudget | None = None
        self._verdicts: list[Quality] = []
        self._count = 0
        self._not_kept: list[Quality] = []
        self._lot = Lot(together)

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document of a scan: ``RE.subscribe(online)``.

        A record that cannot be used is told in the log and counted as cut: it never ends a scan.
        Runs with the field off are kept apart (``field_off``).
        """
        if not self._lot.goes_on_with(name, document):
            self.settle()
        try:
            self._off += self._off_reader.read(name, document) if self._keep else []
            events = self._reader.read(name, document)
        except ValueError as error:
            self.settle()
            self._refuse(f"event {document.get('seq_num')}", Fault.UNUSABLE, str(error))
            return
        for event in events:
            if not self._lot.holds(event, self.options.window_hz):
                self.settle()
            self._lot.add(event, document)
            if self._lot.full:
                self.settle()

    def settle(self) -> None:
        """Take the spectra that wait to be taken together."""
        events = self._lot.taken()
        if len(events) > 1 and self.options.demands.bad_spectra != "refuse":
            try:
                stacked = self._referred(self._reader.stack(events))
            except ValueError:  # of one of them: below it is told of which
                pass
            else:
                self._take_in_turn(stacked)
                return
        for event in events:
            try:
                self._take(self._reader.stack([event]), wanted=bool(self._told))
            except ValueError as error:
                self._refuse(event.label, Fault.UNUSABLE, str(error))

    @property
    def field_t(self) -> float | None:
        """Field of the search, the median of the spectra kept, T; None before the first."""
        self.settle()
        return self._kept.field_t

    @property
    def field_off(self) -> Spectra | None:
        """Spectra of runs with the field off; None if there were none.

        Raises:
            ValueError: They are no stack.
        """
        if not self._off:
            return None
        return self._off_reader.stack(self._off)

    def tell(self, publish: Publish) -> None:
        """Call ``publish`` with every update from now on, besides who is told already."""
        self.settle()  # what came before is not news to it
        self._told.append(publish)

    def add(self, spectra: Spectra) -> OnlineUpdate:
        """Add spectra, usually one; those that fail are counted, and told in the update.

        Raises:
            ValueError: Spectra that do not cover their window, of another bin width than those
                before, or another calibration's.
        """
        self.settle()
        return self._take(spectra, wanted=True)

    def _take(self, spectra: Spectra, *, wanted: bool) -> OnlineUpdate:
        """As ``add``; where no update is ``wanted``, as nobody listens, its bins are left alone."""
        fresh, repeated = self._new(self._referred(spectra))
        update = repeated if fresh is None else self._add(fresh, wanted)
        self._tell(update)
        return update

    def _tell(self, update: OnlineUpdate) -> None:
        for found in update.findings:
            log.warning("not used: %s", found)
        for publish in self._told:
            publish(update)

    def _take_in_turn(self, spectra: Spectra) -> None:
        """Take several, of the calibration of all, as though each had come alone."""
        wanted, before = bool(self._told), self._count
        said = [self._again(spectra, row) for row in range(len(spectra))]
        if not any(said):
            try:
                self._tell(self._add(spectra, wanted, in_turn=True))
                return
            except ValueError as error:
                if self._count > before:  # they are in the sums
                    self._refuse(spectra.labels[-1], Fault.UNUSABLE, str(error))
                    return
        for row, words in enumerate(said):
            label = spectra.labels[row]
            try:
                self._tell(
                    self._refuse(label, Fault.DUPLICATE, words)
                    if words
                    else self._add(spectra.subset(np.array([row])), wanted)
                )
            except ValueError as error:
                self._refuse(label, Fault.UNUSABLE, str(error))

    def _referred(self, spectra: Spectra) -> Spectra:
        """Spectra referred to the calibration of all; those that cannot enter are refused."""
        windows_of(spectra, self._single)
        if self._sums is not None:
            self._sums.demand_bins(spectra.step_hz)
        calibration = self._with(spectra.calibration)
        referred = referred_to(spectra, calibration)
        self._calibration, self._joined = calibration, spectra.calibration
        return referred

    def _with(self, own: Calibration) -> Calibration:
        """The calibration of all spectra, with one more."""
        if self._calibration is None:
            return combined([own])
        if own == self._joined:  # it brings nothing more
            return self._calibration
        # What is in the sums already refers to its loss.
        loss_db = self._calibration.line_attenuation_db
        return replace(combined([self._calibration, own]), line_attenuation_db=loss_db)

    def _new(self, spectra: Spectra) -> tuple[Spectra | None, OnlineUpdate]:
        """Those that did not come before, and what is said if none is left."""
        fresh, update = [], self._nothing("", ())
        for row in range(len(spectra)):
            words = self._again(spectra, row)
            if words:
                label = spectra.labels[row] if spectra.labels else ""
                update = self._refuse(label or str(row), Fault.DUPLICATE, words)
            else:
                fresh.append(row)
        if len(fresh) == len(spectra):
            return spectra, update
        return (spectra.subset(np.array(fresh)) if fresh else None), update

    def _again(self, spectra: Spectra, row: int) -> str:
        """Which spectrum came before that this one is, in words; "" for none."""
        label = spectra.labels[row] if spectra.labels else ""
        return self._seen.again(spectra.power_w[row], float(spectra.num_averages[row]), label)

    def _refuse(self, label: str, fault: Fault, words: str) -> OnlineUpdate:
        found = Finding(self._count, f"spectrum {self._count} ({label})", fault, words)
        alone = Quality((label,), np.zeros(1, dtype=bool), (found.shifted(-found.spectrum),))
        self._judged(alone)
        self._not_kept.append(alone)
        if fault is Fault.UNUSABLE:
            log.warning("not used: %s", found)
        return self._nothing(label, (found,))

    def _judged(self, quality: Quality) -> None:
        """Keep the verdicts on more spectra."""
        self._verdicts.append(quality)
        self._count += quality.spectra

    def _nothing(self, label: str, findings: tuple[Finding, ...]) -> OnlineUpdate:
        count = 0 if self._sums is None else self._sums.spectra
        return OnlineUpdate(count, label, None, None, [], (), findings)

    def _add(self, spectra: Spectra, wanted: bool, *, in_turn: bool = False) -> OnlineUpdate:
        if self._sums is None:
            self._sums = Accumulator(spectra.step_hz, self._single)
            self._budget = RunningBudget(spectra.step_hz, self._single)
        before = self._count
        label = spectra.labels[-1] if spectra.labels else str(before + len(spectra) - 1)
        try:
            part = screened(spectra, self._single)
            judged = assess(
                part, self._single, self._sums, self._residuals, before=self._steady,
                in_turn=in_turn,
            )  # fmt: skip
        except QualityError as error:
            failed = error.quality or Quality.none()
            if self._keep:
                self._kept.add(spectra, np.zeros(len(spectra), dtype=bool))
            self._judged(failed)
            return self._nothing(label, tuple(f.shifted(before) for f in failed.findings))
        if self._keep:
            self._kept.add(spectra, judged.quality.used)
        self._judged(judged.quality)
        self._steady.add(judged.steady)
        new = contributions(part.spectra.subset(judged.rows), judged.noise_k, self._single)
        assert self._budget is not None
        self._rows.append(new)
        self._budget.add(new)
        found = judged.spikes
        if in_turn:  # those that come alone are told of spectrum by spectrum, and where one is used
            used = judged.quality.used
            found = tuple(s for s in sorted(found, key=lambda s: s.spectrum) if used[s.spectrum])
        spikes = tuple(replace(spike, spectrum=spike.spectrum + before) for spike in found)
        self._spikes += spikes
        findings = tuple(one.shifted(before) for one in judged.quality.findings)
        told = self._nothing(label, findings)
        if not wanted:
            return told
        assert self._calibration is not None
        told = replace(told, spikes=found)
        return touched(
            told, self._sums, self._budget, self._calibration, part.windows, self._single
        )

    def over(self, frequency_hz: Sequence[float]) -> Spectra | None:
        """Good spectra whose windows hold any of these frequencies; None if none was kept."""
        self.settle()
        return self._kept.over(frequency_hz)

    def result(self, *, field_off: Spectra | None = None) -> Result:
        """The result of everything added so far.

        If windows were kept, candidates go through the vetoes, and the baseline's model through
        the tests by spectra where it is in doubt or a loud line could hide that it should be.

        Args:
            field_off: Spectra over candidates at another field, for the veto that asks for them;
                those of the documents taken if not given.

        Raises:
            ValueError: Nothing was added yet.
            QualityError: No spectrum could be used; or one fails or the result is not to be
                believed, and the options refuse such.
        """
        self.settle()
        quality = Quality.together(self._verdicts)
        if quality.spectra:
            demand_some(quality, self.options.demands)
        if self._sums is None or self._calibration is None:
            raise ValueError("online: no spectrum yet")
        checks = self._residuals.finish()
        rows = Contributions.together(self._rows) if self._rows else None
        result = summarise(self._sums, self._calibration, self._spikes, checks, quality, rows=rows)
        result = self._vetted(result, field_off)
        if self._kept and result.needs_spectra:
            result = model_judged(self._kept.together(), self._kept.used, result)
        demand_belief(result)
        return result

    def _vetted(self, result: Result, field_off: Spectra | None) -> Result:
        """The result with its candidates through the vetoes; as it is if that cannot be done."""
        said = self.vetted(result.candidates, field_off=field_off)
        return with_vetoes(result, said) if said else result

    def vetted(
        self, candidates: Sequence[Candidate], *, field_off: Spectra | None = None
    ) -> Verdicts:
        """What the vetoes say of candidates; nothing where no spectra are kept to ask.

        Args:
            candidates: Of a result of these spectra.
            field_off: As for ``result``; without it if they cannot be used.
        """
        held = self.over([c.frequency_hz for c in candidates]) if candidates else None
        if held is None:
            return ()
        try:
            off = self.field_off if field_off is None else field_off
            return vetted_near(candidates, held, self._single, field_off=off)
        except ValueError as error:
            log.warning("no veto by the field of %d candidates: %s", len(candidates), error)
        return vetted_near(candidates, held, self._single)

    def finish(self, *, field_off: Spectra | None = None) -> Result:
        """The offline analysis of everything added, with the aligned average of the spike filter.

        Args:
            field_off: As for ``result``; those of the documents are left out if they cannot be
                used.

        Raises:
            ValueError: Nothing was added, or the windows were not kept.
            QualityError: As ``result``.
        """
        self.settle()
        if not self._kept:
            raise ValueError("online: no windows kept to finish with")
        kept = self._kept.together()
        if field_off is not None or not self._off:
            result = analyze(kept, self.options, field_off=field_off)
        else:
            result = self._finished(kept)
        return replace(result, quality=Quality.together([result.quality, *self._not_kept]))

    def _finished(self, kept: Spectra) -> Result:
        """With what the documents hold of spectra with the field off, which stop nobody."""
        try:
            return analyze(kept, self.options, field_off=self.field_off)
        except ValueError as error:
            result = analyze(kept, self.options)
            log.warning("no veto by the field: %s", error)
            return result
