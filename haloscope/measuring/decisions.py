"""What to do next, given what was measured: rod, antenna, pump; and when it is good enough.

Pure functions: numbers in, numbers out; no device, no plan, no clock. Plans and the cavity's
positioner ask here and act on the answer, so that each decision is made in one way.
"""

from __future__ import annotations

import math
from typing import Final, Protocol, SupportsFloat

from haloscope.description.groups import Operation, Receiver
from haloscope.parametric import pump_over_threshold

__all__ = [
    "Course",
    "amplified",
    "arrival",
    "coupled",
    "jpa_resonance_hz",
    "local_oscillator_hz",
    "next_depth_mm",
    "next_offset_hz",
    "next_pump_dbm",
    "probe_hz",
    "pump_step_db",
    "stretch",
    "tuned",
    "waypoints",
]

#: Within this share of its tolerance a gain is left alone; beyond it the pump is trimmed, though
#: the gain is good enough: drifts until the next step then stay inside.
_TRIM: Final = 0.25
#: Two resonances so many tolerances of the tuning apart show how far the rod really tunes: a move's
#: scatter is part of the tolerance. The measured ratio is used if it lies within this factor of 1.
_FAR_TOLERANCES: Final = 100.0
_STRETCH: Final = 3.0


class Course(Protocol):
    """The calculated course of the resonance: ``haloscope.mode_map.ModeMap`` is one."""

    def angle_deg(self, frequency_hz: float) -> SupportsFloat:
        """The rod's angle at a frequency; raises ValueError where there is none."""

    def frequency_hz(self, angle_deg: float) -> SupportsFloat:
        """The frequency at an angle of the rod."""


# Frequencies --------------------------------------------------------------------------------------


def jpa_resonance_hz(target_hz: float, operation: Operation) -> float:
    """Where the amplifier's resonance, half the pump frequency, belongs for a target, Hz."""
    return target_hz + operation.jpa_offset_hz


def probe_hz(target_hz: float, operation: Operation) -> float:
    """Where the amplifier's gain is stated for a target, Hz."""
    return jpa_resonance_hz(target_hz, operation) + operation.probe_offset_hz


def local_oscillator_hz(target_hz: float, receiver: Receiver) -> float:
    """The local oscillator's frequency for a spectrum with its centre at a target, Hz."""
    return target_hz - receiver.intermediate_hz


# The rod ------------------------------------------------------------------------------------------


def stretch(
    before: tuple[float, float],
    now: tuple[float, float],
    tolerance_hz: float,
    known: float = 1.0,
) -> float:
    """How far the resonance really moves for each hertz of the calculation.

    Args:
        before: Calculated and measured frequency at one angle of the rod, Hz.
        now: The same at another.
        tolerance_hz: Of the tuning.
        known: Returned where the two are too close together, or their ratio makes no sense.
    """
    calculated_hz, found_hz = now[0] - before[0], now[1] - before[1]
    if abs(calculated_hz) < _FAR_TOLERANCES * tolerance_hz:
        return known
    ratio = found_hz / calculated_hz
    return ratio if 1 / _STRETCH < ratio < _STRETCH else known


def next_offset_hz(
    calculated_hz: float, found_hz: float, target_hz: float, stretch: float = 1.0
) -> float:
    """Measured minus calculated frequency as expected at the target, Hz.

    The rod's next angle is the calculated one for the target less this.

    Args:
        calculated_hz: Calculated frequency at the angle where the rod is.
        found_hz: Measured there.
        target_hz: Where the resonance is wanted.
        stretch: How far it moves for each hertz of the calculation.
    """
    return target_hz - calculated_hz - (target_hz - found_hz) / stretch


def arrival(goal: float, last: float) -> int:
    """The side to arrive from where any will do, that of this move: +1 upwards, -1 downwards."""
    return 1 if goal >= last else -1


def waypoints(
    goal: float, last: float, direction: int, take_up: float, *, loose: bool = False
) -> tuple[float, ...]:
    """Where a drive with play must go to arrive at ``goal`` from one side: the goal comes last.

    Args:
        goal: Where to, in the drive's units.
        last: Where it was sent last.
        direction: +1 to arrive upwards, -1 downwards.
        take_up: How far beyond the goal it turns round, more than the play.
        loose: From which side it arrived last is not known.
    """
    if loose or (goal - last) * direction < 0:
        return goal - direction * take_up, goal
    return (goal,)


def tuned(found_hz: float, target_hz: float, tolerance_hz: float) -> bool:
    """Whether a measured resonance is near enough to its target."""
    return abs(found_hz - target_hz) <= tolerance_hz


# The antenna --------------------------------------------------------------------------------------


def next_depth_mm(depth_mm: float, beta: float, wanted: float, growth_mm: float) -> float:
    """Insertion depth at which the coupling is expected to be as wanted, mm.

    Args:
        depth_mm: Where the antenna is.
        beta: Coupling measured there, above 0.
        wanted: Coupling wanted, above 0.
        growth_mm: Insertion over which the coupling is taken to grow e-fold. A wrong value costs
            moves, not the result: the coupling is measured after each.
    """
    return depth_mm + growth_mm * math.log(wanted / beta)


def coupled(beta: float, low: float, high: float) -> bool:
    """Whether a measured coupling is within its range."""
    return low <= beta <= high


# The pump -----------------------------------------------------------------------------------------


def pump_step_db(gain_db: float, wanted_db: float) -> float:
    """Change of pump power that takes a peak gain to the wanted one, dB.

    Raises:
        ValueError: A gain that is not above 0 dB.
    """
    if not (gain_db > 0 and wanted_db > 0):
        raise ValueError(f"gains must be above 0 dB: {gain_db:g} dB measured, {wanted_db:g} wanted")
    found, wanted = (pump_over_threshold(10.0 ** (db / 10.0)) for db in (gain_db, wanted_db))
    return 10.0 * math.log10(wanted / found)


def next_pump_dbm(
    power_dbm: float, gain_db: float, wanted_db: float, tolerance_db: float = 0.0
) -> float:
    """Pump power for the next measurement, in one stride by the amplifier's law, dBm.

    Args:
        power_dbm: Pump power now.
        gain_db: Gain measured at it.
        wanted_db: Gain wanted.
        tolerance_db: Within a quarter of this the power stays.

    Raises:
        ValueError: A gain that is not above 0 dB.
    """
    if abs(gain_db - wanted_db) <= _TRIM * tolerance_db:
        return power_dbm
    return power_dbm + pump_step_db(gain_db, wanted_db)


def amplified(gain_db: float, wanted_db: float, tolerance_db: float) -> bool:
    """Whether a measured gain is near enough to the wanted one."""
    return abs(gain_db - wanted_db) <= tolerance_db
