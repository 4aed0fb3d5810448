"""What a campaign asks of the analysis that goes with it, wherever that analysis runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final, Protocol

from haloscope.analysis.chain.selection import demand_window
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.vetoes.vetting import Verdicts
from haloscope.description import Description

__all__ = ["OF_ALL", "Analysing", "LiveAnalysis", "options_for"]

#: Baselines that need all spectra.
OF_ALL: Final = ("savgol", "auto")


def options_for(
    description: Description, frequency_hz: float | None = None, step_hz: float | None = None
) -> Options:
    """What the owners of an apparatus state, as far as it can be done while spectra arrive.

    Where they state a smoother, or a baseline chosen by what all spectra say, a polynomial over a
    quadratic takes its place until the whole is analysed.

    Args:
        description: Of the apparatus.
        frequency_hz: Of the axions searched for; the reference if not given.
        step_hz: Digitizer bin width of the spectra; that of the apparatus if not given, which is
            then held against the window.

    Raises:
        ValueError: The owners state what no analysis can do; names it.
    """
    stated, digitizer = Options.of(description, frequency_hz, step_hz), description.digitizer
    if step_hz is None:
        demand_window(stated, digitizer.bin_width_hz, digitizer.bins)
    return replace(stated, baseline="pade") if stated.baseline in OF_ALL else stated


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
