"""Measured periodic states of the refrigerator, from the documents of a run.

Points are what plans record in their stream ``primary`` (``plans.refrigerator.cooling``): means and
extremes of the cold exchanger's temperature over the last cycle, its mean heater power, the field
work and the rejected heat, the waypoints and times of the cycle, and whether it had settled. The
parameters of a simulation are not in it, but for a hash.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from amrr.parameters import CycleParameters
from amrr.studies.calibration import MeasuredPoint
from cryohalo.catalog import CatalogError
from haloscope.analysis.exchange.keys import AmbiguousFieldError, value_in
from instruments.printable import escaped

if TYPE_CHECKING:
    from cryohalo.catalog import Run

__all__ = ["measured_points"]

log = logging.getLogger("cryohalo.calibration")

#: Fields of an event by the names of ``amrr.studies.calibration.ERRORS``.
_VALUES: Final = {
    "chx_k": "cycle_mean_chx_temperature",
    "lowest_k": "cycle_min_chx_temperature",
    "highest_k": "cycle_max_chx_temperature",
    "work_j": "cycle_work",
    "rejected_j": "cycle_rejected_heat",
}
_POWER: Final = "cycle_mean_chx_power"
#: Plans that hold the temperature: the heater's power follows the cycle, and only means compare.
_HELD: Final = ("temperature_curve",)
#: Plans whose events in ``primary`` are points. Others record every cycle there, settled or not.
_PLANS: Final = ("load_curve", "load_map", "temperature_curve", "waypoint_scan")
#: 0 where the plan went on from a point that had not settled; runs of earlier versions lack it.
_SETTLED: Final = "point_converged"
_STAGE_POWER: Final = re.compile(r"(?:.*_)?detector\d_power")


def measured_points(run: Run) -> tuple[MeasuredPoint, ...]:
    """The measured periodic states of a run; points marked as not settled are left out, and logged.

    Args:
        run: Of ``load_curve``, ``temperature_curve``, ``waypoint_scan`` or their like.

    Raises:
        CatalogError: It has no such points, none of them had settled, one of them lacks a field, or
            a detector's stage carried a load, which the fit does not know of.
    """
    plan, where = run.start.get("plan_name"), f"run {escaped(run.uid, 60)}"
    rows = list(enumerate(_rows(run), 1))
    if not rows:
        raise CatalogError(f"{where}: its stream 'primary' has no points")
    marks = {number: _value(data, _SETTLED, where) for number, data in rows}
    if plan not in _PLANS and None in marks.values():
        raise CatalogError(f"{where}: events of plan {plan!r:.60} are not points that had settled")
    settled = [(number, data) for number, data in rows if marks[number] != 0.0]
    if not settled:
        raise CatalogError(f"{where}: none of its points had settled")
    if len(settled) < len(rows):
        gone = [number for number, mark in marks.items() if mark == 0.0]
        log.warning("%s: points %s had not settled, and are left out", where, gone)
    return tuple(
        _point(data, f"{run.uid[:8]}:{number}", plan in _HELD, where) for number, data in settled
    )


def _rows(run: Run) -> Iterator[Mapping[str, Any]]:
    """Data of the events in ``primary``, over the configuration that they were taken with."""
    configuration: dict[str, Any] = {}
    for name, document in run.documents():
        if name == "descriptor" and document.get("name") == "primary":
            for device in document.get("configuration", {}).values():
                configuration |= device.get("data", {})
    for event in run.events("primary"):
        yield {**configuration, **event["data"]}


def _point(data: Mapping[str, Any], label: str, held: bool, where: str) -> MeasuredPoint:
    for name, value in data.items():
        if _STAGE_POWER.fullmatch(name) and value != 0.0:
            raise CatalogError(
                f"{where}: {escaped(name, 60)} is {value:g} uW; only loads of the cold exchanger "
                "can be fitted"
            )
    names = ["chx_k", "work_j", "rejected_j"] if held else list(_VALUES)
    return MeasuredPoint(
        load_w=1e-6 * _number(data, _POWER, where),
        cycle=CycleParameters(**dict(_cycle(data, where))),
        values={name: _number(data, _VALUES[name], where) for name in names},
        label=label,
    )


def _cycle(data: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    """Times and waypoints; the ramps' shape is the machine's own and is in no document."""
    for item in fields(CycleParameters):
        if item.name != "square_ramp":
            stem, unit = item.name.rsplit("_", 1)
            assert unit in ("s", "t")
            yield item.name, _number(data, f"cycle_{stem}", where)


def _number(data: Mapping[str, Any], field: str, where: str) -> float:
    value = _value(data, field, where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CatalogError(f"{where}: a point has no number {field!r}")
    return float(value)


def _value(data: Mapping[str, Any], field: str, where: str) -> Any:
    try:
        return value_in(data, field)
    except AmbiguousFieldError as error:
        raise CatalogError(f"{where}: {escaped(error)}") from error
