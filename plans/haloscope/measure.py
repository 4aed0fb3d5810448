"""One measurement with the network analyzer each: transmission, reflection, amplifier gain.

All three are plan stubs that configure the analyzer (only what differs from what it reports),
trigger it, read its trace, and return numbers with one-sigma uncertainties. Frequencies are in MHz,
as on the wire.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator, short_uid

from devices.haloscope import Haloscope
from devices.parts.sweeping import (
    Trace,
    passive,
    sweep_settings,
    sweeps_of,
    trace_in,
    transmission_in,
)
from devices.signals.settable import Setting
from devices.signals.settings import name_within
from haloscope.measuring import decisions
from haloscope.measuring.gain import GainProfile, fit_gain_profile, flat_gain_profile
from haloscope.measuring.goodness import Goodness
from haloscope.measuring.reflection import Reflection, fit_reflection
from haloscope.measuring.sweeps import Sweep, Sweeps
from haloscope.measuring.transmission import Transmission, fit_transmission
from haloscope.measuring.trust import bad_fit, further_sweeps
from plans.shared.common import require

__all__ = [
    "Coupling",
    "Resonance",
    "Sweep",
    "Sweeps",
    "Trace",
    "amplifier_at",
    "amplifier_gain",
    "begin",
    "configure",
    "passive",
    "reflection",
    "resonance_of",
    "sweep",
    "sweeps_of",
    "transmission",
]

Fit = TypeVar("Fit", Transmission, Reflection)


@dataclass(frozen=True)
class Resonance:
    """A resonance: MHz, loaded Q, and their uncertainties; the leak seen, and how good the fit is.

    The leak is a share of the resonance in transmission, of the full reflection in reflection.
    """

    frequency_mhz: float
    frequency_error_mhz: float
    loaded_q: float
    loaded_q_error: float
    leak: float
    leak_error: float
    goodness: Goodness

    @property
    def line_hz(self) -> float:
        """Full width at half its power, Hz."""
        return 1e6 * self.frequency_mhz / self.loaded_q


@dataclass(frozen=True)
class Coupling:
    """Coupling of the strong antenna from a reflection, its uncertainty, and the leak's share."""

    beta: float
    beta_error: float
    beta_systematic: float
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
    haloscope: Haloscope, center_mhz: float, settings: Sweep | None = None
) -> MsgGenerator[Resonance]:
    """Resonance and loaded Q through the weak antenna, the pump of the amplifier off.

    Parameters
    ----------
    haloscope
        The device.
    center_mhz
        Middle of the sweep, MHz.
    settings
        Of the analyzer; those for the width that is expected if not given.

    Raises
    ------
    BadFitError
        No fit describes what was seen.
    """

    def fitted(trace: Trace) -> Transmission:
        return fit_transmission(trace.frequency_hz, trace.s)

    looks = _given(settings) or _transmission
    return resonance_of(
        (yield from _believed(haloscope, "transmission", center_mhz, looks, fitted))
    )


def reflection(
    haloscope: Haloscope, center_mhz: float, settings: Sweep | None = None
) -> MsgGenerator[Coupling]:
    """Coupling of the strong antenna from a complex reflection, the pump off.

    Its errors hold what the isolation of the circulators leaves open.

    Parameters
    ----------
    haloscope
        The device.
    center_mhz
        Middle of the sweep, MHz.
    settings
        Of the analyzer; those for the width that is expected if not given.

    Raises
    ------
    BadFitError
        No fit describes what was seen.
    """
    isolation_db = haloscope.apparatus.network_analyzer.isolation_db

    def fitted(trace: Trace) -> Reflection:
        return fit_reflection(trace.frequency_hz, trace.s, isolation_db=isolation_db)

    looks = _given(settings) or _reflection
    fit = yield from _believed(haloscope, "reflection", center_mhz, looks, fitted)
    return Coupling(fit.beta, fit.beta_error, fit.beta_systematic, resonance_of(fit))


#: A sweep among those of an apparatus.
Looks = Callable[[Sweeps], Sweep]


def _given(settings: Sweep | None) -> Looks | None:
    return None if settings is None else lambda _: settings


def _transmission(sweeps: Sweeps) -> Sweep:
    return sweeps.transmission


def _reflection(sweeps: Sweeps) -> Sweep:
    return sweeps.reflection


def _believed(
    haloscope: Haloscope,
    what: str,
    center_mhz: float,
    looks: Looks,
    fitted: Callable[[Trace], Fit],
) -> MsgGenerator[Fit]:
    """Sweep, once more and wider if need be, until a fit describes the trace.

    Where none does the line may be of another width than is expected: that is measured then.
    """
    expected = sweeps_of(haloscope)
    first: Sweep = looks(expected)
    further: tuple[Sweep, Sweep] = further_sweeps(first)
    found, why = yield from _tried(haloscope, center_mhz, (first, *further), fitted)
    last: Sweep = further[-1]
    if found is None:
        line_hz = yield from _line_hz(haloscope, expected, center_mhz)
        other = looks(expected.measured(line_hz=line_hz))
        if other != first:
            last = other
            found, why = yield from _tried(haloscope, center_mhz, (other,), fitted)
    if found is None:
        raise bad_fit(what, center_mhz * 1e6, last, why)
    return found


def _tried(
    haloscope: Haloscope,
    center_mhz: float,
    sweeps: Iterable[Sweep],
    fitted: Callable[[Trace], Fit],
) -> MsgGenerator[tuple[Fit | None, Goodness | str]]:
    """The first fit that describes a trace, None if none does; and what is wrong with the last."""
    why: Goodness | str = ""
    for settings in sweeps:
        trace = yield from sweep(haloscope, settings, center_mhz, passive(haloscope))
        try:
            found = fitted(trace)
        except ValueError as refused:
            why = str(refused)
            continue
        if found.goodness.good:
            return found, found.goodness
        why = found.goodness
    return None, why


def _line_hz(haloscope: Haloscope, sweeps: Sweeps, center_mhz: float) -> MsgGenerator[float]:
    """Width of the cavity's line as a search sees it, Hz; NaN if it sees none."""
    trace = yield from sweep(haloscope, sweeps.search, center_mhz, passive(haloscope))
    found = transmission_in(trace)
    return math.nan if found is None else found.frequency_hz / found.loaded_q


def amplifier_at(haloscope: Haloscope, target_mhz: float) -> dict[Setting, float]:
    """Settings of the amplifier's frequencies for a target, MHz: it is pumped at twice its own."""
    operation = haloscope.apparatus.operation
    resonance_mhz = decisions.jpa_resonance_hz(target_mhz * 1e6, operation) / 1e6
    jpa = haloscope.jpa
    return {jpa.resonance: resonance_mhz, jpa.pump_frequency: 2.0 * resonance_mhz}


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
        Of the analyzer; those for the width that is expected if not given.
    source
        What the switch connects: the cavity (in situ) or the 50 ohm noise source.
    more
        Settings of the amplifier, set at the same time.
    """
    operation = haloscope.apparatus.operation
    # The amplifier is looked at about the target.
    center_mhz = round(resonance_mhz - operation.jpa_offset_hz / 1e6, 9)
    pumped = {haloscope.jpa.pump: "On", haloscope.switch.selected: source}
    settings = settings or sweeps_of(haloscope).gain
    on = yield from sweep(haloscope, settings, center_mhz, {**(more or {}), **pumped})
    off = np.interp(on.frequency_mhz, reference.frequency_mhz, np.abs(reference.s) ** 2)
    probe_hz = resonance_mhz * 1e6 + operation.probe_offset_hz
    gain, own = np.abs(on.s) ** 2 / off, haloscope.apparatus.jpa
    if own.kind == "wideband":
        return flat_gain_profile(
            on.frequency_hz, gain, centre_hz=resonance_mhz * 1e6, width_hz=own.linewidth_hz,
            probe_hz=probe_hz,
        )  # fmt: skip
    return fit_gain_profile(on.frequency_hz, gain, probe_hz=probe_hz)


def resonance_of(fit: Transmission | Reflection) -> Resonance:
    """A fit's resonance in MHz."""
    return Resonance(
        fit.frequency_hz / 1e6,
        fit.frequency_hz_error / 1e6,
        fit.loaded_q,
        fit.loaded_q_error,
        fit.leak,
        fit.leak_error,
        fit.goodness,
    )
