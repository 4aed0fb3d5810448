"""Dry runs: what a plan would do and how long it would take, with nothing moved.

``rehearse(plan, instrument)`` drives a plan through bluesky's ``RunEngineSimulator``. Every ``set``
is held against the device's limits; readings are what the instruments would say if all went well:
the cavity where the analyzer looks for it, coupling and gain as its owners state them. Nothing is
put to any device.

    estimate = rehearse(scan(haloscope, targets_mhz), haloscope)
    print(estimate.duration_s / 3600, "hours")
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from bluesky.simulators import RunEngineSimulator
from bluesky.utils import Msg, MsgGenerator
from numpy.typing import NDArray

from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from devices.signals.settings import name_within
from haloscope.description import Description
from plans.shared.healthy import Healthy

__all__ = ["Estimate", "rehearse"]


@dataclass(frozen=True)
class Estimate:
    """What a rehearsal found.

    Attributes:
        duration_s: Simulated seconds the plan would take.
        events: Events it would emit.
        messages: Its messages, for a closer look.
        result: What the plan returned.
    """

    duration_s: float
    events: int
    messages: list[Msg]
    result: Any


def rehearse(plan: MsgGenerator[Any], instrument: Haloscope | Refrigerator) -> Estimate:
    """Run a plan dry.

    Args:
        plan: The plan; it is used up.
        instrument: The device it is for.

    Raises:
        ValueError, LimitError: What the plan or a device refuses.
    """
    stage = _Stage(instrument)
    simulator = RunEngineSimulator()
    simulator.add_handler("read", stage.read)
    simulator.add_handler("locate", stage.locate)
    simulator.add_handler("set", stage.set)
    simulator.add_handler("trigger", stage.trigger)
    simulator.add_handler("wait", stage.wait)
    messages = simulator.simulate_plan(plan)
    events = sum(message.command == "save" for message in messages)
    return Estimate(stage.duration_s, events, messages, simulator.return_value)


class _Stage:
    """The instruments as a plan would find them, and the clock on the wall of the rehearsal."""

    def __init__(self, instrument: Haloscope | Refrigerator) -> None:
        self.instrument = instrument
        self.values: dict[str, Any] = {}
        self.duration_s = 0.0
        self._groups: dict[Any, float] = {}

    # Messages -----------------------------------------------------------------------------------

    def set(self, message: Msg) -> None:
        """Hold a value against its limits and remember it."""
        value = message.args[0]
        if hasattr(message.obj, "check_value"):
            message.obj.check_value(value)
        name = name_within(self.instrument, message.obj)
        if name == "settings":
            self.values.update(value)
            return
        self._busy(message, self._move_s(name, value))
        self.values[name] = value

    def trigger(self, message: Msg) -> None:
        """Count the time an acquisition takes."""
        self._busy(message, self._acquire_s(name_within(self.instrument, message.obj)))

    def wait(self, message: Msg) -> None:
        """Let the time of the slowest of a group pass."""
        group = message.kwargs.get("group") or (message.args[0] if message.args else None)
        self.duration_s += self._groups.pop(group, 0.0)

    def read(self, message: Msg) -> dict[str, Any]:
        """Say what the device would say."""
        said = self._says(name_within(self.instrument, message.obj))
        return {
            f"{self.instrument.name}_{name}": {"value": value, "timestamp": 0.0}
            for name, value in said.items()
        }

    def locate(self, message: Msg) -> dict[str, Any] | None:
        """Where a device is: where it was sent; None if nobody sent it anywhere."""
        name = name_within(self.instrument, message.obj)
        if name not in self.values:
            return None
        return {"setpoint": self.values[name], "readback": self.values[name]}

    def _says(self, name: str) -> dict[str, Any]:
        """What a device reads, by name without the instrument's; nothing if nobody set it."""
        if name == "vna":
            return {f"vna_{part}": trace for part, trace in self._trace().items()}
        if name == "daq":
            return self._spectrum()
        if name == "high_resolution":
            return self._stream()
        if name == "noise_source":
            return {
                "noise_source_temperature": self._value(
                    "noise_source_temperature", self._healthy.coldest_k
                )
            }
        asked = name.removesuffix("_user_setpoint")
        return {name: self.values[asked]} if asked in self.values else {}

    # What things take and say -------------------------------------------------------------------

    def _busy(self, message: Msg, seconds: float) -> None:
        group = message.kwargs.get("group")
        self._groups[group] = max(self._groups.get(group, 0.0), seconds)

    def _value(self, name: str, default: float) -> float:
        return float(self.values.get(name, default))

    def _move_s(self, name: str, value: Any) -> float:
        """Duration of a move from the value set before, where the device moves at all."""
        if name in ("rod", "antenna"):
            return abs(value - self._value(name, value)) / self._healthy.speed(name) + 0.2
        if name == "magnet_field":
            return abs(value - self._value(name, 0.0)) / self._healthy.speed(name)
        if name == "noise_source_temperature":
            return 600.0 * (value != self.values.get(name))
        return 0.0

    def _acquire_s(self, name: str) -> float:
        if name == "vna":
            points = self._value("vna_num_points", 101) * self._value("vna_averages", 1)
            return points / self._value("vna_bandwidth", 100.0)
        if name == "daq":
            digitizer = self._apparatus.digitizer
            averages = self._value("daq_num_averages", digitizer.averages)
            return averages / digitizer.bin_width_hz
        if name == "high_resolution":
            return self._value("high_resolution_duration", 600.0)
        if name == "cycle":
            return 180.0
        return 45.0 if name == "cycle_phase" else 0.0

    def _trace(self) -> dict[str, NDArray[np.float64]]:
        """The analyzer's trace with everything in its place."""
        frequency, s = self._healthy.trace(
            self.values.get("vna_path"),
            self._value("vna_center", self._apparatus.cavity.reference_hz / 1e6),
            self._value("vna_span", 1.0),
            int(self._value("vna_num_points", 101)),
            cavity=self.values.get("switch_selected") == "Cavity",
            pumped=self._pumped,
        )
        return {"frequency": frequency, "real": s.real, "imaginary": s.imag}

    def _spectrum(self) -> dict[str, Any]:
        return self._healthy.spectrum(
            self.values.get("lo_frequency"),
            self._value("noise_source_temperature", self._healthy.coldest_k),
            self._value("daq_num_averages", self._apparatus.digitizer.averages),
            pumped=self._pumped,
        )

    def _stream(self) -> dict[str, Any]:
        """A time stream of the noise of a spectrum there."""
        rate_hz = self._value("high_resolution_bandwidth", 40.0)
        samples = round(rate_hz * self._value("high_resolution_duration", 600.0))
        spectrum = self._spectrum()
        width_hz = self._apparatus.digitizer.bin_width_hz
        density = float(np.mean(spectrum["daq_spectrum"])) / width_hz
        amplitude = np.sqrt(0.5 * density * rate_hz)
        return {
            "high_resolution_real": np.full(samples, amplitude),
            "high_resolution_imaginary": np.full(samples, amplitude),
            "high_resolution_sample_rate": rate_hz,
            "high_resolution_noise_density": 1e12 * density,
        }

    @property
    def _pumped(self) -> bool:
        return self.values.get("jpa_pump") == "On"

    @property
    def _apparatus(self) -> Description:
        assert isinstance(self.instrument, Haloscope)
        return self.instrument.apparatus

    @cached_property
    def _healthy(self) -> Healthy:
        return Healthy(self._apparatus)
