"""``MSTA``, bit by bit as motor.h has them."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

from pvdb.parts.motor_status import status_bits

#: By number of the bit: what of the axis it tells; the others are never set.
TOLD = {
    0: "to high",
    2: "high switch",
    3: "low switch",  # where it finds home
    6: "stalled",
    7: "low switch",  # it is at home
    9: "stalled",  # a problem
    10: "moving",
    13: "low switch",
    14: "homed",
}
DONE, POSITION, PRESENT = 1 << 1, 1 << 5, 1 << 8


def test_each_bit_tells_what_it_stands_for() -> None:
    names = sorted(set(TOLD.values()))
    for states in itertools.product((False, True), repeat=len(names)):
        told = dict(zip(names, states, strict=True))
        motor = SimpleNamespace(
            axis=SimpleNamespace(
                at_high_switch=told["high switch"],
                at_low_switch=told["low switch"],
                stalled=told["stalled"],
                homed=told["homed"],
            ),
            motion=SimpleNamespace(
                moving=lambda told=told: told["moving"], towards_high=told["to high"]
            ),
        )
        expected = sum(1 << bit for bit, name in TOLD.items() if told[name])
        expected += POSITION + PRESENT + (0 if told["moving"] else DONE)
        found = status_bits(motor)  # type: ignore[arg-type]
        assert (type(found), found) == (int, expected), told
