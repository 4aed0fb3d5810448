"""Candidates taken again: where the steps about them lie, and the scan over those."""

from collections.abc import Mapping, Sequence
from typing import Any

from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from instruments.ranges import within
from plans.haloscope.scan import scan
from plans.shared.common import require

__all__ = ["rescan", "targets_about"]


def rescan(
    haloscope: Haloscope,
    candidates_mhz: Sequence[float],
    *,
    averages: int = 20000,
    half_width_khz: float = 30.0,
    step_khz: float = 10.0,
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
        Spectra averaged at each step.
    half_width_khz
        Steps up to this far from each candidate.
    step_khz
        Distance of the steps.
    calibration
        For the start document.
    md
        Metadata for the start document.
    more
        Passed to ``scan``.
    """
    targets = targets_about(candidates_mhz, half_width_khz, step_khz)
    named = {"plan_name": "rescan", "candidates_mhz": list(candidates_mhz), **(md or {})}
    return (
        yield from scan(
            haloscope, targets, averages=averages, calibration=calibration, md=named, **more
        )
    )


def targets_about(
    candidates_mhz: Sequence[float], half_width_khz: float, step_khz: float
) -> list[float]:
    """Targets of steps about candidates, MHz, ascending, each once.

    Raises:
        ValueError: No candidates, or steps that reach too far.
    """
    require(len(candidates_mhz) > 0, "no candidates to take again")
    within("half_width_khz", half_width_khz, 0.0, 75.0, "kHz")
    within("step_khz", step_khz, 0.1, 1e4, "kHz")
    reach = int(half_width_khz / step_khz)
    return sorted(
        {
            round(candidate + i * step_khz * 1e-3, 6)
            for candidate in candidates_mhz
            for i in range(-reach, reach + 1)
        }
    )
