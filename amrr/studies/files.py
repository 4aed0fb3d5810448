"""A study's outcome as files and as a table on a terminal."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from amrr.design.store import physics_digest
from amrr.studies.answers import NUMBERS, Answer
from amrr.studies.uncertainty import BANDS, Case, Outcome, Study

__all__ = ["as_csv", "as_json", "table"]


def as_json(outcome: Outcome, provenance: Mapping[str, Any]) -> str:
    """The whole outcome as text of JSON; null where there is no number."""
    study = outcome.study
    document = {
        **provenance,
        "fingerprint": study.fingerprint(),
        "physics": physics_digest(),
        "parameters": study.parameters.digest(),
        "load_w": study.load_w,
        "chx_k": study.chx_k,
        "samples": study.samples,
        "seed": study.seed,
        "default": _plain(outcome.default),
        "sensitivities": [
            {
                "name": s.name, "default": s.value, "low": s.range.low, "high": s.range.high,
                "nature": s.range.nature, "reason": s.range.reason, "source": s.range.source,
                "at_low": _plain(s.low), "at_high": _plain(s.high),
            }
            for s in outcome.sensitivities
        ],
        "bands": {
            band.name: {
                "varied": list(band.varied),
                "machines": [
                    {"values": dict(case.values), **_plain(answer)}
                    for case, answer in zip(_of(study, band.name), band.answers, strict=True)
                ],
            }
            for band in outcome.bands.values()
        },
    }  # fmt: skip
    return json.dumps(document, indent=1, allow_nan=False)


def _of(study: Study, group: str) -> list[Case]:
    return [case for case in study.cases if case.group == group]


def _plain(answer: Answer) -> dict[str, Any]:
    numbers = {name: getattr(answer, name) for name in NUMBERS}
    plain = {name: None if math.isnan(v) else v for name, v in numbers.items()}
    return {**plain, "failure": answer.failure, "objections": answer.objections}


def as_csv(outcome: Outcome) -> str:
    """A line for each parameter: its range, and both numbers at its ends."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(
        ["parameter", "nature", "default", "low", "high", "chx_k_at_low", "chx_k_at_high",
         "power_w_at_low", "power_w_at_high", "failure_at_low", "failure_at_high"]
    )  # fmt: skip
    for s in outcome.sensitivities:
        numbers = (s.low.chx_k, s.high.chx_k, s.low.power_w, s.high.power_w)
        shown = ["" if math.isnan(v) else f"{v:.7g}" for v in numbers]
        lines.writerow(
            [s.name, s.range.nature.value, s.value, s.range.low, s.range.high, *shown,
             s.low.failure, s.high.failure]
        )  # fmt: skip
    return text.getvalue()


def table(outcome: Outcome, most: int = 20) -> Iterator[str]:
    """Lines for a terminal: the parameters that move the temperature most, the bands, failures.

    Args:
        outcome: Of a study.
        most: Parameters that are shown; the files have all.
    """
    study, default = outcome.study, outcome.default
    yield f"T_CHX at {1e6 * study.load_w:g} uW: {_mk(default.chx_k)} K by default"
    yield f"cooling power at {study.chx_k:g} K: {_uw(default.power_w)} uW by default"
    yield f"{'parameter':<46}{'range':>20}  {'T_CHX (mK)':>14}  {'power (uW)':>14}"
    for s in outcome.sensitivities[:most]:
        between = f"{s.range.low:g} to {s.range.high:g}"
        kelvin = _pair(s.change_k(default), 1e3, "failed")
        watts = _pair(s.change_w(default), 1e6, "failed")
        yield f"{s.name:<46}{between:>20}  {kelvin:>14}  {watts:>14}"
    more = len(outcome.sensitivities) - most
    if more > 0:
        yield f"and {more} more, all in the files"
    for band in outcome.bands.values():
        yield f"band {band.name!r}, {BANDS[band.name]}: {len(band.varied)} parameters"
        kelvin_q, watt_q = band.quantiles("chx_k"), 1e6 * band.quantiles("power_w")
        low, _, middle, _, high = kelvin_q
        error = band.standard_error("chx_k")
        yield f"  T_CHX {middle:.3f} +- {error:.3f} K (median), 90 % {low:.3f} to {high:.3f} K"
        low, _, middle, _, high = watt_q
        yield f"  power {middle:.0f} uW (median), 90 % from {low:.0f} to {high:.0f} uW"
        failed = len(band.failures)
        yield f"  of {len(band.answers)} machines {failed} have no periodic state"


def _pair(changes: tuple[float, float], scale: float, failed: str) -> str:
    return " ".join(failed if math.isnan(v) else f"{scale * v:+.0f}" for v in changes)


def _mk(kelvin: float) -> str:
    return "none" if math.isnan(kelvin) else f"{kelvin:.4f}"


def _uw(watts: float) -> str:
    return "none" if math.isnan(watts) else f"{1e6 * watts:.0f}"
