"""Moves that follow each other at once, as a RunEngine makes them: none is lost to the one before.

ophyd tells those who wait for a move and then forgets them. Here another thread begins the next
move between the two, which now and then happens by itself.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ophyd.sim import make_fake_device

from devices.magnet import Ramp
from devices.motion import Axis


def positioner(kind: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A positioner without a machine, whose moves end when the test says so."""
    if kind == "axis":
        device = make_fake_device(Axis)("X:Rod", name="rod")
        device.velocity.sim_put(1.0)
        device.user_readback.sim_put(0.0)
        setpoint = device.user_setpoint
    else:
        device = make_fake_device(Ramp)("X:", name="field", tolerance=0.1, simulated_s=1.0)
        setpoint = device.setpoint
    monkeypatch.setattr(setpoint, "put", lambda *_, **__: None)
    return device


@pytest.mark.parametrize("kind", ["axis", "ramp"])
def test_a_move_begun_while_the_last_one_ends_is_told_of_its_own_end(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mover = positioner(kind, monkeypatch)
    moves = [mover.set(1.0)]
    beginner = threading.Thread(target=lambda: moves.append(mover.set(2.0)))
    stock = mover._reset_sub

    def forget_late(event_type: str) -> None:
        """As stock, but another thread has time to begin a move first."""
        if threading.current_thread() is not beginner and not beginner.ident:
            beginner.start()
            beginner.join(0.5)  # it gets through only if nothing holds it back
        stock(event_type)

    monkeypatch.setattr(mover, "_reset_sub", forget_late)
    mover._done_moving()
    beginner.join(10.0)
    moves[0].wait(10.0)
    assert len(moves) == 2
    assert not moves[1].done
    mover._done_moving()
    moves[1].wait(10.0)
