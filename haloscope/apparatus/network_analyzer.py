"""Vector network analyzer with three ways in and the receiver as its way out.

- Strong: directional coupler, circulators, switch, cavity's strong antenna, and back. A little
  leaks past the circulators, at an angle that nobody knows.
- Weak: through the cavity from the weak antenna.
- Bypass: straight to the JPA.

All come out through JPA and receiver, so the trace carries their gain, their noise and the delay of
the cables, as the real one does.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope.apparatus.acquisition import Acquisition, ascending
from haloscope.apparatus.receiver import Conditions, Receiver, SwitchPosition
from haloscope.apparatus.timeline import Timeline
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused
from instruments.kept import Consistent, Group, Number, Series, Spec
from instruments.random import generator
from instruments.ranges import commanded

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


#: Settings that count something; they are kept as floats, as all are.
_COUNTS: Final = ("points", "averages")
MOST_POINTS: Final = 20001
#: A fifth more than points over bandwidth, for settling.
_SETTLING: Final = 1.2


class Path(IntEnum):
    """Which line the analyzer drives."""

    WEAK = 0
    STRONG = 1
    BYPASS = 2


class SimulatedAnalyzer(Acquisition):
    """The analyzer; settings are refused while it sweeps.

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
        self.parameters = p = parameters.network_analyzer
        self._receiver, self._conditions, self._seed = receiver, conditions, seed
        angle = generator(seed, "network analyser leak").uniform(0, 2 * np.pi)
        self._leak = 10 ** (-p.isolation_db / 20) * np.exp(1j * angle)
        self._path = Path.WEAK
        self._settings = {
            "center_hz": parameters.cavity.reference_hz,
            "span_hz": 1e6,
            "points": 401.0,
            "averages": 1.0,
            "bandwidth_hz": 1000.0,
            "power_dbm": p.default_power_dbm,
        }
        reference_hz = parameters.cavity.reference_hz
        self._limits = {
            "center_hz": Number(0.5 * reference_hz, 1.5 * reference_hz, "Hz"),
            "span_hz": Number(100.0, 0.2 * reference_hz, "Hz"),
            "points": Number(3, MOST_POINTS, "points"),
            "averages": Number(1, 9999, "sweeps"),
            "bandwidth_hz": Number(1.0, 1e5, "Hz"),
            "power_dbm": Number(p.lowest_power_dbm, p.highest_power_dbm, "dBm"),
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
        self._set("center_hz", value)

    @property
    def span_hz(self) -> float:
        """Width of the sweep."""
        return self._settings["span_hz"]

    @span_hz.setter
    def span_hz(self, value: float) -> None:
        self._set("span_hz", value)

    @property
    def points(self) -> int:
        """Number of points."""
        return int(self._settings["points"])

    @points.setter
    def points(self, value: int) -> None:
        self._set("points", value)

    @property
    def averages(self) -> int:
        """Sweeps averaged."""
        return int(self._settings["averages"])

    @averages.setter
    def averages(self, value: int) -> None:
        self._set("averages", value)

    @property
    def bandwidth_hz(self) -> float:
        """Bandwidth of the intermediate frequency filter."""
        return self._settings["bandwidth_hz"]

    @bandwidth_hz.setter
    def bandwidth_hz(self, value: float) -> None:
        self._set("bandwidth_hz", value)

    @property
    def power_dbm(self) -> float:
        """Power at the port. Too much of it saturates the pumped JPA."""
        return self._settings["power_dbm"]

    @power_dbm.setter
    def power_dbm(self, value: float) -> None:
        self._set("power_dbm", value)

    # readings

    @property
    def duration_s(self) -> float:
        """Time of all sweeps: points over bandwidth, and a fifth more for settling."""
        return _duration_s(self._settings)

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

    def _settings_allowed(self) -> dict[str, Spec]:
        return {
            "path": Number(0, len(Path) - 1, whole=True),
            "settings": Consistent(Group(self._limits), _not_whole),
            **_sweep(),
        }

    def _result(self) -> Spec:
        return Group(_sweep())

    def _duration_of(self, state: dict[str, Any]) -> float:
        return _duration_s(state["settings"])

    def _conflict(self, state: dict[str, Any], now_ns: int) -> str:
        results = {"": state, "pending ": state["pending"] or state}
        for name, result in results.items():
            if result["frequency_hz"].size != result["trace"].size:
                sizes = f"{result['frequency_hz'].size} frequencies, {result['trace'].size} values"
                return f"the {name}trace has {sizes}"
        return super()._conflict(state, now_ns)

    def _take_over(self, state: dict[str, Any]) -> None:
        super()._take_over(state)
        self._path, self._settings = Path(state["path"]), dict(state["settings"])
        self._frequency_hz, self._trace = state["frequency_hz"].copy(), state["trace"].copy()

    def _set(self, key: str, value: float) -> None:
        what = key.removesuffix("_hz").removesuffix("_dbm")
        self.refuse_while_busy(f"change the {what}")
        limit = self._limits[key]
        number = commanded(f"{self.name} {what}", value, limit.low, limit.high, limit.unit)
        if key in _COUNTS and number != int(number):
            raise Refused(f"{self.name} {what}: {number:g} is not a whole number of {limit.unit}")
        self._settings = {**self._settings, key: number}

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
            return line * (passed * c.cavity.s11(nu) + self._leak)
        reflected = p.noise_source_reflection if c.switch is SwitchPosition.NOISE_SOURCE else 1.0
        return np.full(nu.size, line * (reflected + self._leak), dtype=np.complex128)


def _duration_s(settings: dict[str, float]) -> float:
    """Time of all sweeps, s."""
    return _SETTLING * settings["points"] * settings["averages"] / settings["bandwidth_hz"]


def _not_whole(settings: dict[str, float]) -> str:
    wrong = [key for key in _COUNTS if settings[key] != int(settings[key])]
    return f"{wrong[0]} = {settings[wrong[0]]:g}: not a whole number" if wrong else ""


def _sweep() -> dict[str, Spec]:
    """A trace and its frequencies, as long as a sweep may be."""
    return {
        "frequency_hz": Series(MOST_POINTS, Number(0.0, 1e12, "Hz")),
        "trace": Series(MOST_POINTS, Number(0.0, 1e9), is_complex=True),
    }
