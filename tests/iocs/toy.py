"""A machine small enough to reason about.

An oven, an axis, a camera. Times in s, temperature in K, position in mm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from instruments.errors import Refused
from pvdb.records import (
    AlarmLimits,
    Record,
    acquire,
    choice,
    command,
    counter,
    readback,
    setpoint,
    state,
    text,
    waveform,
    whole_setpoint,
)


@dataclass
class ToyAxis:
    """Moves at constant velocity, and stops within one step."""

    position: float = 0.0
    setpoint: float = 0.0
    velocity: float = 1.0
    travel: tuple[float, float] = (-10.0, 10.0)
    moving: bool = False
    homed: bool = False
    stalled: bool = False

    def still(self) -> None:
        return None

    @property
    def at_low_switch(self) -> bool:
        return self.position <= self.travel[0]

    @property
    def at_high_switch(self) -> bool:
        return self.position >= self.travel[1]

    def move_to(self, position: float) -> None:
        self.setpoint, self.moving = position, True

    def stop(self) -> None:
        self.setpoint, self.moving = self.position, False

    def home(self) -> None:
        self.homed = True
        self.move_to(self.travel[0])

    def load_position(self, position: float) -> None:
        shift = position - self.position
        self.position = self.setpoint = position
        self.travel = (self.travel[0] + shift, self.travel[1] + shift)

    def step(self, dt_s: float) -> None:
        gap = self.setpoint - self.position
        self.position += float(np.clip(gap, -self.velocity * dt_s, self.velocity * dt_s))
        self.moving = self.position != self.setpoint


@dataclass
class Toy:
    """The machine."""

    time_s: float = 0.0
    dt_s: float = 0.1
    target_k: float = 300.0
    temperature_k: float = 300.0
    stale: str = ""
    frames: int = 0
    exposure_left_s: float = 0.0
    mode: int = 0
    resets: int = 0
    averages: int = 1
    lights: int = 0
    broken: bool = False
    picture: np.ndarray = field(default_factory=lambda: np.zeros(4))
    axis: ToyAxis = field(default_factory=ToyAxis)

    @property
    def busy(self) -> bool:
        return self.exposing or self.axis.moving or not self.there

    @property
    def exposing(self) -> bool:
        return self.exposure_left_s > 0

    @property
    def there(self) -> bool:
        return self.temperature_k == self.target_k

    def heat(self, target_k: float) -> None:
        if self.lights and target_k > 350:
            raise Refused(f"oven at {target_k:g} K: at most 350 K with the lights on")
        self.target_k = target_k

    def expose(self) -> None:
        if self.exposing:
            raise Refused("camera: it exposes already")
        self.exposure_left_s = 1.0

    def abort(self) -> None:
        self.exposure_left_s = 0.0

    def reset(self) -> None:
        self.resets += 1

    def step(self, dt_s: float) -> None:
        if self.broken:
            raise ArithmeticError("the toy is broken")
        self.time_s += dt_s
        self.axis.step(dt_s)
        gap = self.target_k - self.temperature_k
        self.temperature_k += float(np.clip(gap, -dt_s, dt_s))
        if self.exposing:
            self.exposure_left_s = max(0.0, self.exposure_left_s - dt_s)
            if not self.exposing:
                self.frames += 1
                self.picture = np.full(4, float(self.frames))

    def state(self) -> dict[str, Any]:
        return {"time_s": self.time_s, "temperature_k": self.temperature_k}

    def check_state(self, saved: dict[str, Any]) -> None:
        return None

    def contradiction(self) -> str:
        return ""

    def restore(self, saved: dict[str, Any]) -> None:
        self.time_s, self.temperature_k = saved["time_s"], saved["temperature_k"]


def setter(thing: object, attribute: str) -> Any:
    return lambda value: setattr(thing, attribute, value)


OVEN_ALARMS = AlarmLimits(low=290.0, high=310.0, hihi=320.0, hysteresis=1.0)


def toy_records(toy: Toy) -> list[Record]:
    return list(_records(toy))


def _records(toy: Toy) -> Iterator[Record]:
    yield setpoint(
        "Temp",
        lambda: toy.target_k,
        toy.heat,
        "Oven temperature",
        "K",
        control=(200.0, 400.0),
        done=lambda: toy.there,
    )
    yield readback(
        "Temp_RBV",
        lambda: toy.temperature_k,
        "Oven temperature",
        "K",
        display=(0.0, 500.0),
        alarms=OVEN_ALARMS,
        deadband=0.0,
        trouble=lambda: toy.stale,
    )
    yield readback("Other_RBV", lambda: 1.0, "Never changes", "V", display=(-5.0, 5.0))
    yield whole_setpoint(
        "Averages", lambda: toy.averages, setter(toy, "averages"), "Averages", control=(1, 100)
    )
    yield counter("Averages_RBV", lambda: toy.averages, "Averages")
    yield choice("Mode", lambda: toy.mode, setter(toy, "mode"), "Mode", ("One", "Two", "Three"))
    yield state("Mode_RBV", lambda: toy.mode, "Mode", ("One", "Two", "Three"))
    yield choice("Lights", lambda: toy.lights, setter(toy, "lights"), "Lights", ("Off", "On"))
    yield command("Reset", toy.reset, "Reset")
    yield acquire("Acquire", lambda: toy.exposing, toy.expose, toy.abort, "Take a picture")
    yield counter("Frames_RBV", lambda: toy.frames, "Pictures taken")
    yield text("Message_RBV", lambda: toy.stale, "What is wrong")
    yield waveform(
        "Picture_RBV", lambda: toy.picture, "Picture", 4, "counts", version=lambda: toy.frames
    )
