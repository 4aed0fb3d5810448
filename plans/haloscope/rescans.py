"""Candidates taken again: where the steps about them lie, and the scan over those."""

from collections.abc import Mapping, Sequence
from typing import Any

from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from haloscope.description import Description
from instruments.ranges import within
from plans.haloscope.scan import scan
from plans.shared.common import require
from plans.shared.needs import needs

__all__ = ["rescan", "targets_about"]


@needs("antenna", "magnet.field.readback")
def rescan(
    haloscope: Haloscope,
    candidates_mhz: Sequence[float],
    *,
    averages: int | None = None,
    half_width_khz: float | None = None,
    step_khz: float | None = None,
    calibration: Mapping[str, Any] | None = None,
    md: Mapping[str, Any] | None = None,
    **more: Any,
) -> MsgGenerator[list[float]]:
    """Take candidates again with higher statistics: steps about each, within half a width.

    Parameters
    ----------
    haloscope
        The device.
    candidates_mhz
        Frequencies of the candidates, MHz.
    averages
        Spectra averaged at each step; as described if not given.
    half_width_khz
        Steps up to this far from each candidate; as described if not given.
    step_khz
        Distance of the steps; as described if not given.
    calibration
        For the start document.
    md
        Metadata for the start document.
    more
        Passed to ``scan``.
    """
    targets = targets_about(haloscope.apparatus, candidates_mhz, half_width_khz, step_khz)
    if averages is None:
        averages = haloscope.apparatus.operation.rescan_averages
    named = {"plan_name": "rescan", "candidates_mhz": list(candidates_mhz), **(md or {})}
    return (
        yield from scan(
            haloscope, targets, averages=averages, calibration=calibration, md=named, **more
        )
    )


def targets_about(
    apparatus: Description,
    candidates_mhz: Sequence[float],
    half_width_khz: float | None = None,
    step_khz: float | None = None,
) -> list[float]:
    """Targets of steps about candidates, MHz, ascending, each once; as described if not given.

    Raises:
        ValueError: No candidates, or steps that reach too far.
    """
    require(len(candidates_mhz) > 0, "no candidates to take again")
    operation = apparatus.operation
    if half_width_khz is None:
        half_width_khz = operation.rescan_half_width_hz * 1e-3
    step_khz = operation.step_hz * 1e-3 if step_khz is None else step_khz
    # Farther off a spectrum does not hold the candidate.
    within("half_width_khz", half_width_khz, 0.0, 0.5e-3 * apparatus.analysis.window_hz, "kHz")
    within("step_khz", step_khz, 0.001, 1e6, "kHz")
    reach = int(half_width_khz / step_khz)
    return sorted(
        {
            round(candidate + i * step_khz * 1e-3, 6)
            for candidate in candidates_mhz
            for i in range(-reach, reach + 1)
        }
    )
