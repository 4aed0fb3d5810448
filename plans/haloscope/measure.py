"""One measurement with the network analyzer each: transmission, reflection, amplifier gain.

All three are plan stubs that configure the analyzer (only what differs from what it reports),
trigger it, read its trace, and return numbers with one-sigma uncertainties. Frequencies are in MHz,
as on the wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator, short_uid

from devices.haloscope import Haloscope
from devices.parts.sweeping import Trace, passive, sweep_settings, trace_in
from devices.signals.settable import Setting
from devices.signals.settings import name_within
from haloscope.constants import JPA_OFFSET_HZ, PROBE_OFFSET_HZ
from haloscope.measuring.calibration import GainProfile, fit_gain_profile
from haloscope.measuring.resonance import (
    Reflection,
    Transmission,
    fit_reflection,
    fit_transmission,
)
from haloscope.measuring.sweeps import GAIN, REFLECTION, SEARCH, TRANSMISSION, WIDE_SEARCH, Sweep
from plans.shared.common import require

__all__ = [
    "GAIN",
    "JPA_OFFSET_MHZ",
    "REFLECTION",
    "SEARCH",
    "TRANSMISSION",
    "WIDE_SEARCH",
    "Coupling",
    "Resonance",
    "Sweep",
    "Trace",
    "amplifier_gain",
    "begin",
    "configure",
    "passive",
    "reflection",
    "resonance_of",
    "sweep",
    "transmission",
]

#: The amplifier's resonance less the target; the amplifier is looked at about the target.
JPA_OFFSET_MHZ = JPA_OFFSET_HZ / 1e6


@dataclass(frozen=True)
class Resonance:
    """A resonance: MHz, loaded Q, and their uncertainties."""

    frequency_mhz: float
    frequency_error_mhz: float
    loaded_q: float
    loaded_q_error: float


@dataclass(frozen=True)
class Coupling:
    """Coupling of the strong antenna, with its uncertainty, from a reflection."""

    beta: float
    beta_error: float
    resonance: Resonance


def configure(settings: Mapping[Setting, Any]) -> MsgGenerator[None]:
    """Set settings, those that do not hold the value already, all at once, and wait for them."""
    group = yield from begin(settings)
    yield from bps.wait(group)


def begin(settings: Mapping[Setting, Any]) -> MsgGenerator[str]:
    """As ``configure`` without the wait; returns the group to wait for."""
    require(bool(settings), "no settings to set")
    group = short_uid("configure")
    instrument = next(iter(settings)).root
    values = {name_within(instrument, signal): value for signal, value in settings.items()}
    yield from bps.abs_set(instrument.settings, values, group=group)
    return group


def sweep(
    haloscope: Haloscope,
    settings: Sweep,
    center_mhz: float,
    more: Mapping[Setting, Any] | None = None,
    *,
    ready: str = "",
) -> MsgGenerator[Trace]:
    """Acquire one trace.

    Parameters
    ----------
    haloscope
        The device.
    settings
        Of the analyzer.
    center_mhz
        Middle of the sweep, MHz.
    more
        Settings of other instruments that the sweep needs, set at the same time.
    ready
        The group of ``begin`` in which all of these are being set already.
    """
    if ready:
        yield from bps.wait(ready)
    else:
        yield from configure({**(more or {}), **sweep_settings(haloscope, settings, center_mhz)})
    yield from bps.trigger(haloscope.vna, wait=True)
    return trace_in(haloscope, (yield from bps.read(haloscope.vna)))


def transmission(
    haloscope: Haloscope, center_mhz: float, settings: Sweep | None = None, *, ready: str = ""
) -> MsgGenerator[Resonance]:
    """Resonance and loaded Q through the weak antenna, the pump of the amplifier off.

    Parameters
    ----------
    haloscope
        The device.
    center_mhz
        Middle of the sweep, MHz.
    settings
        Of the analyzer; ``TRANSMISSION`` if not given.
    ready
        The group of ``begin`` in which all settings are being set already.
    """
    trace = yield from sweep(
        haloscope, settings or TRANSMISSION, center_mhz, passive(haloscope), ready=ready
    )
    return resonance_of(fit_transmission(trace.frequency_hz, trace.s))


def reflection(
    haloscope: Haloscope, center_mhz: float, settings: Sweep | None = None
) -> MsgGenerator[Coupling]:
    """Coupling of the strong antenna from a complex reflection, the pump off.

    Parameters
    ----------
    haloscope
        The device.
    center_mhz
        Middle of the sweep, MHz.
    settings
        Of the analyzer; ``REFLECTION`` if not given.
    """
    trace = yield from sweep(haloscope, settings or REFLECTION, center_mhz, passive(haloscope))
    fit = fit_reflection(trace.frequency_hz, trace.s)
    return Coupling(fit.beta, fit.beta_error, resonance_of(fit))


def amplifier_gain(
    haloscope: Haloscope,
    resonance_mhz: float,
    reference: Trace,
    settings: Sweep | None = None,
    *,
    source: str = "Cavity",
    more: Mapping[Setting, Any] | None = None,
) -> MsgGenerator[GainProfile]:
    """Gain of the amplifier as the power ratio with pump on and off; leaves the pump on.

    Parameters
    ----------
    haloscope
        The device.
    resonance_mhz
        Half the pump frequency.
    reference
        The same path with the pump off.
    settings
        Of the analyzer; ``GAIN`` if not given.
    source
        What the switch connects: the cavity (in situ) or the 50 ohm noise source.
    more
        Settings of the amplifier, set at the same time.
    """
    center_mhz = round(resonance_mhz - JPA_OFFSET_MHZ, 9)
    pumped = {haloscope.jpa.pump: "On", haloscope.switch.selected: source}
    on = yield from sweep(haloscope, settings or GAIN, center_mhz, {**(more or {}), **pumped})
    off = np.interp(on.frequency_mhz, reference.frequency_mhz, np.abs(reference.s) ** 2)
    probe_hz = resonance_mhz * 1e6 + PROBE_OFFSET_HZ
    return fit_gain_profile(on.frequency_hz, np.abs(on.s) ** 2 / off, probe_hz=probe_hz)


def resonance_of(fit: Transmission | Reflection) -> Resonance:
    """A fit's resonance in MHz."""
    return Resonance(
        fit.frequency_hz / 1e6, fit.frequency_hz_error / 1e6, fit.loaded_q, fit.loaded_q_error
    )
