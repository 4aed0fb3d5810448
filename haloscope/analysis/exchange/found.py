"""Candidates with what the vetoes say of them, as files, terminals and pages carry it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.vetoes.vetting import Vetting

__all__ = ["candidate_words", "lines", "numbers", "pairs", "recorded", "verdict_words"]

_NOT_ASKED = "stands; not tested: no spectra were at hand"


def pairs(result: Result) -> list[tuple[Candidate, Vetting | None]]:
    """Candidates, each with what the vetoes say; None where no spectra were at hand to ask."""
    said = result.vetoes or (None,) * len(result.candidates)
    return list(zip(result.candidates, said, strict=True))


def numbers(result: Result) -> dict[str, Any]:
    """What a summary says of them."""
    return {
        "candidates": len(result.candidates),
        "candidates_vetoed": len(result.vetoed),
        "candidates_standing": len(result.standing),
        "false_veto_probability": result.options.false_veto,
    }


def recorded(result: Result) -> list[dict[str, Any]]:
    """As files carry them: plain values."""
    return [
        asdict(found)
        | {"global_sigma": found.global_sigma}
        | ({"vetoed": False, "verdict": _NOT_ASKED} if said is None else said.recorded())
        for found, said in pairs(result)
    ]


def verdict_words(said: Vetting | None) -> str:
    """The verdict in one line."""
    return _NOT_ASKED if said is None else said.verdict


def candidate_words(found: Candidate) -> str:
    """A candidate in one line: place, excess, coupling, significance."""
    return (
        f"{found.frequency_hz * 1e-6:.6f} MHz: {found.excess:.2f} sigma, coupling "
        f"{found.coupling_per_gev:.3g} +- {found.coupling_error_per_gev:.1g} /GeV, p "
        f"{found.local_p:.2g} local, {found.global_p:.2g} global ({found.global_words} sigma)"
    )


def lines(result: Result, most: int) -> Iterator[str]:
    """The candidates for a terminal, the highest first, two lines each.

    Args:
        result: The analysis.
        most: Candidates told; the rest are counted.
    """
    ranked = sorted(pairs(result), key=lambda pair: -pair[0].excess)
    for found, said in ranked[:most]:
        yield f"candidate {candidate_words(found)}"
        yield f"  {verdict_words(said)}"
    if len(ranked) > most:
        yield f"and {len(ranked) - most} more candidates, all in the files"
