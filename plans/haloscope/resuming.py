"""What a campaign's earlier runs say: what is done, and what the analysis takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from haloscope.analysis.exchange.keys import SEARCHES, value_in
from haloscope.analysis.live import LiveAnalysis
from plans.haloscope.crossings import Mapped
from plans.haloscope.steps import Documents, completed

__all__ = ["Earlier", "resumed"]


@dataclass
class Earlier:
    """What the documents of a campaign say.

    Attributes:
        modes: What its mode maps found.
        done_mhz: Targets that its scans recorded.
        calibration: That their last scan used; None before the first.
        without_field_mhz: Targets recorded with the field off.
    """

    modes: Mapped = field(default_factory=Mapped)
    done_mhz: list[float] = field(default_factory=list)
    calibration: dict[str, Any] | None = None
    without_field_mhz: list[float] = field(default_factory=list)


def resumed(name: str, documents: Documents, analysis: LiveAnalysis | None = None) -> Earlier:
    """What a campaign's earlier runs recorded.

    Args:
        name: Of the campaign.
        documents: Of any runs; those of other campaigns are passed over.
        analysis: Fed on the way with the campaign's runs that it analyses. Calibrations have
            spectra too, which are none of the search.
    """
    mine: set[str] = set()
    searching: set[str] = set()
    kept: list[tuple[str, Mapping[str, Any]]] = []
    earlier = Earlier()
    for kind, document in documents:
        if not _belongs(kind, document, name, mine):
            continue
        if kind == "start":
            if document.get("plan_name") in _CALIBRATED:
                earlier.calibration = document.get("calibration") or earlier.calibration
            earlier.modes.conclude(document)
        if analysis is not None and _searches(kind, document, searching):
            analysis(kind, document)
        kept.append((kind, _light(document)))
    earlier.done_mhz = completed(kept, "scan")
    earlier.without_field_mhz = completed(kept, "field_off")
    earlier.modes.add(*_mapped(kept))
    return earlier


#: Plans that carry a whole calibration; those that measure one carry parts of it.
_CALIBRATED = SEARCHES
#: Plans whose spectra the analysis takes, as it does while they run.
_ANALYSED = (*SEARCHES, "field_off")
#: What is kept of an event: the targets done, and where resonances were found.
_KEPT = ("measured_target_frequency", "measured_cavity_frequency")


def _light(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document without its spectra."""
    if "data" not in document:
        return document
    found = {field: value_in(document["data"], field) for field in _KEPT}
    return {**document, "data": {field: v for field, v in found.items() if v is not None}}


def _mapped(documents: Documents) -> tuple[list[float], list[float]]:
    """Calculated and found frequencies of all points of mode maps."""
    maps: set[str] = set()
    points: list[list[float]] = [[], []]
    for kind, document in documents:
        of_a_map = kind == "start" and document.get("plan_name") == "map_modes"
        if of_a_map or (kind == "descriptor" and document["run_start"] in maps):
            maps.add(document["uid"])
        elif kind in ("event", "event_page") and document["descriptor"] in maps:
            for column, key in zip(points, _KEPT, strict=True):
                column += _numbers(document["data"].get(key, ()))
    return points[0], points[1]


def _numbers(recorded: object) -> list[float]:
    """Recorded values, none where they are no numbers: the catalog may hold anybody's runs."""
    try:
        values = np.atleast_1d(np.asarray(recorded))
    except ValueError:  # lists of unequal lengths
        return []
    return values.ravel().tolist() if values.dtype.kind in "iuf" else []


def _belongs(kind: str, document: Mapping[str, Any], name: str, mine: set[str]) -> bool:
    """Whether a document is of the campaign; keeps the uids by which later ones are recognised."""
    return _follows(kind, document, mine, begins=document.get("campaign") == name)


def _searches(kind: str, document: Mapping[str, Any], known: set[str]) -> bool:
    """Whether a document is of a run that the analysis takes; keeps uids likewise."""
    return _follows(kind, document, known, begins=document.get("plan_name") in _ANALYSED)


def _follows(kind: str, document: Mapping[str, Any], known: set[str], *, begins: bool) -> bool:
    if kind == "start":
        belongs = begins
    elif kind in ("descriptor", "stop"):
        belongs = document["run_start"] in known
    else:
        belongs = document.get("descriptor") in known
    if belongs and "uid" in document:
        known.add(document["uid"])
    return belongs
