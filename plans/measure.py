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
from numpy.typing import NDArray

from devices.haloscope import Haloscope
from devices.settings import within
from haloscope.measuring.resonance import fit_reflection, fit_transmission
from plans.amplifier import GainProfile, fit_gain
from plans.common import require

__all__ = [
    "GAIN",
    "REFLECTION",
    "SEARCH",
    "TARGET_OFFSET_MHZ",
    "TRANSMISSION",
    "WIDE_SEARCH",
    "Coupling",
    "Resonance",
    "Sweep",
    "Trace",
    "amplifier_gain",
    "analyzer_settings",
    "begin",
    "configure",
    "passive",
    "reflection",
    "sweep",
    "transmission",
]

#: The probe tone of the amplifier's gain is 1 kHz above its resonance (the letter).
PROBE_OFFSET_MHZ = 0.001


@dataclass(frozen=True)
class Sweep:
    """Settings of the analyzer.

    Attributes:
        path: Weak, Strong or Bypass.
        span_mhz: full span.
        points: number of points.
        bandwidth_hz: bandwidth of the IF filter.
        averages: sweeps averaged.
    """

    path: str
    span_mhz: float
    points: int
    bandwidth_hz: float
    averages: int = 1


#: Six widths of the cavity (31 kHz): wide enough to see its ends, too narrow to hold the other mode
#: at the edge of a crossing. About the same centre, three widths (190 kHz) of the gain.
TRANSMISSION = Sweep("Weak", 0.2, 101, 1000.0)
REFLECTION = Sweep("Strong", 0.2, 101, 1000.0)
GAIN = Sweep("Bypass", 0.6, 101, 1000.0)
#: The amplifier is looked at about the target, this far above its resonance (the letter), MHz.
TARGET_OFFSET_MHZ = 0.1
#: A point each 10 kHz, a third of a linewidth: no resonance falls between two.
SEARCH = Sweep("Weak", 5.0, 501, 300.0)
WIDE_SEARCH = Sweep("Weak", 40.0, 4001, 300.0)


@dataclass(frozen=True)
class Trace:
    """One trace: frequency (P,) in MHz and the complex S-parameter (P,)."""

    frequency_mhz: NDArray[np.float64]
    s: NDArray[np.complex128]


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


def configure(settings: Mapping[Any, Any]) -> MsgGenerator[None]:
    """Set settings, those that do not hold the value already, all at once, and wait for them."""
    group = yield from begin(settings)
    yield from bps.wait(group)


def begin(settings: Mapping[Any, Any]) -> MsgGenerator[str]:
    """As `configure` without the wait; returns the group to wait for."""
    require(bool(settings), "no settings to set")
    group = short_uid("configure")
    instrument = next(iter(settings)).root
    values = {within(instrument, signal): value for signal, value in settings.items()}
    yield from bps.abs_set(instrument.settings, values, group=group)
    return group


def analyzer_settings(haloscope: Haloscope, settings: Sweep, center_mhz: float) -> dict[Any, Any]:
    """What a sweep needs of the analyzer, for `configure`."""
    vna = haloscope.vna
    return {
        vna.path: settings.path,
        vna.center: center_mhz,
        vna.span: settings.span_mhz,
        vna.num_points: settings.points,
        vna.averages: settings.averages,
        vna.bandwidth: settings.bandwidth_hz,
    }


def sweep(
    haloscope: Haloscope,
    settings: Sweep,
    center_mhz: float,
    more: Mapping[Any, Any] | None = None,
    *,
    ready: str = "",
) -> MsgGenerator[Trace]:
    """Acquire one trace.

    Parameters
    ----------
    haloscope
        the device.
    settings
        of the analyzer.
    center_mhz
        middle of the sweep, MHz.
    more
        settings of other instruments that the sweep needs, set at the same time.
    ready
        the group of `begin` in which all of these are being set already.
    """
    vna = haloscope.vna
    if ready:
        yield from bps.wait(ready)
    else:
        yield from configure({**(more or {}), **analyzer_settings(haloscope, settings, center_mhz)})
    yield from bps.trigger(vna, wait=True)
    reading = yield from bps.read(vna)
    frequency, real, imaginary = (
        np.asarray(reading[signal.name]["value"])
        for signal in (vna.frequency, vna.real, vna.imaginary)
    )
    return Trace(frequency, real + 1j * imaginary)


def passive(haloscope: Haloscope, source: str = "Cavity") -> dict[Any, Any]:
    """The pump off, and what the switch connects."""
    return {haloscope.jpa.pump: "Off", haloscope.switch.selected: source}


def transmission(
    haloscope: Haloscope, center_mhz: float, settings: Sweep | None = None, *, ready: str = ""
) -> MsgGenerator[Resonance]:
    """Resonance and loaded Q through the weak antenna, the pump of the amplifier off.

    Parameters
    ----------
    haloscope
        the device.
    center_mhz
        middle of the sweep, MHz.
    settings
        of the analyzer; `TRANSMISSION` if not given.
    ready
        the group of `begin` in which all settings are being set already.
    """
    trace = yield from sweep(
        haloscope, settings or TRANSMISSION, center_mhz, passive(haloscope), ready=ready
    )
    return _resonance(fit_transmission(trace.frequency_mhz * 1e6, trace.s))


def reflection(
    haloscope: Haloscope, center_mhz: float, settings: Sweep | None = None
) -> MsgGenerator[Coupling]:
    """Coupling of the strong antenna from a complex reflection, the pump off.

    Parameters
    ----------
    haloscope
        the device.
    center_mhz
        middle of the sweep, MHz.
    settings
        of the analyzer; `REFLECTION` if not given.
    """
    trace = yield from sweep(haloscope, settings or REFLECTION, center_mhz, passive(haloscope))
    fit = fit_reflection(trace.frequency_mhz * 1e6, trace.s)
    return Coupling(fit.beta, fit.beta_error, _resonance(fit))


def amplifier_gain(
    haloscope: Haloscope,
    resonance_mhz: float,
    reference: Trace,
    settings: Sweep | None = None,
    *,
    source: str = "Cavity",
    more: Mapping[Any, Any] | None = None,
) -> MsgGenerator[GainProfile]:
    """Gain of the amplifier as the power ratio with pump on and off; leaves the pump on.

    Parameters
    ----------
    haloscope
        the device.
    resonance_mhz
        half the pump frequency.
    reference
        the same path with the pump off.
    settings
        of the analyzer; `GAIN` if not given.
    source
        what the switch connects: the cavity (in situ) or the 50 ohm noise source.
    more
        settings of the amplifier, set at the same time.
    """
    center_mhz = round(resonance_mhz + TARGET_OFFSET_MHZ, 9)
    pumped = {haloscope.jpa.pump: "On", haloscope.switch.selected: source}
    on = yield from sweep(haloscope, settings or GAIN, center_mhz, {**(more or {}), **pumped})
    off = np.interp(on.frequency_mhz, reference.frequency_mhz, np.abs(reference.s) ** 2)
    probe_mhz = resonance_mhz + PROBE_OFFSET_MHZ
    return fit_gain(on.frequency_mhz, np.abs(on.s) ** 2 / off, probe_mhz)


def _resonance(fit: Any) -> Resonance:
    return Resonance(
        fit.frequency_hz / 1e6, fit.frequency_hz_error / 1e6, fit.loaded_q, fit.loaded_q_error
    )
