"""All of a step of a scan before it digitizes: tune, measure the cavity, set up the amplifier."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from devices.parts.sweeping import sweep_settings
from devices.signals.settable import Setting
from haloscope.description import Description
from haloscope.measuring import decisions
from haloscope.measuring.gain import GainProfile
from haloscope.measuring.tolerances import Tolerances
from plans.haloscope.measure import (
    Coupling,
    Resonance,
    amplifier_at,
    begin,
    passive,
    reflection,
    sweeps_of,
    transmission,
)
from plans.haloscope.tuning import Amplifier, Rod, set_coupling, set_jpa, tune_to

__all__ = [
    "OtherApparatusError",
    "ScanState",
    "check",
    "check_all",
    "check_angles",
    "measured_values",
    "receiver_at",
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


def set_up(
    haloscope: Haloscope, target_mhz: float, averages: int, state: ScanState
) -> MsgGenerator[dict[str, float]]:
    """All of a step before it digitizes; its arguments are those of ``scan.step``.

    Returns:
        What it inferred, see ``measured_values``.

    Raises:
        OtherApparatusError: The IOC describes another apparatus than when the scan began.
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


def check_all(haloscope: Haloscope, steps: Sequence[tuple[float, int]]) -> None:
    """As ``check`` for each step, a target in MHz and its averages; the first refused is told.

    Every setting rises or falls with the target all along, and what is demanded of it is a range:
    where both ends are within, all between them are. Only the rod's angle is worked out for each,
    and each number of averages is looked at: between two whole numbers there are others.

    Raises:
        ValueError: As ``check``.
        LimitError: As ``check``.
    """
    if not steps:
        return
    try:
        targets_mhz, averages = zip(*steps, strict=True)
        check_angles(haloscope, targets_mhz)
        for target_mhz in (min(targets_mhz), max(targets_mhz)):
            check(haloscope, target_mhz, averages[0])
        for count in {(type(count), count): count for count in averages}.values():
            haloscope.daq.num_averages.check_value(count)
    except (ValueError, TypeError):
        for target_mhz, count in steps:  # the first that is refused has its own words
            check(haloscope, target_mhz, count)
        raise


def check_angles(haloscope: Haloscope, targets_mhz: Sequence[float]) -> None:
    """Refuse, before anything moves, targets that the rod cannot be turned to; tells the first.

    Raises:
        ValueError: The calculated mode map does not reach them.
        LimitError: The rod's limits are exceeded.
    """
    if not len(targets_mhz):
        return
    modes, rod = haloscope.apparatus.mode_map, haloscope.rod
    try:
        angles_deg = modes.angle_deg(1e6 * np.asarray(targets_mhz))
        for angle_deg in (angles_deg.min(), angles_deg.max()):
            rod.check_value(float(angle_deg))
    except ValueError:
        for target_mhz in targets_mhz:
            rod.check_value(float(modes.angle_deg(target_mhz * 1e6)))
        raise


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
