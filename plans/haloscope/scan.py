"""The haloscope's scan: at each target tune, measure the cavity, check the amplifier, digitize.

One event per step in stream ``primary``, with the spectrum and everything measured beside it. The
targets are frequencies; what the rod did to get there is for the record only.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator, short_uid
from ophyd import OphydObject

from devices.haloscope import Haloscope
from devices.parts.sweeping import sweep_settings
from devices.signals.settable import Setting
from haloscope.description import Description
from haloscope.measuring import decisions
from haloscope.measuring.gain import GainProfile
from haloscope.measuring.tolerances import Tolerances, tolerances_of
from instruments.ranges import within
from plans.haloscope.measure import (
    Coupling,
    Resonance,
    amplifier_at,
    begin,
    configure,
    passive,
    reflection,
    sweeps_of,
    transmission,
)
from plans.haloscope.steps import planned, remaining, without
from plans.haloscope.tuning import Amplifier, Rod, set_coupling, set_jpa, tune_to
from plans.shared.common import apparatus, in_run, metadata, provenance, record, require
from plans.shared.needs import needs
from plans.shared.safety import left_as_found, run_haloscope_safely

__all__ = [
    "OtherApparatusError",
    "ScanState",
    "Tolerances",
    "check",
    "direction",
    "scan",
    "spectrum_s",
    "step",
]


class OtherApparatusError(RuntimeError):
    """The IOC describes another apparatus than when the run began, which records that one."""


@dataclass
class ScanState:
    """What a scan learns from step to step; starting afresh costs some sweeps and nothing else.

    Attributes:
        described: Name and hash of the apparatus as the run's start document describes it.
        tolerances: What each step must fulfil.
        rod: What tuning has learnt.
        amplifier: What setting up the amplifier has learnt.
    """

    described: tuple[str, str]
    tolerances: Tolerances
    rod: Rod
    amplifier: Amplifier = field(default_factory=Amplifier)

    @classmethod
    def of(cls, apparatus: Description, tolerances: Tolerances | None = None) -> Self:
        """Before the first step, with an apparatus' own tolerances if none are given."""
        operation = apparatus.operation
        known = apparatus.name, apparatus.hash()
        return cls(known, tolerances or Tolerances.of(operation), Rod())

    def demand_same(self, apparatus: Description) -> None:
        """Refuse to go on with another apparatus than the run began with.

        Raises:
            OtherApparatusError: It is described otherwise; names both.
        """
        now = apparatus.name, apparatus.hash()
        if now != self.described:
            (name, own), (other, its) = self.described, now
            raise OtherApparatusError(
                f"the IOC describes {other} ({its}) now, this run began with {name} ({own}): "
                "begin another one"
            )


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
    for target in targets:
        check(haloscope, target, counts[target])
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


def set_up(
    haloscope: Haloscope, target_mhz: float, averages: int, state: ScanState
) -> MsgGenerator[dict[str, float]]:
    """All of a step before it digitizes; returns what it inferred, see ``measured_values``.

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
    state.demand_same(haloscope.apparatus)
    cavity, coupling = yield from _cavity(haloscope, target_mhz, averages, state)
    limits = state.tolerances
    profile = yield from set_jpa(
        haloscope,
        target_mhz,
        gain_db=limits.gain_db,
        tolerance_db=limits.gain_tolerance_db,
        amplifier=state.amplifier,
    )
    return measured_values(target_mhz, cavity, coupling, profile)


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


def measured_values(
    target_mhz: float, cavity: Resonance, coupling: Coupling, profile: GainProfile
) -> dict[str, float]:
    """What a step inferred, under the names of ``devices.parts.measured.CavityMeasured``."""
    return {
        "target_frequency": target_mhz,
        "cavity_frequency": cavity.frequency_mhz,
        "cavity_frequency_error": cavity.frequency_error_mhz,
        "loaded_q": cavity.loaded_q,
        "loaded_q_error": cavity.loaded_q_error,
        "beta": coupling.beta,
        "beta_error": coupling.beta_error,
        "beta_systematic": coupling.beta_systematic,
        "transmission_chi2": cavity.goodness.chi2,
        "transmission_leak": cavity.leak,
        "transmission_leak_error": cavity.leak_error,
        "reflection_chi2": coupling.resonance.goodness.chi2,
        "reflection_leak": coupling.resonance.leak,
        "reflection_leak_error": coupling.resonance.leak_error,
        "jpa_gain": profile.probe_gain_db,
        "jpa_gain_error": profile.probe_gain_db_error,
        "jpa_gain_peak": profile.peak_gain_db,
        "jpa_gain_peak_error": profile.peak_gain_db_error,
        "jpa_resonance": profile.resonance_mhz,
        "jpa_resonance_error": profile.resonance_hz_error / 1e6,
        "jpa_bandwidth": profile.bandwidth_khz,
        "jpa_bandwidth_error": profile.bandwidth_hz_error / 1e3,
        "jpa_gain_chi2": profile.goodness.chi2 if profile.goodness else math.nan,
    }


def check(haloscope: Haloscope, target_mhz: float, averages: int) -> None:
    """Refuse, before anything moves, a target that some device cannot be set to.

    Raises:
        ValueError: The calculated mode map does not reach the target.
        LimitError: A device's limit is exceeded.
    """
    haloscope.rod.check_value(float(haloscope.apparatus.mode_map.angle_deg(target_mhz * 1e6)))
    haloscope.lo.frequency.check_value(_lo_mhz(haloscope, target_mhz))
    haloscope.vna.center.check_value(target_mhz)
    for setting, value in amplifier_at(haloscope, target_mhz).items():
        setting.check_value(value)
    haloscope.daq.num_averages.check_value(averages)


def _lo_mhz(haloscope: Haloscope, target_mhz: float) -> float:
    return decisions.local_oscillator_hz(target_mhz * 1e6, haloscope.apparatus.receiver) / 1e6


def receiver_at(haloscope: Haloscope, target_mhz: float, averages: int) -> dict[Setting, Any]:
    """Settings for the spectrum of a step."""
    return {
        haloscope.lo.frequency: _lo_mhz(haloscope, target_mhz),
        haloscope.daq.num_averages: averages,
        haloscope.switch.selected: "Cavity",
    }


def _cavity(
    haloscope: Haloscope, target_mhz: float, averages: int, state: ScanState
) -> MsgGenerator[tuple[Resonance, Coupling]]:
    """Resonance and coupling within the tolerances; the antenna pulls the resonance."""
    limits = state.tolerances
    look = sweeps_of(haloscope).measured(line_hz=state.rod.line_hz).transmission
    # All that does not depend on a measurement is set while the rod moves.
    ready = yield from begin(
        {
            **amplifier_at(haloscope, target_mhz),
            **passive(haloscope),
            **sweep_settings(haloscope, look, target_mhz),
            **receiver_at(haloscope, target_mhz, averages),
        }
    )
    cavity = yield from tune_to(
        haloscope, target_mhz, tolerance_khz=limits.tuning_khz, rod=state.rod, ready={look: ready}
    )
    sweeps = sweeps_of(haloscope).measured(line_hz=cavity.line_hz)
    coupling = yield from reflection(haloscope, target_mhz, sweeps.reflection)
    if decisions.coupled(coupling.beta, limits.beta_low, limits.beta_high):
        return cavity, coupling
    middle = math.sqrt(limits.beta_low * limits.beta_high)
    coupling = yield from set_coupling(
        haloscope, middle, low=limits.beta_low, high=limits.beta_high, frequency_mhz=target_mhz,
        look=sweeps.reflection,
    )  # fmt: skip
    cavity = yield from transmission(haloscope, target_mhz, sweeps.transmission)
    if not decisions.tuned(cavity.frequency_mhz * 1e6, target_mhz * 1e6, limits.tuning_khz * 1e3):
        cavity = yield from tune_to(
            haloscope, target_mhz, tolerance_khz=limits.tuning_khz, rod=state.rod
        )
        coupling = yield from reflection(haloscope, target_mhz, sweeps.reflection)
    return cavity, coupling


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
