"""Measured periodic states of the refrigerator, from the documents of a run.

Points are what plans record in their stream ``primary`` (``plans.refrigerator.cooling``): means and
extremes of the cold exchanger's temperature over the last cycle, its mean heater power, the field
work and the rejected heat, and the waypoints and times of the cycle. Nothing else of the run is
looked at; the parameters of a simulation are not in it, but for a hash.
"""

from __future__ import annotations

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


def measured_points(run: Run) -> tuple[MeasuredPoint, ...]:
    """The measured periodic states of a run.

    Args:
        run: Of ``load_curve``, ``temperature_curve``, ``waypoint_scan`` or their like.

    Raises:
        CatalogError: It has no such points, or one of them lacks a field.
    """
    held = run.start.get("plan_name") in _HELD
    where = f"run {escaped(run.uid, 60)}"
    found = [
        _point(data, f"{run.uid[:8]}:{number}", held, where)
        for number, data in enumerate(_rows(run), 1)
    ]
    if not found:
        raise CatalogError(f"{where}: its stream 'primary' has no points")
    return tuple(found)


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
    try:
        value = value_in(data, field)
    except AmbiguousFieldError as error:
        raise CatalogError(f"{where}: {escaped(error)}") from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CatalogError(f"{where}: a point has no number {field!r}")
    return float(value)
