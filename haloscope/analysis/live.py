"""What a campaign asks of the analysis that goes with it, wherever that analysis runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.vetoes.vetting import Verdicts

__all__ = ["Analysing", "LiveAnalysis"]


class LiveAnalysis(Protocol):
    """Takes documents one by one and answers of all of them, as ``online.Online`` does.

    What each method gives and raises is said there.
    """

    @property
    def options(self) -> Options:
        """Its settings."""

    @property
    def field_t(self) -> float | None:
        """Field of the search, T."""

    @property
    def field_off(self) -> Spectra | None:
        """Spectra of runs with the field off."""

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document."""

    def over(self, frequency_hz: Sequence[float]) -> Spectra | None:
        """Good spectra over these frequencies, Hz."""

    def vetted(
        self, candidates: Sequence[Candidate], *, field_off: Spectra | None = None
    ) -> Verdicts:
        """What the vetoes say of candidates."""

    def result(self, *, field_off: Spectra | None = None) -> Result:
        """The result of all documents so far."""


#: Makes an analysis from its options, in ``with``: at the end of that nothing is left of it.
Analysing = Callable[[Options], AbstractContextManager[LiveAnalysis]]
