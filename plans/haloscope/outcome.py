"""How a campaign ended: what was taken, what the rescan says, the analysis of everything."""

from __future__ import annotations

from dataclasses import dataclass, field

from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.rescan import Verdict
from plans.haloscope.crossings import Intervals

__all__ = ["Campaign"]


@dataclass(frozen=True)
class Campaign:
    """How a campaign ended.

    Attributes:
        name: Of the campaign; in every start document as ``campaign``.
        taken_mhz: Targets of the scan taken by this call.
        candidates_mhz: Candidates after the scan that no veto takes for interference, MHz.
        verdicts: What the rescan says of each of them.
        result: The analysis of everything.
        crossings_mhz: Mode crossings left out of the scan, if they were looked for.
        fresh_mhz: Above threshold only since the rescan, MHz: its noise, or a line too weak for the
            scan. Going on with the campaign rescans them.
        vetoed_mhz: Candidates after the scan that a veto takes for interference, MHz: they are not
            taken again. ``result.vetoes`` says why.
    """

    name: str
    taken_mhz: list[float]
    candidates_mhz: list[float]
    verdicts: list[Verdict]
    result: Result | None
    crossings_mhz: Intervals = field(default_factory=list)
    fresh_mhz: list[float] = field(default_factory=list)
    vetoed_mhz: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        """In one line: what was taken, what was found and what is to be thought of it."""
        told = [f"{self.name}: {len(self.taken_mhz)} targets taken"]
        told += [f"{low:.6f} to {high:.6f} MHz left out" for low, high in self.crossings_mhz]
        told += [
            f"candidate {v.candidate.frequency_hz * 1e-6:.6f} MHz {v.words}" for v in self.verdicts
        ]
        if not self.verdicts:
            told.append("no candidate was taken again")
        told += [f"{place:.6f} MHz vetoed as interference" for place in self.vetoed_mhz]
        told += [f"{place:.6f} MHz new since the rescan" for place in self.fresh_mhz]
        told.append("no result" if self.result is None else self.result.verdict())
        return "; ".join(told)

    @property
    def survivors_mhz(self) -> list[float]:
        """Candidates that persisted and behave as an axion, MHz."""
        return [v.candidate.frequency_hz * 1e-6 for v in self.verdicts if v.axion_like]
