"""Faults on demand, for training and for tests: ``Sim:Fault...``.

A sensor's fault sits between the instrument and the IOC: the reading is stuck, noisy, off, or gone,
while the machine goes on as it is. Interlocks that look at a reading see the faulty one, as in a
laboratory. To make one: choose ``Sim:FaultSensor`` and ``Sim:FaultSize``, then put
``Sim:FaultKind``. Faults of the machine itself (a quench, a stall) are put to the machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from instruments.errors import Refused
from instruments.random import generator
from instruments.still import Still
from pvdb.records import Record, choice, command, setpoint, text, while_still
from pvdb.records.severity import Severity

KINDS = ("None", "Stuck", "Noise", "Offset", "Drop-out")
NONE, STUCK, NOISE, OFFSET, DROP_OUT = range(len(KINDS))
LARGEST_K = 10.0
NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class _Fault:
    kind: int
    size: float
    held: float


class SensorFaults:
    """Faults of the thermometers.

    Args:
        sensors: Their names.
        read: Gives the healthy reading of one, K.
        time: Simulated time, s.
        seed: For the noise.

    Attributes:
        link_lost: Whether there is no reading of any.
        still: The same mark until a fault is made or cleared.
    """

    def __init__(
        self,
        sensors: Sequence[str],
        read: Callable[[str], float],
        time: Callable[[], float],
        seed: int,
    ) -> None:
        self.sensors = tuple(sensors)
        self._read = read
        self._time = time
        self._seed = seed
        self._faults: dict[str, _Fault] = {}
        self._chosen = 0
        self._size = 0.1
        self.link_lost = False
        self.still = Still(self)

    def reading(self, sensor: str) -> float:
        """What the IOC gets to read, K; NaN when there is nothing."""
        fault = self._faults.get(sensor)
        if self.link_lost or (fault is not None and fault.kind == DROP_OUT):
            return math.nan
        if fault is None:
            return self._read(sensor)
        if fault.kind == STUCK:
            return fault.held
        if fault.kind == NOISE:
            return self._read(sensor) + fault.size * self._noise(sensor)
        return self._read(sensor) + fault.size

    def trouble(self, sensor: str) -> str:
        """Why there is no reading, "" if there is one; a wrong reading does not say so."""
        if self.link_lost:
            return "link to the scanner lost"
        fault = self._faults.get(sensor)
        return "no signal" if fault is not None and fault.kind == DROP_OUT else ""

    def _noise(self, sensor: str) -> float:
        moment = round(self._time() * NS_PER_S)
        return float(generator(self._seed, f"fault.{sensor}", moment).standard_normal())

    def set(self, sensor: str, kind: int, size: float) -> None:
        """Give one sensor a fault, or none."""
        if kind == NONE:
            self._faults = {name: fault for name, fault in self._faults.items() if name != sensor}
            return
        self._faults = {**self._faults, sensor: _Fault(kind, size, self._read(sensor))}

    def clear(self) -> None:
        """All sensors are well again."""
        self._faults = {}
        self.link_lost = False

    def described(self) -> str:
        """The faults in words."""
        words = [f"{name} {KINDS[fault.kind].lower()}" for name, fault in self._faults.items()]
        return ", ".join([*words, *(["link lost"] if self.link_lost else [])])

    def records(self) -> list[Record]:
        """``Sim:FaultSensor``, ``Sim:FaultSize``, ``Sim:FaultKind``, ``Sim:FaultLink`` ..."""
        return while_still(self.still, self._records())

    def _records(self) -> Iterator[Record]:
        def choose(index: int) -> None:
            self._chosen = index

        def apply(kind: int) -> None:
            if kind != NONE and self._chosen == 0:
                raise Refused("Sim:FaultKind: choose Sim:FaultSensor first")
            if self._chosen:
                self.set(self.sensors[self._chosen - 1], kind, self._size)

        def chosen_kind() -> int:
            fault = self._faults.get(self.sensors[self._chosen - 1]) if self._chosen else None
            return fault.kind if fault else NONE

        yield choice(
            "Sim:FaultSensor",
            lambda: self._chosen,
            choose,
            "Sensor that the fault is for",
            ("None", *self.sensors),
        )
        yield setpoint(
            "Sim:FaultSize",
            lambda: self._size,
            lambda size: setattr(self, "_size", size),
            "Noise or offset of the next fault",
            "K",
            control=(-LARGEST_K, LARGEST_K),
            saved=False,
        )
        yield choice("Sim:FaultKind", chosen_kind, apply, "Fault of the chosen sensor", KINDS)
        yield choice(
            "Sim:FaultLink",
            lambda: int(self.link_lost),
            lambda lost: setattr(self, "link_lost", bool(lost)),
            "Lose the link to the scanner",
            ("No", "Yes"),
        )
        yield command("Sim:FaultClear", self.clear, "All sensors are well again")
        yield text(
            "Sim:Fault_RBV",
            self.described,
            "Faults made on demand",
            alarm=Severity.MINOR_ALARM,
        )


def quench_record(quenches: dict[str, Callable[[], None]]) -> Record:
    """``Sim:FaultQuench``: quench one of the magnets."""
    actions = list(quenches.values())

    def quench(index: int) -> None:
        if index:
            actions[index - 1]()

    return choice("Sim:FaultQuench", lambda: 0, quench, "Quench a magnet", ("None", *quenches))


def stall_record(drives: dict[str, Any]) -> Record:
    """``Sim:FaultStall``: the next move of a motor stalls half-way."""
    found = list(drives.values())

    def stall(index: int) -> None:
        if index:
            found[index - 1].inject_stall()

    return choice("Sim:FaultStall", lambda: 0, stall, "Stall the next move", ("None", *drives))


class Interference:
    """A radio line that gets into the digitizer's input, in the spectra taken while it is on.

    Args:
        spectrum_w: Gives the last spectrum, W per bin.
        start_hz: Gives the centre of its bin 0.
        step_hz: Width of a bin.
        frequency_mhz: Where the line is until somebody sets it.
    """

    def __init__(
        self,
        spectrum_w: Callable[[], Any],
        start_hz: Callable[[], float],
        step_hz: float,
        frequency_mhz: float,
    ) -> None:
        self._spectrum_w, self._start_hz, self._step_hz = spectrum_w, start_hz, step_hz
        self.power_pw = 0.0
        self.frequency_mhz = frequency_mhz
        self._clean: Any = None
        self._seen: Any = None

    def spectrum_w(self) -> Any:
        """The last spectrum as the digitizer gives it, W per bin."""
        clean = self._spectrum_w()
        if clean is not self._clean:
            self._clean, self._seen = clean, self._disturbed(clean)
        return self._seen

    def _disturbed(self, clean: Any) -> Any:
        index = round((1e6 * self.frequency_mhz - self._start_hz()) / self._step_hz)
        if self.power_pw == 0.0 or not 0 <= index < clean.size:
            return clean
        disturbed = np.array(clean)
        disturbed[index] += 1e-12 * self.power_pw
        return disturbed

    def records(self) -> Iterator[Record]:
        """``Sim:FaultRFIPower`` and ``Sim:FaultRFIFrequency``."""
        yield setpoint(
            "Sim:FaultRFIPower",
            lambda: self.power_pw,
            lambda power: setattr(self, "power_pw", power),
            "Radio line in the next spectra",
            "pW",
            control=(0.0, 1e6),
            saved=False,
        )
        yield setpoint(
            "Sim:FaultRFIFrequency",
            lambda: self.frequency_mhz,
            lambda frequency: setattr(self, "frequency_mhz", frequency),
            "Where the radio line is",
            "MHz",
            control=(1.0, 1e6),
            precision=6,
            saved=False,
        )
