"""The haloscope's scan: at each target tune, measure the cavity, check the amplifier, digitize.

One event per step in stream ``primary``, with the spectrum and everything measured beside it. The
targets are frequencies; what the rod did to get there is for the record only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator, short_uid
from ophyd import OphydObject

from devices.haloscope import Haloscope
from haloscope.description import Description
from haloscope.measuring.tolerances import tolerances_of
from instruments.ranges import within
from plans.haloscope.measure import configure
from plans.haloscope.setting_up import ScanState, check_all, receiver_at, set_up
from plans.haloscope.steps import planned, remaining, without
from plans.shared.common import apparatus, in_run, metadata, provenance, record, require
from plans.shared.needs import needs
from plans.shared.safety import left_as_found, run_haloscope_safely

__all__ = ["direction", "scan", "spectrum_s", "step"]

PerStep = Callable[[Haloscope, float, int, ScanState], MsgGenerator[None]]


@needs("antenna", "magnet.field.readback")
def scan(
    haloscope: Haloscope,
    frequencies_mhz: Sequence[float] | None = None,
    *,
    start_mhz: float | None = None,
    stop_mhz: float | None = None,
    step_khz: float | None = None,
    averages: int | Sequence[int] | None = None,
    calibration: Mapping[str, Any] | None = None,
    skip_mhz: Iterable[tuple[float, float]] = (),
    done_mhz: Iterable[float] = (),
    tolerances: Mapping[str, float] | None = None,
    per_step: PerStep | None = None,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[float]]:
    """Scan a list or a range of frequencies.

    Parameters
    ----------
    haloscope
        The device.
    frequencies_mhz
        Targets, MHz; or give a range.
    start_mhz
        First target, MHz.
    stop_mhz
        Last target, MHz.
    step_khz
        Distance of targets in the range, kHz; as described if not given.
    averages
        Spectra averaged at each step, or one number per step; as described if not given.
    calibration
        What ``plans.haloscope.calibration.calibrate`` or ``calibrating.calibrate_band`` returned,
        for the start document.
    skip_mhz
        Intervals (low, high) to leave out, such as a mode crossing.
    done_mhz
        Targets recorded by an earlier run of this scan, not to be taken again.
    tolerances
        What each step must fulfil, by the names of ``Tolerances``; what is not given is as
        described.
    per_step
        Replaces ``step``.
    md
        Metadata for the start document.

    Returns
    -------
    The targets taken.

    Raises
    ------
    ValueError
        Nonsense in the arguments; nothing has moved.
    LimitError
        A target beyond a limit of the rod, the mixer or the amplifier; nothing moved.
    NotTunedError
        A step does not fulfil the tolerances.
    BadFitError
        No fit describes what the analyzer showed at a step.
    """
    described = haloscope.apparatus
    limits = tolerances_of(tolerances, described.operation)
    step_khz = described.operation.step_hz * 1e-3 if step_khz is None else step_khz
    averages = described.digitizer.averages if averages is None else averages
    whole = planned(frequencies_mhz, start_mhz=start_mhz, stop_mhz=stop_mhz, step_khz=step_khz)
    wanted = without(whole, skip_mhz)
    counts = _averages(averages, wanted, whole)
    targets = remaining(wanted, done_mhz)
    check_all(haloscope, [(target, counts[target]) for target in targets])
    args = {
        "frequencies_mhz": wanted,
        "averages": [counts[target] for target in wanted],
        "skip_mhz": [list(interval) for interval in skip_mhz],
        "done_mhz": sorted(set(wanted) - set(targets)),
        "tolerances": dict(limits),
    }
    start = yield from scan_document(
        "scan",
        haloscope,
        args,
        md,
        calibration=calibration,
        num_points=len(targets),
        expected_duration_s=sum(step_s(described, counts[t]) for t in targets),
    )
    state = ScanState.of(described, limits)
    state.rod.direction = direction(described, targets)
    take = per_step or step

    def inner() -> MsgGenerator[list[float]]:
        for target in targets:
            yield from bps.checkpoint()
            yield from take(haloscope, target, counts[target], state)
        return targets

    safely = run_haloscope_safely(in_run(inner(), start), haloscope)
    return (yield from left_as_found(safely, haloscope))


def spectrum_s(apparatus: Description) -> float:
    """Seconds of one spectrum: the inverse of the width of its bins."""
    return 1.0 / apparatus.digitizer.bin_width_hz


def step_s(apparatus: Description, averages: int) -> float:
    """Expected seconds of a step, with what the digitizer loses."""
    integration_s = spectrum_s(apparatus) * averages / apparatus.digitizer.efficiency
    return integration_s + apparatus.operation.step_overhead_s


def scan_document(
    name: str,
    haloscope: Haloscope,
    args: Mapping[str, Any],
    md: Mapping[str, Any] | None,
    *,
    calibration: Mapping[str, Any] | None,
    **more: Any,
) -> MsgGenerator[dict[str, Any]]:
    """Metadata of a run of steps: which machine it is of, and what the analysis reads of it."""
    machine = yield from provenance(haloscope)
    return metadata(
        name,
        [haloscope.daq, haloscope.measured],
        args,
        md,
        hints={"dimensions": [([haloscope.measured.target_frequency.name], "primary")]},
        calibration=dict(calibration) if calibration else None,
        apparatus=apparatus(haloscope),
        **more,
        **machine,
    )


def step(
    haloscope: Haloscope, target_mhz: float, averages: int, state: ScanState
) -> MsgGenerator[None]:
    """One step: tune, measure the cavity, check the amplifier, digitize, record.

    Parameters
    ----------
    haloscope
        The device.
    target_mhz
        Where the cavity and the centre of the spectrum shall be, MHz.
    averages
        Spectra averaged.
    state
        What the scan has learnt; updated.

    Raises
    ------
    OtherApparatusError
        The IOC describes another apparatus than when the scan began.
    """
    values = yield from set_up(haloscope, target_mhz, averages, state)
    yield from bps.checkpoint()
    yield from configure(receiver_at(haloscope, target_mhz, averages))  # after a pause, too
    group = short_uid("digitize")
    yield from bps.trigger(haloscope.daq, group=group)
    yield from bps.abs_set(haloscope.measured, values, group=group)
    yield from bps.wait(group)
    yield from record(event_devices(haloscope), "primary")


def event_devices(haloscope: Haloscope) -> list[OphydObject]:
    """What an event of a step holds."""
    return [
        haloscope.daq,
        haloscope.measured,
        haloscope.magnet.field,
        haloscope.rod,
        haloscope.fridge,
        haloscope.sim,
        haloscope.seal,
    ]


def _averages(
    averages: int | Sequence[int], wanted: Sequence[float], whole: Sequence[float]
) -> dict[float, int]:
    """Averages by target; a sequence is in the order of the targets, with or without skipped."""
    if isinstance(averages, int):
        each = dict.fromkeys(wanted, averages)
    else:
        order = wanted if len(averages) == len(wanted) else whole
        require(len(averages) == len(order), f"{len(averages)} averages for {len(order)} targets")
        each = dict(zip(order, (int(n) for n in averages), strict=True))
    for count in each.values():
        within("averages", count, 1, 10_000_000, "spectra")
    return each


def direction(apparatus: Description, targets_mhz: Sequence[float]) -> int:
    """Side from which the rod shall arrive: along the scan, so that steps need no detour."""
    if len(targets_mhz) < 2:
        return 0
    first, last = (apparatus.mode_map.angle_deg(f * 1e6) for f in (targets_mhz[0], targets_mhz[-1]))
    return 1 if last > first else -1
