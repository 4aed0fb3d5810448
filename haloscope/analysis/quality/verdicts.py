"""Verdicts: what is wrong with which spectrum, in words and numbers, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.quality.demands import Demands

__all__ = ["Check", "Fault", "Finding", "Quality", "QualityError", "used_of"]


class Fault(StrEnum):
    """What may be wrong with a spectrum."""

    UNUSABLE = "unusable record"
    DUPLICATE = "same data twice"
    MASKED = "masked"
    NOT_FINITE = "not finite"
    NOT_POSITIVE = "not positive"
    CONSTANT = "constant"
    CLIPPED = "clipped"
    RADIOMETER = "radiometer ratio"
    NOT_CONVERGED = "fit not converged"
    CHI2 = "chi-square"
    MISFIT = "misfit on the scale of the line"
    BELOW_QUANTUM = "noise below the quantum limit"
    HOT = "noise too high"
    NOISE_DRIFT = "noise temperature drift"
    LEVEL = "power level"
    Q_DRIFT = "Q drift"
    BETA_DRIFT = "beta drift"
    GAIN_DRIFT = "gain drift"


class QualityError(ValueError):
    """Spectra or a result that may not be used; says which and why.

    Attributes:
        quality: The verdicts, where spectra were judged.
    """

    def __init__(self, message: str, quality: Quality | None = None) -> None:
        super().__init__(message)
        self.quality = quality


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one spectrum.

    Attributes:
        spectrum: Its number in the stack that was given.
        name: What to call it: number and label.
        fault: What is wrong.
        words: The same with numbers.
    """

    spectrum: int
    name: str
    fault: Fault
    words: str

    def __str__(self) -> str:
        return f"{self.name}: {self.words}"

    def shifted(self, by: int) -> Finding:
        """The same of a spectrum that is counted from ``by``."""
        number = self.spectrum + by
        name = self.name.replace(f"spectrum {self.spectrum}", f"spectrum {number}", 1)
        return Finding(number, name, self.fault, self.words)


@dataclass(frozen=True)
class Check:
    """One test of the whole analysis.

    Attributes:
        name: What is tested.
        found: The number.
        expected: What it should be.
        passed: Whether it is.
        decisive: A result that fails this test is not to be believed.
    """

    name: str
    found: str
    expected: str
    passed: bool
    decisive: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "passed", bool(self.passed))  # numpy's own is no JSON

    def __str__(self) -> str:
        return f"{self.name}: {self.found}, expected {self.expected}"


@dataclass(frozen=True)
class Quality:
    """The verdicts on a stack.

    Attributes:
        labels: Names of the spectra given, shape (n,).
        used: Which of them are in the sums, shape (n,).
        findings: What was found, in order of spectra.
    """

    labels: tuple[str, ...]
    used: NDArray[np.bool_]
    findings: tuple[Finding, ...]

    @property
    def spectra(self) -> int:
        """Number of spectra given."""
        return len(self.used)

    @property
    def cut(self) -> int:
        """Number of spectra left out."""
        return int(np.sum(~self.used))

    @property
    def counts(self) -> dict[str, int]:
        """Number of spectra with each fault, most frequent first."""
        pairs = {(finding.spectrum, finding.fault.value) for finding in self.findings}
        return dict(Counter(fault for _, fault in sorted(pairs)).most_common())

    @property
    def reasons(self) -> str:
        """The counts in words; "nothing" for a stack without fault."""
        return ", ".join(f"{count} {fault}" for fault, count in self.counts.items()) or "nothing"

    @classmethod
    def together(cls, parts: Sequence[Quality]) -> Quality:
        """The verdicts on several stacks, each counted after those before it."""
        if len(parts) == 1:
            return parts[0]
        before = np.cumsum([0, *(part.spectra for part in parts)]).tolist()
        return cls(
            tuple(label for part in parts for label in part.labels),
            np.concatenate([np.zeros(0, dtype=bool), *(part.used for part in parts)]),
            tuple(
                found.shifted(first)
                for part, first in zip(parts, before, strict=False)
                for found in part.findings
            ),
        )

    @classmethod
    def none(cls) -> Quality:
        """No spectra."""
        return cls((), np.zeros(0, dtype=bool), ())

    def sentence(self) -> str:
        """The verdict in one line."""
        told = "" if not self.findings else f" ({self.reasons})"
        if self.cut:
            return f"{self.cut} of {self.spectra} spectra cut{told}"
        kept = len({finding.spectrum for finding in self.findings})
        return f"all {self.spectra} spectra used" + (f", {kept} with faults{told}" if kept else "")

    def recorded(self) -> dict[str, Any]:
        """As files carry it: plain values."""
        return {
            "spectra": self.spectra,
            "cut": self.cut,
            "counts": self.counts,
            "findings": [
                {
                    "spectrum": finding.spectrum,
                    "name": finding.name,
                    "fault": finding.fault.value,
                    "words": finding.words,
                    "used": bool(self.used[finding.spectrum]),
                }
                for finding in self.findings
            ],
        }


def used_of(
    labels: Sequence[str], findings: Iterable[Finding], demands: Demands
) -> NDArray[np.bool_]:
    """Which spectra are used: those without a finding, and those that are kept all the same.

    Args:
        labels: Of the spectra, shape (n,).
        findings: What was found.
        demands: What becomes of them.

    Returns:
        Shape (n,).
    """
    used = np.ones(len(labels), dtype=bool)
    if demands.bad_spectra == "keep":
        return used
    for finding in findings:
        used[finding.spectrum] = labels[finding.spectrum] in demands.kept
    return used
