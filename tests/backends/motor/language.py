"""The language of the motor table: cases as data, and how one is run on an axis of a back end.

Positions are written in units of the axis, counted from the middle of its travel, which ends at -10
and 10 of them; so one table serves every axis. `P(2)` is the position 2 units above the middle,
`D(2)` a distance of 2 units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from pvdb.parts.motor_status import Bits


@dataclass(frozen=True)
class Scale:
    """Where an axis has its middle, and what a unit is.

    Attributes:
        name: Of the motor record.
        middle: Of its travel, in its units.
        unit: A tenth of half its travel.
        velocity: With which the cases are run, its units per second.
        step: ``MRES``.
    """

    name: str
    middle: float
    unit: float
    velocity: float
    step: float


@dataclass(frozen=True)
class P:
    """A position, `middles` times the middle and `units` units; less so many seconds of travel."""

    units: float
    middles: float = 1.0
    seconds: float = 0.0
    steps: bool = False

    def on(self, scale: Scale) -> float:
        place = self.middles * scale.middle + self.units * scale.unit
        place += self.seconds * scale.velocity
        return round(place / scale.step) if self.steps else place


def D(units: float) -> P:
    """A distance."""
    return P(units, 0.0)


def S(units: float) -> P:
    """A position in steps."""
    return P(units, steps=True)


@dataclass(frozen=True)
class Put:
    """Puts to fields, one after the other; none of them is waited for."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Pass:
    """Time in which the axis travels so many units."""

    units: float


@dataclass(frozen=True)
class Stall:
    """The next motion stalls half-way."""


@dataclass(frozen=True)
class Sees:
    """What the fields are then, and how the puts stand.

    Attributes:
        values: By field; a `P`, a number, or the name of another field that has the same value.
        waits: Fields whose last put has not completed.
        done: Fields whose last put has.
        refused: Field whose last put was refused, and a part of the reason.
    """

    values: Mapping[str, Any]
    waits: Sequence[str] = ()
    done: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


Step = Put | Pass | Stall | Sees

REST = Pass(60.0)
"""Longer than any motion lasts."""


def put(**values: Any) -> Put:
    return Put(values)


def sees(
    *, waits: str = "", done: str = "", refused: Mapping[str, str] | None = None, **values: Any
) -> Sees:
    return Sees(values, waits.split(), done.split(), refused or {})


class Motor(Protocol):
    """A motor record behind any back end."""

    scale: Scale

    def put(self, field: str, value: Any) -> Any: ...
    def value(self, field: str) -> Any: ...
    def let_pass(self, seconds: float) -> None: ...
    def stall(self) -> None: ...


def run(motor: Motor, steps: Sequence[Step]) -> None:
    """Run one case."""
    puts: dict[str, Any] = {}
    for number, step in enumerate(steps):
        if isinstance(step, Put):
            for name, value in step.values.items():
                wanted = value.on(motor.scale) if isinstance(value, P) else value
                puts[name] = motor.put(name, wanted)
        elif isinstance(step, Pass):
            motor.let_pass(step.units * motor.scale.unit / motor.scale.velocity)
        elif isinstance(step, Stall):
            motor.stall()
        else:
            _check(motor, step, puts, f"step {number}: {step}")
        consistent(motor)


def _check(motor: Motor, wanted: Sees, puts: Mapping[str, Any], where: str) -> None:
    for name, value in wanted.values.items():
        if isinstance(value, str) and value.isupper():
            value = motor.value(value)
        elif isinstance(value, P):
            value = pytest.approx(value.on(motor.scale), abs=1e-6 * motor.scale.unit)
        assert motor.value(name) == value, f"{name} at {where}"
    for name in wanted.waits:
        assert puts[name].words is None, f"put to {name} at {where}"
    for name in wanted.done:
        assert puts[name].words == "", f"put to {name} at {where}"
    for name, why in wanted.refused.items():
        assert why in (puts[name].words or ""), f"put to {name} at {where}"


def consistent(motor: Motor) -> None:
    """What is true of a motor record at any time, whatever has been put."""
    value, scale = motor.value, motor.scale
    near = {"abs": 1e-6 * scale.unit}
    sign = -1.0 if value("DIR") == "Neg" else 1.0
    for user, dial in (("VAL", "DVAL"), ("RBV", "DRBV")):
        assert value(user) == pytest.approx(sign * value(dial) + value("OFF"), **near), user
    low, high = sorted(sign * value(name) + value("OFF") for name in ("DLLM", "DHLM"))
    if value("DLLM") <= value("DHLM"):
        assert (value("LLM"), value("HLM")) == pytest.approx((low, high), **near)
    assert value("RVAL") == round(value("DVAL") / scale.step)
    assert value("RRBV") == round(value("DRBV") / scale.step)
    assert value("DIFF") == pytest.approx(value("DVAL") - value("DRBV"), **near)
    assert value("RDIF") == round(value("DIFF") / scale.step)
    assert value("RMP") == value("REP") == value("RRBV")
    assert (value("CDIR"), value("LSPG")) == (value("TDIR"), value("SPMG"))
    assert not (value("DMOV") and value("MOVN"))
    assert [value(name) for name in ("STOP", "TWF", "TWR", "RLV")] == [0, 0, 0, 0]
    switches = ("HLS", "LLS") if sign > 0 else ("LLS", "HLS")
    assert [value(name) for name in switches] == [value("RHLS"), value("RLLS")]
    assert int(value("MSTA")) == status(motor)


def status(motor: Motor) -> int:
    """``MSTA`` as the other fields have it."""
    value = motor.value
    stalled = bool(int(value("MSTA")) & Bits.SLIP_STALL)
    homed = bool(int(value("MSTA")) & Bits.HOMED)
    bits = {
        Bits.DIRECTION: value("TDIR"),
        Bits.DONE: not value("MOVN"),
        Bits.PLUS_LS: value("RHLS"),
        Bits.HOMELS | Bits.HOME: value("ATHM"),
        Bits.POSITION | Bits.PRESENT: True,
        Bits.SLIP_STALL | Bits.PROBLEM: stalled,
        Bits.MOVING: value("MOVN"),
        Bits.MINUS_LS: value("RLLS"),
        Bits.HOMED: homed,
    }
    return sum(int(bit) for bit, on in bits.items() if on)
