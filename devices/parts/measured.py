"""Quantities a plan infers from raw data, as soft signals, so that events carry them.

Every quantity ``x`` has its one-sigma uncertainty in ``x_error``; NaN means not measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ophyd import Component, Device, Signal
from ophyd.status import Status

from devices.signals.values import InvalidValueError, check_names, is_number
from devices.waiting.status import Action

__all__ = ["CalibrationMeasured", "CavityMeasured", "Measured"]


class MeasuredSignal(Signal):
    """A soft number with units in its description.

    Args:
        units: Of the number.
        source: Who works it out, for its description.
        kwargs: Passed on to ophyd.
    """

    def __init__(self, *, units: str, source: str = "PLAN", **kwargs: Any) -> None:
        super().__init__(value=math.nan, **kwargs)
        self.units, self._source = units, source

    def describe(self) -> dict[str, Any]:
        """Describe as a number in its units, worked out rather than read from a PV."""
        return {
            self.name: {
                "source": f"{self._source}:{self.name}",
                "dtype": "number",
                "shape": [],
                "units": self.units,
            }
        }


def number(units: str, kind: str = "normal", source: str = "PLAN") -> Component[MeasuredSignal]:
    """A measured number."""
    return Component(MeasuredSignal, units=units, source=source, kind=kind)


class Measured(Device):
    """A set of measured numbers, set together: ``abs_set(measured, {"beta": 2.0})``."""

    def check_value(self, values: Mapping[str, float]) -> None:
        """Refuse names that this set does not hold.

        Raises:
            UnknownNameError: An unknown name.
            InvalidValueError: A value that is no number. NaN is one, for what is not measured.
        """
        check_names(self.name, values, self.component_names)
        for name, value in values.items():
            if not is_number(value):
                raise InvalidValueError(f"{getattr(self, name).name} = {value!r} is not a number")

    def set(self, values: Mapping[str, float]) -> Status:
        """Set the given numbers at once; what is not given keeps its value."""
        self.check_value(values)
        for name, value in values.items():
            getattr(self, name).put(float(value))
        status = Action(self)
        status.set_finished()
        return status

    def locate(self) -> dict[str, dict[str, float]]:
        """All numbers by name, as bluesky's ``Location``: what was set is what is."""
        now = {name: getattr(self, name).get() for name in self.component_names}
        return {"setpoint": now, "readback": dict(now)}

    def forget(self) -> None:
        """Make every number NaN: nothing of an earlier step may pass for measured in this one."""
        for name in self.component_names:
            getattr(self, name).put(math.nan)


class CavityMeasured(Measured):
    """What a step of the scan infers: the cavity, its coupling, and the amplifier.

    Errors hold the systematics. A ``chi2`` is of a fit, per degree of freedom. A leak is what
    reached the receiver without the cavity, at right angles to it: a share of the resonance's
    amplitude in transmission, of the full reflection in reflection.
    """

    target_frequency = number("MHz")
    cavity_frequency = number("MHz", "hinted")
    cavity_frequency_error = number("MHz")
    loaded_q = number("", "hinted")
    loaded_q_error = number("")
    beta = number("", "hinted")
    beta_error = number("")
    beta_systematic = number("")
    transmission_chi2 = number("")
    transmission_leak = number("")
    transmission_leak_error = number("")
    reflection_chi2 = number("")
    reflection_leak = number("")
    reflection_leak_error = number("")
    jpa_gain = number("dB", "hinted")
    jpa_gain_error = number("dB")
    jpa_gain_peak = number("dB")
    jpa_gain_peak_error = number("dB")
    jpa_resonance = number("MHz")
    jpa_resonance_error = number("MHz")
    jpa_bandwidth = number("kHz")
    jpa_bandwidth_error = number("kHz")
    jpa_gain_chi2 = number("")


class CalibrationMeasured(Measured):
    """What one calibration of the receiver found, and where."""

    frequency = number("MHz")
    receiver_gain = number("dB")
    receiver_gain_error = number("dB")
    receiver_temperature = number("K")
    receiver_temperature_error = number("K")
    jpa_noise_temperature = number("K")
    jpa_noise_temperature_error = number("K")
    line_attenuation = number("dB")
    line_attenuation_error = number("dB")
