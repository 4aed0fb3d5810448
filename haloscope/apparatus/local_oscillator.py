"""The mixer's local oscillator: it decides where the digitizer's band lies."""

from __future__ import annotations

from haloscope.apparatus.acquisition import Acquisition
from haloscope.parameters import HaloscopeParameters
from instruments.ranges import commanded

__all__ = ["SimulatedOscillator"]


class SimulatedOscillator:
    """Generator of the down-conversion; refused while the digitizer acquires.

    Attributes:
        limits_hz: Lowest and highest frequency in Hz.
    """

    def __init__(self, parameters: HaloscopeParameters) -> None:
        reference_hz, r = parameters.cavity.reference_hz, parameters.receiver
        self.limits_hz = (0.5 * reference_hz, 1.5 * reference_hz)
        self._frequency_hz = reference_hz - r.intermediate_hz
        self.digitizers: tuple[Acquisition, ...] = ()

    @property
    def frequency_hz(self) -> float:
        """Frequency in Hz."""
        return self._frequency_hz

    @frequency_hz.setter
    def frequency_hz(self, value: float) -> None:
        for digitizer in self.digitizers:
            digitizer.refuse_while_busy("change the local oscillator")
        self._frequency_hz = commanded("local oscillator", value, *self.limits_hz, "Hz")

    def restore(self, frequency_hz: float) -> None:
        """Take over a saved frequency, whatever the digitizer does."""
        self._frequency_hz = frequency_hz
