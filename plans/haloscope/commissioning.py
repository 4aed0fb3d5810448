"""Before a scan: cold and at field, and a map of the modes that shows what to leave out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray

from devices.haloscope import Haloscope
from devices.parts.base import wall_timeout
from instruments.ranges import within
from plans.haloscope.measure import configure, sweep, sweeps_of
from plans.haloscope.tuning import Rod, approach, locate
from plans.shared.common import (
    Until,
    in_run,
    metadata,
    provenance,
    record,
    require,
    value_of,
)
from plans.shared.needs import needs
from plans.shared.safety import left_as_found, run_haloscope_safely

__all__ = ["MeasuredModes", "cool_and_ramp", "find_crossings", "map_modes"]


@dataclass(frozen=True)
class MeasuredModes:
    """What ``map_modes`` measured.

    Attributes:
        angle_deg: Rod angles (N,).
        bare_mhz: Calculated frequency of the bare mode at each (N,).
        frequency_mhz: Strongest resonance at each (N,).
        pull_khz: Its distance from where the bare mode would be (N,).
        crossings_mhz: Intervals (low, high) to leave out of a scan.
    """

    angle_deg: NDArray[np.float64]
    bare_mhz: NDArray[np.float64]
    frequency_mhz: NDArray[np.float64]
    pull_khz: NDArray[np.float64]
    crossings_mhz: list[tuple[float, float]]


@needs("magnet", "fridge.mxc")
def cool_and_ramp(
    haloscope: Haloscope,
    field_t: float | None = None,
    *,
    cold_k: float | None = None,
    longest_s: float = 86400.0,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[float]:
    """Wait until the mixing chamber is cold, then ramp the magnet. Returns the field reached, T.

    Parameters
    ----------
    haloscope
        The device.
    field_t
        Central field, T; the full one if not given.
    cold_k
        The mixing chamber must be below this first, and again afterwards, K; where suspended plans
        go on if not given.
    longest_s
        Simulated seconds to wait for it.
    md
        Metadata for the start document.

    Raises
    ------
    RuntimeError
        A quench is latched.
    """
    described = haloscope.apparatus
    field_t = described.magnet.full_field_t if field_t is None else field_t
    coldest_k = described.cryostat.base_temperature_k
    below_k = described.safety.resume_below_k if cold_k is None else cold_k
    within("cold_k", below_k, coldest_k, described.safety.suspend_above_k, "K")
    within("longest_s", longest_s, 1.0, 30 * 86400.0, "s")
    haloscope.magnet.field.check_value(field_t)
    if (yield from value_of(haloscope.magnet.quench, 0)):
        message = yield from value_of(haloscope.magnet.message, "")
        raise RuntimeError(f"the magnet's quench is latched: {message}")
    machine = yield from provenance(haloscope)
    args = {"field_t": field_t, "cold_k": below_k}
    start = metadata("cool_and_ramp", [haloscope.magnet], args, md, **machine)
    limit_s = wall_timeout(haloscope, longest_s)

    def cold() -> Until:
        mxc = haloscope.fridge.mxc
        return Until(mxc, lambda kelvin: kelvin < below_k, limit_s, goal=below_k)

    def inner() -> MsgGenerator[float]:
        yield from cold().wait()
        yield from record([haloscope.magnet, haloscope.fridge, haloscope.sim], "primary")
        yield from bps.abs_set(haloscope.magnet.field, field_t, wait=True)
        yield from cold().wait()  # ramping heats by eddy currents
        yield from record([haloscope.magnet, haloscope.fridge, haloscope.sim], "primary")
        return float((yield from value_of(haloscope.magnet.field.readback, field_t)))

    return (yield from run_haloscope_safely(in_run(inner(), start), haloscope))


def map_modes(
    haloscope: Haloscope,
    start_mhz: float,
    stop_mhz: float,
    *,
    step_khz: float | None = None,
    pull_khz: float | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[MeasuredModes]:
    """Map the strongest resonance against the rod's angle and find where modes cross.

    Where another mode is near, the resonance is pulled off its course, by half the splitting at the
    crossing. At a TM fraction of 90 % the pull is a third of the coupling of the two modes, 21 kHz
    for the letter's crossing (haloscope note 2.7).

    Parameters
    ----------
    haloscope
        The device.
    start_mhz
        From this calculated frequency of the mode, MHz.
    stop_mhz
        To this, MHz.
    step_khz
        In steps of this, kHz; as described if not given.
    pull_khz
        Pulled farther than this is crossing, kHz; as described if not given.
    md
        Metadata for the start document.
    """
    operation = haloscope.apparatus.operation
    step_khz = operation.map_step_hz * 1e-3 if step_khz is None else step_khz
    pull_khz = operation.crossing_pull_hz * 1e-3 if pull_khz is None else pull_khz
    # A point in thirty to a line's width shows all there is; sixteen widths apart modes are missed.
    line_khz = 1e-3 * sweeps_of(haloscope).widths.line_hz
    for name, khz in (("step_khz", step_khz), ("pull_khz", pull_khz)):
        within(name, khz, 0.03 * line_khz, 16.5 * line_khz, "kHz")
    modes = haloscope.apparatus.mode_map
    count = round(abs(stop_mhz - start_mhz) * 1e3 / step_khz) + 1
    require(count >= 10, f"{count} angles are too few to tell a pull from a course; at least 10")
    bare_mhz = np.linspace(start_mhz, stop_mhz, count)
    angles = np.array([float(modes.angle_deg(f * 1e6)) for f in bare_mhz])
    for angle in (angles.min(), angles.max()):
        haloscope.rod.check_value(float(angle))
    machine = yield from provenance(haloscope)
    args = {
        "start_mhz": start_mhz,
        "stop_mhz": stop_mhz,
        "step_khz": step_khz,
        "pull_khz": pull_khz,
    }
    hints = {"dimensions": [([haloscope.rod.name], "primary")]}
    devices = [haloscope.measured]
    start = metadata("map_modes", devices, args, md, hints=hints, num_points=len(angles), **machine)
    looks = _strongest(haloscope, angles, bare_mhz)
    safe = run_haloscope_safely(in_run(looks, start), haloscope)
    found_mhz = yield from left_as_found(safe, haloscope)
    pulls, crossings = find_crossings(bare_mhz, found_mhz, pull_khz)
    return MeasuredModes(angles, bare_mhz, found_mhz, pulls, crossings)


def _strongest(
    haloscope: Haloscope, angles: NDArray[np.float64], bare_mhz: NDArray[np.float64]
) -> MsgGenerator[NDArray[np.float64]]:
    """Go through the angles (N,) and record the strongest resonance at each (N,), MHz."""
    rod = Rod(direction=1 if angles[-1] > angles[0] else -1)
    yield from locate(haloscope, float(bare_mhz[0]), rod)
    yield from configure({haloscope.jpa.pump: "Off", haloscope.switch.selected: "Cavity"})
    look = sweeps_of(haloscope).measured(line_hz=rod.line_hz).modes
    found = []
    for angle, bare in zip(angles, bare_mhz, strict=True):
        yield from bps.checkpoint()
        yield from approach(haloscope, float(angle), rod)
        trace = yield from sweep(haloscope, look, bare + rod.offset_hz / 1e6)
        # The strongest point, not a fit: at a crossing there are two resonances.
        found.append(float(trace.frequency_mhz[np.argmax(np.abs(trace.s))]))
        values = {
            "target_frequency": bare,
            "cavity_frequency": found[-1],
            "cavity_frequency_error": 1e-6 * look.span_hz / look.points / 12**0.5,
        }
        yield from bps.abs_set(haloscope.measured, values, wait=True)
        yield from record([haloscope.measured, haloscope.rod, haloscope.sim], "primary")
    return np.array(found)


def find_crossings(
    bare_mhz: NDArray[np.float64], found_mhz: NDArray[np.float64], pull_khz: float
) -> tuple[NDArray[np.float64], list[tuple[float, float]]]:
    """Pull of each resonance off the common course, kHz, and the intervals pulled too far, MHz.

    The course is a straight line through measured against calculated frequency, fitted to the
    points that are not pulled (the outermost residuals are left out until none is).
    """
    x = bare_mhz - bare_mhz.mean()
    kept = np.ones(len(x), dtype=bool)
    offset = found_mhz - bare_mhz
    for _ in range(20):
        course = np.polyval(np.polyfit(x[kept], offset[kept], 1), x)
        pull = (offset - course) * 1e3
        again = np.abs(pull) <= max(0.25 * pull_khz, 3.0 * float(np.median(np.abs(pull))))
        if np.array_equal(again, kept) or again.sum() < 0.3 * len(x):
            break
        kept = again
    far = np.abs(pull) > pull_khz
    edges = np.flatnonzero(np.diff(np.concatenate([[False], far, [False]]).astype(int)))
    intervals = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        inside = found_mhz[max(first - 1, 0) : last + 1]
        intervals.append((float(inside.min()), float(inside.max())))
    return pull, intervals
