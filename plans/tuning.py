"""Tuning by measurement: cavity to a frequency, antenna to a coupling, amplifier to a gain.

The rod's angle is never trusted: each tuning ends with a measured resonance within the tolerance.
The drive has play, so the rod arrives at every position from the same side.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from instruments.ranges import within
from plans.amplifier import GainProfile, pump_step_db
from plans.common import mode_map, value_of
from plans.measure import (
    GAIN,
    PROBE_OFFSET_MHZ,
    SEARCH,
    TARGET_OFFSET_MHZ,
    WIDE_SEARCH,
    Coupling,
    Resonance,
    Sweep,
    Trace,
    amplifier_gain,
    passive,
    reflection,
    sweep,
    transmission,
)
from plans.tolerances import GAIN_DB, GAIN_TOLERANCE_DB, TUNING_KHZ, coupling_range

__all__ = [
    "JPA_OFFSET_MHZ",
    "Amplifier",
    "NotTunedError",
    "Rod",
    "set_coupling",
    "set_jpa",
    "tune_to",
]

#: The amplifier's resonance stands 100 kHz below the target (the letter).
JPA_OFFSET_MHZ = -TARGET_OFFSET_MHZ
#: Against its direction of arrival the rod first goes this much too far, deg: beyond any play of
#: the crank (assumed: some mdeg, as attocube rotators have).
TAKE_UP_DEG = 0.005
#: A move beyond this is a far one, deg; of shorter moves one percent of creep is below 1 kHz.
FAR_DEG = 0.03
#: After a far move: sweeps of a minute each until two agree within this, MHz; at most so many.
WATCH = Sweep("Weak", 0.3, 101, 100.0, averages=50)
STILL_MHZ, STILL_ATTEMPTS = 3e-4, 12
#: Insertion depth over which the coupling grows e-fold, mm: a first guess (waveguide below cutoff),
#: replaced by what two measurements say.
COUPLING_DEPTH_MM = 1.0
#: The antenna's play is taken up from this far out, mm.
TAKE_UP_MM = 0.03
#: The sweep with the pump off, and for how many gains it serves.
REFERENCE = Sweep("Bypass", 4.0, 201, 1000.0, averages=4)
REFERENCE_USES = 100
#: Pump power to start from, dBm: well below the threshold of parametric oscillation.
FIRST_PUMP_DBM = -36.0


class NotTunedError(RuntimeError):
    """Tuning did not arrive; the message has what was wanted, what was reached, in units."""


@dataclass
class Rod:
    """What tuning learns of the rod, and from which side it arrives.

    Attributes:
        offset_mhz: measured minus calculated frequency, last time; NaN before the first.
        direction: +1 to arrive upwards in angle, -1 downwards; 0 to take what the first move needs.
    """

    offset_mhz: float = math.nan
    direction: int = 0


@dataclass
class Amplifier:
    """What setting up the amplifier learns.

    Attributes:
        pump_power_dbm: the pump power that gave the wanted gain last.
        reference: the bypass with the pump off, over several MHz; taken again when it is used up.
        uses: how often the reference was used.
    """

    pump_power_dbm: float = FIRST_PUMP_DBM
    reference: Trace | None = None
    uses: int = 0


def tune_to(
    haloscope: Haloscope,
    frequency_mhz: float,
    *,
    tolerance_khz: float = 1.0,
    attempts: int = 8,
    rod: Rod | None = None,
    ready: str = "",
) -> MsgGenerator[Resonance]:
    """Tune the cavity to a frequency by moving the rod and measuring the resonance.

    Parameters
    ----------
    haloscope
        the device.
    frequency_mhz
        wanted resonance, MHz.
    tolerance_khz
        greatest distance of the measured resonance from it, kHz.
    attempts
        moves before giving up.
    rod
        what earlier tunings learnt; updated.
    ready
        the group in which the first measurement's settings are being set already.

    Returns
    -------
    The last measurement, within the tolerance.

    Raises
    ------
    ValueError
        the rod cannot reach that frequency.
    NotTunedError
        not there after `attempts` moves.
    """
    within("tolerance_khz", tolerance_khz, *TUNING_KHZ, "kHz")
    rod = rod if rod is not None else Rod()
    modes = mode_map()
    low, high = modes.lowest_hz / 1e6, modes.highest_hz / 1e6
    within("frequency_mhz", frequency_mhz, low, high, "MHz")
    if math.isnan(rod.offset_mhz):
        if ready:  # looking for the resonance changes these settings
            yield from bps.wait(ready)
            ready = ""
        yield from locate(haloscope, frequency_mhz, rod)
    found = None
    for _ in range(attempts):
        angle = float(modes.angle_deg((frequency_mhz - rod.offset_mhz) * 1e6))
        yield from approach(haloscope, angle, rod)
        already, ready = ready, ""
        try:
            found = yield from transmission(haloscope, frequency_mhz, ready=already)
        except ValueError:  # no resonance in the window
            yield from locate(haloscope, frequency_mhz, rod)
            continue
        error_mhz = found.frequency_mhz - frequency_mhz
        if abs(error_mhz) <= tolerance_khz * 1e-3:
            rod.offset_mhz += error_mhz
            return found
        rod.offset_mhz += error_mhz
    reached = f"{found.frequency_mhz:.6f} MHz" if found else "nothing"
    raise NotTunedError(
        f"cavity: wanted {frequency_mhz:.6f} MHz within {tolerance_khz:g} kHz, reached {reached}"
        f" after {attempts} moves"
    )


def locate(haloscope: Haloscope, near_mhz: float, rod: Rod) -> MsgGenerator[None]:
    """Go to the angle the calculation gives and find the resonance there; updates `rod`.

    After a far move the piezo creeps for minutes: the resonance is watched until it stands still,
    by sweeps as long as the creep's own time scale.
    """
    angle = float(mode_map().angle_deg(near_mhz * 1e6))
    before = float((yield from value_of(haloscope.rod.user_readback, angle)))
    yield from approach(haloscope, angle, rod)
    try:
        found = yield from transmission(haloscope, near_mhz, SEARCH)
    except ValueError:  # farther off its calculated course than the window
        found = yield from transmission(haloscope, near_mhz, WIDE_SEARCH)
    moved = abs(angle - before)
    for _ in range(STILL_ATTEMPTS if moved > FAR_DEG else 0):
        last_mhz = found.frequency_mhz
        found = yield from transmission(haloscope, last_mhz, WATCH)
        if abs(found.frequency_mhz - last_mhz) <= STILL_MHZ:
            break
    rod.offset_mhz = found.frequency_mhz - near_mhz


def approach(haloscope: Haloscope, angle_deg: float, rod: Rod) -> MsgGenerator[None]:
    """Move the rod to an angle, arriving from the side that `rod` says."""
    last = float((yield from value_of(haloscope.rod.user_setpoint, angle_deg)))
    first = rod.direction == 0
    if first:
        rod.direction = 1 if angle_deg >= last else -1
    if first or (angle_deg - last) * rod.direction < 0:
        yield from bps.abs_set(haloscope.rod, angle_deg - rod.direction * TAKE_UP_DEG, wait=True)
    yield from bps.abs_set(haloscope.rod, angle_deg, wait=True)


def set_coupling(
    haloscope: Haloscope,
    beta: float = 2.0,
    *,
    low: float = 1.8,
    high: float = 2.2,
    frequency_mhz: float | None = None,
    attempts: int = 8,
) -> MsgGenerator[Coupling]:
    """Move the strong antenna until the measured coupling is within `low` to `high`.

    Parameters
    ----------
    haloscope
        the device.
    beta
        wanted coupling.
    low
        lowest coupling accepted.
    high
        highest coupling accepted.
    frequency_mhz
        where the resonance is, MHz; the analyzer's present centre if not given.
    attempts
        moves before giving up.

    Raises
    ------
    NotTunedError
        not there after `attempts` moves.
    """
    coupling_range(low, beta, high)
    center = frequency_mhz or (yield from value_of(haloscope.vna.center))
    found = yield from reflection(haloscope, center)
    for _ in range(attempts):
        if low <= found.beta <= high:
            return found
        step_mm = COUPLING_DEPTH_MM * math.log(beta / found.beta)
        depth = yield from value_of(haloscope.antenna.user_setpoint, 0.0)
        if step_mm < 0:
            yield from bps.abs_set(haloscope.antenna, depth + step_mm - TAKE_UP_MM, wait=True)
        yield from bps.abs_set(haloscope.antenna, depth + step_mm, wait=True)
        found = yield from reflection(haloscope, found.resonance.frequency_mhz)
    raise NotTunedError(
        f"antenna: wanted beta {low:g} to {high:g}, reached {found.beta:.3f} +- "
        f"{found.beta_error:.3f} after {attempts} moves"
    )


def pump_off(
    haloscope: Haloscope,
    resonance_mhz: float,
    source: str,
    amplifier: Amplifier,
    settings: Mapping[Any, Any],
) -> MsgGenerator[Trace]:
    """The bypass with the pump off, which a gain at `resonance_mhz` is held against.

    What it holds, cables and cold amplifiers, drifts by 0.01 dB in hours and has ripple of MHz
    periods: one sweep over several MHz serves the steps inside it.
    """
    half = 0.5 * GAIN.span_mhz + TARGET_OFFSET_MHZ
    known = amplifier.reference
    used_up = known is None or amplifier.uses >= REFERENCE_USES
    if known is not None and not used_up:
        low, high = known.frequency_mhz[[0, -1]]
        used_up = resonance_mhz - half < low or resonance_mhz + half > high
    if known is None or used_up:
        passively = {**settings, **passive(haloscope, source)}
        known = yield from sweep(haloscope, REFERENCE, resonance_mhz, passively)
        amplifier.reference, amplifier.uses = known, 0
    amplifier.uses += 1
    return known


def set_jpa(
    haloscope: Haloscope,
    target_mhz: float,
    *,
    gain_db: float = 20.0,
    tolerance_db: float = 0.4,
    source: str = "Cavity",
    attempts: int = 10,
    amplifier: Amplifier | None = None,
) -> MsgGenerator[GainProfile]:
    """Set the amplifier 100 kHz below the target, and its gain at the probe tone by pump power.

    Parameters
    ----------
    haloscope
        the device.
    target_mhz
        centre of the spectrum to be taken, MHz.
    gain_db
        wanted gain at the probe tone, 1 kHz above the amplifier's resonance.
    tolerance_db
        greatest distance of the measured gain from it.
    source
        what the switch connects meanwhile: Cavity (in situ) or Noise source (50 ohm).
    attempts
        measurements before giving up.
    amplifier
        what earlier set-ups learnt; updated.

    Returns
    -------
    The measured profile; the pump is on.

    Raises
    ------
    NotTunedError
        the gain is not within the tolerance after `attempts` measurements.
    """
    within("gain_db", gain_db, *GAIN_DB, "dB")
    within("tolerance_db", tolerance_db, *GAIN_TOLERANCE_DB, "dB")
    amplifier = amplifier if amplifier is not None else Amplifier()
    jpa, resonance_mhz = haloscope.jpa, target_mhz + JPA_OFFSET_MHZ
    profile = None
    for _ in range(attempts):
        settings = {
            jpa.resonance: resonance_mhz,
            jpa.pump_frequency: 2.0 * resonance_mhz,
            jpa.pump_power: amplifier.pump_power_dbm,
        }
        reference = yield from pump_off(haloscope, resonance_mhz, source, amplifier, settings)
        profile = yield from amplifier_gain(
            haloscope, resonance_mhz, reference, source=source, more=settings
        )
        excess_db = profile.probe_gain_db - gain_db
        # Aim at the middle of the band: drifts until the next step then stay inside it.
        if abs(excess_db) > 0.25 * tolerance_db:
            amplifier.pump_power_dbm += pump_step_db(profile.probe_gain_db, gain_db)
        if abs(excess_db) <= tolerance_db:
            return profile
    reached = f"{profile.probe_gain_db:.2f} dB" if profile else "nothing"
    raise NotTunedError(
        f"amplifier at {resonance_mhz + PROBE_OFFSET_MHZ:.6f} MHz: wanted {gain_db:g} +- "
        f"{tolerance_db:g} dB, reached {reached} after {attempts} attempts"
    )
