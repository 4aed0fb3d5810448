"""Calibrations along a band and in the course of a campaign.

The line's loss and the receiver's gain change with frequency, by tenths of a decibel over 20 MHz,
and drift. A round of calibrations at several frequencies, and another one later, lets the analysis
take each spectrum's own values with an error (``haloscope.analysis.tracking``).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from haloscope.analysis.tracking import POINTS
from haloscope.planning.rounds import calibration_targets, segments
from plans.haloscope.calibration import calibrate
from plans.haloscope.scan import scan, step_s
from plans.haloscope.steps import remaining
from plans.shared.common import in_run, metadata, provenance, record, require
from plans.shared.needs import needs

__all__ = ["calibrate_band"]

#: What a point's event holds, by the names of ``CalibrationMeasured``, of what ``calibrate`` gives.
_RECORDED = {
    "receiver_gain_db": "receiver_gain",
    "receiver_temperature_k": "receiver_temperature",
    "jpa_noise_temperature_k": "jpa_noise_temperature",
    "line_attenuation_db": "line_attenuation",
}

_UNSURE = ("_error", "_difference")


@needs("noise_source")
def calibrate_band(
    haloscope: Haloscope,
    frequencies_mhz: Sequence[float],
    *,
    averages: int | None = None,
    in_situ: bool = False,
    earlier: Mapping[str, Any] | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[dict[str, Any]]:
    """A round of calibrations at several frequencies; each result is an event, too.

    Parameters
    ----------
    haloscope
        The device.
    frequencies_mhz
        Where, MHz.
    averages
        As of ``calibrate``.
    in_situ
        As of ``calibrate``.
    earlier
        What an earlier round returned: its points are kept beside the new ones.
    md
        Metadata for the start documents.

    Returns
    -------
    The mapping that ``plans.haloscope.scan.scan`` takes as ``calibration``: the means, and the
    list ``points`` of all points so far.
    """
    require(len(frequencies_mhz) > 0, "no frequencies to calibrate at")
    began, found = time.time(), []
    for frequency_mhz in frequencies_mhz:
        values = yield from calibrate(
            haloscope, frequency_mhz, averages=averages, in_situ=in_situ, md=md
        )
        point = {"frequency_mhz": frequency_mhz, "time_s": time.time(), "round_s": began, **values}
        yield from _recorded(haloscope, point, md)
        found.append(point)
    if earlier:
        return {**earlier, POINTS: [*earlier.get(POINTS, ()), *found]}
    return {**_means(found), POINTS: found}


def calibrated_scan(
    haloscope: Haloscope,
    targets_mhz: Sequence[float],
    calibration: Mapping[str, Any] | None,
    analysis: Callable[[str, Any], None],
    *,
    averages: int,
    done_mhz: Sequence[float],
    spacing_mhz: float,
    every_s: float,
    md: Mapping[str, Any],
) -> MsgGenerator[tuple[list[float], Mapping[str, Any]]]:
    """Scan what is left of the targets, with a round of calibrations before and every so often.

    Parameters
    ----------
    haloscope
        The device.
    targets_mhz
        All of the scan, MHz.
    calibration
        Known already; None for a new round first. One that does not say where and when it was
        taken holds for the whole scan.
    analysis
        Told the documents of the scans.
    averages
        Of each step.
    done_mhz
        Targets not to be taken again, MHz.
    spacing_mhz
        Of the calibrations along the band, MHz.
    every_s
        Expected time of scanning after which there is another round, s.
    md
        Metadata for the start documents.

    Returns
    -------
    The targets taken, and the calibration as it is then.
    """
    places = calibration_targets(targets_mhz, spacing_mhz)
    known = calibration
    if known is None:
        known = yield from calibrate_band(haloscope, places, md=md)
    left, each_s = remaining(targets_mhz, done_mhz), step_s(haloscope.apparatus, averages)
    parts = segments(left, each_s, every_s) if known.get(POINTS) else [left]
    taken: list[float] = []
    for number, part in enumerate(parts if left else []):
        if number:
            known = yield from calibrate_band(haloscope, places, earlier=known, md=md)
        # All targets stand in the document of a scan that is not cut into parts.
        wanted, done = (targets_mhz, done_mhz) if len(parts) == 1 else (part, [])
        said = {**md, "campaign_part": [number + 1, len(parts)]}
        plan = scan(haloscope, wanted, averages=averages, calibration=known, done_mhz=done, md=said)
        taken += yield from bpp.subs_wrapper(plan, analysis)
    return taken, known


def _recorded(
    haloscope: Haloscope, point: Mapping[str, float], md: Mapping[str, Any] | None
) -> MsgGenerator[None]:
    """One event of a point in a run of its own."""
    values = {"frequency": point["frequency_mhz"]}
    for name, field in _RECORDED.items():
        values |= {field: point[name], f"{field}_error": point[f"{name}_error"]}
    machine = yield from provenance(haloscope)
    args = {"frequency_mhz": point["frequency_mhz"]}
    start = metadata("calibration_point", [haloscope.calibrated], args, md, **machine)

    def inner() -> MsgGenerator[None]:
        yield from bps.abs_set(haloscope.calibrated, values, wait=True)
        yield from record([haloscope.calibrated, haloscope.sim], "primary")

    yield from in_run(inner(), start)


def _means(points: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """One value of each quantity: the mean, with the typical error of one point.

    What two methods leave open is an error, too.
    """
    names = [name for name in points[0] if name not in ("frequency_mhz", "time_s", "round_s")]
    values = {name: np.array([point[name] for point in points]) for name in names}
    return {
        name: float(np.sqrt(np.mean(value**2)) if name.endswith(_UNSURE) else np.mean(value))
        for name, value in values.items()
    }
