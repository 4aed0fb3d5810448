"""What the power-measured analysis says, in numbers for terminal, page and files."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.decision import RULES, Applied, Decision, applied, to_rescan
from haloscope.analysis.statistics.powermeasured import PowerMeasured

_NOTHING = "nothing excluded"


def words(coupling: float, measured: PowerMeasured) -> str:
    """A coupling over the band, in the middle of it and in units of DFSZ's."""
    if not math.isfinite(coupling):
        return _NOTHING
    return f"{measured.per_gev(coupling):.4g} /GeV ({coupling:.3f} DFSZ)"


def numbers(result: Result) -> dict[str, Any]:
    """The analysis by the power measured beside the threshold's, by name."""
    measured = result.bayes
    expected = (
        f"{measured.per_gev(measured.expected):.4g} +- "
        f"{measured.per_gev(measured.expected_scatter):.1g} /GeV"
    )
    found = {
        "aggregate_threshold": words(measured.threshold, measured),
        "aggregate_bayes": words(measured.aggregate, measured),
        "aggregate_bayes_noise": expected,
    }
    if result.candidates:
        found["aggregate_bayes_elsewhere"] = words(measured.elsewhere, measured)
    return {
        **found,
        "highest_prior_update": measured.highest,
        "highest_prior_update_hz": measured.highest_hz,
        "rescans_by_threshold": len(result.standing),
        "rescans_by_update": len(to_rescan(result, Decision("bayes"))),
    }


def decisions(result: Result) -> list[Applied]:
    """Both rules of what to take again, at the sensitivity of this search."""
    return [applied(result, Decision(rule)) for rule in RULES]


def recorded(result: Result) -> dict[str, Any]:
    """The same for a file: plain numbers, None where nothing is excluded."""
    measured = result.bayes
    per_gev = {
        name: _or_none(measured.per_gev(getattr(measured, name)))
        for name in ("threshold", "aggregate", "elsewhere", "expected", "expected_scatter")
    }
    rules = {
        one.decision.rule: {
            "coupling_per_gev": one.coupling_per_gev,
            "update": _or_none(one.update),
            "places_by_chance": one.places,
            "found": one.found,
            "rescan": [asdict(c) for c in to_rescan(result, one.decision)],
        }
        for one in decisions(result)
    }
    return {
        "per_gev_in_the_middle_of_the_band": per_gev,
        "highest_prior_update": measured.highest,
        "highest_prior_update_hz": measured.highest_hz,
        "rescans": rules,
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
