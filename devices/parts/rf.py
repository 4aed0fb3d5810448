"""The receiver's instruments: network analyzer, digitizer, parametric amplifier, switch, mixer.

The analyzer and the digitizer are triggerable: ``trigger`` returns a status that ends when the
instrument itself says that the acquisition is done, and fails if no new data came of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ophyd import Component as Cpt
from ophyd import Device
from ophyd.status import Status

from devices.hardware.absent import is_absent
from devices.hardware.optional import optional
from devices.parts.base import Positioner, wall_timeout
from devices.parts.clock import expected_s
from devices.signals.reading import WRITE_TIMEOUT_S, Fetching, foresee, readback
from devices.signals.settable import command, limits_of, setting
from devices.signals.settings import set_together
from devices.waiting.claims import begins
from devices.waiting.moves import Move
from devices.waiting.status import (
    NotReachedError,
    Orders,
    call_off,
    completion,
    end_open,
    send,
)
from devices.waiting.watch import Watch
from devices.waiting.watchdogs import end

__all__ = [
    "Digitizer",
    "JosephsonAmplifier",
    "LocalOscillator",
    "NetworkAnalyzer",
    "NoiseSource",
    "Selector",
]


class Acquiring(Fetching):
    """What analyzer and digitizer share: acquire, abort, progress, a counter of acquisitions."""

    acquire = command("Acquire", doc="Done, Acquire; completes when idle again")
    acquiring = optional(
        readback("Acquire_RBV", "omitted"),
        "an abort is sent whether it acquires or not",
    )
    abort = command("Abort", ends=True)
    progress = optional(readback("Progress_RBV", "omitted"), "no progress is shown")
    counter = readback("Counter_RBV", "omitted", monitor=True)

    def acquire_time_s(self) -> float:
        """Seconds of the instrument's time that the next acquisition takes."""
        raise NotImplementedError

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._staged_values: dict[str, Any] = {}
        self._orders = Orders()

    def trigger(self) -> Status:
        """Start an acquisition; the status ends with it, and fails if no new data came of it."""
        self._orders.begin()
        self.counter.ask(anew=True)  # answered before the acquisition begins

        def check_new_data() -> None:
            before = self._count(use_monitor=False)
            counted = self._count()
            if counted <= before:  # a monitor may be late
                counted = self._count(use_monitor=False)
            if counted == before:
                why = ": a command of this session ended it" if self._orders.given else ""
                raise NotReachedError(
                    f"{self.name}: the acquisition ended without new data{why}", self._orders.by
                )
            foresee([self])  # whoever waits for it reads it

        # Where the IOC is gone, the time would have to be asked of it.
        known = self.acquire.connected
        limit_s = wall_timeout(self, self.acquire_time_s()) if known else WRITE_TIMEOUT_S
        puts = [(self.acquire, 1)]
        if self.acquire.completes:
            status = completion(self, puts, limit_s, check_new_data)
        else:
            status = completion(self, puts, limit_s, then=self._when_counted(limit_s))
        status.expected_s = expected_s(limit_s) if known else None
        return status

    def _when_counted(self, limit_s: float) -> Callable[[Status], None]:
        """What ends an acquisition whose put completes at once: its counter."""
        before = self._count(use_monitor=False)

        def then(status: Status) -> None:
            watch = Watch(self.counter, lambda count: int(count) > before, limit_s)
            watch.add_callback(lambda _: end(status, watch.exception()))
            status.add_callback(lambda _: end(watch, None))

        return then

    def ordered(self) -> None:
        """A command of this session ends the acquisition under way."""
        self._orders.give()
        if not self.acquire.completes:
            why = f"{self.name}: a command of this session ended the acquisition"
            end_open(self, NotReachedError(why, self._orders.by))

    def _count(self, **how: Any) -> int:
        return int(self.counter.get(**how))

    def _acquires(self) -> bool:
        """Whether an acquisition is under way, as far as is known."""
        return is_absent(self.acquiring) or bool(self.acquiring.get(use_monitor=False))

    #: Settings that ``unstage`` puts back to what they were at ``stage``.
    RESTORED: tuple[str, ...] = ()

    def stage(self) -> list[Any]:
        """Remember the settings."""
        settings = {name: getattr(self, name) for name in self.RESTORED}
        self._staged_values = {
            name: setting.get() for name, setting in settings.items() if not is_absent(setting)
        }
        return list(super().stage())

    def unstage(self) -> list[Any]:
        """Put the settings back; those of a lost IOC are kept for when it is back."""
        status = None
        if self.connected:
            wanted = {getattr(self, name): value for name, value in self._staged_values.items()}
            self._staged_values = {}
            status = set_together(self, wanted)
        unstaged = list(super().unstage())
        if status is not None:
            status.wait()
        return unstaged

    def pause(self) -> None:
        """When a plan is paused: abort; resuming acquires again from the last checkpoint."""
        self.stop(success=True)

    def stop(self, *, success: bool = False) -> None:
        """Abort an acquisition under way; with ``success`` its status ends well."""
        if is_absent(self.acquire):
            return
        if success:
            under_way = call_off(self)
        else:
            begins(self)
            under_way = self.connected and self._acquires()
        if under_way:
            send(self.abort, 1)
        super().stop(success=success)


class NetworkAnalyzer(Acquiring):
    """The vector network analyzer with its three ways into the refrigerator.

    Weak: through the cavity by the weakly coupled antenna; Strong: reflection off the cavity by the
    directional coupler; Bypass: past the cavity, to see the amplifier alone.

    A trace has as many points as the sweep had, ``num_points`` when it was triggered; its
    description leaves the length open.
    """

    RESTORED = ("path", "center", "span", "num_points", "averages", "bandwidth", "power")

    path = setting("Path", string=True)
    center = setting("Center", doc="MHz")
    span = setting("Span", doc="MHz")
    num_points = setting("NumPoints")
    averages = setting("Averages")
    bandwidth = setting("Bandwidth", doc="IF bandwidth, Hz")
    power = optional(setting("Power", doc="dBm"), "the analyzer's own")
    frequency = readback("Frequency_RBV", varying=True)
    real = readback("Real_RBV", varying=True)
    imaginary = readback("Imag_RBV", varying=True)
    magnitude = optional(
        readback("Magnitude_RBV", "omitted", varying=True),
        "worked out of real and imaginary part",
    )
    phase = optional(
        readback("Phase_RBV", "omitted", varying=True),
        "worked out of real and imaginary part",
    )

    def acquire_time_s(self) -> float:
        """Points times averages, one settled reading of the IF filter each."""
        sweeps = float(self.num_points.get()) * max(1.0, float(self.averages.get()))
        return 1.0 + 2.0 * sweeps / max(1.0, float(self.bandwidth.get()))


class Digitizer(Acquiring):
    """The fast digitizer: averaged power spectra.

    Their centre is the intermediate frequency above the local oscillator's.

    ``spectrum`` holds watts per bin at the digitizer's input; the frequency of bin i is
    ``frequency_start`` (MHz) + i ``frequency_step`` (Hz).
    """

    RESTORED = ("num_averages",)

    num_averages = setting("NumAverages", "normal")
    acquire_time = optional(readback("AcquireTime_RBV"), "not recorded")
    frequency_start = readback("FrequencyStart_RBV")
    frequency_step = readback("FrequencyStep_RBV", monitor=True)
    center = optional(readback("Center_RBV", "omitted"), "not recorded")
    resolution_bandwidth = optional(readback("RBW_RBV", "config"), "not recorded")
    span = optional(readback("Span_RBV", "config"), "not recorded")
    time_remaining = optional(readback("TimeRemaining_RBV", "omitted"), "not shown")
    state = optional(readback("State_RBV", "omitted", string=True), "not shown")
    spectrum = readback("Spectrum_RBV")
    preview = optional(readback("Preview_RBV", "omitted"), "screens show the spectrum itself")

    def acquire_time_s(self) -> float:
        """Averages times the length of one spectrum, with a fifth for dead time."""
        width_hz = float(self.frequency_step.get())  # monitored; a spectrum lasts its inverse
        return 1.0 + 1.2 * float(self.num_averages.get()) / width_hz


class JosephsonAmplifier(Device):
    """The Josephson parametric amplifier: a flux current sets its resonance, a pump its gain."""

    flux_current = optional(setting("FluxCurrent", doc="uA"), "not recorded")
    resonance = setting("Resonance", doc="MHz, by the controller's own table; not exact")
    pump_frequency = setting("PumpFrequency", doc="MHz")
    pump_power = setting("PumpPower", doc="dBm")
    pump = setting("Pump", string=True, doc="Off, On")
    fault = optional(
        readback("Fault_RBV", "omitted"),
        "no plan is held by a fault of the amplifier",
        guard=True,
    )


class Selector(Device):
    """The cold switch in front of the amplifier: Cavity, Noise source, Open (floating)."""

    selected = setting("", "normal", string=True)


class LocalOscillator(Device):
    """The mixer's local oscillator: the intermediate frequency below the digitizer's centre."""

    frequency = setting("Frequency", "normal", doc="MHz")


class Heated(Positioner):
    """A temperature that a controller holds; ``stop`` lets it hold the present one.

    A thermometer scatters by a share of what it reads: at 2 K by more than at 0.4 K.
    """

    RELATIVE_TOLERANCE = 0.01

    @property
    def reach(self) -> float:
        """The tolerance, or a share of the setpoint where that is more."""
        return max(self.tolerance, self.RELATIVE_TOLERANCE * abs(float(self.setpoint.get())))

    def halt(self, move: Move | None) -> None:
        """Hold the present temperature.

        A thermometer that fails must not heat it: what is held lies between begin and end of the
        move.
        """
        if move is None:
            return
        here, begin = self.where(), move.status.start_pos
        if math.isfinite(here) and begin is not None and math.isfinite(begin):
            low, high = sorted((begin, move.position))
            lowest, highest = limits_of(self.setpoint) or (low, high)
            send(self.setpoint, min(max(here, low, lowest), high, highest))


class NoiseSource(Device):
    """The 50 ohm termination on its heater: a noise source of known physical temperature."""

    temperature = Cpt(Heated, "Temp", kind="hinted", tolerance=0.005, simulated_s=14400.0)
    heater = optional(readback("Heater_RBV"), "not recorded")
