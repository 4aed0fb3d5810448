"""The motor record, field by field and mode by mode, on both axes and behind both back ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.backends.backends import BACKENDS, PLANTS, Backend, Begun
from tests.backends.motor.cases import DIFFERENT, LIKE_THE_RECORD
from tests.backends.motor.language import Scale, run

SCALES = {
    "Rod": Scale("Rod", middle=40.0, unit=2.0, velocity=0.1, step=5e-5),
    "Antenna": Scale("Antenna", middle=5.0, unit=0.5, velocity=0.5, step=1e-3),
}
SETTLING_S = 1.0
"""Longer than either drive takes to settle."""


class OneMotor:
    """A motor of the haloscope, standing in the middle of its travel at its highest velocity."""

    def __init__(self, haloscope: Backend, scale: Scale) -> None:
        self.scale = scale
        self._haloscope = haloscope
        self.put("VELO", scale.velocity)
        self.put("TWV", scale.unit)
        arrived = self.put("VAL", scale.middle)
        self.let_pass(30.0 * scale.unit / scale.velocity)
        assert arrived.words == ""

    def put(self, field: str, value: Any) -> Begun:
        return self._haloscope.put(self._name(field), value)

    def value(self, field: str) -> Any:
        return self._haloscope.value(self._name(field))

    def _name(self, field: str) -> str:
        return self.scale.name if field == "VAL" else f"{self.scale.name}.{field}"

    def let_pass(self, seconds: float) -> None:
        self._haloscope.let_pass(seconds)

    def stall(self) -> None:
        self._haloscope.put("Sim:FaultStall", self.scale.name)


PLACES = [("in process", "Rod"), ("in process", "Antenna"), ("wire", "Antenna")]


@pytest.fixture(params=PLACES, ids=[f"{axis} {backend}" for backend, axis in PLACES])
def motor(request: pytest.FixtureRequest) -> Iterator[OneMotor]:
    """Both axes; both back ends, of which the wire is slower and has one axis."""
    backend, axis = request.param
    haloscope = BACKENDS[backend](PLANTS["haloscope"](seed=5))
    yield OneMotor(haloscope, SCALES[axis])
    haloscope.close()


@pytest.mark.parametrize("case", LIKE_THE_RECORD)
def test_a_motor_acts_as_the_motor_record(motor: OneMotor, case: str) -> None:
    run(motor, LIKE_THE_RECORD[case])


@pytest.mark.parametrize("case", DIFFERENT)
def test_a_motor_differs_from_the_motor_record_as_documented(motor: OneMotor, case: str) -> None:
    run(motor, DIFFERENT[case])
