"""Vector network analyser with three ways in and the receiver as its way out.

- Strong: directional coupler, switch, cavity's strong antenna, and back.
- Weak: through the cavity from the weak antenna.
- Bypass: straight to the JPA.

All come out through JPA and receiver, so the trace carries their gain, their noise and the delay of
the cables, as the real one does.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haloscope.apparatus.acquisition import Acquisition, ascending
from haloscope.apparatus.receiver import Conditions, Receiver, SwitchPosition
from haloscope.apparatus.timeline import Timeline, checked
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused
from instruments.random import generator

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


class Path(IntEnum):
    """Which line the analyser drives."""

    WEAK = 0
    STRONG = 1
    BYPASS = 2


class NetworkAnalyzer(Acquisition):
    """The analyser; settings are refused while it sweeps.

    Args:
        parameters: The haloscope.
        timeline: The machine's clock.
        receiver: Its way out.
        conditions: Returns the apparatus as it is now.
        seed: The machine's seed.
    """

    def __init__(
        self,
        parameters: HaloscopeParameters,
        timeline: Timeline,
        receiver: Receiver,
        conditions: Callable[[], Conditions],
        seed: int,
    ) -> None:
        super().__init__("network analyser", timeline)
        self._all, self.parameters = parameters, parameters.network_analyzer
        self._receiver, self._conditions, self._seed = receiver, conditions, seed
        self._path = Path.WEAK
        self._settings = {
            "center_hz": parameters.cavity.reference_hz,
            "span_hz": 1e6,
            "points": 401.0,
            "averages": 1.0,
            "bandwidth_hz": 1000.0,
            "power_dbm": self.parameters.default_power_dbm,
        }
        self._frequency_hz = ascending(self.center_hz, self.span_hz, self.points)
        self._trace = np.zeros(self.points, dtype=np.complex128)

    # settings

    @property
    def path(self) -> Path:
        """Line that is driven."""
        return self._path

    @path.setter
    def path(self, value: Path | int) -> None:
        self.refuse_while_busy("change the path")
        try:
            self._path = Path(value)
        except ValueError as error:
            raise Refused(f"{self.name}: path {value!r} is none of 0, 1, 2") from error

    @property
    def center_hz(self) -> float:
        """Middle of the sweep."""
        return self._settings["center_hz"]

    @center_hz.setter
    def center_hz(self, value: float) -> None:
        reference = self._all.cavity.reference_hz
        self._set("center_hz", value, 0.5 * reference, 1.5 * reference, "Hz")

    @property
    def span_hz(self) -> float:
        """Width of the sweep."""
        return self._settings["span_hz"]

    @span_hz.setter
    def span_hz(self, value: float) -> None:
        self._set("span_hz", value, 100.0, 0.2 * self._all.cavity.reference_hz, "Hz")

    @property
    def points(self) -> int:
        """Number of points."""
        return int(self._settings["points"])

    @points.setter
    def points(self, value: int) -> None:
        self._set("points", value, 3, 20001, "points", whole=True)

    @property
    def averages(self) -> int:
        """Sweeps averaged."""
        return int(self._settings["averages"])

    @averages.setter
    def averages(self, value: int) -> None:
        self._set("averages", value, 1, 9999, "sweeps", whole=True)

    @property
    def bandwidth_hz(self) -> float:
        """Bandwidth of the intermediate frequency filter."""
        return self._settings["bandwidth_hz"]

    @bandwidth_hz.setter
    def bandwidth_hz(self, value: float) -> None:
        self._set("bandwidth_hz", value, 1.0, 1e5, "Hz")

    @property
    def power_dbm(self) -> float:
        """Power at the port. Too much of it saturates the pumped JPA."""
        return self._settings["power_dbm"]

    @power_dbm.setter
    def power_dbm(self, value: float) -> None:
        p = self.parameters
        self._set("power_dbm", value, p.lowest_power_dbm, p.highest_power_dbm, "dBm")

    # readings

    @property
    def duration_s(self) -> float:
        """Time of all sweeps: points over bandwidth, and a fifth more for settling."""
        return 1.2 * self.points * self.averages / self.bandwidth_hz

    @property
    def frequency_hz(self) -> FloatArray:
        """Frequencies of the last trace, (P,)."""
        return self._frequency_hz

    @property
    def trace(self) -> ComplexArray:
        """Last trace: complex S-parameter from the driven port to the receiver's monitor, (P,)."""
        return self._trace

    def state(self) -> dict[str, Any]:
        """Plain values for saving."""
        return {
            **super().state(),
            "path": int(self._path),
            "settings": dict(self._settings),
            "frequency_hz": self._frequency_hz.copy(),
            "trace": self._trace.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over saved values."""
        super().restore(state)
        self._path, self._settings = Path(state["path"]), dict(state["settings"])
        self._frequency_hz, self._trace = state["frequency_hz"].copy(), state["trace"].copy()

    def _set(
        self, key: str, value: float, low: float, high: float, unit: str, *, whole: bool = False
    ) -> None:
        what = key.removesuffix("_hz").removesuffix("_dbm")
        self.refuse_while_busy(f"change the {what}")
        number = checked(f"{self.name} {what}", value, low, high, unit)
        if whole and number != int(number):
            raise Refused(f"{self.name} {what}: {number:g} is not a whole number of {unit}")
        self._settings[key] = number

    def _measure(self, number: int) -> dict[str, Any]:
        nu = ascending(self.center_hz, self.span_hz, self.points)
        c = self._conditions()
        trace = self._ideal(nu, c)
        room = 10 ** (self.parameters.room_attenuation_db / 10)
        noise_w = self._receiver.noise_power_w(nu, c, self.bandwidth_hz) * room / self.averages
        scatter = np.sqrt(noise_w / (2 * 1e-3 * 10 ** (self.power_dbm / 10)))
        random = generator(self._seed, "network analyser", number)
        draws = random.standard_normal((2, nu.size))
        return {"frequency_hz": nu, "trace": trace + scatter * (draws[0] + 1j * draws[1])}

    def _show(self, result: dict[str, Any]) -> None:
        self._frequency_hz, self._trace = result["frequency_hz"], result["trace"]

    def _ideal(self, nu: FloatArray, c: Conditions) -> ComplexArray:
        """The trace without noise."""
        p = self.parameters
        incident = self._to_jpa(nu, c)
        input_w = 1e-3 * 10 ** (self.power_dbm / 10) * float(np.max(np.abs(incident)) ** 2)
        amplified = incident * c.paramp.reflection(nu, input_w)
        monitor = np.sqrt(self._receiver.rest_gain(nu, c.time_s)) * 10 ** (
            p.room_attenuation_db / 20
        )
        return amplified * monitor * np.exp(-2j * np.pi * p.delay_s * nu)

    def _to_jpa(self, nu: FloatArray, c: Conditions) -> ComplexArray:
        """From the port to the JPA's input."""
        p = self.parameters
        if self._path is Path.BYPASS:
            return np.full(nu.size, 10 ** (p.bypass_line_db / 20), dtype=np.complex128)
        passed = self._receiver.line_transmission(nu)
        if self._path is Path.WEAK:
            if c.switch is not SwitchPosition.CAVITY:
                return np.zeros(nu.size, dtype=np.complex128)
            return 10 ** (p.weak_line_db / 20) * np.sqrt(passed) * c.cavity.s21(nu)
        line = 10 ** (p.strong_line_db / 20)
        if c.switch is SwitchPosition.CAVITY:
            return line * passed * c.cavity.s11(nu)
        reflected = p.noise_source_reflection if c.switch is SwitchPosition.NOISE_SOURCE else 1.0
        return np.full(nu.size, line * reflected, dtype=np.complex128)
