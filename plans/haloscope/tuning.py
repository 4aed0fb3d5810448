"""Tuning by measurement: cavity to a frequency, antenna to a coupling, amplifier to a gain.

What to do next, and when it is good enough, is decided by ``haloscope.measuring.decisions`` and
``haloscope.measuring.tuning``; these plans do it and measure.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from devices.parts.sweeping import sweeps_of, transmission_in
from devices.signals.settable import Setting
from haloscope.measuring import decisions, tuning
from haloscope.measuring.gain import GainProfile
from haloscope.measuring.sweeps import Sweep, Sweeps
from haloscope.measuring.tolerances import (
    GAIN_DB,
    GAIN_TOLERANCE_DB,
    TUNING_KHZ,
    coupling_range,
)
from haloscope.measuring.transmission import Transmission
from haloscope.measuring.tuning import Look, MoveRod, NotTunedError, Procedure, Rod
from instruments.ranges import within
from plans.haloscope.measure import (
    Coupling,
    Resonance,
    Trace,
    amplifier_at,
    amplifier_gain,
    passive,
    reflection,
    resonance_of,
    sweep,
)
from plans.shared.common import value_of
from plans.shared.needs import needs

__all__ = [
    "Amplifier",
    "NotTunedError",
    "Rod",
    "set_coupling",
    "set_jpa",
    "tune_to",
]

#: For how many gains a sweep with the pump off serves.
REFERENCE_USES = 100
#: Where no gain is seen it may be of another width: expected ones times these, one after the other.
GAIN_WIDTHS = (1.0, 1.0, 3.0, 10.0, 0.3)
#: How much longer than usual one may be swept.
MOST_PATIENCE = 64


@dataclass
class Amplifier:
    """What setting up the amplifier learns.

    Attributes:
        pump_power_dbm: The pump power that gave the wanted gain last; None before the first.
        reference: The bypass with the pump off, over several MHz; taken again when it is used up.
        uses: How often the reference was used.
        gain_hz: Full width of its gain, last time it was as wanted; NaN before the first.
        patience: A reference is swept so many times more than usual.
    """

    pump_power_dbm: float | None = None
    reference: Trace | None = None
    uses: int = 0
    gain_hz: float = math.nan
    patience: int = 1

    def doubt(self) -> None:
        """No fit describes a gain: perhaps the reference was disturbed, or is noisier than it.

        Behind amplifiers of much noise a sweep without pump is: the next one is taken for longer.
        """
        self.reference = None
        self.patience = min(MOST_PATIENCE, 4 * self.patience)


def tune_to(
    haloscope: Haloscope,
    frequency_mhz: float,
    *,
    tolerance_khz: float | None = None,
    attempts: int = 8,
    rod: Rod | None = None,
    ready: Mapping[Sweep, str] | None = None,
) -> MsgGenerator[Resonance]:
    """Tune the cavity to a frequency by moving the rod and measuring the resonance.

    Parameters
    ----------
    haloscope
        The device.
    frequency_mhz
        Wanted resonance, MHz.
    tolerance_khz
        Greatest distance of the measured resonance from it, kHz; as described if not given.
    attempts
        Moves before giving up.
    rod
        What earlier tunings learnt; updated.
    ready
        The sweep about the target whose settings are being set already, with the group to wait for.

    Returns
    -------
    The last measurement, within the tolerance.

    Raises
    ------
    ValueError
        The rod cannot reach that frequency.
    NotTunedError
        Not there after ``attempts`` moves.
    BadFitError
        No fit describes the resonance that is there.
    """
    apparatus = haloscope.apparatus
    if tolerance_khz is None:
        tolerance_khz = apparatus.operation.tuning_tolerance_hz * 1e-3
    within("tolerance_khz", tolerance_khz, *TUNING_KHZ, "kHz")
    modes = apparatus.mode_map
    low, high = modes.lowest_hz / 1e6, modes.highest_hz / 1e6
    within("frequency_mhz", frequency_mhz, low, high, "MHz")
    rod = rod if rod is not None else Rod()
    procedure = tuning.tune(
        frequency_mhz * 1e6,
        modes,
        sweeps_of(haloscope),
        rod,
        tolerance_hz=tolerance_khz * 1e3,
        attempts=attempts,
    )
    return resonance_of((yield from _do(haloscope, procedure, rod, ready)))


def locate(haloscope: Haloscope, near_mhz: float, rod: Rod) -> MsgGenerator[None]:
    """Go to the angle the calculation gives and find the resonance there; updates ``rod``.

    Raises
    ------
    NotTunedError
        There is no resonance to be seen.
    """
    described = haloscope.apparatus
    tolerance_hz = described.operation.tuning_tolerance_hz
    procedure = tuning.locate(
        near_mhz * 1e6, described.mode_map, sweeps_of(haloscope), rod, tolerance_hz=tolerance_hz
    )
    yield from _do(haloscope, procedure, rod)


def _do(
    haloscope: Haloscope, procedure: Procedure, rod: Rod, ready: Mapping[Sweep, str] | None = None
) -> MsgGenerator[Transmission]:
    """Run a procedure to its end: do each action that it asks for and send it the result.

    Args:
        haloscope: The device.
        procedure: Says what to do.
        rod: What it knows of the rod.
        ready: A sweep that is being set up already, with the group to wait for.
    """
    answer: Any = None
    prepared = dict(ready or {})
    while True:
        try:
            action = procedure.send(answer)
        except StopIteration as end:
            found: Transmission = end.value
            return found
        if isinstance(action, MoveRod):
            answer = yield from approach(haloscope, action.angle_deg, rod)
        else:
            answer = yield from _look(haloscope, action, prepared)
            prepared = {}


def _look(
    haloscope: Haloscope, look: Look, prepared: Mapping[Sweep, str]
) -> MsgGenerator[Transmission | None]:
    """One look at the resonance, the pump off."""
    ready = prepared.get(look.sweep, "")
    for group in set(prepared.values()) - {ready}:  # is about to be set otherwise
        yield from bps.wait(group)
    off = passive(haloscope)
    trace = yield from sweep(haloscope, look.sweep, look.centre_hz / 1e6, off, ready=ready)
    return transmission_in(trace)


def approach(haloscope: Haloscope, angle_deg: float, rod: Rod) -> MsgGenerator[float]:
    """Move the rod to an angle, arriving from the side that ``rod`` says.

    Returns
    -------
    How far from there it was sent before, deg.
    """
    last = float((yield from value_of(haloscope.rod.user_setpoint, angle_deg)))
    take_up_deg = haloscope.apparatus.operation.rod_take_up_deg
    for place in rod.way(angle_deg, last, take_up_deg):
        yield from bps.abs_set(haloscope.rod, place, wait=True)
    return abs(angle_deg - last)


@needs("antenna")
def set_coupling(
    haloscope: Haloscope,
    beta: float | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
    frequency_mhz: float | None = None,
    attempts: int = 8,
    look: Sweep | None = None,
) -> MsgGenerator[Coupling]:
    """Move the strong antenna until the measured coupling is within ``low`` to ``high``.

    Parameters
    ----------
    haloscope
        The device.
    beta
        Wanted coupling; the geometric middle of the accepted ones if not given.
    low
        Lowest coupling accepted; as described if not given.
    high
        Highest coupling accepted; as described if not given.
    frequency_mhz
        Where the resonance is, MHz; the analyzer's present centre if not given.
    attempts
        Moves before giving up.
    look
        Of the analyzer; those for the width that is expected if not given.

    Raises
    ------
    NotTunedError
        Not there after ``attempts`` moves.
    BadFitError
        No fit describes the reflection.
    """
    operation = haloscope.apparatus.operation
    low = operation.beta_low if low is None else low
    high = operation.beta_high if high is None else high
    coupling_range(low, high)
    beta = math.sqrt(low * high) if beta is None else beta
    coupling_range(low, beta, high)
    center = frequency_mhz or (yield from value_of(haloscope.vna.center))
    found = yield from reflection(haloscope, center, look)
    moves = 0
    while not decisions.coupled(found.beta, low, high):
        if moves >= attempts:
            raise NotTunedError(
                f"antenna: wanted beta {low:g} to {high:g}, reached {found.beta:.3f} +- "
                f"{found.beta_error:.3f} after {attempts} moves"
            )
        moves += 1
        depth = yield from value_of(haloscope.antenna.user_setpoint, 0.0)
        goal = decisions.next_depth_mm(depth, found.beta, beta, operation.coupling_depth_mm)
        # Always inwards: the play of the drive then lies on the same side.
        for place in decisions.waypoints(goal, depth, 1, operation.antenna_take_up_mm):
            yield from bps.abs_set(haloscope.antenna, place, wait=True)
        # The antenna's depth shifts the resonance: look about where it was found last.
        found = yield from reflection(haloscope, found.resonance.frequency_mhz, look)
    return found


def pump_off(
    haloscope: Haloscope,
    resonance_mhz: float,
    source: str,
    amplifier: Amplifier,
    settings: Mapping[Setting, Any],
    sweeps: Sweeps | None = None,
) -> MsgGenerator[Trace]:
    """The bypass with the pump off, which a gain at ``resonance_mhz`` is held against.

    What it holds, cables and cold amplifiers, drifts by 0.01 dB in hours and has ripple of MHz
    periods: one sweep over several MHz serves the steps inside it.
    """
    sweeps = sweeps or sweeps_of(haloscope)
    half = 1e-6 * (0.5 * sweeps.gain.span_hz + abs(haloscope.apparatus.operation.jpa_offset_hz))
    known = amplifier.reference
    used_up = known is None or amplifier.uses >= REFERENCE_USES
    if known is not None and not used_up:
        low, high = known.frequency_mhz[[0, -1]]
        used_up = resonance_mhz - half < low or resonance_mhz + half > high
    if known is None or used_up:
        passively = {**settings, **passive(haloscope, source)}
        usual = sweeps.reference
        long = replace(usual, averages=amplifier.patience * usual.averages)
        known = yield from sweep(haloscope, long, resonance_mhz, passively)
        amplifier.reference, amplifier.uses = known, 0
    amplifier.uses += 1
    return known


def set_jpa(
    haloscope: Haloscope,
    target_mhz: float,
    *,
    gain_db: float | None = None,
    tolerance_db: float | None = None,
    source: str = "Cavity",
    attempts: int = 10,
    amplifier: Amplifier | None = None,
) -> MsgGenerator[GainProfile]:
    """Set the amplifier to its place for a target, and its gain at the probe tone by pump power.

    Parameters
    ----------
    haloscope
        The device.
    target_mhz
        Centre of the spectrum to be taken, MHz.
    gain_db
        Wanted gain at the probe tone; as described if not given.
    tolerance_db
        Greatest distance of the measured gain from it; as described if not given.
    source
        What the switch connects meanwhile: Cavity (in situ) or Noise source (50 ohm).
    attempts
        Measurements before giving up.
    amplifier
        What earlier set-ups learnt; updated.

    Returns
    -------
    The measured profile; the pump is on.

    Raises
    ------
    NotTunedError
        The gain is not within the tolerance after ``attempts`` measurements.
    """
    operation = haloscope.apparatus.operation
    gain_db = operation.gain_db if gain_db is None else gain_db
    tolerance_db = operation.gain_tolerance_db if tolerance_db is None else tolerance_db
    within("gain_db", gain_db, *GAIN_DB, "dB")
    within("tolerance_db", tolerance_db, *GAIN_TOLERANCE_DB, "dB")
    amplifier = amplifier if amplifier is not None else Amplifier()
    frequencies = amplifier_at(haloscope, target_mhz)
    resonance_mhz = frequencies[haloscope.jpa.resonance]
    reached, refusals = "nothing", 0
    known = sweeps_of(haloscope).measured(gain_hz=amplifier.gain_hz)
    for _ in range(attempts):
        other_hz = GAIN_WIDTHS[refusals % len(GAIN_WIDTHS)] * known.widths.gain_hz
        sweeps = known.measured(gain_hz=other_hz)
        power_dbm = amplifier.pump_power_dbm
        power_dbm = operation.first_pump_dbm if power_dbm is None else power_dbm
        settings = {**frequencies, haloscope.jpa.pump_power: power_dbm}
        reference = yield from pump_off(
            haloscope, resonance_mhz, source, amplifier, settings, sweeps
        )
        try:
            profile = yield from amplifier_gain(
                haloscope, resonance_mhz, reference, sweeps.gain, source=source, more=settings
            )
        except ValueError as refused:
            reached, refusals = str(refused), refusals + 1
            amplifier.doubt()
            continue
        found_db = profile.probe_gain_db
        reached = f"{found_db:.2f} dB"
        if profile.goodness is not None and not profile.goodness.good:
            reached = f"{reached} by a bad fit: {profile.goodness}"
            amplifier.doubt()
            continue
        amplifier.pump_power_dbm = decisions.next_pump_dbm(
            power_dbm, found_db, gain_db, tolerance_db
        )
        if decisions.amplified(found_db, gain_db, tolerance_db):
            if haloscope.apparatus.jpa.kind != "wideband":
                amplifier.gain_hz = profile.bandwidth_hz
            return profile
    probe_mhz = decisions.probe_hz(target_mhz * 1e6, operation) / 1e6
    raise NotTunedError(
        f"amplifier at {probe_mhz:.6f} MHz: wanted {gain_db:g} +- "
        f"{tolerance_db:g} dB, reached {reached} after {attempts} attempts"
    )
