"""What bluesky-queueserver offers: the plans, each for the instruments that a session has.

The queue server reads a plan's signature and docstring by itself. What it cannot know is which
devices are haloscopes and which refrigerators: that is said here, so that a plan for a device that
there is not, or for the other instrument, is refused when it is put into the queue.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import wraps
from types import UnionType
from typing import Any, Final, get_args

import bluesky.plan_stubs as bps
import bluesky.plans as bp
from bluesky.utils import MsgGenerator
from bluesky_queueserver import parameter_annotation_decorator

from cryohalo.catalog import Catalog
from haloscope.analysis.live import Analysing
from plans.offered import Plan, offered

__all__ = ["queue_plans", "without_result"]

#: bluesky's own that need nothing said; its ``scan`` would hide the haloscope's.
PLAIN: Final[Mapping[str, Plan]] = {"count": bp.count, "sleep": bps.sleep}


def queue_plans(
    instruments: Mapping[str, Any],
    catalog: Catalog,
    analysing: Analysing | None = None,
) -> dict[str, Plan]:
    """The plans that can be run on some of these devices, and a few of bluesky's own, by name.

    Args:
        instruments: Devices by the names they have in the worker's namespace.
        catalog: What the worker records; a campaign goes on from there.
        analysing: Makes a campaign's analysis; in the worker itself if not given.
    """
    plans = {plan.__name__: plan for plan in _plans(instruments)}
    if "campaign" in plans:
        plans["campaign"] = _going_on(plans["campaign"], catalog, analysing)
    pairs = {plan.__name__: _of_pairs(plan) for plan in (bp.list_scan, bps.mv)}
    return {**plans, **pairs, **PLAIN}


def without_result(plan: Plan) -> Plan:
    """The same plan, returning nothing, for a worker.

    The worker hands what a plan returns to the manager, within half a second and in words for its
    log; a campaign's spectra are too much for that, and the plan would count as failed. What a plan
    found is in its documents.
    """

    @wraps(plan)
    def silent(*args: Any, **kwargs: Any) -> MsgGenerator[None]:
        yield from plan(*args, **kwargs)

    return silent


def _of_pairs(plan: Plan) -> Plan:
    """A plan of bluesky whose ``*args`` are things and values in turn, annotated as pairs."""
    anything = {"annotation": "typing.Any", "convert_device_names": True}
    return parameter_annotation_decorator({"parameters": {"args": anything}})(plan)


def _going_on(campaign: Plan, catalog: Catalog, analysing: Analysing | None) -> Plan:
    """A campaign that has the documents of the catalog and an analysis, which no queue can hold."""

    @wraps(campaign)
    def going_on(*args: Any, **kwargs: Any) -> MsgGenerator[Any]:
        documents = (pair for run in catalog for pair in run.documents())
        given = {"documents": documents, "analysing": analysing, **kwargs}
        return (yield from campaign(*args, **given))

    return going_on


def _plans(instruments: Mapping[str, Any]) -> Iterator[Plan]:
    for plan in offered():
        instrument = next(iter(inspect.signature(plan).parameters.values()))
        fitting = _fitting(instrument.annotation, instruments)
        if fitting:
            kind = {"annotation": "Instrument", "devices": {"Instrument": fitting}}
            known = {"parameters": {instrument.name: kind}}
            yield parameter_annotation_decorator(known)(plan)


def _fitting(annotation: Any, instruments: Mapping[str, Any]) -> list[str]:
    """Names of the devices of the class, or of the classes, that a plan is for."""
    classes = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return [name for name, device in instruments.items() if isinstance(device, classes)]
