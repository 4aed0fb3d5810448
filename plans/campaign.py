"""A campaign: calibrate, scan, analyse, rescan candidates, report; goes on where it was cut.

What was done is told by the documents of the catalog alone. Give the plan the documents of all
earlier runs of the campaign and it takes what is missing: none twice, none left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from haloscope.analysis.online import Online
from haloscope.analysis.pipeline import Result
from plans.calibration import calibrate
from plans.common import require
from plans.scan import rescan, scan
from plans.steps import Documents, completed, planned, remaining, without

__all__ = ["Campaign", "campaign", "resumed"]


@dataclass(frozen=True)
class Campaign:
    """How a campaign ended.

    Attributes:
        name: of the campaign; in every start document as `campaign`.
        taken_mhz: targets of the scan taken by this call.
        candidates_mhz: candidates after the scan, MHz.
        survivors_mhz: candidates still above threshold with the rescan, MHz.
        result: the analysis of everything.
    """

    name: str
    taken_mhz: list[float]
    candidates_mhz: list[float]
    survivors_mhz: list[float]
    result: Result | None


def campaign(
    haloscope: Haloscope,
    name: str,
    frequencies_mhz: Sequence[float],
    *,
    averages: int = 5000,
    rescan_averages: int = 20000,
    skip_mhz: Iterable[tuple[float, float]] = (),
    calibration: Mapping[str, float] | None = None,
    documents: Documents = (),
    online: Online | None = None,
    report: Callable[[Campaign], None] | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[Campaign]:
    """Run a campaign, or what is left of it.

    Args:
        haloscope: the device.
        name: of the campaign; tells its runs from others in the catalog.
        frequencies_mhz: targets of the scan, MHz.
        averages: spectra averaged at each step.
        rescan_averages: and at each step of a rescan.
        skip_mhz: intervals (low, high) to leave out.
        calibration: of an earlier call; measured if neither given nor found in the documents.
        documents: (name, document) pairs of all runs so far, torn ones included; read once.
        online: the analysis; one with the default options if not given.
        report: called with the outcome.
        md: metadata for the start documents.
    """
    require(bool(name), "a campaign needs a name")
    skipped = list(skip_mhz)
    targets = without(planned(frequencies_mhz), skipped)
    analysis = online or Online()
    done, found = resumed(name, documents, analysis)
    left = remaining(targets, done)
    known = calibration or found
    more = {**(md or {}), "campaign": name}
    if known is None:
        known = yield from calibrate(haloscope, targets[len(targets) // 2], md=more)
    taken: list[float] = []
    if left:
        plan = scan(
            haloscope,
            targets,
            averages=averages,
            calibration=known,
            done_mhz=done,
            md=more,
        )
        taken = yield from bpp.subs_wrapper(plan, analysis)
    candidates = _candidates(analysis)
    if candidates:
        plan = rescan(haloscope, candidates, averages=rescan_averages, calibration=known, md=more)
        yield from bpp.subs_wrapper(plan, analysis)
    outcome = Campaign(name, taken, candidates, _candidates(analysis), _result(analysis))
    if report is not None:
        report(outcome)
    return outcome


def resumed(
    name: str, documents: Documents, analysis: Online | None = None
) -> tuple[list[float], dict[str, float] | None]:
    """Targets that a campaign's earlier scans recorded, and the calibration they used.

    Args:
        name: of the campaign.
        documents: of any runs; those of other campaigns are passed over.
        analysis: fed with the campaign's documents on the way.
    """
    mine: set[str] = set()
    kept: list[tuple[str, Mapping[str, Any]]] = []
    calibration: dict[str, float] | None = None
    for kind, document in documents:
        if not _belongs(kind, document, name, mine):
            continue
        if kind == "start" and document.get("calibration"):
            calibration = dict(document["calibration"])
        if analysis is not None:
            analysis(kind, document)
        light = {key: value for key, value in document.items() if key != "data"}
        if kind == "event":
            target = document["data"].get("measured_target_frequency")
            light["data"] = {} if target is None else {"measured_target_frequency": target}
        kept.append((kind, light))
    return completed(kept, "scan"), calibration


def _belongs(kind: str, document: Mapping[str, Any], name: str, mine: set[str]) -> bool:
    """Whether a document is of the campaign; keeps the uids that tell."""
    if kind == "start":
        belongs = document.get("campaign") == name
    elif kind in ("descriptor", "stop"):
        belongs = document["run_start"] in mine
    else:
        belongs = document.get("descriptor") in mine
    if belongs and "uid" in document:
        mine.add(document["uid"])
    return belongs


def _result(analysis: Online) -> Result | None:
    try:
        return analysis.result()
    except ValueError:  # a rehearsal, or a scan too short to cover a line
        return None


def _candidates(analysis: Online) -> list[float]:
    result = _result(analysis)
    return [] if result is None else [c.frequency_hz * 1e-6 for c in result.candidates]
