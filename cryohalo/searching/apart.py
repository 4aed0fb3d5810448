"""The online analysis in a process of its own, so that no step of a scan waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from cryohalo.catalog import CatalogError
from cryohalo.searching.pipe import LostError, Worker
from cryohalo.searching.worker import Begin
from haloscope.analysis.exchange.pieces import lightened
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.vetoes.vetting import Verdicts
from instruments.printable import escaped

__all__ = ["AnalysisApart"]

log = logging.getLogger("cryohalo.searching")

Documents = Iterable[tuple[str, Mapping[str, Any]]]


class AnalysisApart:
    """A ``haloscope.analysis.live.LiveAnalysis``: the same numbers as ``Online``, elsewhere.

    Documents are sent on in their order, of a spectrum its window alone, and what is asked is
    answered after all of them. Where the process ends by itself, a line of the log says so and the
    scan goes on; when something is asked, the same documents are taken from the catalog and
    analysed here. Use it from one thread, and close it, or use it in ``with``.

    Args:
        options: Settings.
        recorded: The documents of a run by its uid, all that there are so far.
        catalog: Whose page is told how the search stands.

    Raises:
        ValueError: As ``Online``.
    """

    def __init__(
        self, options: Options, recorded: Callable[[str], Documents], catalog: Path
    ) -> None:
        self.options = options
        self._here = Online(options)
        self._recorded = recorded
        self._runs: list[str] = []
        self._told_lost = self._is_here = False
        self.worker = Worker(Begin(options, catalog))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document; waits only where the analysis is far behind."""
        if self._is_here:
            self._here(name, document)
            return
        if name == "start":
            self._runs.append(document["uid"])
        if self._told_lost:
            return
        try:
            self.worker.give(("document", name, lightened(name, document, self.options)))
        except LostError as error:
            self._tell_lost(error)

    @property
    def field_t(self) -> float | None:
        """As ``Online.field_t``."""
        found: float | None = self._asked("field_t")
        return found

    @property
    def field_off(self) -> Spectra | None:
        """As ``Online.field_off``."""
        found: Spectra | None = self._asked("field_off")
        return found

    def over(self, frequency_hz: Sequence[float]) -> Spectra | None:
        """As ``Online.over``."""
        found: Spectra | None = self._asked("over", list(frequency_hz))
        return found

    def vetted(
        self, candidates: Sequence[Candidate], *, field_off: Spectra | None = None
    ) -> Verdicts:
        """As ``Online.vetted``."""
        found: Verdicts = self._asked("vetted", list(candidates), field_off=field_off)
        return found

    def result(self, *, field_off: Spectra | None = None) -> Result:
        """As ``Online.result``."""
        found: Result = self._asked("result", field_off=field_off)
        return found

    def close(self) -> None:
        """End the process, once it has taken what waits."""
        self.worker.close()

    def _asked(self, what: str, *given: Any, **more: Any) -> Any:
        if not self._is_here:
            try:
                return self.worker.ask(what, *given, **more)
            except LostError as error:
                self._tell_lost(error)
                self._go_on_here()
        found = getattr(self._here, what)
        return found(*given, **more) if callable(found) else found

    def _tell_lost(self, error: LostError) -> None:
        if not self._told_lost:
            self._told_lost = True
            log.error(
                "the process of the online analysis is lost (%s): the scan goes on, and its "
                "spectra are analysed from the catalog when they are asked for",
                escaped(error),
            )

    def _go_on_here(self) -> None:
        """Analyse in this process from now on, what has been so far from what is recorded."""
        self._is_here = True
        for uid in self._runs:
            try:
                for name, document in self._recorded(uid):
                    self._here(name, document)
            except (CatalogError, OSError, ValueError) as error:  # the scan is not to end of it
                log.error("run %s is left out of the analysis: %s", escaped(uid), escaped(error))
